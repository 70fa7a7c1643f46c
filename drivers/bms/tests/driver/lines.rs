//! Each battery over a line: whole, in pieces, cut in the middle, with noise and with its echo.

use fieldrail_driver_bms::sim::Faults;
use fieldrail_model::{Quality, Value};
use fieldrail_testkit::Plugin;
use fieldrail_testkit::wire::plugin::Status;
use serde_json::json;

use crate::peers::{at, driver, on_port, on_tcp, one, until};

/// What plays, and whether it says its cells.
const BATTERIES: [(&str, &str, bool); 5] = [
    ("daly", "a5", true),
    ("jbd", "dd", true),
    ("victron", "ve_direct_text", false),
    ("ant", "old_dbdb", true),
    ("ant", "new_7ea1", true),
];

/// What can be wrong with a line on which every battery is read all the same.
fn faults() -> [(&'static str, Faults); 6] {
    let none = Faults::default();
    [
        ("nothing", none),
        ("pieces", Faults { split: true, ..none }),
        ("noise", Faults { noise: true, ..none }),
        ("echo", Faults { echo: true, ..none }),
        ("cuts", Faults { cut_every: 3, ..none }),
        ("all of it", Faults { split: true, noise: true, echo: true, cut_every: 7, flip_every: 5 }),
    ]
}

#[test]
fn every_battery_is_read_over_a_port_whatever_is_wrong_with_the_line() {
    // Beside each other: most of the time is spent in waiting for what was cut.
    std::thread::scope(|scope| {
        for (device, variant, has_cells) in BATTERIES {
            for (what, faults) in faults() {
                scope.spawn(move || is_read(device, variant, has_cells, what, faults));
            }
        }
    });
}

/// What is sent of a battery on a line with these faults is what it is like.
fn is_read(device: &str, variant: &str, has_cells: bool, what: &str, faults: Faults) {
    let line = on_port(device, variant, faults);
    let config = json!({ "battery": device, "variant": variant, "poll_ms": 100, "timeout_ms": 300 });
    let mut driver = driver(&at(&line), &config);
    driver.subscribe_patterns(&["**"]);
    // A value of a broken frame would be far off: what plays stays within these.
    let is_within = |tag: &str, low: f64, high: f64, driver: &mut Plugin| {
        let sample = driver.wait_sample(tag, |s| &*s.tag == tag && s.quality == Quality::Good);
        let value = sample.value.as_f64().unwrap();
        assert!((low..high).contains(&value), "{device} {variant}, {what}: {tag} is {value}");
    };
    for _ in 0..3 {
        is_within("voltage", 51.0, 55.0, &mut driver);
        is_within("current", -20.0, 20.0, &mut driver);
    }
    is_within("soc", 61.0, 63.0, &mut driver);
    if has_cells {
        is_within("cells.16", 3.2, 3.5, &mut driver);
    }
    assert!(driver.stop().success(), "{device} {variant}, {what}");
}

#[test]
fn the_current_is_positive_while_a_battery_is_charged() {
    for (device, variant, _) in BATTERIES {
        for milliampere in [20_000, -20_000] {
            let line = on_port(device, variant, Faults::default());
            line.bus().batteries[0].pack.forced_ma = Some(milliampere);
            let mut driver = driver(&at(&line), &json!({ "battery": device, "variant": variant, "poll_ms": 100 }));
            driver.subscribe(&["current", "power"]);
            let wanted = f64::from(milliampere) / 1000.0;
            let near =
                |value: &Value, want: f64, off: f64| value.as_f64().is_some_and(|value| (value - want).abs() < off);
            driver.wait_sample("the current", |s| &*s.tag == "current" && near(&s.value, wanted, 0.2));
            driver.wait_sample("the power", |s| &*s.tag == "power" && near(&s.value, 53.0 * wanted, 60.0));
        }
    }
}

#[test]
fn which_battery_it_is_is_found_out() {
    for (device, variant, _) in BATTERIES {
        let line = on_tcp(vec![one(device, variant, 1)]);
        let mut driver = driver(&at(&line), &json!({ "poll_ms": 100 }));
        driver.subscribe(&["voltage"]);
        // On a machine that is busy the first answer may come late.
        driver.wait_sample(variant, |s| &*s.tag == "voltage" && s.quality == Quality::Good);
        let state = driver.state(Status::Connected);
        assert!(state.text.starts_with(&format!("reads {device} ({variant}) on ")), "{}", state.text);
    }
}

#[test]
fn a_battery_on_a_port_is_found_at_its_speed() {
    let line = on_port("ant", "old_dbdb", Faults::default());
    let mut driver = driver(&at(&line), &json!({ "battery": "ant" }));
    let state = driver.state(Status::Connected);
    assert!(state.text.contains("ant (old_dbdb)"), "{}", state.text);
}

#[test]
fn a_silent_battery_is_degraded_with_a_hint_and_comes_back() {
    let line = on_port("jbd", "dd", Faults::default());
    let mut driver = driver(&at(&line), &json!({ "battery": "jbd", "poll_ms": 100, "timeout_ms": 100 }));
    driver.subscribe(&["voltage"]);
    assert_eq!(driver.sample("voltage").quality, Quality::Good);
    line.bus().batteries[0].silent = true;
    let lost = driver.wait_sample("the loss", |sample| sample.quality == Quality::NotConnected);
    assert!(lost.value.as_f64().is_some_and(|volt| volt > 50.0), "the last value stays: {lost:?}");
    assert_eq!(lost.note.as_deref(), Some("the battery does not answer: no answer within 100 ms"));
    let state = driver.state(Status::Degraded);
    assert!(state.text.contains("does not answer") && state.hint.unwrap().contains("wires"), "{}", state.text);
    line.bus().batteries[0].silent = false;
    driver.wait_sample("the return", |sample| sample.quality == Quality::Good);
    driver.state(Status::Connected);
    let log = driver.log();
    let lines = log.lines().filter(|line| line.contains("answer")).count();
    assert_eq!(lines, 2, "once when it goes, once when it is back: {log}");
}

#[test]
fn where_there_is_no_battery_the_reason_and_what_to_try_are_said() {
    let nowhere = json!({ "battery": "jbd", "device": "/dev/does-not-exist" });
    let state = driver(&nowhere, &json!({})).state(Status::Degraded);
    assert!(state.text.contains("there is no device /dev/does-not-exist"), "{}", state.text);
    assert!(state.hint.unwrap().contains("plugged in"));
    // A port that another program has.
    let line = on_port("jbd", "dd", Faults::default());
    let mut first = driver(&at(&line), &json!({ "battery": "jbd" }));
    first.state(Status::Connected);
    let state = driver(&at(&line), &json!({ "battery": "jbd" })).state(Status::Degraded);
    assert!(state.text.contains("is in use by another program"), "{}", state.text);
    // Nobody on the line, and nobody is named.
    let silent = on_tcp(Vec::new());
    let state = driver(&at(&silent), &json!({})).state(Status::Degraded);
    assert!(state.text.contains("no battery that is known answers"), "{}", state.text);
    assert!(state.text.contains("jbd (dd)") && state.text.contains("daly (a5)"), "{}", state.text);
}

#[test]
fn a_serial_server_that_goes_is_tried_again_until_it_is_back() {
    let line = on_tcp(vec![one("jbd", "dd", 1)]);
    let address = line.address().unwrap();
    let mut driver = driver(&at(&line), &json!({ "battery": "jbd", "poll_ms": 100 }));
    driver.subscribe(&["voltage"]);
    driver.sample("voltage");
    drop(line);
    let lost = driver.wait_sample("the loss", |sample| sample.quality == Quality::NotConnected);
    assert!(lost.note.unwrap().contains("no link to 127.0.0.1:"));
    let state = driver.state(Status::Degraded);
    assert!(state.text.contains("next try in"), "{}", state.text);
    let mut again = None;
    until("the port is free again", || {
        let bus = fieldrail_driver_bms::sim::Bus::new(vec![one("jbd", "dd", 1)], Faults::default());
        again = fieldrail_driver_bms::sim::Line::on_tcp(bus, address).ok();
        again.is_some()
    });
    driver.wait_sample("the return", |sample| sample.quality == Quality::Good);
}
