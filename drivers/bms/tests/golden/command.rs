//! The built program: `decode` with and without a variant.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::{Map, Value};

use crate::cases::{Case, File, files};

fn decode(file: &File, case: &Case, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fieldrail-driver-bms"));
    command.args(["decode", "--device", &file.device, "--transport", &case.transport]).args(more);
    if let Some(key) = &case.key {
        command.args(["--key", key]);
    }
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    // A program that refuses its arguments does not read its input.
    let _ = input.write_all((case.lines.join("\n") + "\n").as_bytes());
    drop(input);
    child.wait_with_output().unwrap()
}

fn check(case: &Case, output: &Output, how: &str) {
    let told = String::from_utf8_lossy(&output.stderr);
    if let Some(error) = &case.error {
        assert_eq!(output.status.code(), Some(1), "{}, {how}", case.name);
        assert!(output.stdout.is_empty(), "{}, {how}: it told values of what is broken", case.name);
        assert!(how != "by its variant" || told.starts_with(&format!("ERROR {error}")), "{}: {told}", case.name);
        return;
    }
    assert_eq!(output.status.code(), Some(0), "{}, {how}: {told}", case.name);
    let text = std::str::from_utf8(&output.stdout).unwrap();
    assert_eq!(text.lines().count(), 1, "{}", case.name);
    let object: Map<String, Value> = serde_json::from_str(text).unwrap();
    assert!(object.values().all(|value| !value.is_object() && !value.is_array() && !value.is_null()), "{text}");
    case.check(&object, how);
}

#[test]
fn every_case_decodes_to_its_numbers_or_is_refused() {
    for file in files() {
        for case in &file.cases {
            let variant = case.variant.as_deref().unwrap_or(&file.variant);
            check(case, &decode(&file, case, &["--variant", variant]), "by its variant");
        }
    }
}

#[test]
fn every_case_is_found_out_without_a_variant() {
    for file in files() {
        for case in file.cases.iter().filter(|case| case.tells_its_variant(&file)) {
            check(case, &decode(&file, case, &[]), "without a variant");
        }
    }
}
