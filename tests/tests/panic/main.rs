//! The panic on a recorded wire: every frame that reaches the device, a mosquitto of Debian, is heard by a stranger.
#![allow(clippy::unwrap_used)] // in what only tests call, a panic is how a test fails

mod wires;

use std::time::{Duration, Instant};

use fieldrail_testkit::Mosquitto;
use fieldrail_tests::http::Answer;
use fieldrail_tests::mqtt::{Listener, Talker};
use fieldrail_tests::{House, Random, wait_for};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(10);
const QUIET: Duration = Duration::from_millis(1500);

fn mqtt(id: &str, broker: &Mosquitto) -> Value {
    json!({ "id": id, "driver": "mqtt", "config": { "host": "127.0.0.1", "port": broker.port() } })
}

fn routes() -> Value {
    json!([
        { "id": "flow", "from": "dev.in", "to": "dev.out/flow" },
        { "id": "keep", "from": "src.kept", "to": "late.out/kept", "delivery": "durable" }
    ])
}

/// A house with a device, one that comes later, and a valve that is to be shut in a panic.
fn open(device: &Mosquitto, late: &Mosquitto) -> House {
    let connections = json!([mqtt("dev", device), mqtt("late", late), { "id": "src", "driver": "virtual" }]);
    let house = House::new(&connections, &routes());
    let valve = json!({ "dev.out/valve": { "on_panic": false }, "dev.out/pump": { "on_panic": 0 } });
    house.put("datapoints.json", &json!({ "version": "1.0", "datapoints": valve }));
    let house = house.kept();
    house.wait_until("dev", "running");
    house
}

fn panic(house: &House, body: &Value) -> Answer {
    house.ask("POST", "/api/admin/panic", body)
}

fn view(house: &House) -> Value {
    house.get("/api/admin/panic")
}

#[track_caller]
fn rearm(house: &House, instance: Option<&str>) -> Value {
    let body = json!({ "number": view(house)["number"], "instance": instance });
    let answer = house.ask("POST", "/api/admin/panic/rearm", &body);
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.json()
}

/// All frames until nothing comes for so long.
fn drain(wire: &Listener, quiet: Duration) -> Vec<(String, String)> {
    std::iter::from_fn(|| wire.next(quiet)).collect()
}

/// Everything by which somebody could write.
fn try_everything(house: &House) {
    let write = json!({ "address": "dev.out/a", "value": 1, "wait_ms": 200 });
    let datum = json!({ "source_id": "src", "tag": "kept", "value": 9 });
    let tries = [
        ("/api/datapoint/write", &write),
        ("/api/datapoint/write", &json!({ "address": "src.kept", "value": 1 })),
        ("/api/datapoint/write", &json!({ "address": "calc.x", "value": 1 })),
        ("/api/datapoint/pulse", &json!({ "address": "dev.out/a", "duration_ms": 100 })),
        ("/api/datapoint/pulse", &json!({ "address": "calc.x", "duration_ms": 100 })),
        ("/api/router/data", &datum),
        ("/api/connections/dev/call/publish", &json!({ "topic": "out/call", "payload": "1" })),
        ("/api/admin/instances/dev/restart", &Value::Null),
        ("/api/admin/instances/dev/kill", &Value::Null),
        ("/api/admin/instances/dev/start", &Value::Null),
        ("/api/connections/test", &json!({ "id": "t", "driver": "mqtt", "config": { "host": "127.0.0.1" } })),
    ];
    for (path, body) in tries {
        let answer = house.ask("POST", path, body);
        assert_eq!(answer.status, 503, "{path} {body}: {}", String::from_utf8_lossy(&answer.body));
        assert!(answer.json()["detail"].as_str().unwrap().contains("panic"), "{path}: {}", answer.json());
    }
}

#[test]
fn after_a_panic_safe_values_are_the_last_frames_until_the_house_is_armed_again() {
    let (device, mut late) = (Mosquitto::start(), Mosquitto::start());
    let mut house = open(&device, &late);
    let (wire, late_wire) = (Listener::start(device.port(), "out/#"), Listener::start(late.port(), "out/#"));
    late.kill();
    drop(late_wire);
    house.wait_until("late", "degraded");
    house.route_data("src", "kept", 5);
    let pulse = json!({ "address": "dev.out/light", "value": true, "duration_ms": 5000 });
    assert_eq!(house.ask("POST", "/api/datapoint/pulse", &pulse).status, 200);
    assert_eq!(wire.next(SOON), Some(("out/light".into(), "true".into())));
    let mut talker = Talker::start(device.port(), "in", 0);
    talker.say("1");
    assert_eq!(wire.next(SOON), Some(("out/flow".into(), "1".into())));

    // A drill says what would be, and changes nothing.
    let drill = panic(&house, &json!({ "drill": true })).json();
    let planned: Vec<_> = drill["written"].as_array().unwrap().iter().map(|one| one["address"].clone()).collect();
    assert_eq!(planned, ["dev.out/light", "dev.out/pump", "dev.out/valve"]);
    assert_eq!((&drill["state"], &view(&house)["state"]), (&json!("drill"), &json!("armed")));
    assert_eq!(drain(&wire, Duration::from_millis(300)), []);

    let begun = Instant::now();
    let answer = panic(&house, &Value::Null);
    let took = begun.elapsed();
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert!(took < Duration::from_secs(1), "it waits for nobody: {took:?}");
    let done = answer.json();
    // On a busy machine the broker may confirm later than a panic waits; what arrived is seen on the wire.
    let is_written = |one: &Value| {
        one["outcome"] == "confirmed"
            || one["reason"].as_str().is_some_and(|reason| reason.contains("may have arrived"))
    };
    assert!(done["written"].as_array().unwrap().iter().all(is_written), "{done}");
    let mut frames = drain(&wire, Duration::from_millis(300));
    frames.sort();
    let frame = |topic: &str, payload: &str| (topic.to_owned(), payload.to_owned());
    let safe = [frame("out/light", "false"), frame("out/pump", "0"), frame("out/valve", "false")];
    // The driver may end its own pulse once more while it stops.
    frames.dedup();
    assert_eq!(frames, safe);

    late.restart();
    let late_wire = Listener::start(late.port(), "out/#");
    for again in [false, true] {
        if again {
            house.kill();
            house.keep();
        }
        assert_eq!(view(&house)["state"], "latched");
        assert_eq!(house.instance("dev")["state"], "panicked");
        talker.say("2");
        try_everything(&house);
        assert_eq!(panic(&house, &Value::Null).status, 200, "a second panic changes nothing");
        assert_eq!(drain(&wire, QUIET), []);
        assert_eq!(late_wire.next(Duration::from_millis(10)), None);
        assert!(house.instance("dev")["pid"].is_null() && house.instance("late")["pid"].is_null());
    }

    // Step by step: a device can be written to by hand, routes and what waits on disk come last.
    let steps = view(&house)["steps"].clone();
    assert_eq!((&steps[1]["instance"], &steps[1]["waiting"]), (&json!("late"), &json!(1)), "{steps}");
    let early = house.ask("POST", "/api/admin/panic/rearm", &json!({ "number": view(&house)["number"] }));
    assert_eq!(early.status, 409, "{}", early.json());
    assert_eq!(rearm(&house, Some("dev"))["state"], "rearming");
    house.wait_until("dev", "running");
    let write = json!({ "address": "dev.out/a", "value": 1 });
    assert_eq!(house.ask("POST", "/api/datapoint/write", &write).json()["outcome"], "confirmed");
    assert_eq!(drain(&wire, Duration::from_millis(300)), [frame("out/a", "1")]);
    talker.say("3");
    let outdated = json!({ "number": 99, "instance": "late" });
    assert_eq!(house.ask("POST", "/api/admin/panic/rearm", &outdated).status, 409);
    rearm(&house, Some("late"));
    house.wait_until("late", "running");
    assert_eq!(late_wire.next(QUIET), None, "what waits on disk waits for the router");
    assert_eq!(drain(&wire, Duration::from_millis(50)), []);
    assert_eq!(rearm(&house, None)["state"], "armed");
    assert_eq!(late_wire.next(SOON), Some(("out/kept".into(), "5".into())), "the durable value was kept");
    talker.say("4");
    assert_eq!(wire.next(SOON), Some(("out/flow".into(), "4".into())));
}

#[test]
fn a_process_that_holds_other_writes_is_killed_and_what_was_missed_is_shown() {
    let (device, late) = (Mosquitto::start(), Mosquitto::start());
    let house = open(&device, &late);
    let wire = Listener::start(device.port(), "out/#");
    let pulse = json!({ "address": "dev.out/light", "value": true, "duration_ms": 5000 });
    assert_eq!(house.ask("POST", "/api/datapoint/pulse", &pulse).status, 200);
    assert_eq!(wire.next(SOON), Some(("out/light".into(), "true".into())));
    // The driver hangs with a write in its pipe.
    let pid = house.instance("dev")["pid"].to_string();
    let signal = |name: &str| std::process::Command::new("kill").args([name, &pid]).status().unwrap().success();
    assert!(signal("-STOP"));
    let write = json!({ "address": "dev.out/late", "value": 1, "wait_ms": 1, "ttl_ms": 60_000 });
    assert_eq!(house.ask("POST", "/api/datapoint/write", &write).json()["outcome"], "pending");
    let begun = Instant::now();
    let done = panic(&house, &Value::Null).json();
    let took = begun.elapsed();
    assert!(took < Duration::from_millis(500), "{took:?}");
    assert!(done["written"].as_array().unwrap().iter().all(|one| one["outcome"] == "not_reached"), "{done}");
    wait_for("the process is gone", SOON, || house.instance("dev")["pid"].is_null().then_some(()));
    let _ = signal("-CONT");
    assert_eq!(drain(&wire, QUIET), []);
    // The end of the pulse is owed, and the step says so before it is taken.
    assert_eq!(view(&house)["owed"][0]["address"], "dev.out/light");
    assert_eq!(view(&house)["steps"][0]["ends"][0]["address"], "dev.out/light");
    rearm(&house, Some("dev"));
    assert_eq!(wire.next(SOON), Some(("out/light".into(), "false".into())));
    assert_eq!(drain(&wire, QUIET), []);
}

#[test]
fn a_damaged_latch_is_a_panic() {
    let (device, late) = (Mosquitto::start(), Mosquitto::start());
    let mut house = open(&device, &late);
    assert_eq!(panic(&house, &Value::Null).status, 200);
    house.kill();
    std::fs::write(house.state().join("panic.json"), "{").unwrap();
    for _ in 0..2 {
        house.keep();
        let view = view(&house);
        assert_eq!(view["state"], "latched");
        assert!(view["fault"].as_str().unwrap().contains("panic.json"), "{view}");
        assert_eq!(house.instance("dev")["state"], "panicked");
        house.kill();
    }
}

#[test]
fn a_daemon_that_is_killed_around_a_panic_comes_back_latched_and_writes_nothing() {
    const ROUNDS: usize = 50;
    let (device, late) = (Mosquitto::start(), Mosquitto::start());
    let mut house = open(&device, &late);
    let wire = Listener::start(device.port(), "out/#");
    let mut talker = Talker::start(device.port(), "in", 0);
    let mut random = Random::new(0x0070_616e_6963);
    let mut latched = 0;
    for round in 0..ROUNDS {
        house.wait_until("dev", "running");
        talker.say(&format!("before {round}"));
        wait_for("values flow", SOON, || wire.next(Duration::from_millis(500)));
        // Most of it happens in the first milliseconds.
        let most = if round % 2 == 0 { 12_000 } else { 160_000 };
        let after = Duration::from_micros(random.between(0, most) as u64);
        let answered = std::thread::scope(|scope| {
            let house = &house;
            let asked = scope.spawn(|| std::panic::catch_unwind(|| panic(house, &Value::Null).status));
            for n in 0..3 {
                talker.say(&format!("{round}.{n}"));
            }
            std::thread::sleep(after);
            let killed = std::process::Command::new("kill").args(["-KILL", &house.pid().to_string()]).status();
            assert!(killed.unwrap().success());
            asked.join().unwrap().is_ok_and(|status| status == 200)
        });
        house.kill();
        let frames = drain(&wire, Duration::from_millis(300));
        let acted = frames.iter().any(|(topic, _)| topic == "out/valve" || topic == "out/pump");
        house.keep();
        let is_latched = view(&house)["state"] == "latched";
        assert!(is_latched || !(answered || acted), "round {round}: killed after {after:?}, {frames:?}");
        if !is_latched {
            continue;
        }
        latched += 1;
        talker.say(&format!("after {round}"));
        let late = drain(&wire, Duration::from_millis(700));
        assert_eq!(late, [], "round {round}: killed after {after:?}");
        for step in [Some("dev"), Some("late"), None] {
            rearm(&house, step);
        }
    }
    assert!(latched >= ROUNDS / 2, "{latched} of {ROUNDS}");
    println!("{latched} of {ROUNDS} rounds were latched");
}
