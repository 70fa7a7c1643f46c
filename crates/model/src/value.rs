//! One value, exactly as the device said it.
//!
//! Invariant: an integer that fits a signed 64-bit integer is always [`Value::Int`]; [`Value::UInt`] holds only what is
//! larger. So equal numbers are equal values, whatever their width was on the wire; the width belongs to the
//! datapoint's declared [`crate::IecType`].

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The `MessagePack` extension type that marks a JSON document.
pub const JSON_EXTENSION: i8 = 1;

/// Integers beyond this leave JSON as text, since a browser cannot hold them: 2^53.
const SAFE_INTEGER: u64 = 1 << 53;

/// What a datapoint says. Cheap to clone: long contents are shared.
#[derive(Debug, Clone, Default)]
pub enum Value {
    /// No value. The sample's quality says why.
    #[default]
    Null,
    /// On or off.
    Bool(bool),
    /// An integer that fits 64 bits with a sign.
    Int(i64),
    /// An integer above `i64::MAX`. Build it with [`Value::uint`], which keeps the invariant.
    UInt(u64),
    /// A 64-bit float; NaN and the infinities are kept.
    Float(f64),
    /// Text.
    Text(Arc<str>),
    /// Raw bytes, for example a payload that is no text.
    Bytes(Arc<[u8]>),
    /// One JSON document, verbatim. Build it with [`Value::json`], which checks the text.
    Json(Arc<str>),
}

impl Value {
    /// The integer `n`, signed if it fits.
    pub fn uint(n: u64) -> Self {
        i64::try_from(n).map_or(Self::UInt(n), Self::Int)
    }

    /// The text `s`.
    pub fn text(s: impl Into<Arc<str>>) -> Self {
        Self::Text(s.into())
    }

    /// The bytes `b`.
    pub fn bytes(b: impl Into<Arc<[u8]>>) -> Self {
        Self::Bytes(b.into())
    }

    /// The JSON document `text`, kept verbatim.
    ///
    /// # Errors
    /// The text is no JSON, or nests deeper than the parser allows (128).
    pub fn json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<de::IgnoredAny>(text)?;
        Ok(Self::Json(text.into()))
    }

    /// What kind of value this is, in the words of the manual.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::UInt(_) => "uint",
            Self::Float(_) => "float",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::Json(_) => "json",
        }
    }

    /// The value as a 64-bit float, if it is a number.
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            Self::Int(n) => Some(n as f64),
            Self::UInt(n) => Some(n as f64),
            Self::Float(x) => Some(x),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(s) => Some(s),
            _ => None,
        }
    }

    /// The plain JSON of this value, as the API shows it: see `docs/specs/values.md`.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or(serde_json::Value::Null)
    }
}

/// Bit for bit: NaN equals the same NaN, `0.0` differs from `-0.0`. This is what "unchanged" means for a driver.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::UInt(a), Self::UInt(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a.to_bits() == b.to_bits(),
            (Self::Text(a), Self::Text(b)) | (Self::Json(a), Self::Json(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Value {}

/// For people: logs, the command line, templates. Bytes show as hexadecimal.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(b) => write!(f, "{b}"),
            Self::Int(n) => write!(f, "{n}"),
            Self::UInt(n) => write!(f, "{n}"),
            Self::Float(x) => write!(f, "{x}"),
            Self::Text(s) | Self::Json(s) => f.write_str(s),
            Self::Bytes(b) => b.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Self::Bool(b)
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Self::Int(n)
    }
}

impl From<u64> for Value {
    fn from(n: u64) -> Self {
        Self::uint(n)
    }
}

impl From<f64> for Value {
    fn from(x: f64) -> Self {
        Self::Float(x)
    }
}

impl From<&str> for Value {
    fn from(s: &str) -> Self {
        Self::text(s)
    }
}

/// In JSON, `{"t": …, "v": …}` where a plain JSON value would lose something.
struct Tagged<'a> {
    t: &'static str,
    v: &'a str,
}

impl Serialize for Tagged<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("t", self.t)?;
        map.serialize_entry("v", self.v)?;
        map.end()
    }
}

/// An extension the way `rmp-serde` wants it named.
#[derive(Serialize)]
#[serde(rename = "_ExtStruct")]
struct Extension<'a>((i8, RawBytes<'a>));

struct RawBytes<'a>(&'a [u8]);

impl Serialize for RawBytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if s.is_human_readable() { self.serialize_readable(s) } else { self.serialize_binary(s) }
    }
}

impl Value {
    fn serialize_binary<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => s.serialize_unit(),
            Self::Bool(b) => s.serialize_bool(*b),
            Self::Int(n) => s.serialize_i64(*n),
            Self::UInt(n) => s.serialize_u64(*n),
            Self::Float(x) => s.serialize_f64(*x),
            Self::Text(t) => s.serialize_str(t),
            Self::Bytes(b) => s.serialize_bytes(b),
            Self::Json(t) => Extension((JSON_EXTENSION, RawBytes(t.as_bytes()))).serialize(s),
        }
    }

    fn serialize_readable<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => s.serialize_unit(),
            Self::Bool(b) => s.serialize_bool(*b),
            Self::Int(n) if n.unsigned_abs() <= SAFE_INTEGER => s.serialize_i64(*n),
            Self::Int(n) => Tagged { t: "i64", v: &n.to_string() }.serialize(s),
            Self::UInt(n) => Tagged { t: "u64", v: &n.to_string() }.serialize(s),
            Self::Float(x) if x.is_finite() => s.serialize_f64(*x),
            Self::Float(x) => Tagged { t: "f64", v: &spell_float(*x) }.serialize(s),
            Self::Text(t) => s.serialize_str(t),
            Self::Bytes(b) => Tagged { t: "bytes", v: &BASE64.encode(b) }.serialize(s),
            Self::Json(t) => Tagged { t: "json", v: t }.serialize(s),
        }
    }
}

/// `NaN`, `inf`, `-inf`; a NaN other than the usual one keeps its bits as `NaN:7ff8000000000001`.
fn spell_float(x: f64) -> String {
    if x.is_nan() && x.to_bits() != f64::NAN.to_bits() { format!("NaN:{:016x}", x.to_bits()) } else { x.to_string() }
}

fn read_float(text: &str) -> Option<f64> {
    match text.strip_prefix("NaN:") {
        Some(bits) => u64::from_str_radix(bits, 16).ok().map(f64::from_bits).filter(|x| x.is_nan()),
        None => text.parse().ok(),
    }
}

/// The value that `{"t": t, "v": v}` spells, or why it spells none.
fn untag(t: &str, v: &str) -> Result<Value, String> {
    let bad = || format!("`{v}` is no {t}");
    match t {
        "i64" => v.parse().map(Value::Int).map_err(|_| bad()),
        "u64" => v.parse().map(Value::uint).map_err(|_| bad()),
        "f64" => read_float(v).map(Value::Float).ok_or_else(bad),
        "bytes" => BASE64.decode(v).map(Value::bytes).map_err(|_| "the bytes are no base64".into()),
        "json" => Value::json(v).map_err(|e| format!("the JSON text does not parse: {e}")),
        _ => Err(format!("unknown value tag `{t}`; known are i64, u64, f64, bytes, json")),
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

/// Hand-written: an untagged enum decodes about ten times slower.
struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value: null, bool, number, text, bytes, JSON, or {\"t\": …, \"v\": …}")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, b: bool) -> Result<Value, E> {
        Ok(Value::Bool(b))
    }

    fn visit_i64<E>(self, n: i64) -> Result<Value, E> {
        Ok(Value::Int(n))
    }

    fn visit_u64<E>(self, n: u64) -> Result<Value, E> {
        Ok(Value::uint(n))
    }

    fn visit_f64<E>(self, x: f64) -> Result<Value, E> {
        Ok(Value::Float(x))
    }

    fn visit_str<E>(self, s: &str) -> Result<Value, E> {
        Ok(Value::text(s))
    }

    fn visit_bytes<E>(self, b: &[u8]) -> Result<Value, E> {
        Ok(Value::bytes(b))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        // `rmp-serde` hands an extension over as a newtype around (type, bytes).
        struct Pair;
        impl<'de> Visitor<'de> for Pair {
            type Value = Value;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an extension of type 1 (JSON)")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
                let short = || de::Error::custom("an extension without contents");
                let kind: i8 = seq.next_element()?.ok_or_else(short)?;
                let body: ByteBuffer = seq.next_element()?.ok_or_else(short)?;
                if kind != JSON_EXTENSION {
                    return Err(de::Error::custom(format!("unknown extension type {kind}")));
                }
                let text = std::str::from_utf8(&body.0).map_err(de::Error::custom)?;
                Value::json(text).map_err(de::Error::custom)
            }
        }
        deserializer.deserialize_any(Pair)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Value, A::Error> {
        let array = serde_json::Value::deserialize(de::value::SeqAccessDeserializer::new(seq))?;
        Ok(Value::Json(array.to_string().into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        let object = serde_json::Map::deserialize(de::value::MapAccessDeserializer::new(map))?;
        match (object.len(), object.get("t"), object.get("v")) {
            (2, Some(serde_json::Value::String(t)), Some(serde_json::Value::String(v))) => {
                untag(t, v).map_err(de::Error::custom)
            }
            _ => Ok(Value::Json(serde_json::Value::Object(object).to_string().into())),
        }
    }
}

struct ByteBuffer(Vec<u8>);

impl<'de> Deserialize<'de> for ByteBuffer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = ByteBuffer;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, b: &[u8]) -> Result<ByteBuffer, E> {
                Ok(ByteBuffer(b.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            any::<u64>().prop_map(Value::uint),
            any::<u64>().prop_map(|bits| Value::Float(f64::from_bits(bits))),
            ".*".prop_map(|s| Value::text(s.as_str())),
            prop::collection::vec(any::<u8>(), 0..64).prop_map(Value::bytes),
            prop_oneof![Just("null"), Just(r#"{"t":"i64","v":"1"}"#), Just("[1, 2.50]"), Just(r#""x""#)]
                .prop_map(|s| Value::json(s).unwrap()),
        ]
    }

    proptest! {
        #[test]
        fn message_pack_gives_back_the_same_bits(value in any_value()) {
            let bytes = rmp_serde::to_vec(&value).unwrap();
            prop_assert_eq!(rmp_serde::from_slice::<Value>(&bytes).unwrap(), value);
        }

        #[test]
        fn json_gives_back_the_same_bits(value in any_value()) {
            let text = serde_json::to_string(&value).unwrap();
            prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value, "{}", text);
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = rmp_serde::from_slice::<Value>(&bytes);
            let _ = serde_json::from_slice::<Value>(&bytes);
        }
    }

    #[track_caller]
    fn check_json(value: &Value, want: &str) {
        assert_eq!(serde_json::to_string(value).unwrap(), want);
    }

    #[test]
    fn json_marks_what_a_browser_would_lose() {
        check_json(&Value::Int(1 << 53), "9007199254740992");
        check_json(&Value::Int((1 << 53) + 1), r#"{"t":"i64","v":"9007199254740993"}"#);
        check_json(&Value::UInt(u64::MAX), r#"{"t":"u64","v":"18446744073709551615"}"#);
        check_json(&Value::Float(f64::NAN), r#"{"t":"f64","v":"NaN"}"#);
        check_json(&Value::Float(f64::NEG_INFINITY), r#"{"t":"f64","v":"-inf"}"#);
        check_json(&Value::Float(2.0), "2.0");
        check_json(&Value::bytes([1, 2].as_slice()), r#"{"t":"bytes","v":"AQI="}"#);
    }

    #[test]
    fn an_unsigned_number_that_fits_is_signed() {
        assert_eq!(Value::uint(5), Value::Int(5));
        assert_eq!(rmp_serde::from_slice::<Value>(&[0xcf, 0, 0, 0, 0, 0, 0, 0, 5]).unwrap(), Value::Int(5));
    }

    #[test]
    fn a_plain_json_object_is_a_json_value() {
        let value: Value = serde_json::from_str(r#"{"a": [1]}"#).unwrap();
        assert_eq!(value, Value::json(r#"{"a":[1]}"#).unwrap());
    }

    #[test]
    fn a_wrong_tag_is_named() {
        let error = serde_json::from_str::<Value>(r#"{"t":"u65","v":"1"}"#).unwrap_err().to_string();
        assert!(error.contains("unknown value tag `u65`"), "{error}");
    }
}
