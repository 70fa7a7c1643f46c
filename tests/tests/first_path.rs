//! The first path through the house, against a mosquitto of Debian and a real HTTP receiver: the first two examples of the
//! routing format, word for word.
#![allow(clippy::unwrap_used)] // in what only tests call, a panic is how a test fails

use std::time::Duration;

use fieldrail_testkit::Mosquitto;
use fieldrail_tests::mqtt::{Listener, publish};
use fieldrail_tests::receiver::Receiver;
use fieldrail_tests::{House, wait_for};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(5);

/// The first two routes of the format's description, verbatim.
fn examples() -> Value {
    json!([
        { "id": "bms_to_plc", "from": "bt.bms_001.voltage", "to": "plc_001.MAIN.fbBattery.fVoltage",
          "transform": "scale(0.001)", "enabled": true },
        { "id": "alarm_multi_target", "from": "plc_001.MAIN.bAlarmActive",
          "to": ["mqtt.broker_local.alarms/critical", "webhook.alert_service", "log.system"],
          "condition": "value == true" }
    ])
}

fn connections(broker: u16, receiver: u16) -> Value {
    json!([
        { "id": "plc_001", "driver": "virtual" },
        { "id": "bt.bms_001", "driver": "virtual" },
        { "id": "mqtt.broker_local", "driver": "mqtt", "config": { "host": "127.0.0.1", "port": broker } },
        { "id": "webhook.alert_service", "driver": "webhook",
          "config": { "url": format!("http://127.0.0.1:{receiver}/alert"), "allow_private": ["127.0.0.1"] } }
    ])
}

#[test]
fn an_alarm_reaches_broker_webhook_and_log_and_its_end_reaches_none() {
    let (broker, receiver) = (Mosquitto::start(), Receiver::start());
    let house = House::new(&connections(broker.port(), receiver.port), &examples()).kept();
    house.wait_until("mqtt.broker_local", "running");
    house.wait_until("webhook.alert_service", "running");
    let topics = Listener::start(broker.port(), "alarms/#");

    house.route_data("plc_001", "MAIN.bAlarmActive", true);
    assert_eq!(topics.next(SOON), Some(("alarms/critical".into(), "true".into())));
    let posted = receiver.next(SOON).expect("the webhook was called");
    assert!(posted.head.starts_with("POST /alert "), "{}", posted.head);
    assert!(posted.body.contains("true"), "{}", posted.body);
    let logged = wait_for("a line in the log", SOON, || {
        let lines = house.get("/api/logs?instance=log.system");
        lines["items"].as_array().filter(|lines| !lines.is_empty()).cloned()
    });
    let message = logged[0]["message"].as_str().unwrap();
    assert!(message.contains("plc_001.MAIN.bAlarmActive = true"), "{message}");

    house.route_data("plc_001", "MAIN.bAlarmActive", false);
    let quiet = Duration::from_millis(600);
    assert_eq!(topics.next(quiet), None);
    assert!(receiver.next(quiet).is_none());
    assert_eq!(house.get("/api/logs?instance=log.system")["items"].as_array().unwrap().len(), 1);
    let stats = house.get("/api/router/stats");
    assert_eq!(stats["by_route"]["alarm_multi_target"]["matched"], 2, "{stats}");
    assert_eq!(stats["by_route"]["alarm_multi_target"]["dropped"], 1, "{stats}");
}

#[test]
fn a_voltage_in_millivolts_arrives_in_volts() {
    let (broker, receiver) = (Mosquitto::start(), Receiver::start());
    let house = House::new(&connections(broker.port(), receiver.port), &examples()).kept();
    house.route_data("bt.bms_001", "voltage", 53_120);
    let point = wait_for("the voltage at the PLC", SOON, || house.value("plc_001.MAIN.fbBattery.fVoltage"));
    assert_eq!(point["value"], 53.12);
    assert_eq!(point["quality"], "good");
}

#[test]
fn a_value_travels_from_one_broker_through_a_rule_to_another() {
    let (here, there) = (Mosquitto::start(), Mosquitto::start());
    let connection = |id: &str, protocol: &str, port: u16| json!({ "id": id, "driver": "mqtt", "config": { "host": "127.0.0.1", "port": port, "protocol": protocol } });
    let connections = json!([connection("here", "3.1.1", here.port()), connection("there", "5", there.port())]);
    let routes = json!([{ "id": "power", "from": "here.inverter/pv_power", "to": "there.house/pv_kw",
                          "condition": "value > 0", "transform": "scale(0.001)" }]);
    let house = House::new(&connections, &routes).kept();
    house.wait_until("here", "running");
    house.wait_until("there", "running");
    let arriving = Listener::start(there.port(), "house/#");
    publish(here.port(), "inverter/pv_power", "-5", &[]);
    publish(here.port(), "inverter/pv_power", "4250", &[]);
    assert_eq!(arriving.next(SOON), Some(("house/pv_kw".into(), "4.25".into())));
    let seen = house.value("here.inverter/pv_power").unwrap();
    assert_eq!((&seen["value"], &seen["quality"]), (&json!(4250), &json!("good")));
}

#[test]
fn a_payload_that_does_not_fit_its_declared_type_is_bad_and_kept() {
    let broker = Mosquitto::start();
    let connections =
        json!([{ "id": "broker", "driver": "mqtt", "config": { "host": "127.0.0.1", "port": broker.port() } }]);
    let house = House::new(&connections, &json!([{ "id": "r", "from": "broker.t", "to": "calc.t" }]));
    house.put("datapoints.json", &json!({ "version": "1.0", "datapoints": { "broker.t": { "type": "INT" } } }));
    let house = house.kept();
    house.wait_until("broker", "running");
    publish(broker.port(), "t", "warm", &["-r"]);
    let point = wait_for("the payload", SOON, || house.value("broker.t").filter(|point| point["value"] == "warm"));
    assert_eq!((&point["quality"], &point["reason"]), (&json!("bad"), &json!("type_mismatch")), "{point}");
}

#[test]
fn the_console_shows_no_more_than_the_configured_level() {
    let routes = json!([{ "id": "said", "from": "plc_001.x", "to": "log.system" }]);
    for (level, shown) in [("info", true), ("error", false)] {
        let house = House::new(&json!([{ "id": "plc_001", "driver": "virtual" }]), &routes);
        house.put("fieldrail.json", &json!({ "version": "1.0", "listen": "127.0.0.1:0", "log_level": level }));
        let house = house.kept();
        house.route_data("plc_001", "x", 5);
        assert_eq!(house.get("/api/logs?instance=log.system")["items"].as_array().unwrap().len(), 1);
        assert_eq!(house.console().contains("plc_001.x = 5"), shown, "{level}: {}", house.console());
    }
}

#[test]
fn a_topic_that_nothing_needs_is_read_once_on_request() {
    let broker = Mosquitto::start();
    publish(broker.port(), "kept", "21.5", &["-r"]);
    let connections =
        json!([{ "id": "broker", "driver": "mqtt", "config": { "host": "127.0.0.1", "port": broker.port() } }]);
    let house = House::new(&connections, &json!([])).kept();
    house.wait_until("broker", "running");
    assert_eq!(house.value("broker.kept"), None);
    let point = house.get("/api/datapoint?address=broker.kept&read=true");
    assert_eq!((&point["value"], &point["quality"]), (&json!(21.5), &json!("good")), "{point}");
}

#[test]
fn an_unreachable_broker_is_degraded_with_the_cause_and_without_a_flood() {
    let port = fieldrail_testkit::free_port();
    let connections = json!([{ "id": "broker", "driver": "mqtt", "config": { "host": "127.0.0.1", "port": port } }]);
    let house = House::new(&connections, &json!([])).kept();
    let instance = house.wait_until("broker", "degraded");
    let text = instance["text"].as_str().unwrap();
    assert!(text.contains(&format!("127.0.0.1:{port}")) && text.contains("next try in"), "{text}");
    std::thread::sleep(Duration::from_secs(3));
    let lines = house.get("/api/admin/instances/broker/logs");
    assert!(lines["items"].as_array().unwrap().len() < 10, "{lines}");
}
