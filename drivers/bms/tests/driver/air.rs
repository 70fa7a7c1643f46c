//! Batteries over Bluetooth, against a BlueZ that nobody here wrote: what a device of Victron's advertises comes with its key.

use fieldrail_model::{Quality, Value};
use fieldrail_testkit::Bluez;
use fieldrail_testkit::wire::plugin::Status;
use serde_json::{Value as Json, json};

use crate::peers::driver;

const SHUNT: &str = "D4:00:00:00:00:02";

/// Advertisements of one shunt, with its key: 50 % charged, then discharging with a low charge.
fn golden() -> (String, String, String) {
    let cases: Json = serde_json::from_str(include_str!("../../golden/victron_instant_readout.json")).unwrap();
    let case = |name: &str| {
        let case = cases["cases"].as_array().unwrap().iter().find(|case| case["name"] == name).unwrap();
        let line = case["lines"][0].as_str().unwrap().strip_prefix("< ").unwrap();
        (line.to_owned(), case["key"].as_str().unwrap().to_owned())
    };
    let ((rests, key), (discharges, same)) = (case("adv smartshunt 50pct"), case("adv smartshunt discharging"));
    assert_eq!(key, same, "it is one device");
    (rests, discharges, key)
}

#[test]
fn what_a_shunt_advertises_comes_with_its_key_and_its_loudness() {
    let (mut bluez, (rests, discharges, key)) = (Bluez::start(), golden());
    assert_eq!(bluez.tell(&json!({ "shunt": rests })), "ok");
    // Nothing says that it is Victron's: that is recognised.
    let mut driver = driver(&json!({ "bluetooth": SHUNT, "bus": bluez.bus }), &json!({ "key": key }));
    driver.subscribe(&["soc", "current", "rssi", "alarms.low_soc"]);
    driver
        .wait_sample("the charge", |s| &*s.tag == "soc" && s.value == Value::Float(50.0) && s.quality == Quality::Good);
    driver.wait_sample("its loudness", |s| {
        &*s.tag == "rssi" && s.value.as_f64().is_some_and(|dbm| (-75.0..=-70.0).contains(&dbm))
    });
    driver.state(Status::Connected);
    assert_eq!(bluez.tell(&json!({ "shunt": discharges })), "ok");
    driver.wait_sample("the alarm", |s| &*s.tag == "alarms.low_soc" && s.value == Value::Bool(true));
    driver.wait_sample("the discharge", |s| &*s.tag == "current" && s.value == Value::Float(-7.625));
}

#[test]
fn with_the_key_of_another_device_nothing_is_told_and_the_instance_says_why() {
    let (mut bluez, (rests, _, key)) = (Bluez::start(), golden());
    assert_eq!(bluez.tell(&json!({ "shunt": rests })), "ok");
    let wrong = key.replacen("af", "bf", 1);
    let config = json!({ "battery": "victron", "bluetooth": SHUNT, "bus": bluez.bus });
    let mut driver = driver(&config, &json!({ "key": wrong }));
    driver.subscribe(&["soc"]);
    let state = driver.state(Status::Degraded);
    assert!(state.text.contains("the key is wrong: the device's key begins with AF, this one with BF"), "{state:?}");
    assert!(state.hint.as_deref().is_some_and(|hint| hint.contains("VictronConnect")), "{state:?}");
}
