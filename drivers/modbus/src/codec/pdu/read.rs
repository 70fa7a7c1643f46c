//! Takes a PDU apart, from front to back.

use std::ops::RangeInclusive;

use super::{Malformed, registers};

/// What is left of a PDU.
pub(super) struct Reader<'a> {
    pub(super) function: u8,
    rest: &'a [u8],
    whole: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(pdu: &'a [u8]) -> Result<Self, Malformed> {
        let (&function, rest) = pdu.split_first().ok_or(Malformed::Empty)?;
        Ok(Self { function, rest, whole: pdu.len() })
    }

    fn length(&self) -> Malformed {
        Malformed::Length { function: self.function, got: self.whole }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or_else(|| self.length())?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        self.take(1).map(|bytes| bytes[0])
    }

    pub(super) fn word(&mut self) -> Result<u16, Malformed> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    pub(super) fn word_in(&mut self, range: RangeInclusive<u16>) -> Result<u16, Malformed> {
        let value = self.word()?;
        if range.contains(&value) { Ok(value) } else { Err(Malformed::Value { function: self.function, value }) }
    }

    /// On or off, as function 5 says it.
    pub(super) fn switch(&mut self) -> Result<bool, Malformed> {
        match self.word()? {
            super::COIL_ON => Ok(true),
            0 => Ok(false),
            value => Err(Malformed::Value { function: self.function, value }),
        }
    }

    /// A byte that counts the bytes behind it, which are exactly so many.
    pub(super) fn counted(&mut self, want: usize) -> Result<&'a [u8], Malformed> {
        if usize::from(self.byte()?) != want {
            return Err(self.length());
        }
        self.take(want)
    }

    /// A byte that counts all that is left, at least one.
    pub(super) fn rest(&mut self) -> Result<&'a [u8], Malformed> {
        let count = usize::from(self.byte()?);
        if count == 0 {
            return Err(self.length());
        }
        self.take(count)
    }

    /// All that is left, as registers.
    pub(super) fn registers(&mut self) -> Result<Vec<u16>, Malformed> {
        let bytes = self.rest()?;
        if bytes.len() % 2 == 1 {
            return Err(self.length());
        }
        Ok(registers(bytes))
    }

    pub(super) fn end(&self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.length()) }
    }
}
