//! The datapoints inside of a JSON payload.
//!
//! A part of a payload has the tag `topic#/json/pointer` (RFC 6901). `#` can never be in a topic name, so the first one
//! ends the topic.

use fieldrail_model::Value;

/// The most parts that one payload is split into; what comes after them in the document is left out.
pub const MAX_PARTS: usize = 1000;

/// The deepest part; an object or array below it stays one JSON value.
pub const MAX_DEPTH: usize = 16;

/// The topic and, if the tag names a part of a payload, the pointer with its leading `/`.
///
/// ```
/// use fieldrail_link_mqtt::json::topic_and_pointer;
/// assert_eq!(topic_and_pointer("zigbee2mqtt/lamp#/color/x"), ("zigbee2mqtt/lamp", Some("/color/x")));
/// assert_eq!(topic_and_pointer("zigbee2mqtt/lamp"), ("zigbee2mqtt/lamp", None));
/// ```
pub fn topic_and_pointer(tag: &str) -> (&str, Option<&str>) {
    tag.split_once('#').map_or((tag, None), |(topic, pointer)| (topic, Some(pointer)))
}

/// Every leaf of a JSON object or array with its tag, in the order of the document; nothing for any other value.
///
/// Null is a leaf, and so are the empty object and the empty array. At most [`MAX_PARTS`] leaves, at most [`MAX_DEPTH`]
/// deep.
pub fn split(topic: &str, value: &Value) -> Vec<(String, Value)> {
    let mut parts = Vec::new();
    if let Some(document) = container(value) {
        let mut tag = format!("{topic}#");
        collect(&document, &mut tag, 0, &mut parts);
    }
    parts
}

/// The part of a JSON value at `pointer`; none if the value is no JSON or has no such part.
///
/// The empty pointer is the whole document.
pub fn part(value: &Value, pointer: &str) -> Option<Value> {
    container(value)?.pointer(pointer).map(leaf)
}

fn container(value: &Value) -> Option<serde_json::Value> {
    let Value::Json(text) = value else { return None };
    let document: serde_json::Value = serde_json::from_str(text).ok()?;
    (document.is_object() || document.is_array()).then_some(document)
}

fn collect(node: &serde_json::Value, tag: &mut String, depth: usize, parts: &mut Vec<(String, Value)>) {
    use serde_json::Value as Json;
    let length = tag.len();
    let mut descend = |key: &str, child: &Json, parts: &mut Vec<(String, Value)>| {
        if parts.len() < MAX_PARTS {
            tag.push('/');
            tag.extend(key.chars().flat_map(escape));
            collect(child, tag, depth + 1, parts);
            tag.truncate(length);
        }
    };
    match node {
        Json::Object(map) if !map.is_empty() && depth < MAX_DEPTH => {
            map.iter().for_each(|(key, child)| descend(key, child, parts));
        }
        Json::Array(list) if !list.is_empty() && depth < MAX_DEPTH => {
            list.iter().enumerate().for_each(|(at, child)| descend(&at.to_string(), child, parts));
        }
        _ => parts.push((tag.clone(), leaf(node))),
    }
}

/// RFC 6901, section 3: `~` and `/` inside of a key.
fn escape(c: char) -> impl Iterator<Item = char> {
    let (first, second) = match c {
        '~' => ('~', Some('0')),
        '/' => ('~', Some('1')),
        other => (other, None),
    };
    std::iter::once(first).chain(second)
}

fn leaf(node: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match node {
        Json::Null => Value::Null,
        Json::Bool(b) => Value::Bool(*b),
        Json::Number(n) => {
            let integer = n.as_i64().map(Value::Int).or_else(|| n.as_u64().map(Value::uint));
            integer.unwrap_or_else(|| n.as_f64().map_or(Value::Null, Value::Float))
        }
        Json::String(s) => Value::text(s.as_str()),
        other => Value::Json(other.to_string().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(document: &str, want: &[(&str, Value)]) {
        let value = Value::json(document).unwrap();
        let parts = split("t", &value);
        let got: Vec<_> = parts.iter().map(|(tag, value)| (tag.as_str(), value.clone())).collect();
        assert_eq!(got, want);
        for (tag, part_value) in parts {
            let (topic, pointer) = topic_and_pointer(&tag);
            assert_eq!((topic, part(&value, pointer.unwrap())), ("t", Some(part_value)));
        }
    }

    #[test]
    fn each_leaf_becomes_a_datapoint_in_the_order_of_the_document() {
        check(
            r#"{"state":"ON","power":12.5,"n":3,"color":{"x":0.1,"on":true},"list":[1,null],"none":{}}"#,
            &[
                ("t#/state", "ON".into()),
                ("t#/power", Value::Float(12.5)),
                ("t#/n", Value::Int(3)),
                ("t#/color/x", Value::Float(0.1)),
                ("t#/color/on", Value::Bool(true)),
                ("t#/list/0", Value::Int(1)),
                ("t#/list/1", Value::Null),
                ("t#/none", Value::json("{}").unwrap()),
            ],
        );
    }

    #[test]
    fn slashes_tildes_and_hashes_in_keys_are_found_again() {
        check(
            r#"{"a/b":1,"~":2,"":3,"x#y":4}"#,
            &[("t#/a~1b", Value::Int(1)), ("t#/~0", Value::Int(2)), ("t#/", Value::Int(3)), ("t#/x#y", Value::Int(4))],
        );
    }

    #[test]
    fn big_integers_keep_their_digits() {
        check(
            "[18446744073709551615,-9223372036854775808]",
            &[("t#/0", Value::UInt(u64::MAX)), ("t#/1", Value::Int(i64::MIN))],
        );
    }

    #[test]
    fn text_and_numbers_have_no_parts() {
        for value in [Value::text("{}"), Value::Int(1), Value::json("1").unwrap(), Value::Null] {
            assert_eq!(split("t", &value), []);
        }
    }

    #[test]
    fn a_wide_or_deep_document_is_cut_at_its_bound() {
        let wide = format!("[{}0]", "0,".repeat(5000));
        assert_eq!(split("t", &Value::json(&wide).unwrap()).len(), MAX_PARTS);
        let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
        let parts = split("t", &Value::json(&deep).unwrap());
        assert_eq!(parts.len(), 1);
        assert_eq!(parts[0].0, format!("t#{}", "/0".repeat(MAX_DEPTH)));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r#"[\[{]([\[\]{}:,"a~/#0-9.]|true|null){0,40}"#, pointer in ".*") {
            if let Ok(value) = Value::json(&text) {
                split("t", &value);
                part(&value, &pointer);
            }
        }
    }
}
