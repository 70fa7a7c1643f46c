//! Browse, search, read once, demand, actions, the battery that plays, and mistakes in a configuration.

use std::time::Duration;

use fieldrail_driver_bms::sim::Faults;
use fieldrail_model::{Quality, Value};
use fieldrail_testkit::Plugin;
use fieldrail_testkit::wire::plugin::Status;
use serde_json::json;

use crate::peers::{DRIVER, at, driver, on_port};

#[test]
fn datapoints_are_browsed_and_searched_with_unit_and_meaning() {
    let line = on_port("jbd", "dd", Faults::default());
    let mut driver = driver(&at(&line), &json!({ "battery": "jbd", "poll_ms": 100 }));
    driver.state(Status::Connected);
    let roots = driver.browse("");
    let voltage = roots.iter().find(|node| node.name == "voltage").unwrap();
    assert_eq!((voltage.unit.as_deref(), voltage.r#type.as_deref()), (Some("V"), Some("float")));
    assert_eq!(voltage.comment.as_deref(), Some("Voltage of the pack"));
    let cells = roots.iter().find(|node| node.name == "cells").unwrap();
    assert!(cells.children && cells.tag.is_none());
    assert_eq!(driver.browse("cells").len(), 16);
    let found = driver.search("cell 7");
    assert_eq!(found[0].tag.as_deref(), Some("cells.07"));
    let switch = roots.iter().find(|node| node.name == "charge_mos").unwrap();
    assert_eq!(switch.writable, Some(false), "writes are off unless they are switched on");
}

#[test]
fn values_are_read_once_from_the_battery() {
    let line = on_port("jbd", "dd", Faults::default());
    let mut driver = driver(&at(&line), &json!({ "battery": "jbd", "poll_ms": 3_600_000 }));
    driver.state(Status::Connected);
    line.bus().batteries[0].pack.forced_ma = Some(30_000);
    std::thread::sleep(Duration::from_millis(300));
    let readings = driver.read(&["current", "cells.16", "cells.17", "nonsense words"]);
    assert!((29.0..31.0).contains(&readings[0].value.as_f64().unwrap()), "{:?}", readings[0]);
    let qualities: Vec<Quality> = readings.iter().map(|reading| reading.quality).collect();
    assert_eq!(qualities, [Quality::Good, Quality::Good, Quality::NotFound, Quality::NotFound]);
    assert_eq!(readings[2].note.as_deref(), Some("this battery does not say it"));
}

#[test]
fn what_a_battery_does_not_have_is_refused_with_the_near_name_once_it_is_known() {
    let line = on_port("jbd", "dd", Faults::default());
    let mut driver = driver(&at(&line), &json!({ "battery": "jbd", "poll_ms": 100 }));
    driver.state(Status::Connected);
    let items = driver.subscribe(&["voltag", "soh"]);
    let failure = items[0].failure.as_ref().unwrap();
    assert_eq!(failure.message, "there is no `voltag`; did you mean `voltage`?");
    // What batteries usually have may be asked of any.
    assert!(items[1].failure.is_none());
    let missing = driver.sample("soh");
    assert_eq!((missing.value, missing.quality), (Value::Null, Quality::NotFound));
}

#[test]
fn the_actions_list_ports_and_tell_all_that_a_battery_says() {
    let line = on_port("jbd", "dd", Faults::default());
    let mut driver = driver(&at(&line), &json!({ "battery": "jbd" }));
    let ports = driver.call("scan", json!({})).unwrap();
    assert!(ports["ports"].is_array(), "{ports}");
    let told = driver.call("test", json!({})).unwrap();
    let battery = &told["batteries"][0];
    assert_eq!((&battery["battery"], &battery["variant"]), (&json!("jbd"), &json!("dd")));
    assert!(battery["values"]["cells.16"].is_number() && battery["values"]["model"].is_string(), "{told}");
    assert!(driver.call("test", json!({ "x": 1 })).unwrap_err().message.contains("takes no arguments"));
}

#[test]
fn without_a_word_a_battery_plays() {
    let mut driver = Plugin::start_with(DRIVER, &["--sim"], "battery", json!({ "poll_ms": 100 }));
    driver.subscribe(&["soc", "cells.01"]);
    assert_eq!(driver.sample("soc").quality, Quality::Good);
    assert_eq!(driver.sample("cells.01").quality, Quality::Good);
    let mut several = Plugin::start_with(
        DRIVER,
        &["--sim"],
        "battery",
        json!({ "battery": "daly", "poll_ms": 100, "packs": [{ "name": "a" }, { "name": "b" }] }),
    );
    several.subscribe(&["a.voltage", "bank.capacity"]);
    assert_eq!(several.sample("a.voltage").quality, Quality::Good);
    several.wait_sample("both packs", |sample| &*sample.tag == "bank.capacity" && sample.quality == Quality::Good);
}

#[test]
fn a_mistake_in_the_configuration_is_named_with_its_key() {
    for (config, key) in [
        (json!({}), "`device`: nothing says where the battery is"),
        (json!({ "battery": "jdb", "device": "/dev/x" }), "`battery`: `jdb` is unknown; did you mean `jbd`?"),
        (json!({ "battery": "jbd", "variant": "ddd", "device": "/dev/x" }), "`variant`: `ddd` is unknown"),
        (json!({ "host": "x" }), "`port`: the port of the serial server is missing"),
        (json!({ "device": "/dev/x", "file": "/x" }), "`device`: it stands beside another way"),
        (json!({ "device": "/dev/x", "poll_ms": 1 }), "`poll_ms`: 1 is not 100 to 3600000"),
        (
            json!({ "battery": "daly", "device": "/dev/x", "packs": [{ "name": "a", "address": 1 }, { "name": "b", "address": 1 }] }),
            "`packs[1].address`: 1 is taken on /dev/x",
        ),
        (
            json!({ "battery": "daly", "device": "/dev/x", "packs": [{ "name": "a", "address": 1 }, { "name": "b" }] }),
            "`packs[1].address`: several packs are on /dev/x, and this one has no address",
        ),
        (json!({ "device": "/dev/x", "packs": [{ "name": "a.b" }] }), "`packs[0].name`: `a.b` is no name"),
        (json!({ "device": "/dev/x", "packs": [{ "name": "bank" }, { "name": "b" }] }), "`bank`"),
    ] {
        let state = driver(&config, &json!({})).state(Status::Failed);
        assert!(state.text.starts_with(key), "{config}: {}", state.text);
    }
}
