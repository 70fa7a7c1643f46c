//! The README keeps in step with the code.

use std::process::Command;

#[test]
fn the_readme_names_every_key_of_the_configuration() {
    let described = Command::new(env!("CARGO_BIN_EXE_fieldrail-driver-mqtt")).arg("--describe").output().unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&described.stdout).unwrap();
    let schema = &manifest["config_schema"];
    let readme = include_str!("../../README.md");
    let parts = ["TopicRule", "Tls", "Will"].map(|part| &schema["$defs"][part]);
    for part in std::iter::once(schema).chain(parts) {
        for key in part["properties"].as_object().unwrap().keys() {
            assert!(readme.contains(&format!("| `{key}` |")), "the README does not name `{key}`");
        }
    }
    assert_eq!(manifest["name"], "mqtt");
}
