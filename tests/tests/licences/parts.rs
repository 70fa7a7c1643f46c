//! The list that the web admin shows of everything that comes in, held against what is really built in.

use std::collections::{BTreeSet, HashMap};

use fieldrail_tests::workspace::{metadata, root};
use serde_json::{Value, json};

/// Where the list lies, in the crate that shows it.
const LIST: &str = "crates/api/licences.json";

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// Whether a dependency comes into a program for Linux.
fn comes_in(dependency: &Value) -> bool {
    let elsewhere = |target: &str| {
        ["windows", "wasm", "apple", "macos", "wasi", "hermit", "redox"].iter().any(|system| target.contains(system))
            && !target.contains("not(")
            && !target.contains("linux")
    };
    let kinds = dependency["dep_kinds"].as_array().into_iter().flatten();
    kinds.into_iter().any(|kind| kind["kind"].is_null() && !elsewhere(text(kind, "target")))
}

/// What the daemon and the drivers are made of.
fn of_rust(metadata: &Value) -> Vec<Value> {
    let nodes = metadata["resolve"]["nodes"].as_array().expect("the graph is resolved");
    let nodes: HashMap<&str, &Value> = nodes.iter().map(|node| (text(node, "id"), node)).collect();
    let packages = metadata["packages"].as_array().expect("metadata has packages");
    let packages: HashMap<&str, &Value> = packages.iter().map(|package| (text(package, "id"), package)).collect();
    let ships = |package: &Value| {
        let name = text(package, "name");
        package["source"].is_null() && (name == "fieldrail" || name.starts_with("fieldrail-driver-"))
    };
    let mut open: Vec<&str> = packages.iter().filter(|(_, package)| ships(package)).map(|(id, _)| *id).collect();
    let (mut seen, mut parts) = (BTreeSet::new(), Vec::new());
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        let package = packages[id];
        if !package["source"].is_null() {
            parts.push(json!({
                "name": package["name"], "version": package["version"],
                "licence": text(package, "license"), "from": "rust"
            }));
        }
        let dependencies = nodes[id]["deps"].as_array().into_iter().flatten();
        open.extend(dependencies.filter(|one| comes_in(one)).map(|one| text(one, "pkg")));
    }
    parts
}

/// What the pages are made of: all that is compiled in comes with Svelte.
fn of_npm(lock: &Value) -> Vec<Value> {
    let packages = lock["packages"].as_object().expect("the lock file lists packages");
    let (mut open, mut seen, mut parts) = (vec!["svelte".to_owned()], BTreeSet::new(), Vec::new());
    while let Some(name) = open.pop() {
        let Some(package) = packages.get(&format!("node_modules/{name}")) else { continue };
        if !seen.insert(name.clone()) {
            continue;
        }
        parts.push(json!({
            "name": name, "version": package["version"], "licence": text(package, "license"), "from": "npm"
        }));
        open.extend(package["dependencies"].as_object().into_iter().flatten().map(|(name, _)| name.clone()));
    }
    parts
}

fn parts() -> Vec<Value> {
    let lock = std::fs::read_to_string(root().join("web/package-lock.json")).expect("the pages have a lock file");
    let lock: Value = serde_json::from_str(&lock).expect("a lock file is JSON");
    let mut parts = [of_rust(&metadata()), of_npm(&lock)].concat();
    parts.sort_by_key(|part| {
        (text(part, "from") == "npm", text(part, "name").to_owned(), text(part, "version").to_owned())
    });
    parts
}

#[test]
fn the_list_of_licences_that_is_shown_is_that_of_what_is_built_in() {
    let parts = parts();
    let without: Vec<&Value> = parts.iter().filter(|part| text(part, "licence").is_empty()).collect();
    assert!(without.is_empty(), "no licence is known of {without:?}");
    let lines: Vec<String> = parts.iter().map(Value::to_string).collect();
    let made = format!("[\n{}\n]\n", lines.join(",\n"));
    let path = root().join(LIST);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &made).expect("the list can be written");
    }
    let shown = std::fs::read_to_string(&path).expect("the list is there");
    assert!(shown == made, "{LIST} is not that of today: run scripts/licences, and look at what has come in");
    for name in ["tokio", "rustls", "svelte"] {
        assert!(parts.iter().any(|part| text(part, "name") == name), "{name} is missing");
    }

    assert!(!parts.iter().any(|part| text(part, "name") == "proptest"), "what only tests use is not built in");
}
