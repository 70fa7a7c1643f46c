//! Broken configuration files: never a panic, never an overwrite, always a message that names the place.
#![allow(clippy::unwrap_used)] // in what only tests call, a panic is how a test fails

use std::fs;

use fieldrail_tests::{House, Random};
use serde_json::{Value, json};

/// Random corruptions of each file.
const CORRUPTIONS: u64 = 200;

fn house() -> House {
    let connections = json!([
        { "id": "plc_001", "name": "PLC Keller", "driver": "virtual" },
        { "id": "mqtt.broker_local", "driver": "mqtt", "enabled": false, "config": { "host": "127.0.0.1", "port": 1883 } }
    ]);
    let routes = json!([
        { "id": "a", "from": "plc_001.x", "to": "mqtt.broker_local.y", "condition": "value > 1", "transform": "scale(0.1)" },
        { "id": "b", "from": "plc_001.*", "to": ["calc.b", "log.system"], "enabled": false }
    ]);
    let house = House::new(&connections, &routes);
    let about = json!({ "plc_001.x": { "name": "Höhe", "unit": "m", "type": "REAL", "deadline_s": 5 } });
    house.put("datapoints.json", &json!({ "version": "1.0", "datapoints": about }));
    house.put("secrets.json", &json!({ "version": "1.0", "secrets": { "broker": "geheim", "cloud": "secret" } }));
    let made = house.run(&["token", "add", "panel", "--role", "operator", "--address", "plc_001."]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    house
}

/// One corruption of a kind that disks, editors and people cause.
fn corrupt(text: &str, random: &mut Random) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    let at = random.below(bytes.len());
    match random.below(6) {
        0 => bytes.truncate(at),
        1 => bytes[at] ^= 1 << random.below(8),
        2 => drop(bytes.drain(at..(at + 1 + random.below(20)).min(bytes.len()))),
        3 => bytes.splice(at..at, *b"\"oops\": [1, {").for_each(drop),
        4 => bytes[at..].fill(0),
        _ => {
            let copy = bytes[at..(at + 30).min(bytes.len())].to_vec();
            bytes.splice(at..at, copy).for_each(drop);
        }
    }
    bytes
}

/// `fieldrail check` on 200 corruptions: it ends by itself, says the file, and a line where there is one.
fn check(name: &str) {
    let house = house();
    let path = house.config().join(name);
    let good = fs::read_to_string(&path).unwrap();
    let mut random = Random::new(0x5eed ^ name.len() as u64);
    let mut refused = 0;
    for n in 0..CORRUPTIONS {
        let bad = corrupt(&good, &mut random);
        fs::write(&path, &bad).unwrap();
        let output = house.run(&["check", "--json"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("panicked"), "{name}, corruption {n}: {said}");
        assert_eq!(fs::read(&path).unwrap(), bad, "{name}, corruption {n}: the file was touched");
        if output.status.code() == Some(0) {
            continue;
        }
        assert_eq!(output.status.code(), Some(1), "{name}, corruption {n}: {said}");
        let findings: Value = serde_json::from_slice(&output.stdout).unwrap();
        let named = findings.as_array().unwrap().iter().find(|f| f["file"].as_str().is_some_and(|f| f.ends_with(name)));
        // A changed id in connections.json is found where routing.json uses it.
        let named = named.or_else(|| findings.as_array().unwrap().iter().find(|f| f["file"] == "routing.json"));
        let named = named.unwrap_or_else(|| panic!("{name}, corruption {n}: not named in {findings}"));
        assert!(named["line"].is_u64(), "{name}, corruption {n}: no line in {named}");
        assert!(named["message"].as_str().is_some_and(|m| !m.is_empty()), "{named}");
        refused += 1;
    }
    assert!(refused > CORRUPTIONS / 2, "{name}: only {refused} corruptions did any harm");
}

#[test]
fn corrupt_settings_are_named_and_never_overwritten() {
    check("fieldrail.json");
}

#[test]
fn corrupt_connections_are_named_and_never_overwritten() {
    check("connections.json");
}

#[test]
fn corrupt_routes_are_named_and_never_overwritten() {
    check("routing.json");
}

#[test]
fn corrupt_datapoints_are_named_and_never_overwritten() {
    check("datapoints.json");
}

#[test]
fn corrupt_users_are_named_and_never_overwritten() {
    check("users.json");
}

#[test]
fn corrupt_secrets_are_named_and_never_overwritten() {
    check("secrets.json");
}

#[test]
fn a_running_daemon_keeps_what_is_in_force_and_refuses_to_edit_a_broken_file() {
    let house = house().kept();
    let route = json!({ "id": "a", "from": "plc_001.x", "to": "calc.x" });
    let connection = json!({ "id": "plc_002", "driver": "virtual" });
    let edits = [
        ("routing.json", "PUT", "/api/router/routes/a", route),
        ("connections.json", "POST", "/api/connections", connection),
        ("users.json", "POST", "/api/admin/users", json!({ "name": "x", "password": "lang genug", "role": "viewer" })),
    ];
    let mut random = Random::new(0xdead_beef);
    for (name, method, path, body) in &edits {
        let file = house.config().join(name);
        let good = fs::read_to_string(&file).unwrap();
        let mut refused = 0;
        for n in 0..30 {
            let mut bad = corrupt(&good, &mut random);
            bad.insert(random.below(bad.len().max(1)).min(bad.len()), 0x01);
            fs::write(&file, &bad).unwrap();
            let answer = house.ask(method, path, body);
            if answer.status == 409 && answer.json()["at"]["file"].is_string() {
                refused += 1;
            } else {
                panic!("{name}, corruption {n}: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
            }
            assert_eq!(fs::read(&file).unwrap(), bad, "{name}, corruption {n}: the file was overwritten");
        }
        assert_eq!(refused, 30, "{name}");
        fs::write(&file, &good).unwrap();
    }
    house.route_data("plc_001", "x", 5);
    assert_eq!(house.value("plc_001.x").unwrap()["value"], 5);
    assert!(house.get("/api/router/stats")["by_route"]["a"]["matched"].as_u64() >= Some(1));
}
