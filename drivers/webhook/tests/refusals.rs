//! Where requests may not go, and configurations that cannot be used.
// A test fails by a panic, and `json!` reads best where it is handed over.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]

mod receiver;

use fieldrail_testkit::wire::plugin::Status;
use fieldrail_testkit::{Outcome, Plugin};
use receiver::Receiver;
use serde_json::{Value as Json, json};

const DRIVER: &str = env!("CARGO_BIN_EXE_fieldrail-driver-webhook");

#[test]
fn this_machine_is_refused_however_its_address_is_spelled() {
    let receiver = Receiver::answering(&["200 OK"]);
    let port = receiver.port();
    let hosts = [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "localhost",
        "LOCALHOST.",
        "0.0.0.0",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
    ];
    for host in hosts {
        let config = json!({ "url": format!("http://{host}:{port}/"), "retries": 0 });
        let mut plugin = Plugin::start(DRIVER, "webhook.a", config);
        plugin.state(Status::Connected);
        match plugin.write("", 1_i64) {
            Outcome::Rejected(failure) => {
                let refused = failure.message.contains("address (") && failure.hint.unwrap().contains("allow_private");
                // A spelling that the resolver does not know cannot be connected to either.
                assert!(refused || failure.message.contains("cannot be resolved"), "{host}: {}", failure.message);
            }
            other => panic!("{host}: {other:?}"),
        }
    }
    receiver.assert_silent();
}

#[test]
fn the_metadata_address_is_named_as_such() {
    let config = json!({ "url": "http://169.254.169.254/latest/meta-data/", "allow_private": ["192.168.0.0/16"] });
    let mut plugin = Plugin::start(DRIVER, "webhook.a", config);
    let Outcome::Rejected(failure) = plugin.write("", 1_i64) else { panic!("not refused") };
    assert_eq!(failure.message, "169.254.169.254 is a cloud metadata address (169.254.169.254)");
}

#[test]
fn an_allowed_name_reaches_a_private_address() {
    let receiver = Receiver::answering(&["200 OK"]);
    let url = format!("http://localhost:{}/", receiver.port());
    let mut plugin = Plugin::start(DRIVER, "webhook.a", json!({ "url": url, "allow_private": ["localhost"] }));
    assert_eq!(plugin.write("", 1_i64), Outcome::Confirmed);
}

/// Starts with this configuration and returns why that failed, with the log.
#[track_caller]
fn refused(config: Json) -> String {
    let mut plugin = Plugin::start(DRIVER, "webhook.a", config);
    let state = plugin.state(Status::Failed);
    assert!(!plugin.exit().success());
    format!("{} | {} | {}", state.text, state.hint.unwrap_or_default(), plugin.log())
}

#[track_caller]
fn check(more: Json, want: &str) {
    let mut config = json!({ "url": "https://example.org/hook" });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let why = refused(config);
    assert!(why.contains(want), "{why}");
    assert!(!why.contains("hunter2"), "a secret is shown: {why}");
}

#[test]
fn a_wrong_configuration_is_refused_with_a_hint_and_shows_no_secret() {
    check(json!({ "url": "https://joe:hunter2@example.org/" }), "holds a user or a password | put it in a header");
    check(json!({ "url": "ftp://example.org/hunter2" }), "neither http");
    check(json!({ "url": "https:///hunter2" }), "is no URL");
    check(json!({ "url": "/hunter2" }), "neither http");
    check(json!({ "headers": { "X-Key": "hunter2\r\nX-Evil: 1" } }), "the header `X-Key` cannot be sent");
    check(json!({ "headers": { "X-Evil\r\nA": "hunter2" } }), "the header `X-EvilA` cannot be sent");
    check(json!({ "headers": { "Host": "hunter2" } }), "set by Fieldrail itself");
    check(json!({ "headers": { "content-length": "7" } }), "set by Fieldrail itself");
    check(json!({ "template": "{\"v\": value}" }), "the template gives no JSON");
    check(json!({ "allow_private": true }), "`allow_private` is true | say which");
    check(json!({ "allow_private": ["10.0.0.0/40"] }), "`10.0.0.0/40`");
    check(json!({ "hmac": { "secret": "" } }), "`hmac.secret` is empty");
    check(json!({ "hmac": { "secret": "hunter2", "header": "a b" } }), "hmac.header");
    check(json!({ "timeout_ms": 1 }), "`timeout_ms` is 1, outside of 100 to 120000");
    check(json!({ "retries": 1000 }), "`retries` is 1000");
    check(json!({ "ca_file": "/nowhere/hunter.pem" }), "/nowhere/hunter.pem");
    check(json!({ "surprise": 1 }), "surprise");
}
