//! An instance that is cut from the router: its process goes on, and nothing goes in or out.
#![allow(clippy::unwrap_used)] // in what only tests call, a panic is how a test fails

use std::time::Duration;

use fieldrail_testkit::Mosquitto;
use fieldrail_tests::mqtt::{Listener, publish};
use fieldrail_tests::{House, wait_for};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(10);

#[test]
fn a_detached_instance_runs_on_and_nothing_goes_in_or_out_until_it_is_attached() {
    let broker = Mosquitto::start();
    let config = json!({ "host": "127.0.0.1", "port": broker.port() });
    let connections =
        json!([{ "id": "dev", "driver": "mqtt", "config": config }, { "id": "src", "driver": "virtual" }]);
    let routes = json!([
        { "id": "in", "from": "dev.in", "to": "calc.in" },
        { "id": "out", "from": "src.out", "to": "dev.out" },
        { "id": "kept", "from": "src.kept", "to": "dev.kept", "delivery": "durable" }
    ]);
    let mut house = House::new(&connections, &routes).kept();
    let pid = house.wait_until("dev", "running")["pid"].clone();
    let wire = Listener::start(broker.port(), "#");
    publish(broker.port(), "in", "1", &["-r"]);
    wait_for("a value", SOON, || house.value("dev.in").filter(|point| point["value"] == 1));
    while wire.next(Duration::from_millis(300)).is_some() {}

    let detached = house.ask("POST", "/api/connections/dev/disconnect", &Value::Null);
    assert_eq!((detached.status, &detached.json()["state"]), (200, &json!("detached")));
    for restarted in [false, true] {
        if restarted {
            house.kill();
            house.keep();
            house.wait_until("dev", "detached");
        } else {
            assert_eq!(house.instance("dev")["pid"], pid, "the process goes on");
            let lost = house.value("dev.in").unwrap();
            assert_eq!((&lost["quality"], &lost["reason"]), (&json!("bad"), &json!("not_connected")));
            publish(broker.port(), "in", "2", &["-r"]);
            wait_for("it is counted", SOON, || (house.instance("dev")["held_back"].as_u64() > Some(0)).then_some(()));
        }
        house.route_data("src", "out", 7);
        house.route_data("src", "kept", 8);
        let write = json!({ "address": "dev.out", "value": 1 });
        let pulse = json!({ "address": "dev.out", "duration_ms": 100 });
        for (path, body) in [("write", &write), ("pulse", &pulse)] {
            let refused = house.ask("POST", &format!("/api/datapoint/{path}"), body);
            assert_eq!(refused.status, 503);
            assert!(refused.json()["detail"].as_str().unwrap().contains("detached"), "{}", refused.json());
        }
        let heard: Vec<_> = std::iter::from_fn(|| wire.next(Duration::from_millis(700))).collect();
        assert!(heard.iter().all(|(topic, _)| topic == "in"), "{heard:?}");
        assert_ne!(house.value("calc.in").unwrap()["value"], 2);
    }

    assert_eq!(house.ask("POST", "/api/connections/dev/connect", &Value::Null).status, 200);
    house.wait_until("dev", "running");
    wait_for("the value comes again", SOON, || house.value("dev.in").filter(|point| point["value"] == 2));
    let kept = wait_for("what is durable was kept", SOON, || wire.next(SOON).filter(|(topic, _)| topic == "kept"));
    assert_eq!(kept.1, "8");
}
