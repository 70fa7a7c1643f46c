//! The elementary types of IEC 61131-3 (table 10), and which [`Value`] each of them is.

use serde::{Deserialize, Serialize};

use crate::{Quality, Value};

/// The declared type of a datapoint. Names are the standard's own, in capitals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum IecType {
    /// One bit.
    Bool,
    /// 8 bits, signed.
    Sint,
    /// 16 bits, signed.
    Int,
    /// 32 bits, signed.
    Dint,
    /// 64 bits, signed.
    Lint,
    /// 8 bits, unsigned.
    Usint,
    /// 16 bits, unsigned.
    Uint,
    /// 32 bits, unsigned.
    Udint,
    /// 64 bits, unsigned.
    Ulint,
    /// A string of 8 bits, as an unsigned number.
    Byte,
    /// A string of 16 bits, as an unsigned number.
    Word,
    /// A string of 32 bits, as an unsigned number.
    Dword,
    /// A string of 64 bits, as an unsigned number.
    Lword,
    /// 32-bit float.
    Real,
    /// 64-bit float.
    Lreal,
    /// A duration in milliseconds, 32 bits.
    Time,
    /// A duration in nanoseconds, 64 bits.
    Ltime,
    /// Seconds since 1970-01-01 at midnight, 32 bits.
    Date,
    /// Nanoseconds since 1970-01-01 at midnight, 64 bits.
    Ldate,
    /// Milliseconds since midnight, 32 bits.
    Tod,
    /// Nanoseconds since midnight, 64 bits.
    Ltod,
    /// Seconds since 1970-01-01, 32 bits.
    Dt,
    /// Nanoseconds since 1970-01-01, 64 bits.
    Ldt,
    /// Text of 8-bit characters.
    String,
    /// Text of 16-bit characters.
    Wstring,
    /// Raw bytes; not of IEC 61131-3, but payloads and blocks need it.
    Bytes,
    /// A JSON document: structures, arrays, foreign payloads; not of IEC 61131-3.
    Json,
}

/// Why a value does not fit a declared type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// It is of another kind: text where a number belongs.
    #[error("`{value}` ({kind}) is no {wanted:?}")]
    Kind {
        /// The value, for people, cut to 64 characters.
        value: String,
        /// What it is.
        kind: &'static str,
        /// What was declared.
        wanted: IecType,
    },
    /// It is a number beyond what the type holds.
    #[error("{value} is outside of {wanted:?}")]
    Range {
        /// The value, for people.
        value: String,
        /// What was declared.
        wanted: IecType,
    },
}

impl Misfit {
    /// The quality that a sample with this misfit has.
    pub fn quality(&self) -> Quality {
        match self {
            Self::Kind { .. } => Quality::TypeMismatch,
            Self::Range { .. } => Quality::OutOfRange,
        }
    }
}

impl IecType {
    /// The integers that the type holds, if it holds integers: smallest and largest.
    pub fn integers(self) -> Option<(i128, i128)> {
        let signed = |bits: u32| (-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1);
        let unsigned = |bits: u32| (0, (1_i128 << bits) - 1);
        Some(match self {
            Self::Sint => signed(8),
            Self::Int => signed(16),
            Self::Dint => signed(32),
            Self::Lint | Self::Ltime => signed(64),
            Self::Usint | Self::Byte => unsigned(8),
            Self::Uint | Self::Word => unsigned(16),
            Self::Udint | Self::Dword | Self::Time | Self::Date | Self::Tod | Self::Dt => unsigned(32),
            Self::Ulint | Self::Lword | Self::Ldate | Self::Ltod | Self::Ldt => unsigned(64),
            _ => return None,
        })
    }

    /// The value as this type holds it. Numbers may change their kind if they keep their value: `5` fits a REAL, `5.0` an
    /// INT, `5.5` does not. 0 and 1 fit a BOOL; text that spells the type's value fits it too.
    ///
    /// # Errors
    /// See [`Misfit`].
    pub fn fit(self, value: &Value) -> Result<Value, Misfit> {
        let kind =
            || Misfit::Kind { value: value.to_string().chars().take(64).collect(), kind: value.kind(), wanted: self };
        match self {
            Self::Bool => bool_of(value).map(Value::Bool).ok_or_else(kind),
            Self::Real | Self::Lreal => {
                let number = number_of(value).and_then(|n| n.as_f64()).ok_or_else(kind)?;
                let fits = self == Self::Lreal || !number.is_finite() || number.abs() <= f64::from(f32::MAX);
                if fits { Ok(Value::Float(number)) } else { Err(self.range(value)) }
            }
            Self::String | Self::Wstring => match value {
                Value::Text(_) => Ok(value.clone()),
                Value::Null | Value::Bytes(_) => Err(kind()),
                other => Ok(Value::text(other.to_string())),
            },
            Self::Bytes => match value {
                Value::Bytes(_) => Ok(value.clone()),
                Value::Text(text) => Ok(Value::bytes(text.as_bytes())),
                _ => Err(kind()),
            },
            Self::Json => match value {
                Value::Json(_) => Ok(value.clone()),
                Value::Text(text) => Value::json(text).map_err(|_| kind()),
                _ => Err(kind()),
            },
            _ => {
                let number = number_of(value).and_then(|n| integer_of(&n)).ok_or_else(kind)?;
                let (low, high) = self.integers().unwrap_or((0, 0));
                if !(low..=high).contains(&number) {
                    return Err(self.range(value));
                }
                Ok(i64::try_from(number).map_or_else(|_| Value::uint(u64::try_from(number).unwrap_or(0)), Value::Int))
            }
        }
    }

    fn range(self, value: &Value) -> Misfit {
        Misfit::Range { value: value.to_string().chars().take(64).collect(), wanted: self }
    }
}

fn bool_of(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(b) => Some(*b),
        Value::Int(n @ 0..=1) => Some(*n == 1),
        Value::Text(s) => match s.trim().to_ascii_lowercase().as_str() {
            "true" | "on" | "1" => Some(true),
            "false" | "off" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// The number that this is or spells.
fn number_of(value: &Value) -> Option<Value> {
    match value {
        Value::Int(_) | Value::UInt(_) | Value::Float(_) => Some(value.clone()),
        Value::Bool(b) => Some(Value::Int(i64::from(*b))),
        Value::Text(s) => {
            let s = s.trim();
            let integer = s.parse::<i64>().map(Value::Int).or_else(|_| s.parse::<u64>().map(Value::uint));
            integer.ok().or_else(|| s.parse().ok().map(Value::Float))
        }
        _ => None,
    }
}

fn integer_of(value: &Value) -> Option<i128> {
    match *value {
        Value::Int(n) => Some(i128::from(n)),
        Value::UInt(n) => Some(i128::from(n)),
        #[allow(clippy::cast_possible_truncation)] // guarded: whole and within 64 bits
        Value::Float(x) if x.fract() == 0.0 && x.abs() < 1.9e19 => Some(x as i128),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTEGERS: [IecType; 18] = [
        IecType::Sint,
        IecType::Int,
        IecType::Dint,
        IecType::Lint,
        IecType::Usint,
        IecType::Uint,
        IecType::Udint,
        IecType::Ulint,
        IecType::Byte,
        IecType::Word,
        IecType::Dword,
        IecType::Lword,
        IecType::Time,
        IecType::Ltime,
        IecType::Date,
        IecType::Tod,
        IecType::Dt,
        IecType::Ldt,
    ];

    fn value(n: i128) -> Option<Value> {
        i64::try_from(n).map(Value::Int).ok().or_else(|| u64::try_from(n).ok().map(Value::uint))
    }

    #[test]
    fn every_integer_type_holds_its_ends_through_both_encodings_and_nothing_beyond() {
        for iec in INTEGERS {
            let (low, high) = iec.integers().unwrap();
            for end in [value(low).unwrap(), value(high).unwrap()] {
                let fitted = iec.fit(&end).unwrap();
                assert_eq!(fitted, end, "{iec:?}");
                let packed = rmp_serde::to_vec(&fitted).unwrap();
                assert_eq!(rmp_serde::from_slice::<Value>(&packed).unwrap(), end, "{iec:?}");
                let text = serde_json::to_string(&fitted).unwrap();
                assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), end, "{iec:?}");
            }
            for beyond in [low - 1, high + 1].into_iter().filter_map(value) {
                assert!(matches!(iec.fit(&beyond), Err(Misfit::Range { .. })), "{iec:?} {beyond}");
            }
        }
    }

    #[test]
    fn reals_keep_every_bit_and_nan() {
        for x in [f64::from(f32::MAX), f64::from(f32::MIN_POSITIVE), f64::NAN, f64::INFINITY, -0.0, 0.1] {
            assert_eq!(IecType::Real.fit(&Value::Float(x)).unwrap(), Value::Float(x));
        }
        assert!(matches!(IecType::Real.fit(&Value::Float(1e39)), Err(Misfit::Range { .. })));
    }

    #[test]
    fn text_fits_where_it_spells_the_type() {
        assert_eq!(IecType::Int.fit(&"12".into()).unwrap(), Value::Int(12));
        assert_eq!(IecType::Lreal.fit(&" 1.5 ".into()).unwrap(), Value::Float(1.5));
        assert_eq!(IecType::Bool.fit(&"ON".into()).unwrap(), Value::Bool(true));
        let error = IecType::Int.fit(&"warm".into()).unwrap_err();
        assert_eq!(error.to_string(), "`warm` (text) is no Int");
        assert_eq!(error.quality(), Quality::TypeMismatch);
    }

    #[test]
    fn a_fraction_is_no_integer() {
        assert!(IecType::Dint.fit(&Value::Float(5.5)).is_err());
        assert_eq!(IecType::Dint.fit(&Value::Float(5.0)).unwrap(), Value::Int(5));
    }
}
