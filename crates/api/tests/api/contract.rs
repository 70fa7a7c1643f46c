//! The OpenAPI document against what is served, and the shapes that the web admin reads.

use std::collections::BTreeSet;

use fieldrail_api::{endpoints, openapi};
use serde_json::{Value, json};

use crate::house::House;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_openapi_document_lists_exactly_what_is_served() {
    let house = House::open().await;
    let document = house.admin("GET", "/api/openapi.json", None).await.must_be(200).json();
    assert_eq!(document, openapi());
    let listed: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(move |method| (path.clone(), method.to_uppercase()))
        })
        .collect();
    let table: BTreeSet<_> =
        endpoints().iter().map(|endpoint| (endpoint.path.to_owned(), endpoint.method.to_string())).collect();
    assert_eq!(listed, table);
    let mut wire = house.wire();
    for (path, _) in &listed {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            let filled = path.replace("{id}", "nothing").replace("{name}", "nobody").replace("{action}", "nothing");
            // The body is nothing that any end point takes.
            let head = format!(
                "{method} {filled} HTTP/1.1\nHost: {}\n{}Content-Type: application/json\nContent-Length: 4\n",
                house.address,
                house.cookie()
            );
            if path == "/api/logout" && method == "POST" {
                continue;
            }
            let answer = wire.send(&head, b"true").await;
            let is_listed = listed.contains(&(path.clone(), method.into()));
            assert_eq!(answer.status != 405, is_listed, "{method} {path}: {}", answer.status);
        }
    }
}

#[test]
fn every_reference_in_the_openapi_document_leads_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str));
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = openapi();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 30);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    let write = &document["paths"]["/api/datapoint/write"]["post"];
    assert_eq!(
        write["requestBody"]["content"]["application/json"]["schema"]["$ref"],
        "#/components/schemas/WriteRequest"
    );
    let list = &document["paths"]["/api/datapoints"]["get"];
    let names: Vec<_> =
        list["parameters"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["search", "instance", "kind", "quality", "after", "limit"]);
}

/// The keys that `web/src/api/types.ts` declares as always there.
#[track_caller]
fn check(value: &Value, keys: &[&str]) {
    for key in keys {
        assert!(value.get(key).is_some(), "no `{key}` in {value}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_find_what_they_read() {
    let house = House::open().await;
    house.set("meter", "power", json!(1.5)).await;
    let route = json!({ "id": "copy", "from": "meter.power", "to": "meter2.power" });
    house.admin("PUT", "/api/router/routes/copy", Some(&route)).await.must_be(200);
    let get = async |path: &str| house.admin("GET", path, None).await.must_be(200).json();
    let point = ["address", "instance", "tag", "value", "quality", "reason", "source_ms", "receive_ms", "writable"];
    let list = get("/api/datapoints?instance=meter&limit=10").await;
    check(&list, &["items", "total"]);
    check(&list["items"][0], &point);
    check(&get("/api/datapoint?address=meter.power").await, &point);
    let node = &get("/api/browse?instance=meter&path=").await["items"][0];
    check(node, &["name", "path", "tag", "children", "value"]);
    check(&node["value"], &point);
    let instance = &get("/api/admin/instances").await["items"][0];
    let numbers = ["since_ms", "restarts", "errors", "samples_in", "samples_out", "rate_in", "rate_out", "datapoints"];
    check(instance, &["id", "name", "driver", "enabled", "state", "text", "capabilities"]);
    check(instance, &numbers);
    let route = &get("/api/router/routes").await["items"][0];
    check(route, &["id", "from", "to", "etag", "stats"]);
    check(&route["stats"], &["matched", "passed", "dropped", "errors"]);
    house.node.logbook().write(fieldrail_node::LogLevel::Warn, Some("meter"), "A line.");
    let logs = get("/api/logs?instance=meter&level=warn&limit=1").await;
    check(&logs["items"][0], &["id", "time_ms", "level", "instance", "message"]);
    check(&logs, &["next"]);
    check(&get("/api/admin/instances/meter/logs?limit=1").await["items"][0], &["message"]);
    check(&get("/api/system/status").await, &["version", "uptime_s", "listen", "faults", "instances"]);
    check(&get("/api/router/stats").await, &["datapoints", "routes", "by_route"]);
    assert_eq!(get("/api/me").await["role"], "admin");
    let body = json!({ "address": "meter.power", "value": 2, "wait_ms": 100 });
    let written = house.admin("POST", "/api/datapoint/write", Some(&body)).await.must_be(200).json();
    assert_eq!(written["outcome"], "confirmed");
    let body = json!({ "address": "meter.button", "duration_ms": 5000 });
    let pulsed = house.admin("POST", "/api/datapoint/pulse", Some(&body)).await.must_be(200).json();
    assert_eq!(pulsed["outcome"], "confirmed");
    check(&get("/api/pulses").await["items"][0], &["address", "end", "due_ms", "state", "tries"]);
    let wrong = json!({ "version": "1.0", "routes": [{ "id": "a", "from": "meter.x", "to": "nowhere.x" }] });
    let findings = house.admin("POST", "/api/router/check", Some(&wrong)).await.must_be(200).json();
    check(&findings["items"][0], &["severity", "file", "key", "message"]);
    let panic = get("/api/admin/panic").await;
    check(&panic, &["state", "number", "since_ms", "by", "written", "owed", "steps"]);
    let drill = house.admin("POST", "/api/admin/panic", Some(&json!({ "drill": true }))).await.must_be(200).json();
    check(&drill["steps"][0], &["name", "done", "ends", "waiting", "routes"]);
    let alarms = get("/api/alarms?all=true").await;
    check(&alarms, &["active_count", "unacknowledged_count", "items"]);
    check(&alarms["items"][0], &["address", "severity", "state", "flaps", "source_lost"]);
    check(&get("/api/alarms/events").await, &["items"]);
    let status = get("/api/system/status").await;
    check(&status, &["box", "troubles"]);
    check(&status["box"], &["temperatures", "disks"]);
    check(&get("/api/system/metrics/box").await, &["step_s", "times_ms", "figures"]);
    check(&status, &["build", "host", "kernel", "cores", "uptime_s", "plugins"]);
    check(&get("/api/admin/files").await["items"][0], &["name", "size", "changed_ms", "etag"]);
    check(&get("/api/admin/files/routing.json/versions").await["items"][0], &["id", "time_ms", "who", "size", "etag"]);
    check(&get("/api/admin/certificate").await, &["etag", "names"]);
    check(&get("/api/system/licences").await["items"][0], &["name", "version", "licence", "from"]);
    let none = house.admin("POST", "/api/router/check", None).await.must_be(200).json();
    assert_eq!(none["items"], json!([]));
}
