//! The log: searched, saved as a file, followed live.

use fieldrail_node::LogLevel;
use fieldrail_node::people::Role;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::house::{House, within};

/// Head and whole body of an answer that comes in pieces.
async fn save(house: &House, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\nHost: {}\n{}Connection: close\n\n", house.address, house.cookie());
    stream.write_all(head.replace('\n', "\r\n").as_bytes()).await.unwrap();
    let mut text = String::new();
    within(stream.read_to_string(&mut text)).await.unwrap();
    let (head, mut rest) = text.split_once("\r\n\r\n").unwrap();
    let mut body = String::new();
    while let Some((length, after)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        body.push_str(&after[..length]);
        rest = &after[length + 2..];
    }
    (head.to_lowercase(), body)
}

fn say(house: &House, level: LogLevel, message: &str) {
    house.node.logbook().write(level, Some("meter"), message);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_are_found_by_time_fields_and_text() {
    let house = House::open().await;
    say(&house, LogLevel::Warn, "Lost it. error=refused port=1883");
    let find = async |query: &str| {
        let page = house.admin("GET", &format!("/api/logs?instance=meter{query}"), None).await.must_be(200).json();
        page["items"].as_array().unwrap().clone()
    };
    let found = find("&search=REFUSED").await;
    assert_eq!(found[0]["fields"], json!({ "error": "refused", "port": 1883 }));
    let at = found[0]["time_ms"].as_i64().unwrap();
    assert_eq!(find(&format!("&since_ms={at}&until_ms={at}")).await.len(), 1);
    assert_eq!(find(&format!("&until_ms={}", at - 1)).await.len(), 0);
    assert_eq!(find(&format!("&since_ms={}", at + 1)).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_saved_whole_as_json_and_as_csv() {
    let house = House::open().await;
    for n in 0..2500 {
        say(&house, LogLevel::Info, &format!("line {n}"));
    }
    say(&house, LogLevel::Error, "=HYPERLINK(\"http://evil\"), \"quoted\"\r\nforged");
    let (head, json) = save(&house, "/api/logs/export?instance=meter").await;
    assert!(head.contains("content-disposition: attachment") && head.contains("application/json"), "{head}");
    let lines: Vec<Value> = serde_json::from_str(&json).unwrap();
    assert_eq!((lines.len(), &lines[2500]["message"]), (2501, &json!("line 0")));
    let (head, csv) = save(&house, "/api/logs/export?format=csv&level=error&instance=meter").await;
    assert!(head.contains("text/csv"), "{head}");
    let mut lines = csv.split("\r\n");
    assert_eq!(lines.next(), Some("id,time,level,instance,message,fields"));
    let line = lines.next().unwrap();
    let end = r#","error","meter","'=HYPERLINK(""http://evil""), ""quoted""\r\nforged","""#;
    assert!(line.ends_with(end), "{line}");
    assert_eq!(lines.collect::<Vec<_>>(), [""]);
    let (_, few) = save(&house, "/api/logs/export?limit=7").await;
    assert_eq!(serde_json::from_str::<Vec<Value>>(&few).unwrap().len(), 7);
    let (_, none) = save(&house, "/api/logs/export?instance=nobody").await;
    assert_eq!(serde_json::from_str::<Vec<Value>>(&none).unwrap().len(), 0);
    house.admin("GET", "/api/logs/export?format=xml", None).await.must_be(400);
    let (narrow, _) = house.token("narrow", Role::Admin, &["meter"]);
    house.ask("GET", "/api/logs/export", &narrow, None).await.must_be(403);
}

/// Messages of the lines in the next frame with some.
async fn lines(live: &mut crate::house::Live) -> Vec<String> {
    let frame = live.hear().await;
    let lines = frame["logs"]["lines"].as_array().unwrap_or_else(|| panic!("{frame}"));
    lines.iter().map(|line| line["message"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_followed_live_and_each_line_comes_once() {
    let house = House::open().await;
    say(&house, LogLevel::Warn, "before");
    house.admin("GET", "/api/logs", None).await.must_be(200);
    let mut live = house.live(&house.cookie()).await;
    live.say(json!({ "follow_logs": { "instance": "meter", "level": "warn" } })).await;
    assert_eq!(lines(&mut live).await, ["before"]);
    say(&house, LogLevel::Info, "not grave enough");
    let want: Vec<String> = (0..50).map(|n| format!("line {n}")).collect();
    for line in &want {
        say(&house, LogLevel::Error, line);
    }
    let mut got = Vec::new();
    while got.len() < want.len() {
        got.extend(lines(&mut live).await);
    }
    assert_eq!(got, want);
    live.say(json!({ "follow_logs": { "level": "loud" } })).await;
    let wrong = live.hear().await;
    assert!(wrong["error"]["detail"].as_str().is_some_and(|detail| detail.contains("level")), "{wrong}");
    live.say(json!({ "follow_logs": null })).await;
    say(&house, LogLevel::Error, "after");
    assert!(live.is_silent().await);
    let (narrow, _) = house.token("narrow", Role::Viewer, &["meter"]);
    let mut live = house.live(&narrow).await;
    live.say(json!({ "follow_logs": {} })).await;
    assert!(live.hear().await["error"].is_object());
}
