//! Alarms in a whole house: what people see, acknowledge and find again after the daemon was killed; and who may do so.
#![allow(clippy::unwrap_used)] // in what only tests call, a panic is how a test fails

use std::process::Command;
use std::time::Duration;

use fieldrail_tests::http::request;
use fieldrail_tests::{House, wait_for};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(10);

const PLUGINS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/plugins");

fn open() -> House {
    let connections =
        json!([{ "id": "plc", "driver": "virtual" }, { "id": "beat", "driver": "counter", "config": {} }]);
    let routes = json!([
        { "id": "bell", "from": "system.alarms.unacknowledged_count", "to": "calc.bell", "condition": "value > 0" },
        { "id": "last", "from": "system.alarms.last", "to": "calc.last" }
    ]);
    let house = House::new(&connections, &routes).with_plugins(PLUGINS);
    let alarms = json!({
        "plc.pressure": { "name": "Pressure too high", "role": "alarm", "alarm": { "severity": "critical" } },
        "plc.door": { "role": "alarm" },
        "plc.slow": { "role": "alarm", "alarm": { "on_delay_s": 2.0 } },
        "beat.count": { "role": "alarm", "alarm": { "severity": "info" } },
        "plc.plain": { "name": "No alarm at all" }
    });
    house.put("datapoints.json", &json!({ "version": "1.0", "datapoints": alarms }));
    house.kept()
}

fn alarm(house: &House, address: &str) -> Option<Value> {
    let page = house.get("/api/alarms?all=true");
    page["items"].as_array().unwrap().iter().find(|alarm| alarm["address"] == address).cloned()
}

#[track_caller]
fn wait_for_state(house: &House, address: &str, state: &str) -> Value {
    let what = format!("{address} is {state}");
    wait_for(&what, SOON, || alarm(house, address).filter(|alarm| alarm["state"] == state))
}

#[track_caller]
fn acknowledge(house: &House, address: &str, comment: &str) -> Value {
    let body = json!({ "addresses": [address], "comment": comment });
    let answer = house.ask("POST", "/api/alarms/acknowledge", &body);
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.json()["items"][0].clone()
}

/// Whether the log has a line of this level with these words.
fn logged(house: &House, level: &str, words: &str) -> bool {
    let page = house.get("/api/logs?search=alarm&limit=200");
    let is_it = |line: &Value| line["level"] == level && line["message"].as_str().unwrap().contains(words);
    page["items"].as_array().unwrap().iter().any(is_it)
}

#[test]
fn an_alarm_is_seen_acknowledged_cleared_and_found_again_after_a_kill() {
    let mut house = open();
    // What a driver has to be asked for is asked for: nothing else needs this datapoint.
    wait_for_state(&house, "beat.count", "active");
    assert_eq!(acknowledge(&house, "beat.count", "")["state"], "acknowledged");
    house.route_data("plc", "pressure", true);
    let active = wait_for_state(&house, "plc.pressure", "active");
    assert_eq!((&active["severity"], &active["name"]), (&json!("critical"), &json!("Pressure too high")));
    assert!(active["activated_ms"].as_i64().unwrap() > 1_600_000_000_000, "{active}");
    let page = house.get("/api/alarms");
    assert_eq!((&page["active_count"], &page["unacknowledged_count"]), (&json!(2), &json!(1)), "{page}");
    wait_for("a route rings", SOON, || house.value("calc.bell").filter(|bell| bell["value"] == 1));
    wait_for("which one", SOON, || house.value("calc.last").filter(|last| last["value"] == "plc.pressure"));
    let point = house.value("plc.pressure").unwrap();
    assert_eq!(point["role"], "alarm");
    // People hear of it before it is on disk, which takes a moment more.
    let kept = || std::fs::read_to_string(house.state().join("alarms.json")).unwrap_or_default();
    wait_for("it is on disk", SOON, || kept().contains("plc.pressure").then_some(()));

    house.kill();
    house.keep();
    let again = wait_for_state(&house, "plc.pressure", "active");
    assert_eq!((&again["activated_ms"], &again["source_lost"]), (&active["activated_ms"], &json!(true)), "{again}");
    let seen = acknowledge(&house, "plc.pressure", "  the valve sticks\n");
    assert_eq!((&seen["state"], &seen["comment"]), (&json!("acknowledged"), &json!("the valve sticks")), "{seen}");
    assert!(seen["by"].as_str().is_some_and(|by| !by.is_empty()), "{seen}");
    // Lines of the log are written in batches; what was said in the last moment before a kill may be missing.
    wait_for("it is in the log", SOON, || logged(&house, "info", "the valve sticks").then_some(()));

    house.kill();
    house.keep();
    let seen_again = wait_for_state(&house, "plc.pressure", "acknowledged");
    assert_eq!((&seen_again["by"], &seen_again["comment"]), (&seen["by"], &seen["comment"]));
    house.route_data("plc", "pressure", false);
    let normal = wait_for_state(&house, "plc.pressure", "normal");
    assert!(normal["cleared_ms"].as_i64() >= normal["activated_ms"].as_i64());

    // One that goes before anybody has seen it stays in the list.
    house.route_data("plc", "door", 1);
    wait_for_state(&house, "plc.door", "active");
    house.route_data("plc", "door", 0);
    wait_for_state(&house, "plc.door", "cleared");
    assert_eq!(acknowledge(&house, "plc.door", "")["state"], "normal");

    let events = house.get("/api/alarms/events?limit=3");
    let told: Vec<_> =
        events["items"].as_array().unwrap().iter().map(|event| (&event["address"], &event["event"])).collect();
    let want = [("acknowledged"), ("cleared"), ("activated")].map(|event| (json!("plc.door"), json!(event)));
    assert_eq!(told, want.iter().map(|(address, event)| (address, event)).collect::<Vec<_>>());
    let more = house.get(&format!("/api/alarms/events?before={}", events["next"].as_str().unwrap()));
    assert!(more["items"].as_array().unwrap().iter().any(|event| event["comment"] == "the valve sticks"), "{more}");
    for (level, words) in [
        ("error", "The alarm plc.pressure (Pressure too high) is active."),
        ("info", "the valve sticks"),
        ("warn", "The alarm plc.door is active."),
        ("info", "The alarm plc.door is cleared."),
    ] {
        wait_for(words, SOON, || logged(&house, level, words).then_some(()));
    }
}

#[test]
fn a_source_that_is_lost_clears_nothing_and_what_flaps_is_held() {
    let house = open();
    wait_for_state(&house, "beat.count", "active");
    let stopped = house.ask("POST", "/api/admin/instances/beat/stop", &Value::Null);
    assert!(stopped.status < 300);
    let lost = wait_for("its source is lost", SOON, || {
        alarm(&house, "beat.count").filter(|alarm| alarm["source_lost"] == true)
    });
    assert_eq!(lost["state"], "active");
    house.route_data("plc", "slow", true);
    let told = house.get("/api/alarms?all=true&after=plc.pressure&limit=1");
    assert_eq!((&told["items"][0]["address"], &told["items"][0]["state"]), (&json!("plc.slow"), &json!("normal")));
    wait_for_state(&house, "plc.slow", "active");

    for _ in 0..30 {
        for value in [true, false] {
            house.route_data("plc", "door", value);
            std::thread::sleep(Duration::from_millis(15));
        }
    }
    let held = wait_for("it is held", SOON, || alarm(&house, "plc.door").filter(|alarm| alarm["flaps"] == true));
    assert_eq!(held["state"], "active", "{held}");
    let events = house.get("/api/alarms/events?limit=1000");
    let times = events["items"].as_array().unwrap().iter().filter(|event| event["address"] == "plc.door").count();
    assert!((5..=10).contains(&times), "{times} events of sixty changes");
}

#[test]
fn a_viewer_acknowledges_nothing_and_a_narrow_token_sees_its_own() {
    let mut house = open();
    // The command line makes tokens in the files of a house that is not kept.
    let _ = Command::new("kill").arg(house.pid().to_string()).status();
    house.kill();
    let token = |arguments: &[&str]| {
        let made = house.run(&[&["token", "add"], arguments].concat());
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let text = String::from_utf8(made.stdout).unwrap();
        text.split_whitespace().max_by_key(|word| word.len()).unwrap().to_owned()
    };
    let viewer = token(&["looks", "--role", "viewer"]);
    let narrow = token(&["door", "--role", "operator", "--address", "plc.door"]);
    house.keep();
    house.route_data("plc", "door", true);
    house.route_data("plc", "pressure", true);
    wait_for_state(&house, "plc.door", "active");
    wait_for_state(&house, "plc.pressure", "active");
    let ask = |token: &str, method: &str, path: &str, body: &Value| {
        let bearer = format!("Bearer {token}");
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        request(house.address(), method, path, &headers, body.to_string().as_bytes())
    };
    let page = ask(&narrow, "GET", "/api/alarms", &Value::Null).json();
    let seen: Vec<_> = page["items"].as_array().unwrap().iter().map(|alarm| &alarm["address"]).collect();
    assert_eq!((seen, &page["active_count"]), (vec![&json!("plc.door")], &json!(1)));
    let events = ask(&narrow, "GET", "/api/alarms/events", &Value::Null).json();
    assert!(events["items"].as_array().unwrap().iter().all(|event| event["address"] == "plc.door"), "{events}");
    let door = json!({ "addresses": ["plc.door"] });
    let both = json!({ "addresses": ["plc.door", "plc.pressure"] });
    for (token, body, want) in [
        (&viewer, &door, 403),
        (&narrow, &both, 403),
        (&narrow, &json!({ "addresses": [] }), 422),
        (&narrow, &json!({ "addresses": ["plc.door"], "comment": "x".repeat(501) }), 422),
        (&"wrong".to_owned(), &door, 401),
    ] {
        let refused = ask(token, "POST", "/api/alarms/acknowledge", body);
        assert_eq!(refused.status, want, "{}", refused.json());
        assert_eq!(alarm(&house, "plc.door").unwrap()["state"], "active");
    }
    let unknown = house.ask("POST", "/api/alarms/acknowledge", &json!({ "addresses": ["plc.door", "plc.plain"] }));
    assert_eq!(unknown.status, 404, "{}", unknown.json());
    assert_eq!(ask(&narrow, "POST", "/api/alarms/acknowledge", &door).json()["items"][0]["by"], "token:door");
}
