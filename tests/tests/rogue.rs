//! Plugins that misbehave: each is ended with a reason on its own instance, and the others do not notice.
#![allow(clippy::unwrap_used)] // in what only tests call, a panic is how a test fails

use std::time::Duration;

use fieldrail_tests::{House, wait_for};
use serde_json::json;

const PLUGINS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/plugins");

/// Runs the rogue in this mode beside a good plugin, and wants these words as the reason.
#[track_caller]
fn check(mode: &str, want: &str) {
    let connections = json!([
        { "id": "rogue", "driver": "rogue", "config": { "mode": mode }, "health": { "auto_restart": false } },
        { "id": "good", "driver": "counter", "config": {} }
    ]);
    let house = House::new(&connections, &json!([{ "id": "r", "from": "good.count", "to": "calc.count" }]));
    let house = house.with_plugins(PLUGINS).kept();
    let good = house.wait_until("good", "running")["pid"].clone();
    let rogue = house.wait_until("rogue", "error");
    let said = format!("{} {}", rogue["text"], rogue["last_error"]);
    assert!(said.contains(want), "{said}");
    wait_for("the good one goes on", Duration::from_secs(5), || {
        house.value("calc.count").filter(|count| count["value"].as_i64() >= Some(2))
    });
    let unharmed = house.instance("good");
    assert_eq!((&unharmed["pid"], &unharmed["restarts"]), (&good, &json!(0)), "{unharmed}");
}

#[test]
fn garbage_on_stdout_ends_the_plugin_with_the_reason() {
    check("garbage", "no message");
}

#[test]
fn a_giant_message_ends_the_plugin_with_the_reason() {
    check("giant", "over the limit");
}

#[test]
fn half_a_message_is_noticed_when_the_plugin_ends() {
    check("half", "in the middle of a frame");
}
