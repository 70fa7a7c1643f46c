//! What the driver can do on a healthy link.

use std::time::Duration;

use fieldrail_driver_ads::sim::Plc;
use fieldrail_model::{Quality, Value};
use fieldrail_testkit::Plugin;
use serde_json::json;

use crate::plc::Device;
use crate::programs::{elementary, name, program};

fn device() -> Device {
    let device = Device::of(Plc::new(program(0, 0)));
    for (kind, _, value) in elementary() {
        assert!(device.plc().put(&name(kind), value), "{kind}");
    }
    device
}

/// Both ways to get values: sent by the PLC, and polled.
#[track_caller]
fn check(ability: impl Fn(&Device, &mut Plugin)) {
    for more in [json!({}), json!({ "max_notifications": 0 })] {
        let device = device();
        let mut driver = device.driver(&more);
        ability(&device, &mut driver);
    }
}

#[test]
fn every_elementary_type_arrives_exactly() {
    check(|device, driver| {
        for (kind, _, value) in elementary() {
            assert_eq!(driver.subscribe(&[&name(kind)])[0].failure, None);
            let sample = driver.sample(&name(kind));
            assert_eq!((sample.value, sample.quality), (value, Quality::Good), "{kind}");
        }
        device.plc().put("Types.vINT", 7_i64);
        assert_eq!(driver.sample("Types.vINT").value, Value::Int(7));
        device.plc().put("Types.vSTRING", "neu");
        assert_eq!(driver.sample("Types.vSTRING").value, Value::text("neu"));
        assert!(driver.samples_for(Duration::from_millis(150)).is_empty(), "nothing else has changed");
    });
}

#[test]
fn parts_structures_arrays_inputs_and_markers_arrive() {
    check(|device, driver| {
        device.plc().put("MAIN.aBatteries[1].aCells[3]", 33_i64);
        device.plc().put("MAIN.stBattery.fVoltage", 51.5);
        device.plc().put(".bInput5", true);
        device.plc().put(".nMarker", -9_i64);
        driver.subscribe(&[
            "main.ABATTERIES[1].acells[3]",
            "MAIN.stBattery",
            "MAIN.aBatteries[1].aCells",
            ".binput5",
            ".nMarker",
        ]);
        assert_eq!(driver.sample("MAIN.aBatteries[1].aCells[3]").value, Value::Int(33));
        let want = r#"{"fVoltage":51.5,"bOn":false,"aCells":[0,0,0],"eMode":0}"#;
        assert_eq!(driver.sample("MAIN.stBattery").value, Value::json(want).unwrap());
        assert_eq!(driver.sample("MAIN.aBatteries[1].aCells").value, Value::json("[0,0,33]").unwrap());
        assert_eq!(driver.sample(".bInput5").value, Value::Bool(true));
        assert_eq!(driver.sample(".nMarker").value, Value::Int(-9));
        device.plc().put("MAIN.aBatteries[1].aCells[3]", 34_i64);
        assert_eq!(driver.sample("MAIN.aBatteries[1].aCells[3]").value, Value::Int(34));
    });
}

#[test]
fn a_wrong_name_is_an_error_of_that_tag_with_near_names_and_no_reconnect() {
    check(|device, driver| {
        let answers = driver.subscribe(&["MAIN.stBattery.fVolt", "MAIN.nA", "MAIN.fbMystery"]);
        let failure = answers[0].failure.clone().unwrap();
        assert!(failure.message.contains("like it: MAIN.stBattery.fVoltage"), "{failure:?}");
        assert_eq!(driver.sample("MAIN.stBattery.fVolt").quality, Quality::NotFound);
        assert_eq!(driver.sample("MAIN.nA").quality, Quality::Good);
        let mystery = driver.sample("MAIN.fbMystery");
        assert_eq!(mystery.quality, Quality::TypeMismatch);
        assert!(mystery.note.unwrap().contains("`FB_Mystery`"));
        device.plc().put("MAIN.nA", 5_i64);
        assert_eq!(driver.sample("MAIN.nA").value, Value::Int(5));
        assert_eq!(device.plc().counts.connections, 1);
    });
}

#[test]
fn nothing_comes_any_more_after_unsubscribe() {
    check(|device, driver| {
        driver.subscribe(&["MAIN.nA", "MAIN.nB"]);
        driver.sample("MAIN.nA");
        driver.sample("MAIN.nB");
        driver.unsubscribe(&["MAIN.nA"]);
        driver.read(&["MAIN.nB"]);
        device.plc().put("MAIN.nA", 1_i64);
        device.plc().put("MAIN.nB", 2_i64);
        assert_eq!(driver.sample("MAIN.nB").value, Value::Int(2));
        assert!(driver.samples_for(Duration::from_millis(150)).is_empty());
    });
}

#[test]
fn a_pattern_takes_the_values_that_it_matches() {
    check(|device, driver| {
        driver.subscribe_patterns(&["main.aBatteries[*].fVoltage", "MAIN.n*"]);
        let mut tags: Vec<String> = (0..4).map(|_| driver.wait_sample("a sample", |_| true).tag.to_string()).collect();
        tags.sort();
        assert_eq!(tags, ["MAIN.aBatteries[0].fVoltage", "MAIN.aBatteries[1].fVoltage", "MAIN.nA", "MAIN.nB"]);
        device.plc().put("MAIN.nB", 9_i64);
        assert_eq!(driver.sample("MAIN.nB").value, Value::Int(9));
        driver.unsubscribe(&["MAIN.n*"]);
        driver.read(&["MAIN.nB"]);
        device.plc().put("MAIN.nB", 10_i64);
        device.plc().put("MAIN.aBatteries[0].fVoltage", 1.5);
        assert_eq!(driver.sample("MAIN.aBatteries[0].fVoltage").value, Value::Float(1.5));
        assert!(driver.samples_for(Duration::from_millis(100)).is_empty());
    });
}

#[test]
fn values_are_read_once_without_a_subscription() {
    check(|device, driver| {
        device.plc().put("MAIN.nA", 77_i64);
        let readings = driver.read(&["main.na", "MAIN.nothing", "MAIN.fbMystery", "$plc.state", "MAIN.stBattery.bOn"]);
        assert_eq!((readings[0].tag.as_str(), &readings[0].value), ("MAIN.nA", &Value::Int(77)));
        assert_eq!(readings[1].quality, Quality::NotFound);
        assert_eq!(readings[2].quality, Quality::TypeMismatch);
        assert_eq!(readings[3].value, Value::text("RUN"));
        assert_eq!((readings[4].quality, &readings[4].value), (Quality::Good, &Value::Bool(false)));
        assert!(driver.samples_for(Duration::from_millis(50)).is_empty());
    });
}

#[test]
fn the_plc_says_of_itself_who_it_is_and_how_it_stands() {
    check(|_, driver| {
        driver.subscribe(&["$plc.state", "$PLC.Device", "$plc.version", "$plc.symbol_version"]);
        assert_eq!(driver.sample("$plc.state").value, Value::text("RUN"));
        assert_eq!(driver.sample("$plc.device").value, Value::text("Plc30 App"));
        assert_eq!(driver.sample("$plc.version").value, Value::text("3.1.4024"));
        assert_eq!(driver.sample("$plc.symbol_version").value, Value::Int(1));
    });
}

#[test]
fn the_tree_and_the_search_show_what_the_program_has() {
    check(|_, driver| {
        let names = |nodes: Vec<fieldrail_testkit::wire::plugin::Node>| {
            nodes.into_iter().map(|node| node.name).collect::<Vec<_>>()
        };
        assert_eq!(names(driver.browse("")), ["$plc", ".", "MAIN", "Types"]);
        assert_eq!(names(driver.browse(".")), ["bInput5", "nMarker"]);
        assert_eq!(names(driver.browse("MAIN.aBatteries")), ["[0]", "[1]"]);
        assert_eq!(driver.browse("$plc").len(), 6);
        let fields = driver.browse("MAIN.stBattery");
        assert_eq!(fields[3].r#type.as_deref(), Some("E_Mode"));
        assert_eq!(fields[3].comment.as_deref(), Some("Off = 0, Heat = 1, Fault = -1"));
        assert_eq!((fields[0].size, fields[0].writable), (Some(4), Some(true)));
        let found = driver.search("VOLTAGE");
        assert_eq!(found.len(), 3);
        assert_eq!(found[0].tag.as_deref(), Some("MAIN.aBatteries[0].fVoltage"));
        assert!(driver.search("mystery")[0].comment.as_deref().unwrap().contains("cannot be read"));
    });
}

#[test]
fn a_tpy_file_gives_names_and_comments_and_the_plc_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("house.tpy");
    std::fs::write(
        &file,
        "<PlcProjectInfo><Symbols><Symbol><Name>MAIN.NA</Name><Type>INT</Type><Comment>die Zahl</Comment>\
         <IGroup>1</IGroup><IOffset>1</IOffset><BitSize>16</BitSize></Symbol></Symbols></PlcProjectInfo>",
    )
    .unwrap();
    let device = device();
    device.plc().put("MAIN.nA", 3_i64);
    let mut driver = device.driver(&json!({ "tpy": file }));
    assert_eq!(driver.subscribe(&["main.na"])[0].tag, "MAIN.NA");
    assert_eq!(driver.sample("MAIN.NA").value, Value::Int(3));
    let nodes = driver.browse("MAIN");
    let node = nodes.iter().find(|node| node.name == "NA").unwrap();
    assert_eq!(node.comment.as_deref(), Some("die Zahl"));
    assert!(node.source.as_deref() == Some("device and .tpy file"), "{node:?}");
}

#[test]
fn a_broken_tpy_file_ends_the_driver_with_its_name() {
    let device = device();
    let config = device.config(&json!({ "tpy": "/nowhere/house.tpy" }));
    let mut driver = Plugin::start(crate::plc::DRIVER, "plc_001", config);
    let state = driver.state(fieldrail_testkit::wire::plugin::Status::Failed);
    assert!(state.text.contains("/nowhere/house.tpy"), "{state:?}");
    assert!(!driver.exit().success());
}
