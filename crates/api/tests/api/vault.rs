//! Secrets apart from the configurations that use them: names come out, texts never do.

use fieldrail_node::people::Role;
use serde_json::{Value, json};

use crate::house::House;

const CANARY: &str = "CANARY-kept-31";
const PATH: &str = "/api/admin/secrets";

async fn listed(house: &House) -> Value {
    house.admin("GET", PATH, None).await.must_be(200).json()["items"].clone()
}

fn on_disk(house: &House) -> Value {
    let text = std::fs::read_to_string(house.folder.path().join("config/secrets.json")).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["secrets"].clone()
}

async fn safe(house: &House, config: Value) {
    let connection = json!({ "id": "safe", "name": "Safe", "driver": "vault", "enabled": false, "config": config });
    house.admin("POST", "/api/connections", Some(&connection)).await.must_be(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_kept_changed_and_removed_and_never_comes_back() {
    let house = House::open().await;
    safe(&house, json!({ "host": "h", "password": { "secret": "broker" } })).await;
    // It is missing, and what needs it is named.
    let uses = json!([{ "file": "connections.json", "connection": "safe", "name": "Safe", "key": "config.password" }]);
    let missing = listed(&house).await;
    assert_eq!(
        (&missing[0]["name"], &missing[0]["set"], &missing[0]["used_by"]),
        (&json!("broker"), &json!(false), &uses)
    );

    let body = json!({ "name": "broker", "value": CANARY });
    let made = house.admin("POST", PATH, Some(&body)).await.must_be(201);
    assert!(!String::from_utf8_lossy(&made.body).contains(CANARY));
    assert_eq!(on_disk(&house), json!({ "broker": CANARY }));
    house.admin("POST", PATH, Some(&body)).await.must_be(409);
    let list = listed(&house).await;
    assert_eq!((&list[0]["set"], &list[0]["used_by"]), (&json!(true), &uses));
    assert!(!list.to_string().contains(CANARY));

    let etag = list[0]["etag"].as_str().unwrap().to_owned();
    let with = |etag: &str| format!("{}If-Match: \"{etag}\"\n", house.cookie());
    let path = format!("{PATH}/broker");
    let other = json!({ "value": "CANARY-other-32" });
    house.ask("PUT", &path, &with("0123"), Some(&other)).await.must_be(412);
    let changed = house.ask("PUT", &path, &with(&etag), Some(&other)).await.must_be(200);
    assert_eq!(on_disk(&house), json!({ "broker": "CANARY-other-32" }));
    let fresh = changed.json()["etag"].as_str().unwrap().to_owned();
    assert_ne!(fresh, etag);
    house.ask("DELETE", &path, &with(&etag), None).await.must_be(412);
    let used = house.ask("DELETE", &path, &with(&fresh), None).await.must_be(409).json();
    assert!(
        used["detail"].as_str().unwrap().contains("`safe` refers to the secret `broker` at config.password"),
        "{used}"
    );
    house.ask("DELETE", &format!("{path}?anyway=true"), &with(&fresh), None).await.must_be(204);
    assert_eq!(on_disk(&house), json!({}));
    house.admin("DELETE", &path, None).await.must_be(404);
    house.admin("PUT", &path, Some(&other)).await.must_be(404);

    let rows = house.admin("GET", "/api/audit?search=secrets", None).await.must_be(200).json().to_string();
    assert!(rows.contains("broker") && !rows.contains(CANARY) && !rows.contains("CANARY-other-32"), "{rows}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_etag_says_nothing_of_the_secret() {
    let (one, two) = (House::open().await, House::open().await);
    let body = json!({ "name": "a", "value": "1234" });
    for house in [&one, &two] {
        house.admin("POST", PATH, Some(&body)).await.must_be(201);
    }
    let etag = listed(&one).await[0]["etag"].as_str().unwrap().to_owned();
    let body = json!({ "name": "b", "value": "1234" });
    one.admin("POST", PATH, Some(&body)).await.must_be(201);
    assert_ne!(listed(&one).await[1]["etag"], etag.as_str(), "two that say the same could be told");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_names_and_texts_are_refused_with_what_would_be_right() {
    let house = House::open().await;
    for name in ["", "a b", "<b>", "../x", "a/b", "ä", &"x".repeat(65)] {
        let refused = house.admin("POST", PATH, Some(&json!({ "name": name, "value": "x" }))).await.must_be(422).json();
        assert_eq!(refused["at"]["key"], "name");
        assert!(refused["hint"].as_str().unwrap().contains("letters"), "{refused}");
    }
    for value in ["", &"x".repeat(64 * 1024 + 1)] {
        let refused =
            house.admin("POST", PATH, Some(&json!({ "name": "a", "value": value }))).await.must_be(422).json();
        assert_eq!(refused["at"]["key"], "value");
        assert!(!refused.to_string().contains("xxx"));
    }
    house.admin("POST", PATH, Some(&json!({ "name": "a" }))).await.must_be(400);
    house.admin("DELETE", &format!("{PATH}/a?anyhow=true"), None).await.must_be(400);
    assert_eq!(listed(&house).await, json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_an_administrator_of_the_whole_house_handles_secrets() {
    let house = House::open().await;
    let (viewer, _) = house.token("viewer", Role::Viewer, &[]);
    let (operator, _) = house.token("operator", Role::Operator, &[]);
    let (narrow, _) = house.token("narrow", Role::Admin, &["meter"]);
    let body = json!({ "name": "a", "value": "x" });
    for bearer in [&viewer, &operator, &narrow] {
        house.ask("GET", PATH, bearer, None).await.must_be(403);
        house.ask("POST", PATH, bearer, Some(&body)).await.must_be(403);
        house.ask("PUT", &format!("{PATH}/a"), bearer, Some(&json!({ "value": "x" }))).await.must_be(403);
        house.ask("DELETE", &format!("{PATH}/a"), bearer, None).await.must_be(403);
    }
    house.ask("GET", PATH, "", None).await.must_be(401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_with_the_one_key_secret_is_a_secret_and_no_reference_where_the_driver_has_that_key() {
    let house = House::open().await;
    safe(&house, json!({ "host": "h", "sign": { "secret": CANARY } })).await;
    let shown = house.admin("GET", "/api/connections/safe", None).await.must_be(200);
    assert_eq!(shown.json()["config"], json!({ "host": "h", "sign": { "secret": "********" } }));
    assert_eq!(listed(&house).await, json!([]), "it refers to nothing");
    // Saved as it was shown, it is kept.
    let mut entry = shown.json();
    entry.as_object_mut().unwrap().remove("etag");
    entry["name"] = json!("Another");
    house.admin("PUT", "/api/connections/safe", Some(&entry)).await.must_be(200);
    let disk = std::fs::read_to_string(house.folder.path().join("config/connections.json")).unwrap();
    assert!(disk.contains(CANARY) && disk.contains("Another"));
}
