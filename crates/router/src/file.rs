//! `routing.json` as a person writes it. The doc comments become its schema and the manual.

use std::fmt;

use fieldrail_model::Class;
use schemars::JsonSchema;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The rules of the router.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "routing.json")]
pub struct RoutingFile {
    /// Version of the file's format: `1.0`.
    pub version: String,
    /// What this set of rules is for, in your own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The rules, in any order; a sample takes them from top to bottom.
    pub routes: Vec<RouteSpec>,
}

impl Default for RoutingFile {
    fn default() -> Self {
        Self { version: "1.0".into(), description: None, routes: Vec::new() }
    }
}

/// One rule: from, condition, transform, to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteSpec {
    /// Name of the route, unique in the file: letters, digits, `_`, `-` and `.`.
    #[schemars(length(min = 1, max = 64))]
    pub id: String,
    /// What the route is for, in your own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Source address or pattern, or a list of them. `*` stands for anything within a segment, `**` for any number of
    /// segments; segments end at `.` and `/`.
    pub from: OneOrMany,
    /// Target address, or a list of them. `{source}` stands for the source's instance, `{rest}` for its whole tag,
    /// `{path}` for the tag without its last segment, `{tag}` for the last segment.
    pub to: OneOrMany,
    /// Only samples for which this expression is true go on, for example `value > 80 and quality == "good"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// What happens to the value on its way: steps joined by `|`, for example `scale(0.001) | round(1)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<String>,
    /// Whether the route works. A route that is off is still checked.
    #[serde(default = "enabled", skip_serializing_if = "is_enabled")]
    pub enabled: bool,
    /// What happens while a target is slow: `latest` keeps the newest value per target, `queued` keeps all of them in a
    /// bounded queue. Without it the kind of target decides. (`durable` is not built yet and refused.)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<DeliverySpec>,
    /// How long a value may wait for its target, in milliseconds; after that it is dropped. Without it, for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1), extend("x-unit" = "ms"))]
    pub ttl_ms: Option<u64>,
    /// The classes of quality that go on. Without it all do, but a bad value is never written to a variable of a device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_quality: Option<Vec<QualityClass>>,
    /// Not built yet and refused: a route in both directions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bidirectional: Option<bool>,
    /// Not built yet and refused: which of two routes to one target wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i64>,
    /// Not built yet and refused: inputs with the outputs that are expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests: Option<Vec<serde_json::Value>>,
}

fn enabled() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde calls it with a reference
fn is_enabled(enabled: &bool) -> bool {
    *enabled
}

/// How a route delivers, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliverySpec {
    /// The newest value per target.
    Latest,
    /// Every value, in a bounded queue.
    Queued,
    /// Not built yet and refused: on disk before it is acknowledged.
    Durable,
}

/// How a value waits for its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// A newer value may take the place of an older one that still waits.
    Latest,
    /// Every value counts.
    Queued,
}

/// A class of quality, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum QualityClass {
    /// Believe it.
    Good,
    /// Look twice.
    Uncertain,
    /// Do not use it.
    Bad,
}

impl From<QualityClass> for Class {
    fn from(class: QualityClass) -> Self {
        match class {
            QualityClass::Good => Self::Good,
            QualityClass::Uncertain => Self::Uncertain,
            QualityClass::Bad => Self::Bad,
        }
    }
}

/// One text, or a list of texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneOrMany(pub Vec<String>);

impl Serialize for OneOrMany {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => s.serialize_str(one),
            many => s.collect_seq(many),
        }
    }
}

/// By hand, since an untagged enum would only say that no variant fits.
impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Texts;
        impl<'de> Visitor<'de> for Texts {
            type Value = OneOrMany;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address, or a list of addresses")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![text.into()]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<OneOrMany, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = seq.next_element()? {
                    texts.push(text);
                }
                Ok(OneOrMany(texts))
            }
        }
        d.deserialize_any(Texts)
    }
}

impl JsonSchema for OneOrMany {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "OneOrMany".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "anyOf": [
                { "type": "string", "minLength": 1 },
                { "type": "array", "minItems": 1, "items": { "type": "string", "minLength": 1 } }
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(json: &str, want: &str) {
        let error = serde_json::from_str::<RoutingFile>(json).unwrap_err().to_string();
        assert!(error.contains(want), "{error}");
    }

    #[test]
    fn an_unknown_key_and_a_wrong_kind_are_named_with_the_line() {
        check_refused(r#"{"version":"1.0","routes":[{"id":"a","form":"x","to":"y"}]}"#, "unknown field `form`");
        check_refused(
            r#"{"version":"1.0","routes":[{"id":"a","from":5,"to":"y"}]}"#,
            "an address, or a list of addresses",
        );
        check_refused(
            "{\"version\":\"1.0\",\n\"routes\":[{\"id\":\"a\",\"from\":\"x\",\"to\":\"y\",\"delivery\":\"fast\"}]}",
            "line 2",
        );
    }

    #[test]
    fn a_file_is_written_as_it_was_read() {
        let json = r#"{"version":"1.0","routes":[{"id":"a","from":"x.y","to":["l.m","n.o"],"condition":"value > 1","enabled":false,"on_quality":["good"]},{"id":"b","from":"x.y","to":"l.p"}]}"#;
        let file: RoutingFile = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&file).unwrap(), json);
        assert!(file.routes[1].enabled);
    }

    #[test]
    fn the_schema_describes_every_key() {
        let schema = serde_json::to_value(schemars::schema_for!(RoutingFile)).unwrap();
        let keys = schema["$defs"]["RouteSpec"]["properties"].as_object().unwrap();
        assert_eq!(keys.len(), 13);
        for (key, described) in keys {
            assert!(described["description"].is_string(), "{key}");
        }
    }
}
