//! Routes that somebody is writing: tried on real values without an effect, added without taking another one's place.

use fieldrail_node::people::Role;
use serde_json::{Value, json};

use crate::house::House;

/// What trying this route says.
async fn attempt(house: &House, credentials: &str, route: Value, more: Value) -> Value {
    let mut body = json!({ "route": route });
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    house.ask("POST", "/api/router/try", credentials, Some(&body)).await.must_be(200).json()
}

fn copy(condition: &str, transform: &str) -> Value {
    json!({ "id": "copy", "from": "meter.power", "to": "meter2.power", "condition": condition, "transform": transform })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_is_tried_on_the_present_value_and_nothing_happens() {
    let house = House::open().await;
    house.set("meter", "power", json!(5321)).await;
    let tried = attempt(&house, &house.cookie(), copy("value > 1", "scale(0.001) | round(1)"), json!({})).await;
    assert_eq!((&tried["source"]["address"], &tried["source"]["value"]), (&json!("meter.power"), &json!(5321)));
    assert_eq!(tried["condition"]["value"], json!(true));
    assert_eq!((&tried["steps"][0]["text"], &tried["steps"][0]["value"]), (&json!("scale(0.001)"), &json!(5.321)));
    assert_eq!(tried["steps"][1]["value"], json!(5.3));
    assert_eq!(tried["targets"], json!([{ "address": "meter2.power", "gets": true }]));
    assert_eq!(tried["findings"], json!([]));
    house.admin("GET", "/api/datapoint?address=meter2.power", None).await.must_be(404);
    assert_eq!(house.admin("GET", "/api/router/routes", None).await.json()["items"], json!([]));
    // A value of one's own, also where none came yet.
    let mut route = copy("value > 1", "scale(2)");
    route["from"] = json!("meter.silent");
    let silent = attempt(&house, &house.cookie(), route.clone(), json!({})).await;
    assert_eq!((&silent["source"]["reason"], &silent["steps"]), (&json!("no_data"), &json!([])), "{silent}");
    let given = attempt(&house, &house.cookie(), route, json!({ "sample": { "value": 4 } })).await;
    assert_eq!(given["steps"][0]["value"], json!(8), "{given}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mistake_is_told_with_its_place_in_characters() {
    let house = House::open().await;
    house.set("meter", "power", json!(5)).await;
    let tried = attempt(&house, &house.cookie(), copy("'wärme' == vale", ""), json!({})).await;
    let finding = &tried["findings"][0];
    assert_eq!((&finding["key"], &finding["severity"]), (&json!("condition"), &json!("error")), "{tried}");
    assert_eq!(finding["span"], json!({ "start": 11, "end": 15 }), "{finding}");
    assert!(finding["message"].as_str().unwrap().contains("did you mean `value`?"), "{finding}");
    let long = "(".repeat(100_000);
    for transform in [format!("expr({long}"), "scale(2) | ".repeat(10_000), "x".repeat(100_000)] {
        let tried = attempt(&house, &house.cookie(), copy("value > 1", &transform), json!({})).await;
        assert_eq!(tried["findings"][0]["key"], "transform", "{:.300}", tried.to_string());
        assert_eq!(tried["steps"], json!([]));
    }
    let odd = json!({ "route": { "id": "a", "from": 5, "to": "meter2.x" } });
    let refused = house.admin("POST", "/api/router/try", Some(&odd)).await.must_be(400).json();
    assert_eq!(refused["at"]["key"], "route.from", "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_is_checked_among_the_others_and_in_the_place_of_its_elder() {
    let house = House::open().await;
    let first = json!({ "id": "first", "from": "meter.a", "to": "meter2.x" });
    house.admin("PUT", "/api/router/routes/first", Some(&first)).await.must_be(200);
    let second = json!({ "id": "second", "from": "meter.b", "to": "meter2.x" });
    let tried = attempt(&house, &house.cookie(), second.clone(), json!({})).await;
    assert!(tried["findings"][0]["message"].as_str().unwrap().contains("written by the route `first`"), "{tried}");
    let alone = attempt(&house, &house.cookie(), first.clone(), json!({ "instead_of": "first" })).await;
    assert_eq!(alone["findings"], json!([]));
    let twice = attempt(&house, &house.cookie(), first, json!({})).await;
    assert!(twice["findings"][0]["message"].as_str().unwrap().contains("a second route `first`"), "{twice}");
    // Who may not change routes is not told of the others.
    let (viewer, _) = house.token("v", Role::Viewer, &[]);
    assert_eq!(attempt(&house, &viewer, second, json!({})).await["findings"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_narrowed_token_tries_with_its_own_addresses_only() {
    let house = House::open().await;
    house.set("meter", "power", json!(5)).await;
    house.set("meter2", "secret", json!("hidden words")).await;
    let (narrow, _) = house.token("narrow", Role::Viewer, &["meter"]);
    let peek = json!({ "id": "a", "from": "meter.power", "to": "meter.b", "transform": "expr(dp('meter2.secret'))" });
    for (route, more) in [
        (peek, json!({})),
        (json!({ "id": "a", "from": "meter2.secret", "to": "meter.b" }), json!({})),
        (json!({ "id": "a", "from": "**", "to": "meter.b" }), json!({ "source": "meter2.secret" })),
    ] {
        let tried = attempt(&house, &narrow, route, more).await.to_string();
        assert!(!tried.contains("hidden words"), "{tried}");
    }
    let all = attempt(&house, &narrow, json!({ "id": "a", "from": "**", "to": "meter.b" }), json!({})).await;
    assert_eq!(all["sources"], json!(["meter.power"]));
    // It learns of no instance by a slip of the pen.
    let slip = json!({ "id": "a", "from": "meter3.power", "to": "meter.b" });
    let tried = attempt(&house, &narrow, slip, json!({})).await.to_string();
    assert!(tried.contains("did you mean `meter`"), "{tried}");
    assert!(!tried.contains("meter2"), "{tried}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sources_of_a_pattern_are_listed_up_to_a_bound() {
    let house = House::open().await;
    for nth in 0..60 {
        house.set("meter", &format!("room/{nth:02}"), json!(nth)).await;
    }
    let rooms = json!({ "id": "rooms", "from": "meter.room/*", "to": "meter2.{tag}" });
    let tried = attempt(&house, &house.cookie(), rooms.clone(), json!({ "source": "meter.room/07" })).await;
    assert_eq!((tried["sources"].as_array().unwrap().len(), &tried["more_sources"]), (50, &json!(true)));
    assert_eq!(tried["targets"][0]["address"], "meter2.07");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tests_of_a_route_end_with_what_came_out() {
    let house = House::open().await;
    let mut route = copy("value > 0", "scale(2)");
    route["tests"] = json!([{ "input": 2, "output": 4 }, { "input": 2, "output": 5 }, { "input": 0, "output": [] }]);
    // They take their time, so they run for those only who may change routes.
    let (viewer, _) = house.token("v", Role::Operator, &[]);
    assert_eq!(attempt(&house, &viewer, route.clone(), json!({})).await["tests"], json!([]));
    let tests = attempt(&house, &house.cookie(), route, json!({})).await["tests"].clone();
    let holds: Vec<bool> = tests.as_array().unwrap().iter().map(|test| test["holds"].as_bool().unwrap()).collect();
    assert_eq!(holds, [true, false, true], "{tests}");
    assert_eq!(tests[1]["failure"], "expected 5, got 4 (good) at 0 ms");
    assert_eq!(tests[1]["got"], json!([{ "at_ms": 0, "value": 4, "address": "meter2.power" }]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_route_takes_no_other_ones_place_and_comes_where_it_is_wanted() {
    let house = House::open().await;
    let route = |id: &str| json!({ "id": id, "from": format!("meter.{id}"), "to": format!("meter2.{id}") });
    house.admin("POST", "/api/router/routes", Some(&route("b"))).await.must_be(201);
    house.admin("POST", "/api/router/routes?before=b", Some(&route("a"))).await.must_be(201);
    house.admin("POST", "/api/router/routes?before=nothing", Some(&route("c"))).await.must_be(201);
    let again = house.admin("POST", "/api/router/routes", Some(&route("a"))).await.must_be(409).json();
    assert_eq!(again["detail"], "there is a route `a` already");
    house.admin("POST", "/api/router/routes", Some(&json!({ "id": "d" }))).await.must_be(400);
    let list = house.admin("GET", "/api/router/routes", None).await.json();
    let ids: Vec<&str> = list["items"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["a", "b", "c"]);
    let (viewer, _) = house.token("v", Role::Operator, &[]);
    house.ask("POST", "/api/router/routes", &viewer, Some(&route("e"))).await.must_be(403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_says_when_it_ran_last_and_what_came_of_it() {
    let house = House::open().await;
    house.admin("POST", "/api/router/routes", Some(&copy("value > 1", "scale(2)"))).await.must_be(201);
    let stats = async || house.admin("GET", "/api/router/routes/copy", None).await.json()["stats"].clone();
    assert_eq!((stats().await["last_run_ms"].as_i64(), &stats().await["matched"]), (None, &json!(0)));
    for (value, outcome) in [(json!(5), "passed"), (json!(0), "condition"), (json!("warm"), "failed")] {
        house.set("meter", "power", value).await;
        let stats = stats().await;
        assert_eq!(stats["last_outcome"], outcome, "{stats}");
        assert!(stats["last_run_ms"].as_i64().unwrap() > 1_600_000_000_000, "{stats}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_words_of_the_language_come_with_their_meaning() {
    let house = House::open().await;
    let words = house.admin("GET", "/api/router/language", None).await.must_be(200).json();
    for (kind, name) in [("variables", "value"), ("functions", "dp"), ("steps", "hysteresis")] {
        let word = words[kind].as_array().unwrap().iter().find(|word| word["name"] == name).unwrap();
        assert!(word["usage"].is_string() && word["help"].as_str().unwrap().len() > 5, "{word}");
    }
    assert_eq!(words["placeholders"], json!(["source", "path", "tag", "rest"]));
}
