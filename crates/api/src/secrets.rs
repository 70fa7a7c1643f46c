//! Secrets that stand in a configuration itself: they go in and never come back.
//!
//! A driver's schema marks them with `"x-secret": true`. On the way out each is a [`MASK`]; on the way in a mask stands for
//! what is stored, so that a form can save what it never saw.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// What is shown instead of a secret.
pub(crate) const MASK: &str = "********";

/// The names of the keys that hold secrets, anywhere in the configuration.
pub(crate) fn keys(schema: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(schema, &mut found);
    found
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
pub(crate) fn every_key(config: &Value) -> BTreeSet<String> {
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

/// Puts masks in the place of secrets.
pub(crate) fn hide(keys: &BTreeSet<String>, config: &mut Value) {
    match config {
        Value::Object(map) => {
            for (key, value) in map {
                if is_reference(value) {
                    continue;
                }
                if keys.contains(key) && !value.is_object() && !value.is_null() {
                    *value = MASK.into();
                } else {
                    hide(keys, value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| hide(keys, item)),
        _ => {}
    }
}

/// `{"secret": "name"}` only says which secret it is.
fn is_reference(value: &Value) -> bool {
    value.as_object().is_some_and(|map| map.len() == 1 && map.get("secret").is_some_and(Value::is_string))
}

/// Puts what is stored in the place of masks. Fails with the key of a mask that stands for nothing.
pub(crate) fn restore(keys: &BTreeSet<String>, config: &mut Value, stored: &Value) -> Result<(), String> {
    match config {
        Value::Object(map) => restore_map(keys, map, stored),
        Value::Array(items) => items.iter_mut().try_for_each(|item| {
            let same = partner(keys, item, stored).unwrap_or(&Value::Null);
            restore(keys, item, same)
        }),
        _ => Ok(()),
    }
}

fn restore_map(keys: &BTreeSet<String>, map: &mut Map<String, Value>, stored: &Value) -> Result<(), String> {
    for (key, value) in map {
        let before = stored.get(key).unwrap_or(&Value::Null);
        if keys.contains(key) && *value == MASK {
            if before.is_null() {
                return Err(key.clone());
            }
            *value = before.clone();
        } else {
            restore(keys, value, before)?;
        }
    }
    Ok(())
}

/// The stored entry of a list that this one was: by its name, else by everything that is shown of it. Never by its
/// place: a removed entry must not hand its secret to the next.
fn partner<'a>(keys: &BTreeSet<String>, item: &Value, stored: &'a Value) -> Option<&'a Value> {
    let all = stored.as_array()?;
    let shown = |one: &Value| {
        let mut shown = one.clone();
        hide(keys, &mut shown);
        shown
    };
    match item.get("name") {
        Some(name) => all.iter().find(|one| one.get("name") == Some(name)),
        None => all.iter().find(|one| shown(one) == *item),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn marked() -> BTreeSet<String> {
        let schema = json!({
            "properties": { "password": { "type": "string", "x-secret": true }, "users": { "$ref": "#/$defs/User" } },
            "$defs": { "User": { "properties": { "hash": { "x-secret": true }, "name": {} } } }
        });
        keys(&schema)
    }

    fn stored() -> Value {
        json!({
            "host": "h", "password": "geheim",
            "users": [{ "name": "a", "hash": "A" }, { "name": "b", "hash": "B" }]
        })
    }

    #[test]
    fn what_is_marked_goes_in_and_never_comes_back() {
        let mut shown = stored();
        hide(&marked(), &mut shown);
        assert_eq!(shown["host"], "h");
        let text = shown.to_string();
        assert!(!text.contains("geheim") && !text.contains("\"A\""), "{text}");
        restore(&marked(), &mut shown, &stored()).unwrap();
        assert_eq!(shown, stored());
    }

    #[test]
    fn of_an_unknown_driver_every_text_is_hidden() {
        let mut shown = stored();
        hide(&every_key(&shown), &mut shown);
        assert_eq!(shown["users"][1], json!({ "name": MASK, "hash": MASK }));
        assert_eq!(shown["host"], MASK);
    }

    #[test]
    fn a_reference_to_a_secret_is_shown_as_it_is() {
        let mut shown = json!({ "password": { "secret": "broker" } });
        hide(&marked(), &mut shown);
        assert_eq!(shown, json!({ "password": { "secret": "broker" } }));
    }

    #[test]
    fn a_removed_entry_does_not_hand_its_secret_to_the_next() {
        let mut config = json!({ "users": [{ "name": "b", "hash": MASK }] });
        restore(&marked(), &mut config, &stored()).unwrap();
        assert_eq!(config["users"][0]["hash"], "B");
        let mut config = json!({ "users": [{ "name": "c", "hash": MASK }] });
        assert_eq!(restore(&marked(), &mut config, &stored()), Err("hash".into()));
        assert_eq!(restore(&marked(), &mut json!({ "password": MASK }), &Value::Null), Err("password".into()));
    }
}
