//! Passwords and keys, apart from the configuration that uses them: there, `{"secret": "broker_password"}` stands.

use std::collections::BTreeMap;
use std::fmt;

use fieldrail_model::text::nearest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::format_version::FormatVersion;
use crate::key_path::{KeyPath, Step};
use crate::shape::Shape;

/// The file `secrets.json`, readable for its owner only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    /// The format of this file.
    pub version: FormatVersion,
    /// Each secret by the name that configurations use for it.
    #[serde(default)]
    pub secrets: BTreeMap<String, Secret>,
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text` secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for whoever must send it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A configuration refers to a secret that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: there is no secret named `{name}`")]
pub struct MissingSecret {
    /// The name that is used.
    pub name: String,
    /// Where in the configuration, for example `login.password`.
    pub key: String,
    hint: String,
}

impl MissingSecret {
    /// What to try, shown under the message.
    pub fn hint(&self) -> Option<&str> {
        Some(&self.hint)
    }
}

impl Secrets {
    /// Replaces each `{"secret": "name"}` in `config` by the text of that secret. `shape` says where it is one.
    pub fn resolve(&self, config: &mut Value, shape: &Shape<'_>) -> Result<(), MissingSecret> {
        self.resolve_at(&KeyPath::default(), config, shape)
    }

    fn resolve_at(&self, path: &KeyPath, value: &mut Value, shape: &Shape<'_>) -> Result<(), MissingSecret> {
        if let Some(name) = shape.reference(value) {
            let secret = self.secrets.get(name).ok_or_else(|| self.missing(name, path))?;
            *value = Value::from(secret.reveal());
            return Ok(());
        }
        match value {
            Value::Object(members) => members.iter_mut().try_for_each(|(key, member)| {
                self.resolve_at(&path.then(Step::Key(key.clone())), member, &shape.key(key))
            }),
            Value::Array(elements) => {
                let shape = shape.element();
                elements
                    .iter_mut()
                    .enumerate()
                    .try_for_each(|(index, element)| self.resolve_at(&path.then(Step::Index(index)), element, &shape))
            }
            _ => Ok(()),
        }
    }

    fn missing(&self, name: &str, path: &KeyPath) -> MissingSecret {
        let near = nearest(name, self.secrets.keys().map(String::as_str));
        let hint = near.map_or_else(
            || format!("add `{name}` to `secrets.json`, or to the secrets in the web admin"),
            |near| format!("did you mean `{near}`?"),
        );
        MissingSecret { name: name.into(), key: path.to_string(), hint }
    }
}

/// Each `{"secret": "name"}` in a configuration: the name, and the key where it stands, for example `login.password`.
pub fn references(config: &Value, shape: &Shape<'_>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    gather(&KeyPath::default(), config, shape, &mut found);
    found
}

fn gather(path: &KeyPath, value: &Value, shape: &Shape<'_>, found: &mut Vec<(String, String)>) {
    if let Some(name) = shape.reference(value) {
        return found.push((name.into(), path.to_string()));
    }
    match value {
        Value::Object(members) => members
            .iter()
            .for_each(|(key, member)| gather(&path.then(Step::Key(key.clone())), member, &shape.key(key), found)),
        Value::Array(elements) => {
            let shape = shape.element();
            let elements = elements.iter().enumerate();
            elements.for_each(|(index, element)| gather(&path.then(Step::Index(index)), element, &shape, found));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn secrets() -> Secrets {
        let secrets = [("broker".to_string(), Secret::new("hunter2"))].into();
        Secrets { secrets, ..Secrets::default() }
    }

    #[test]
    fn references_are_replaced_wherever_they_stand() {
        let mut config = json!({"user": "x", "password": {"secret": "broker"}, "all": [{"secret": "broker"}]});
        secrets().resolve(&mut config, &Shape::of(&Value::Null)).unwrap();
        assert_eq!(config, json!({"user": "x", "password": "hunter2", "all": ["hunter2"]}));
    }

    #[test]
    fn what_only_looks_like_a_reference_stays() {
        let before = json!({"hmac": {"secret": "broker", "header": "X"}, "secret": 5, "text": "secret"});
        let mut config = before.clone();
        secrets().resolve(&mut config, &Shape::of(&Value::Null)).unwrap();
        assert_eq!(config, before);
    }

    #[test]
    fn an_object_whose_schema_has_a_key_of_this_name_is_no_reference() {
        let schema = json!({
            "properties": { "hmac": { "type": "object", "properties": { "secret": { "type": "string" } } } }
        });
        let shape = Shape::of(&schema);
        let mut config = json!({"hmac": {"secret": "typed"}});
        secrets().resolve(&mut config, &shape).unwrap();
        assert_eq!(config, json!({"hmac": {"secret": "typed"}}));
        let mut config = json!({"hmac": {"secret": {"secret": "broker"}}});
        assert_eq!(references(&config, &shape), [("broker".to_owned(), "hmac.secret".to_owned())]);
        secrets().resolve(&mut config, &shape).unwrap();
        assert_eq!(config, json!({"hmac": {"secret": "hunter2"}}));
    }

    #[test]
    fn a_missing_secret_is_named_with_its_key() {
        let mut config = json!({"login": [{"password": {"secret": "brokr"}}]});
        let error = secrets().resolve(&mut config, &Shape::of(&Value::Null)).unwrap_err();
        assert_eq!(error.to_string(), "login[0].password: there is no secret named `brokr`");
        assert_eq!(error.hint(), Some("did you mean `broker`?"));
    }

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(format!("{:?}", secrets().secrets), r#"{"broker": Secret(…)}"#);
    }
}
