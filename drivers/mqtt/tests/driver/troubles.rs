//! What happens when the broker is not there, or goes and comes back; and under load.

use std::collections::HashSet;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::peers::{DRIVER, VERSIONS, Witness, config as config_of, driver, hex, publish};
use fieldrail_model::{Quality, Value};
use fieldrail_testkit::wire::plugin::Status;
use fieldrail_testkit::{Mosquitto, Outcome, Plugin, free_port};
use serde_json::json;

#[test]
fn a_lost_broker_takes_the_values_back_and_the_next_message_makes_them_good() {
    for version in VERSIONS {
        let mut broker = Mosquitto::start();
        let mut driver = driver(&broker, version, &json!({}));
        driver.subscribe(&["a", "b"]);
        publish(&broker, &["-t", "a", "-m", "5", "-r"]);
        assert_eq!(driver.sample("a").value, Value::Int(5));
        broker.kill();
        let state = driver.state(Status::Degraded);
        assert!(state.text.contains("waits for 127.0.0.1") && state.text.contains("next try in 1 s"), "{}", state.text);
        let lost = driver.sample("a");
        assert_eq!((lost.quality, lost.value), (Quality::NotConnected, Value::Int(5)));
        assert_eq!(driver.read(&["a"])[0].quality, Quality::NotConnected);
        broker.restart();
        driver.state(Status::Connected);
        // The broker forgot the retained message: nothing is good before somebody speaks.
        assert!(driver.samples_for(Duration::from_millis(50)).is_empty());
        publish(&broker, &["-t", "a", "-m", "6", "-r"]);
        let back = driver.sample("a");
        assert_eq!((back.quality, back.value), (Quality::Good, Value::Int(6)));
        let warnings = driver.log().lines().filter(|line| line.contains("WARN")).count();
        assert_eq!(warnings, 1, "{}", driver.log());
    }
}

#[test]
fn the_second_broker_is_taken_when_the_first_fails_and_the_first_again_when_it_is_back() {
    for version in VERSIONS {
        let (mut first, second) = (Mosquitto::start(), Mosquitto::start());
        let fallback = json!({ "fallback": { "host": "127.0.0.1", "port": second.port() } });
        let mut driver = driver(&first, version, &fallback);
        driver.patience(Duration::from_secs(40));
        driver.subscribe(&["a"]);
        publish(&first, &["-t", "a", "-m", "1", "-r"]);
        assert_eq!(driver.sample("a").value, Value::Int(1));
        first.kill();
        let lost = driver.state(Status::Degraded);
        assert!(!lost.answers && lost.text.contains(&format!("at 127.0.0.1:{}", second.port())), "{}", lost.text);
        assert_eq!(driver.sample("a").quality, Quality::NotConnected);
        let away = driver.state(Status::Degraded);
        let want = format!("on the fallback end point 127.0.0.1:{} since ", second.port());
        assert!(away.answers && away.text.starts_with(&want), "{}", away.text);
        assert!(away.text.contains(&format!("127.0.0.1:{} does not answer", first.port())), "{}", away.text);
        // Both ways.
        publish(&second, &["-t", "a", "-m", "2", "-r"]);
        assert_eq!(driver.sample("a").value, Value::Int(2));
        let witness = Witness::of(&second, "b");
        assert_eq!(driver.write("b", 3_i64), Outcome::Confirmed);
        assert_eq!(witness.next(), format!("0 0 b {}", hex("3")));
        first.restart();
        let back = driver.state(Status::Connected);
        assert!(back.text.contains(&first.port().to_string()), "{}", back.text);
        publish(&first, &["-t", "a", "-m", "4", "-r"]);
        driver.wait_sample("the value of the first broker", |sample| sample.value == Value::Int(4));
        publish(&second, &["-t", "a", "-m", "5", "-r"]);
        // What was said on the way home may still lie here.
        let late = driver.samples_for(Duration::from_millis(100));
        assert!(late.iter().all(|sample| sample.value != Value::Int(5)), "the second broker is left: {late:?}");
    }
}

#[test]
fn retained_messages_after_a_reconnect_are_fresh_samples() {
    for version in VERSIONS {
        let folder = tempfile();
        let lines = format!(
            "allow_anonymous true\npersistence true\npersistence_location {folder}/\nautosave_on_changes true\nautosave_interval 1\n"
        );
        let mut broker = Mosquitto::with(&lines);
        let mut driver = driver(&broker, version, &json!({}));
        driver.subscribe(&["kept"]);
        publish(&broker, &["-t", "kept", "-m", "5", "-r"]);
        driver.sample("kept");
        broker.kill();
        assert_eq!(driver.sample("kept").quality, Quality::NotConnected);
        broker.restart();
        let back = driver.sample("kept");
        assert_eq!((back.quality, back.value), (Quality::Good, Value::Int(5)));
        std::fs::remove_dir_all(folder).unwrap();
    }
}

/// `client_id` is the same for each start, and the broker keeps what it was not told of.
fn kept_session() -> serde_json::Value {
    json!({ "subscribe_qos": 1, "clean_session": false, "client_id": "kept" })
}

/// The driver at work on a session that the broker keeps: it needs `a` from its first moment.
fn at_work(broker: &Mosquitto, version: &str, config: &serde_json::Value) -> Plugin {
    let mut driver = Plugin::start(DRIVER, "mqtt.test", config_of(broker, version, config));
    driver.subscribe(&["a", "ready"]);
    driver.state(Status::Connected);
    driver
}

fn values(driver: &mut Plugin, count: usize) -> Vec<Value> {
    (0..count).map(|_| driver.sample("a").value).collect()
}

#[test]
fn a_message_that_the_daemon_has_not_accepted_comes_again_after_the_driver_was_killed() {
    for version in VERSIONS {
        for qos in [1, 2] {
            let broker = Mosquitto::start();
            let mut config = kept_session();
            config["subscribe_qos"] = json!(qos);
            // What is retained comes when the broker has taken the subscriptions.
            publish(&broker, &["-t", "ready", "-m", "1", "-r"]);
            let mut first = at_work(&broker, version, &config);
            first.sample("ready");
            first.withhold();
            for n in 1..4 {
                publish(&broker, &["-t", "a", "-m", &n.to_string(), "-q", "2"]);
            }
            assert_eq!(values(&mut first, 3), [1, 2, 3].map(Value::Int));
            drop(first);
            publish(&broker, &["-t", "a", "-m", "4", "-q", "2"]);
            let mut second = at_work(&broker, version, &config);
            assert_eq!(values(&mut second, 4), [1, 2, 3, 4].map(Value::Int), "MQTT {version}, QoS {qos}");
            assert!(second.stop().success());
            let mut third = at_work(&broker, version, &config);
            let more = third.samples_for(Duration::from_millis(100));
            assert!(more.iter().all(|sample| &*sample.tag != "a"), "MQTT {version}, QoS {qos}: {more:?}");
        }
    }
}

#[test]
fn what_is_accepted_late_is_acknowledged_and_the_broker_goes_on() {
    for version in VERSIONS {
        // A broker that waits for the acknowledgement of each single message.
        let broker = Mosquitto::with("allow_anonymous true\nmax_inflight_messages 1\n");
        let mut driver = driver(&broker, version, &json!({ "subscribe_qos": 1 }));
        // What is retained comes when the broker has taken the subscription.
        publish(&broker, &["-t", "a", "-m", "0", "-r"]);
        driver.subscribe(&["a"]);
        assert_eq!(values(&mut driver, 1), [Value::Int(0)]);
        driver.withhold();
        for n in 1..4 {
            publish(&broker, &["-t", "a", "-m", &n.to_string(), "-q", "1"]);
        }
        assert_eq!(values(&mut driver, 1), [Value::Int(1)]);
        assert!(driver.samples_for(Duration::from_millis(100)).is_empty());
        driver.release();
        assert_eq!(values(&mut driver, 2), [2, 3].map(Value::Int));
    }
}

#[test]
fn messages_that_nobody_needs_are_acknowledged_too() {
    for version in VERSIONS {
        let broker = Mosquitto::with("allow_anonymous true\nmax_inflight_messages 1\n");
        let mut driver =
            driver(&broker, version, &json!({ "subscribe_qos": 1, "topics": [{ "filter": "doc", "json": true }] }));
        publish(&broker, &["-t", "a", "-m", "0", "-r"]);
        driver.subscribe(&["doc#/a", "a"]);
        assert_eq!(values(&mut driver, 1), [Value::Int(0)]);
        for _ in 0..3 {
            publish(&broker, &["-t", "doc", "-m", r#"{"b":1}"#, "-q", "1"]);
        }
        publish(&broker, &["-t", "a", "-m", "1", "-q", "1"]);
        assert_eq!(values(&mut driver, 1), [Value::Int(1)]);
    }
}

fn tempfile() -> String {
    let folder = std::env::temp_dir().join(format!("fieldrail-mqtt-{}-{}", std::process::id(), free_port()));
    std::fs::create_dir(&folder).unwrap();
    folder.display().to_string()
}

#[test]
fn a_write_waits_for_the_broker_and_expires_when_it_does_not_come() {
    for version in VERSIONS {
        let mut broker = Mosquitto::start();
        let mut driver = driver(&broker, version, &json!({ "publish_qos": 1 }));
        broker.kill();
        driver.state(Status::Degraded);
        let short = driver.write_item("a", 1_i64, |item| item.ttl_ms = Some(50));
        let long = driver.write_item("a", 2_i64, |item| item.ttl_ms = Some(6000));
        assert_eq!(driver.outcome(short), Outcome::Expired);
        broker.restart();
        let witness = Witness::of(&broker, "a");
        assert_eq!(driver.outcome(long), Outcome::Confirmed);
        // The expired one is not among what arrives.
        assert!(driver.write("a", 3_i64) == Outcome::Confirmed);
        let mut heard = witness.next();
        if heard == format!("0 1 a {}", hex("2")) {
            heard = witness.next();
        }
        assert_eq!(heard, format!("0 1 a {}", hex("3")));
    }
}

#[test]
fn an_unreachable_broker_is_a_state_and_one_line_in_the_log() {
    let config = json!({ "host": "127.0.0.1", "port": free_port() });
    let mut driver = Plugin::start(DRIVER, "mqtt.test", config);
    let state = driver.state(Status::Degraded);
    assert!(state.text.contains("(connection refused) since"), "{}", state.text);
    assert!(state.hint.unwrap().contains("is the broker running"));
    driver.state(Status::Degraded);
    assert_eq!(driver.log().lines().count(), 1, "{}", driver.log());
    assert!(driver.stop().success());
}

#[test]
fn a_wrong_configuration_is_a_failure_that_names_the_key() {
    for (config, key) in [
        (json!({ "host": "x", "topics": [{ "filter": "a/#/b" }] }), "topics[0].filter"),
        (json!({ "host": "x", "will": { "topic": "a/+" } }), "will.topic"),
        (json!({ "host": "x", "tls": { "ca_file": "/does/not/exist" } }), "/does/not/exist"),
        (json!({ "host": "x", "password": "y" }), "password"),
        (json!({ "host": "x", "tsl": {} }), "tsl"),
    ] {
        let mut driver = Plugin::start(DRIVER, "mqtt.test", config);
        let state = driver.state(Status::Failed);
        assert!(state.text.contains(key), "{}", state.text);
        assert!(!driver.exit().success());
    }
}

#[test]
fn ten_thousand_messages_at_qos_1_arrive_and_none_is_lost() {
    for version in VERSIONS {
        let broker = Mosquitto::start();
        let mut driver = driver(&broker, version, &json!({ "subscribe_qos": 1, "publish_qos": 1 }));
        driver.patience(Duration::from_secs(15));
        driver.subscribe(&["in"]);
        driver.read(&["in"]);
        let port = broker.port().to_string();
        let mut flood = Command::new("mosquitto_pub")
            .args(["-h", "127.0.0.1", "-p", &port, "-t", "in", "-q", "1", "-l"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let lines: Vec<String> = (0..10_000).map(|n| n.to_string()).collect();
        let lines = lines.join("\n") + "\n";
        std::io::Write::write_all(&mut flood.stdin.take().unwrap(), lines.as_bytes()).unwrap();
        let values: HashSet<String> = (0..10_000).map(|_| driver.sample("in").value.to_string()).collect();
        assert_eq!(values.len(), 10_000);
        flood.wait().unwrap();
        let ids: Vec<u64> =
            (0..10_000_i64).map(|n| driver.write_item("out", n, |item| item.ttl_ms = Some(20_000))).collect();
        assert_eq!(driver.outcome(*ids.last().unwrap()), Outcome::Confirmed);
        assert!(ids.iter().step_by(97).all(|&id| driver.outcome(id) == Outcome::Confirmed));
    }
}

#[test]
fn a_simulated_house_plays_on_the_broker_and_its_lights_answer() {
    let broker = Mosquitto::start();
    let config = json!({ "host": "127.0.0.1", "port": broker.port() });
    let mut driver = Plugin::start_with(DRIVER, &["--sim"], "mqtt.test", config);
    driver.state(Status::Connected);
    driver.subscribe_patterns(&["solar_assistant/**", "house/**"]);
    let pv = driver.sample("solar_assistant/inverter_1/pv_power/state");
    assert!(matches!(pv.value, Value::Int(0..=8000)), "{pv:?}");
    driver.sample("house/temperature/kitchen");
    assert_eq!(driver.write("house/light/kitchen/set", true), Outcome::Confirmed);
    driver.wait_sample("the light's answer", |sample| {
        &*sample.tag == "house/light/kitchen/state" && sample.value == Value::Bool(true)
    });
}
