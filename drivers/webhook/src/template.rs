//! The body of a request.

use fieldrail_model::Value;
use serde_json::Value as Json;

/// What is filled into a body.
pub(crate) struct Message<'a> {
    /// What was written.
    pub(crate) value: &'a Value,
    /// The address that the value came from; this instance's own if that is not known.
    pub(crate) address: &'a str,
    /// When it was written, in milliseconds since 1970 UTC.
    pub(crate) time_ms: i64,
    /// The id of this instance.
    pub(crate) instance: &'a str,
}

/// A template, cut into pieces once.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Template {
    pieces: Vec<Piece>,
    json: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// A place and whether it lies inside of the quotes of a JSON string.
    Place(Place, bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Value,
    Tag,
    Time,
    Instance,
}

const PLACES: [(&str, Place); 4] =
    [("{value}", Place::Value), ("{tag}", Place::Tag), ("{time_ms}", Place::Time), ("{instance}", Place::Instance)];

impl Template {
    /// Cuts a template. If `json`, places are filled in as JSON: bare ones as a JSON value, those inside of quotes as
    /// escaped text.
    pub(crate) fn new(text: &str, json: bool) -> Self {
        let mut pieces = Vec::new();
        let (mut rest, mut plain, mut quoted) = (text, String::new(), false);
        while let Some(first) = rest.chars().next() {
            if let Some(&(name, place)) = PLACES.iter().find(|(name, _)| rest.starts_with(name)) {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
                pieces.push(Piece::Place(place, quoted));
                rest = &rest[name.len()..];
                continue;
            }
            let escaped = quoted && first == '\\';
            let taken = rest.chars().take(if escaped { 2 } else { 1 }).map(char::len_utf8).sum();
            quoted ^= first == '"';
            plain.push_str(&rest[..taken]);
            rest = &rest[taken..];
        }
        pieces.push(Piece::Text(plain));
        Self { pieces, json }
    }

    /// The body of one message.
    pub(crate) fn fill(&self, message: &Message<'_>) -> String {
        let mut body = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => body.push_str(text),
                Piece::Place(place, quoted) => self.place(*place, *quoted, message, &mut body),
            }
        }
        body
    }

    fn place(&self, place: Place, quoted: bool, message: &Message<'_>, body: &mut String) {
        let plain = match place {
            Place::Value => message.value.to_string(),
            Place::Tag => message.address.to_owned(),
            Place::Time => message.time_ms.to_string(),
            Place::Instance => message.instance.to_owned(),
        };
        if !self.json {
            body.push_str(&plain);
        } else if quoted {
            let escaped = Json::from(plain).to_string();
            body.push_str(&escaped[1..escaped.len() - 1]);
        } else {
            let json = match place {
                Place::Value => json_of(message.value).to_string(),
                Place::Time => plain,
                Place::Tag | Place::Instance => Json::from(plain).to_string(),
            };
            body.push_str(&json);
        }
    }
}

/// The body where no template is set.
pub(crate) fn default_body(message: &Message<'_>) -> String {
    serde_json::json!({
        "address": message.address,
        "value": json_of(message.value),
        "time_ms": message.time_ms,
        "instance": message.instance,
    })
    .to_string()
}

/// The value as a receiver expects it: a JSON value is itself, the rest as in Fieldrail's own API.
fn json_of(value: &Value) -> Json {
    match value {
        Value::Json(text) => serde_json::from_str(text).unwrap_or(Json::Null),
        other => other.to_json(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(template: &str, json: bool, value: &Value, want: &str) {
        let message = Message { value, address: "plc_001.MAIN.b", time_ms: 7, instance: "webhook.a" };
        assert_eq!(Template::new(template, json).fill(&message), want);
    }

    #[test]
    fn places_are_filled_in_and_other_braces_stay() {
        check(
            "{instance} {tag}={value} at {time_ms} {other}",
            false,
            &1_i64.into(),
            "webhook.a plc_001.MAIN.b=1 at 7 {other}",
        );
        check("{{value}}", false, &true.into(), "{true}");
        check("", false, &true.into(), "");
    }

    #[test]
    fn a_bare_place_is_a_json_value_and_a_quoted_one_escaped_text() {
        let nasty = Value::text("a\"b\\\n\u{1}");
        check(r#"{"v":{value}}"#, true, &nasty, r#"{"v":"a\"b\\\n\u0001"}"#);
        check(r#"{"v":"is {value}!"}"#, true, &nasty, r#"{"v":"is a\"b\\\n\u0001!"}"#);
        check(r#"{"v":"say \"{value}\"","w":{value}}"#, true, &5_i64.into(), r#"{"v":"say \"5\"","w":5}"#);
        check(r#"{"v":{value}}"#, true, &Value::json(r#"{"a": 1}"#).unwrap(), r#"{"v":{"a":1}}"#);
        check(r"[{tag},{time_ms}]", true, &Value::Null, r#"["plc_001.MAIN.b",7]"#);
    }

    #[test]
    fn a_value_cannot_bring_a_place_of_its_own() {
        check("{value}{tag}", false, &"{instance}".into(), "{instance}plc_001.MAIN.b");
    }

    #[test]
    fn the_default_body_says_what_came_from_where_and_when() {
        let value = Value::Float(f64::NAN);
        let message = Message { value: &value, address: "a.b", time_ms: 7, instance: "webhook.a" };
        let want = r#"{"address":"a.b","value":{"t":"f64","v":"NaN"},"time_ms":7,"instance":"webhook.a"}"#;
        assert_eq!(default_body(&message), want);
    }
}
