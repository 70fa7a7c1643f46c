//! Dashboards as a file: out and in again, broken and foreign ones, hand edits, and a file that cannot be read.

use std::fs;

use serde_json::{Value, json};

use crate::dashboards::{page, widget};
use crate::house::{House, within};

impl House {
    fn widgets_json(&self) -> std::path::PathBuf {
        self.folder.path().join("config/widgets.json")
    }

    async fn import(&self, query: &str, body: &Value) -> crate::http::Answer {
        self.admin("POST", &format!("/api/widgets/import?{query}"), Some(body)).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_exported_wiped_and_imported_is_identical() {
    let house = House::with_dashboards().await;
    let rich = json!({
        "id": "rich", "dashboard": "og", "kind": "of_tomorrow", "title": "<script>alert(1)</script>", "icon": "💡",
        "bindings": { "value": { "address": "meter.ä/..x", "label": "ü", "unit": "°C", "decimals": 3, "pulse_ms": 50 } },
        "options": { "z": 1, "a": { "deep": [1, 2.5, null, "x"] } },
        "rules": [{ "when": ">=", "than": 5.5, "colour": "#ff00aa", "text": "viel" }, { "when": "stale", "colour": "muted" }],
        "rights": { "view": "operator" }, "pin": true, "group": "g",
        "layout": { "wall": { "x": 1, "y": 2, "w": 3, "h": 4 }, "phone": { "x": 0, "y": 0, "w": 1, "h": 1 } }
    });
    house.admin("POST", "/api/widgets", Some(&rich)).await.must_be(201);
    let template = json!({ "name": "T", "widgets": [{ "kind": "value" }] });
    house.admin("POST", "/api/widgets/templates", Some(&template)).await.must_be(201);
    let order = house.get("/api/dashboards").await["order_etag"].as_str().unwrap().to_owned();
    let ids = json!({ "ids": ["og", "eg"] });
    house.with_etag("POST", "/api/dashboards/order", &order, Some(&ids)).await.must_be(200);
    let before = house.admin("GET", "/api/widgets/export", None).await.must_be(200);
    let empty = json!({ "version": "1.0" });
    let wiped = house.import("mode=replace", &empty).await.must_be(200).json();
    assert_eq!((&wiped["removed"], &wiped["applied"]), (&json!(7), &json!(true)));
    assert_eq!(house.get("/api/widgets/export").await, json!({ "version": "1.0", "dashboards": [], "widgets": [] }));
    let tried = house.import("mode=replace&try_only=true", &before.json()).await.must_be(200).json();
    assert_eq!((&tried["added"], &tried["applied"]), (&json!(7), &json!(false)));
    assert_eq!(house.ids_of("/api/widgets").await, [""; 0], "a try changes nothing");
    let report = house.import("mode=replace", &before.json()).await.must_be(200).json();
    let notes = report["notes"].as_array().unwrap();
    assert!(notes.iter().any(|note| note["message"].as_str().unwrap().contains("of_tomorrow")), "{report}");
    assert!(notes.iter().any(|note| note["message"].as_str().unwrap().contains("shown as text")), "{report}");
    let after = house.admin("GET", "/api/widgets/export", None).await.must_be(200);
    assert_eq!(after.body, before.body, "byte by byte");
    // Beside what is there: what is the same stays, what has a taken id comes under another.
    let mut other = before.json();
    other["widgets"][0]["title"] = json!("another");
    let report = house.import("mode=add", &other).await.must_be(200).json();
    assert_eq!((&report["added"], &report["same"]), (&json!(1), &json!(6)));
    assert_eq!(house.ids_of("/api/widgets").await.len(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_wrong_is_refused_as_a_whole_with_the_place_and_a_hint() {
    let house = House::with_dashboards().await;
    let before = house.get("/api/widgets/export").await;
    let file = |widgets: Value| json!({ "version": "1.0", "dashboards": [page("x")], "widgets": widgets });
    for (body, status, key) in [
        (file(json!([widget("n", "x"), widget("n", "x")])), 422, "widgets[1].id"),
        (file(json!([widget("n", "x"), widget("m", "nowhere")])), 422, "widgets[1].dashboard"),
        (file(json!([{ "id": "n", "dashboard": "x", "kind": "value", "colour": 1 }])), 422, "widgets[0].colour"),
        (json!({ "version": "9.0", "dashboards": [] }), 422, "version"),
        (json!({ "dashboards": [] }), 422, ""),
        (json!([1, 2]), 422, ""),
    ] {
        for mode in ["add", "replace"] {
            let answer = house.import(&format!("mode={mode}"), &body).await;
            assert_eq!(answer.status, status, "{body}: {}", String::from_utf8_lossy(&answer.body));
            if !key.is_empty() {
                assert_eq!(answer.json()["at"]["key"], key, "{}", answer.json());
            }
        }
    }
    for (foreign, name) in [
        (json!({ "___settings": {}, "main": { "settings": {}, "widgets": {} } }), "ioBroker"),
        (json!({ "panels": [], "schemaVersion": 39 }), "Grafana"),
        (json!({ "views": [{ "cards": [] }] }), "Home Assistant"),
        (json!({ "plc_ams_net_id": "1.2.3.4.1.1", "widgets": {} }), "old configuration"),
    ] {
        let refused = house.import("", &foreign).await.must_be(422).json();
        assert!(refused["detail"].as_str().unwrap().contains(name), "{refused}");
        assert!(refused["hint"].is_string(), "{refused}");
    }
    let head = |length: usize| {
        let cookie = house.cookie();
        let kind = "Content-Type: application/json\n";
        format!("POST /api/widgets/import HTTP/1.1\nHost: {}\n{cookie}{kind}Content-Length: {length}\n", house.address)
    };
    let huge = vec![b' '; 50 << 20];
    within(house.wire().send(&head(huge.len()), &huge)).await.must_be(413);
    for broken in
        [&b"{\"version\": \"1.0\", \"widgets\": ["[..], b"\xff\xfe", b"", b"\"$serde_json::private::RawValue\""]
    {
        let answer = house.wire().send(&head(broken.len()), broken).await;
        assert!([400, 422].contains(&answer.status), "{}", answer.status);
    }
    assert_eq!(house.get("/api/widgets/export").await, before, "nothing of all that was taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_configuration_becomes_pages_and_switches_and_says_what_is_left_out() {
    let house = House::open().await;
    let switch = json!({
        "type": "switch", "title": "Wohnzimmer", "page": "lighting",
        "bindings": { "value": { "variable": "MAIN.VbAusgang6" }, "feedback": { "variable": "Light.RM_06" } },
        "config": { "mode": "pulse", "pulse_duration": 500 }
    });
    let old = json!({
        "plc_ams_net_id": "192.168.2.162.1.1", "version": "1.0", "theme": "blue",
        "widgets": { "5e8d": switch, "5e8e": switch, "5e8f": { "type": "gauge", "variable": "MAIN.f", "page": "TabID_1" } },
        "custom_lights": {
            "Card_A": { "name": "Flur", "plugin_type": "light", "type": "pulse", "pulse_duration": 9999, "tab_id": "TabID_1",
                "input": ".BAUSGANG62", "output": "MAIN.VBAUSGANG43" },
            "Card_W": { "plugin_type": "weather", "name": "Wetter" }
        },
        "tabs": { "TabID_1": { "id": "TabID_1", "name": "Erdgeschoss", "icon": "🏡", "order": 0 } }
    });
    let report = house.import("instance=meter", &old).await.must_be(200).json();
    assert_eq!((&report["applied"], &report["added"]), (&json!(true), &json!(5)), "{report}");
    let notes: Vec<_> = report["notes"].as_array().unwrap().iter().map(|note| note["key"].as_str().unwrap()).collect();
    assert_eq!(notes, ["widgets.5e8e", "custom_lights.Card_W"]);
    let made = house.get("/api/widgets/export").await;
    assert_eq!(
        made["dashboards"].as_array().unwrap().iter().map(|page| &page["name"]).collect::<Vec<_>>(),
        ["Erdgeschoss", "lighting"]
    );
    let widgets = made["widgets"].as_array().unwrap();
    let by_title = |title: &str| widgets.iter().find(|widget| widget["title"] == title).unwrap();
    let command = json!({ "address": "meter.MAIN.VbAusgang6", "pulse_ms": 500 });
    assert_eq!(by_title("Wohnzimmer")["bindings"]["command"], command);
    assert_eq!(by_title("Flur")["bindings"]["feedback"], json!({ "address": "meter..BAUSGANG62" }));
    assert_eq!(by_title("Flur")["bindings"]["command"]["pulse_ms"], 5000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_cannot_be_read_stays_as_it_is_and_nothing_is_saved_over_it() {
    let mut house = House::with_dashboards().await;
    house.close_daemon().await;
    let good = fs::read(house.widgets_json()).unwrap();
    for broken in
        ["{ \"version\": \"1.0\", \"dashboards\": [", "{\"version\":\"1.0\",\"widgets\":[{\"id\":\"a\"}]}", "[]"]
    {
        fs::write(house.widgets_json(), broken).unwrap();
        house.open_daemon().await;
        let refused = house.admin("GET", "/api/dashboards", None).await.must_be(409);
        assert_eq!(refused.header("content-type"), "application/problem+json");
        assert_eq!(refused.json()["at"]["file"], "widgets.json");
        house.admin("POST", "/api/dashboards", Some(&page("new"))).await.must_be(409);
        house.import("mode=replace", &json!({ "version": "1.0" })).await.must_be(409);
        house.admin("POST", "/api/widgets/undo", None).await.must_be(409);
        let state = house.get("/api/widgets/state").await;
        assert_eq!(state["fault"]["file"], "widgets.json");
        assert!(house.get("/api/system/status").await.to_string().contains("widgets.json"));
        house.close_daemon().await;
        assert_eq!(fs::read_to_string(house.widgets_json()).unwrap(), broken);
    }
    fs::write(house.widgets_json(), &good).unwrap();
    house.open_daemon().await;
    assert_eq!(house.ids_of("/api/widgets").await, ["a", "b", "c"]);
    // It breaks while the daemon runs: what was right stays in force and is shown, and nothing is changed.
    fs::write(house.widgets_json(), "{").unwrap();
    house.admin("POST", "/api/dashboards", Some(&page("new"))).await.must_be(409);
    assert_eq!(house.ids_of("/api/widgets").await, ["a", "b", "c"]);
    house.close_daemon().await;
    assert_eq!(fs::read_to_string(house.widgets_json()).unwrap(), "{");
    fs::write(house.widgets_json(), &good).unwrap();
    house.open_daemon().await;
    house.admin("POST", "/api/dashboards", Some(&page("new"))).await.must_be(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_writes_into_the_file_becomes_a_change_like_any_other() {
    let mut house = House::with_dashboards().await;
    house.close_daemon().await;
    let edit = |path: &std::path::Path, title: &str| {
        let mut file: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        file["widgets"][0]["title"] = json!(title);
        fs::write(path, file.to_string()).unwrap();
    };
    // While the daemon is away.
    edit(&house.widgets_json(), "by hand");
    house.open_daemon().await;
    assert_eq!(house.get("/api/widgets/a").await["title"], "by hand");
    let head = house.get("/api/widgets/versions?limit=1").await["items"][0].clone();
    assert_eq!((&head["who"], &head["deed"]), (&json!("hand edit"), &json!("file")));
    // While somebody edits: the file lags behind, and what is in force meanwhile stays.
    let on_disk = house.widgets_json();
    house.admin("POST", "/api/widgets", Some(&widget("quick", "og"))).await.must_be(201);
    edit(&on_disk, "again by hand");
    assert_eq!(house.get("/api/widgets/a").await["title"], "again by hand");
    assert_eq!(house.ids_of("/api/widgets").await, ["a", "b", "c", "quick"]);
    house.close_daemon().await;
    let file: Value = serde_json::from_slice(&fs::read(&on_disk).unwrap()).unwrap();
    assert_eq!(file["widgets"].as_array().unwrap().len(), 4);
    assert_eq!(file["widgets"][0]["title"], "again by hand");
    house.open_daemon().await;
    // A version of the whole file can be restored too, and that is a change.
    let versions = house.get("/api/admin/files/widgets.json/versions").await;
    let oldest = versions["items"].as_array().unwrap().last().unwrap()["id"].as_u64().unwrap();
    let path = format!("/api/admin/files/widgets.json/versions/{oldest}/restore");
    house.admin("POST", &path, None).await.must_be(200);
    assert_eq!(house.ids_of("/api/widgets").await, [""; 0]);
    let head = house.get("/api/widgets/versions?limit=1").await["items"][0].clone();
    assert_eq!((&head["who"], &head["deed"]), (&json!("console"), &json!("file")));
    let before = head["change"].as_u64().unwrap();
    let back = format!("/api/widgets/versions/{}/restore", before - 1);
    house.with_etag("POST", &back, &before.to_string(), None).await.must_be(200);
    assert_eq!(house.ids_of("/api/widgets").await, ["a", "b", "c", "quick"]);
    // A lost file is an empty one, and can be taken back.
    house.close_daemon().await;
    fs::remove_file(&on_disk).unwrap();
    house.open_daemon().await;
    assert_eq!(house.ids_of("/api/widgets").await, [""; 0]);
    let last = house.get("/api/widgets/state").await["change"].as_u64().unwrap();
    let back = format!("/api/widgets/versions/{}/restore", last - 1);
    house.with_etag("POST", &back, &last.to_string(), None).await.must_be(200);
    assert_eq!(house.ids_of("/api/widgets").await, ["a", "b", "c", "quick"]);
}
