//! The built driver against real HTTP receivers on loopback.
// A test fails by a panic, and `json!` reads best where it is handed over.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]

mod receiver;

use std::time::{Duration, Instant};

use fieldrail_model::Value;
use fieldrail_testkit::wire::plugin::Status;
use fieldrail_testkit::{Authority, Outcome, Plugin, free_port};
use receiver::{Receiver, Request};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

const DRIVER: &str = env!("CARGO_BIN_EXE_fieldrail-driver-webhook");

/// The driver, pointed to `url`, allowed to speak with this machine.
fn driver(url: &str, more: Json) -> Plugin {
    let mut config = json!({ "url": url, "allow_private": ["127.0.0.1"] });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut plugin = Plugin::start(DRIVER, "webhook.alert_service", config);
    assert_eq!(plugin.state(Status::Connected).text, "ready");
    plugin
}

#[track_caller]
fn rejected(outcome: Outcome) -> String {
    match outcome {
        Outcome::Rejected(failure) => format!("{} | {}", failure.message, failure.hint.unwrap_or_default()),
        other => panic!("{other:?}"),
    }
}

fn write_from(plugin: &mut Plugin, origin: &str, value: impl Into<Value>) -> u64 {
    plugin.write_item("", value, |item| item.origin = Some((origin.into(), 1)))
}

#[test]
fn a_write_becomes_one_request_with_its_value_source_and_time() {
    let receiver = Receiver::answering(&["204 No Content"]);
    let mut plugin = driver(&receiver.url("/hook?key=1"), json!({ "headers": { "Authorization": "Bearer abc" } }));
    let id = write_from(&mut plugin, "plc_001.MAIN.bAlarmActive", true);
    assert_eq!(plugin.outcome(id), Outcome::Confirmed);
    let request = receiver.next();
    assert_eq!(request.line, "POST /hook?key=1 HTTP/1.1");
    assert_eq!(request.header("authorization"), Some("Bearer abc"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("host"), Some(receiver.authority().as_str()));
    let body: Json = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body["address"], "plc_001.MAIN.bAlarmActive");
    assert_eq!(body["value"], true);
    assert_eq!(body["instance"], "webhook.alert_service");
    assert!(body["time_ms"].as_i64().unwrap() > 1_700_000_000_000);
}

#[test]
fn a_template_fills_json_and_plain_text_each_in_its_own_way() {
    let receiver = Receiver::answering(&["200 OK"]);
    let template = r#"{"text":"{tag} says {value}","v":{value}}"#;
    let mut plugin = driver(&receiver.url("/"), json!({ "template": template, "method": "PUT" }));
    let id = write_from(&mut plugin, "a.b", "5\" pipe\n");
    assert_eq!(plugin.outcome(id), Outcome::Confirmed);
    let request = receiver.next();
    assert_eq!(request.line, "PUT / HTTP/1.1");
    assert_eq!(request.text(), r#"{"text":"a.b says 5\" pipe\n","v":"5\" pipe\n"}"#);

    let more = json!({ "template": "{tag}={value}", "headers": { "content-type": "text/plain" } });
    let mut plugin = driver(&receiver.url("/"), more);
    let id = write_from(&mut plugin, "a.b", "x\"y");
    assert_eq!(plugin.outcome(id), Outcome::Confirmed);
    assert_eq!(receiver.next().text(), "a.b=x\"y");
}

#[test]
fn the_signature_is_the_hmac_of_the_body() {
    let receiver = Receiver::answering(&["200 OK"]);
    let mut plugin = driver(&receiver.url("/"), json!({ "hmac": { "secret": "topsecret" } }));
    assert_eq!(plugin.write("", 42_i64), Outcome::Confirmed);
    let request = receiver.next();
    assert_eq!(request.header("x-fieldrail-signature"), Some(signature(b"topsecret", &request.body).as_str()));
    // RFC 4231, test case 2.
    let want = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    assert_eq!(signature(b"Jefe", b"what do ya want for nothing?"), want);
}

/// RFC 2104 by its definition, so that the driver's library is not judged by itself.
fn signature(key: &[u8], body: &[u8]) -> String {
    let mut block = [0_u8; 64];
    block[..key.len()].copy_from_slice(key);
    let inner = Sha256::new().chain_update(block.map(|b| b ^ 0x36)).chain_update(body).finalize();
    let outer = Sha256::new().chain_update(block.map(|b| b ^ 0x5c)).chain_update(inner).finalize();
    outer.iter().fold(String::from("sha256="), |text, byte| format!("{text}{byte:02x}"))
}

#[test]
fn a_busy_receiver_is_asked_again_and_the_state_says_so_meanwhile() {
    let receiver = Receiver::answering(&["503 Service Unavailable", "200 OK"]);
    let mut plugin = driver(&receiver.url("/"), json!({}));
    let answers = plugin.subscribe(&["last_status", "last_error", "sent", "nothing"]);
    assert!(answers[..3].iter().all(|answer| answer.failure.is_none()) && answers[3].failure.is_some());
    assert_eq!(plugin.sample("last_status").value, Value::Null);
    let id = plugin.write_item("", 1_i64, |_| {});
    let state = plugin.state(Status::Degraded);
    assert!(
        state.text.starts_with("waits for http://") && state.text.contains(", next try in 1 s ("),
        "{}",
        state.text
    );
    assert!(state.text.contains("answered 503 Service Unavailable) since "), "{}", state.text);
    assert_eq!(plugin.sample("last_status").value, Value::Int(503));
    assert_eq!(plugin.outcome(id), Outcome::Confirmed);
    plugin.state(Status::Connected);
    plugin.wait_sample("sent is 1", |s| &*s.tag == "sent" && s.value == Value::Int(1));
    let (first, second) = (receiver.next(), receiver.next());
    assert_eq!(first.body, second.body);
    let delivery = |request: &Request| request.header("x-fieldrail-delivery").unwrap().to_owned();
    assert_eq!(delivery(&first), delivery(&second));
}

#[test]
fn the_receivers_wish_to_wait_is_respected() {
    let receiver = Receiver::answering(&["429 Too Many Requests\r\nRetry-After: 1", "200 OK"]);
    let mut plugin = driver(&receiver.url("/"), json!({}));
    let begun = Instant::now();
    assert_eq!(plugin.write("", 1_i64), Outcome::Confirmed);
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[test]
fn a_wish_to_wait_longer_than_the_command_lives_expires_it() {
    let receiver = Receiver::answering(&["503 Busy\r\nRetry-After: 9999999999", "200 OK"]);
    let mut plugin = driver(&receiver.url("/"), json!({}));
    let id = plugin.write_item("", 1_i64, |item| item.ttl_ms = Some(1500));
    assert_eq!(plugin.outcome(id), Outcome::Expired);
    receiver.next();
    receiver.assert_silent();
}

#[test]
fn a_refusal_is_final() {
    let receiver = Receiver::answering(&["404 Not Found"]);
    let mut plugin = driver(&receiver.url("/secret-path"), json!({}));
    let why = rejected(plugin.write("", 1_i64));
    assert!(why.contains("answered 404 Not Found | check the path"), "{why}");
    assert!(!why.contains("secret-path"), "{why}");
    receiver.next();
    receiver.assert_silent();
}

#[test]
fn a_redirect_is_not_followed() {
    let other = Receiver::answering(&["200 OK"]);
    let receiver = Receiver::answering(&[&format!("302 Found\r\nLocation: {}", other.url("/"))]);
    let mut plugin = driver(&receiver.url("/"), json!({}));
    let why = rejected(plugin.write("", 1_i64));
    assert!(why.contains("302") && why.contains("redirects are not followed"), "{why}");
    other.assert_silent();
}

#[test]
fn a_receiver_that_never_answers_is_left_after_the_timeout() {
    let receiver = Receiver::answering(&["silent"]);
    let mut plugin = driver(&receiver.url("/"), json!({ "timeout_ms": 100, "retries": 0 }));
    let why = rejected(plugin.write("", 1_i64));
    assert!(why.contains("did not answer within 100 ms"), "{why}");
}

#[test]
fn a_command_that_expires_while_nobody_listens_is_never_sent() {
    let port = free_port();
    let mut plugin = driver(&format!("http://127.0.0.1:{port}/"), json!({}));
    let id = plugin.write_item("", 1_i64, |item| item.ttl_ms = Some(600));
    assert!(plugin.state(Status::Degraded).text.contains("no connection"));
    assert_eq!(plugin.outcome(id), Outcome::Expired);
    let receiver = Receiver::on(port, &["200 OK"]);
    receiver.assert_silent();
    let dead_on_arrival = plugin.write_item("", 1_i64, |item| item.ttl_ms = Some(0));
    assert_eq!(plugin.outcome(dead_on_arrival), Outcome::Expired);
    receiver.assert_silent();
}

#[test]
fn a_waiting_command_expires_in_time_behind_a_slow_one() {
    let receiver = Receiver::answering(&["silent"]);
    let mut plugin = driver(&receiver.url("/"), json!({ "timeout_ms": 3000, "retries": 0 }));
    plugin.write_item("", 1_i64, |_| {});
    let begun = Instant::now();
    let second = plugin.write_item("", 2_i64, |item| item.ttl_ms = Some(300));
    assert_eq!(plugin.outcome(second), Outcome::Expired);
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[test]
fn values_of_one_source_stay_in_order_and_another_source_does_not_wait() {
    let receiver = Receiver::slow(Duration::from_millis(40));
    let mut plugin = driver(&receiver.url("/"), json!({ "template": "{value}" }));
    let ids: Vec<u64> =
        (0..10_i64).map(|n| write_from(&mut plugin, ["a.x", "b.x"][usize::from(n % 2 == 1)], n)).collect();
    for id in ids {
        assert_eq!(plugin.outcome(id), Outcome::Confirmed);
    }
    let got: Vec<i64> = (0..10).map(|_| receiver.next().text().parse().unwrap()).collect();
    for parity in [0, 1] {
        let of_one: Vec<i64> = got.iter().copied().filter(|n| n % 2 == parity).collect();
        assert!(of_one.is_sorted(), "{got:?}");
    }
    assert!(receiver.most_at_once() >= 2);
}

#[test]
fn a_full_queue_refuses_with_the_reason() {
    let receiver = Receiver::answering(&["silent"]);
    let mut plugin = driver(&receiver.url("/"), json!({ "timeout_ms": 5000, "retries": 0 }));
    let ids: Vec<u64> = (0..1030_i64).map(|n| plugin.write_item("", n, |item| item.ttl_ms = Some(60_000))).collect();
    let why = rejected(plugin.outcome(*ids.last().unwrap()));
    assert!(why.contains("1024 requests wait already"), "{why}");
}

#[test]
fn only_the_instance_itself_is_a_target_and_it_has_no_pulse() {
    let mut plugin = driver("http://127.0.0.1:9/", json!({}));
    let why = rejected(plugin.write("alarms/critical", 1_i64));
    assert!(why.contains("no target `alarms/critical`") && why.contains("without a tag"), "{why}");
    let id = plugin.write_item("", true, |item| item.pulse_ms = Some(100));
    assert!(rejected(plugin.outcome(id)).contains("no pulse"));
}

#[test]
fn a_body_over_the_limit_is_refused() {
    let mut plugin = driver("http://127.0.0.1:9/", json!({}));
    let why = rejected(plugin.write("", "x".repeat(1024 * 1024).as_str()));
    assert!(why.contains("the limit is 1048576"), "{why}");
}

#[test]
fn a_huge_or_endless_answer_is_cut_off() {
    let receiver = Receiver::answering(&["endless body", "endless head"]);
    let mut plugin = driver(&receiver.url("/"), json!({ "retries": 0 }));
    assert_eq!(plugin.write("", 1_i64), Outcome::Confirmed);
    let why = rejected(plugin.write("", 2_i64));
    assert!(why.contains("broke off"), "{why}");
}

#[test]
fn a_certificate_is_verified_against_the_right_authority() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let receiver = Receiver::with_tls(&ours.sign("server", &["127.0.0.1"]));
    let url = receiver.url("/").replace("http:", "https:");
    let mut plugin = driver(&url, json!({ "ca_file": ours.ca_file(), "retries": 0 }));
    assert_eq!(plugin.write("", 1_i64), Outcome::Confirmed);
    for wrong in [json!({ "ca_file": theirs.ca_file(), "retries": 0 }), json!({ "retries": 0 })] {
        let why = rejected(driver(&url, wrong).write("", 1_i64));
        assert!(why.contains("is not trusted"), "{why}");
    }
    let other_name = Receiver::with_tls(&ours.sign("other", &["example.org"]));
    let url = other_name.url("/").replace("http:", "https:");
    let why = rejected(driver(&url, json!({ "ca_file": ours.ca_file(), "retries": 0 })).write("", 1_i64));
    assert!(why.contains("is not trusted"), "{why}");
}

#[test]
fn a_stop_refuses_what_waits_and_ends_in_order() {
    let receiver = Receiver::answering(&["silent"]);
    let mut plugin = driver(&receiver.url("/"), json!({ "timeout_ms": 5000 }));
    let ids: Vec<u64> = (0..3_i64).map(|n| plugin.write_item("", n, |_| {})).collect();
    plugin.send(&fieldrail_testkit::wire::ToPlugin::Stop(fieldrail_testkit::wire::daemon::Stop { deadline_ms: 2000 }));
    assert!(rejected(plugin.outcome(ids[2])).contains("stopped"));
    assert!(plugin.exit().success());
}

#[test]
fn the_simulated_receiver_takes_requests() {
    let config = json!({ "url": "https://example.org/hook" });
    let mut plugin = Plugin::start_with(DRIVER, &["--sim"], "webhook.demo", config);
    plugin.state(Status::Connected);
    assert_eq!(plugin.write("", "alarm"), Outcome::Confirmed);
    plugin.wait_for_log("The simulated receiver took a request.");
}
