//! One search over the house, and what its start page asks.

use fieldrail_node::people::Role;
use serde_json::{Value, json};

use crate::house::House;

fn texts(found: &Value, kind: &str, key: &str) -> Vec<String> {
    let items = found[kind].as_array().unwrap();
    items.iter().map(|item| item[key].as_str().unwrap().to_owned()).collect()
}

async fn furnished() -> House {
    let house = House::open().await;
    let said = json!({ "version": "1.0", "datapoints": { "meter.t1": { "name": "Temperatur Küche" } } });
    std::fs::write(house.folder.path().join("config/datapoints.json"), said.to_string()).unwrap();
    for tag in ["t1", "house/kueche/light", "power", "power/total"] {
        house.set("meter", tag, 1.into()).await;
    }
    house.set("meter2", "power", 2.into()).await;
    let route =
        json!({ "id": "kitchen", "from": "meter.power", "to": "calc.kitchen", "description": "Licht der Küche" });
    house.admin("PUT", "/api/router/routes/kitchen", Some(&route)).await.must_be(200);
    house
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn umlauts_meet_in_names_addresses_and_descriptions_and_the_best_comes_first() {
    let house = furnished().await;
    for search in ["kuche", "kueche", "K%C3%BCche", "K%C3%9CCHE"] {
        let path = format!("/api/search?q={search}");
        let wanted = vec!["meter.t1".to_owned(), "meter.house/kueche/light".into()];
        let mut found = Value::Null;
        // The file is read when the watcher has seen it.
        for _ in 0..100 {
            found = house.admin("GET", &path, None).await.must_be(200).json();
            if found["datapoints_count"] == 2 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert_eq!(texts(&found, "datapoints", "address"), wanted, "{search}");
        assert_eq!(texts(&found, "routes", "id"), ["kitchen"], "{search}");
    }
    let found = house.admin("GET", "/api/search?q=power", None).await.must_be(200).json();
    assert_eq!(texts(&found, "datapoints", "address"), ["meter.power", "meter2.power", "meter.power/total"]);
    let found = house.admin("GET", "/api/search?q=power&limit=1", None).await.must_be(200).json();
    assert_eq!((texts(&found, "datapoints", "address").len(), &found["datapoints_count"]), (1, &3.into()));
    let found = house.admin("GET", "/api/search?q=meter", None).await.must_be(200).json();
    assert_eq!(texts(&found, "instances", "id"), ["meter", "meter2"]);
    assert_eq!(texts(&found, "routes", "id"), ["kitchen"], "by its source");
    let found = house.admin("GET", "/api/search?q=total+power", None).await.must_be(200).json();
    assert_eq!(texts(&found, "datapoints", "address"), ["meter.power/total"], "each word has to fit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_narrow_token_finds_its_addresses_and_nothing_beside_them() {
    let house = furnished().await;
    let (narrow, _) = house.token("narrow", Role::Viewer, &["meter2"]);
    let found = house.ask("GET", "/api/search?q=e", &narrow, None).await.must_be(200).json();
    assert_eq!(texts(&found, "datapoints", "address"), ["meter2.power"]);
    assert_eq!(found["datapoints_count"], 1, "nor is it told how many others there are");
    for kind in ["instances", "routes", "alarms"] {
        assert_eq!(found[kind], json!([]), "{kind}");
    }
    let finds = house.ask("GET", "/api/search/devices?q=e", &narrow, None).await.must_be(200).json();
    assert_eq!(finds, json!({ "nodes": [], "unanswered": [], "more": false }));
    house.ask("GET", "/api/system/summary", &narrow, None).await.must_be(403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_or_too_much_to_look_for_is_refused_with_a_hint() {
    let house = House::open().await;
    for path in ["/api/search", "/api/search/devices"] {
        for wrong in [String::new(), "?q=".into(), "?q=%20%20".into(), format!("?q={}", "x".repeat(201))] {
            let answer = house.admin("GET", &format!("{path}{wrong}"), None).await.must_be(422).json();
            assert!(answer["hint"].is_string(), "{path}{wrong}: {answer}");
        }
        house.admin("GET", &format!("{path}?q=x&unknown=1"), None).await.must_be(400);
        house.admin("GET", &format!("{path}?q=a%00%3Cscript%3E%F0%9F%98%80"), None).await.must_be(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_start_page_is_told_of_a_route_that_fails_and_of_a_broken_file() {
    let house = House::open().await;
    let route = json!({ "id": "halves", "from": "meter.power", "to": "calc.half", "transform": "scale(0.5)" });
    house.admin("PUT", "/api/router/routes/halves", Some(&route)).await.must_be(200);
    let summary = house.admin("GET", "/api/system/summary", None).await.must_be(200).json();
    assert_eq!(summary["failing_routes"], json!({ "items": [], "count": 0 }));
    assert_eq!((&summary["open_errors"]["items"], &summary["faults"]), (&json!([]), &json!([])));
    house.set("meter", "power", "no number".into()).await;
    let summary = house.admin("GET", "/api/system/summary", None).await.must_be(200).json();
    assert_eq!(summary["failing_routes"]["count"], 1, "{summary}");
    let failing = &summary["failing_routes"]["items"][0];
    assert_eq!((&failing["id"], &failing["errors"]), (&"halves".into(), &1.into()));
    assert!(failing["last_error"].is_string(), "{failing}");
    std::fs::write(house.folder.path().join("config/datapoints.json"), "{").unwrap();
    for _ in 0..200 {
        let summary = house.admin("GET", "/api/system/summary", None).await.must_be(200).json();
        if summary["faults"].as_array().unwrap().len() == 1 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the broken file is not told of");
}
