//! Who may panic, and who may re-arm.

use fieldrail_node::people::Role;
use serde_json::{Value, json};

use crate::house::House;

const PANIC: &str = "/api/admin/panic";
const REARM: &str = "/api/admin/panic/rearm";

async fn state(house: &House) -> Value {
    house.admin("GET", PANIC, None).await.must_be(200).json()["state"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_write_may_not_panic_and_nobody_else_does_it_for_them() {
    let house = House::open().await;
    let (viewer, _) = house.token("viewer", Role::Viewer, &[]);
    let (narrow, _) = house.token("narrow", Role::Operator, &["meter"]);
    house.ask("POST", PANIC, &viewer, None).await.must_be(403);
    house.ask("POST", PANIC, &narrow, None).await.must_be(403);
    house.ask("POST", PANIC, "", None).await.must_be(401);
    // Another page in the same browser: the cookie comes along, the header does not.
    let foreign = format!("Cookie: fieldrail_session={}\n", house.session);
    house.ask("POST", PANIC, &foreign, None).await.must_be(403);
    house.ask("POST", REARM, &foreign, Some(&json!({ "number": 0 }))).await.must_be(403);
    assert_eq!(state(&house).await, "armed");
    house.ask("GET", PANIC, &viewer, None).await.must_be(200);
    let (operator, _) = house.token("operator", Role::Operator, &[]);
    let drill = house.ask("POST", PANIC, &operator, Some(&json!({ "drill": true }))).await.must_be(200).json();
    assert_eq!((&drill["state"], state(&house).await), (&json!("drill"), json!("armed")));
    house.ask("POST", PANIC, &operator, None).await.must_be(200);
    assert_eq!(state(&house).await, "latched");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_an_administrator_in_person_re_arms_and_only_the_panic_they_saw() {
    let house = House::open().await;
    let number = house.admin("POST", PANIC, None).await.must_be(200).json()["number"].as_u64().unwrap();
    let step = json!({ "number": number });
    for (name, role) in [("viewer", Role::Viewer), ("operator", Role::Operator), ("admin", Role::Admin)] {
        let (token, _) = house.token(name, role, &[]);
        house.ask("POST", REARM, &token, Some(&step)).await.must_be(403);
    }
    house.ask("POST", REARM, "", Some(&step)).await.must_be(401);
    house.admin("POST", REARM, Some(&json!({ "number": number - 1 }))).await.must_be(409);
    house.admin("POST", REARM, Some(&json!({ "number": number, "instance": "nothing" }))).await.must_be(404);
    assert_eq!(state(&house).await, "latched");
    house.admin("POST", REARM, Some(&step)).await.must_be(200);
    assert_eq!(state(&house).await, "armed");
    // The second administrator comes too late, and after the next panic their screen is an old one.
    house.admin("POST", REARM, Some(&step)).await.must_be(409);
    house.admin("POST", PANIC, None).await.must_be(200);
    house.admin("POST", REARM, Some(&step)).await.must_be(409);
    assert_eq!(state(&house).await, "latched");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_panic_the_router_stands_still_and_the_web_goes_on() {
    let house = House::open().await;
    house.set("meter", "power", json!(1)).await;
    house.admin("POST", PANIC, None).await.must_be(200);
    let datum = json!({ "source_id": "meter", "tag": "power", "value": 2 });
    house.admin("POST", "/api/router/data", Some(&datum)).await.must_be(503);
    let write = json!({ "address": "meter.power", "value": 2 });
    let refused = house.admin("POST", "/api/datapoint/write", Some(&write)).await.must_be(503).json();
    assert!(refused["hint"].as_str().unwrap().contains("re-arms"), "{refused}");
    let point = house.admin("GET", "/api/datapoint?address=meter.power", None).await.must_be(200).json();
    assert_eq!(point["value"], 1);
    house.admin("GET", "/", None).await.must_be(200);
}
