//! What a battery says and cannot be: uncertain, with the reason, within three polls.

use std::time::Duration;

use fieldrail_driver_bms::sim::{Faults, Line};
use fieldrail_model::Quality;
use fieldrail_testkit::Plugin;
use fieldrail_testkit::wire::FromPlugin;
use fieldrail_testkit::wire::plugin::Status;
use serde_json::{Value as Json, json};

use crate::peers::{at, change, driver, on_port};

fn reading(device: &str, more: &Json) -> (Line, Plugin) {
    let line = on_port(device, if device == "jbd" { "dd" } else { "a5" }, Faults::default());
    let mut config = json!({ "battery": device, "poll_ms": 1000 });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut driver = driver(&at(&line), &config);
    driver.subscribe(&["voltage", "current", "remaining"]);
    driver.sample("voltage");
    (line, driver)
}

#[test]
fn cells_that_are_not_the_pack_are_doubted_though_nobody_asks_for_cells() {
    let (line, mut driver) = reading("jbd", &json!({}));
    change(&line, &json!({ "off_mv": 4000 }));
    let doubted = driver.wait_sample("the doubt", |s| &*s.tag == "voltage" && s.quality == Quality::Implausible);
    assert!(doubted.note.as_deref().unwrap().contains("the 16 cells add up to 5"), "{doubted:?}");
    // It works in another way than it should, and it answers: what must arrive leaves.
    let state = driver.wait("the state", |message| match message {
        FromPlugin::State(state) if state.status == Status::Degraded => Some(state.clone()),
        _ => None,
    });
    assert!(state.answers && state.text.contains("add up to"), "{state:?}");
    change(&line, &json!({ "off_mv": 0 }));
    driver.wait_sample("the end of it", |s| &*s.tag == "voltage" && s.quality == Quality::Good);
    driver.state(Status::Connected);
}

#[test]
fn a_battery_that_freezes_is_doubted_and_without_the_checks_it_is_not() {
    for checks in [true, false] {
        let (line, mut driver) = reading("daly", &json!({ "plausibility": checks }));
        change(&line, &json!({ "current_ma": 20_000 }));
        driver.wait_sample("the current", |s| &*s.tag == "current" && s.value.as_f64().is_some_and(|a| a > 19.0));
        change(&line, &json!({ "frozen": true }));
        if checks {
            let doubted = driver.wait_sample("the doubt", |sample| sample.quality == Quality::Implausible);
            assert!(doubted.note.unwrap().contains("has changed for 3 polls"));
        } else {
            let samples = driver.samples_for(Duration::from_secs(5));
            assert!(samples.iter().all(|sample| sample.quality == Quality::Good), "{samples:?}");
        }
    }
}

#[test]
fn a_charge_that_leaps_is_doubted() {
    let (line, mut driver) = reading("jbd", &json!({ "poll_ms": 200 }));
    change(&line, &json!({ "leap_mah": 30_000.0 }));
    let doubted = driver.wait_sample("the doubt", |sample| sample.quality == Quality::Implausible);
    assert_eq!(&*doubted.tag, "remaining");
    let note = doubted.note.unwrap();
    assert!(note.contains("the charge went from 173.") && note.contains("the current explains"), "{note}");
    driver.wait_sample("the end of it", |s| &*s.tag == "remaining" && s.quality == Quality::Good);
}
