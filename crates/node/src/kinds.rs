//! By what people narrow a list of datapoints: the kind of value, whatever each device calls its types, and the quality.

use fieldrail_model::{Class, Quality, Sample, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What kind of value it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// On or off.
    Bool,
    /// A whole number, also a time or a set of bits.
    Int,
    /// A number with a fraction.
    Float,
    /// Text.
    Text,
    /// A structure, an array, a document, bytes.
    Other,
}

impl Kind {
    /// The kind of a type by the name that a device gives it: `BOOL`, `INT16`, `STRING(80)`, `u16`.
    pub fn of_type(name: &str) -> Self {
        let name = name.trim().to_ascii_lowercase();
        let base = name.split(['(', '[', ' ']).next().unwrap_or_default();
        let is_sized = |letters: &[&str]| {
            letters
                .iter()
                .any(|letters| base.strip_prefix(letters).is_some_and(|rest| matches!(rest, "8" | "16" | "32" | "64")))
        };
        match base {
            "bool" | "boolean" | "bit" | "coil" => Self::Bool,
            "real" | "lreal" | "float" | "double" => Self::Float,
            "string" | "wstring" | "text" | "char" | "wchar" => Self::Text,
            "sint" | "usint" | "int" | "uint" | "dint" | "udint" | "lint" | "ulint" | "byte" | "word" | "dword"
            | "lword" | "time" | "ltime" | "date" | "ldate" | "tod" | "ltod" | "dt" | "ldt" | "time_of_day"
            | "date_and_time" | "integer" | "bits" | "enum" => Self::Int,
            _ if is_sized(&["u", "i", "s", "int", "uint"]) => Self::Int,
            _ if is_sized(&["f", "float", "real"]) => Self::Float,
            _ => Self::Other,
        }
    }

    /// The kind of a value; none of no value.
    pub fn of_value(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Null => return None,
            Value::Bool(_) => Self::Bool,
            Value::Int(_) | Value::UInt(_) => Self::Int,
            Value::Float(_) => Self::Float,
            Value::Text(_) => Self::Text,
            Value::Bytes(_) | Value::Json(_) => Self::Other,
        })
    }
}

/// How far a value is to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum QualityClass {
    /// Good.
    Good,
    /// Not quite good.
    Uncertain,
    /// Bad, or nothing came yet.
    Bad,
}

impl QualityClass {
    /// Whether a last sample is of this quality; none came yet counts as bad.
    pub fn is_of(self, sample: Option<&Sample>) -> bool {
        let class = sample.map_or(Quality::NoData, |sample| sample.quality).class();
        class
            == match self {
                Self::Good => Class::Good,
                Self::Uncertain => Class::Uncertain,
                Self::Bad => Class::Bad,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_of_all_devices_are_five_kinds() {
        for (kind, names) in [
            (Kind::Bool, "BOOL bool BIT"),
            (Kind::Int, "INT UDINT LWORD TIME DT INT16 u16 i32 uint int s64 BYTE"),
            (Kind::Float, "REAL LREAL float f32"),
            (Kind::Text, "STRING STRING(80) WSTRING(10) text"),
            (Kind::Other, "ST_ROOM json bytes FB_Battery UNION_8 u7"),
        ] {
            for name in names.split(' ') {
                assert_eq!(Kind::of_type(name), kind, "{name}");
            }
        }
        assert_eq!(Kind::of_type("ARRAY [1..4] OF REAL"), Kind::Other);
        assert_eq!(Kind::of_type(""), Kind::Other);
    }

    #[test]
    fn nothing_heard_yet_is_bad_and_of_no_kind() {
        assert!(QualityClass::Bad.is_of(None) && !QualityClass::Good.is_of(None));
        assert_eq!(Kind::of_value(&Value::Null), None);
    }
}
