//! Pulses end in any case: with a driver that is killed, with a daemon that is killed. The device is a mosquitto of Debian.
#![allow(clippy::unwrap_used)] // in what only tests call, a panic is how a test fails

use std::process::Command;
use std::time::{Duration, Instant};

use fieldrail_testkit::Mosquitto;
use fieldrail_tests::mqtt::Listener;
use fieldrail_tests::{House, wait_for};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(10);

/// A house with one broker, and one who listens to everything that is written to it.
fn open(broker: &Mosquitto) -> (House, Listener) {
    let config = json!({ "host": "127.0.0.1", "port": broker.port() });
    let house = House::new(&json!([{ "id": "dev", "driver": "mqtt", "config": config }]), &json!([])).kept();
    house.wait_until("dev", "running");
    (house, Listener::start(broker.port(), "#"))
}

#[track_caller]
fn pulse(house: &House, ms: u32) {
    let body = json!({ "address": "dev.light", "value": true, "duration_ms": ms });
    let answer = house.ask("POST", "/api/datapoint/pulse", &body);
    assert_eq!((answer.status, &answer.json()["outcome"]), (200, &json!("confirmed")));
}

fn message(payload: &str) -> (String, String) {
    ("light".into(), payload.into())
}

fn open_pulses(house: &House) -> Vec<Value> {
    house.get("/api/pulses")["items"].as_array().unwrap().clone()
}

#[test]
fn a_pulse_lasts_as_long_as_it_should_and_leaves_nothing_behind() {
    let broker = Mosquitto::start();
    let (house, wire) = open(&broker);
    let begun = Instant::now();
    let done = house.run(&["pulse", "dev.light", "--for", "400"]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(String::from_utf8_lossy(&done.stdout), "confirmed\n");
    assert_eq!(wire.next(SOON), Some(message("true")));
    assert_eq!(wire.next(SOON), Some(message("false")));
    assert!(begun.elapsed() >= Duration::from_millis(400), "{:?}", begun.elapsed());
    wait_for("the driver told the end", Duration::from_secs(1), || open_pulses(&house).is_empty().then_some(()));
    let journal = || std::fs::read_to_string(house.state().join("pulses.json")).unwrap();
    wait_for("the journal is empty", Duration::from_secs(1), || (journal().trim() == "[]").then_some(()));
    assert_eq!(wire.next(Duration::from_secs(3)), None, "the end is written once");
}

#[test]
fn the_end_arrives_of_a_pulse_whose_driver_was_killed() {
    let broker = Mosquitto::start();
    let (house, wire) = open(&broker);
    pulse(&house, 5000);
    assert_eq!(wire.next(SOON), Some(message("true")));
    let pid = house.instance("dev")["pid"].to_string();
    assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
    assert_eq!(wire.next(SOON), Some(message("false")));
    wait_for("the end is confirmed", SOON, || open_pulses(&house).is_empty().then_some(()));
    assert_eq!(wire.next(Duration::from_secs(6)), None, "the end is written once");
}

#[test]
fn the_end_arrives_of_a_pulse_whose_daemon_was_killed() {
    let broker = Mosquitto::start();
    let (mut house, wire) = open(&broker);
    pulse(&house, 5000);
    assert_eq!(wire.next(SOON), Some(message("true")));
    house.kill();
    house.keep();
    assert_eq!(wire.next(SOON), Some(message("false")));
    wait_for("the end is confirmed", SOON, || open_pulses(&house).is_empty().then_some(()));
}

#[test]
fn an_end_that_does_not_reach_its_device_stays_journalled_and_shown() {
    let broker = Mosquitto::start();
    let (mut house, wire) = open(&broker);
    pulse(&house, 3000);
    assert_eq!(wire.next(SOON), Some(message("true")));
    drop(broker);
    let pid = house.instance("dev")["pid"].to_string();
    assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
    let owed = |house: &House| open_pulses(house).into_iter().find(|pulse| pulse["state"] == "owed");
    let shown = wait_for("the end is owed", SOON, || owed(&house));
    assert_eq!((&shown["address"], &shown["end"]), (&json!("dev.light"), &json!(false)));
    house.kill();
    house.keep();
    assert!(owed(&house).is_some());
    let refused = house.ask("POST", "/api/datapoint/pulse", &json!({ "address": "dev.light", "duration_ms": 100 }));
    assert_eq!(refused.status, 503, "{}", refused.json());
    assert!(owed(&house).is_some());
}
