//! How soon everything is back, and what stays at the PLC. What `make storm` found, each for itself.

use std::time::{Duration, Instant};

use fieldrail_driver_ads::sim::plc::{CONFIG, RUN};
use fieldrail_driver_ads::sim::{Plc, Wrong};
use fieldrail_model::{Quality, Value};
use fieldrail_testkit::Plugin;
use fieldrail_testkit::wire::plugin::Status;
use serde_json::json;

use crate::plc::{DRIVER, Device};
use crate::programs::program;

/// Within this everything is back after the device is.
const BACK: Duration = Duration::from_secs(2);

fn device() -> Device {
    let device = Device::of(Plc::new(program(0, 0)));
    device.plc().put("MAIN.nA", 1_i64);
    device
}

#[track_caller]
fn good(driver: &mut Plugin, value: i64) {
    driver.wait_sample(&format!("MAIN.nA = {value}"), |sample| {
        &*sample.tag == "MAIN.nA" && sample.quality == Quality::Good && sample.value == Value::Int(value)
    });
}

#[track_caller]
fn back_soon(device: &Device, driver: &mut Plugin) {
    let begun = Instant::now();
    device.plc().put("MAIN.nA", 2_i64);
    good(driver, 2);
    assert!(begun.elapsed() < BACK, "{:?}", begun.elapsed());
}

#[test]
fn a_plc_that_was_there_before_is_back_soon_however_long_it_was_away() {
    let mut device = device();
    let mut driver = device.driver(&json!({}));
    driver.subscribe(&["MAIN.nA"]);
    good(&mut driver, 1);
    device.switch_off();
    // By now waits that double would be at four seconds.
    driver.samples_for(Duration::from_millis(4500));
    device.switch_on();
    back_soon(&device, &mut driver);
}

#[test]
fn a_lost_answer_costs_less_than_its_whole_time() {
    let device = device();
    let mut driver = device.driver(&json!({ "timeout_ms": 5000, "max_notifications": 0 }));
    driver.subscribe(&["MAIN.nA"]);
    good(&mut driver, 1);
    device.plc().faults.wrong = [Wrong::Missing].into();
    device.until("the loss", |plc| plc.faults.wrong.is_empty());
    back_soon(&device, &mut driver);
    assert_eq!(device.plc().counts.connections, 1);
}

#[test]
fn after_a_silence_a_plc_is_asked_again_as_soon_as_it_is_heard() {
    let device = device();
    let mut driver = device.driver(&json!({ "timeout_ms": 5000 }));
    driver.subscribe(&["MAIN.nA"]);
    good(&mut driver, 1);
    device.plc().faults.silent = true;
    driver.samples_for(Duration::from_secs(3));
    device.plc().faults.silent = false;
    back_soon(&device, &mut driver);
    assert_eq!(device.plc().counts.connections, 1);
}

#[test]
fn half_a_frame_does_not_swallow_those_behind_it() {
    for wrong in [Wrong::Half, Wrong::HalfClosed, Wrong::Huge] {
        let device = device();
        let mut driver = device.driver(&json!({ "timeout_ms": 5000 }));
        driver.subscribe(&["MAIN.nA"]);
        good(&mut driver, 1);
        device.plc().faults.wrong = [wrong].into();
        device.until("a new link", |plc| plc.counts.connections == 2);
        back_soon(&device, &mut driver);
    }
}

#[test]
fn a_plc_that_goes_through_config_mode_keeps_its_link() {
    let device = device();
    let mut driver = device.driver(&json!({ "pause_ms": 5000 }));
    driver.subscribe(&["MAIN.nA"]);
    good(&mut driver, 1);
    device.plc().state.ads = CONFIG;
    let state = driver.state(Status::Degraded);
    assert!(state.text.contains("CONFIG"), "{}", state.text);
    device.plc().state.ads = RUN;
    back_soon(&device, &mut driver);
    assert_eq!(device.plc().counts.connections, 1);
    device.until("its notifications", |plc| plc.notifications == 2);
}

#[test]
fn a_notification_of_another_program_is_never_believed() {
    let device = device();
    device.plc().put("MAIN.nB", 1000_i64);
    let mut driver = device.driver(&json!({ "notify_ms": 1 }));
    driver.subscribe(&["MAIN.nA", "MAIN.nB"]);
    device.until("notifications", |plc| plc.notifications == 3);
    good(&mut driver, 1);
    for gap in [8, 0, 16, 8, 0, 8, 0, 16] {
        // Where they lay, something else lies now.
        device.plc().online_change(program(0, gap));
        for sample in driver.samples_for(Duration::from_millis(400)) {
            let want = if &*sample.tag == "MAIN.nA" { 1 } else { 1000 };
            assert!(sample.quality != Quality::Good || sample.value == Value::Int(want), "{sample:?}");
        }
    }
}

#[test]
fn two_changes_in_a_row_leave_no_notification_behind() {
    for wait in (150..450).step_by(25) {
        let device = device();
        let mut driver = device.driver(&json!({}));
        driver.subscribe(&["MAIN.nA", "MAIN.nB"]);
        device.until("notifications", |plc| plc.notifications == 3);
        device.plc().faults.delay = Duration::from_millis(30);
        device.plc().online_change(program(0, 2));
        driver.samples_for(Duration::from_millis(wait));
        device.plc().online_change(program(0, 0));
        driver.samples_for(Duration::from_millis(300));
        device.plc().faults.delay = Duration::ZERO;
        back_soon(&device, &mut driver);
        device.until("as many notifications as before", |plc| plc.notifications == 3);
    }
}

#[test]
fn a_driver_that_was_killed_gives_back_what_it_held_and_keeps_the_pause() {
    let folder = tempfile::tempdir().unwrap();
    let device = device();
    let config = device.config(&json!({ "pause_ms": 900 }));
    device.plc().faults.rest = Duration::from_millis(800);
    let start = || {
        let mut driver = Plugin::start_in(DRIVER, &[], "plc_001", config.clone(), Some(folder.path()));
        driver.state(Status::Connected);
        driver
    };
    let mut driver = start();
    driver.write("MAIN.nB", 5_i64);
    assert_eq!(device.held().1, 1);
    drop(driver);
    let driver = start();
    device.until("the handle back", |plc| plc.handles() == 0);
    assert_eq!(device.plc().counts.early, 0, "the PLC had its silence");
    assert!(driver.stop().success());
    assert!(!folder.path().join("left.json").exists());
}

#[test]
fn handles_whose_return_was_not_answered_are_given_back_on_the_next_link() {
    let device = device();
    let mut driver = device.driver(&json!({}));
    driver.subscribe(&["MAIN.nA"]);
    good(&mut driver, 1);
    driver.write("MAIN.nB", 5_i64);
    device.until("notifications", |plc| (plc.notifications, plc.handles()) == (2, 1));
    // The first ends the link, the second spoils the farewell on it before the handle comes to it.
    device.plc().faults.wrong = [Wrong::Short, Wrong::Huge].into();
    device.until("a new link", |plc| plc.connections == 1 && plc.counts.connections > 1);
    back_soon(&device, &mut driver);
    device.until("the handle back", |plc| plc.handles() == 0);
}
