//! The lines of the workspace: who may depend on whom, which crates know neither files nor clocks, what a driver's folder
//! holds, which licences come in, where `unsafe` may stand. Each check is a function of its input, so that a second test
//! proves that it goes red.

mod licences;

use std::collections::BTreeSet;
use std::path::Path;

use fieldrail_tests::workspace::{Source, metadata, root, sources, sources_without_tests};
use serde_json::{Value, json};

/// Crates of this workspace that a crate may use, beside those of others. `*` stands for any ending.
const LINES: [(&str, &[&str]); 17] = [
    ("fieldrail-model", &[]),
    ("fieldrail-wire", &["fieldrail-model"]),
    ("fieldrail-router", &["fieldrail-model"]),
    ("fieldrail-store", &["fieldrail-model"]),
    ("fieldrail-driver", &["fieldrail-model", "fieldrail-wire"]),
    ("fieldrail-supervisor", &["fieldrail-model", "fieldrail-wire"]),
    (
        "fieldrail-node",
        &["fieldrail-model", "fieldrail-wire", "fieldrail-router", "fieldrail-store", "fieldrail-supervisor"],
    ),
    ("fieldrail-api", &["fieldrail-model", "fieldrail-node"]),
    ("fieldrail-sentry", &["fieldrail-node"]),
    ("fieldrail", &["fieldrail-api", "fieldrail-node", "fieldrail-sentry"]),
    ("fieldrail-link-*", &["fieldrail-model"]),
    ("fieldrail-driver-*", &["fieldrail-driver", "fieldrail-model", "fieldrail-link-*"]),
    ("fieldrail-testkit", &["fieldrail-model", "fieldrail-wire"]),
    // What runs the whole from outside, as a user does.
    ("fieldrail-benches", &[]),
    ("fieldrail-fuzz", &["fieldrail-*"]),
    ("fieldrail-tests", &["fieldrail-*"]),
    // Of others.
    ("*", &["*"]),
];

/// What only tests may use.
const TESTKIT: &str = "fieldrail-testkit";

fn fits(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |beginning| name.starts_with(beginning))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The packages of this workspace.
fn ours(metadata: &Value) -> impl Iterator<Item = &Value> {
    metadata["packages"].as_array().expect("metadata has packages").iter().filter(|package| package["source"].is_null())
}

/// Every dependency that crosses a line.
fn crossed_lines(metadata: &Value) -> Vec<String> {
    let names: BTreeSet<&str> = ours(metadata).map(|package| text(package, "name")).collect();
    let mut crossed = Vec::new();
    for package in ours(metadata) {
        let name = text(package, "name");
        let (_, allowed) = LINES.iter().find(|(pattern, _)| fits(pattern, name)).expect("the last line fits all");
        let is_driver = text(package, "manifest_path").contains("/drivers/");
        if is_driver != fits("fieldrail-driver-*", name) || !name.starts_with("fieldrail") {
            crossed.push(format!("{name} is named like what it is not"));
        }
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let (on, kind) = (text(dependency, "name"), text(dependency, "kind"));
            let is_ours = names.contains(on) || !dependency["path"].is_null();
            let fine = allowed.iter().any(|pattern| fits(pattern, on)) || (kind == "dev" && on == TESTKIT);
            if is_ours && !fine {
                crossed.push(format!("{name} depends on {on}"));
            }
            if on == TESTKIT && kind != "dev" {
                crossed.push(format!("{name} depends on {TESTKIT} outside of its tests"));
            }
        }
    }
    crossed
}

/// What is said of a workspace in which `name`, in this folder, depends on `on`.
fn doctored(name: &str, folder: &str, on: &str, kind: Option<&str>) -> Vec<String> {
    let package = |name: &str, folder: &str, dependencies: Value| {
        let manifest_path = format!("/w/{folder}/Cargo.toml");
        json!({ "name": name, "source": null, "manifest_path": manifest_path, "dependencies": dependencies })
    };
    let folder_of_on = if fits("fieldrail-driver-*", on) { "drivers/y" } else { "crates/y" };
    let dependency = json!([{ "name": on, "kind": kind, "path": format!("/w/{on}") }]);
    crossed_lines(&json!({ "packages": [package(name, folder, dependency), package(on, folder_of_on, json!([]))] }))
}

#[test]
fn every_crate_keeps_within_its_lines() {
    assert_eq!(crossed_lines(&metadata()), [] as [String; 0]);
}

#[test]
fn a_driver_that_depends_on_another_crate_is_refused() {
    for on in ["fieldrail-wire", "fieldrail-node", "fieldrail-store", "fieldrail-router", "fieldrail-api"] {
        let crossed = doctored("fieldrail-driver-x", "drivers/x", on, None);
        assert_eq!(crossed, [format!("fieldrail-driver-x depends on {on}")]);
        let crossed = doctored("fieldrail-driver-x", "drivers/x", on, Some("build"));
        assert_eq!(crossed, [format!("fieldrail-driver-x depends on {on}")]);
        let crossed = doctored("fieldrail-driver-x", "drivers/x", on, Some("dev"));
        assert_eq!(crossed, [format!("fieldrail-driver-x depends on {on}")]);
    }
    for on in ["fieldrail-driver", "fieldrail-model", "fieldrail-link-serial"] {
        assert_eq!(doctored("fieldrail-driver-x", "drivers/x", on, None), [] as [String; 0]);
    }
}

#[test]
fn a_crate_of_the_daemon_that_depends_upwards_or_on_a_driver_is_refused() {
    for (name, on) in [
        ("fieldrail-model", "fieldrail-wire"),
        ("fieldrail-router", "fieldrail-store"),
        ("fieldrail-supervisor", "fieldrail-router"),
        ("fieldrail-api", "fieldrail-store"),
        ("fieldrail-node", "fieldrail-driver-mqtt"),
        ("fieldrail-link-mqtt", "fieldrail-driver"),
    ] {
        assert_eq!(doctored(name, "crates/x", on, None), [format!("{name} depends on {on}")]);
    }
    assert_eq!(
        doctored("fieldrail-driver-x", "crates/x", "fieldrail-model", None).len(),
        1,
        "a driver lies in drivers/"
    );
}

#[test]
fn the_testkit_is_for_tests_only() {
    assert_eq!(doctored("fieldrail-driver-x", "drivers/x", TESTKIT, Some("dev")), [] as [String; 0]);
    assert_eq!(doctored("fieldrail-node", "crates/node", TESTKIT, None).len(), 2);
    assert_eq!(doctored("fieldrail-tests", "tests", TESTKIT, None).len(), 1);
}

/// The folders of the drivers, by name.
fn drivers() -> Vec<String> {
    let entries = std::fs::read_dir(root().join("drivers")).expect("drivers/ exists");
    let folders =
        entries.map(|entry| entry.expect("an entry")).filter(|entry| entry.path().join("Cargo.toml").exists());
    let mut names: Vec<String> = folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Texts in the code that name a driver.
fn named_drivers(sources: &[Source], drivers: &[String]) -> Vec<String> {
    let mut named = Vec::new();
    for source in sources {
        let programs = |text: &String| text.contains("fieldrail-driver-") && !text.contains("fieldrail-driver-{}");
        for text in source.texts.iter().filter(|text| drivers.contains(text) || programs(text)) {
            named.push(format!("{} names the driver {text:?}", source.path.display()));
        }
    }
    named
}

/// The crates that run in the daemon.
const DAEMON: [&str; 9] = ["model", "wire", "router", "store", "supervisor", "node", "api", "sentry", "fieldrail"];

#[test]
fn no_crate_of_the_daemon_names_a_driver() {
    let drivers = drivers();
    assert!(!drivers.is_empty());
    for name in DAEMON {
        let sources = sources_without_tests(&root(), &format!("crates/{name}/src"));
        assert_eq!(named_drivers(&sources, &drivers), [] as [String; 0]);
    }
    let guilty = Source::parse(r#"if driver == "mqtt" { start("fieldrail-driver-mqtt") } // "webhook""#);
    assert_eq!(named_drivers(&[guilty], &["mqtt".into(), "webhook".into()]).len(), 2);
}

/// Uses of files, sockets, processes and clocks.
fn impure(sources: &[Source]) -> Vec<String> {
    const BANNED: [&str; 6] = ["fs", "net", "process", "SystemTime::now", "Instant::now", "thread::spawn"];
    let mut found = Vec::new();
    for source in sources {
        let code: String = source.code.split_whitespace().collect();
        // `use std::{fs, io}` names the module inside of the braces.
        let grouped =
            code.split("std::{").skip(1).filter_map(|rest| rest.split('}').next()).flat_map(|list| list.split(','));
        let grouped: BTreeSet<&str> = grouped.map(|item| item.split("::").next().unwrap_or(item)).collect();
        for banned in BANNED {
            let path = format!("std::{banned}");
            let named = code
                .match_indices(&path)
                .any(|(at, _)| !code[at + path.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_'));
            if named || grouped.contains(banned) || (banned.contains("::") && code.contains(banned)) {
                found.push(format!("{} uses {banned}", source.path.display()));
            }
        }
    }
    found
}

#[test]
fn the_pure_crates_know_neither_files_nor_sockets_nor_clocks() {
    for name in ["model", "wire", "router", "link_mqtt"] {
        assert_eq!(impure(&sources_without_tests(&root(), &format!("crates/{name}/src"))), [] as [String; 0]);
    }
    // A battery's decoder is used over every transport, so it knows none.
    assert_eq!(impure(&sources_without_tests(&root(), "drivers/bms/src/battery")), [] as [String; 0]);
    for guilty in [
        "let now = std::time::Instant::now();",
        "use std::{fmt, fs};",
        "use std::{io, net::TcpStream};",
        "let x = std :: process :: exit(1);",
        "let t = SystemTime::now();",
    ] {
        assert_eq!(impure(&[Source::parse(guilty)]).len(), 1, "{guilty}");
    }
    assert_eq!(impure(&[Source::parse("use std::fmt; // std::fs\nlet text = \"std::net\";")]), [] as [String; 0]);
}

/// What a driver's folder lacks. `codec.rs` is only there where no link crate has the codec.
fn lacking(folder: &Path) -> Vec<&'static str> {
    const FILES: [&str; 6] = ["Cargo.toml", "README.md", "src/main.rs", "src/lib.rs", "src/config.rs", "src/error.rs"];
    let simulates = sources(folder, "src").iter().any(|source| source.code.contains("simulation: true"));
    let sim = simulates.then_some("src/sim.rs");
    let files = FILES.into_iter().chain(sim).filter(|file| !folder.join(file).is_file());
    // What a link crate decodes has its golden files there.
    let cargo = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    let golden = (!cargo.contains("fieldrail-link-")).then_some("golden");
    let is_filled = |name: &str| std::fs::read_dir(folder.join(name)).is_ok_and(|mut entries| entries.next().is_some());
    files.chain(golden.into_iter().chain(["tests"]).filter(|name| !is_filled(name))).collect()
}

#[test]
fn every_driver_lies_in_one_folder_of_the_same_shape() {
    for driver in drivers() {
        assert_eq!(lacking(&root().join("drivers").join(&driver)), [] as [&str; 0], "drivers/{driver} lacks these");
    }
}

/// Where `unsafe` may stand: between fork and exec, and around an allocator that a test watches.
const UNSAFE: [&str; 5] = [
    "crates/supervisor/src/process/mod.rs",
    "crates/supervisor/src/process/leash.rs",
    "crates/supervisor/src/process/spawner.rs",
    "crates/wire/tests/bounds.rs",
    // An allocator that counts.
    "crates/router/benches/router/allocator.rs",
];

fn is_unsafe(source: &Source) -> bool {
    let words = source.code.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.into_iter().any(|word| word == "unsafe" || word == "unsafe_code")
}

#[test]
fn unsafe_stands_only_where_it_was_agreed() {
    let folders = ["crates", "drivers", "benches", "tests", "fuzz"].into_iter();
    let found = folders.flat_map(|name| sources(&root(), name)).filter(is_unsafe);
    let found: BTreeSet<String> = found.map(|source| source.path.display().to_string()).collect();
    assert_eq!(found, UNSAFE.map(Into::into).into());
    assert!(is_unsafe(&Source::parse("unsafe { x() }")));
    assert!(is_unsafe(&Source::parse("#![allow(unsafe_code)]")));
    assert!(!is_unsafe(&Source::parse("// unsafe\nlet not_unsafe = \"unsafe\";")));
}

/// The tests of the web admin, whose names are sentences.
fn web_tests() -> String {
    let folders = ["web/tests", "tests/browser"].into_iter().map(|name| root().join(name));
    let entries = folders.flat_map(|folder| std::fs::read_dir(folder).expect("the folder is there").flatten());
    let is_test = |path: &Path| [".test.ts", ".test.mjs"].iter().any(|end| path.to_string_lossy().ends_with(end));
    let paths = entries.map(|entry| entry.path()).filter(|path| is_test(path));
    paths.map(|path| std::fs::read_to_string(path).expect("a test can be read")).collect()
}

/// Tests that the table of invariants names and nobody has written.
fn missing_tests(architecture: &str, sources: &[Source], web: &str) -> Vec<String> {
    let table = architecture.split_once("## Invariants").map_or("", |(_, rest)| rest);
    let table = table.split_once("\n## ").map_or(table, |(table, _)| table);
    let rows = table.lines().filter_map(|line| line.trim_end_matches(" |").rsplit_once(" | "));
    let names = rows.flat_map(|(_, tests)| tests.split('`').skip(1).step_by(2));
    let is_missing = |name: &&str| {
        !sources.iter().any(|source| source.code.contains(&format!("fn {name}(")))
            && !web.contains(&format!("\ntest('{name}',"))
    };
    names.filter(is_missing).map(Into::into).collect()
}

#[test]
fn every_invariant_of_the_architecture_has_its_test() {
    let architecture = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md is there");
    let folders = ["crates", "drivers", "tests"].into_iter();
    let sources: Vec<Source> = folders.flat_map(|name| sources(&root(), name)).collect();
    assert_eq!(missing_tests(&architecture, &sources, &web_tests()), [] as [String; 0]);
    let invented = "## Invariants\n\n| a | b |\n| --- | --- |\n| it holds | `no_such_test`, `x`, `y is`, `z is` |\n";
    let missing = missing_tests(invented, &[Source::parse("fn x() {}")], "\ntest('y is', () => {})");
    assert_eq!(missing, ["no_such_test", "z is"]);
}
