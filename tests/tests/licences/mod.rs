//! The licences of everything that comes in, held against the list in `deny.toml`.

mod parts;

use fieldrail_tests::workspace::{metadata, root};
use serde_json::{Value, json};

/// The licences that `deny.toml` allows.
fn allowed(deny: &str) -> Vec<String> {
    let list = deny.split_once("allow = [").and_then(|(_, rest)| rest.split_once("\n]"));
    let lines = list.expect("deny.toml has a list `allow`").0.lines();
    lines.filter_map(|line| line.split('"').nth(1).map(Into::into)).collect()
}

/// Whether an SPDX expression leaves a choice that is allowed. `AND` binds closer than `OR`; `/` is the old spelling of `OR`.
fn permits(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    either(&mut rest, allowed) && rest.is_empty()
}

fn either(words: &mut &[&str], allowed: &[String]) -> bool {
    let mut permitted = both(words, allowed);
    while let ["OR", rest @ ..] = *words {
        *words = rest;
        permitted |= both(words, allowed);
    }
    permitted
}

fn both(words: &mut &[&str], allowed: &[String]) -> bool {
    let mut permitted = one(words, allowed);
    while let ["AND", rest @ ..] = *words {
        *words = rest;
        permitted &= one(words, allowed);
    }
    permitted
}

fn one(words: &mut &[&str], allowed: &[String]) -> bool {
    match *words {
        ["(", rest @ ..] => {
            *words = rest;
            let permitted = either(words, allowed);
            let [")", rest @ ..] = *words else { return false };
            *words = rest;
            permitted
        }
        [licence, "WITH", exception, rest @ ..] => {
            *words = rest;
            allowed.contains(&format!("{licence} WITH {exception}"))
        }
        [licence, rest @ ..] => {
            *words = rest;
            allowed.iter().any(|known| known == licence)
        }
        [] => false,
    }
}

/// Every package whose licence is not allowed.
fn refused(metadata: &Value, allowed: &[String]) -> Vec<String> {
    let packages = metadata["packages"].as_array().expect("metadata has packages").iter();
    let licence = |package: &Value| package["license"].as_str().unwrap_or("no licence").to_owned();
    let refused = packages.filter(|package| !permits(&licence(package), allowed));
    refused.map(|package| format!("{}: {}", package["name"], licence(package))).collect()
}

fn deny() -> String {
    std::fs::read_to_string(root().join("deny.toml")).expect("deny.toml is there")
}

#[test]
fn every_licence_is_on_the_list() {
    assert_eq!(refused(&metadata(), &allowed(&deny())), [] as [String; 0]);
}

#[test]
fn a_licence_that_asks_for_more_is_refused() {
    let allowed = allowed(&deny());
    let check = |licence: Value| refused(&json!({ "packages": [{ "name": "x", "license": licence }] }), &allowed).len();
    for good in
        ["MIT", "MIT OR GPL-3.0", "GPL-3.0/MIT", "(MIT OR Apache-2.0) AND Unicode-3.0", "Apache-2.0 WITH X OR MIT"]
    {
        assert_eq!(check(json!(good)), 0, "{good}");
    }
    for bad in ["GPL-3.0", "MIT AND GPL-3.0", "Apache-2.0 WITH X", "MIT AND (GPL-3.0 OR LGPL-2.1)", "", "mit"] {
        assert_eq!(check(json!(bad)), 1, "{bad}");
    }
    assert_eq!(check(Value::Null), 1);
}

#[test]
fn the_list_holds_nothing_that_is_not_needed() {
    let (metadata, allowed) = (metadata(), allowed(&deny()));
    for licence in &allowed {
        let without: Vec<String> = allowed.iter().filter(|other| *other != licence).cloned().collect();
        assert!(!refused(&metadata, &without).is_empty(), "nothing needs {licence}");
    }
}
