//! What comes in: too large, of another type, malformed, outdated, hostile.

use serde_json::json;

use crate::house::House;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_malformed_body_is_named_with_its_place() {
    let house = House::open().await;
    let send = async |body: &str, kind: &str| {
        let head = format!(
            "POST /api/datapoint/write HTTP/1.1\nHost: {}\n{}Content-Type: {kind}\nContent-Length: {}\n",
            house.address,
            house.cookie(),
            body.len()
        );
        house.wire().send(&head, body.as_bytes()).await
    };
    let broken = send("{\"address\":\n  nonsense}", "application/json").await.must_be(400).json();
    assert_eq!((&broken["at"]["line"], &broken["at"]["column"]), (&2.into(), &4.into()), "{broken}");
    let wrong =
        send("{\"address\":\"a.b\",\"value\":1,\"ttl_ms\":\"x\"}", "application/json").await.must_be(400).json();
    assert_eq!(wrong["at"]["key"], "ttl_ms", "{wrong}");
    let unknown = send("{\"address\":\"a.b\",\"value\":1,\"adress\":1}", "application/json; charset=utf-8").await;
    assert!(unknown.must_be(400).json()["detail"].as_str().unwrap().contains("unknown field `adress`"));
    send("{\"address\":\"a\",\"address\":\"b\",\"value\":1}", "application/json").await.must_be(400);
    send("{} {}", "application/json").await.must_be(400);
    send(&"[".repeat(10_000), "application/json").await.must_be(400);
    send("", "application/json").await.must_be(400);
    send("address=a.b", "application/x-www-form-urlencoded").await.must_be(415);
    send("{}", "text/plain").await.must_be(415);
    house.admin("GET", "/api/datapoints?limit=many", None).await.must_be(400);
    house.admin("GET", "/api/datapoints?serach=x", None).await.must_be(400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_oversized_body_is_refused_before_it_is_read() {
    let house = House::open().await;
    let head = |rest: &str| {
        let (address, cookie) = (house.address, house.cookie());
        format!("POST /api/datapoint/write HTTP/1.1\nHost: {address}\n{cookie}Content-Type: application/json\n{rest}\n")
    };
    house.wire().send(&head("Content-Length: 1048577"), b"").await.must_be(413);
    let chunk = [b"10000\r\n".as_slice(), &vec![b' '; 0x10000], b"\r\n"].concat();
    house.wire().send(&head("Transfer-Encoding: chunked"), &chunk.repeat(17)).await.must_be(413);
    // Who may not come in cannot make the daemon read either.
    let stranger = format!("POST /api/datapoint/write HTTP/1.1\nHost: {}\nContent-Length: 999999999\n", house.address);
    house.wire().send(&stranger, b"").await.must_be(401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_something_that_changed_meanwhile_is_refused() {
    let house = House::open().await;
    let path = "/api/router/routes/copy";
    let route = |condition: &str| json!({ "id": "copy", "from": "meter.a", "to": "meter2.a", "condition": condition });
    let put = async |etag: &str, route| {
        let headers = format!("{}If-Match: \"{etag}\"\n", house.cookie());
        house.ask("PUT", path, &headers, Some(&route)).await
    };
    house.admin("PUT", path, Some(&route("value > 1"))).await.must_be(200);
    let list = house.admin("GET", "/api/router/routes", None).await.must_be(200);
    let etag = list.json()["items"][0]["etag"].as_str().unwrap().to_owned();
    let one = house.admin("GET", path, None).await.must_be(200);
    assert_eq!(one.header("etag"), format!("\"{etag}\""));
    put(&etag, route("value > 2")).await.must_be(200);
    let late = put(&etag, route("value > 3")).await.must_be(412).json();
    assert!(late["hint"].as_str().unwrap().contains("read it again"), "{late}");
    assert_eq!(house.admin("GET", path, None).await.json()["condition"], "value > 2");
    put("", route("value > 3")).await.must_be(412);
    // All rules at once, by the entity tag of the file.
    let rules = json!({ "version": "1.0", "routes": [] });
    let whole = format!("{}If-Match: {}\n", house.cookie(), list.header("etag"));
    house.ask("PUT", "/api/router/routes", &whole, Some(&rules)).await.must_be(412);
    house.admin("PUT", "/api/router/routes", Some(&rules)).await.must_be(200);
    house.admin("DELETE", path, None).await.must_be(404);
    let several = format!("{}If-Match: \"a\", \"b\"\n", house.cookie());
    house.ask("PUT", "/api/router/routes", &several, Some(&rules)).await.must_be(400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_added_changed_and_removed_one_by_one() {
    let house = House::open().await;
    let new = json!({ "id": "tank", "driver": "virtual", "name": "Tank" });
    let added = house.admin("POST", "/api/connections", Some(&new)).await.must_be(201).json();
    house.admin("POST", "/api/connections", Some(&new)).await.must_be(409);
    let changed = json!({ "id": "tank", "driver": "virtual", "name": "Tank, old" });
    let with = |etag: &serde_json::Value| format!("{}If-Match: {etag}\n", house.cookie());
    house.ask("PUT", "/api/connections/tank", &with(&added["etag"]), Some(&changed)).await.must_be(200);
    house.ask("PUT", "/api/connections/tank", &with(&added["etag"]), Some(&new)).await.must_be(412);
    house.ask("DELETE", "/api/connections/tank", &with(&added["etag"]), None).await.must_be(412);
    let list = house.admin("GET", "/api/admin/instances", None).await.must_be(200).json();
    assert!(list["items"].as_array().unwrap().iter().any(|one| one["name"] == "Tank, old"), "{list}");
    house.admin("DELETE", "/api/connections/tank", None).await.must_be(204);
    house.admin("GET", "/api/connections/tank", None).await.must_be(404);
    let foreign = json!({ "id": "x", "driver": "virtul" });
    let problem = house.admin("POST", "/api/connections", Some(&foreign)).await.must_be(422).json();
    assert_eq!(problem["at"]["key"], "driver", "{problem}");
    let prefix = json!({ "id": "meter.two", "driver": "virtual" });
    house.admin("POST", "/api/connections", Some(&prefix)).await.must_be(422);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_secret_of_a_connection_goes_in_and_never_comes_back() {
    let house = House::open().await;
    let config = |host: &str, password: &str| json!({ "host": host, "password": password });
    let entry = |config| json!({ "id": "safe", "driver": "vault", "enabled": false, "config": config });
    let added = house.admin("POST", "/api/connections", Some(&entry(config("a", "geheim")))).await.must_be(201).json();
    let mask = added["config"]["password"].as_str().unwrap().to_owned();
    let changed = entry(config("b", &mask));
    let answers = [
        house.admin("GET", "/api/connections", None).await.must_be(200),
        house.admin("PUT", "/api/connections/safe", Some(&changed)).await.must_be(200),
        house.admin("GET", "/api/connections/safe", None).await.must_be(200),
    ];
    for answer in answers {
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(text.contains(&mask) && !text.contains("geheim"), "{text}");
    }
    let file = std::fs::read_to_string(house.folder.path().join("config/connections.json")).unwrap();
    assert!(file.contains("geheim") && file.contains("\"b\""), "{file}");
    let other = json!({ "id": "other", "driver": "vault", "enabled": false, "config": config("c", &mask) });
    let problem = house.admin("POST", "/api/connections", Some(&other)).await.must_be(422).json();
    assert_eq!(problem["at"]["key"], "config.password");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_file_is_not_written_over_and_the_answer_names_the_place() {
    let house = House::open().await;
    let file = house.folder.path().join("config/routing.json");
    std::fs::write(&file, "{ \"version\": \"1.0\",\n  \"routes\": [ nonsense ] }").unwrap();
    let route = json!({ "id": "copy", "from": "meter.a", "to": "meter2.a" });
    let problem = house.admin("PUT", "/api/router/routes/copy", Some(&route)).await.must_be(409).json();
    assert_eq!((&problem["at"]["file"], &problem["at"]["line"]), (&"routing.json".into(), &2.into()), "{problem}");
    assert!(std::fs::read_to_string(&file).unwrap().contains("nonsense"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_name_comes_back_as_json_and_nothing_else() {
    let house = House::open().await;
    let hostile = "<script>alert(1)</script>\"'\u{2028}";
    house.set("meter", hostile, json!(hostile)).await;
    for path in ["/api/datapoints", "/api/browse?instance=meter", "/api/datapoint?address=%3Cscript%3E"] {
        let answer = house.admin("GET", path, None).await;
        assert!(answer.header("content-type").ends_with("json"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        let json = answer.json();
        assert!(answer.status == 404 || json["items"][0]["tag"] == hostile, "{json}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pulse_lasts_50_to_5000_ms_and_ends_with_the_opposite() {
    let house = House::open().await;
    let pulse = |value: serde_json::Value, ms: u32| json!({ "address": "meter.a", "value": value, "duration_ms": ms });
    for (value, ms) in [(json!(true), 49), (json!(true), 5001), (json!("on"), 100), (json!(null), 100)] {
        house.admin("POST", "/api/datapoint/pulse", Some(&pulse(value, ms))).await.must_be(422);
    }
    let value = async || house.admin("GET", "/api/datapoint?address=meter.a", None).await.must_be(200).json();
    house.admin("POST", "/api/datapoint/pulse", Some(&pulse(json!(7), 400))).await.must_be(200);
    assert_eq!(value().await["value"], 7);
    let begun = std::time::Instant::now();
    while value().await["value"] != 0 {
        assert!(begun.elapsed() < std::time::Duration::from_secs(5), "the pulse does not end");
    }
    assert_eq!(house.admin("GET", "/api/pulses", None).await.json()["items"], json!([]));
}
