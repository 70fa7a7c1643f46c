//! Who did what: every changing call leaves its row, and only an administrator reads them.

use fieldrail_api::endpoints;
use fieldrail_node::people::Role;
use serde_json::{Value, json};

use crate::house::{House, within};

async fn rows(house: &House, query: &str) -> Vec<Value> {
    let page = house.admin("GET", &format!("/api/audit?limit=500{query}"), None).await.must_be(200).json();
    page["items"].as_array().unwrap().clone()
}

/// The newest row of those that were asked for, in short.
async fn newest(house: &House, query: &str) -> String {
    let all = rows(house, query).await;
    let word = |key: &str| all.first().map(|row| row[key].as_str().unwrap_or("?").to_owned()).unwrap_or_default();
    format!("{}|{}|{}|{}|{}", word("by"), word("action"), word("target"), word("outcome"), word("detail"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_changing_call_leaves_a_row_before_it_is_answered() {
    let house = House::open().await;
    let mut wire = house.wire();
    let changing = endpoints().iter().filter(|endpoint| !endpoint.method.is_safe());
    let mut left = 0;
    for endpoint in changing.filter(|endpoint| endpoint.path != "/api/logout") {
        let path = endpoint.path.replace("{id}", "nothing").replace("{name}", "nobody").replace("{action}", "act");
        let action = format!("{} {}", endpoint.method, endpoint.path);
        // The house writes rows of its own meanwhile, such as that it noticed a file.
        let own = |rows: Vec<Value>| -> Vec<Value> { rows.into_iter().filter(|row| row["action"] == action).collect() };
        let before = own(rows(&house, "").await).len();
        let head = format!(
            "{} {path} HTTP/1.1\nHost: {}\n{}Content-Type: application/json\nContent-Length: 4\n",
            endpoint.method,
            house.address,
            house.cookie()
        );
        let answer = wire.send(&head, b"true").await;
        assert!(answer.status >= 400 || answer.status < 300, "{endpoint:?}: {}", answer.status);
        let after = own(rows(&house, "").await);
        // They look at what they are given, and change nothing.
        let want = usize::from(!matches!(endpoint.path, "/api/router/check" | "/api/router/try"));
        assert_eq!(after.len() - before, want, "{endpoint:?}");
        if want == 1 {
            left += 1;
            assert_eq!(after[0]["summary"], endpoint.summary);
        }
    }
    assert!(left > 20, "{left}");
    let verdict = house.admin("GET", "/api/audit/verify", None).await.must_be(200).json();
    assert_eq!((&verdict["whole"], &verdict["broken"]), (&json!(true), &json!([])), "{verdict}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_says_who_did_what_to_what_and_how_it_ended() {
    let house = House::open().await;
    let write = json!({ "address": "meter.power", "value": 5 });
    house.admin("POST", "/api/datapoint/write", Some(&write)).await.must_be(200);
    let want = "console|POST /api/datapoint/write|meter.power|confirmed|= 5";
    assert_eq!(newest(&house, "&trail=values").await, want);
    house.admin("POST", "/api/admin/instances/meter/stop", None).await.must_be(200);
    let want = "console|POST /api/admin/instances/{id}/stop|meter|done|";
    assert_eq!(newest(&house, "&trail=house").await, want);
    house.admin("POST", "/api/admin/instances/metre/stop", None).await.must_be(404);
    assert!(
        newest(&house, "").await.starts_with("console|POST /api/admin/instances/{id}/stop|metre|failed|there is no")
    );
    let user = json!({ "name": "anna", "password": "a long secret", "role": "viewer" });
    house.admin("POST", "/api/admin/users", Some(&user)).await.must_be(201);
    assert_eq!(newest(&house, "").await, "console|POST /api/admin/users|anna|done|as viewer");
    house.admin("PUT", "/api/admin/users/anna", Some(&json!({ "password": "another secret" }))).await.must_be(200);
    assert_eq!(newest(&house, "").await, "console|PUT /api/admin/users/{name}|anna|done|password");
    house.admin("POST", "/api/admin/panic", Some(&json!({ "drill": true }))).await.must_be(200);
    assert!(newest(&house, "&trail=values").await.starts_with("console|POST /api/admin/panic||done|drill"));
    let everything = format!("{:?}", rows(&house, "").await);
    assert!(!everything.contains("long secret") && !everything.contains("another secret"), "{everything}");
    assert!(rows(&house, "&search=daemon.start").await[0]["by"] == "system");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_ins_are_kept_and_a_password_in_the_wrong_field_is_not() {
    let house = House::open().await;
    let user = json!({ "name": "anna", "password": "a long secret", "role": "viewer" });
    house.admin("POST", "/api/admin/users", Some(&user)).await.must_be(201);
    let log_in = async |name: &str, password: &str| {
        house.ask("POST", "/api/login", "", Some(&json!({ "name": name, "password": password }))).await.status
    };
    assert_eq!(log_in("anna", "a long secret").await, 200);
    assert_eq!(newest(&house, "&trail=house").await, "anna|POST /api/login|anna|done|from 127.0.0.1");
    assert_eq!(log_in("anna", "wrong").await, 401);
    let why = "from 127.0.0.1: the name or the password is wrong";
    assert_eq!(newest(&house, "&trail=values").await, format!("|POST /api/login|anna|refused|{why}"));
    assert_eq!(log_in("a long secret", "anna").await, 401);
    assert_eq!(newest(&house, "&trail=values").await, format!("|POST /api/login||refused|{why}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_try_of_somebody_known_is_kept_and_nobody_unknown_fills_the_trail() {
    let house = House::open().await;
    let (viewer, _) = house.token("reader", Role::Viewer, &[]);
    house.ask("POST", "/api/admin/instances/meter/stop", &viewer, None).await.must_be(403);
    let got = newest(&house, "").await;
    assert!(
        got.starts_with("token:reader|POST /api/admin/instances/{id}/stop|/api/admin/instances/meter/stop|refused|"),
        "{got}"
    );
    assert_eq!(rows(&house, "").await[0]["trail"], "values");
    let before = rows(&house, "").await.len();
    house.ask("POST", "/api/admin/instances/meter/stop", "", None).await.must_be(401);
    assert_eq!(rows(&house, "").await.len(), before);
    house.ask("GET", "/api/audit", &viewer, None).await.must_be(403);
    house.ask("GET", "/api/audit/verify", &viewer, None).await.must_be(403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_changed_by_hand_leaves_a_row() {
    let house = House::open().await;
    let path = house.folder.path().join("config/datapoints.json");
    std::fs::write(path, json!({ "version": "1.0", "datapoints": { "meter.power": { "unit": "W" } } }).to_string())
        .unwrap();
    let kept = async {
        while rows(&house, "&search=datapoints.json").await.is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    within(kept).await;
    assert_eq!(newest(&house, "&search=datapoints.json").await, "by hand|file.changed|datapoints.json|done|");
}
