//! Payload to value, and back. The cases lie in `golden/payloads.json`.
//!
//! Without a declared type a payload is what `fieldrail_link_mqtt` makes of it, as at the embedded broker. With a declared
//! type it is fitted to the type, and a misfit is kept raw with the reason.

use std::borrow::Cow;
use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use fieldrail_driver::Failure;
use fieldrail_model::{IecType, Quality, Value};

use crate::config::TopicRule;

/// What a payload says, and how far to believe it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Decoded {
    pub(crate) value: Value,
    pub(crate) quality: Quality,
    /// Why the quality is not good.
    pub(crate) note: Option<Arc<str>>,
}

impl Decoded {
    pub(crate) fn good(value: Value) -> Self {
        Self { value, quality: Quality::Good, note: None }
    }

    pub(crate) fn bad(value: Value, quality: Quality, note: impl Into<Arc<str>>) -> Self {
        Self { value, quality, note: Some(note.into()) }
    }
}

/// How the payloads of a topic are to be read and written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Codec {
    kind: Option<IecType>,
    on: Option<Box<str>>,
    off: Option<Box<str>>,
}

impl Codec {
    pub(crate) fn new(rule: &TopicRule) -> Self {
        let text = |text: &Option<String>| text.as_deref().map(Box::from);
        Self { kind: rule.r#type, on: text(&rule.payload_true), off: text(&rule.payload_false) }
    }

    /// What a message says.
    pub(crate) fn decode(&self, payload: &[u8]) -> Decoded {
        let Ok(text) = std::str::from_utf8(payload) else {
            return self.fit(Value::bytes(payload));
        };
        if let Some(value) = self.word(text) {
            return Decoded::good(Value::Bool(value));
        }
        match self.kind {
            None => Decoded::good(natural(text)),
            Some(kind) => match kind.fit(&raw(text, kind)) {
                Ok(value) => Decoded::good(value),
                Err(misfit) => Decoded::bad(natural(text), misfit.quality(), misfit.to_string()),
            },
        }
    }

    /// The same for one leaf of a JSON document; the declared type holds for the leaves then.
    pub(crate) fn decode_leaf(&self, leaf: &serde_json::Value) -> Decoded {
        let value = match leaf {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(b) => Value::Bool(*b),
            serde_json::Value::Number(n) => match (n.as_i64(), n.as_u64()) {
                (Some(n), _) => Value::Int(n),
                (None, Some(n)) => Value::uint(n),
                (None, None) => Value::Float(n.as_f64().unwrap_or(f64::NAN)),
            },
            serde_json::Value::String(text) => match self.word(text) {
                Some(value) => Value::Bool(value),
                None => Value::text(text.as_str()),
            },
            tree => Value::Json(tree.to_string().into()),
        };
        self.fit(value)
    }

    fn word(&self, text: &str) -> Option<bool> {
        let is = |word: &Option<Box<str>>| word.as_deref() == Some(text);
        is(&self.on).then_some(true).or_else(|| is(&self.off).then_some(false))
    }

    fn fit(&self, value: Value) -> Decoded {
        match self.kind.map(|kind| kind.fit(&value)) {
            None => Decoded::good(value),
            Some(Ok(fitted)) => Decoded::good(fitted),
            Some(Err(misfit)) => Decoded::bad(value, misfit.quality(), misfit.to_string()),
        }
    }

    /// The payload that says this value.
    pub(crate) fn encode(&self, value: &Value) -> Result<Bytes, Failure> {
        let value = match self.kind {
            Some(kind) => Cow::Owned(kind.fit(value).map_err(|misfit| Failure::new(misfit.to_string()))?),
            None => Cow::Borrowed(value),
        };
        Ok(match value.as_ref() {
            Value::Null => {
                return Err(Failure::new("there is no payload for null")
                    .hint("to clear a retained message call the action `clear_retained`"));
            }
            Value::Bool(true) => Bytes::copy_from_slice(self.on.as_deref().unwrap_or("true").as_bytes()),
            Value::Bool(false) => Bytes::copy_from_slice(self.off.as_deref().unwrap_or("false").as_bytes()),
            Value::Bytes(bytes) => Bytes::copy_from_slice(bytes),
            Value::Text(text) | Value::Json(text) => Bytes::copy_from_slice(text.as_bytes()),
            number => {
                let mut text = Vec::with_capacity(24);
                // Writing to memory cannot fail.
                let _ = write!(text, "{number}");
                text.into()
            }
        })
    }
}

/// The opposite of a value, for the end of a pulse. None where there is none.
pub(crate) fn opposite(value: &Value) -> Option<Value> {
    match value {
        Value::Bool(on) => Some(Value::Bool(!on)),
        Value::Int(_) | Value::UInt(_) => Some(Value::Int(0)),
        Value::Float(_) => Some(Value::Float(0.0)),
        _ => None,
    }
}

/// What a type is fitted from: bools and JSON are recognised, all else is text that may spell the type.
fn raw(text: &str, kind: IecType) -> Value {
    match kind {
        IecType::String | IecType::Wstring | IecType::Bytes | IecType::Json => Value::text(text),
        // At once to a float, so that `-0` keeps its sign.
        IecType::Real | IecType::Lreal => text.trim().parse().map_or_else(|_| natural(text), Value::Float),
        _ => match natural(text) {
            value @ (Value::Bool(_) | Value::Int(_) | Value::UInt(_) | Value::Float(_)) => value,
            _ => Value::text(text),
        },
    }
}

/// The value of a text without a declared type.
fn natural(text: &str) -> Value {
    fieldrail_link_mqtt::decode(text.as_bytes(), None).value
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Case {
        /// What it shows.
        shows: String,
        /// The payload as text, or as hexadecimal after `0x`.
        payload: String,
        #[serde(default)]
        rule: Option<TopicRule>,
        value: Value,
        #[serde(default)]
        quality: Quality,
        /// What writing the value gives, where that differs from the payload.
        #[serde(default)]
        written: Option<String>,
    }

    #[test]
    fn payloads_are_read_and_written_as_the_golden_file_says() {
        let cases: Vec<Case> = serde_json::from_str(include_str!("../golden/payloads.json")).unwrap();
        assert!(cases.len() > 20);
        for case in cases {
            let payload = bytes_of(&case.payload);
            let codec = case.rule.as_ref().map(Codec::new).unwrap_or_default();
            let decoded = codec.decode(&payload);
            assert_eq!((&decoded.value, decoded.quality), (&case.value, case.quality), "{}", case.shows);
            assert_eq!(decoded.quality.is_good(), decoded.note.is_none(), "{}", case.shows);
            if decoded.quality.is_good() {
                let want = case.written.as_deref().map_or(payload, bytes_of);
                assert_eq!(codec.encode(&decoded.value).unwrap(), want, "{}", case.shows);
            }
        }
    }

    fn bytes_of(text: &str) -> Vec<u8> {
        match text.strip_prefix("0x") {
            None => text.as_bytes().to_vec(),
            Some(hex) => {
                (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
            }
        }
    }

    #[test]
    fn a_value_that_does_not_fit_the_declared_type_is_not_written() {
        let codec = Codec::new(&TopicRule { r#type: Some(IecType::Int), ..TopicRule::default() });
        assert_eq!(codec.encode(&Value::Int(70_000)).unwrap_err().message, "70000 is outside of Int");
        assert!(codec.encode(&Value::Null).is_err());
        assert_eq!(codec.encode(&Value::Float(5.0)).unwrap(), "5");
    }

    proptest! {
        #[test]
        fn no_payload_makes_the_decoder_panic_and_none_loses_a_bit(payload in prop::collection::vec(any::<u8>(), 0..40)) {
            let codec = Codec::default();
            let decoded = codec.decode(&payload);
            if !matches!(decoded.value, Value::Float(_)) {
                prop_assert_eq!(&codec.encode(&decoded.value).unwrap()[..], &payload[..]);
            }
        }

        #[test]
        fn numbers_of_any_spelling_are_kept(text in "-?[0-9]{1,20}(\\.[0-9]{1,20})?(e[0-9])?") {
            let codec = Codec::default();
            let decoded = codec.decode(text.as_bytes());
            match decoded.value {
                Value::Float(x) => prop_assert_eq!(Some(x), text.parse().ok()),
                // Zero has no sign.
                Value::Int(0) => prop_assert!(["0", "-0"].contains(&&*text)),
                value => prop_assert_eq!(&codec.encode(&value).unwrap()[..], text.as_bytes()),
            }
        }

        #[test]
        fn every_number_comes_back(n in any::<i64>(), x in any::<f64>().prop_filter("finite", |x| x.is_finite())) {
            let codec = Codec::new(&TopicRule { r#type: Some(IecType::Lreal), ..TopicRule::default() });
            prop_assert_eq!(codec.decode(&codec.encode(&Value::Float(x)).unwrap()).value, Value::Float(x));
            let codec = Codec::default();
            prop_assert_eq!(codec.decode(&codec.encode(&Value::Int(n)).unwrap()).value, Value::Int(n));
        }

        #[test]
        fn no_payload_makes_a_typed_decoder_panic(payload in prop::collection::vec(any::<u8>(), 0..24), kind in 0..5_usize) {
            let kind = [IecType::Bool, IecType::Int, IecType::Real, IecType::Json, IecType::String][kind];
            let codec = Codec::new(&TopicRule { r#type: Some(kind), ..TopicRule::default() });
            let _ = codec.decode(&payload);
        }
    }
}
