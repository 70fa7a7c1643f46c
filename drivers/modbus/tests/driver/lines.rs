//! Serial lines: RTU and ASCII over pseudo-terminals, RTU and ASCII through a serial server; several units, noise, deaths.

use std::time::Duration;

use fieldrail_model::{Quality, Value};
use fieldrail_testkit::wire::FromPlugin;
use fieldrail_testkit::wire::plugin::Status;
use fieldrail_testkit::{Outcome, Plugin, free_port};
use serde_json::{Value as Json, json};

use crate::peers::{Peer, Wire, driver, register};

fn on(wire: &Wire, framing: &str, timeout_ms: u32) -> Json {
    json!({
        "device": wire.near, "baud": 115_200, "framing": framing, "data_bits": 8, "poll_ms": 20, "timeout_ms": timeout_ms
    })
}

fn units(numbers: &[u8]) -> Json {
    let unit = |number: &u8| {
        let writable = json!({ "name": "w", "table": "holding", "address": 7, "writable": true });
        json!({ "unit": number, "name": format!("u{number}"), "registers": [register("a", "holding", 5), writable] })
    };
    json!(numbers.iter().map(unit).collect::<Vec<_>>())
}

/// The last figures that the driver sent; they come every ten seconds.
fn figure(driver: &mut Plugin, name: &str) -> f64 {
    driver.patience(Duration::from_secs(12));
    driver.wait("figures", |message| match message {
        FromPlugin::Metrics(metrics) => metrics.figures.get(name).copied(),
        _ => None,
    })
}

#[test]
fn rtu_and_ascii_read_and_write_on_a_serial_line() {
    for framing in ["rtu", "ascii"] {
        let wire = Wire::new();
        let mut peer = Peer::serial(framing, &wire.far, &[1, 2]);
        let mut driver = driver(on(&wire, framing, 3000), &json!({ "units": units(&[1, 2]) }));
        driver.state(Status::Connected);
        driver.subscribe(&["u1.a", "u2.a", "u2.w"]);
        assert_eq!(driver.sample("u1.a").value, Value::Int(5), "{framing}");
        assert_eq!(driver.sample("u2.a").value, Value::Int(5));
        assert_eq!(driver.sample("u2.w").value, Value::Int(7));
        assert_eq!(driver.write("u2.w", 1234_i64), Outcome::Confirmed);
        assert_eq!(peer.holding(2, 7, 1), [1234]);
        assert_eq!(driver.sample("u2.w").value, Value::Int(1234));
        assert!(driver.stop().success());
    }
}

#[test]
fn rtu_and_ascii_are_spoken_through_a_serial_server() {
    for framing in ["rtu", "ascii"] {
        let mut peer = Peer::on_tcp(framing, free_port(), &[1]);
        let base =
            json!({ "host": "127.0.0.1", "port": peer.port(), "framing": framing, "poll_ms": 20, "timeout_ms": 3000 });
        let mut driver = driver(base, &json!({ "units": units(&[1]) }));
        driver.subscribe(&["u1.a"]);
        assert_eq!(driver.sample("u1.a").value, Value::Int(5), "{framing}");
        assert_eq!(driver.write("u1.w", 99_i64), Outcome::Confirmed);
        assert_eq!(peer.holding(1, 7, 1), [99]);
    }
}

#[test]
fn a_unit_that_dies_takes_only_its_own_values_back_and_returns() {
    let wire = Wire::new();
    let mut peer = Peer::serial("rtu", &wire.far, &[1, 2]);
    let mut driver = driver(on(&wire, "rtu", 300), &json!({ "units": units(&[1, 2]) }));
    driver.subscribe(&["u1.a", "u2.a"]);
    driver.sample("u1.a");
    driver.sample("u2.a");
    peer.mute(&[2]);
    let dead = driver.sample("u2.a");
    assert_eq!((dead.value, dead.quality), (Value::Int(5), Quality::NotConnected));
    assert_eq!(dead.note.as_deref(), Some("unit 2 (u2) does not answer: no answer within 300 ms"));
    let state = driver.state(Status::Degraded);
    assert!(state.text.starts_with("unit 2 (u2) does not answer on "), "{}", state.text);
    assert!(state.hint.unwrap().contains("unit number"));
    // The other one goes on.
    peer.obey(&json!({ "set": [1, 5, [42]] }));
    let alive = driver.sample("u1.a");
    assert_eq!((alive.value, alive.quality), (Value::Int(42), Quality::Good));
    // A read of the dead one is answered at once, with the last value.
    let reading = &driver.read(&["u2.a"])[0];
    assert_eq!((&reading.value, reading.quality), (&Value::Int(5), Quality::NotConnected));
    peer.mute(&[]);
    let back = driver.sample("u2.a");
    assert_eq!((back.value, back.quality), (Value::Int(5), Quality::Good));
    driver.state(Status::Connected);
    let log = driver.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("unit 2")).collect();
    assert_eq!(lines.len(), 2, "once when it goes, once when it is back: {log}");
}

/// What makes the usual client return the value of another register as success.
#[test]
fn the_late_answer_of_a_unit_is_never_taken_for_the_next() {
    let wire = Wire::new();
    let mut peer = Peer::serial("rtu", &wire.far, &[1]);
    // Two registers that are read alone, with answers of the same length.
    let registers = json!([register("five", "holding", 5), register("nine", "holding", 900)]);
    let mut driver = driver(on(&wire, "rtu", 300), &json!({ "registers": registers }));
    driver.subscribe(&["five", "nine"]);
    for _ in 0..12 {
        // The next answer comes together with the one after it.
        peer.obey(&json!({ "hold": 1 }));
        std::thread::sleep(Duration::from_millis(360));
    }
    // Values never change, so that whatever else comes is the value of the other register.
    for sample in driver.samples_for(Duration::from_millis(300)) {
        if sample.quality == Quality::Good {
            let want = if &*sample.tag == "five" { 5 } else { 900 };
            assert_eq!(sample.value, Value::Int(want), "{sample:?}");
        }
    }
    assert_eq!(
        driver.read(&["five", "nine"]).iter().map(|r| r.value.clone()).collect::<Vec<_>>(),
        [5_i64.into(), Value::Int(900)]
    );
    assert!(figure(&mut driver, "late_answers_dropped") >= 1.0);
}

#[test]
fn a_foreign_answer_and_noise_are_dropped_and_counted() {
    let wire = Wire::new();
    let mut peer = Peer::serial("rtu", &wire.far, &[1]);
    let mut driver = driver(on(&wire, "rtu", 300), &json!({ "registers": [register("a", "holding", 5)] }));
    driver.subscribe(&["a"]);
    driver.sample("a");
    // Unit 9 says 0x0909 before unit 1 answers; then an answer of unit 1 with a wrong checksum; then one of two registers.
    for before in ["0903020909df33", "0103020909ffff", "01030400010002"] {
        peer.obey(&json!({ "before": before }));
        std::thread::sleep(Duration::from_millis(80));
        wire.disturb(&[0xff, 0x00, 0x55]);
    }
    for sample in driver.samples_for(Duration::from_millis(300)) {
        assert!(sample.quality != Quality::Good || sample.value == Value::Int(5), "{sample:?}");
    }
    assert_eq!(driver.read(&["a"])[0].value, Value::Int(5));
    let noise = figure(&mut driver, "noise_bytes_dropped");
    assert!(noise >= 7.0, "{noise}");
}

#[test]
fn a_second_program_cannot_have_the_line() {
    let wire = Wire::new();
    let _peer = Peer::serial("rtu", &wire.far, &[1]);
    let mut first = driver(on(&wire, "rtu", 300), &json!({}));
    first.state(Status::Connected);
    let mut second = driver(on(&wire, "rtu", 300), &json!({}));
    let state = second.state(Status::Degraded);
    assert!(state.text.contains("is in use by another program"), "{}", state.text);
    assert!(state.hint.unwrap().contains("two programs"));
}
