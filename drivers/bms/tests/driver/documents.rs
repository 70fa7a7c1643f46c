//! The README and the form say what the schema says.

use std::process::Command;

use serde_json::Value;

use crate::peers::DRIVER;

#[test]
fn every_key_of_the_schema_stands_in_the_readme_and_has_german_words() {
    let printed = Command::new(DRIVER).arg("--describe").output().unwrap();
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let manifest: Value = serde_json::from_slice(&printed.stdout).unwrap();
    let readme = include_str!("../../README.md");
    for (key, schema) in manifest["config_schema"]["properties"].as_object().unwrap() {
        assert!(readme.contains(&format!("| `{key}` |")), "`{key}` is missing in the README");
        assert!(schema["x-title-de"].is_string() && schema["x-help-de"].is_string(), "`{key}` has no German words");
    }
    assert_eq!(manifest["permissions"]["write"], serde_json::json!(["config.device", "config.packs[].device"]));
}
