//! What goes wrong in a house, and how the driver comes through it.

use std::time::Duration;

use fieldrail_driver_ads::codec::groups;
use fieldrail_driver_ads::sim::plc::{CONFIG, RUN, STOP};
use fieldrail_driver_ads::sim::{Faults, Plc};
use fieldrail_model::{Quality, Value};
use fieldrail_testkit::wire::plugin::Status;
use fieldrail_testkit::{Outcome, Plugin};
use serde_json::json;

use crate::plc::{DRIVER, Device};
use crate::programs::program;

fn device() -> Device {
    let device = Device::of(Plc::new(program(0, 0)));
    device.plc().put("MAIN.nA", 1_i64);
    device
}

/// Waits for a good sample with this value; whatever comes before is in doubt or was true before.
#[track_caller]
fn good(driver: &mut Plugin, tag: &str, value: i64) {
    driver.wait_sample(&format!("{tag} = {value}"), |sample| {
        &*sample.tag == tag && sample.quality == Quality::Good && sample.value == Value::Int(value)
    });
}

#[track_caller]
fn in_doubt(driver: &mut Plugin, tag: &str, quality: Quality) {
    let sample =
        driver.wait_sample(&format!("{tag} in doubt"), |sample| &*sample.tag == tag && sample.quality == quality);
    assert_eq!(sample.value, Value::Int(1), "the last value is kept");
    assert!(sample.note.is_some());
}

#[test]
fn after_a_cut_values_are_in_doubt_and_come_back_by_themselves() {
    for more in [json!({}), json!({ "max_notifications": 0 })] {
        let device = device();
        let mut driver = device.driver(&more);
        driver.subscribe(&["MAIN.nA"]);
        good(&mut driver, "MAIN.nA", 1);
        assert_eq!(driver.write("MAIN.nB", 1_i64), Outcome::Confirmed);
        device.cut();
        in_doubt(&mut driver, "MAIN.nA", Quality::NotConnected);
        driver.state(Status::Connected);
        good(&mut driver, "MAIN.nA", 1);
        device.plc().put("MAIN.nA", 2_i64);
        good(&mut driver, "MAIN.nA", 2);
        assert!(driver.stop().success());
        assert_eq!(device.held(), (0, 0), "nothing stays at the PLC");
    }
}

#[test]
fn a_plc_that_was_switched_off_is_found_again() {
    let mut device = device();
    let mut driver = device.driver(&json!({}));
    driver.subscribe(&["MAIN.nA"]);
    good(&mut driver, "MAIN.nA", 1);
    device.switch_off();
    in_doubt(&mut driver, "MAIN.nA", Quality::NotConnected);
    let state = driver.wait("the refusal", |message| match message {
        fieldrail_testkit::wire::FromPlugin::State(state) if state.text.contains("connection refused") => {
            Some(state.clone())
        }
        _ => None,
    });
    assert!(state.hint.unwrap().contains("48898"));
    device.plc().put("MAIN.nA", 5_i64);
    device.switch_on();
    driver.state(Status::Connected);
    let first = driver.wait_sample("a good one", |sample| &*sample.tag == "MAIN.nA" && sample.quality == Quality::Good);
    assert_eq!(first.value, Value::Int(5), "what was before the link broke is not believed again");
}

#[test]
fn a_silent_plc_is_noticed_although_its_connection_stays() {
    let device = device();
    let mut driver = device.driver(&json!({}));
    driver.subscribe(&["MAIN.nA"]);
    good(&mut driver, "MAIN.nA", 1);
    device.plc().faults.silent = true;
    in_doubt(&mut driver, "MAIN.nA", Quality::NotConnected);
    device.plc().faults.silent = false;
    driver.state(Status::Connected);
    good(&mut driver, "MAIN.nA", 1);
}

#[test]
fn a_plc_that_refuses_to_be_read_has_no_good_values_and_its_link_stays() {
    let device = device();
    let mut driver = device.driver(&json!({ "max_notifications": 0 }));
    driver.subscribe(&["MAIN.nA"]);
    good(&mut driver, "MAIN.nA", 1);
    device.plc().faults.refuse.insert(groups::SUM_READ, 0x708);
    in_doubt(&mut driver, "MAIN.nA", Quality::DeviceFailure);
    device.plc().faults.refuse.clear();
    good(&mut driver, "MAIN.nA", 1);
    assert_eq!(device.plc().counts.connections, 1);
}

#[test]
fn an_online_change_moves_variables_and_no_wrong_value_is_ever_good() {
    for more in [json!({}), json!({ "max_notifications": 0, "poll_ms": 20 })] {
        let device = device();
        device.plc().put("MAIN.nB", 1000_i64);
        let mut driver = device.driver(&more);
        driver.subscribe(&["MAIN.nA", "MAIN.nB", "Added.nNew"]);
        good(&mut driver, "MAIN.nA", 1);
        good(&mut driver, "MAIN.nB", 1000);
        for gap in [2, 6, 0] {
            let mut changed = program(0, gap);
            if gap == 6 {
                changed.variable("Added.nNew", "INT", 2, "");
            }
            device.plc().online_change(changed);
            assert_eq!(driver.write("MAIN.nB", 1000 + i64::from(gap)), Outcome::Confirmed);
            device.until("the right place", |plc| plc.get("MAIN.nB") == Some(Value::Int(1000 + i64::from(gap))));
            in_doubt(&mut driver, "MAIN.nA", Quality::Stale);
            good(&mut driver, "MAIN.nA", 1);
            good(&mut driver, "MAIN.nB", 1000 + i64::from(gap));
        }
        good(&mut driver, "Added.nNew", 0);
        assert_eq!(device.get("MAIN.nA"), Some(Value::Int(1)));
        for sample in driver.samples_for(Duration::from_millis(100)) {
            let fine = match &*sample.tag {
                "MAIN.nA" => sample.value == Value::Int(1),
                "MAIN.nB" => matches!(sample.value, Value::Int(1000..=1006)),
                _ => true,
            };
            assert!(fine || sample.quality != Quality::Good, "{sample:?}");
        }
        assert_eq!(device.plc().counts.connections, 1, "no reconnect for it");
        assert!(driver.stop().success());
        assert_eq!(device.held(), (0, 0), "nothing stays at the PLC");
    }
}

#[test]
fn a_download_that_removes_a_variable_says_so_and_the_others_go_on() {
    let device = device();
    let mut driver = device.driver(&json!({}));
    driver.subscribe(&["MAIN.nA", "MAIN.nB"]);
    good(&mut driver, "MAIN.nA", 1);
    good(&mut driver, "MAIN.nB", 0);
    let mut less = program(0, 0);
    less.symbols.retain(|symbol| symbol.name != "MAIN.nA");
    device.plc().download(less);
    driver.wait_sample("the loss", |sample| &*sample.tag == "MAIN.nA" && sample.quality == Quality::NotFound);
    device.plc().put("MAIN.nB", 5_i64);
    good(&mut driver, "MAIN.nB", 5);
    assert_eq!(device.plc().counts.connections, 1);
}

#[test]
fn a_stopped_program_leaves_its_last_values_uncertain() {
    let device = device();
    let mut driver = device.driver(&json!({}));
    driver.subscribe(&["MAIN.nA", "$plc.state"]);
    good(&mut driver, "MAIN.nA", 1);
    device.plc().state.ads = STOP;
    in_doubt(&mut driver, "MAIN.nA", Quality::LastUsable);
    assert!(driver.state(Status::Degraded).text.contains("STOP"));
    device.plc().state.ads = RUN;
    driver.state(Status::Connected);
    good(&mut driver, "MAIN.nA", 1);
    assert_eq!(device.plc().counts.connections, 1);
}

#[test]
fn config_mode_is_named_and_run_brings_everything_back() {
    let device = device();
    let mut driver = device.driver(&json!({}));
    driver.subscribe(&["MAIN.nA", "$plc.state"]);
    good(&mut driver, "MAIN.nA", 1);
    device.plc().state.ads = CONFIG;
    in_doubt(&mut driver, "MAIN.nA", Quality::NotConnected);
    let state = driver.wait("CONFIG", |message| match message {
        fieldrail_testkit::wire::FromPlugin::State(state) if state.text.contains("CONFIG") => Some(state.clone()),
        _ => None,
    });
    assert!(state.hint.unwrap().contains("RUN"));
    device.plc().state.ads = RUN;
    driver.state(Status::Connected);
    good(&mut driver, "MAIN.nA", 1);
    driver.wait_sample("RUN", |sample| {
        &*sample.tag == "$plc.state" && sample.value == Value::text("RUN") && sample.quality == Quality::Good
    });
}

/// Everything works although each of these faults happens all the time.
#[test]
fn strays_pieces_and_glued_frames_harm_nothing() {
    for faults in [
        Faults { strays: true, ..Faults::default() },
        Faults { split: Some(7), ..Faults::default() },
        Faults { glue: true, ..Faults::default() },
        Faults { long_notification_length: true, ..Faults::default() },
        Faults { delay: Duration::from_millis(30), ..Faults::default() },
    ] {
        let device = device();
        device.plc().faults = faults.clone();
        let mut driver = device.driver(&json!({}));
        driver.subscribe(&["MAIN.nA", "MAIN.stBattery"]);
        good(&mut driver, "MAIN.nA", 1);
        for n in 2..5_i64 {
            assert_eq!(driver.write("MAIN.nA", n), Outcome::Confirmed, "{faults:?}");
            good(&mut driver, "MAIN.nA", n);
        }
        assert_eq!(device.plc().counts.connections, 1, "{faults:?}");
    }
}

#[test]
fn a_late_answer_is_never_taken_for_another() {
    let device = device();
    for n in 0..2_i64 {
        device.plc().put(&format!("MAIN.n{}", ["A", "B"][usize::try_from(n).unwrap()]), 10 + n);
    }
    let mut driver = device.driver(&json!({ "max_notifications": 0, "poll_ms": 30, "timeout_ms": 150, "window": 1 }));
    driver.subscribe(&["MAIN.nA"]);
    good(&mut driver, "MAIN.nA", 10);
    for _ in 0..5 {
        // The answer comes after its deadline, between those to other questions.
        device.plc().faults.delay_next = (1, Duration::from_millis(190));
        for reading in driver.read(&["MAIN.nB"]).into_iter().chain(driver.read(&["MAIN.nB"])) {
            assert!(reading.value == Value::Int(11) || reading.quality == Quality::DeviceFailure, "{reading:?}");
        }
    }
    let wrong = driver.samples_for(Duration::from_millis(100));
    assert!(wrong.iter().all(|sample| sample.value == Value::Int(10)), "{wrong:?}");
}

#[track_caller]
fn refused(device: &Device, more: &serde_json::Value, text: &str, hint: &str) {
    let mut driver = Plugin::start(DRIVER, "plc_001", device.config(more));
    let state = driver.state(Status::Degraded);
    assert!(state.text.contains(text), "{state:?}");
    assert!(state.hint.clone().unwrap().contains(hint), "{state:?}");
}

#[test]
fn each_usual_mistake_has_its_own_message() {
    let device = device();
    refused(&device, &json!({ "ams_net_id": "1.2.3.4.1.1" }), "it calls itself 192.168.2.162.1.1", "`ams_net_id`");
    refused(&device, &json!({ "ams_port": 801 }), "no runtime at port 801, but one at 851, of TwinCAT 3", "851");
    refused(&device, &json!({ "ams_port": 852 }), "no runtime at port 852", "boot project");
    refused(&device, &json!({ "tcp_port": 1 }), "connection refused", "does TwinCAT run");
    device.plc().ports = vec![801];
    refused(&device, &json!({ "ams_port": 851 }), "one at 801, of TwinCAT 2", "801");
    device.plc().state.ads = CONFIG;
    refused(&device, &json!({ "ams_port": 801 }), "CONFIG mode", "RUN");
    device.plc().state.ads = RUN;
    device.plc().routes = Some(std::collections::HashSet::new());
    refused(&device, &json!({}), "no route to this machine (127.0.0.1.1.1)", "add_route");
    device.plc().routes = None;
    device.plc().faults.silent = true;
    refused(&device, &json!({ "timeout_ms": 100 }), "does not answer: it has no route", "add_route");
}

#[test]
fn a_route_is_added_on_request_and_the_link_comes_at_once() {
    let device = device();
    device.plc().routes = Some(std::collections::HashSet::new());
    let mut driver = Plugin::start(DRIVER, "plc_001", device.config(&json!({ "pause_ms": 60_000 })));
    driver.state(Status::Degraded);
    let failure = driver.call("add_route", json!({ "user": "Administrator", "password": "wrong" })).unwrap_err();
    assert!(failure.message.contains("user or password are wrong"), "{failure:?}");
    assert!(failure.hint.is_some());
    let route = driver.call("add_route", json!({ "user": "Administrator", "password": "1" })).unwrap();
    assert_eq!(route["own_net_id"], "127.0.0.1.1.1");
    driver.state(Status::Connected);
}

#[test]
fn devices_are_discovered() {
    let device = device();
    let mut driver = device.driver(&json!({}));
    let found = driver.call("discover", json!({})).unwrap();
    assert_eq!(found[0]["ams_net_id"], "192.168.2.162.1.1");
    let reaches = json!({ "host": "127.0.0.1", "ams_net_id": "192.168.2.162.1.1", "ams_port": 851 });
    assert_eq!(found[0]["config"], reaches);
    assert_eq!((&found[0]["twincat"], &found[0]["first_runtime_port"]), (&json!("3.1.4024"), &json!(851)));
    let failure = driver.call("discover", json!({ "host": "127.0.0.9" })).unwrap_err();
    assert!(failure.message.contains("does not answer on UDP"), "{failure:?}");
    assert!(driver.call("discover", json!({ "hots": 1 })).is_err());
    assert!(driver.call("nothing", json!({})).is_err());
}

#[test]
fn the_second_way_is_taken_when_the_first_fails_and_the_first_when_the_second_fails() {
    let (mut first, mut second) = (device(), device());
    second.plc().put("MAIN.nA", 2_i64);
    let fallback = json!({ "host": "127.0.0.1", "tcp_port": second.config(&json!({}))["tcp_port"] });
    let mut driver = first.driver(&json!({ "fallback": fallback }));
    driver.subscribe(&["MAIN.nA"]);
    good(&mut driver, "MAIN.nA", 1);
    first.switch_off();
    good(&mut driver, "MAIN.nA", 2);
    first.switch_on();
    second.switch_off();
    good(&mut driver, "MAIN.nA", 1);
}

#[test]
fn the_first_way_is_taken_back_as_soon_as_it_answers() {
    let (mut first, second) = (device(), device());
    second.plc().put("MAIN.nA", 2_i64);
    let fallback = json!({ "host": "127.0.0.1", "tcp_port": second.config(&json!({}))["tcp_port"] });
    let mut driver = first.driver(&json!({ "fallback": fallback }));
    driver.patience(Duration::from_secs(40));
    driver.subscribe(&["MAIN.nA"]);
    good(&mut driver, "MAIN.nA", 1);
    first.switch_off();
    let lost = driver.state(Status::Degraded);
    assert!(!lost.answers && lost.text.starts_with("waits for 127.0.0.1:"), "{}", lost.text);
    let away = driver.state(Status::Degraded);
    assert!(away.answers && away.text.starts_with("on the fallback end point 127.0.0.1:"), "{}", away.text);
    good(&mut driver, "MAIN.nA", 2);
    first.switch_on();
    driver.state(Status::Connected);
    good(&mut driver, "MAIN.nA", 1);
}
