//! One value that a device has told.

use std::borrow::Cow;

use fieldrail_model::Value;

/// A value with its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The last part of its tag.
    pub name: Cow<'static, str>,
    /// The value; null if the device says that it has none.
    pub value: Value,
    /// Its unit.
    pub unit: Option<&'static str>,
}

impl Measured {
    pub(crate) fn new(name: &'static str, value: impl Into<Value>, unit: Option<&'static str>) -> Self {
        Self { name: name.into(), value: value.into(), unit }
    }

    /// `raw * multiplier / divisor`, the exact decimal nearest to what was meant: 2506 / 100 is 25.06.
    pub(crate) fn scaled(name: &'static str, raw: i64, scale: (i64, i64), unit: &'static str) -> Self {
        Self::new(name, scaled(raw, scale), Some(unit).filter(|unit| !unit.is_empty()))
    }
}

/// `raw * multiplier / divisor`; an integer if the divisor is 1.
pub(crate) fn scaled(raw: i64, (multiplier, divisor): (i64, i64)) -> Value {
    let product = raw.saturating_mul(multiplier);
    if divisor == 1 { Value::Int(product) } else { Value::Float(product as f64 / divisor as f64) }
}

/// Bytes that are read from their beginning to their end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    /// An unsigned number of `count` bytes (at most 7), the low byte first.
    pub(crate) fn unsigned(&mut self, count: usize) -> Option<i64> {
        let bytes = self.take(count.min(7))?;
        Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | i64::from(*byte)))
    }

    /// A signed number of `count` bytes (at most 7), the low byte first.
    pub(crate) fn signed(&mut self, count: usize) -> Option<i64> {
        let number = self.unsigned(count)?;
        let bits = 8 * u32::try_from(count.min(7)).unwrap_or(7);
        Some(number << (64 - bits) >> (64 - bits))
    }

    /// An unsigned number of two bytes, the high byte first.
    pub(crate) fn word(&mut self) -> Option<i64> {
        self.take(2).map(|bytes| i64::from(u16::from_be_bytes([bytes[0], bytes[1]])))
    }

    /// A signed number of two bytes, the high byte first.
    pub(crate) fn short(&mut self) -> Option<i64> {
        self.take(2).map(|bytes| i64::from(i16::from_be_bytes([bytes[0], bytes[1]])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_decimals_that_were_meant() {
        for (raw, scale, want) in [(2506, (1, 100), 25.06), (-1, (1, 10), -0.1), (4860, (5, 1000), 24.3)] {
            assert_eq!(scaled(raw, scale), Value::Float(want));
        }
        assert_eq!(scaled(7, (1, 1)), Value::Int(7));
    }

    #[test]
    fn signs_reach_over_any_length() {
        assert_eq!(Bytes(&[0xff]).signed(1), Some(-1));
        assert_eq!(Bytes(&[0xfe, 0xff, 0xff]).signed(3), Some(-2));
        assert_eq!(Bytes(&[0, 0x80]).signed(2), Some(-32768));
        assert_eq!(Bytes(&[1]).signed(2), None);
    }
}
