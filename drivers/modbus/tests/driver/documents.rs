//! The README keeps in step with the code.

use std::process::Command;

#[test]
fn the_readme_names_every_key_and_every_profile() {
    let described = Command::new(env!("CARGO_BIN_EXE_fieldrail-driver-modbus")).arg("--describe").output().unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&described.stdout).unwrap();
    let schema = &manifest["config_schema"];
    let readme = include_str!("../../README.md");
    let parts = ["Unit", "Register"].map(|part| &schema["$defs"][part]);
    for part in std::iter::once(schema).chain(parts) {
        for key in part["properties"].as_object().unwrap().keys() {
            assert!(readme.contains(&format!("| `{key}` |")), "the README does not name `{key}`");
        }
    }
    for name in fieldrail_driver_modbus::map::builtin::names() {
        assert!(readme.contains(&format!("`{name}`")), "the README does not name the profile `{name}`");
    }
    assert_eq!(manifest["name"], "modbus");
}
