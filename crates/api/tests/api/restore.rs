//! A saved configuration comes back: all of it or none, and whatever else is in an archive refuses the whole.

use std::io::{Cursor, Write as _};

use fieldrail_node::people::Role;
use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::files::unchunked;
use crate::house::House;
use crate::http::Answer;

const CANARY: &str = "CANARY-archive-23";
const PATH: &str = "/api/admin/backup";

/// An archive of these files.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, contents) in files {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(contents).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let three = chunk.iter().fold(0_u32, |all, &byte| all << 8 | u32::from(byte)) << (8 * (3 - chunk.len()));
        for nth in 0..4 {
            let letter = LETTERS[(three >> (18 - 6 * nth) & 63) as usize];
            text.push(if nth <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

async fn restore(house: &House, archive: &[u8], dry_run: bool) -> Answer {
    house.admin("POST", PATH, Some(&json!({ "archive": base64(archive), "dry_run": dry_run }))).await
}

async fn saved(house: &House) -> Vec<u8> {
    unchunked(&house.admin("GET", PATH, None).await.must_be(200).body)
}

async fn text(house: &House, path: &str) -> Value {
    house.admin("GET", path, None).await.must_be(200).json()
}

/// What lies on the disk.
fn config(house: &House) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(house.folder.path().join("config"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

/// A house with a route, something said about a datapoint, and a connection with a secret in it.
async fn furnished() -> House {
    let house = House::open().await;
    let safe =
        json!({ "id": "safe", "driver": "vault", "enabled": false, "config": { "host": "h", "password": CANARY } });
    house.admin("POST", "/api/connections", Some(&safe)).await.must_be(201);
    let route = json!({ "id": "copy", "from": "meter.power", "to": "meter2.power" });
    house.admin("PUT", "/api/router/routes/copy", Some(&route)).await.must_be(200);
    house
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_saved_comes_back_with_its_secrets_and_a_version_of_each_file_stays() {
    let house = furnished().await;
    let archive = saved(&house).await;
    let before = config(&house);
    house.admin("DELETE", "/api/router/routes/copy", None).await.must_be(204);
    let changed = json!({ "id": "safe", "driver": "vault", "enabled": false, "config": { "host": "other", "password": "********" } });
    house.admin("PUT", "/api/connections/safe", Some(&changed)).await.must_be(200);
    house.admin("DELETE", "/api/connections/meter2", None).await.must_be(204);
    let between = config(&house);

    let told = restore(&house, &archive, true).await.must_be(200);
    assert_eq!(config(&house), between, "who only asks changes nothing");
    let etag = told.header("etag").to_owned();
    assert!(!String::from_utf8_lossy(&told.body).contains(CANARY));
    let told = told.json();
    assert_eq!((&told["applied"], &told["missing"]), (&json!(false), &json!([])));
    let differs = |told: &Value| -> Vec<(String, bool)> {
        let files = told["files"].as_array().unwrap().iter();
        files.map(|file| (file["name"].as_str().unwrap().to_owned(), file["differs"].as_bool().unwrap())).collect()
    };
    let want = [
        ("fieldrail.json", false),
        ("connections.json", true),
        ("routing.json", true),
        ("datapoints.json", false),
        ("widgets.json", false),
    ];
    assert_eq!(differs(&told), want.map(|(name, differs)| (name.to_owned(), differs)));
    let connections = &told["files"][1];
    assert!(connections["before"].as_str().unwrap().contains("other"));
    assert!(connections["after"].as_str().unwrap().contains("meter2"));
    assert!(told["files"][0].get("after").is_none());

    // Somebody saves something between the question and the answer.
    let route = json!({ "id": "other", "from": "meter.power", "to": "calc.power" });
    house.admin("PUT", "/api/router/routes/other", Some(&route)).await.must_be(200);
    let body = json!({ "archive": base64(&archive) });
    let stale = format!("{}If-Match: {etag}\n", house.cookie());
    house.ask("POST", PATH, &stale, Some(&body)).await.must_be(412);

    let versions = |house: &House, stem: &str| {
        std::fs::read_dir(house.folder.path().join("config/versions").join(stem)).unwrap().count()
    };
    let kept = (versions(&house, "connections"), versions(&house, "routing"));
    let done = restore(&house, &archive, false).await.must_be(200).json();
    assert_eq!((&done["applied"], differs(&done)), (&json!(true), differs(&told)));
    // In force at once, with the secret; what was there is a version.
    text(&house, "/api/router/routes/copy").await;
    house.admin("GET", "/api/router/routes/other", None).await.must_be(404);
    text(&house, "/api/connections/meter2").await;
    let after = config(&house);
    let file = |files: &[(String, Vec<u8>)], name: &str| -> Value {
        let (_, bytes) = files.iter().find(|(known, _)| known == name).unwrap();
        serde_json::from_slice(bytes).unwrap()
    };
    for name in ["connections.json", "routing.json"] {
        assert_eq!(file(&after, name), file(&before, name));
    }
    assert!(file(&after, "connections.json").to_string().contains(CANARY));
    assert_eq!((versions(&house, "connections"), versions(&house, "routing")), (kept.0 + 1, kept.1 + 1));
    assert!(!house.folder.path().join("config/.restore.json").exists());
    let rows = text(&house, "/api/audit?search=backup").await;
    assert_eq!(rows["items"][0]["detail"], "all of it");
    assert!(!rows.to_string().contains(CANARY));

    // Once more: there is nothing to do, and no version is made of nothing.
    let again = restore(&house, &archive, false).await.must_be(200).json();
    assert!(differs(&again).iter().all(|(_, differs)| !differs));
    assert_eq!(versions(&house, "routing"), kept.1 + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_else_is_in_an_archive_refuses_the_whole_and_nothing_is_written() {
    let house = furnished().await;
    let before = config(&house);
    let good: &[u8] = br#"{"version": "1.0", "routes": []}"#;
    let odd = [
        "../../../etc/passwd",
        "/etc/passwd",
        "config/routing.json",
        "./routing.json",
        "..\\routing.json",
        "routing.json/",
        "ROUTING.JSON",
        "users.json",
        "secrets.json",
        "versions/routing/00000001.version",
        "<img src=x>",
        "\u{202e}nosj",
    ];
    for name in odd {
        let refused =
            restore(&house, &archive(&[("routing.json", good), (name, b"{}")]), false).await.must_be(422).json();
        assert!(refused["hint"].as_str().unwrap().contains("archive"), "{refused}");
        assert!(refused["detail"].as_str().unwrap().starts_with("the archive cannot be used: "), "{refused}");
    }
    // A link by the name of a file of the configuration.
    let mut link = ZipWriter::new(Cursor::new(Vec::new()));
    link.add_symlink("routing.json", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    let link = link.finish().unwrap().into_inner();
    let mut folder = ZipWriter::new(Cursor::new(Vec::new()));
    folder.add_directory("routing.json", SimpleFileOptions::default()).unwrap();
    let folder = folder.finish().unwrap().into_inner();
    // 17 MiB of blanks are some kilobytes in an archive.
    let bomb = archive(&[("routing.json", good), ("connections.json", &vec![b' '; 17 << 20])]);
    assert!(bomb.len() < 64 * 1024);
    let mut lies = bomb.clone();
    // The size that it claims to have, in the directory at its end: 17 MiB become 17 bytes.
    for at in 0..lies.len() - 4 {
        if lies[at..at + 4] == (17_u32 << 20).to_le_bytes() {
            lies[at..at + 4].copy_from_slice(&17_u32.to_le_bytes());
        }
    }
    let many: Vec<String> = (0..20).map(|n| format!("{n}.json")).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), good)).collect();
    let whole = archive(&[("routing.json", good)]);
    let cases: [(&str, &[u8]); 9] = [
        ("a link", &link),
        ("a folder", &folder),
        ("a bomb", &bomb),
        ("a bomb that lies", &lies),
        ("too many files", &archive(&many)),
        ("no file", &archive(&[])),
        ("only the note", &archive(&[("README.txt", b"x")])),
        ("half of it", &whole[..whole.len() / 2]),
        ("no archive", b"PK\x03\x04 is how one begins"),
    ];
    for (what, bytes) in cases {
        for dry_run in [true, false] {
            let refused = restore(&house, bytes, dry_run).await;
            assert_eq!(refused.status, 422, "{what}: {}", String::from_utf8_lossy(&refused.body));
        }
    }
    house.admin("POST", PATH, Some(&json!({ "archive": "&&&" }))).await.must_be(422);
    house.admin("POST", PATH, Some(&json!({}))).await.must_be(400);
    assert_eq!(config(&house), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_file_that_is_wrong_or_does_not_fit_leaves_all_as_they_were() {
    let house = furnished().await;
    let before = config(&house);
    let said: &[u8] = br#"{"version": "1.0", "datapoints": {"meter.power": {"name": "Roof"}}}"#;
    let cases: [(&str, &[u8], &str, &str); 5] = [
        ("routing.json", b"{\n  \"version\": \"1.0\",\n  \"routes\": oops\n}", "line", "3"),
        ("routing.json", br#"{"version": "1.0", "routes": [{"id": "a", "from": "meter.x", "to": "nobody.x"}]}"#, "key", "\"routes[0].to\""),
        ("connections.json", br#"{"version": "1.0", "connections": [{"id": "a", "driver": "virtual"}, {"id": "a", "driver": "virtual"}]}"#, "key", "\"connections[1].id\""),
        ("connections.json", br#"{"version": "1.0", "connections": [{"id": "a", "driver": "vault", "config": {"host": 5}}]}"#, "key", "\"connections[0].config.host\""),
        ("fieldrail.json", br#"{"version": "1.0", "https": {"listen": "127.0.0.1:1", "key": "k.pem"}}"#, "key", ""),
    ];
    for (name, contents, place, want) in cases {
        for dry_run in [true, false] {
            let bytes = archive(&[("datapoints.json", said), (name, contents)]);
            let refused = restore(&house, &bytes, dry_run).await.must_be(422).json();
            assert!(refused["at"][place].to_string().starts_with(want), "{name}: {refused}");
            assert!(refused.to_string().contains(name), "{refused}");
        }
    }
    assert_eq!(config(&house), before);
    // Rules are held against the connections that come with them, not against those that go.
    let alone = br#"{"version": "1.0", "connections": [{"id": "cellar", "driver": "virtual"}]}"#;
    let route = br#"{"version": "1.0", "routes": [{"id": "a", "from": "cellar.x", "to": "cellar.y"}]}"#;
    restore(&house, &archive(&[("connections.json", alone), ("routing.json", route)]), false).await.must_be(200);
    text(&house, "/api/router/routes/a").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_cannot_be_written_takes_back_those_before_it() {
    let house = furnished().await;
    let archive = saved(&house).await;
    house.admin("DELETE", "/api/connections/meter2", None).await.must_be(204);
    house.admin("DELETE", "/api/router/routes/copy", None).await.must_be(204);
    // The last of the four; what is broken by hand is not written over.
    let path = house.folder.path().join("config/routing.json");
    std::fs::write(&path, "{ half").unwrap();
    let before = config(&house);
    let refused = restore(&house, &archive, false).await.must_be(409).json();
    assert_eq!(refused["at"]["file"], "routing.json", "{refused}");
    let file =
        |files: &[(String, Vec<u8>)]| files.iter().find(|(name, _)| name == "connections.json").unwrap().1.clone();
    assert_eq!(file(&config(&house)), file(&before));
    assert_eq!(std::fs::read(&path).unwrap(), b"{ half");
    house.admin("GET", "/api/connections/meter2", None).await.must_be(404);
    assert!(!house.folder.path().join("config/.restore.json").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_was_killed_between_two_files_finishes_at_its_next_start() {
    let mut house = furnished().await;
    house.close_daemon().await;
    let config = house.folder.path().join("config");
    let connections = json!({ "version": "1.0", "connections": [{ "id": "cellar", "driver": "virtual" }] });
    let routing = json!({ "version": "1.0", "routes": [{ "id": "a", "from": "cellar.x", "to": "cellar.y" }] });
    // As it lies there after the first of two files.
    std::fs::write(config.join("connections.json"), connections.to_string()).unwrap();
    let files = json!({ "connections.json": connections.to_string(), "routing.json": routing.to_string() });
    std::fs::write(config.join(".restore.json"), json!({ "who": "anna", "files": files }).to_string()).unwrap();
    house.open_daemon().await;
    text(&house, "/api/router/routes/a").await;
    house.admin("GET", "/api/router/routes/copy", None).await.must_be(404);
    assert!(!config.join(".restore.json").exists());
    let versions = text(&house, "/api/admin/files/routing.json/versions").await;
    assert_eq!(versions["items"][0]["who"], "anna");
    // A journal that says nothing does no harm.
    house.close_daemon().await;
    std::fs::write(config.join(".restore.json"), "{ half").unwrap();
    house.open_daemon().await;
    text(&house, "/api/router/routes/a").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn masks_that_stand_for_nothing_are_named_and_taken_from_what_is_sent() {
    let house = furnished().await;
    let archive = saved(&house).await;
    house.admin("DELETE", "/api/connections/safe", None).await.must_be(204);
    let told = restore(&house, &archive, true).await.must_be(200).json();
    assert_eq!(told["missing"], json!([{ "connection": "safe", "key": "config.password" }]));
    let refused = restore(&house, &archive, false).await.must_be(422).json();
    assert_eq!(refused["at"]["key"], "config.password", "{refused}");
    let secrets = json!([{ "connection": "safe", "key": "config.password", "value": "another" }]);
    let body = json!({ "archive": base64(&archive), "secrets": secrets });
    let done = house.admin("POST", PATH, Some(&body)).await.must_be(200);
    assert!(!String::from_utf8_lossy(&done.body).contains("another"));
    let disk = std::fs::read_to_string(house.folder.path().join("config/connections.json")).unwrap();
    assert!(disk.contains("another") && !disk.contains("****"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_an_administrator_of_the_whole_house_brings_a_configuration_back() {
    let house = furnished().await;
    let body = json!({ "archive": base64(&saved(&house).await), "dry_run": true });
    let (viewer, _) = house.token("viewer", Role::Viewer, &[]);
    let (operator, _) = house.token("operator", Role::Operator, &[]);
    let (narrow, _) = house.token("narrow", Role::Admin, &["meter"]);
    for bearer in [&viewer, &operator, &narrow] {
        house.ask("POST", PATH, bearer, Some(&body)).await.must_be(403);
    }
    house.ask("POST", PATH, "", Some(&body)).await.must_be(401);
}
