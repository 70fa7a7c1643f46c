//! Who sees which page and widget, who operates it, and what a PIN keeps.

use fieldrail_node::people::Role;
use serde_json::{Value, json};

use crate::dashboards::page;
use crate::house::House;

fn lamp(id: &str, page: &str, more: &Value) -> Value {
    let mut lamp = json!({
        "id": id, "dashboard": page, "kind": "switch",
        "bindings": { "command": { "address": "meter.lamp" }, "feedback": { "address": "meter.lamp" } }
    });
    for (key, value) in more.as_object().unwrap() {
        lamp[key] = value.clone();
    }
    lamp
}

async fn furnished() -> House {
    let house = House::open().await;
    let mut cellar = page("cellar");
    cellar["rights"] = json!({ "view": "operator", "operate": "admin" });
    for page in [&page("eg"), &cellar] {
        house.admin("POST", "/api/dashboards", Some(page)).await.must_be(201);
    }
    for widget in [
        lamp("free", "eg", &json!({})),
        lamp("hidden", "eg", &json!({ "rights": { "view": "admin" } })),
        lamp("dear", "eg", &json!({ "rights": { "operate": "admin" } })),
        lamp("below", "cellar", &json!({})),
    ] {
        house.admin("POST", "/api/widgets", Some(&widget)).await.must_be(201);
    }
    house
}

/// The session of a new user.
async fn log_in(house: &House, name: &str, role: &str) -> String {
    let user = json!({ "name": name, "password": "Sicherungskasten", "role": role });
    house.admin("POST", "/api/admin/users", Some(&user)).await.must_be(201);
    let login = json!({ "name": name, "password": "Sicherungskasten" });
    let answer = house.ask("POST", "/api/login", "", Some(&login)).await.must_be(200);
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    format!("Cookie: {cookie}\nX-Fieldrail: 1\n")
}

async fn ids(house: &House, path: &str, who: &str) -> Vec<String> {
    let list = house.ask("GET", path, who, None).await.must_be(200).json();
    list["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_sees_and_operates_what_their_role_may() {
    let house = furnished().await;
    let (viewer, _) = house.token("viewer", Role::Viewer, &[]);
    let (operator, _) = house.token("operator", Role::Operator, &[]);
    assert_eq!(ids(&house, "/api/dashboards", &viewer).await, ["eg"]);
    assert_eq!(ids(&house, "/api/widgets", &viewer).await, ["dear", "free"]);
    assert_eq!(ids(&house, "/api/widgets", &operator).await, ["below", "dear", "free"]);
    for path in ["/api/dashboards/cellar", "/api/widgets?dashboard=cellar", "/api/widgets/below", "/api/widgets/hidden"]
    {
        house.ask("GET", path, &viewer, None).await.must_be(404);
    }
    let may = house.ask("GET", "/api/widgets", &operator, None).await.json();
    let may: Vec<_> =
        may["items"].as_array().unwrap().iter().map(|item| item["may_operate"].as_bool().unwrap()).collect();
    assert_eq!(may, [false, false, true]);
    let on = json!({ "value": true });
    for (id, who, status) in [
        ("free", &viewer, 403),
        ("free", &operator, 200),
        ("dear", &operator, 403),
        ("below", &operator, 403),
        ("hidden", &operator, 404),
        ("nothing", &operator, 404),
    ] {
        let answer = house.ask("POST", &format!("/api/widgets/{id}/operate"), who, Some(&on)).await;
        assert_eq!(answer.status, status, "{id}: {}", String::from_utf8_lossy(&answer.body));
    }
    let value = house.get("/api/datapoint?address=meter.lamp").await;
    assert_eq!(value["value"], true);
    house.admin("POST", "/api/widgets/dear/operate", Some(&json!({ "value": false }))).await.must_be(200);
    // A widget gives no more than a narrowed token has.
    let (narrow, _) = house.token("narrow", Role::Operator, &["meter2."]);
    house.ask("POST", "/api/widgets/free/operate", &narrow, Some(&on)).await.must_be(403);
    house.ask("GET", "/api/widgets", &narrow, None).await.must_be(403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_names_a_binding_and_a_value_or_says_what_is_missing() {
    let house = furnished().await;
    let pulse = json!({ "command": { "address": "meter.bell", "pulse_ms": 100 } });
    house.admin("POST", "/api/widgets", Some(&lamp("bell", "eg", &json!({ "bindings": pulse })))).await.must_be(201);
    let done = house.admin("POST", "/api/widgets/bell/operate", Some(&json!({}))).await.must_be(200).json();
    assert_eq!(done["outcome"], "confirmed");
    let mut live = house.live(&house.cookie()).await;
    live.say(json!({ "subscribe": ["meter.bell"] })).await;
    let mut heard = live.hear().await.to_string();
    while !heard.contains("\"value\":false") {
        heard = live.hear().await.to_string();
    }
    for (body, key) in [(json!({}), "value"), (json!({ "binding": "nothing", "value": 1 }), "binding")] {
        let wrong = house.admin("POST", "/api/widgets/free/operate", Some(&body)).await.must_be(422).json();
        assert_eq!(wrong["at"]["key"], key);
        assert!(wrong["hint"].is_string(), "{wrong}");
    }
    let none = lamp("none", "eg", &json!({ "bindings": {} }));
    house.admin("POST", "/api/widgets", Some(&none)).await.must_be(201);
    house.admin("POST", "/api/widgets/none/operate", Some(&json!({ "value": 1 }))).await.must_be(422);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_pin_keeps_nobody_switches_past_it() {
    let house = furnished().await;
    let gate = json!({ "pin": true, "bindings": { "command": { "address": "meter.gate" } } });
    house.admin("POST", "/api/widgets", Some(&lamp("gate", "eg", &gate))).await.must_be(201);
    let panel = log_in(&house, "panel", "operator").await;
    let operate = |pin: Value| {
        let (house, panel) = (&house, &panel);
        async move {
            let body = json!({ "value": true, "pin": pin });
            house.ask("POST", "/api/widgets/gate/operate", panel, Some(&body)).await
        }
    };
    let none = operate(Value::Null).await.must_be(422).json();
    assert!(none["detail"].as_str().unwrap().contains("the house has none"), "{none}");
    for wrong in ["12", "12345678901234", "1a34", "１２３４"] {
        house.admin("PUT", "/api/widgets/pin", Some(&json!({ "pin": wrong }))).await.must_be(422);
    }
    house.admin("PUT", "/api/widgets/pin", Some(&json!({ "pin": "2468" }))).await.must_be(204);
    assert_eq!(house.get("/api/widgets/state").await["pin_is_set"], true);
    let secrets = std::fs::read_to_string(house.folder.path().join("config/secrets.json")).unwrap();
    assert!(secrets.contains("argon2id") && !secrets.contains("2468"), "{secrets}");
    assert_eq!(operate(Value::Null).await.must_be(422).json()["at"]["key"], "pin");
    operate(json!("2468")).await.must_be(200);
    // Past the widget it cannot be had, but by administrators and machines.
    let write = json!({ "address": "meter.gate", "value": false });
    let past = house.ask("POST", "/api/datapoint/write", &panel, Some(&write)).await.must_be(403).json();
    assert!(past["hint"].as_str().unwrap().contains("by its widget"), "{past}");
    let pulse = json!({ "address": "meter.gate", "duration_ms": 100 });
    house.ask("POST", "/api/datapoint/pulse", &panel, Some(&pulse)).await.must_be(403);
    let free = json!({ "address": "meter.lamp", "value": false });
    house.ask("POST", "/api/datapoint/write", &panel, Some(&free)).await.must_be(200);
    house.admin("POST", "/api/datapoint/write", Some(&write)).await.must_be(200);
    let (machine, _) = house.token("flow", Role::Operator, &[]);
    house.ask("POST", "/api/datapoint/write", &machine, Some(&write)).await.must_be(200);
    for _ in 0..6 {
        operate(json!("1357")).await.must_be(422);
    }
    let answer = operate(json!("2468")).await.must_be(429);
    assert!(answer.header("retry-after").parse::<u64>().unwrap() <= 6);
    house.admin("DELETE", "/api/widgets/pin", None).await.must_be(204);
    assert_eq!(house.get("/api/widgets/state").await["pin_is_set"], false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_address_of_a_camera_only_administrators_see() {
    let house = furnished().await;
    let options = json!({ "url": "http://user:secret@10.0.0.9/mjpg", "fit": "cover" });
    let camera = lamp("door", "eg", &json!({ "kind": "camera", "options": options }));
    house.admin("POST", "/api/widgets", Some(&camera)).await.must_be(201);
    let (operator, _) = house.token("operator", Role::Operator, &[]);
    let seen = house.ask("GET", "/api/widgets/door", &operator, None).await.must_be(200).json();
    assert_eq!(seen["options"], json!({ "fit": "cover" }));
    assert_eq!(house.get("/api/widgets/door").await["options"], options);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_datapoint_that_is_gone_near_names_are_told() {
    let house = House::open().await;
    for tag in ["Licht_Kueche", "Licht_Flur", "Zaehler"] {
        house.set("meter", tag, json!(1)).await;
    }
    let near = house.get("/api/datapoint/near?address=meter.Licht_Kuche").await;
    assert_eq!((&near["known"], &near["instance"]), (&json!(false), &json!(true)));
    assert_eq!(near["near"][0], "meter.Licht_Kueche");
    let known = house.get("/api/datapoint/near?address=meter.Zaehler").await;
    assert_eq!((&known["known"], &known["quality"]), (&json!(true), &json!("good")));
    let gone = house.get("/api/datapoint/near?address=metre.Licht_Flur").await;
    assert_eq!((&gone["instance"], &gone["near"][0]), (&json!(false), &json!("meter.Licht_Flur")));
    let (narrow, _) = house.token("narrow", Role::Viewer, &["meter2."]);
    house.ask("GET", "/api/datapoint/near?address=meter.Licht", &narrow, None).await.must_be(403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_saved_chart_keeps_what_nobody_looks_at_and_shows_it_in_columns() {
    let house = furnished().await;
    house.set("meter", "power", json!(0)).await;
    let chart = json!({ "kind": "chart", "bindings": { "value": { "address": "meter.power" } } });
    house.admin("POST", "/api/widgets", Some(&lamp("chart", "eg", &chart))).await.must_be(201);
    for n in 1..=300 {
        house.set("meter", "power", json!(n)).await;
    }
    let columns = "/api/datapoint/columns?address=meter.power&points=50";
    let kept = house.get(columns).await;
    assert_eq!((&kept["most"], &kept["values"]), (&json!(10_000), &json!(301)));
    let list = kept["columns"].as_array().unwrap();
    assert!((1..=50).contains(&list.len()), "{}", list.len());
    assert_eq!((&list[0]["min"], &list[list.len() - 1]["last"]), (&json!(0.0), &json!(300.0)));
    let (narrow, _) = house.token("narrow", Role::Viewer, &["meter2."]);
    house.ask("GET", columns, &narrow, None).await.must_be(403);
    house.admin("GET", "/api/datapoint/columns?address=meter.nothing&points=5", None).await.must_be(404);
    house.admin("GET", "/api/datapoint/columns?address=meter.power", None).await.must_be(400);
}
