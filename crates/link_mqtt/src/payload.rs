//! A payload as a value, and a value as a payload.
//!
//! MQTT says nothing about what a payload means. Without a declared type only what can be meant in one way becomes a
//! number or a bool; all else stays text or bytes, so nothing is lost. The cases lie in `golden/payloads.json`.

use std::sync::Arc;

use fieldrail_model::{IecType, Quality, Value};

/// Whole floats below this are spelled like integers, which more devices understand: 2^53.
const WHOLE: f64 = 9_007_199_254_740_992.0;

/// What a payload says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The value; the raw one if it does not fit the declared type.
    pub value: Value,
    /// Good, or why the value does not fit.
    pub quality: Quality,
    /// Why it does not fit, in words.
    pub note: Option<Arc<str>>,
}

/// How bools are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spelling {
    /// The payload for true.
    pub true_text: String,
    /// The payload for false.
    pub false_text: String,
}

impl Default for Spelling {
    fn default() -> Self {
        Self { true_text: "true".into(), false_text: "false".into() }
    }
}

/// The value of a payload, as `declared` if that is known.
///
/// Without a declared type, `true`, `false`, integers without leading zeros, plain fractions (`21.50`) and numbers in the
/// usual scientific spelling (`1e-7`, `1e-05`) become what they spell; a JSON object or array becomes [`Value::Json`],
/// verbatim; other UTF-8 becomes text, and what is no text becomes bytes. `007` and `12e5` stay text: they may be names.
///
/// ```
/// use fieldrail_link_mqtt::decode;
/// use fieldrail_model::{IecType, Quality, Value};
///
/// assert_eq!(decode(b"21.50", None).value, Value::Float(21.5));
/// assert_eq!(decode(b"ON", Some(IecType::Bool)).value, Value::Bool(true));
/// let misfit = decode(b"warm", Some(IecType::Int));
/// assert_eq!((misfit.value, misfit.quality), (Value::text("warm"), Quality::TypeMismatch));
/// ```
pub fn decode(payload: &[u8], declared: Option<IecType>) -> Decoded {
    decode_spelled(payload, declared, &Spelling::default())
}

/// [`decode`] for a device with its own words for true and false; `true` and `false` themselves stay understood.
pub fn decode_spelled(payload: &[u8], declared: Option<IecType>, spelling: &Spelling) -> Decoded {
    let natural = if payload == spelling.true_text.as_bytes() {
        Value::Bool(true)
    } else if payload == spelling.false_text.as_bytes() {
        Value::Bool(false)
    } else {
        natural(payload)
    };
    let Some(declared) = declared else { return Decoded { value: natural, quality: Quality::Good, note: None } };
    let spelled = match (declared, std::str::from_utf8(payload)) {
        (IecType::Bytes, _) => Value::bytes(payload),
        (IecType::String | IecType::Wstring | IecType::Json, Ok(text)) => Value::text(text),
        _ => natural.clone(),
    };
    match declared.fit(&spelled) {
        Ok(value) => Decoded { value, quality: Quality::Good, note: None },
        Err(misfit) => Decoded { value: natural, quality: misfit.quality(), note: Some(misfit.to_string().into()) },
    }
}

fn natural(payload: &[u8]) -> Value {
    let Ok(text) = std::str::from_utf8(payload) else { return Value::bytes(payload) };
    match text.bytes().find(|b| !b.is_ascii_whitespace()) {
        Some(b'{' | b'[') => {
            if let Ok(json) = Value::json(text) {
                return json;
            }
        }
        Some(b'-' | b'0'..=b'9') => {
            if let Some(number) = number(text) {
                return number;
            }
        }
        _ if text == "true" => return Value::Bool(true),
        _ if text == "false" => return Value::Bool(false),
        _ => {}
    }
    let is_text = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r') || c > '\u{7f}';
    if text.chars().all(is_text) { Value::text(text) } else { Value::bytes(payload) }
}

/// The number that `text` spells, if it can mean nothing else.
fn number(text: &str) -> Option<Value> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let whole = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    if whole == 0 || (whole > 1 && digits.starts_with('0')) {
        return None;
    }
    let rest = &digits[whole..];
    if rest.is_empty() {
        // `-0` is how many devices print what is rounded to zero. What is beyond 64 bits would lose digits.
        return text.parse::<i64>().map(Value::Int).or_else(|_| text.parse::<u64>().map(Value::uint)).ok();
    }
    let (fraction, exponent) = match rest.split_once(['e', 'E']) {
        Some((fraction, exponent)) => (fraction, Some(exponent)),
        None => (rest, None),
    };
    let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let has_fraction = fraction.strip_prefix('.').is_some_and(all_digits);
    let has_sign = exponent.is_some_and(|e| e.strip_prefix(['+', '-']).is_some_and(all_digits));
    let plain = exponent.is_none() && has_fraction;
    let scientific =
        (has_sign && fraction.is_empty()) || (has_fraction && exponent.is_some_and(|e| has_sign || all_digits(e)));
    let float = text.parse::<f64>().ok().filter(|x| x.is_finite())?;
    (plain || scientific || spell(float) == text).then_some(Value::Float(float))
}

/// The payload of a value; null is the empty payload, which clears a retained message.
///
/// What it gives, [`decode`] reads back: exactly with the value's type declared; without it a whole float comes back as an
/// integer of the same size.
pub fn encode(value: &Value, spelling: &Spelling) -> Vec<u8> {
    match value {
        Value::Null => Vec::new(),
        Value::Bool(true) => spelling.true_text.clone().into_bytes(),
        Value::Bool(false) => spelling.false_text.clone().into_bytes(),
        Value::Int(n) => n.to_string().into_bytes(),
        Value::UInt(n) => n.to_string().into_bytes(),
        Value::Float(x) => spell(*x).into_bytes(),
        Value::Text(text) | Value::Json(text) => text.as_bytes().to_vec(),
        Value::Bytes(bytes) => bytes.to_vec(),
    }
}

/// `50`, `21.5`, `-0.0`, `1e+30`, `NaN`: the shortest text that gives back the same float.
fn spell(x: f64) -> String {
    let whole = x.fract() == 0.0 && x.abs() < WHOLE && (x != 0.0 || x.is_sign_positive());
    match serde_json::Number::from_f64(x) {
        Some(number) if !whole => number.to_string(),
        _ => x.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Case {
        /// The payload; `text` or `hex`.
        text: Option<String>,
        hex: Option<String>,
        declared: Option<IecType>,
        value: Value,
        #[serde(default)]
        quality: Quality,
        note: Option<String>,
        /// What the value is written as, if that differs from the payload.
        written: Option<String>,
    }

    fn bytes_of(hex: &str) -> Vec<u8> {
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(byte).collect()
    }

    #[test]
    fn every_golden_payload_is_read_and_written_as_it_says() {
        let cases: Vec<Case> = serde_json::from_str(include_str!("../golden/payloads.json")).unwrap();
        assert!(cases.len() > 40);
        for case in cases {
            let payload = match (&case.text, &case.hex) {
                (Some(text), None) => text.clone().into_bytes(),
                (None, Some(hex)) => bytes_of(hex),
                _ => panic!("a case has either text or hex"),
            };
            let shown = String::from_utf8_lossy(&payload).into_owned();
            let decoded = decode(&payload, case.declared);
            assert_eq!(decoded.value, case.value, "{shown}");
            assert_eq!(decoded.quality, case.quality, "{shown}");
            assert_eq!(decoded.note.as_deref(), case.note.as_deref(), "{shown}");
            let written = case.written.map_or(payload, String::into_bytes);
            assert_eq!(encode(&decoded.value, &Spelling::default()), written, "{shown}");
        }
    }

    #[test]
    fn a_bool_is_written_and_read_as_the_device_spells_it() {
        let spelling = Spelling { true_text: "ON".into(), false_text: "OFF".into() };
        assert_eq!(encode(&Value::Bool(true), &spelling), b"ON");
        assert_eq!(encode(&Value::Bool(false), &spelling), b"OFF");
        assert_eq!(decode_spelled(b"ON", None, &spelling).value, Value::Bool(true));
        assert_eq!(decode_spelled(b"OFF", Some(IecType::Int), &spelling).value, Value::Int(0));
        assert_eq!(decode_spelled(b"true", None, &spelling).value, Value::Bool(true));
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_none_are_lost(payload in prop::collection::vec(any::<u8>(), 0..64)) {
            let value = decode(&payload, None).value;
            let again = decode(&encode(&value, &Spelling::default()), None).value;
            prop_assert_eq!(again.as_f64().is_some(), value.as_f64().is_some());
            if value.as_f64().is_none() {
                prop_assert_eq!(encode(&value, &Spelling::default()), payload);
            }
        }

        #[test]
        fn no_number_like_text_panics(text in "-?[0-9]{0,4}[.]?[0-9]{0,4}([eE][+-]?[0-9]{0,4})?") {
            let value = decode(text.as_bytes(), None).value;
            if let Value::Float(x) = value {
                prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), x.to_bits());
            }
        }

        #[test]
        fn integers_come_back_as_they_were(n in any::<i64>(), big in any::<u64>()) {
            for value in [Value::Int(n), Value::uint(big)] {
                prop_assert_eq!(decode(&encode(&value, &Spelling::default()), None).value, value);
            }
        }

        #[test]
        fn floats_come_back_bit_for_bit_when_declared(bits in any::<u64>()) {
            let x = f64::from_bits(bits);
            let payload = encode(&Value::Float(x), &Spelling::default());
            let declared = decode(&payload, Some(IecType::Lreal)).value;
            if !x.is_nan() {
                prop_assert_eq!(&declared, &Value::Float(x));
            }
            if x.is_finite() {
                prop_assert_eq!(decode(&payload, None).value.as_f64(), Some(x));
            }
        }

        #[test]
        fn every_type_takes_every_payload_without_a_panic(
            payload in prop::collection::vec(any::<u8>(), 0..16), declared in any_type(),
        ) {
            let decoded = decode(&payload, Some(declared));
            prop_assert_eq!(decoded.quality == Quality::Good, decoded.note.is_none());
        }
    }

    fn any_type() -> impl Strategy<Value = IecType> {
        use IecType as T;
        prop::sample::select(vec![T::Bool, T::Sint, T::Ulint, T::Real, T::Lreal, T::Time, T::String, T::Bytes, T::Json])
    }
}
