//! How the form of a driver reads: titles, German texts, and what stands folded away, from the driver's `form.json`.
//!
//! The schema comes from the code; this only dresses it. A path that leads nowhere is the author's mistake, so it is told.

use std::collections::BTreeMap;

use fieldrail_wire::Manifest;
use serde::Deserialize;
use serde_json::{Map, Value};

/// How deep a path may lead.
const DEEPEST: usize = 8;

/// What is said of one key.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Words {
    /// The label.
    title: Option<String>,
    /// The label in German.
    title_de: Option<String>,
    /// What the doc comment says, in German.
    help_de: Option<String>,
    /// An example, shown while the field is empty.
    example: Option<Value>,
    /// Most people never need it.
    advanced: bool,
    /// Its text may have several lines.
    multiline: bool,
}

impl Words {
    fn put_into(self, schema: &mut Map<String, Value>) {
        let texts = [("title", self.title), ("x-title-de", self.title_de), ("x-help-de", self.help_de)];
        for (key, text) in texts {
            if let Some(text) = text {
                schema.insert(key.into(), text.into());
            }
        }
        if let Some(example) = self.example {
            schema.insert("examples".into(), Value::Array(vec![example]));
        }
        for (key, set) in [("x-advanced", self.advanced), ("x-multiline", self.multiline)] {
            if set {
                schema.insert(key.into(), true.into());
            }
        }
    }
}

/// Dresses the schemas of a manifest. A path is a key of the configuration (`tls.ca_file`, empty for the whole of it), or
/// with `@` an action and its arguments (`@scan`, `@scan.first`).
///
/// # Errors
/// The text is no such file, or a path leads nowhere.
pub(crate) fn dress(manifest: &mut Manifest, form: &str) -> Result<(), String> {
    let form: BTreeMap<String, Words> = serde_json::from_str(form).map_err(|error| format!("form.json: {error}"))?;
    for (path, words) in form {
        let place = match path.strip_prefix('@') {
            None => find(&mut manifest.config_schema, &path),
            Some(rest) => {
                let (name, path) = rest.split_once('.').unwrap_or((rest, ""));
                let action = manifest.capabilities.actions.iter_mut().find(|action| action.name == name);
                let arguments = action.map(|action| action.arguments.get_or_insert_with(|| Value::Object(Map::new())));
                arguments.and_then(|arguments| find(arguments, path))
            }
        };
        words.put_into(place.ok_or_else(|| format!("form.json: there is no key `{path}`"))?);
    }
    Ok(())
}

fn find<'a>(root: &'a mut Value, path: &str) -> Option<&'a mut Map<String, Value>> {
    let mut pointer = String::new();
    for key in path.split('.').filter(|key| !key.is_empty()).take(DEEPEST) {
        pointer = property(root, &pointer, key)?;
    }
    root.pointer_mut(&pointer)?.as_object_mut()
}

/// Where the property `key` of the schema at `pointer` stands: in it, or in what it refers to.
fn property(root: &Value, pointer: &str, key: &str) -> Option<String> {
    let mut open = vec![pointer.to_owned()];
    for _ in 0..DEEPEST {
        let at = open.pop()?;
        let schema = root.pointer(&at)?;
        let escaped = key.replace('~', "~0").replace('/', "~1");
        if schema.get("properties").and_then(|known| known.get(key)).is_some() {
            return Some(format!("{at}/properties/{escaped}"));
        }
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            open.push(reference.trim_start_matches('#').to_owned());
        }
        if schema.get("items").is_some() {
            open.push(format!("{at}/items"));
        }
        let either = schema.get("anyOf").and_then(Value::as_array).map_or(0, Vec::len);
        open.extend((0..either).map(|nth| format!("{at}/anyOf/{nth}")));
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Action, Capabilities};

    fn manifest() -> Manifest {
        let actions = vec![Action { name: "scan".into(), description: "Looks.".into(), arguments: None }];
        Manifest {
            name: "x".into(),
            version: "1".into(),
            description: "A test.".into(),
            protocol: (1, 1),
            program: vec!["x".into()],
            capabilities: Capabilities { actions, ..Capabilities::default() },
            permissions: crate::Permissions::default(),
            config_schema: json!({
                "title": "Config",
                "properties": { "tls": { "anyOf": [{ "$ref": "#/$defs/Tls" }, { "type": "null" }] } },
                "$defs": { "Tls": { "properties": { "ca_file": { "type": "string" } } } }
            }),
        }
    }

    #[test]
    fn a_key_is_found_through_references_and_an_action_by_its_name() {
        let mut manifest = manifest();
        let form = r#"{
            "": { "title": "X", "title_de": "Ix" },
            "tls.ca_file": { "help_de": "Datei", "advanced": true, "example": "/etc/ca.pem" },
            "@scan": { "title_de": "Suchen" }
        }"#;
        dress(&mut manifest, form).unwrap();
        assert_eq!(manifest.config_schema["title"], "X");
        assert_eq!(manifest.config_schema["x-title-de"], "Ix");
        let file = &manifest.config_schema["$defs"]["Tls"]["properties"]["ca_file"];
        let want = json!({ "type": "string", "x-help-de": "Datei", "x-advanced": true, "examples": ["/etc/ca.pem"] });
        assert_eq!(*file, want);
        assert_eq!(manifest.capabilities.actions[0].arguments, Some(json!({ "x-title-de": "Suchen" })));
    }

    #[test]
    fn a_path_that_leads_nowhere_is_told() {
        for (form, want) in [
            (r#"{ "tls.ca_fle": {} }"#, "there is no key `tls.ca_fle`"),
            (r#"{ "@scn": {} }"#, "there is no key `@scn`"),
            (r#"{ "tls": { "titel": "x" } }"#, "unknown field `titel`"),
        ] {
            let error = dress(&mut manifest(), form).unwrap_err();
            assert!(error.contains(want), "{error}");
        }
    }
}
