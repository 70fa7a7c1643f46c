//! `routing.json` as a person writes it. The doc comments become its schema and the manual.

use std::fmt;

use fieldrail_model::{Class, Quality, Value};
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
    /// bounded queue, `durable` keeps all of them on disk until the target has them, over restarts and power cuts too.
    /// Without it the kind of target decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<DeliverySpec>,
    /// How long a value may wait for its target, in milliseconds; after that it is dropped. Without it, for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1), extend("x-unit" = "ms"))]
    pub ttl_ms: Option<u64>,
    /// The classes of quality that go on. Without it all do, but a bad value is never written to a variable of a device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_quality: Option<Vec<QualityClass>>,
    /// Whether changes of the target go back to the source as well: one address in `from`, one in `to`, and only steps
    /// that can be turned round.
    #[serde(default, skip_serializing_if = "is_not")]
    pub bidirectional: bool,
    /// Which of several routes to one variable wins: the larger number. All of them need one, each its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i64>,
    /// How long a route with a `priority` holds its target after its last value, in milliseconds; then the next one takes
    /// over. Default 60,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 100, max = 604_800_000), extend("x-unit" = "ms"))]
    pub lease_ms: Option<u64>,
    /// Inputs with the outputs that are expected of them; `fieldrail check` runs them in simulated time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests: Option<Vec<RouteTest>>,
}

fn enabled() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde calls it with a reference
fn is_enabled(enabled: &bool) -> bool {
    *enabled
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde calls it with a reference
fn is_not(flag: &bool) -> bool {
    !flag
}

/// One test of a route: what goes in, and what has to come out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteTest {
    /// What the test shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The samples that come in: a value, or `{"value": …}` with `at_ms`, `quality` and `address`, or a list of them.
    pub input: Moments,
    /// What the first target gets, in the same way and in this order; `[]` stands for nothing.
    pub output: Moments,
    /// Values of other datapoints, for `dp("…")`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<std::collections::BTreeMap<String, serde_json::Value>>")]
    pub points: Option<indexmap::IndexMap<String, Value>>,
    /// How long the test goes on after its beginning, in milliseconds; without it until the last moment that is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
}

/// The moments of a test, in the order of their times.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Moments(pub Vec<Moment>);

/// One value at one time of a test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Moment {
    /// Milliseconds since the beginning of the test; of an output, without it, any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<u64>,
    /// The value; plain JSON, or `{"t": …, "v": …}`.
    #[serde(default)]
    #[schemars(with = "serde_json::Value")]
    pub value: Value,
    /// The quality. Default `good`; of an output only the class is compared unless a reason is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub quality: Option<Quality>,
    /// Which source, or which target. Without it the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

impl Moment {
    fn plain(&self) -> bool {
        self.at_ms.is_none() && self.quality.is_none() && self.address.is_none()
    }
}

impl Serialize for Moments {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            // A document would be read as a moment.
            [one] if one.plain() && !matches!(one.value, Value::Json(_)) => one.value.serialize(s),
            many => s.collect_seq(many),
        }
    }
}

impl<'de> Deserialize<'de> for Moments {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let moment = |json: serde_json::Value| match &json {
            serde_json::Value::Object(keys) if !keys.contains_key("t") => serde_json::from_value(json),
            _ => serde_json::from_value(json).map(|value| Moment { at_ms: None, value, quality: None, address: None }),
        };
        let moments = match serde_json::Value::deserialize(d)? {
            serde_json::Value::Array(list) => list.into_iter().map(moment).collect(),
            one => moment(one).map(|one| vec![one]),
        };
        moments.map(Self).map_err(|error| de::Error::custom(format!("a moment of a test: {error}")))
    }
}

impl JsonSchema for Moments {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Moments".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let moment = generator.subschema_for::<Moment>();
        schemars::json_schema!({
            "anyOf": [
                { "type": ["null", "boolean", "number", "string"] },
                moment,
                { "type": "array", "items": { "anyOf": [{ "type": ["null", "boolean", "number", "string"] }, moment] } }
            ]
        })
    }
}

/// How a route delivers, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliverySpec {
    /// The newest value per target.
    Latest,
    /// Every value, in a bounded queue.
    Queued,
    /// Every value, on disk before it is acknowledged, at least once and in order per target.
    Durable,
}

/// How a value waits for its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// A newer value may take the place of an older one that still waits.
    Latest,
    /// Every value counts.
    Queued,
    /// Every value counts, and waits on disk.
    Durable,
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
        let json = r#"{"version":"1.0","routes":[{"id":"a","from":"x.y","to":["l.m","n.o"],"condition":"value > 1","enabled":false,"on_quality":["good"],"priority":5,"lease_ms":1000,"tests":[{"input":[{"at_ms":0,"value":5,"quality":"bad:stale"},{"value":true}],"output":[]},{"name":"n","input":"x","output":5.5,"points":{"a.b":1},"until_ms":9}]},{"id":"b","from":"x.y","to":"l.p"}]}"#;
        let file: RoutingFile = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&file).unwrap(), json);
        assert!(file.routes[1].enabled);
    }

    #[test]
    fn the_schema_describes_every_key() {
        let schema = serde_json::to_value(schemars::schema_for!(RoutingFile)).unwrap();
        let keys = schema["$defs"]["RouteSpec"]["properties"].as_object().unwrap();
        assert_eq!(keys.len(), 14);
        for (key, described) in keys {
            assert!(described["description"].is_string(), "{key}");
        }
    }
}
