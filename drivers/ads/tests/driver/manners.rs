//! How little load the driver is to a small PLC, and what it does where one cannot do everything.

use std::time::{Duration, Instant};

use fieldrail_driver_ads::codec::groups;
use fieldrail_driver_ads::sim::Plc;
use fieldrail_driver_ads::sim::plc::{RUN, STOP};
use fieldrail_model::{Quality, Value};
use fieldrail_testkit::wire::FromPlugin;
use fieldrail_testkit::wire::plugin::Status;
use fieldrail_testkit::{Outcome, Plugin};
use serde_json::json;

use crate::plc::{DRIVER, Device};
use crate::programs::program;

const INFO: u16 = 1;

#[test]
fn the_first_question_is_who_the_device_is() {
    let device = Device::of(Plc::new(program(0, 0)));
    device.plc().faults.wrong_invoke_next = 1;
    let _driver = device.driver(&json!({}));
    assert_eq!(device.plc().counts.first_commands, [INFO]);
    assert_eq!(device.plc().counts.connections, 1, "a wrong first number costs no connection");
}

#[test]
fn after_a_close_a_small_plc_gets_its_pause() {
    let device = Device::of(Plc::new(program(0, 0)));
    let mut driver = device.driver(&json!({ "pause_ms": 900 }));
    let cut = Instant::now();
    device.cut();
    driver.state(Status::Connected);
    assert!(cut.elapsed() >= Duration::from_millis(900), "{:?}", cut.elapsed());
    assert_eq!(device.plc().counts.connections, 2);
}

#[test]
fn notifications_that_a_stopped_plc_does_not_send_come_again_when_it_runs() {
    let device = Device::of(Plc::new(program(0, 0)));
    let mut driver = device.driver(&json!({}));
    driver.subscribe(&["MAIN.nA"]);
    device.until("notifications", |plc| plc.notifications == 2);
    {
        let mut plc = device.plc();
        plc.state.ads = STOP;
        plc.faults.mute_notifications = true;
    }
    device.until("their end", |plc| plc.notifications == 0);
    {
        let mut plc = device.plc();
        plc.state.ads = RUN;
        plc.faults.mute_notifications = false;
    }
    device.until("notifications", |plc| plc.notifications == 2);
    device.plc().put("MAIN.nA", 5_i64);
    driver.wait_sample("the new value", |sample| sample.value == Value::Int(5));
}

#[test]
fn beyond_the_notifications_that_a_plc_bears_values_are_polled_in_sums_of_at_most_500() {
    let device = Device::of(Plc::new(program(1200, 0)));
    device.plc().most_notifications = 300;
    let mut driver = device.driver(&json!({ "max_notifications": 550 }));
    driver.subscribe_patterns(&["Many.*"]);
    driver.sample("Many.n1199");
    device.until("notifications", |plc| plc.notifications == 300);
    for n in [0, 600, 1199] {
        device.plc().put(&format!("Many.n{n}"), 7_i64);
        driver.wait_sample("the new value", |sample| {
            *sample.tag == *format!("Many.n{n}") && sample.value == Value::Int(7)
        });
    }
    assert!(device.plc().counts.largest_sum <= 500, "{}", device.plc().counts.largest_sum);
    assert_eq!(device.plc().counts.connections, 1);
}

#[test]
fn the_configured_number_of_notifications_is_never_exceeded() {
    let device = Device::of(Plc::new(program(100, 0)));
    let mut driver = device.driver(&json!({ "max_notifications": 20 }));
    driver.subscribe_patterns(&["Many.*"]);
    device.until("notifications", |plc| plc.notifications == 20);
    driver.unsubscribe(&["Many.*"]);
    device.until("their end", |plc| plc.notifications == 1);
}

#[test]
fn values_that_do_not_change_are_renewed_and_not_sent_again() {
    for more in [json!({}), json!({ "max_notifications": 0 })] {
        let device = Device::of(Plc::new(program(0, 0)));
        let mut driver = device.driver(&more);
        driver.subscribe(&["MAIN.nA"]);
        driver.sample("MAIN.nA");
        for _ in 0..3 {
            driver.wait("a renewal", |message| matches!(message, FromPlugin::Fresh(_)).then_some(()));
        }
        assert!(driver.samples_for(Duration::from_millis(10)).is_empty());
    }
}

#[test]
fn a_plc_that_stops_sending_by_itself_is_polled() {
    let device = Device::of(Plc::new(program(0, 0)));
    let mut driver = device.driver(&json!({}));
    driver.subscribe(&["MAIN.nA"]);
    driver.sample("MAIN.nA");
    device.until("notifications", |plc| plc.notifications == 2);
    device.plc().faults.mute_notifications = true;
    device.plc().put("MAIN.nA", 5_i64);
    assert_eq!(driver.sample("MAIN.nA").value, Value::Int(5));
    device.until("their end", |plc| plc.notifications == 0);
    assert_eq!(device.plc().counts.connections, 1);
}

#[test]
fn what_a_device_cannot_do_is_done_in_a_simpler_way() {
    const SUMS: [u32; 5] = [
        groups::SUM_READ,
        groups::SUM_WRITE,
        groups::SUM_READ_WRITE,
        groups::SUM_ADD_NOTIFICATION,
        groups::SUM_DELETE_NOTIFICATION,
    ];
    let device = Device::of(Plc::new(program(10, 0)));
    device.plc().faults.refuse = SUMS.map(|group| (group, 0x701)).into();
    let mut driver = device.driver(&json!({}));
    driver.subscribe_patterns(&["Many.*"]);
    for n in 0..10 {
        driver.sample(&format!("Many.n{n}"));
    }
    device.until("notifications", |plc| plc.notifications == 11);
    let ids: Vec<u64> = (0..10_i64).map(|n| driver.write_item(&format!("Many.n{n}"), n + 1, |_| {})).collect();
    for (n, id) in (0..10_i64).zip(ids) {
        assert_eq!(driver.outcome(id), Outcome::Confirmed);
        assert_eq!(driver.sample(&format!("Many.n{n}")).value, Value::Int(n + 1));
    }
    assert!(driver.stop().success());
    assert_eq!(device.held(), (0, 0));
}

#[test]
fn a_device_without_tables_is_asked_for_each_name() {
    let device = Device::of(Plc::new(program(0, 0)));
    device.plc().put("MAIN.stBattery.fVoltage", 51.5);
    for group in [groups::UPLOAD_INFO, groups::UPLOAD_INFO_2, groups::SYMBOL_TABLE, groups::TYPE_TABLE] {
        device.plc().faults.refuse.insert(group, 0x704);
    }
    let mut driver = device.driver(&json!({}));
    driver.subscribe(&["MAIN.nA", "MAIN.stBattery", "MAIN.nothing"]);
    assert_eq!(driver.sample("MAIN.nA").value, Value::Int(0));
    let want = r#"{"fVoltage":51.5,"bOn":false,"aCells":[0,0,0],"eMode":0}"#;
    assert_eq!(driver.sample("MAIN.stBattery").value, Value::json(want).unwrap());
    assert_eq!(driver.sample("MAIN.nothing").quality, Quality::NotFound);
    assert_eq!(driver.write("MAIN.nB", 5_i64), Outcome::Confirmed);
    assert_eq!(driver.read(&["main.nb"])[0].value, Value::Int(5));
    device.cut();
    driver.state(Status::Connected);
    driver.wait_sample("it is back", |sample| &*sample.tag == "MAIN.nA" && sample.quality == Quality::Good);
}

#[test]
fn the_symbols_of_an_unchanged_program_are_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let device = Device::of(Plc::new(program(500, 0)));
    let start = || {
        let mut driver = Plugin::start_in(DRIVER, &[], "plc_001", device.config(&json!({})), Some(folder.path()));
        driver.state(Status::Connected);
        driver
    };
    let uploads = || device.plc().counts.groups.get(&groups::SYMBOL_TABLE).copied().unwrap_or(0);
    drop(start());
    assert_eq!(uploads(), 1);
    let mut driver = start();
    assert_eq!(uploads(), 1, "the disk has them");
    driver.subscribe(&["MAIN.nA"]);
    driver.sample("MAIN.nA");
    drop(driver);
    // The same version and sizes, but all lies elsewhere: the byte has come round.
    for _ in 0..256 {
        device.plc().online_change(program(500, 64));
    }
    device.plc().put("MAIN.nA", 9_i64);
    let mut driver = start();
    assert_eq!(uploads(), 2, "what the disk has is another program");
    driver.subscribe(&["MAIN.nA"]);
    assert_eq!(driver.sample("MAIN.nA").value, Value::Int(9));
}

#[test]
fn the_tree_is_there_before_the_plc_answers_if_it_was_read_before() {
    let folder = tempfile::tempdir().unwrap();
    let mut device = Device::of(Plc::new(program(0, 0)));
    let config = device.config(&json!({}));
    let start = || Plugin::start_in(DRIVER, &[], "plc_001", config.clone(), Some(folder.path()));
    start().state(Status::Connected);
    device.switch_off();
    let mut driver = start();
    driver.state(Status::Degraded);
    assert_eq!(driver.search("stBattery").len(), 8);
    assert_eq!(driver.read(&["MAIN.nA"])[0].quality, Quality::NotConnected);
}
