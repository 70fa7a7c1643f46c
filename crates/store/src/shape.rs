//! What a JSON schema says of a place in a configuration, as far as it decides whether `{"secret": "name"}` there is the name
//! of a secret or an object that happens to have a key `secret`.
//!
//! It is a name where a text may stand, and an object where the schema describes one. Where a schema says nothing, it is a
//! name. Pure; bounded, however a schema leads round in circles.

use serde_json::Value;

/// So many references and choices are followed for one place; what lies beyond says nothing.
const MOST_STEPS: usize = 256;

/// A place in a configuration, with every schema that may hold for it.
#[derive(Debug, Clone)]
pub struct Shape<'a> {
    root: &'a Value,
    ways: Vec<&'a Value>,
}

impl<'a> Shape<'a> {
    /// The whole of what this schema describes.
    pub fn of(schema: &'a Value) -> Self {
        Self::at(schema, [schema])
    }

    fn at(root: &'a Value, schemas: impl IntoIterator<Item = &'a Value>) -> Self {
        let (mut ways, mut steps) = (Vec::new(), MOST_STEPS);
        for schema in schemas {
            spread(root, schema, &mut steps, &mut ways);
        }
        Self { root, ways }
    }

    /// The place below this key.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        let below = |way: &&'a Value| {
            let way: &'a Value = way;
            if let Some(property) = way.get("properties").and_then(|properties| properties.get(key)) {
                return vec![property];
            }
            let patterns = way.get("patternProperties").and_then(Value::as_object);
            let patterns = patterns.into_iter().flat_map(|patterns| patterns.values());
            patterns.chain(way.get("additionalProperties")).collect()
        };
        Self::at(self.root, self.ways.iter().flat_map(below))
    }

    /// The place of an element of a list.
    #[must_use]
    pub fn element(&self) -> Self {
        let below = |way: &&'a Value| {
            let way: &'a Value = way;
            let first = way.get("prefixItems").and_then(Value::as_array).into_iter().flatten();
            first.chain(way.get("items")).collect::<Vec<_>>()
        };
        Self::at(self.root, self.ways.iter().flat_map(below))
    }

    /// The name in `{"secret": "name"}`, if that is what stands at this place. An object with more in it is no reference.
    pub fn reference<'v>(&self, value: &'v Value) -> Option<&'v str> {
        let object = value.as_object().filter(|object| object.len() == 1)?;
        let name = object.get("secret")?.as_str()?;
        self.takes_reference().then_some(name)
    }

    fn takes_reference(&self) -> bool {
        let marked = |way: &&Value| way.get("x-secret") == Some(&Value::Bool(true));
        let describes = |way: &&Value| way.get("properties").is_some_and(|keys| keys.get("secret").is_some());
        self.ways.is_empty()
            || self.ways.iter().any(marked)
            || (self.ways.iter().any(|way| may_be_text(way)) && !self.ways.iter().any(describes))
    }
}

/// Adds a schema, or those that it leads to, to `ways`.
fn spread<'a>(root: &'a Value, schema: &'a Value, steps: &mut usize, ways: &mut Vec<&'a Value>) {
    if *steps == 0 || *schema == Value::Bool(false) {
        return;
    }
    *steps -= 1;
    let mut leads = false;
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        leads = true;
        if let Some(schema) = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer)) {
            spread(root, schema, steps, ways);
        }
    }
    for choice in ["anyOf", "oneOf", "allOf"] {
        if let Some(all) = schema.get(choice).and_then(Value::as_array) {
            leads = true;
            for schema in all {
                spread(root, schema, steps, ways);
            }
        }
    }
    for branch in ["then", "else"] {
        if let Some(schema) = schema.get(branch) {
            spread(root, schema, steps, ways);
        }
    }
    // One that only leads elsewhere says nothing itself.
    if !leads || ["type", "properties", "x-secret"].iter().any(|key| schema.get(key).is_some()) {
        ways.push(schema);
    }
}

/// Whether a text could stand where this schema holds.
fn may_be_text(schema: &Value) -> bool {
    match schema.get("type") {
        Some(Value::String(r#type)) => r#type == "string",
        Some(Value::Array(types)) => types.iter().any(|r#type| r#type == "string"),
        _ => ["properties", "patternProperties", "additionalProperties", "items", "prefixItems"]
            .iter()
            .all(|key| schema.get(key).is_none()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// As drivers' types make it: references, "or null", a map, a choice.
    fn schema() -> Value {
        json!({
            "type": "object",
            "properties": {
                "password": { "type": ["string", "null"], "x-secret": true },
                "host": { "type": "string" },
                "free": {},
                "hmac": { "anyOf": [{ "$ref": "#/$defs/Hmac" }, { "type": "null" }] },
                "headers": { "type": "object", "additionalProperties": { "type": "string" } },
                "users": { "type": "array", "items": { "$ref": "#/$defs/User" } },
                "dsn": { "anyOf": [{ "type": "string", "x-secret": true }, { "$ref": "#/$defs/Hmac" }] },
                "round": { "$ref": "#/$defs/Round" }
            },
            "$defs": {
                "Hmac": { "type": "object", "properties": { "secret": { "type": "string", "x-secret": true } } },
                "User": { "type": "object", "properties": { "hash": { "type": "string" } } },
                "Round": { "anyOf": [{ "$ref": "#/$defs/Round" }, { "$ref": "#/$defs/Round" }] }
            }
        })
    }

    #[track_caller]
    fn check(keys: &[&str], is_reference: bool) {
        let schema = schema();
        let mut place = Shape::of(&schema);
        for key in keys {
            place = if *key == "[]" { place.element() } else { place.key(key) };
        }
        let found = place.reference(&json!({ "secret": "broker" })).map(str::to_owned);
        assert_eq!(found, is_reference.then(|| "broker".to_owned()), "{keys:?}");
        assert_eq!(place.reference(&json!({ "secret": "broker", "header": "X" })), None);
        assert_eq!(place.reference(&json!({ "secret": 5 })), None);
    }

    #[test]
    fn a_reference_stands_where_a_text_may_and_not_where_an_object_is_described() {
        check(&["password"], true);
        check(&["host"], true);
        check(&["hmac"], false);
        check(&["hmac", "secret"], true);
        check(&["headers"], false);
        check(&["headers", "secret"], true);
        check(&["users", "[]"], false);
        check(&["users", "[]", "hash"], true);
        check(&["dsn"], true);
        check(&[], false);
    }

    #[test]
    fn where_a_schema_says_nothing_it_is_a_reference() {
        check(&["free"], true);
        check(&["unknown"], true);
        check(&["round"], true);
        let none = Value::Null;
        assert_eq!(Shape::of(&none).key("x").reference(&json!({ "secret": "a" })), Some("a"));
    }
}
