//! Secrets that stand in a configuration itself: they go in and never come back.
//!
//! A driver's schema marks them with `"x-secret": true`. On the way out each is a [`MASK`]; on the way in a mask stands for
//! what is stored, so that a form can save what it never saw.

use std::collections::BTreeSet;

use fieldrail_node::Shape;
use serde_json::Value;

/// What is shown instead of a secret.
pub(crate) const MASK: &str = "********";

/// What of a driver's configuration is secret.
pub(crate) struct Hidden<'a> {
    /// The names of the keys that hold secrets, anywhere in the configuration.
    keys: BTreeSet<String>,
    /// Where `{"secret": "name"}` is the name of a secret; none where nobody knows.
    shape: Option<Shape<'a>>,
}

impl<'a> Hidden<'a> {
    /// As the driver's schema says.
    pub(crate) fn by(schema: &'a Value) -> Self {
        let mut keys = BTreeSet::new();
        collect(schema, &mut keys);
        Self { keys, shape: Some(Shape::of(schema)) }
    }

    /// Of a driver that is not at hand nobody knows what is secret, so every text is.
    pub(crate) fn all_of(config: &Value) -> Self {
        Self { keys: every_key(config), shape: None }
    }

    /// These keys, and no references.
    pub(crate) fn under<const N: usize>(keys: [&str; N]) -> Self {
        Self { keys: keys.map(str::to_owned).into(), shape: None }
    }

    /// Puts masks in the place of secrets.
    pub(crate) fn hide(&self, config: &mut Value) {
        self.hide_at(config, self.shape.as_ref());
    }

    fn hide_at(&self, config: &mut Value, shape: Option<&Shape<'_>>) {
        // `{"secret": "name"}` only says which secret it is.
        if shape.is_some_and(|shape| shape.reference(config).is_some()) {
            return;
        }
        match config {
            Value::Object(map) => {
                for (key, value) in map {
                    if self.keys.contains(key) && !value.is_object() && !value.is_null() {
                        *value = MASK.into();
                    } else {
                        self.hide_at(value, shape.map(|shape| shape.key(key)).as_ref());
                    }
                }
            }
            Value::Array(items) => {
                let shape = shape.map(Shape::element);
                for item in items {
                    self.hide_at(item, shape.as_ref());
                }
            }
            _ => {}
        }
    }

    /// Puts what is stored in the place of masks. Fails with the JSON pointers of all masks that stand for nothing, for
    /// example `/users/2/hash`; they stay as they are.
    pub(crate) fn restore(&self, config: &mut Value, stored: &Value) -> Result<(), Vec<String>> {
        let mut missing = Vec::new();
        self.restore_at("", config, stored, self.shape.as_ref(), &mut missing);
        if missing.is_empty() { Ok(()) } else { Err(missing) }
    }

    fn restore_at(
        &self,
        at: &str,
        config: &mut Value,
        stored: &Value,
        shape: Option<&Shape<'_>>,
        missing: &mut Vec<String>,
    ) {
        match config {
            Value::Object(map) => {
                for (key, value) in map {
                    let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                    let before = stored.get(key).unwrap_or(&Value::Null);
                    if self.keys.contains(key) && *value == MASK {
                        if before.is_null() {
                            missing.push(at);
                        } else {
                            *value = before.clone();
                        }
                    } else {
                        self.restore_at(&at, value, before, shape.map(|shape| shape.key(key)).as_ref(), missing);
                    }
                }
            }
            Value::Array(items) => {
                let shape = shape.map(Shape::element);
                for (nth, item) in items.iter_mut().enumerate() {
                    let same = self.partner(item, stored, shape.as_ref()).unwrap_or(&Value::Null);
                    self.restore_at(&format!("{at}/{nth}"), item, same, shape.as_ref(), missing);
                }
            }
            _ => {}
        }
    }

    /// The stored entry of a list that this one was: by its name, else by everything that is shown of it. Never by its
    /// place: a removed entry must not hand its secret to the next.
    fn partner<'v>(&self, item: &Value, stored: &'v Value, shape: Option<&Shape<'_>>) -> Option<&'v Value> {
        let all = stored.as_array()?;
        let shown = |one: &Value| {
            let mut shown = one.clone();
            self.hide_at(&mut shown, shape);
            shown
        };
        match item.get("name") {
            Some(name) => all.iter().find(|one| one.get("name") == Some(name)),
            None => all.iter().find(|one| shown(one) == *item),
        }
    }
}

/// `users[2].hash` for the JSON pointer `/users/2/hash`.
pub(crate) fn dotted(pointer: &str) -> String {
    let mut path = String::new();
    for part in pointer.split('/').skip(1) {
        if !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) {
            path.push('[');
            path.push_str(part);
            path.push(']');
        } else {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&part.replace("~1", "/").replace("~0", "~"));
        }
    }
    path
}

fn collect(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(map) => {
            let properties = map.get("properties").and_then(Value::as_object);
            let marked = |property: &Value| property.get("x-secret") == Some(&Value::Bool(true));
            found.extend(properties.into_iter().flatten().filter(|(_, p)| marked(p)).map(|(key, _)| key.clone()));
            map.values().for_each(|below| collect(below, found));
        }
        Value::Array(items) => items.iter().for_each(|below| collect(below, found)),
        _ => {}
    }
}

/// Every key of a configuration that holds a text.
fn every_key(config: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![config];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(map) => {
                found.extend(map.iter().filter(|(_, value)| value.is_string()).map(|(key, _)| key.clone()));
                open.extend(map.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({
            "properties": {
                "password": { "type": "string", "x-secret": true },
                "users": { "type": "array", "items": { "$ref": "#/$defs/User" } },
                "hmac": { "anyOf": [{ "$ref": "#/$defs/Hmac" }, { "type": "null" }] }
            },
            "$defs": {
                "User": { "properties": { "hash": { "x-secret": true }, "name": {} } },
                "Hmac": { "type": "object", "properties": { "secret": { "type": "string", "x-secret": true } } }
            }
        })
    }

    fn stored() -> Value {
        json!({
            "host": "h", "password": "geheim", "hmac": { "secret": "typed" },
            "users": [{ "name": "a", "hash": "A" }, { "name": "b", "hash": "B" }]
        })
    }

    #[test]
    fn what_is_marked_goes_in_and_never_comes_back() {
        let (schema, mut shown) = (schema(), stored());
        Hidden::by(&schema).hide(&mut shown);
        assert_eq!(shown["host"], "h");
        let text = shown.to_string();
        assert!(!text.contains("geheim") && !text.contains("\"A\"") && !text.contains("typed"), "{text}");
        Hidden::by(&schema).restore(&mut shown, &stored()).unwrap();
        assert_eq!(shown, stored());
    }

    #[test]
    fn of_an_unknown_driver_every_text_is_hidden() {
        let mut shown = stored();
        Hidden::all_of(&stored()).hide(&mut shown);
        assert_eq!(shown["users"][1], json!({ "name": MASK, "hash": MASK }));
        assert_eq!((&shown["host"], &shown["hmac"]), (&json!(MASK), &json!({ "secret": MASK })));
    }

    #[test]
    fn a_reference_to_a_secret_is_shown_as_it_is() {
        let (schema, mut shown) =
            (schema(), json!({ "password": { "secret": "broker" }, "hmac": { "secret": { "secret": "sign" } } }));
        let before = shown.clone();
        Hidden::by(&schema).hide(&mut shown);
        assert_eq!(shown, before);
    }

    #[test]
    fn a_removed_entry_does_not_hand_its_secret_to_the_next() {
        let schema = schema();
        let hidden = Hidden::by(&schema);
        let mut config = json!({ "users": [{ "name": "b", "hash": MASK }] });
        hidden.restore(&mut config, &stored()).unwrap();
        assert_eq!(config["users"][0]["hash"], "B");
        let mut config =
            json!({ "password": MASK, "users": [{ "name": "a", "hash": MASK }, { "name": "c", "hash": MASK }] });
        assert_eq!(hidden.restore(&mut config, &stored()), Err(vec!["/users/1/hash".into()]));
        assert_eq!(hidden.restore(&mut json!({ "password": MASK }), &Value::Null), Err(vec!["/password".into()]));
    }
}
