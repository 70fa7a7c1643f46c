//! The WebSocket: what comes, in which order, to whom, and when it ends.

use std::time::{Duration, Instant};

use fieldrail_node::people::Role;
use futures_util::SinkExt as _;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::house::House;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_comes_first_and_then_what_changes() {
    let house = House::open().await;
    house.set("meter", "power", json!(1)).await;
    let mut live = house.live(&house.cookie()).await;
    live.say(json!({ "subscribe": ["meter.power", "meter2.**"] })).await;
    let snapshot = live.hear().await;
    assert_eq!(snapshot["snapshot"].as_array().unwrap().len(), 1, "{snapshot}");
    assert_eq!((&snapshot["snapshot"][0]["value"], &snapshot["snapshot"][0]["writable"]), (&json!(1), &json!(true)));
    house.set("meter", "power", json!(2)).await;
    let delta = live.hear().await;
    assert_eq!((&delta["delta"][0]["address"], &delta["delta"][0]["value"]), (&json!("meter.power"), &json!(2)));
    // A datapoint that is new and matches the pattern comes too.
    house.set("meter2", "new", json!({ "a": 1 })).await;
    assert_eq!(live.hear().await["delta"][0]["address"], "meter2.new");
    live.say(json!({ "unsubscribe": ["meter2.**"] })).await;
    live.say(json!({ "unsubscribe": ["meter.power"] })).await;
    live.say(json!({ "shout": [] })).await;
    assert!(live.hear().await["error"]["detail"].is_string());
    house.set("meter", "power", json!(3)).await;
    assert!(live.is_silent().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deltas_are_gathered_for_50_ms() {
    let house = House::open().await;
    let mut live = house.live(&house.cookie()).await;
    live.say(json!({ "subscribe": ["meter.power"] })).await;
    live.hear().await;
    let begun = Instant::now();
    for n in 0..100 {
        house.set("meter", "power", json!(n)).await;
    }
    let mut frames = 0;
    while live.hear().await["delta"][0]["value"] != 99 {
        frames += 1;
    }
    let most = begun.elapsed().as_millis() / 50 + 1;
    assert!(frames <= most, "{frames} frames, at most {most}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_instances_come_whole_and_then_as_they_change() {
    let house = House::open().await;
    let mut live = house.live(&house.cookie()).await;
    live.say(json!({ "watch": ["instances"] })).await;
    assert_eq!(live.hear().await["instances"].as_array().unwrap().len(), 2);
    house.admin("POST", "/api/admin/instances/meter2/stop", None).await.must_be(200);
    let changed = live.hear().await;
    assert_eq!(changed["instances"].as_array().unwrap().len(), 1, "{changed}");
    assert_eq!(
        (&changed["instances"][0]["id"], &changed["instances"][0]["enabled"]),
        (&json!("meter2"), &json!(false))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_wrong_address_does_not_keep_the_others_away() {
    let house = House::open().await;
    house.set("meter", "power", json!(1)).await;
    let mut live = house.live(&house.cookie()).await;
    live.say(json!({ "subscribe": ["nowhere.x", "meter.power", "a**b"] })).await;
    let snapshot = live.hear().await;
    assert_eq!(snapshot["snapshot"][0]["address"], "meter.power", "{snapshot}");
    assert!(live.hear().await["error"]["detail"].as_str().unwrap().contains("nowhere.x"));
}

#[track_caller]
fn refused(result: Result<crate::house::Live, Error>, status: u16) {
    match result {
        Err(Error::Http(answer)) => assert_eq!(answer.status(), status),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was let in"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_comes_in_without_a_credential_or_from_another_page() {
    let house = House::open().await;
    refused(house.try_live("").await, 401);
    refused(house.try_live("Authorization: Bearer wrong\n").await, 401);
    let cookie = house.cookie();
    for origin in ["http://evil.example", "null", "http://localhost:1", "http://127.0.0.1"] {
        refused(house.try_live(&format!("{cookie}Origin: {origin}\n")).await, 403);
    }
    house.live(&format!("{cookie}Origin: http://{}\n", house.address)).await;
    house.live(&cookie).await;
    house.admin("GET", "/api/live", None).await.must_be(426);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_token_loses_its_live_subscription() {
    let house = House::open().await;
    let (bearer, id) = house.token("panel", Role::Viewer, &[]);
    let mut live = house.live(&bearer).await;
    let mut other = house.live(&house.cookie()).await;
    for live in [&mut live, &mut other] {
        live.say(json!({ "subscribe": ["meter.power"] })).await;
        live.hear().await;
    }
    house.revoke(&id);
    assert_eq!(live.closed().await, 4401);
    house.set("meter", "power", json!(7)).await;
    assert_eq!(other.hear().await["delta"][0]["value"], 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_was_changed_by_hand_closes_the_live_view() {
    let house = House::open().await;
    let (bearer, _) = house.token("panel", Role::Operator, &[]);
    let mut live = house.live(&bearer).await;
    live.say(json!({ "subscribe": ["meter.power"] })).await;
    live.hear().await;
    let file = house.folder.path().join("config/users.json");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("operator"));
    std::fs::write(&file, text.replace("operator", "viewer")).unwrap();
    assert_eq!(live.closed().await, 4401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_out_closes_the_live_view() {
    let house = House::open().await;
    let mut live = house.live(&house.cookie()).await;
    live.say(json!({ "subscribe": ["meter.power"] })).await;
    live.hear().await;
    house.admin("POST", "/api/logout", None).await.must_be(204);
    assert_eq!(live.closed().await, 4401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_clients_answers_never_reach_another() {
    let house = House::open().await;
    for (instance, value) in [("meter", 1), ("meter2", 2)] {
        house.set(instance, "power", json!(value)).await;
    }
    let (first, _) = house.token("first", Role::Viewer, &["meter"]);
    let (second, _) = house.token("second", Role::Viewer, &["meter2"]);
    let (mut first, mut second) = (house.live(&first).await, house.live(&second).await);
    first.say(json!({ "subscribe": ["meter.**"] })).await;
    second.say(json!({ "subscribe": ["meter2.**"] })).await;
    assert_eq!(first.hear().await["snapshot"][0]["address"], "meter.power");
    assert_eq!(second.hear().await["snapshot"][0]["address"], "meter2.power");
    // Nothing outside of the scope, by no spelling.
    let beyond = ["meter2.power", "meter2.**", "**", "*.power", "meter*", "meter*.power", "meter**", "met*.**", ""];
    for text in beyond {
        first.say(json!({ "subscribe": [text] })).await;
        assert_eq!(first.hear().await["snapshot"], json!([]), "{text}");
        assert!(first.hear().await["error"].is_object(), "{text}");
    }
    first.say(json!({ "watch": ["instances"] })).await;
    assert!(first.hear().await["error"].is_object());
    house.set("meter2", "power", json!(9)).await;
    assert_eq!(second.hear().await["delta"][0]["value"], 9);
    assert!(first.is_silent().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_client_waits_for_itself_alone_and_then_gets_the_newest() {
    let house = House::open().await;
    let mut slow = house.live(&house.cookie()).await;
    let mut quick = house.live(&house.cookie()).await;
    for live in [&mut slow, &mut quick] {
        live.say(json!({ "subscribe": ["meter.text", "meter.number"] })).await;
        live.hear().await;
    }
    // Far more than the buffers of a socket hold; the slow one reads none of it.
    let long = "x".repeat(800_000);
    let mut rounds = 0;
    for n in 0..30 {
        house.set("meter", "text", json!(format!("{n}{long}"))).await;
        house.set("meter", "number", json!(n)).await;
        while !has(&quick.hear().await, "meter.number", &json!(n)) {}
        rounds += 1;
    }
    assert_eq!(rounds, 30);
    let mut frames = 0;
    while !has(&slow.hear().await, "meter.number", &json!(29)) {
        frames += 1;
    }
    assert!(frames < 25, "{frames} frames were kept for the slow one");
}

fn has(frame: &Value, address: &str, value: &Value) -> bool {
    let deltas = frame["delta"].as_array();
    deltas.into_iter().flatten().any(|delta| delta["address"] == address && delta["value"] == *value)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_huge_frame_and_a_flood_of_messages_close_the_connection() {
    let house = House::open().await;
    let mut huge = house.live(&house.cookie()).await;
    // It may hang up before it has read all of it.
    let _ = huge.0.send(Message::text("x".repeat(300_000))).await;
    assert!(matches!(huge.closed().await, 0 | 1009));
    let mut flood = house.live(&house.cookie()).await;
    for _ in 0..300 {
        if flood.0.send(Message::text("{\"unsubscribe\":[]}")).await.is_err() {
            break;
        }
    }
    assert!(matches!(flood.closed().await, 0 | 1008));
    house.live(&house.cookie()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_ends_all_connections_at_once() {
    let mut house = House::open().await;
    let mut live = house.live(&house.cookie()).await;
    let mut wire = house.wire();
    let head = format!("GET /healthz HTTP/1.1\nHost: {}\n", house.address);
    wire.send(&head, b"").await.must_be(200);
    let begun = Instant::now();
    let (code, ()) = tokio::join!(live.closed(), house.stop());
    assert_eq!(code, 1001);
    assert!(begun.elapsed() < Duration::from_millis(1500), "{:?}", begun.elapsed());
}
