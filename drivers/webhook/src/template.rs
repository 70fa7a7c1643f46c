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

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Case {
        says: String,
        template: Option<String>,
        json: bool,
        value: Value,
        body: String,
    }

    #[test]
    fn every_body_is_that_of_its_golden_case() {
        let cases: Vec<Case> = serde_json::from_str(include_str!("../golden/bodies.json")).unwrap();
        for case in cases {
            let message = Message { value: &case.value, address: "plc_001.MAIN.b", time_ms: 7, instance: "webhook.a" };
            let body = match &case.template {
                Some(template) => Template::new(template, case.json).fill(&message),
                None => default_body(&message),
            };
            assert_eq!(body, case.body, "{}", case.says);
        }
    }
}
