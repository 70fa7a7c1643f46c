//! Each ability of the driver against a real broker, with both versions of MQTT.

use std::time::Duration;

use crate::peers::{DRIVER, VERSIONS, Witness, config, driver, hex, publish};
use fieldrail_model::{Quality, Value};
use fieldrail_testkit::wire::FromPlugin;
use fieldrail_testkit::wire::plugin::Status;
use fieldrail_testkit::{Authority, Mosquitto, Outcome, Plugin};
use serde_json::json;

/// The one place that knows how an ability is tried: a broker of its own for each version.
#[track_caller]
fn check(more: &serde_json::Value, ability: impl Fn(&Mosquitto, &mut Plugin)) {
    for version in VERSIONS {
        let broker = Mosquitto::start();
        let mut driver = driver(&broker, version, more);
        ability(&broker, &mut driver);
    }
}

#[test]
fn a_subscribed_topic_becomes_samples() {
    check(&json!({}), |broker, driver| {
        assert_eq!(driver.subscribe(&["house/a"])[0].failure, None);
        publish(broker, &["-t", "house/a", "-m", "21.5", "-r"]);
        assert_eq!(driver.sample("house/a").value, Value::Float(21.5));
        publish(broker, &["-t", "house/other", "-m", "1"]);
        publish(broker, &["-t", "house/a", "-m", "true"]);
        assert_eq!(driver.sample("house/a").value, Value::Bool(true));
        assert!(driver.samples_for(Duration::from_millis(50)).is_empty());
    });
}

#[test]
fn a_pattern_takes_what_it_matches_and_nothing_else() {
    check(&json!({}), |broker, driver| {
        driver.subscribe_patterns(&["house/light_*/state", "deep/**"]);
        publish(broker, &["-t", "house/light_a/state", "-m", "1", "-r"]);
        assert_eq!(driver.sample("house/light_a/state").value, Value::Int(1));
        publish(broker, &["-t", "house/heater/state", "-m", "2"]);
        publish(broker, &["-t", "deep/a/b/c", "-m", "3"]);
        assert_eq!(driver.sample("deep/a/b/c").value, Value::Int(3));
        assert!(driver.samples_for(Duration::from_millis(50)).is_empty());
    });
}

#[test]
fn overlapping_subscriptions_double_no_sample() {
    check(&json!({}), |broker, driver| {
        driver.subscribe(&["a/b"]);
        publish(broker, &["-t", "a/b", "-m", "0", "-r"]);
        driver.sample("a/b");
        driver.subscribe_patterns(&["a/*", "a/**"]);
        driver.subscribe(&["a/b"]);
        driver.samples_for(Duration::from_millis(700));
        for n in 1..=5 {
            publish(broker, &["-t", "a/b", "-m", &n.to_string()]);
        }
        let values: Vec<Value> = (0..5).map(|_| driver.sample("a/b").value).collect();
        assert_eq!(values, (1..=5).map(Value::Int).collect::<Vec<_>>());
        assert!(driver.samples_for(Duration::from_millis(100)).is_empty());
    });
}

#[test]
fn nothing_comes_any_more_after_unsubscribe() {
    check(&json!({}), |broker, driver| {
        driver.subscribe(&["a", "b"]);
        publish(broker, &["-t", "a", "-m", "1", "-r"]);
        driver.sample("a");
        driver.unsubscribe(&["a"]);
        driver.read(&["b"]);
        publish(broker, &["-t", "a", "-m", "2"]);
        publish(broker, &["-t", "b", "-m", "3"]);
        assert_eq!(driver.sample("b").value, Value::Int(3));
        assert!(driver.samples_for(Duration::from_millis(50)).is_empty());
    });
}

#[test]
fn a_write_is_published_at_its_quality_of_service_and_retained_where_the_rule_says() {
    let rules = json!({ "topics": [
        { "filter": "q0" }, { "filter": "q1", "qos": 1, "retain": true }, { "filter": "q2", "qos": 2 },
        { "filter": "word", "payload_true": "ON", "payload_false": "OFF" } ] });
    check(&rules, |broker, driver| {
        let witness = Witness::with(broker, &["-t", "#", "-q", "2"]);
        assert_eq!(driver.write("q0", 5_i64), Outcome::Confirmed);
        assert_eq!(witness.next(), format!("0 0 q0 {}", hex("5")));
        assert_eq!(driver.write("q1", 1.5), Outcome::Confirmed);
        assert_eq!(witness.next(), format!("0 1 q1 {}", hex("1.5")));
        assert_eq!(driver.write("q2", "text"), Outcome::Confirmed);
        assert_eq!(witness.next(), format!("0 2 q2 {}", hex("text")));
        assert_eq!(driver.write("word", false), Outcome::Confirmed);
        assert_eq!(witness.next(), format!("0 0 word {}", hex("OFF")));
        assert_eq!(driver.write("q0", Value::bytes([0xff, 0x00].as_slice())), Outcome::Confirmed);
        assert_eq!(witness.next(), "0 0 q0 ff00");
        assert_eq!(Witness::of(broker, "q1").next(), format!("1 1 q1 {}", hex("1.5")));
    });
}

#[test]
fn retained_messages_are_read_once_without_a_subscription() {
    check(&json!({}), |broker, driver| {
        publish(broker, &["-t", "kept", "-m", "7", "-r"]);
        let readings = driver.read(&["kept", "unknown", "kept#/a"]);
        assert_eq!((readings[0].value.clone(), readings[0].quality), (Value::Int(7), Quality::Good));
        assert_eq!(readings[1].quality, Quality::NoData);
        assert_eq!(readings[2].quality, Quality::NotFound);
        assert!(driver.samples_for(Duration::from_millis(50)).is_empty());
    });
}

#[test]
fn json_payloads_are_split_on_request() {
    let rules = json!({ "topics": [{ "filter": "tele/#", "json": true }] });
    check(&rules, |broker, driver| {
        driver.subscribe(&["tele/x#/a/b", "plain#/list/1", "tele/x#/none"]);
        driver.subscribe_patterns(&["tele/y#/**"]);
        publish(broker, &["-t", "tele/x", "-r", "-m", r#"{"a":{"b":1.5},"c":true}"#]);
        assert_eq!(driver.sample("tele/x#/a/b").value, Value::Float(1.5));
        assert_eq!(driver.sample("tele/x#/none").quality, Quality::NotFound);
        publish(broker, &["-t", "plain", "-r", "-m", r#"{"list":[1,"two"]}"#]);
        assert_eq!(driver.sample("plain#/list/1").value, Value::text("two"));
        publish(broker, &["-t", "tele/y", "-r", "-m", r#"{"p":1,"q":{"r":null}}"#]);
        assert_eq!(driver.sample("tele/y#/p").value, Value::Int(1));
        assert_eq!(driver.sample("tele/y#/q/r").value, Value::Null);
        publish(broker, &["-t", "plain", "-m", "no json"]);
        let broken = driver.sample("plain#/list/1");
        assert_eq!((broken.quality, broken.value), (Quality::TypeMismatch, Value::text("no json")));
        assert!(driver.samples_for(Duration::from_millis(50)).is_empty());
    });
}

#[test]
fn a_payload_that_does_not_fit_the_declared_type_is_bad_and_kept() {
    let rules = json!({ "topics": [{ "filter": "t", "type": "INT" }] });
    check(&rules, |broker, driver| {
        driver.subscribe(&["t"]);
        publish(broker, &["-t", "t", "-m", "12", "-r"]);
        assert_eq!(driver.sample("t").value, Value::Int(12));
        publish(broker, &["-t", "t", "-m", "warm"]);
        let sample = driver.sample("t");
        assert_eq!((sample.quality, sample.value), (Quality::TypeMismatch, Value::text("warm")));
        assert_eq!(sample.note.as_deref(), Some("`warm` (text) is no Int"));
        assert!(matches!(driver.write("t", 70_000_i64), Outcome::Rejected(why) if why.message.contains("outside")));
    });
}

#[test]
fn payloads_that_are_no_text_are_kept_as_bytes() {
    check(&json!({}), |broker, driver| {
        driver.subscribe(&["raw"]);
        driver.read(&["raw"]);
        let bytes = Value::bytes([0x00, 0xff, 0xfe].as_slice());
        assert_eq!(driver.write("raw", bytes.clone()), Outcome::Confirmed);
        assert_eq!(driver.sample("raw").value, bytes);
        let _ = broker;
    });
}

#[test]
fn a_topic_that_is_none_is_rejected_with_a_reason() {
    check(&json!({}), |_, driver| {
        for topic in ["a/+", "a\0b", "$SYS/x", "a#/b", "", &"x".repeat(70_000)] {
            let outcome = driver.write(topic, true);
            assert!(
                matches!(&outcome, Outcome::Rejected(why) if why.hint.is_some() || topic.starts_with('$')),
                "{outcome:?}"
            );
        }
        assert!(driver.subscribe(&["a/+"])[0].failure.is_some());
        assert!(driver.subscribe_patterns(&["a/+/**"])[0].failure.is_some());
    });
}

#[test]
fn an_echo_bears_the_origin_of_its_write_once() {
    check(&json!({ "publish_qos": 1 }), |broker, driver| {
        driver.subscribe(&["light"]);
        driver.read(&["light"]);
        let origin = Some(("plc_001.MAIN.bLight".into(), 2));
        let id = driver.write_item("light", true, |item| item.origin = origin.clone());
        assert_eq!(driver.outcome(id), Outcome::Confirmed);
        let echo = driver.sample("light");
        assert_eq!((echo.value, echo.origin), (Value::Bool(true), origin));
        publish(broker, &["-t", "light", "-m", "true"]);
        assert_eq!(driver.sample("light").origin, None);
    });
}

#[test]
fn a_pulse_ends_with_the_opposite_also_when_the_driver_stops() {
    check(&json!({}), |broker, driver| {
        let witness = Witness::of(broker, "door/#");
        let id = driver.write_item("door/a", true, |item| item.pulse_ms = Some(80));
        assert_eq!(driver.outcome(id), Outcome::Confirmed);
        assert_eq!(witness.next(), format!("0 0 door/a {}", hex("true")));
        assert_eq!(witness.next(), format!("0 0 door/a {}", hex("false")));
        driver.wait("the end of the pulse", |message| match message {
            FromPlugin::Pulsed(pulsed) => (pulsed.ids == [id]).then_some(()),
            _ => None,
        });
        let id = driver.write_item("door/b", 5_i64, |item| item.pulse_ms = Some(60_000));
        assert_eq!(driver.outcome(id), Outcome::Confirmed);
        assert_eq!(witness.next(), format!("0 0 door/b {}", hex("5")));
        driver.send(&fieldrail_testkit::wire::ToPlugin::Stop(fieldrail_testkit::wire::daemon::Stop {
            deadline_ms: 2000,
        }));
        assert_eq!(witness.next(), format!("0 0 door/b {}", hex("0")));
        assert!(driver.exit().success());
    });
}

#[test]
fn the_topic_tree_is_browsed_and_searched() {
    check(&json!({}), |broker, driver| {
        publish(broker, &["-t", "house/kitchen/light", "-m", "true", "-r"]);
        publish(broker, &["-t", "house/bath/light", "-m", "false", "-r"]);
        let names = |nodes: Vec<fieldrail_testkit::wire::plugin::Node>| -> Vec<String> {
            nodes.into_iter().map(|node| node.path).collect()
        };
        assert_eq!(names(driver.browse("")), ["house/"]);
        assert_eq!(names(driver.browse("house/")), ["house/bath/", "house/kitchen/"]);
        let lights = driver.search("LIGHT");
        assert_eq!(lights[1].tag.as_deref(), Some("house/kitchen/light"));
        assert_eq!(lights[1].r#type.as_deref(), Some("bool"));
        assert!(driver.samples_for(Duration::from_millis(50)).is_empty());
    });
}

#[test]
fn actions_publish_and_clear_what_is_retained() {
    check(&json!({}), |broker, driver| {
        let arguments = json!({ "topic": "a", "payload": { "x": 1 }, "qos": 1, "retain": true });
        driver.call("publish", arguments).unwrap();
        assert_eq!(Witness::of(broker, "a").next(), format!("1 1 a {}", hex(r#"{"x":1}"#)));
        driver.call("clear_retained", json!({ "topic": "a" })).unwrap();
        assert_eq!(driver.read(&["a"])[0].quality, Quality::NoData);
        assert!(driver.call("publish", json!({ "topic": "a/#" })).is_err());
        assert!(driver.call("nothing", json!({})).is_err());
    });
}

#[test]
fn the_will_is_published_when_the_driver_vanishes() {
    let will = json!({ "will": { "topic": "gone", "payload": "yes", "qos": 1, "retain": true } });
    for version in VERSIONS {
        let broker = Mosquitto::start();
        let driver = driver(&broker, version, &will);
        let witness = Witness::of(&broker, "gone");
        drop(driver);
        assert_eq!(witness.next(), format!("0 1 gone {}", hex("yes")));
    }
}

#[test]
fn no_will_is_published_when_the_driver_leaves_in_order() {
    for version in VERSIONS {
        let broker = Mosquitto::start();
        let driver = driver(&broker, version, &json!({ "will": { "topic": "gone" } }));
        let witness = Witness::of(&broker, "gone");
        assert!(driver.stop().success());
        assert!(witness.hears_nothing(Duration::from_millis(100)));
    }
}

#[test]
fn a_kept_session_delivers_what_came_while_the_driver_was_away() {
    for version in VERSIONS {
        let broker = Mosquitto::start();
        let more = json!({ "clean_session": false, "subscribe_qos": 1, "client_id": "kept" });
        let mut first = driver(&broker, version, &more);
        first.subscribe(&["mail"]);
        first.read(&["mail"]);
        assert!(first.stop().success());
        publish(&broker, &["-t", "mail", "-m", "1", "-q", "1"]);
        let mut second = Plugin::start(DRIVER, "mqtt.test", config(&broker, version, &more));
        second.subscribe(&["mail"]);
        assert_eq!(second.sample("mail").value, Value::Int(1), "{version}");
    }
}

#[test]
fn user_and_password_are_sent_and_wrong_ones_are_a_state_with_a_hint() {
    for version in VERSIONS {
        let broker = Mosquitto::with_user("anna", "secret-word", "");
        driver(&broker, version, &json!({ "user": "anna", "password": "secret-word" }));
        let wrong = config(&broker, version, &json!({ "user": "anna", "password": "wrong-word" }));
        let mut wrong = Plugin::start(DRIVER, "mqtt.test", wrong);
        let state = wrong.state(Status::Degraded);
        assert!(state.text.contains("next try in") && state.text.contains("refuses"), "{}", state.text);
        assert!(state.hint.unwrap().contains("password"));
        assert!(!wrong.log().contains("wrong-word"));
    }
}

#[test]
fn tls_is_verified_and_a_wrong_authority_is_refused() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let (certificate, key) = authority.sign("broker", &["127.0.0.1", "localhost"]);
    let (client, client_key) = authority.sign("client", &["driver"]);
    let lines = format!(
        "allow_anonymous true\ncafile {}\ncertfile {}\nkeyfile {}\n",
        authority.ca_file().display(),
        certificate.display(),
        key.display()
    );
    for version in VERSIONS {
        let broker = Mosquitto::with(&lines);
        let right = json!({ "tls": { "ca_file": authority.ca_file() } });
        let mut right = driver(&broker, version, &right);
        assert_eq!(right.write("a", true), Outcome::Confirmed);
        let wrong = config(&broker, version, &json!({ "tls": { "ca_file": stranger.ca_file() } }));
        let state = Plugin::start(DRIVER, "mqtt.test", wrong).state(Status::Degraded);
        assert!(state.text.contains("signed by an authority that is not trusted"), "{}", state.text);
        assert!(state.hint.unwrap().contains("tls.ca_file"));
        let none = config(&broker, version, &json!({}));
        let state = Plugin::start(DRIVER, "mqtt.test", none).state(Status::Degraded);
        assert!(state.hint.unwrap().contains("TLS"), "{}", state.text);

        let strict = Mosquitto::with(&format!("{lines}require_certificate true\n"));
        let tls = json!({ "ca_file": authority.ca_file(), "client_cert": client, "client_key": client_key });
        driver(&strict, version, &json!({ "tls": tls }));
        let nameless = config(&strict, version, &json!({ "tls": { "ca_file": authority.ca_file() } }));
        Plugin::start(DRIVER, "mqtt.test", nameless).state(Status::Degraded);
    }
}
