//! The built driver over the plugin protocol, with devices that play, and without Bluetooth.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use fieldrail_model::{Quality, Value};
use fieldrail_testkit::wire::plugin::Status;
use fieldrail_testkit::{Plugin, Received};
use serde_json::{Value as Json, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_fieldrail-driver-bluetooth");

const THERMOMETER: &str = "A4:C1:38:00:00:01";
const RUUVI: &str = "A4:C1:38:00:00:02";
const PLANT: &str = "A4:C1:38:00:00:03";
const BATTERY: &str = "A4:C1:38:00:00:04";

fn start(config: Json) -> Plugin {
    let mut plugin = Plugin::start_with(PROGRAM, &["--sim"], "bt", config);
    plugin.state(Status::Connected);
    plugin
}

/// Scans until so many devices are listed and the search goes on.
fn scan(plugin: &mut Plugin, count: usize) -> Json {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let found = plugin.call("scan", json!({ "seconds": 0 })).unwrap();
        if found["devices"].as_array().unwrap().len() >= count && found["adapter"]["searching"] == true {
            return found;
        }
        assert!(Instant::now() < deadline, "{found}");
    }
}

fn device<'a>(found: &'a Json, address: &str) -> &'a Json {
    found["devices"].as_array().unwrap().iter().find(|device| device["address"] == address).unwrap()
}

#[test]
fn a_scan_lists_devices_with_loudness_type_and_how_a_battery_is_added() {
    let mut plugin = start(json!({}));
    let found = scan(&mut plugin, 4);
    assert_eq!(found["adapter"]["id"], "hci0");
    let loudness: Vec<i64> =
        found["devices"].as_array().unwrap().iter().map(|device| device["rssi"].as_i64().unwrap()).collect();
    assert!(loudness.is_sorted_by(|one, next| one >= next), "{loudness:?}");
    let battery = device(&found, BATTERY);
    assert_eq!((&battery["name"], &battery["known"]["kind"]), (&json!("xiaoxiang BMS"), &json!("jbd")));
    let config = json!({ "battery": "jbd", "bluetooth": BATTERY, "variant": "dd" });
    assert_eq!(battery["connection"], json!({ "driver": "bms", "config": config, "needs": [] }));
    let thermometer = device(&found, THERMOMETER);
    assert_eq!((&thermometer["known"]["class"], &thermometer["connection"]), (&json!("sensor"), &Json::Null));
    assert_eq!(thermometer["values"]["humidity"], 50.55);
    assert!(thermometer["age_s"].as_f64().unwrap() < 60.0);
}

#[test]
fn sensors_are_datapoints_below_their_address_or_their_name() {
    let mut plugin = start(json!({ "devices": [{ "address": THERMOMETER, "name": "living" }] }));
    scan(&mut plugin, 4);
    plugin.subscribe(&["living.temperature"]);
    plugin.subscribe_patterns(&["devices.*.rssi"]);
    let is_warm = |sample: &Received| {
        &*sample.tag == "living.temperature"
            && matches!(sample.value, Value::Float(degrees) if (18.0..=23.0).contains(&degrees))
    };
    plugin.wait_sample("a temperature", is_warm);
    let tag = format!("devices.{RUUVI}.rssi");
    plugin.wait_sample("loudness", |sample| *sample.tag == *tag && matches!(sample.value, Value::Int(-88..=-79)));
    let names: Vec<String> = plugin.browse("").into_iter().map(|node| node.name).collect();
    assert_eq!(names, ["adapter", "devices", "living"]);
    let nodes = plugin.browse(&format!("devices.{RUUVI}"));
    let pressure = nodes.iter().find(|node| node.name == "pressure").unwrap();
    assert_eq!((pressure.unit.as_deref(), pressure.writable), (Some("hPa"), Some(false)));
    let read = plugin.read(&["living.humidity", "living.humidty"]);
    assert_eq!((&read[0].value, read[0].quality), (&Value::Float(50.55), Quality::Good));
    assert!(read[1].note.as_ref().unwrap().contains("living.humidity"), "{:?}", read[1]);
}

#[test]
fn a_device_is_paired_with_its_code_trusted_and_removed() {
    let mut plugin = start(json!({}));
    scan(&mut plugin, 4);
    let asks = plugin.call("pair", json!({ "address": BATTERY })).unwrap();
    assert_eq!(asks, json!({ "asks": "code", "digits": true }));
    let other = plugin.call("pair", json!({ "address": PLANT })).unwrap_err();
    assert_eq!(other.message, format!("{BATTERY} is being paired"));
    let wrong = plugin.call("pair", json!({ "address": BATTERY, "code": "1" })).unwrap_err();
    assert_eq!(wrong.message, format!("{BATTERY} does not pair: Authentication Failed"));
    assert!(wrong.hint.unwrap().contains("code"));
    let paired = plugin.call("pair", json!({ "address": BATTERY, "code": "123456" })).unwrap();
    assert_eq!(paired, json!({ "paired": true }));
    plugin.call("trust", json!({ "address": BATTERY })).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while device(&scan(&mut plugin, 4), BATTERY)["paired"] != true {
        assert!(Instant::now() < deadline);
    }
    assert_eq!(plugin.call("remove", json!({ "address": BATTERY })).unwrap(), json!({ "removed": true }));
}

#[test]
fn a_number_that_both_show_wants_a_yes() {
    let mut plugin = start(json!({}));
    scan(&mut plugin, 4);
    let asks = plugin.call("pair", json!({ "address": RUUVI })).unwrap();
    assert_eq!(asks, json!({ "asks": "confirm", "number": "421337" }));
    assert!(plugin.call("pair", json!({ "address": RUUVI, "confirm": false })).is_err());
    plugin.call("pair", json!({ "address": RUUVI, "confirm": true })).unwrap();
}

#[test]
fn a_test_connects_and_reads_and_connect_shows_what_a_device_has() {
    let mut plugin = start(json!({}));
    scan(&mut plugin, 4);
    let tested = plugin.call("test", json!({ "address": THERMOMETER })).unwrap();
    assert_eq!((&tested["connected"], &tested["values"]["maker"]["value"]), (&json!(true), &json!("Fieldrail")));
    assert_eq!(tested["values"]["battery"], json!({ "value": 88, "unit": "%", "comment": "Battery level" }));
    let shown = plugin.call("connect", json!({ "address": THERMOMETER })).unwrap();
    assert_eq!((&shown["services"][0]["uuid"], &shown["read"]["2a19"]), (&json!("180a"), &json!("58")));
    let none = plugin.call("test", json!({ "address": THERMOMETER, "profile": "no_such" })).unwrap_err();
    assert!(none.message.starts_with("profile no_such: "), "{}", none.message);
}

#[test]
fn a_device_with_a_profile_is_read_over_a_link() {
    let mut plugin = start(json!({ "devices": [{ "address": PLANT, "name": "plant", "profile": "standard" }] }));
    plugin.patience(Duration::from_secs(30));
    plugin.subscribe(&["plant.model", "plant.battery", "plant.link"]);
    plugin.wait_sample("a model", |sample| {
        &*sample.tag == "plant.model" && sample.value == Value::text("A device that plays")
    });
    plugin.wait_sample("a charge", |sample| &*sample.tag == "plant.battery" && sample.value == Value::Int(88));
}

#[test]
fn wrong_arguments_are_refused_with_what_is_wrong() {
    let mut plugin = start(json!({}));
    for (action, arguments, want) in [
        ("scan", json!({ "seconds": 61 }), "0 to 60"),
        ("scan", json!({ "second": 1 }), "unknown field"),
        ("pair", json!({}), "missing field `address`"),
        ("pair", json!({ "address": BATTERY, "code": "x".repeat(17) }), "16 characters"),
        ("connect", json!({ "address": "here" }), "`here` is no Bluetooth address"),
        ("trust", json!({ "address": 7 }), "invalid type"),
    ] {
        let failure = plugin.call(action, arguments).unwrap_err();
        assert!(failure.message.contains(want), "{action}: {}", failure.message);
        assert!(failure.hint.is_some());
    }
}

#[test]
fn without_a_bus_the_state_says_what_to_install_and_actions_are_refused() {
    let bus = json!({ "bus": "unix:path=/nonexistent/bus" });
    let mut plugin = Plugin::start(PROGRAM, "bt", bus);
    let state = plugin.state(Status::Degraded);
    assert!(
        state.text.contains("/nonexistent/bus cannot be reached") && state.text.contains("next try"),
        "{}",
        state.text
    );
    assert!(state.hint.unwrap().contains("dbus"));
    let failure = plugin.call("scan", json!({ "seconds": 0 })).unwrap_err();
    assert!(failure.hint.is_some());
    assert!(plugin.stop().success());
}
