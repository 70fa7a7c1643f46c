//! What failed, as people see it.

use fieldrail_node::people::Role;
use serde_json::{Value, json};

use crate::house::{House, within};

/// An instance whose program is not there: it cannot be started.
async fn with_failed_instance(house: &House) -> Value {
    let config = json!({ "host": "nowhere", "password": "CANARY-4711" });
    let safe = json!({ "id": "safe", "driver": "vault", "config": config });
    house.admin("POST", "/api/connections", Some(&safe)).await.must_be(201);
    let found = async {
        loop {
            let page = house.admin("GET", "/api/errors?instance=safe", None).await.must_be(200).json();
            if let Some(one) = page["items"].as_array().unwrap().first() {
                break one.clone();
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    within(found).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_cannot_start_is_an_error_with_its_configuration_and_no_secret() {
    let house = House::open().await;
    let one = with_failed_instance(&house).await;
    assert_eq!((&one["kind"], &one["instance"], &one["driver"]), (&json!("failed"), &json!("safe"), &json!("vault")));
    let detail = house.admin("GET", &format!("/api/errors/{}", one["id"]), None).await.must_be(200).json();
    let event = &detail["occurrences"][0];
    assert_eq!(event["config"], json!({ "host": "nowhere", "password": "[secret]" }), "{detail}");
    assert!(event["message"].as_str().unwrap().contains("cannot be started"), "{detail}");
    assert!(!detail.to_string().contains("CANARY"), "{detail}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn viewers_read_errors_and_administrators_resolve_and_remove_them() {
    let house = House::open().await;
    let id = with_failed_instance(&house).await["id"].clone();
    let (viewer, _) = house.token("reader", Role::Viewer, &[]);
    let ask = async |method: &str, path: &str, who: &str| {
        house.ask(method, &format!("/api/errors/{id}{path}"), who, None).await
    };
    let seen = ask("GET", "", &viewer).await.must_be(200).json();
    assert!(seen["occurrences"][0].get("config").is_none(), "a configuration is for administrators: {seen}");
    ask("POST", "/resolve", &viewer).await.must_be(403);
    ask("DELETE", "", &viewer).await.must_be(403);
    let resolved = ask("POST", "/resolve", &house.cookie()).await.must_be(200).json();
    assert_eq!(resolved["resolved_by"], "console");
    let count = async |query: &str| {
        let page = house.admin("GET", &format!("/api/errors?{query}"), None).await.must_be(200).json();
        page["items"].as_array().unwrap().len()
    };
    assert_eq!((count("resolved=true&instance=safe").await, count("search=CANNOT%20be").await), (1, 1));
    ask("DELETE", "", &house.cookie()).await.must_be(204);
    ask("GET", "", &viewer).await.must_be(404);
    house.admin("GET", "/api/errors/x", None).await.must_be(404);
    house.admin("GET", "/api/errors?after=x", None).await.must_be(422);
}
