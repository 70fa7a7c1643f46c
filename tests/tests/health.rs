//! Instances that live and do not do their work: each is named on its card in time, and a route beside it loses nothing.
#![allow(clippy::unwrap_used)] // in what only tests call, a panic is how a test fails

use std::process::Command;
use std::time::{Duration, Instant};

use fieldrail_testkit::Mosquitto;
use fieldrail_tests::mqtt::{Listener, Talker};
use fieldrail_tests::{House, wait_for};
use serde_json::{Value, json};

const PLUGINS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/plugins");

/// Between two heartbeats.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// How late a test may see what the daemon knows: it asks again and again on a busy machine.
const SIGHT: Duration = Duration::from_secs(2);

/// A rogue beside a route from broker to broker.
struct Neighbours {
    house: House,
    arriving: Listener,
    talker: Talker,
    said: u64,
    healthy: Value,
    _broker: Mosquitto,
}

impl Neighbours {
    fn new(mode: &str, health: &Value) -> Self {
        let broker = Mosquitto::start();
        let connections = json!([
            { "id": "rogue", "driver": "rogue", "config": { "mode": mode }, "health": health },
            { "id": "mqtt", "driver": "mqtt", "config": { "host": "127.0.0.1", "port": broker.port() } }
        ]);
        let routes = json!([
            { "id": "r", "from": "mqtt.in", "to": "mqtt.out", "delivery": "queued" },
            { "id": "x", "from": "rogue.x", "to": "calc.x" }
        ]);
        let house = House::new(&connections, &routes).with_plugins(PLUGINS).kept();
        let healthy = house.wait_until("mqtt", "running")["pid"].clone();
        let arriving = Listener::start(broker.port(), "out");
        let talker = Talker::start(broker.port(), "in", 0);
        Self { house, arriving, talker, said: 0, healthy, _broker: broker }
    }

    /// Sends a value every 10 ms until the rogue's card shows what is wanted.
    #[track_caller]
    fn until(&mut self, what: &str, within: Duration, wanted: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            for _ in 0..10 {
                self.talker.say(&self.said.to_string());
                self.said += 1;
                std::thread::sleep(Duration::from_millis(10));
            }
            let rogue = self.house.instance("rogue");
            if wanted(&rogue) {
                assert!(begun.elapsed() <= within, "{what} after {:?}: {rogue}", begun.elapsed());
                return rogue;
            }
            assert!(begun.elapsed() < within + Duration::from_secs(30), "not {what}: {rogue}");
        }
    }

    /// Every value of the route beside it has arrived, in order.
    #[track_caller]
    fn lost_nothing(&self) {
        for n in 0..self.said {
            assert_eq!(
                self.arriving.next(Duration::from_secs(5)),
                Some(("out".into(), n.to_string())),
                "lost or swapped"
            );
        }
        let unharmed = self.house.instance("mqtt");
        assert_eq!((&unharmed["pid"], &unharmed["restarts"]), (&self.healthy, &json!(0)), "{unharmed}");
        assert_eq!(unharmed["state"], "running", "{unharmed}");
    }
}

fn text(instance: &Value) -> &str {
    instance["text"].as_str().unwrap_or_default()
}

/// Runs the rogue in this mode. Within twice the interval its card says these words, and since when, and what is done.
#[track_caller]
fn check(mode: &str, health: &Value, interval: Duration, words: &str) -> (Neighbours, Value) {
    let mut neighbours = Neighbours::new(mode, health);
    let named = neighbours.until("named", interval * 2 + SIGHT, |rogue| text(rogue).contains(words));
    assert_eq!(named["state"], "degraded", "{named}");
    assert!(named["hint"].is_string(), "{named}");
    let (_, since) = text(&named).split_once(" since ").unwrap_or_else(|| panic!("{named}"));
    let is_time = |five: &[u8]| five[2] == b':' && [0, 1, 3, 4].into_iter().all(|at| five[at].is_ascii_digit());
    assert!(since.as_bytes().windows(5).any(is_time), "{named}");
    (neighbours, named)
}

/// The same, and then it is started again.
#[track_caller]
fn check_restart(mode: &str, words: &str) {
    let (mut neighbours, named) = check(mode, &json!({}), HEARTBEAT, words);
    assert!(text(&named).contains("is started again when that lasts 17.5 s"), "{named}");
    // It is a hang after three missed heartbeats: 15 s; twice of that, and a second for the end of the process.
    let again = neighbours.until("started again", Duration::from_secs(31) + SIGHT, |rogue| rogue["restarts"] != 0);
    assert_ne!(again["last_error"], Value::Null, "{again}");
    neighbours.lost_nothing();
}

#[test]
fn a_plugin_whose_loop_stands_is_named_and_started_again_and_a_route_beside_it_loses_nothing() {
    check_restart("standing", "has given no sign of life");
}

#[test]
fn a_plugin_that_reads_nothing_is_named_and_started_again_and_a_route_beside_it_loses_nothing() {
    check_restart("deaf", "has read nothing of what it is told");
}

#[test]
fn a_plugin_that_turns_in_a_circle_is_named_and_started_again_and_a_route_beside_it_loses_nothing() {
    check_restart("spinning", "has burnt processor time and finished nothing");
}

#[test]
fn a_deaf_plugin_that_is_not_to_be_started_again_stays_named() {
    let health = json!({ "auto_restart": false });
    let (mut neighbours, named) = check("deaf", &health, HEARTBEAT, "has read nothing of what it is told");
    assert!(text(&named).contains("is not started again by itself"), "{named}");
    let begun = Instant::now();
    let still = neighbours.until("still there", Duration::from_secs(20) + SIGHT, |_| begun.elapsed().as_secs() >= 15);
    assert_eq!((&still["state"], &still["restarts"], &still["pid"]), (&json!("degraded"), &json!(0), &named["pid"]));
    neighbours.lost_nothing();
}

#[test]
fn a_connected_and_silent_plugin_is_named_and_a_route_beside_it_loses_nothing() {
    let health = json!({ "interval_seconds": 6 });
    let words = "is connected, and nothing has come from its device since";
    let (neighbours, named) = check("silent", &health, Duration::from_secs(6), words);
    assert!(text(&named).contains("something should every 6 s"), "{named}");
    neighbours.lost_nothing();
}

#[test]
fn frozen_values_are_named_and_a_route_beside_them_loses_nothing() {
    let health = json!({ "frozen_after_seconds": 8 });
    let words = "none of its values has changed since";
    let (neighbours, named) = check("frozen", &health, Duration::from_secs(8), words);
    assert!(text(&named).contains("one should within 8 s"), "{named}");
    // It is declared otherwise: in force at once, and without a restart.
    let connections = neighbours.house.text("connections.json");
    let mut connections: Value = serde_json::from_str(&connections).unwrap();
    connections["connections"][0]["health"] = json!({});
    neighbours.house.put("connections.json", &connections);
    let well = neighbours.house.wait_until("rogue", "running");
    assert_eq!((&well["pid"], &well["restarts"]), (&named["pid"], &json!(0)));
    neighbours.lost_nothing();
}

#[test]
fn a_deadline_of_a_datapoint_makes_silence_known_too() {
    let connections = json!([{ "id": "rogue", "driver": "rogue", "config": { "mode": "silent" } }]);
    let house = House::new(&connections, &json!([{ "id": "x", "from": "rogue.x", "to": "calc.x" }]));
    house.put("datapoints.json", &json!({ "version": "1.0", "datapoints": { "rogue.x": { "deadline_s": 5 } } }));
    let house = house.with_plugins(PLUGINS).kept();
    wait_for("the silence is named", Duration::from_secs(10) + SIGHT + SIGHT, || {
        text(&house.instance("rogue")).contains("something should every 5 s").then_some(())
    });
}

fn signal(name: &str, pid: &Value) {
    let status = Command::new("kill").args([name, &pid.to_string()]).status().unwrap();
    assert!(status.success());
}

#[test]
fn a_standstill_of_the_whole_machine_is_held_against_nobody() {
    let health = json!({ "interval_seconds": 2, "frozen_after_seconds": 2 });
    let connections = json!([{ "id": "good", "driver": "counter", "config": { "every_s": 0.5 }, "health": health }]);
    let routes = json!([{ "id": "r", "from": "good.count", "to": "calc.count" }]);
    let house = House::new(&connections, &routes).with_plugins(PLUGINS).kept();
    let good = house.wait_until("good", "running");
    let daemon = json!(house.pid());
    // Longer than three heartbeats, and not so long that the life cycle would take it for a standstill by itself.
    signal("-STOP", &daemon);
    signal("-STOP", &good["pid"]);
    std::thread::sleep(Duration::from_secs(18));
    signal("-CONT", &daemon);
    // The daemon is back first, and finds nothing of what it expects.
    std::thread::sleep(Duration::from_millis(500));
    let meanwhile = house.instance("good");
    signal("-CONT", &good["pid"]);
    assert_eq!(meanwhile["state"], "running", "{meanwhile}");
    let count = house.value("calc.count").and_then(|count| count["value"].as_i64()).unwrap_or(0);
    wait_for("it goes on", Duration::from_secs(10), || {
        house.value("calc.count").filter(|now| now["value"].as_i64() > Some(count + 4))
    });
    let well = house.instance("good");
    assert_eq!((&well["pid"], &well["restarts"], &well["errors"]), (&good["pid"], &json!(0), &json!(0)), "{well}");
}
