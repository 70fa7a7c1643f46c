//! What a person needs around a connection: what depends on it, a copy, a way back, an action before it is saved.

use fieldrail_node::people::Role;
use serde_json::{Value, json};

use crate::house::House;

fn safe(id: &str, host: &str, password: &str) -> Value {
    let config = json!({ "host": host, "password": password });
    json!({ "id": id, "driver": "vault", "enabled": false, "config": config })
}

/// What stands on disk.
fn on_disk(house: &House) -> Vec<Value> {
    let file = std::fs::read_to_string(house.folder.path().join("config/connections.json")).unwrap();
    serde_json::from_str::<Value>(&file).unwrap()["connections"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_depends_on_an_instance_is_told_before_it_is_removed() {
    let house = House::open().await;
    let route = |id: &str, from: &str, to: &str| json!({ "id": id, "from": from, "to": to, "description": "A way." });
    let routes = [route("reads", "meter.power", "meter2.a"), route("writes", "meter2.b", "meter.set")];
    for route in routes.iter().chain([&route("other", "meter2.c", "calc.c")]) {
        let path = format!("/api/router/routes/{}", route["id"].as_str().unwrap());
        house.admin("PUT", &path, Some(route)).await.must_be(200);
    }
    let about = json!({ "version": "1.0", "datapoints": {
        "meter.power": { "name": "Power", "on_panic": 0 }, "meter2.x": { "name": "Other" }
    } });
    std::fs::write(house.folder.path().join("config/datapoints.json"), about.to_string()).unwrap();
    let mut through = safe("safe", "a", "geheim");
    through["config"]["host"] = "meter.address".into();
    house.admin("POST", "/api/connections", Some(&through)).await.must_be(201);
    let begun = std::time::Instant::now();
    let found = loop {
        let found = house.admin("GET", "/api/connections/meter/dependents", None).await.must_be(200).json();
        if found["datapoint_count"] == 1 {
            break found;
        }
        assert!(begun.elapsed() < std::time::Duration::from_secs(10), "datapoints.json is not picked up: {found}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    let ids: Vec<&str> = found["routes"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["reads", "writes"]);
    assert_eq!(found["routes"][1]["places"], json!(["to"]));
    let point = &found["datapoints"][0];
    assert_eq!((&point["address"], &point["on_panic"]), (&json!("meter.power"), &json!(true)));
    assert_eq!(found["connections"][0]["id"], "safe");
    assert!(!found.to_string().contains("geheim"));
    house.admin("GET", "/api/connections/nobody/dependents", None).await.must_be(404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_takes_the_secrets_of_its_original_along_and_nobody_sees_them() {
    let house = House::open().await;
    let added = house.admin("POST", "/api/connections", Some(&safe("safe", "a", "geheim"))).await.must_be(201).json();
    let mut copy = safe("copy", "b", added["config"]["password"].as_str().unwrap());
    house.admin("POST", "/api/connections", Some(&copy)).await.must_be(422);
    let path = "/api/connections?secrets_of=safe";
    let answer = house.admin("POST", path, Some(&copy)).await.must_be(201);
    assert!(!String::from_utf8_lossy(&answer.body).contains("geheim"));
    assert_eq!(on_disk(&house).last().unwrap()["config"]["password"], "geheim");
    copy["id"] = "copy2".into();
    house.admin("POST", "/api/connections?secrets_of=nobody", Some(&copy)).await.must_be(422);
    house.admin("POST", "/api/connections?secret_of=safe", Some(&copy)).await.must_be(400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_connection_comes_back_as_it_stood_with_its_secret() {
    let house = House::open().await;
    house.admin("POST", "/api/connections", Some(&safe("safe", "a", "geheim"))).await.must_be(201);
    house.admin("POST", "/api/connections/safe/bring_back", None).await.must_be(409);
    house.admin("PUT", "/api/connections/safe", Some(&safe("safe", "b", "********"))).await.must_be(200);
    house.admin("DELETE", "/api/connections/safe", None).await.must_be(204);
    house.admin("POST", "/api/connections", Some(&json!({ "id": "tank", "driver": "virtual" }))).await.must_be(201);
    let back = house.admin("POST", "/api/connections/safe/bring_back", None).await.must_be(201).json();
    assert_eq!((&back["config"]["host"], &back["config"]["password"]), (&json!("b"), &json!("********")));
    let disk = on_disk(&house);
    assert!(disk.iter().any(|one| one["id"] == "safe" && one["config"]["password"] == "geheim"), "{disk:?}");
    assert!(disk.iter().any(|one| one["id"] == "tank"), "what came between is gone: {disk:?}");
    house.admin("POST", "/api/connections/never/bring_back", None).await.must_be(404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_action_is_tried_only_if_the_driver_has_it_and_by_administrators_only() {
    let house = House::open().await;
    let body = json!({ "connection": safe("new", "a", "b") });
    let path = "/api/connections/test/call/scan";
    let problem = house.admin("POST", path, Some(&body)).await.must_be(404).json();
    assert!(problem["detail"].as_str().unwrap().contains("no action `scan`"), "{problem}");
    let unknown = json!({ "connection": { "id": "new", "driver": "vualt" } });
    house.admin("POST", path, Some(&unknown)).await.must_be(422);
    house.admin("POST", path, Some(&json!({ "connection": safe("new", "a", "b"), "more": 1 }))).await.must_be(400);
    for (name, role) in [("looker", Role::Viewer), ("hand", Role::Operator)] {
        let (token, _) = house.token(name, role, &[]);
        for (method, path) in [
            ("POST", path),
            ("GET", "/api/connections/meter/dependents"),
            ("POST", "/api/connections/meter/bring_back"),
        ] {
            house.ask(method, path, &token, Some(&body)).await.must_be(403);
        }
    }
}
