//! Writes and pulses.

use std::time::{Duration, Instant};

use fieldrail_driver_ads::sim::Plc;
use fieldrail_model::Value;
use fieldrail_testkit::wire::plugin::Status;
use fieldrail_testkit::{Outcome, Plugin};
use serde_json::json;

use crate::plc::{DRIVER, Device};
use crate::programs::{elementary, name, program};

fn device() -> Device {
    Device::of(Plc::new(program(0, 0)))
}

#[track_caller]
fn rejected(outcome: Outcome) -> String {
    match outcome {
        Outcome::Rejected(failure) => failure.message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_elementary_type_is_written_exactly() {
    let device = device();
    let mut driver = device.driver(&json!({ "read_back": true }));
    for (kind, _, value) in elementary() {
        assert_eq!(driver.write(&name(kind), value.clone()), Outcome::Confirmed, "{kind}");
        assert_eq!(device.get(&name(kind)), Some(value), "{kind}");
    }
}

#[test]
fn parts_names_of_enumerations_and_documents_are_written_and_nothing_else() {
    let device = device();
    let mut driver = device.driver(&json!({}));
    device.plc().put("MAIN.stBattery.fVoltage", 51.5);
    assert_eq!(driver.write("main.stbattery.emode", "heat"), Outcome::Confirmed);
    assert_eq!(driver.write("MAIN.aBatteries[1].aCells[2]", 5_i64), Outcome::Confirmed);
    let part = Value::json(r#"{"bOn": true, "aCells": [1, 2, 3]}"#).unwrap();
    assert_eq!(driver.write("MAIN.stBattery", part), Outcome::Confirmed);
    let want = r#"{"fVoltage":51.5,"bOn":true,"aCells":[1,2,3],"eMode":1}"#;
    assert_eq!(device.get("MAIN.stBattery"), Some(Value::json(want).unwrap()));
    assert_eq!(device.get("MAIN.aBatteries[1].aCells"), Some(Value::json("[0,5,0]").unwrap()));
    assert_eq!(device.get("MAIN.aBatteries[0].aCells"), Some(Value::json("[0,0,0]").unwrap()));
}

#[test]
fn what_cannot_be_written_is_rejected_with_a_reason_and_the_link_stays() {
    let device = device();
    let mut driver = device.driver(&json!({}));
    for (tag, value, want) in [
        ("MAIN.nA", Value::Int(40_000), "outside of Int"),
        ("MAIN.nA", Value::text("warm"), "is no Int"),
        ("MAIN.nC", Value::Int(1), "like it: MAIN.nA, MAIN.nB"),
        ("MAIN.fbMystery", Value::Int(1), "FB_Mystery"),
        ("MAIN.eMode", Value::text("Cool"), "Off, Heat, Fault"),
        ("MAIN.stBattery", Value::json(r#"{"x": 1}"#).unwrap(), "no part `x`"),
        ("$plc.state", Value::text("RUN"), "the PLC says of itself"),
        ("", Value::Int(1), "no default target"),
    ] {
        let said = rejected(driver.write(tag, value));
        assert!(said.contains(want), "{tag}: {said}");
    }
    assert_eq!(driver.write("MAIN.nA", 4_i64), Outcome::Confirmed);
    assert_eq!(device.plc().counts.connections, 1);
}

#[test]
fn a_value_that_the_program_overwrites_is_rejected_where_it_is_read_back() {
    let device = device();
    device.plc().faults.overwrite = true;
    let mut driver = device.driver(&json!({ "read_back": true }));
    assert!(rejected(driver.write("MAIN.nA", 4_i64)).contains("reads 0"));
    let part = Value::json(r#"{"bOn": true, "eMode": 1}"#).unwrap();
    assert!(rejected(driver.write("MAIN.stBattery", part.clone())).contains("has overwritten it"));
    device.plc().faults.overwrite = false;
    assert_eq!(driver.write("MAIN.stBattery", part), Outcome::Confirmed);
}

#[test]
fn many_writes_keep_their_order_and_go_out_together() {
    let device = Device::of(Plc::new(program(60, 0)));
    let mut driver = device.driver(&json!({}));
    let ids: Vec<u64> = (0..300_i64).map(|n| driver.write_item(&format!("Many.n{}", n % 60), n, |_| {})).collect();
    for id in ids {
        assert_eq!(driver.outcome(id), Outcome::Confirmed);
    }
    for n in 0..60 {
        assert_eq!(device.get(&format!("Many.n{n}")), Some(Value::Int(240 + n)));
    }
    let requests: u64 = device.plc().counts.commands.values().sum();
    assert!(requests < 100, "300 writes took {requests} requests");
}

#[test]
fn an_expired_write_is_never_sent() {
    let mut device = device();
    let mut driver = device.driver(&json!({}));
    device.switch_off();
    driver.state(Status::Degraded);
    let id = driver.write_item("MAIN.nA", 4_i64, |item| item.ttl_ms = Some(150));
    assert_eq!(driver.outcome(id), Outcome::Expired);
    let lasting = driver.write_item("MAIN.nB", 6_i64, |item| item.ttl_ms = Some(20_000));
    device.switch_on();
    assert_eq!(driver.outcome(lasting), Outcome::Confirmed);
    assert_eq!((device.get("MAIN.nA"), device.get("MAIN.nB")), (Some(Value::Int(0)), Some(Value::Int(6))));
}

#[track_caller]
fn pulse(driver: &mut Plugin, tag: &str, value: impl Into<Value>, ms: u32) -> Instant {
    let start = Instant::now();
    let id = driver.write_item(tag, value, |item| item.pulse_ms = Some(ms));
    assert_eq!(driver.outcome(id), Outcome::Confirmed);
    start
}

#[test]
fn a_pulse_ends_by_itself_after_its_time() {
    let device = device();
    let mut driver = device.driver(&json!({}));
    let start = pulse(&mut driver, "Types.vBOOL", true, 150);
    assert_eq!(device.get("Types.vBOOL"), Some(Value::Bool(true)));
    device.until("the end of the pulse", |plc| plc.get("Types.vBOOL") == Some(Value::Bool(false)));
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(145) && took < Duration::from_millis(600), "{took:?}");
    pulse(&mut driver, "MAIN.nA", 7_i64, 20);
    device.until("the end of the pulse", |plc| plc.get("MAIN.nA") == Some(Value::Int(0)));
    let text = driver.write_item("Types.vSTRING", "x", |item| item.pulse_ms = Some(20));
    assert!(rejected(driver.outcome(text)).contains("no opposite"));
}

#[test]
fn a_pulse_ends_when_the_driver_stops_and_nothing_stays_at_the_plc() {
    let device = device();
    let mut driver = device.driver(&json!({}));
    driver.subscribe(&["MAIN.nA", "MAIN.nB"]);
    driver.sample("MAIN.nA");
    pulse(&mut driver, "Types.vBOOL", true, 60_000);
    device.until("notifications", |plc| plc.notifications == 3 && plc.handles() > 0);
    assert!(driver.stop().success());
    assert_eq!(device.get("Types.vBOOL"), Some(Value::Bool(false)));
    assert_eq!(device.held(), (0, 0));
}

#[test]
fn a_pulse_ends_after_the_link_was_cut() {
    let mut device = device();
    let mut driver = device.driver(&json!({}));
    pulse(&mut driver, "Types.vBOOL", true, 300);
    device.switch_off();
    driver.state(Status::Degraded);
    assert_eq!(device.get("Types.vBOOL"), Some(Value::Bool(true)));
    device.switch_on();
    device.until("the end of the pulse", |plc| plc.get("Types.vBOOL") == Some(Value::Bool(false)));
}

#[test]
fn a_pulse_of_a_killed_driver_ends_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let device = device();
    let start = || Plugin::start_in(DRIVER, &[], "plc_001", device.config(&json!({})), Some(folder.path()));
    let mut driver = start();
    driver.state(Status::Connected);
    pulse(&mut driver, "Types.vBOOL", true, 60_000);
    drop(driver);
    assert_eq!(device.get("Types.vBOOL"), Some(Value::Bool(true)));
    let _driver = start();
    device.until("the end of the pulse", |plc| plc.get("Types.vBOOL") == Some(Value::Bool(false)));
}
