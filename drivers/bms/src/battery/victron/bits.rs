//! Packed little-endian bit fields, as Instant Readout records have them: the first field lies in the lowest bits.

/// Reads fields one behind the other; behind the end it reads nothing.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    /// From the first bit of `bytes`.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next `count` bits (at most 64) as a number, or nothing if there are fewer.
    pub(super) fn take(&mut self, count: u32) -> Option<u64> {
        let mut value = 0;
        for bit in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            value |= u64::from(byte >> (self.at % 8) & 1) << bit;
            self.at += 1;
        }
        Some(value)
    }
}

/// The number of `count` bits with a sign that `raw` is.
pub(super) fn signed(raw: u64, count: u32) -> i64 {
    let spare = 64 - count;
    (raw << spare).cast_signed() >> spare
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_follow_each_other_from_the_lowest_bit() {
        let mut bits = Bits::new(&[0b1010_0110, 0xFF, 0x01]);
        assert_eq!([bits.take(3), bits.take(5), bits.take(9), bits.take(7)], [Some(6), Some(20), Some(0x1FF), Some(0)]);
        assert_eq!(bits.take(1), None, "nothing behind the end");
    }

    #[test]
    fn a_sign_is_the_highest_bit_of_the_field() {
        assert_eq!([signed(0x1F_FFFF, 22), signed(0x3F_FFFF, 22), signed(0x7FFF, 16)], [2_097_151, -1, 32_767]);
    }
}
