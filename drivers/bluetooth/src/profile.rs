//! What a device has to say and how it is read: a file that a person writes, or one that comes with the driver. Pure but for
//! [`Profile::load`].

use std::io::Read as _;
use std::path::Path;

use fieldrail_link_ble::{Device, Uuid};
use fieldrail_model::Value;
use serde::Deserialize;

use crate::error::Error;
use crate::measured::scaled;

/// The largest file.
const MOST_BYTES: u64 = 256 * 1024;

/// The most values of one profile.
const MOST_VALUES: usize = 200;

/// Those that come with the driver.
const BUILT_IN: [(&str, &str); 3] = [
    ("standard", include_str!("../profiles/standard.json")),
    ("environment", include_str!("../profiles/environment.json")),
    ("heart_rate", include_str!("../profiles/heart_rate.json")),
];

/// A profile.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// What it is for.
    pub title: String,
    /// Where its facts come from.
    #[serde(default)]
    pub source: Option<String>,
    /// The values.
    pub values: Vec<Rule>,
}

/// One value: where it is, and how it is read.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The last part of the tag; dots make folders.
    pub name: String,
    /// The service of the characteristic; any unless given.
    #[serde(default)]
    pub service: Option<String>,
    /// The characteristic that is read over a link.
    #[serde(default)]
    pub characteristic: Option<String>,
    /// In place of it: the number of a manufacturer in advertisements, as four hexadecimal digits.
    #[serde(default)]
    pub manufacturer: Option<String>,
    /// In place of it: the service whose data in advertisements it is.
    #[serde(default)]
    pub service_data: Option<String>,
    /// At which byte it begins, counted from 0.
    #[serde(default)]
    pub at: usize,
    /// What stands there.
    pub r#type: Kind,
    /// Bytes of a text or of raw bytes; to the end unless given.
    #[serde(default)]
    pub length: Option<usize>,
    /// Which byte comes first.
    #[serde(default)]
    pub endian: Endian,
    /// What the number is multiplied with: a number, or `[1, 100]` for a hundredth, which stays an exact decimal.
    #[serde(default)]
    pub scale: Scale,
    /// What is added after that, in the unit of the value.
    #[serde(default)]
    pub add: f64,
    /// The value is one bit of the number, 0 being the lowest.
    #[serde(default)]
    pub bit: Option<u8>,
    /// Numbers that mean that there is no value, before scale and sum.
    #[serde(default)]
    pub not_available: Vec<i64>,
    /// The unit.
    #[serde(default)]
    pub unit: Option<String>,
    /// What it is, for people.
    #[serde(default)]
    pub comment: Option<String>,
    /// Whether the device tells it by itself while the link is kept.
    #[serde(default)]
    pub notify: bool,
}

/// What stands in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // the names say it
pub enum Kind {
    Uint8,
    Uint16,
    Uint24,
    Uint32,
    Uint64,
    Int8,
    Int16,
    Int24,
    Int32,
    Int64,
    Float32,
    Float64,
    Bool,
    Text,
    Hex,
}

/// Which byte comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endian {
    /// The low one, as Bluetooth has it.
    #[default]
    Little,
    /// The high one.
    Big,
}

/// What a number is multiplied with.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Scale {
    /// This number.
    Factor(f64),
    /// This over that, computed exactly.
    Ratio(i64, i64),
}

impl Default for Scale {
    fn default() -> Self {
        Self::Ratio(1, 1)
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A characteristic, read over a link.
    Characteristic(Option<Uuid>, Uuid),
    /// What an advertisement says for a manufacturer.
    Manufacturer(u16),
    /// What an advertisement says for a service.
    ServiceData(Uuid),
}

impl Kind {
    fn length(self) -> Option<usize> {
        Some(match self {
            Self::Uint8 | Self::Int8 | Self::Bool => 1,
            Self::Uint16 | Self::Int16 => 2,
            Self::Uint24 | Self::Int24 => 3,
            Self::Uint32 | Self::Int32 | Self::Float32 => 4,
            Self::Uint64 | Self::Int64 | Self::Float64 => 8,
            Self::Text | Self::Hex => return None,
        })
    }

    fn is_signed(self) -> bool {
        matches!(self, Self::Int8 | Self::Int16 | Self::Int24 | Self::Int32 | Self::Int64)
    }
}

impl Rule {
    /// Where the value comes from.
    ///
    /// # Errors
    /// None or several places are named, or one that cannot be.
    pub fn source(&self) -> Result<Source, String> {
        let uuid = |text: &String| text.parse::<Uuid>().map_err(|error| error.to_string());
        match (&self.characteristic, &self.manufacturer, &self.service_data) {
            (Some(characteristic), None, None) => {
                Ok(Source::Characteristic(self.service.as_ref().map(uuid).transpose()?, uuid(characteristic)?))
            }
            (None, Some(company), None) => u16::from_str_radix(company, 16)
                .map(Source::Manufacturer)
                .map_err(|_| format!("`{company}` is no manufacturer; one looks like `0499`")),
            (None, None, Some(service)) => Ok(Source::ServiceData(uuid(service)?)),
            _ => Err("it needs one of `characteristic`, `manufacturer` and `service_data`".into()),
        }
    }

    fn check(&self) -> Result<(), String> {
        self.source()?;
        if self.name.is_empty() || self.name.len() > 64 || self.name.chars().any(char::is_control) {
            return Err("`name` has to have 1 to 64 characters".into());
        }
        if let Scale::Ratio(_, divisor) = self.scale
            && divisor <= 0
        {
            return Err("the second number of `scale` has to be above 0".into());
        }
        let bits = self.r#type.length().map_or(0, |length| 8 * length);
        if self.bit.is_some_and(|bit| usize::from(bit) >= bits) {
            return Err("there is no such `bit` in this type".into());
        }
        Ok(())
    }

    /// The value in these bytes; null if the device says that it has none. None if the bytes end before it.
    pub fn decode(&self, bytes: &[u8]) -> Option<Value> {
        let rest = bytes.get(self.at..)?;
        let Some(length) = self.r#type.length() else {
            let bytes = self.length.map_or(Some(rest), |length| rest.get(..length))?;
            return Some(match self.r#type {
                Kind::Text => {
                    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
                    Value::text(String::from_utf8_lossy(&bytes[..end]).trim())
                }
                _ => Value::text(hex(bytes)),
            });
        };
        let mut raw = [0; 8];
        let bytes = rest.get(..length)?;
        raw[..length].copy_from_slice(bytes);
        if self.endian == Endian::Big {
            raw[..length].reverse();
        }
        let raw = u64::from_le_bytes(raw);
        match self.r#type {
            Kind::Float32 => Some(self.float(f64::from(f32::from_bits(u32::try_from(raw).ok()?)))),
            Kind::Float64 => Some(self.float(f64::from_bits(raw))),
            _ => Some(self.number(raw, length)),
        }
    }

    fn float(&self, number: f64) -> Value {
        if number.is_nan() {
            return Value::Null;
        }
        let scaled = match self.scale {
            Scale::Factor(factor) => number * factor,
            Scale::Ratio(1, 1) => number,
            Scale::Ratio(multiplier, divisor) => number * multiplier as f64 / divisor as f64,
        };
        Value::Float(scaled + self.add)
    }

    fn number(&self, raw: u64, length: usize) -> Value {
        let unused = 64 - 8 * u32::try_from(length).unwrap_or(8);
        let signed = (raw << unused).cast_signed() >> unused;
        let number = if self.r#type.is_signed() { Some(signed) } else { i64::try_from(raw).ok() };
        if number.is_some_and(|number| self.not_available.contains(&number)) {
            return Value::Null;
        }
        if let Some(bit) = self.bit {
            return Value::Bool(raw >> bit & 1 == 1);
        }
        if self.r#type == Kind::Bool {
            return Value::Bool(raw != 0);
        }
        match (number, self.scale) {
            (Some(number), Scale::Ratio(multiplier, divisor)) if self.add == 0.0 => {
                scaled(number, (multiplier, divisor))
            }
            (Some(number), _) => self.float(number as f64),
            (None, Scale::Ratio(1, 1)) if self.add == 0.0 => Value::uint(raw),
            (None, _) => self.float(raw as f64),
        }
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 0xf)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

impl Profile {
    /// The names of those that come with the driver, with their titles.
    pub fn built_in() -> impl Iterator<Item = (&'static str, String)> {
        BUILT_IN.iter().filter_map(|(name, text)| Some((*name, Self::parse(name, text).ok()?.title)))
    }

    /// The profile of this name, or in the file at this path.
    ///
    /// # Errors
    /// There is none, or something in it cannot work.
    pub fn load(place: &Path) -> Result<Self, Error> {
        let name = place.display().to_string();
        if let Some((_, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) {
            return Self::parse(&name, text);
        }
        let wrong = |reason: String| Error::Profile { profile: name.clone(), reason };
        let mut text = String::new();
        let file = std::fs::File::open(place).map_err(|error| wrong(error.to_string()))?;
        file.take(MOST_BYTES + 1).read_to_string(&mut text).map_err(|error| wrong(error.to_string()))?;
        if text.len() as u64 > MOST_BYTES {
            return Err(wrong(format!("it is larger than {MOST_BYTES} bytes")));
        }
        Self::parse(&name, &text)
    }

    /// The profile in this text.
    ///
    /// # Errors
    /// Something in it cannot work.
    pub fn parse(name: &str, text: &str) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Profile { profile: name.into(), reason };
        let mut reader = serde_json::Deserializer::from_str(text);
        let profile: Self = serde_path_to_error::deserialize(&mut reader).map_err(|error| wrong(error.to_string()))?;
        if profile.values.is_empty() || profile.values.len() > MOST_VALUES {
            return Err(wrong(format!("it has to have 1 to {MOST_VALUES} values")));
        }
        for (at, rule) in profile.values.iter().enumerate() {
            rule.check().map_err(|reason| wrong(format!("values[{at}] `{}`: {reason}", rule.name)))?;
            if profile.values[..at].iter().any(|other| other.name == rule.name) {
                return Err(wrong(format!("two values are called `{}`", rule.name)));
            }
        }
        Ok(profile)
    }

    /// Whether something of it is read over a link.
    pub fn needs_link(&self) -> bool {
        self.values.iter().any(|rule| rule.characteristic.is_some())
    }

    /// What an advertisement says by this profile.
    pub fn advertised<'a>(&'a self, device: &'a Device) -> impl Iterator<Item = (&'a Rule, Value)> {
        self.values.iter().filter_map(|rule| {
            let bytes = match rule.source().ok()? {
                Source::Manufacturer(company) => device.manufacturer.get(&company)?,
                Source::ServiceData(service) => device.service_data.get(&service)?,
                Source::Characteristic(..) => return None,
            };
            Some((rule, rule.decode(bytes)?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(clippy::needless_pass_by_value)] // reads better in the list below
    fn check(rule: &str, bytes: &[u8], want: Option<Value>) {
        let text = format!(r#"{{ "title": "x", "values": [{{ "name": "x", "characteristic": "2a19", {rule} }}] }}"#);
        let profile = Profile::parse("x", &text).unwrap();
        assert_eq!(profile.values[0].decode(bytes), want, "{rule}");
    }

    #[test]
    fn rules_read_what_stands_there() {
        check(r#""type": "uint8""#, &[7], Some(Value::Int(7)));
        check(r#""type": "uint16", "at": 1, "endian": "big""#, &[0, 1, 2], Some(Value::Int(258)));
        check(r#""type": "int16", "scale": [1, 100]"#, &[0xf6, 0xff], Some(Value::Float(-0.1)));
        check(r#""type": "int24""#, &[0xfe, 0xff, 0xff], Some(Value::Int(-2)));
        check(r#""type": "uint24", "endian": "big""#, &[1, 0, 0], Some(Value::Int(65536)));
        check(r#""type": "uint64""#, &[0xff; 8], Some(Value::uint(u64::MAX)));
        check(r#""type": "int64""#, &[0xff; 8], Some(Value::Int(-1)));
        check(r#""type": "uint8", "scale": 0.5, "add": -40"#, &[100], Some(Value::Float(10.0)));
        check(r#""type": "float32""#, &1.5_f32.to_le_bytes(), Some(Value::Float(1.5)));
        check(r#""type": "float64", "endian": "big""#, &f64::NAN.to_be_bytes(), Some(Value::Null));
        check(r#""type": "uint16", "not_available": [65535]"#, &[0xff, 0xff], Some(Value::Null));
        check(r#""type": "uint8", "bit": 3"#, &[8], Some(Value::Bool(true)));
        check(r#""type": "bool""#, &[0], Some(Value::Bool(false)));
        check(r#""type": "text""#, b"ABC \0\xff", Some(Value::text("ABC")));
        check(r#""type": "hex", "at": 1, "length": 2"#, &[1, 2, 0xab, 4], Some(Value::text("02ab")));
        check(r#""type": "uint32""#, &[1, 2, 3], None);
        check(r#""type": "hex", "length": 5"#, &[1], None);
        check(r#""type": "uint8", "at": 9"#, &[1], None);
    }

    #[test]
    fn a_profile_that_cannot_work_says_where() {
        for (text, want) in [
            ("{", "EOF"),
            (r#"{ "title": "x", "values": [] }"#, "1 to 200 values"),
            (r#"{ "title": "x", "values": [{ "name": "a", "type": "uint8" }] }"#, "needs one of `characteristic`"),
            (
                r#"{ "title": "x", "values": [{ "name": "a", "characteristic": "xyz", "type": "uint8" }] }"#,
                "`xyz` is no UUID",
            ),
            (
                r#"{ "title": "x", "values": [{ "name": "a", "characteristic": "2a19", "type": "uint9" }] }"#,
                "values[0].type",
            ),
            (
                r#"{ "title": "x", "values": [{ "name": "a", "manufacturer": "0499", "type": "uint8", "bit": 8 }] }"#,
                "no such `bit`",
            ),
            (
                r#"{ "title": "x", "values": [{ "name": "a", "manufacturer": "0499", "type": "uint8", "scale": [1, 0] }] }"#,
                "above 0",
            ),
        ] {
            let error = Profile::parse("mine", text).unwrap_err().to_string();
            assert!(error.starts_with("profile mine: ") && error.contains(want), "{error}");
        }
        assert!(Profile::load(Path::new("/does/not/exist.json")).is_err());
    }

    #[test]
    fn those_that_come_with_the_driver_can_be_used() {
        assert_eq!(Profile::built_in().count(), BUILT_IN.len());
        for (name, _) in Profile::built_in() {
            assert!(Profile::load(Path::new(name)).unwrap().needs_link());
        }
    }
}
