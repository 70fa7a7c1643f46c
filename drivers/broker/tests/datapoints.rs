//! Topics as datapoints.
// A test fails by a panic, and `json!` reads best where it is handed over.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]

mod house;

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use fieldrail_model::{Quality, Value};
use fieldrail_testkit::wire::ToPlugin;
use fieldrail_testkit::wire::daemon::Empty;
use fieldrail_testkit::{Outcome, Plugin};
use house::House;
use serde_json::json;

#[track_caller]
fn rejected(outcome: Outcome) -> String {
    match outcome {
        Outcome::Rejected(failure) => format!("{} | {}", failure.message, failure.hint.unwrap_or_default()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_clients_publish_becomes_samples_of_what_is_subscribed() {
    let mut house = House::open();
    house.publish("house/kitchen/power", "21.50", &["-r"]);
    assert!(house.plugin.subscribe(&["house/kitchen/power", "house/door"]).iter().all(|item| item.failure.is_none()));
    assert_eq!(house.plugin.sample("house/kitchen/power").value, Value::Float(21.5));
    house.publish("house/door", "true", &[]);
    house.publish("house/unwanted", "1", &[]);
    house.publish("house/kitchen/power", "22", &["-q", "1"]);
    let got = house.plugin.samples_for(Duration::from_millis(100));
    let got: Vec<_> = got.iter().map(|s| (&*s.tag, s.value.clone(), s.origin.clone())).collect();
    assert_eq!(got, [("house/door", true.into(), None), ("house/kitchen/power", 22_i64.into(), None)]);
    house.plugin.unsubscribe(&["house/door"]);
    house.plugin.subscribe(&["other"]);
    house.publish("house/door", "false", &[]);
    assert!(house.plugin.samples_for(Duration::from_millis(100)).is_empty());
}

#[test]
fn patterns_bring_what_is_retained_and_what_comes_each_once() {
    let mut house = House::open();
    house.publish("a/1/power", "1", &["-r"]);
    house.publish("a/1/other", "1", &["-r"]);
    house.plugin.subscribe(&["a/1/power"]);
    assert_eq!(house.plugin.sample("a/1/power").value, 1_i64.into());
    house.plugin.subscribe_patterns(&["a/*/power", "a/**"]);
    house.publish("a/2/power", "2", &[]);
    let got = house.plugin.samples_for(Duration::from_millis(150));
    let got: Vec<_> = got.iter().map(|s| &*s.tag).collect();
    assert_eq!(got, ["a/1/other", "a/2/power"]);
    assert!(house.plugin.subscribe_patterns(&["a/+/power"])[0].failure.is_some());
}

#[test]
fn a_write_reaches_the_clients_and_its_echo_keeps_its_origin() {
    let mut house = House::open();
    let subscriber = house.subscribe("alarms/#", &[]);
    house.plugin.subscribe(&["alarms/critical"]);
    let origin = ("plc_001.MAIN.bAlarm".into(), 1);
    let id = house.plugin.write_item("alarms/critical", true, |item| item.origin = Some(origin));
    assert_eq!(house.plugin.outcome(id), Outcome::Confirmed);
    assert_eq!(subscriber.next(), "0 alarms/critical true");
    let echo = house.plugin.sample("alarms/critical");
    assert_eq!((echo.value, echo.origin), (true.into(), Some(("plc_001.MAIN.bAlarm".into(), 1))));
    assert_eq!(house.retained("alarms/#"), ["1 alarms/critical true"]);
    // The same payload from a client is no echo.
    house.publish("alarms/critical", "true", &[]);
    assert_eq!(house.plugin.sample("alarms/critical").origin, None);
    assert_eq!(house.plugin.write("alarms/critical", Value::Null), Outcome::Confirmed);
    assert_eq!(house.retained("alarms/#"), [] as [&str; 0]);
}

#[test]
fn each_of_many_writes_finds_its_own_origin() {
    let mut house = House::with(json!({ "anonymous": true, "retain": false }));
    house.plugin.subscribe(&["t/0", "t/1"]);
    let origin = |n: i64| (format!("src.{n}").as_str().into(), 0);
    let ids: Vec<u64> = (0..200_i64)
        .map(|n| {
            house.plugin.write_item(&format!("t/{}", n % 3), n, |item| item.origin = (n % 5 != 0).then(|| origin(n)))
        })
        .collect();
    assert_eq!(house.plugin.outcome(ids[199]), Outcome::Confirmed);
    for n in (0..200_i64).filter(|n| n % 3 != 2) {
        let echo = house.plugin.sample(&format!("t/{}", n % 3));
        assert_eq!((echo.value, echo.origin), (n.into(), (n % 5 != 0).then(|| origin(n))));
    }
}

#[test]
fn rules_decide_type_spelling_and_retaining() {
    let mut house = House::with(json!({ "anonymous": true, "topics": [
        { "filter": "plug/+/cmd", "type": "BOOL", "payload_true": "ON", "payload_false": "OFF", "retain": false },
        { "filter": "meter/#", "type": "INT" },
    ] }));
    house.plugin.subscribe(&["plug/1/cmd", "meter/x"]);
    let subscriber = house.subscribe("plug/#", &[]);
    assert_eq!(house.plugin.write("plug/1/cmd", true), Outcome::Confirmed);
    assert_eq!(subscriber.next(), "0 plug/1/cmd ON");
    assert_eq!(house.plugin.sample("plug/1/cmd").value, true.into());
    assert_eq!(house.retained("#"), [] as [&str; 0]);
    assert!(rejected(house.plugin.write("plug/1/cmd", "half")).contains("no Bool"));
    house.publish("meter/x", "warm", &[]);
    let misfit = house.plugin.sample("meter/x");
    assert_eq!((misfit.value, misfit.quality), ("warm".into(), Quality::TypeMismatch));
    assert_eq!(misfit.note.as_deref(), Some("`warm` (text) is no Int"));
}

#[test]
fn parts_of_json_payloads_are_datapoints() {
    let rule = json!({ "anonymous": true, "topics": [{ "filter": "zigbee/#", "json": true }] });
    let mut house = House::with(rule);
    house.plugin.subscribe(&["zigbee/lamp#/color/x", "zigbee/lamp#/none"]);
    house.plugin.subscribe_patterns(&["zigbee/plug**"]);
    house.publish("zigbee/lamp", r#"{"color":{"x":0.25}}"#, &[]);
    assert_eq!(house.plugin.sample("zigbee/lamp#/color/x").value, Value::Float(0.25));
    let missing = house.plugin.sample("zigbee/lamp#/none");
    assert_eq!((missing.value, missing.quality), (Value::Null, Quality::NotFound));
    house.publish("zigbee/plug", r#"{"state":"ON","power":7}"#, &["-r"]);
    assert_eq!(house.plugin.sample("zigbee/plug#/state").value, "ON".into());
    assert_eq!(house.plugin.sample("zigbee/plug#/power").value, 7_i64.into());
    assert_eq!(house.plugin.sample("zigbee/plug").value, Value::json(r#"{"state":"ON","power":7}"#).unwrap());
    assert_eq!(house.plugin.read(&["zigbee/plug#/power"])[0].value, 7_i64.into());
    assert!(rejected(house.plugin.write("zigbee/lamp#/color/x", 1.0)).contains("write the whole document"));
}

#[test]
fn what_cannot_be_written_is_refused_with_the_reason() {
    let mut house = House::open();
    for (tag, want) in [("", "empty"), ("a/+", "wildcard"), ("$SYS/x", "the broker itself"), ("a\0", "no topic")] {
        assert!(rejected(house.plugin.write(tag, 1_i64)).contains(want), "{tag}");
        assert!(house.plugin.subscribe(&[tag])[0].failure.is_some(), "{tag}");
    }
    assert!(rejected(house.plugin.write("big", "x".repeat(300_000).as_str())).contains("retained_bytes"));
    assert!(rejected(house.plugin.write("big", "x".repeat(1 << 20).as_str())).contains("do not fit a packet"));
    let id = house.plugin.write_item("a", true, |item| item.pulse_ms = Some(5));
    assert!(rejected(house.plugin.outcome(id)).contains("no pulse"));
    let id = house.plugin.write_item("late", 1_i64, |item| item.ttl_ms = Some(0));
    assert_eq!(house.plugin.outcome(id), Outcome::Expired);
    assert_eq!(house.retained("#"), [] as [&str; 0]);
}

#[test]
fn topics_that_were_seen_or_are_retained_can_be_browsed_searched_and_read() {
    let mut house = House::open();
    house.publish("house/kitchen/Power", "5", &["-r"]);
    house.publish("house/cellar", "1", &[]);
    let show = |plugin: &mut Plugin, path: &str| -> Vec<(String, Option<String>, bool)> {
        plugin.browse(path).into_iter().map(|node| (node.name, node.tag, node.children)).collect()
    };
    assert_eq!(show(&mut house.plugin, ""), [("house".into(), None, true)]);
    let want = [("cellar".into(), Some("house/cellar".into()), false), ("kitchen".into(), None, true)];
    assert_eq!(show(&mut house.plugin, "house/"), want);
    assert_eq!(house.plugin.search("power")[0].tag.as_deref(), Some("house/kitchen/Power"));
    let read = house.plugin.read(&["house/kitchen/Power", "house/cellar", "a/+"]);
    assert_eq!(read[0].value, 5_i64.into());
    assert_eq!((read[1].quality, read[2].quality), (Quality::NoData, Quality::NotFound));
}

/// Publishes so many numbered messages as fast as the broker takes them.
fn burst(house: &House, topic: &str, count: usize) -> std::thread::JoinHandle<()> {
    let mut command = Command::new("mosquitto_pub");
    command.args(["-p", &house.port.to_string(), "-t", topic, "-l"]).stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    std::thread::spawn(move || {
        let lines = (0..count).map(|n| n.to_string()).collect::<Vec<_>>().join("\n");
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    })
}

#[track_caller]
fn arrives_whole(house: &mut House, topic: &str, count: usize) {
    for n in 0..count {
        assert_eq!(house.plugin.sample(topic).value, Value::Int(i64::try_from(n).unwrap()));
    }
}

#[test]
fn a_burst_of_messages_arrives_whole_and_in_order() {
    let mut house = House::open();
    house.plugin.subscribe(&["burst"]);
    let publisher = burst(&house, "burst", 40_000);
    arrives_whole(&mut house, "burst", 40_000);
    publisher.join().unwrap();
}

#[test]
fn a_slow_daemon_slows_the_publisher_and_loses_nothing() {
    let mut house = House::open();
    house.plugin.subscribe(&["wanted"]);
    house.plugin.send(&ToPlugin::Pause(Empty {}));
    let other = house.subscribe("unwanted", &[]);
    // More than the driver may hold back.
    let publisher = burst(&house, "wanted", 50_000);
    assert!(house.plugin.samples_for(Duration::from_millis(400)).is_empty());
    // Meanwhile messages that become no datapoint go their way.
    house.publish("unwanted", "x", &[]);
    assert_eq!(other.next(), "0 unwanted x");
    house.plugin.send(&ToPlugin::Resume(Empty {}));
    arrives_whole(&mut house, "wanted", 50_000);
    publisher.join().unwrap();
}
