//! Numbers out of bytes: bounds are checked, and a fault names the part.

use crate::fault::Fault;

/// Bytes of one part of a frame.
#[derive(Clone, Copy)]
pub struct Bytes<'a> {
    /// What it is, for the fault.
    what: &'static str,
    bytes: &'a [u8],
}

impl<'a> Bytes<'a> {
    /// These bytes, named.
    pub fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { what, bytes }
    }

    /// How many there are.
    pub fn len(self) -> usize {
        self.bytes.len()
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.bytes.is_empty()
    }

    /// `N` bytes from `at`.
    fn array<const N: usize>(self, at: usize) -> Result<[u8; N], Fault> {
        let found = self.bytes.get(at..).and_then(|rest| rest.first_chunk::<N>());
        found.copied().ok_or(Fault::Short { what: self.what, have: self.bytes.len(), want: at.saturating_add(N) })
    }

    /// `count` bytes from `at`.
    pub fn slice(self, at: usize, count: usize) -> Result<&'a [u8], Fault> {
        let end = at.saturating_add(count);
        self.bytes.get(at..end).ok_or(Fault::Short { what: self.what, have: self.bytes.len(), want: end })
    }

    /// The byte at `at`.
    pub fn u8(self, at: usize) -> Result<u8, Fault> {
        self.array::<1>(at).map(|[byte]| byte)
    }

    /// Two bytes, high first.
    pub fn u16_be(self, at: usize) -> Result<u16, Fault> {
        self.array(at).map(u16::from_be_bytes)
    }

    /// Two bytes, low first.
    pub fn u16_le(self, at: usize) -> Result<u16, Fault> {
        self.array(at).map(u16::from_le_bytes)
    }

    /// Two bytes with a sign, high first.
    pub fn i16_be(self, at: usize) -> Result<i16, Fault> {
        self.array(at).map(i16::from_be_bytes)
    }

    /// Two bytes with a sign, low first.
    pub fn i16_le(self, at: usize) -> Result<i16, Fault> {
        self.array(at).map(i16::from_le_bytes)
    }

    /// Four bytes, high first.
    pub fn u32_be(self, at: usize) -> Result<u32, Fault> {
        self.array(at).map(u32::from_be_bytes)
    }

    /// Four bytes, low first.
    pub fn u32_le(self, at: usize) -> Result<u32, Fault> {
        self.array(at).map(u32::from_le_bytes)
    }

    /// Four bytes with a sign, high first.
    pub fn i32_be(self, at: usize) -> Result<i32, Fault> {
        self.array(at).map(i32::from_be_bytes)
    }

    /// Four bytes with a sign, low first.
    pub fn i32_le(self, at: usize) -> Result<i32, Fault> {
        self.array(at).map(i32::from_le_bytes)
    }

    /// Eight bytes, low first.
    pub fn u64_le(self, at: usize) -> Result<u64, Fault> {
        self.array(at).map(u64::from_le_bytes)
    }

    /// A text of `count` bytes at most, up to the first zero byte. What is not printable ASCII becomes `?`.
    pub fn text(self, at: usize, count: usize) -> Result<String, Fault> {
        let bytes = self.slice(at, count)?;
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        let printable = |byte: &u8| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '?' };
        Ok(bytes[..end].iter().map(printable).collect::<String>().trim().to_owned())
    }
}
