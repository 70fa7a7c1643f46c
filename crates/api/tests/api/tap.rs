//! A tap and a recording over a WebSocket each: what is wrong is said, and who reads too slowly is told so.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fieldrail_node::people::Role;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::house::{House, Live, within};

const TAP: &str = "/api/router/tap";
const RECORD: &str = "/api/router/record";

async fn open(house: &House, path: &str) -> Live {
    house.try_socket(path, &house.cookie()).await.unwrap()
}

/// What the daemon objects to a wish, with its hint; it hangs up after that.
async fn objection(house: &House, headers: &str, wish: impl Into<Message>) -> (String, String) {
    let mut tap = house.try_socket(TAP, headers).await.unwrap();
    tap.0.send(wish.into()).await.unwrap();
    let said = tap.hear().await;
    assert_eq!(tap.closed().await, 0);
    let word = |key: &str| said["error"][key].as_str().unwrap_or_default().to_owned();
    (word("detail"), word("hint"))
}

/// Each wish with what has to be in the objection, and in its hint.
fn wrong_wishes() -> Vec<(Value, &'static str, &'static str)> {
    let many: Vec<String> = (0..101).map(|n| format!("meter.{n}")).collect();
    vec![
        (json!({ "patterns": ["meter.*"], "stage": ["input"] }), "unknown field `stage`, expected one of", "send {"),
        (json!({ "patterns": "meter.*" }), "invalid type: string", "send {"),
        (json!({ "stages": ["input"] }), "missing field `patterns`", "send {"),
        (json!({ "patterns": [] }), "a tap has 1 to 100", "`**`"),
        (json!({ "patterns": many }), "a tap has 1 to 100", "`**`"),
        (json!({ "patterns": ["meter.power", "meter.a**"] }), "`meter.a**`: `**` stands for whole segments", ""),
        (json!({ "patterns": ["x".repeat(5000)] }), "1 to 4096 bytes", ""),
        (json!({ "patterns": ["meter.*"], "stages": ["input", "middle"] }), "there is no stage `middle`", "step"),
        (json!({ "patterns": ["meter.*"], "route": "nothing" }), "`nothing`", ""),
        (json!(5), "the wish is wrong", "send {"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_wish_is_told_what_is_wrong_and_leaves_no_tap_behind() {
    let house = House::open().await;
    for (wish, detail, hint) in wrong_wishes() {
        let said = objection(&house, &house.cookie(), wish.to_string()).await;
        assert!(
            !said.0.is_empty() && said.0.contains(detail) && said.1.contains(hint),
            "{said:?} and not {detail:?}, {hint:?}"
        );
    }
    let said = objection(&house, &house.cookie(), "{\"patterns\": [").await;
    assert!(said.0.contains("the wish is wrong: EOF"), "{said:?}");
    // Right after all of them a right one is served.
    let mut tap = open(&house, TAP).await;
    tap.say(json!({ "patterns": ["meter.*"], "stages": ["input"] })).await;
    let tapped = until_tapped(&house, &mut tap).await;
    assert_eq!((&tapped["stage"], &tapped["source"]), (&json!("input"), &json!("meter.power")), "{tapped}");
}

/// The first event of a tap; it may not be open yet when the first values come.
async fn until_tapped(house: &House, tap: &mut Live) -> Value {
    for n in 0..100 {
        house.set("meter", "power", json!(n)).await;
        if let Ok(said) = tokio::time::timeout(Duration::from_millis(100), tap.hear()).await {
            return said["tapped"][0].clone();
        }
    }
    panic!("nothing was tapped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_wish_at_all_ends_the_connection() {
    let house = House::open().await;
    let mut binary = open(&house, TAP).await;
    binary.0.send(Message::binary(b"{\"patterns\":[\"**\"]}".to_vec())).await.unwrap();
    assert_eq!(binary.closed().await, 0);
    let mut huge = open(&house, TAP).await;
    // It may hang up before it has read all of it.
    let _ = huge.0.send(Message::text(format!("{{\"patterns\":[\"{}\"]}}", "x".repeat(300_000)))).await;
    assert!(matches!(huge.closed().await, 0 | 1009));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tap_reaches_as_far_as_its_token_and_a_recording_is_for_administrators() {
    let house = House::open().await;
    let (bearer, _) = house.token("panel", Role::Viewer, &["meter"]);
    for beyond in ["meter2.power", "**", "meter*.power"] {
        let said = objection(&house, &bearer, json!({ "patterns": ["meter.*", beyond] }).to_string()).await;
        assert!(!said.0.is_empty(), "{beyond}");
    }
    match house.try_socket(RECORD, &bearer).await {
        Err(Error::Http(answer)) => assert_eq!(answer.status(), 403),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was let in"),
    }
}

/// Whether one recording more may begin; as many as may run at once are four.
async fn has_room(house: &House) -> bool {
    let mut another = open(house, RECORD).await;
    match within(another.0.next()).await {
        Some(Ok(Message::Binary(_))) => true,
        Some(Ok(Message::Text(text))) if text.contains("4 recordings run already") => false,
        other => panic!("{other:?}"),
    }
}

/// A recording that has begun: its first piece came.
async fn begun(house: &House) -> Live {
    let mut recording = open(house, RECORD).await;
    assert!(matches!(within(recording.0.next()).await, Some(Ok(Message::Binary(_)))));
    recording
}

/// Reads a recording to its end, counting the bytes, and returns what was said at last.
async fn read_to_the_end(mut recording: Live, bytes: Arc<AtomicUsize>) -> String {
    let mut said = String::new();
    while let Some(Ok(message)) = recording.0.next().await {
        match message {
            Message::Binary(piece) => drop(bytes.fetch_add(piece.len(), Ordering::Relaxed)),
            Message::Text(text) => said = text.to_string(),
            _ => {}
        }
    }
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_a_recording_that_is_too_slow_is_told_so_and_holds_nobody_up() {
    let mut house = House::open().await;
    let slow = begun(&house).await;
    let counts: Vec<Arc<AtomicUsize>> = (0..3).map(|_| Arc::default()).collect();
    let mut quick = Vec::new();
    for count in &counts {
        quick.push(tokio::spawn(read_to_the_end(begun(&house).await, Arc::clone(count))));
    }
    assert!(!has_room(&house).await);
    // Each value is a piece of its own, so the buffers of the sockets and what waits in the daemon are soon full.
    let long = "x".repeat(130_000);
    let mut sent = 0;
    while sent < 4000 && (sent % 50 > 0 || !has_room(&house).await) {
        house.set("meter", "text", json!(format!("{sent}{long}"))).await;
        sent += 1;
    }
    let count = Arc::<AtomicUsize>::default();
    let said = within(read_to_the_end(slow, Arc::clone(&count))).await;
    assert!(said.contains("the recording was not taken fast enough and has ended"), "{said}");
    let all = sent * long.len();
    assert!(count.load(Ordering::Relaxed) < all, "everything was kept for it");
    // The quick ones have everything, and were not cut off.
    within(async {
        while counts.iter().any(|count| count.load(Ordering::Relaxed) < all) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    house.stop().await;
    for quick in quick {
        assert_eq!(within(quick).await.unwrap(), "");
    }
}
