//! The files of the configuration: how each stands, its versions, one archive of all, and that no secret leaves with them.

use std::io::Read as _;

use fieldrail_node::people::Role;
use serde_json::{Value, json};

use crate::house::House;

const CANARY: &str = "CANARY-geheim-17";

fn items(page: &Value) -> &Vec<Value> {
    page["items"].as_array().unwrap()
}

async fn file(house: &House, name: &str) -> Value {
    let all = house.admin("GET", "/api/admin/files", None).await.must_be(200).json();
    items(&all).iter().find(|file| file["name"] == name).unwrap().clone()
}

async fn versions(house: &House, name: &str) -> Vec<Value> {
    let page = house.admin("GET", &format!("/api/admin/files/{name}/versions"), None).await.must_be(200).json();
    items(&page).clone()
}

async fn restore(house: &House, name: &str, id: &Value, etag: &str) -> crate::http::Answer {
    let credentials = format!("{}If-Match: \"{etag}\"\n", house.cookie());
    house.ask("POST", &format!("/api/admin/files/{name}/versions/{id}/restore"), &credentials, None).await
}

async fn vault(house: &House) {
    let connection =
        json!({ "id": "safe", "driver": "vault", "enabled": false, "config": { "host": "h", "password": CANARY } });
    house.admin("POST", "/api/connections", Some(&connection)).await.must_be(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_says_again_what_it_said_and_it_is_in_force_at_once() {
    let house = House::open().await;
    let route = json!({ "id": "copy", "from": "meter.power", "to": "meter2.power" });
    house.admin("PUT", "/api/router/routes/copy", Some(&route)).await.must_be(200);
    house.admin("DELETE", "/api/router/routes/copy", None).await.must_be(204);
    let before = versions(&house, "routing.json").await;
    assert_eq!(before.len(), 3, "{before:?}");
    assert_eq!(before[0]["who"], "console");
    assert_eq!(before[2]["who"], "first start");
    let state = file(&house, "routing.json").await;
    assert_eq!(state["etag"], before[0]["etag"]);
    assert!(state["size"].as_u64().unwrap() > 10 && state["changed_ms"].as_i64().unwrap() > 0);

    let stale = before[1]["etag"].as_str().unwrap();
    restore(&house, "routing.json", &before[1]["id"], stale).await.must_be(412);
    let etag = state["etag"].as_str().unwrap();
    let restored = restore(&house, "routing.json", &before[1]["id"], etag).await.must_be(200);
    assert_eq!(restored.json()["etag"], before[1]["etag"]);
    assert_eq!(restored.header("etag"), format!("{}", before[1]["etag"]));
    assert_eq!(house.admin("GET", "/api/router/routes/copy", None).await.must_be(200).json()["id"], "copy");
    assert_eq!(versions(&house, "routing.json").await.len(), 4);
    let rows = house.admin("GET", "/api/audit?search=restore", None).await.must_be(200).json();
    assert_eq!(items(&rows)[0]["target"], "routing.json");
    assert_eq!(items(&rows)[0]["detail"], format!("version {}", before[1]["id"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_longer_fits_the_house_is_not_restored() {
    let house = House::open().await;
    let route = json!({ "id": "copy", "from": "meter.power", "to": "meter2.power" });
    house.admin("PUT", "/api/router/routes/copy", Some(&route)).await.must_be(200);
    let with = versions(&house, "routing.json").await[0]["id"].clone();
    house.admin("DELETE", "/api/router/routes/copy", None).await.must_be(204);
    house.admin("DELETE", "/api/connections/meter2", None).await.must_be(204);
    let etag = file(&house, "routing.json").await["etag"].as_str().unwrap().to_owned();
    let refused = restore(&house, "routing.json", &with, &etag).await.must_be(422).json();
    assert_eq!(refused["at"]["key"], "routes[0].to", "{refused}");
    assert_eq!(file(&house, "routing.json").await["etag"], etag.as_str());

    // The connection comes back first, then its route.
    let connections = versions(&house, "connections.json").await;
    let now = file(&house, "connections.json").await["etag"].as_str().unwrap().to_owned();
    restore(&house, "connections.json", &connections[1]["id"], &now).await.must_be(200);
    house.admin("GET", "/api/connections/meter2", None).await.must_be(200);
    restore(&house, "routing.json", &with, &etag).await.must_be(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_file_is_told_with_its_line_and_not_written_over_by_a_version() {
    let house = House::open().await;
    let path = house.folder.path().join("config/datapoints.json");
    let etag = file(&house, "datapoints.json").await["etag"].as_str().unwrap().to_owned();
    let broken = "{\n  \"version\": \"1.0\",\n  \"datapoints\": oops\n}\n";
    std::fs::write(&path, broken).unwrap();
    let mut fault = Value::Null;
    for _ in 0..200 {
        fault = file(&house, "datapoints.json").await["fault"].clone();
        if fault.is_object() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(fault["line"], 3, "{fault}");
    let refused = restore(&house, "datapoints.json", &json!(1), &etag).await.must_be(409).json();
    assert_eq!(refused["at"]["line"], 3, "{refused}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), broken);
    // A file that is gone comes back.
    std::fs::remove_file(&path).unwrap();
    restore(&house, "datapoints.json", &json!(1), &etag).await.must_be(200);
    assert!(path.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_come_in_pages_and_what_is_not_there_is_said() {
    let house = House::open().await;
    for n in 0..4 {
        let about = json!({ "id": format!("r{n}"), "from": format!("meter.a{n}"), "to": format!("meter2.a{n}") });
        house.admin("PUT", &format!("/api/router/routes/r{n}"), Some(&about)).await.must_be(200);
    }
    let get = async |path: &str, status: u16| house.admin("GET", path, None).await.must_be(status).json();
    let path = "/api/admin/files/routing.json/versions";
    let first = get(&format!("{path}?limit=3"), 200).await;
    assert_eq!((items(&first).len(), &first["total"], &first["next"]), (3, &json!(5), &json!("3")));
    let rest = get(&format!("{path}?limit=3&before=3"), 200).await;
    assert_eq!((items(&rest).len(), &rest["next"]), (2, &Value::Null));
    for gone in ["99", "0", "x", "-1", "18446744073709551616"] {
        get(&format!("{path}/{gone}"), 404).await;
        house.admin("POST", &format!("{path}/{gone}/restore"), None).await.must_be(404);
    }
    for name in ["users.json", "secrets.json", "nothing.json", "..%2fstate%2fpanic.json", "versions"] {
        for below in ["", "/1"] {
            let refused = get(&format!("/api/admin/files/{name}/versions{below}"), 404).await;
            assert!(refused["detail"].as_str().unwrap().contains("routing.json"), "{refused}");
        }
        house.admin("POST", &format!("/api/admin/files/{name}/versions/1/restore"), None).await.must_be(404);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_leaves_with_a_version_and_it_is_there_again_after_a_restore() {
    let house = House::open().await;
    vault(&house).await;
    let with = versions(&house, "connections.json").await[0]["id"].clone();
    let path = format!("/api/admin/files/connections.json/versions/{with}");
    let version = house.admin("GET", &path, None).await.must_be(200);
    assert!(!String::from_utf8_lossy(&version.body).contains(CANARY));
    let text = version.json()["text"].as_str().unwrap().to_owned();
    let shown: Value = serde_json::from_str(&text).unwrap();
    let safe = shown["connections"].as_array().unwrap().iter().find(|one| one["id"] == "safe").unwrap();
    assert_eq!(safe["config"], json!({ "host": "h", "password": "********" }));
    house.admin("DELETE", "/api/connections/safe", None).await.must_be(204);
    let etag = file(&house, "connections.json").await["etag"].as_str().unwrap().to_owned();
    restore(&house, "connections.json", &with, &etag).await.must_be(200);
    let disk = std::fs::read_to_string(house.folder.path().join("config/connections.json")).unwrap();
    assert!(disk.contains(CANARY) && !disk.contains("****"));
}

/// The body of an answer that came in chunks.
fn unchunked(body: &[u8]) -> Vec<u8> {
    let (mut rest, mut whole) = (body, Vec::new());
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n").unwrap();
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
        if length == 0 {
            return whole;
        }
        whole.extend_from_slice(&rest[line + 2..line + 2 + length]);
        rest = &rest[line + 4 + length..];
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_archive_holds_the_configuration_and_says_what_it_does_not_hold() {
    let house = House::open().await;
    vault(&house).await;
    let answer = house.admin("GET", "/api/admin/backup", None).await.must_be(200);
    assert_eq!(answer.header("content-type"), "application/zip");
    let name = answer.header("content-disposition").to_owned();
    assert!(name.starts_with("attachment; filename=\"fieldrail-20") && name.ends_with(".zip\""), "{name}");
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(unchunked(&answer.body))).unwrap();
    let mut names: Vec<String> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
    names.sort();
    assert_eq!(
        names,
        ["README.txt", "connections.json", "datapoints.json", "fieldrail.json", "routing.json", "widgets.json"]
    );
    let mut all = String::new();
    for name in &names {
        let mut text = String::new();
        archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
        if name == "README.txt" {
            for said in ["users.json", "secrets.json", "connections.json; 1 password or key in it is only a mask"] {
                assert!(text.contains(said), "{text}");
            }
        } else {
            assert!(serde_json::from_str::<Value>(&text).is_ok());
        }
        all += &text;
    }
    assert!(!all.contains(CANARY) && all.contains("\"meter2\""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_an_administrator_of_the_whole_house_sees_files_and_archive() {
    let house = House::open().await;
    let (viewer, _) = house.token("viewer", Role::Viewer, &[]);
    let (operator, _) = house.token("operator", Role::Operator, &[]);
    let (narrow, _) = house.token("narrow", Role::Admin, &["meter"]);
    for bearer in [&viewer, &operator, &narrow] {
        for path in ["files", "files/routing.json/versions", "files/routing.json/versions/1", "backup"] {
            house.ask("GET", &format!("/api/admin/{path}"), bearer, None).await.must_be(403);
        }
        house.ask("POST", "/api/admin/files/routing.json/versions/1/restore", bearer, None).await.must_be(403);
    }
    house.ask("GET", "/api/admin/backup", "", None).await.must_be(401);
}
