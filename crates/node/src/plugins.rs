//! The drivers and plugins at hand: folders with a `manifest.json`, a README and a program.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fieldrail_model::text::{did_you_mean, nearest};
use fieldrail_store::Shape;
use fieldrail_wire::Manifest;
use tracing::warn;

use crate::connections::VIRTUAL;
use crate::{Error, Result};

/// The largest manifest that is read, in bytes.
const MAX_MANIFEST: u64 = 1024 * 1024;

/// One plugin at hand.
pub struct Plugin {
    /// What it says of itself.
    pub manifest: Manifest,
    /// The program, absolute.
    pub program: PathBuf,
    /// The program's arguments.
    pub arguments: Vec<String>,
    /// The plugin's folder; the program runs in it.
    pub folder: PathBuf,
    schema: Option<jsonschema::Validator>,
}

impl Plugin {
    /// Checks a configuration against the driver's own schema.
    ///
    /// # Errors
    /// The first mistake, with its key below `config`.
    pub fn check(&self, config: &serde_json::Value) -> Result<()> {
        let Some(schema) = &self.schema else { return Ok(()) };
        let config = without_secrets(config, &self.shape());
        let Some(error) = schema.iter_errors(&config).next() else { return Ok(()) };
        let known = self.keys();
        let unknown = error.to_string();
        let near = unknown.split('\'').nth(1).and_then(|key| nearest(key, known.iter().map(String::as_str)));
        let hint = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("keys of the driver `{}`: {}", self.manifest.name, known.join(", ")),
        };
        Err(Error::invalid_at(key_path(&error.instance_path().to_string()), unknown, Some(hint)))
    }

    /// What its configuration is like, as far as it says where the names of secrets stand.
    pub fn shape(&self) -> Shape<'_> {
        Shape::of(&self.manifest.config_schema)
    }

    /// The keys that the schema knows at the top; deeper ones have too many forms to name.
    fn keys(&self) -> Vec<String> {
        let properties = self.manifest.config_schema.get("properties").and_then(|p| p.as_object());
        properties.map(|properties| properties.keys().cloned().collect()).unwrap_or_default()
    }
}

/// A secret is given as `{"secret": "name"}` where the schema wants text.
fn without_secrets(config: &serde_json::Value, shape: &Shape<'_>) -> serde_json::Value {
    match config {
        reference if shape.reference(reference).is_some() => serde_json::Value::String("secret".into()),
        serde_json::Value::Object(map) => {
            map.iter().map(|(key, value)| (key.clone(), without_secrets(value, &shape.key(key)))).collect()
        }
        serde_json::Value::Array(items) => {
            let shape = shape.element();
            items.iter().map(|item| without_secrets(item, &shape)).collect()
        }
        other => other.clone(),
    }
}

/// `config.tls.ca_file` for the JSON pointer `/tls/ca_file`.
fn key_path(pointer: &str) -> String {
    let mut path = String::from("config");
    for segment in pointer.split('/').skip(1) {
        if segment.bytes().all(|byte| byte.is_ascii_digit()) && !segment.is_empty() {
            let _ = write!(path, "[{segment}]");
        } else {
            path.push('.');
            path.push_str(&segment.replace("~1", "/").replace("~0", "~"));
        }
    }
    path
}

/// Every plugin at hand, by its driver name.
#[derive(Default, Clone)]
pub struct Plugins(BTreeMap<String, Arc<Plugin>>);

impl Plugins {
    /// Reads the folders below each of `roots`. A folder that holds no usable plugin is left out, and the log says why.
    pub fn scan(roots: &[PathBuf]) -> Self {
        let mut found = BTreeMap::new();
        for folder in roots.iter().flat_map(|root| folders(root)) {
            match read(&folder) {
                Ok(plugin) => {
                    let name = plugin.manifest.name.clone();
                    if let Entry::Vacant(place) = found.entry(name.clone()) {
                        place.insert(Arc::new(plugin));
                    } else {
                        warn!(folder = %folder.display(), name, "A second plugin of this name was left out.");
                    }
                }
                Err(reason) => warn!(folder = %folder.display(), reason, "A folder holds no usable plugin."),
            }
        }
        Self(found)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Plugin>> {
        self.0.values()
    }

    /// The plugin with this driver name.
    pub fn get(&self, driver: &str) -> Result<&Arc<Plugin>> {
        self.0.get(driver).ok_or_else(|| {
            let near = did_you_mean(driver, self.0.keys().map(String::as_str).chain([VIRTUAL]));
            let names: Vec<&str> = self.0.keys().map(String::as_str).collect();
            let message = format!("there is no driver `{driver}`{near}");
            Error::invalid_at("driver", message, Some(format!("drivers at hand: {}", names.join(", "))))
        })
    }
}

fn folders(root: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(root) else {
        warn!(folder = %root.display(), "The plugin folder cannot be read.");
        return Vec::new();
    };
    let mut folders: Vec<PathBuf> = entries.flatten().map(|e| e.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn read(folder: &Path) -> std::result::Result<Plugin, String> {
    let path = folder.join("manifest.json");
    let size = path.metadata().map_err(|e| format!("no manifest.json: {e}"))?.len();
    if size > MAX_MANIFEST {
        return Err(format!("manifest.json has {size} bytes, more than {MAX_MANIFEST}"));
    }
    let text = std::fs::read_to_string(&path).map_err(|e| format!("manifest.json cannot be read: {e}"))?;
    let manifest: Manifest = serde_json::from_str(&text).map_err(|e| format!("manifest.json is wrong: {e}"))?;
    let (program, arguments) = manifest.program.split_first().ok_or("the manifest names no program")?;
    let folder = folder.canonicalize().map_err(|e| e.to_string())?;
    // A bare name that is not in the folder is an interpreter such as `python3`, found on the PATH.
    let inside = folder.join(program);
    let program = if inside.is_file() { inside } else { PathBuf::from(program) };
    if program.components().any(|part| matches!(part, std::path::Component::ParentDir)) {
        return Err("the manifest's program leaves the plugin's folder".into());
    }
    let schema = match &manifest.config_schema {
        serde_json::Value::Null => None,
        schema => Some(jsonschema::validator_for(schema).map_err(|e| format!("its config_schema is wrong: {e}"))?),
    };
    let arguments = arguments.to_vec();
    Ok(Plugin { manifest, program, arguments, folder, schema })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin(schema: &serde_json::Value) -> (tempfile::TempDir, Plugins) {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("x");
        std::fs::create_dir(&folder).unwrap();
        let manifest = serde_json::json!({
            "name": "x", "version": "1.0.0", "description": "A test.", "protocol": [1, 1],
            "program": ["python3", "x.py"], "config_schema": schema
        });
        std::fs::write(folder.join("manifest.json"), manifest.to_string()).unwrap();
        let plugins = Plugins::scan(&[root.path().to_owned()]);
        (root, plugins)
    }

    #[test]
    fn a_wrong_key_is_named_with_its_place_and_a_near_name() {
        let schema = serde_json::json!({
            "type": "object", "additionalProperties": false,
            "properties": { "host": { "type": "string" }, "port": { "type": "integer", "maximum": 65535 } }
        });
        let (_root, plugins) = plugin(&schema);
        let plugin = plugins.get("x").unwrap();
        assert!(plugin.check(&serde_json::json!({ "host": { "secret": "h" }, "port": 1 })).is_ok());
        let Err(Error::Invalid { key, .. }) = plugin.check(&serde_json::json!({ "port": 70000 })) else { panic!() };
        assert_eq!(key.as_deref(), Some("config.port"));
        let Err(Error::Invalid { hint, .. }) = plugin.check(&serde_json::json!({ "prt": 1 })) else { panic!() };
        assert_eq!(hint.as_deref(), Some("did you mean `port`?"));
    }

    #[test]
    fn an_object_with_the_one_key_secret_is_right_where_the_schema_has_one() {
        let (_root, plugins) = plugin(&serde_json::json!({
            "type": "object",
            "properties": { "hmac": {
                "type": "object", "additionalProperties": false, "required": ["secret"],
                "properties": { "secret": { "type": "string", "x-secret": true } }
            } }
        }));
        let plugin = plugins.get("x").unwrap();
        plugin.check(&serde_json::json!({ "hmac": { "secret": "typed" } })).unwrap();
        plugin.check(&serde_json::json!({ "hmac": { "secret": { "secret": "sign" } } })).unwrap();
        let Err(Error::Invalid { key, .. }) = plugin.check(&serde_json::json!({ "hmac": { "secret": 5 } })) else {
            panic!()
        };
        assert_eq!(key.as_deref(), Some("config.hmac.secret"));
    }

    #[test]
    fn a_driver_that_is_not_at_hand_is_named_with_a_near_name() {
        let (_root, plugins) = plugin(&serde_json::Value::Null);
        let Err(error) = plugins.get("virtul") else { panic!() };
        assert_eq!(error.to_string(), "there is no driver `virtul`; did you mean `virtual`?");
    }
}
