//! A cursor over bytes that never reads beyond their end. All numbers of ADS are little-endian.

use super::Malformed;

/// What is left to read of a slice, and what it is called in an error.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Cursor<'a> {
    /// Reads `bytes`, which an error calls `what`.
    pub fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { rest: bytes, what }
    }

    /// The bytes that are left.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// Fewer are left.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(Malformed::Short { what: self.what, wanted: count, had: self.rest.len() });
        };
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    /// One byte.
    ///
    /// # Errors
    /// Nothing is left.
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.array::<1>()?[0])
    }

    /// Two bytes.
    ///
    /// # Errors
    /// Fewer are left.
    pub fn u16(&mut self) -> Result<u16, Malformed> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    /// Four bytes.
    ///
    /// # Errors
    /// Fewer are left.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// Four bytes, signed.
    ///
    /// # Errors
    /// Fewer are left.
    pub fn i32(&mut self) -> Result<i32, Malformed> {
        Ok(i32::from_le_bytes(self.array()?))
    }

    /// Eight bytes.
    ///
    /// # Errors
    /// Fewer are left.
    pub fn u64(&mut self) -> Result<u64, Malformed> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A length in four bytes, then so many bytes.
    ///
    /// # Errors
    /// Fewer are left than the length says.
    pub fn block(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.u32()? as usize;
        self.take(length)
    }
}

/// Appends numbers.
pub trait Put {
    /// Appends two bytes.
    fn put16(&mut self, n: u16);
    /// Appends four bytes.
    fn put32(&mut self, n: u32);
    /// Appends eight bytes.
    fn put64(&mut self, n: u64);
    /// Appends four bytes for each.
    fn put_all<const N: usize>(&mut self, numbers: [u32; N]);
    /// Appends a length in four bytes. Lengths are capped far below 4 GiB before they come here.
    fn put_length(&mut self, n: usize);
}

impl Put for Vec<u8> {
    fn put16(&mut self, n: u16) {
        self.extend_from_slice(&n.to_le_bytes());
    }

    fn put32(&mut self, n: u32) {
        self.extend_from_slice(&n.to_le_bytes());
    }

    fn put64(&mut self, n: u64) {
        self.extend_from_slice(&n.to_le_bytes());
    }

    fn put_all<const N: usize>(&mut self, numbers: [u32; N]) {
        for n in numbers {
            self.put32(n);
        }
    }

    fn put_length(&mut self, n: usize) {
        self.put32(u32::try_from(n).unwrap_or(u32::MAX));
    }
}
