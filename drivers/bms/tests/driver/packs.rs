//! Several packs: on one bus, on lines of their own, and together as one battery.

use fieldrail_driver_bms::sim::{Bus, Faults, Line};
use fieldrail_model::{Quality, Value};
use fieldrail_testkit::wire::plugin::Status;
use serde_json::json;

use crate::peers::{at, driver, on_tcp, one};

#[test]
fn packs_on_one_bus_are_told_apart_and_are_one_battery_together() {
    let bus = Bus::new((1..=3).map(|number| one("daly", "a5", number)).collect(), Faults::default());
    let line = Line::on_port(bus).unwrap();
    for (index, milliampere) in [10_000, 5000, -2000].into_iter().enumerate() {
        line.bus().batteries[index].pack.forced_ma = Some(milliampere);
    }
    let packs = json!([{ "name": "a", "address": 1 }, { "name": "b", "address": 2 }, { "name": "c", "address": 3 }]);
    let mut driver = driver(
        &at(&line),
        &json!({ "battery": "daly", "variant": "a5", "packs": packs, "poll_ms": 100, "timeout_ms": 1000 }),
    );
    driver.subscribe(&[
        "a.current",
        "b.current",
        "c.current",
        "bank.current",
        "bank.capacity",
        "bank.cell_min",
        "bank.packs_online",
    ]);
    for (tag, want) in [("a.current", 10.0), ("b.current", 5.0), ("c.current", -2.0), ("bank.current", 13.0)] {
        let near = |value: &Value| value.as_f64().is_some_and(|value: f64| (value - want).abs() < 0.35);
        driver.wait_sample(tag, |s| &*s.tag == tag && s.quality == Quality::Good && near(&s.value));
    }
    assert_eq!(driver.sample("bank.cell_min").quality, Quality::Good);
    // One falls silent: it is named, and the others go on.
    line.bus().batteries[1].silent = true;
    let lost = driver.wait_sample("the loss", |s| &*s.tag == "b.current" && s.quality == Quality::NotConnected);
    assert_eq!(lost.note.as_deref(), Some("b (address 2) does not answer: no answer within 1000 ms"));
    let sum = driver.wait_sample("the sum", |s| &*s.tag == "bank.current" && s.quality == Quality::NotConnected);
    assert_eq!(sum.note.as_deref(), Some("b does not answer; the sum is that of the others"));
    let shared = driver.wait_sample("the cells", |s| &*s.tag == "bank.cell_min" && s.quality == Quality::Uncertain);
    assert_eq!(shared.note.as_deref(), Some("b does not answer; it is that of the others"));
    let state = driver.state(Status::Degraded);
    assert!(state.text.starts_with("b (address 2) does not answer"), "{}", state.text);
    line.bus().batteries[0].pack.forced_ma = Some(30_000);
    let near = |value: &Value| value.as_f64().is_some_and(|value: f64| value > 29.0);
    driver.wait_sample("the others go on", |s| &*s.tag == "a.current" && near(&s.value));
    line.bus().batteries[1].silent = false;
    driver.wait_sample("the return", |s| &*s.tag == "bank.current" && s.quality == Quality::Good);
    let tree = driver.browse("");
    let names: Vec<&str> = tree.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "bank", "c"]);
    assert_eq!(tree[2].comment.as_deref(), Some("All packs as one battery"));
}

#[test]
fn a_pack_on_a_line_of_its_own_belongs_to_the_same_battery() {
    let lines = [on_tcp(vec![one("jbd", "dd", 1)]), on_tcp(vec![one("jbd", "dd", 1)])];
    let pack = |index: usize| json!({ "name": format!("pack{}", index + 1), "host": "127.0.0.1", "port": lines[index].address().unwrap().port() });
    let mut driver =
        driver(&json!({ "battery": "jbd", "packs": [pack(0), pack(1)] }), &json!({ "poll_ms": 100, "bank": "house" }));
    driver.subscribe(&["house.capacity", "house.packs", "pack2.voltage"]);
    let capacity = driver.wait_sample("both", |s| &*s.tag == "house.capacity" && s.quality == Quality::Good);
    assert_eq!(capacity.value, Value::Float(560.0));
    assert_eq!(driver.sample("house.packs").value, Value::Int(2));
    let [first, second] = lines;
    drop(second);
    let lost = driver.wait_sample("the loss", |s| &*s.tag == "house.capacity" && s.quality == Quality::NotConnected);
    assert_eq!(lost.value, Value::Float(280.0));
    assert!(lost.note.unwrap().starts_with("pack2 does not answer"));
    drop(first);
    let none = driver.wait_sample("nobody", |s| &*s.tag == "house.capacity" && s.value == Value::Null);
    assert_eq!(none.quality, Quality::NotConnected);
}
