//! What registers mean: types, orders, scales, bit fields, text. Pure.
//!
//! Read in this order: [`Form`] one datapoint's meaning, [`Form::decode`] registers as a value, [`Form::encode`] a value as
//! registers, `scale` the arithmetic, `bcd` decimal digits.

mod bcd;
mod decode;
mod encode;
mod scale;

pub use decode::Reading;
pub use encode::{Unwritable, Written};
pub use scale::Scale;

use schemars::JsonSchema;
use serde::Deserialize;

/// What a row of registers holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One bit: a coil, a discrete input, or a register that is not 0.
    Bool,
    /// 16 bits, signed.
    Int16,
    /// 16 bits, unsigned.
    Uint16,
    /// 32 bits, signed.
    Int32,
    /// 32 bits, unsigned.
    Uint32,
    /// 64 bits, signed.
    Int64,
    /// 64 bits, unsigned.
    Uint64,
    /// IEEE 754, 32 bits.
    Float32,
    /// IEEE 754, 64 bits.
    Float64,
    /// Four decimal digits, four bits each.
    Bcd16,
    /// Eight decimal digits.
    Bcd32,
    /// Sixteen decimal digits.
    Bcd64,
    /// Text, two characters a register; ends at the first NUL, trailing blanks are cut.
    String,
    /// Raw bytes, two a register.
    Bytes,
}

impl Kind {
    /// As configurations and the type column spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int16 => "int16",
            Self::Uint16 => "uint16",
            Self::Int32 => "int32",
            Self::Uint32 => "uint32",
            Self::Int64 => "int64",
            Self::Uint64 => "uint64",
            Self::Float32 => "float32",
            Self::Float64 => "float64",
            Self::Bcd16 => "bcd16",
            Self::Bcd32 => "bcd32",
            Self::Bcd64 => "bcd64",
            Self::String => "string",
            Self::Bytes => "bytes",
        }
    }

    /// How many registers it takes; none where the datapoint says it.
    pub fn registers(self) -> Option<u16> {
        match self {
            Self::Bool | Self::Int16 | Self::Uint16 | Self::Bcd16 => Some(1),
            Self::Int32 | Self::Uint32 | Self::Float32 | Self::Bcd32 => Some(2),
            Self::Int64 | Self::Uint64 | Self::Float64 | Self::Bcd64 => Some(4),
            Self::String | Self::Bytes => None,
        }
    }

    /// Whether it is a whole number, which may have bit fields.
    pub fn is_integer(self) -> bool {
        matches!(self, Self::Int16 | Self::Uint16 | Self::Int32 | Self::Uint32 | Self::Int64 | Self::Uint64)
    }

    /// The bits that SMA, SunSpec and others send where they have no value: the smallest signed, the largest unsigned number.
    pub fn usual_not_available(self) -> Option<u64> {
        Some(match self {
            Self::Int16 => 0x8000,
            Self::Uint16 => 0xffff,
            Self::Int32 => 0x8000_0000,
            Self::Uint32 => 0xffff_ffff,
            Self::Int64 => 1 << 63,
            Self::Uint64 => u64::MAX,
            _ => return None,
        })
    }
}

/// Which part comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The more significant, as the specification has it.
    #[default]
    HighFirst,
    /// The less significant.
    LowFirst,
}

/// How registers become a value, and a value registers.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    /// What they hold.
    pub kind: Kind,
    /// How many there are.
    pub registers: u16,
    /// Which register of a number comes first.
    pub word_order: Order,
    /// Which byte of a register comes first.
    pub byte_order: Order,
    /// The lowest and the highest bit, if the value is a part of the number only.
    pub bits: Option<(u8, u8)>,
    /// What the number is multiplied with, and what is added.
    pub scale: Scale,
    /// Numbers, as bits, that mean that there is no value.
    pub not_available: Vec<u64>,
    /// The smallest value that may be written, in its unit.
    pub min: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
}

impl Form {
    /// Plain registers of this kind.
    pub fn plain(kind: Kind) -> Self {
        Self {
            kind,
            registers: kind.registers().unwrap_or(1),
            word_order: Order::HighFirst,
            byte_order: Order::HighFirst,
            bits: None,
            scale: Scale::default(),
            not_available: Vec::new(),
            min: None,
            max: None,
        }
    }

    /// The registers, most significant first, with the bytes in the usual order.
    fn straight(&self, words: &[u16]) -> Vec<u16> {
        let mut words = words.to_vec();
        self.turn(&mut words);
        words
    }

    /// Between the device's order and the usual one; the same both ways.
    fn turn(&self, words: &mut [u16]) {
        if self.byte_order == Order::LowFirst {
            for word in words.iter_mut() {
                *word = word.swap_bytes();
            }
        }
        if self.word_order == Order::LowFirst && !matches!(self.kind, Kind::String | Kind::Bytes) {
            words.reverse();
        }
    }

    /// How many bits the number has.
    fn width(&self) -> u32 {
        16 * u32::from(self.registers.clamp(1, 4))
    }
}

/// The number of at most 64 bits in these registers.
fn joined(words: &[u16]) -> u64 {
    words.iter().take(4).fold(0, |number, &word| number << 16 | u64::from(word))
}

/// The registers of a number of `width` bits.
#[allow(clippy::cast_possible_truncation)] // 16 bits at a time
fn split(number: u64, width: u32) -> Vec<u16> {
    (0..width / 16).rev().map(|index| (number >> (16 * index)) as u16).collect()
}

#[cfg(test)]
mod tests;
