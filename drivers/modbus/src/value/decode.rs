//! Registers as a value.

use std::sync::Arc;

use fieldrail_model::{Quality, Value};

use super::scale::{Number, sensible};
use super::{Form, Kind, bcd, joined};

/// A value, and how far to believe it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// What the registers say; null where they say that there is nothing.
    pub value: Value,
    /// Good, or why not.
    pub quality: Quality,
    /// Why the quality is not good, for a person.
    pub note: Option<Arc<str>>,
}

impl Reading {
    /// A value that can be believed.
    pub fn good(value: Value) -> Self {
        Self { value, quality: Quality::Good, note: None }
    }

    /// None, with the reason.
    pub fn bad(quality: Quality, note: impl Into<Arc<str>>) -> Self {
        Self { value: Value::Null, quality, note: Some(note.into()) }
    }
}

impl Form {
    /// The value in these registers. `power` is the scale factor that the device holds elsewhere, if it does.
    pub fn decode(&self, words: &[u16], power: Option<i16>) -> Reading {
        if words.len() != usize::from(self.registers) {
            let note = format!("{} registers came for {}", words.len(), self.registers);
            return Reading::bad(Quality::DeviceFailure, note);
        }
        let words = self.straight(words);
        match self.kind {
            Kind::String => return Reading::good(Value::text(text(&words))),
            Kind::Bytes => return Reading::good(Value::bytes(bytes(&words))),
            _ => {}
        }
        let bits = joined(&words);
        if self.not_available.contains(&bits) {
            return Reading::bad(Quality::Bad, format!("the device has no value here ({bits:#x})"));
        }
        let Ok(power) = sensible(power) else {
            return Reading::bad(Quality::Bad, "the scale factor of the device makes no sense");
        };
        if let Some((low, high)) = self.bits {
            return Reading::good(field(bits, low, high));
        }
        match self.number(bits) {
            Ok(Number::Real(x)) if x.is_nan() => {
                Reading::bad(Quality::Bad, "the device has no value here (not a number)")
            }
            Ok(number) if self.kind == Kind::Bool => Reading::good(Value::Bool(number != Number::Whole(0))),
            Ok(number) => Reading::good(self.scale.apply(number, power)),
            Err(note) => Reading::bad(Quality::Bad, note),
        }
    }

    fn number(&self, bits: u64) -> Result<Number, String> {
        Ok(match self.kind {
            Kind::Int16 | Kind::Int32 | Kind::Int64 => Number::Whole(signed(bits, self.width())),
            Kind::Float32 => Number::Real(f64::from(f32::from_bits(u32::try_from(bits).unwrap_or(0)))),
            Kind::Float64 => Number::Real(f64::from_bits(bits)),
            Kind::Bcd16 | Kind::Bcd32 | Kind::Bcd64 => {
                let number = bcd::decode(bits).ok_or_else(|| format!("{bits:#x} are no decimal digits"))?;
                Number::Whole(number)
            }
            _ => Number::Whole(i128::from(bits)),
        })
    }
}

/// The number of `width` bits, the highest of which is the sign.
fn signed(bits: u64, width: u32) -> i128 {
    let number = i128::from(bits);
    if bits >> (width - 1) & 1 == 1 { number - (1 << width) } else { number }
}

/// One bit is true or false, several are a number.
fn field(bits: u64, low: u8, high: u8) -> Value {
    let count = u32::from(high.saturating_sub(low)) + 1;
    let part = bits.checked_shr(u32::from(low)).unwrap_or(0) & mask(count);
    if count == 1 { Value::Bool(part == 1) } else { Value::uint(part) }
}

/// The lowest `count` bits.
pub(super) fn mask(count: u32) -> u64 {
    u64::MAX.checked_shr(64_u32.saturating_sub(count)).unwrap_or(0)
}

fn bytes(words: &[u16]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// Text up to the first NUL, without trailing blanks; what is no UTF-8 is read as Latin-1.
fn text(words: &[u16]) -> String {
    let bytes = bytes(words);
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    let text = std::str::from_utf8(&bytes[..end])
        .map_or_else(|_| bytes[..end].iter().map(|&byte| char::from(byte)).collect(), str::to_owned);
    text.trim_end().to_owned()
}
