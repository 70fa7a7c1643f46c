//! What the driver can do, against a pymodbus server on TCP.

use std::time::Duration;

use fieldrail_model::{Quality, Value};
use fieldrail_testkit::Outcome;
use fieldrail_testkit::wire::plugin::Status;
use serde_json::json;

use crate::peers::{Peer, driver, on, register};

#[test]
fn every_table_and_type_is_read() {
    let mut peer = Peer::tcp(&[1]);
    peer.obey(&json!({ "set": [1, 100, [0x42f6, 0xe979, 0xe979, 0x42f6, 0xffff, 0xfffe, 0x1234, 0x4142, 0x4300, 0x8000, 0]] }));
    let mut driver = driver(
        on(&peer),
        &json!({ "registers": [
        register("coil", "coil", 3), register("discrete", "discrete", 4), register("input", "input", 77),
        { "name": "float", "table": "holding", "address": 100, "type": "float32" },
        { "name": "swapped", "table": "holding", "address": 102, "type": "float32", "word_order": "low_first" },
        { "name": "negative", "table": "holding", "address": 104, "type": "int32" },
        { "name": "digits", "table": "holding", "address": 106, "type": "bcd16" },
        { "name": "text", "table": "holding", "address": 107, "type": "string", "registers": 2 },
        { "name": "none", "table": "holding", "address": 109, "type": "int32", "nan": true },
        { "name": "scaled", "table": "input", "address": 523, "scale": 0.1, "unit": "%" },
        { "name": "bit", "table": "input", "address": 8, "bit": 3 },
        { "name": "wide", "table": "input", "address": 0, "type": "uint64" } ] }),
    );
    driver.state(Status::Connected);
    let tags = ["coil", "discrete", "input", "float", "swapped", "negative", "digits", "text", "scaled", "bit", "wide"];
    assert!(driver.subscribe(&tags).iter().all(|item| item.failure.is_none()));
    let float = f64::from(123.456_f32);
    let want: [Value; 11] = [
        true.into(),
        false.into(),
        77_i64.into(),
        float.into(),
        float.into(),
        (-2_i64).into(),
        1234_i64.into(),
        "ABC".into(),
        52.3.into(),
        true.into(),
        0x0001_0002_0003_i64.into(),
    ];
    for (tag, want) in tags.iter().zip(want) {
        let sample = driver.sample(tag);
        assert_eq!((sample.value, sample.quality), (want, Quality::Good), "{tag}");
    }
    driver.subscribe(&["none"]);
    let none = driver.sample("none");
    assert_eq!((none.value, none.quality), (Value::Null, Quality::Bad));
    assert!(none.note.unwrap().contains("no value here"));
}

#[test]
fn a_sample_comes_when_the_value_has_changed_and_renewals_in_between() {
    let mut peer = Peer::tcp(&[1]);
    let mut driver =
        driver(on(&peer), &json!({ "registers": [register("a", "holding", 5), register("b", "holding", 6)] }));
    driver.subscribe(&["a", "b"]);
    driver.sample("a");
    driver.sample("b");
    driver.wait("a renewal", |message| match message {
        fieldrail_testkit::wire::FromPlugin::Fresh(fresh) if fresh.tags.len() == 2 => Some(()),
        _ => None,
    });
    peer.obey(&json!({ "set": [1, 5, [42]] }));
    assert_eq!(driver.sample("a").value, Value::Int(42));
    assert!(driver.samples_for(Duration::from_millis(100)).is_empty());
}

#[test]
fn writes_reach_the_device_in_every_form() {
    let mut peer = Peer::tcp(&[1]);
    let write = |name: &str, address: u16, more: serde_json::Value| {
        let mut register = json!({ "name": name, "table": "holding", "address": address, "writable": true });
        register.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        register
    };
    let mut driver = driver(
        on(&peer),
        &json!({ "registers": [
        { "name": "coil", "table": "coil", "address": 1, "writable": true },
        { "name": "coils", "table": "coil", "address": 2, "writable": true, "write": "multiple" },
        write("single", 10, json!({})), write("multiple", 11, json!({ "write": "multiple" })),
        write("scaled", 12, json!({ "scale": 0.1, "max": 100 })),
        write("float", 14, json!({ "type": "float32", "word_order": "low_first" })),
        write("bit", 16, json!({ "bit": 3 })), write("mask", 17, json!({ "bits": [4, 7], "write": "mask" })),
        write("checked", 18, json!({ "read_back": true })), write("exchanged", 20, json!({ "type": "int32", "write": "exchange" })), register("fixed", "holding", 19) ] }),
    );
    for (tag, value) in [
        ("coil", Value::Bool(true)),
        ("coils", true.into()),
        ("single", 1234_i64.into()),
        ("multiple", 4321_i64.into()),
        ("scaled", 52.3.into()),
        ("float", f64::from(123.456_f32).into()),
        ("bit", true.into()),
        ("mask", 0xa_i64.into()),
        ("checked", 7_i64.into()),
        ("exchanged", (-2_i64).into()),
    ] {
        assert_eq!(driver.write(tag, value), Outcome::Confirmed, "{tag}");
    }
    assert!(peer.coil(1, 1) && peer.coil(1, 2));
    // Bit 3 is set beside what stood there (16), bits 4 to 7 are 0xa in 17.
    assert_eq!(peer.holding(1, 10, 9), [1234, 4321, 523, 13, 0xe979, 0x42f6, 16 | 8, 0xa1, 7]);
    assert_eq!(peer.holding(1, 20, 2), [0xffff, 0xfffe]);
    for (tag, value, why) in [
        ("scaled", Value::Int(101), "101 is not within"),
        ("single", 70_000_i64.into(), "70000 is not within 0 and 65535"),
        ("fixed", 1_i64.into(), "`fixed` can only be read"),
        ("singel", 1_i64.into(), "there is no `singel`; did you mean `single`?"),
    ] {
        let Outcome::Rejected(failure) = driver.write(tag, value) else { panic!("{tag} was written") };
        assert!(failure.message.contains(why) && failure.hint.is_some(), "{failure:?}");
    }
}

#[test]
fn an_echo_carries_the_origin_of_its_write() {
    let peer = Peer::tcp(&[1]);
    let writable = |name: &str, address: u16, scale: f64| json!({ "name": name, "table": "holding", "address": address, "scale": scale, "writable": true });
    let mut driver = driver(on(&peer), &json!({ "registers": [writable("a", 5, 1.0), writable("b", 6, 0.1)] }));
    driver.subscribe(&["a", "b"]);
    driver.sample("a");
    driver.sample("b");
    // Also where the value is read as another kind, and rounded to the steps of the device.
    for (tag, written, read) in
        [("a", Value::Int(77), Value::Int(77)), ("b", 50_i64.into(), 50.0.into()), ("b", 1.26.into(), 1.3.into())]
    {
        let origin: fieldrail_testkit::wire::sample::WireOrigin = ("plc_001.MAIN.x".into(), 2);
        let id = driver.write_item(tag, written, |item| item.origin = Some(origin.clone()));
        assert_eq!(driver.outcome(id), Outcome::Confirmed);
        let echo = driver.sample(tag);
        assert_eq!((echo.value, echo.origin), (read, Some(origin)));
    }
}

#[test]
fn a_pulse_ends_after_its_time_and_when_the_driver_stops() {
    let mut peer = Peer::tcp(&[1]);
    let coil =
        |address: u16| json!({ "name": format!("c{address}"), "table": "coil", "address": address, "writable": true });
    let mut driver = driver(on(&peer), &json!({ "registers": [coil(1), coil(2)] }));
    let short = driver.write_item("c1", true, |item| item.pulse_ms = Some(150));
    assert_eq!(driver.outcome(short), Outcome::Confirmed);
    assert!(peer.coil(1, 1));
    let long = driver.write_item("c2", true, |item| item.pulse_ms = Some(60_000));
    assert_eq!(driver.outcome(long), Outcome::Confirmed);
    let begun = std::time::Instant::now();
    while peer.coil(1, 1) {
        assert!(begun.elapsed() < Duration::from_secs(5), "the pulse does not end");
    }
    assert!(peer.coil(1, 2));
    assert!(driver.stop().success());
    assert!(!peer.coil(1, 2));
}

#[test]
fn a_register_that_is_not_there_costs_only_itself() {
    let peer = Peer::tcp(&[1]);
    let registers: Vec<_> = (1495..1515).map(|at| register(&format!("r{at}"), "holding", at)).collect();
    let mut driver = driver(on(&peer), &json!({ "registers": registers }));
    driver.subscribe_patterns(&["*"]);
    for at in 1495..1515_u16 {
        let sample = driver.sample(&format!("r{at}"));
        if (1500..1510).contains(&at) {
            assert_eq!(sample.quality, Quality::NotFound, "r{at}");
            let note = sample.note.unwrap();
            assert!(note.contains("exception 2 (illegal data address)") && note.contains("counted from 0"), "{note}");
        } else {
            assert_eq!((sample.value, sample.quality), (Value::Int(at.into()), Quality::Good));
        }
    }
    // Read once, the same holds.
    let readings = driver.read(&["r1499", "r1500", "nosuch"]);
    let qualities: Vec<Quality> = readings.iter().map(|reading| reading.quality).collect();
    assert_eq!(qualities, [Quality::Good, Quality::NotFound, Quality::NotFound]);
}

#[test]
fn exceptions_of_a_write_have_their_name_and_a_hint() {
    let mut peer = Peer::tcp(&[1]);
    let writable =
        |name: &str, address: u16| json!({ "name": name, "table": "holding", "address": address, "writable": true });
    let mut driver = driver(on(&peer), &json!({ "registers": [writable("hole", 1505), writable("busy", 5)] }));
    let Outcome::Rejected(failure) = driver.write("hole", 1_i64) else { panic!("it was written") };
    assert_eq!(failure.message, "unit 1 refuses: exception 2 (illegal data address)");
    assert!(failure.hint.is_some() && !failure.again);
    peer.obey(&json!({ "refuse": [1, 6] }));
    let Outcome::Rejected(failure) = driver.write("busy", 1_i64) else { panic!("it was written") };
    assert!(failure.message.contains("exception 6 (server device busy)") && failure.again, "{failure:?}");
}

#[test]
fn a_tag_that_no_map_names_is_read_by_its_place() {
    let peer = Peer::tcp(&[1, 7]);
    let mut driver = driver(on(&peer), &json!({}));
    let items = driver.subscribe(&["7/input/77", "1/holding/5:int32:low_first", "1/holding"]);
    assert!(items[0].failure.is_none() && items[1].failure.is_none());
    assert!(items[2].failure.as_ref().unwrap().message.contains("there is no `1/holding`"));
    assert_eq!(driver.sample("7/input/77").value, Value::Int(77));
    assert_eq!(driver.sample("1/holding/5:int32:low_first").value, Value::Int(0x0006_0005));
    assert_eq!(driver.read(&["7/coil/3"])[0].value, Value::Bool(true));
}

#[test]
fn browse_and_search_show_the_map() {
    let peer = Peer::tcp(&[1, 2]);
    let mut driver = driver(
        on(&peer),
        &json!({ "units": [
        { "unit": 1, "name": "inverter", "profile": "sungrow_sh" },
        { "unit": 2, "name": "meter", "registers": [
            { "name": "grid.l1.power", "table": "input", "address": 5, "type": "int32", "unit": "W", "comment": "Phase 1", "scale": 0.1 } ] } ] }),
    );
    let roots = driver.browse("");
    let names: Vec<&str> = roots.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["inverter", "meter"]);
    assert_eq!(roots[0].comment.as_deref(), Some("unit 1, Sungrow SH hybrid inverter"));
    let phase = driver.browse("meter.grid.l1");
    assert_eq!(phase.len(), 1);
    let node = &phase[0];
    assert_eq!(node.tag.as_deref(), Some("meter.grid.l1.power"));
    assert_eq!(
        (node.r#type.as_deref(), node.unit.as_deref(), node.comment.as_deref()),
        (Some("int32"), Some("W"), Some("Phase 1"))
    );
    assert_eq!(
        (node.location.as_deref(), node.size, node.writable),
        (Some("input 5, 2 registers"), Some(4), Some(false))
    );
    let found = driver.search("battery_soc");
    assert_eq!(found[0].tag.as_deref(), Some("inverter.battery_soc"));
    assert!(driver.search("phase 1").len() == 1);
}

#[test]
fn a_scan_finds_the_units_of_a_line() {
    let mut peer = Peer::tcp(&[1, 3, 4, 9]);
    peer.mute(&[2, 5, 6, 7, 8]);
    let mut driver = driver(on(&peer), &json!({ "units": [{ "unit": 3, "name": "meter" }] }));
    driver.state(Status::Connected);
    // Four silent ones in a row break no connection. Above 9 the peer refuses what it does not know; nobody is looked for there.
    let found = driver.call("scan", json!({ "first": 1, "last": 9, "timeout_ms": 100 })).unwrap();
    let units: Vec<u64> =
        found["units"].as_array().unwrap().iter().map(|unit| unit["unit"].as_u64().unwrap()).collect();
    assert!([1, 3, 4, 9].iter().all(|unit| units.contains(unit)), "{found}");
    assert_eq!(found["units"].as_array().unwrap().iter().find(|unit| unit["unit"] == 3).unwrap()["name"], "meter");
    let read = driver.call("read_registers", json!({ "unit": 9, "table": "input", "address": 5, "count": 3 })).unwrap();
    assert_eq!(read["registers"], json!([5, 6, 7]));
    let refused = driver.call("read_registers", json!({ "unit": 9, "table": "holding", "address": 1500 })).unwrap_err();
    assert!(refused.message.contains("illegal data address"));
    assert!(driver.call("profiles", json!({})).unwrap()["profiles"].as_array().unwrap().len() > 10);
}
