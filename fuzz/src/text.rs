//! Where seeds and words come from: the description of the format and the tables of the product itself, so that a new step
//! or a new example is fuzzed from its first day.

use std::fmt::Write as _;

use fieldrail_model::{Quality, Value};
use fieldrail_router::{expression, transform};
use serde_json::Value as Json;

const SPECIFICATION: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/specs/routing.md"));

/// The text of every block of JSON in `docs/specs/routing.md`, those too that are refused.
pub fn blocks() -> impl Iterator<Item = &'static str> {
    let opened = SPECIFICATION.split("\n```json").skip(1);
    opened.filter_map(|rest| rest.split_once('\n')).filter_map(|(_, rest)| rest.split("\n```").next())
}

/// Every block as a whole `routing.json`.
pub fn files() -> Vec<String> {
    let file = |text: &str| {
        let json: Json = serde_json::from_str(text).ok()?;
        match &json {
            Json::Object(keys) if keys.contains_key("routes") => Some(text.to_owned()),
            Json::Object(keys) if keys.contains_key("datapoints") => None,
            Json::Array(_) => Some(format!("{{\"version\":\"1.0\",\"routes\":{text}}}")),
            _ => Some(format!("{{\"version\":\"1.0\",\"routes\":[{text}]}}")),
        }
    };
    blocks().filter_map(file).collect()
}

/// The texts that stand in the examples under this key of a route.
pub fn of_routes(key: &str) -> Vec<String> {
    let files = files();
    let files = files.iter().filter_map(|text| serde_json::from_str::<Json>(text).ok());
    let routes = files.flat_map(|file| file["routes"].as_array().cloned().unwrap_or_default());
    routes.filter_map(|route| route[key].as_str().map(Into::into)).collect()
}

/// The names and operators of expressions.
pub fn expression_words() -> Vec<String> {
    const MORE: &str = "and or not in true false null ( ) [ ] , | == != <= >= < > + - * / % ' \" \\n 0x 1e9 1e-9 ms s min h d \
                        0 1 -1 255 9223372036854775807 18446744073709551615 9223372036854775808 0.001";
    let functions = expression::functions().map(|name| format!("{name}("));
    let qualities = Quality::ALL.iter().map(|quality| format!("\"{quality}\""));
    let mut words: Vec<String> = expression::variables().map(Into::into).collect();
    words.extend(functions);
    words.extend(qualities);
    words.extend(MORE.split_whitespace().map(Into::into));
    words.extend(["dp(\"plc_002.x\")", "if(value, ", "matches(value, \"^a.*$\")"].map(Into::into));
    words
}

/// The steps, and all that stands in them.
pub fn transform_words() -> Vec<String> {
    let mut words = expression_words();
    words.extend(transform::steps().flat_map(|(name, usage)| [name.to_owned(), format!(" | {usage}")]));
    words.extend(
        ["every=10s", "10ms", "31d", "else = ", "{value}", "{value:.2}", "{tag}", "5%", "/a/0"].map(Into::into),
    );
    words
}

/// Values of every kind, those at the ends of their ranges too.
pub fn values() -> Vec<Value> {
    vec![
        Value::Null,
        Value::Bool(true),
        Value::Bool(false),
        Value::Int(0),
        Value::Int(7),
        Value::Int(-3),
        Value::Int(i64::MIN),
        Value::Int(i64::MAX),
        Value::uint(u64::MAX),
        Value::Float(21.5),
        Value::Float(-0.0),
        Value::Float(f64::NAN),
        Value::Float(f64::INFINITY),
        Value::Float(f64::MIN_POSITIVE),
        Value::Float(1e300),
        Value::text(""),
        Value::text("12.5"),
        Value::text("on"),
        Value::text("öäü \u{1f600} {value} \\ \" | a"),
        Value::bytes([0_u8, 255, 10]),
        Value::Json(r#"{"a":[1,2.5,"x",null],"b":{"c":true}}"#.into()),
    ]
}

/// The cases of a golden file of a driver.
pub fn cases(golden: &str) -> Vec<Json> {
    serde_json::from_str(golden).unwrap()
}

/// The bytes of a case.
pub fn from_hex(hex: &Json) -> Vec<u8> {
    let digits = hex.as_str().unwrap_or_default().as_bytes();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// Words as libFuzzer reads them: a quoted text a line, everything unusual as `\xNN`.
pub fn dictionary(words: &[String]) -> String {
    let mut lines = String::new();
    for word in words.iter().filter(|word| !word.is_empty()) {
        lines.push('"');
        for byte in word.bytes() {
            match byte {
                b'"' | b'\\' => {
                    let _ = write!(lines, "\\{}", char::from(byte));
                }
                b' '..=b'~' => lines.push(char::from(byte)),
                _ => {
                    let _ = write!(lines, "\\x{byte:02X}");
                }
            }
        }
        lines.push_str("\"\n");
    }
    lines
}
