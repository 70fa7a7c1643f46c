//! Many variables that are polled together, and which of them the PLC sends by itself.

use std::time::{Duration, Instant};

use fieldrail_driver_ads::sim::Plc;
use fieldrail_model::{Quality, Value};
use fieldrail_testkit::wire::FromPlugin;
use fieldrail_testkit::{Outcome, Plugin};
use serde_json::json;

use crate::plc::Device;
use crate::programs::program;

#[track_caller]
fn good(driver: &mut Plugin, tag: &str, value: i64) {
    driver.wait_sample(&format!("{tag} = {value}"), |sample| {
        &*sample.tag == tag && sample.quality == Quality::Good && sample.value == Value::Int(value)
    });
}

fn renewal(driver: &mut Plugin) {
    driver.wait("a renewal", |message| matches!(message, FromPlugin::Fresh(_)).then_some(()));
}

#[test]
fn a_value_that_is_changed_back_between_two_rounds_is_sent_both_times() {
    let device = Device::of(Plc::new(program(0, 0)));
    device.plc().put("MAIN.nA", 1_i64);
    let mut driver = device.driver(&json!({ "max_notifications": 0, "poll_ms": 1000 }));
    driver.subscribe(&["MAIN.nA", "MAIN.nB"]);
    good(&mut driver, "MAIN.nA", 1);
    // Two rounds have seen it: the second one renews what the first one has sent.
    renewal(&mut driver);
    renewal(&mut driver);
    assert_eq!(driver.write("MAIN.nA", 7_i64), Outcome::Confirmed);
    good(&mut driver, "MAIN.nA", 7);
    device.plc().put("MAIN.nA", 1_i64);
    good(&mut driver, "MAIN.nA", 1);
}

#[test]
fn of_many_variables_each_change_arrives_and_nothing_else_is_sent() {
    let device = Device::of(Plc::new(program(1200, 0)));
    let mut driver = device.driver(&json!({ "max_notifications": 0, "poll_ms": 50 }));
    driver.subscribe_patterns(&["Many.**"]);
    let deadline = Instant::now() + Duration::from_secs(8);
    let mut known = 0;
    while known < 1200 {
        assert!(Instant::now() < deadline, "only {known} came");
        known += driver.samples_for(Duration::from_millis(50)).len();
    }
    assert_eq!(known, 1200);
    for (n, value) in [(0, 1), (499, 2), (500, 3), (1199, 4), (499, 5), (499, 0)] {
        device.plc().put(&format!("Many.n{n}"), i64::from(value));
        let sample = driver.wait_sample("a change", |_| true);
        assert_eq!((&*sample.tag, sample.value), (&*format!("Many.n{n}"), Value::Int(value.into())));
    }
    assert!(driver.samples_for(Duration::from_millis(120)).is_empty());
}

#[test]
fn a_value_that_holds_is_renewed_no_more_often_than_anybody_needs() {
    let device = Device::of(Plc::new(program(0, 0)));
    let mut driver = device.driver(&json!({ "max_notifications": 0, "poll_ms": 20 }));
    driver.subscribe(&["MAIN.nA"]);
    driver.sample("MAIN.nA");
    renewal(&mut driver);
    let begun = Instant::now();
    for _ in 0..5 {
        renewal(&mut driver);
    }
    // One may have come already; four times 240 ms lie between the others.
    assert!(begun.elapsed() > Duration::from_millis(700), "{:?}", begun.elapsed());
}

#[test]
fn who_is_asked_for_by_name_is_sent_by_the_plc_before_who_fits_a_pattern() {
    let device = Device::of(Plc::new(program(50, 0)));
    let mut driver = device.driver(&json!({ "max_notifications": 4, "poll_ms": 60_000 }));
    driver.subscribe_patterns(&["Many.**"]);
    device.until("the beat and three notifications", |plc| plc.notifications == 4);
    driver.subscribe(&["MAIN.nA"]);
    good(&mut driver, "MAIN.nA", 0);
    // A change later than the first reading comes within the minute by a notification only.
    let deadline = Instant::now() + Duration::from_secs(8);
    let mut value = 0;
    loop {
        value += 1;
        device.plc().put("MAIN.nA", value);
        if driver.samples_for(Duration::from_millis(300)).iter().any(|sample| sample.value == Value::Int(value)) {
            break;
        }
        assert!(Instant::now() < deadline, "the PLC does not send it");
    }
    assert_eq!(device.held().0, 4, "no more than allowed");
}
