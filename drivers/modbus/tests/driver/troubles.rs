//! What happens when the device is not there, goes and comes back, answers late; and what a wrong configuration says.

use std::io::Write as _;
use std::time::Duration;

use fieldrail_model::{Quality, Value};
use fieldrail_testkit::wire::plugin::Status;
use fieldrail_testkit::{Outcome, Plugin, free_port};
use serde_json::json;

use crate::peers::{DRIVER, Peer, driver, on, register};

#[test]
fn a_lost_device_takes_the_values_back_and_comes_back_by_itself() {
    let port = free_port();
    let peer = Peer::on_tcp("socket", port, &[1]);
    let writable = json!({ "name": "w", "table": "holding", "address": 7, "writable": true });
    let mut driver = driver(on(&peer), &json!({ "registers": [register("a", "holding", 5), writable] }));
    driver.subscribe(&["a"]);
    assert_eq!(driver.sample("a").quality, Quality::Good);
    drop(peer);
    let lost = driver.sample("a");
    assert_eq!((lost.value, lost.quality), (Value::Int(5), Quality::NotConnected));
    let state = driver.state(Status::Degraded);
    assert!(
        state.text.contains(&format!("waits for 127.0.0.1:{port} (")) && state.text.contains("next try in"),
        "{}",
        state.text
    );
    assert_eq!(driver.read(&["a"])[0].quality, Quality::NotConnected);
    // A write waits for the device, and one that cannot wait so long ends as expired.
    let short = driver.write_item("w", 1_i64, |item| item.ttl_ms = Some(50));
    let long = driver.write_item("w", 2_i64, |item| item.ttl_ms = Some(20_000));
    assert_eq!(driver.outcome(short), Outcome::Expired);
    let mut peer = Peer::on_tcp("socket", port, &[1]);
    driver.patience(Duration::from_secs(20));
    assert_eq!(driver.outcome(long), Outcome::Confirmed);
    assert_eq!(driver.sample("a").quality, Quality::Good);
    assert_eq!(peer.holding(1, 7, 1), [2]);
    let warnings = driver.log().lines().filter(|line| line.contains("WARN")).count();
    assert_eq!(warnings, 1, "{}", driver.log());
}

#[test]
fn the_second_way_is_taken_when_the_first_fails_and_the_first_one_again_later() {
    let ports = [free_port(), free_port()];
    let mut first = Peer::on_tcp("socket", ports[0], &[1]);
    let second = Peer::on_tcp("socket", ports[1], &[1]);
    let mut more = json!({ "registers": [register("a", "holding", 5)] });
    more["fallback"] = json!({ "host": "127.0.0.1", "port": ports[1] });
    let mut driver = driver(on(&first), &more);
    driver.patience(Duration::from_secs(20));
    let connected = |driver: &mut Plugin, port: u16| {
        let text = driver.state(Status::Connected).text;
        assert!(text.contains(&format!("127.0.0.1:{port}")), "{text}");
        assert_eq!(driver.sample("a").quality, Quality::Good);
    };
    driver.subscribe(&["a"]);
    connected(&mut driver, ports[0]);
    // The second way is for want of the first only.
    drop(first);
    assert_eq!(driver.sample("a").quality, Quality::NotConnected);
    connected(&mut driver, ports[1]);
    first = Peer::on_tcp("socket", ports[0], &[1]);
    drop(second);
    assert_eq!(driver.sample("a").quality, Quality::NotConnected);
    connected(&mut driver, ports[0]);
    drop(first);
}

#[test]
fn a_pulse_ends_also_when_the_device_was_away_meanwhile() {
    let port = free_port();
    let peer = Peer::on_tcp("socket", port, &[1]);
    // The peer starts with this coil on, as a relay that kept its state would.
    let coil = json!({ "name": "relay", "table": "coil", "address": 3, "writable": true });
    let mut driver = driver(on(&peer), &json!({ "registers": [coil] }));
    let id = driver.write_item("relay", true, |item| item.pulse_ms = Some(400));
    assert_eq!(driver.outcome(id), Outcome::Confirmed);
    drop(peer);
    driver.state(Status::Degraded);
    std::thread::sleep(Duration::from_millis(500));
    let mut peer = Peer::on_tcp("socket", port, &[1]);
    let begun = std::time::Instant::now();
    while peer.coil(1, 3) {
        assert!(begun.elapsed() < Duration::from_secs(20), "the pulse does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn on_tcp_a_late_answer_is_never_taken_for_the_next() {
    let mut peer = Peer::tcp(&[1]);
    let registers = json!([register("five", "holding", 5), register("nine", "holding", 900)]);
    let mut driver = driver(on(&peer), &json!({ "registers": registers, "timeout_ms": 200 }));
    driver.subscribe(&["five", "nine"]);
    for _ in 0..10 {
        peer.obey(&json!({ "hold": 1 }));
        std::thread::sleep(Duration::from_millis(260));
    }
    for sample in driver.samples_for(Duration::from_millis(300)) {
        if sample.quality == Quality::Good {
            let want = if &*sample.tag == "five" { 5 } else { 900 };
            assert_eq!(sample.value, Value::Int(want), "{sample:?}");
        }
    }
}

#[test]
fn an_unanswered_write_is_rejected_and_said_to_be_possibly_done() {
    let mut peer = Peer::tcp(&[1]);
    let writable = json!({ "name": "w", "table": "holding", "address": 7, "writable": true });
    let mut driver = driver(on(&peer), &json!({ "registers": [writable], "timeout_ms": 300 }));
    driver.state(Status::Connected);
    peer.mute(&[1]);
    let Outcome::Rejected(failure) = driver.write("w", 1_i64) else { panic!("nobody confirmed it") };
    assert!(
        failure.message.contains("no answer within 300 ms; it may have been written") && failure.again,
        "{failure:?}"
    );
}

#[test]
fn an_unreachable_device_is_a_state_with_a_hint_and_one_line_in_the_log() {
    let config = json!({ "host": "127.0.0.1", "port": free_port(), "registers": [register("a", "holding", 5)] });
    let mut driver = Plugin::start(DRIVER, "inverter", config);
    driver.subscribe(&["a"]);
    let state = driver.state(Status::Degraded);
    assert!(state.text.contains("connection refused"), "{}", state.text);
    assert!(state.hint.unwrap().contains("host and port"));
    let sample = driver.sample("a");
    assert_eq!((sample.value, sample.quality), (Value::Null, Quality::NotConnected));
    driver.state(Status::Degraded);
    assert_eq!(driver.log().lines().count(), 1, "{}", driver.log());
    assert!(driver.stop().success());
}

#[test]
fn a_wrong_configuration_is_a_failure_that_names_the_place() {
    let folder = std::env::temp_dir().join(format!("fieldrail-modbus-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let map = folder.join("map.json");
    let mut file = std::fs::File::create(&map).unwrap();
    file.write_all(b"{ \"version\": \"1.0\", \"name\": \"x\", \"title\": \"X\", \"source\": \"s\", \"licence\": \"l\",\n  \"registers\": [\n    { \"name\": \"a\", \"table\": \"input\", \"address\": 1, \"bit\": 16 } ] }\n").unwrap();
    for (config, text) in [
        (json!({ "host": "x", "profile": map }), "map.json:3: `a`: bits 16 to 16 do not lie in uint16"),
        (
            json!({ "host": "x", "profile": "sungrow_hs" }),
            "there is no profile `sungrow_hs`; did you mean `sungrow_sh`?",
        ),
        (json!({ "host": "x", "registers": [{ "name": "a", "table": "holding" }] }), "registers[0]"),
        (json!({ "host": "x", "tiemout_ms": 5 }), "tiemout_ms"),
    ] {
        let mut driver = Plugin::start(DRIVER, "inverter", config);
        let state = driver.state(Status::Failed);
        assert!(state.text.contains(text), "{}", state.text);
        assert!(state.hint.is_some());
        assert!(!driver.exit().success());
    }
    std::fs::remove_dir_all(folder).unwrap();
}
