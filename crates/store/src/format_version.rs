//! The version of a file format.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// `"1.0"`, the format of every document so far. A document of another format is refused rather than half understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FormatVersion;

const CURRENT: &str = "1.0";

impl Serialize for FormatVersion {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(CURRENT)
    }
}

impl<'de> Deserialize<'de> for FormatVersion {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let version = String::deserialize(d)?;
        let unknown =
            || D::Error::custom(format!("format `{version}` is not known to this Fieldrail, which reads `1.0`"));
        if version == CURRENT { Ok(Self) } else { Err(unknown()) }
    }
}

impl JsonSchema for FormatVersion {
    fn schema_name() -> Cow<'static, str> {
        "FormatVersion".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"const": CURRENT, "description": "The format of this file."})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_of_a_later_format_is_refused() {
        let error = crate::parse_str::<FormatVersion>("x.json", "\"2.0\"").unwrap_err();
        assert_eq!(error.to_string(), "x.json:1:1: format `2.0` is not known to this Fieldrail, which reads `1.0`");
        assert_eq!(serde_json::to_string(&FormatVersion).unwrap(), "\"1.0\"");
    }
}
