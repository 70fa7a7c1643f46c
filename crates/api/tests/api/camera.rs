//! Pictures of cameras through the daemon, and pages that may be embedded.

use std::time::Duration;

use fieldrail_node::people::Role;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::dashboards::page;
use crate::house::{House, within};

/// A camera that answers each request with this, and tells what it was asked.
async fn camera(answer: &'static [u8]) -> (u16, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (told, asked) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = vec![0; 4096];
            let length = stream.read(&mut head).await.unwrap_or(0);
            let _ = told.send(String::from_utf8_lossy(&head[..length]).into_owned());
            let _ = stream.write_all(answer).await;
            // A stream stays open.
            if !answer.starts_with(b"HTTP/1.1 200 OK\r\nContent-Length") {
                tokio::spawn(async move {
                    let _ = stream.read(&mut [0; 1]).await;
                });
            }
        }
    });
    (port, asked)
}

async fn furnished(ports: &[u16]) -> House {
    let house = House::open().await;
    let local: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    let dashboards =
        json!({ "local_cameras": local, "frames": ["https://weather.example", "x; script-src *", "https://a/b"] });
    let settings = json!({ "version": "1.0", "hosts": ["haus.example"], "dashboards": dashboards });
    std::fs::write(house.folder.path().join("config/fieldrail.json"), settings.to_string()).unwrap();
    within(async {
        while house.get("/api/widgets/state").await["frames"] == json!([]) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    house.admin("POST", "/api/dashboards", Some(&page("eg"))).await.must_be(201);
    house
}

async fn add(house: &House, id: &str, url: &str, rights: Value) {
    let options = json!({ "url": url });
    let widget = json!({ "id": id, "dashboard": "eg", "kind": "camera", "options": options, "rights": rights });
    house.admin("POST", "/api/widgets", Some(&widget)).await.must_be(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_comes_through_the_daemon_for_who_may_see_the_widget() {
    let (port, mut asked) =
        camera(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Type: image/jpeg\r\n\r\nabc").await;
    let house = furnished(&[port]).await;
    add(&house, "door", &format!("http://anna:ge%20heim@127.0.0.1:{port}/snap.jpg?q=1"), json!({})).await;
    add(&house, "vault", &format!("http://127.0.0.1:{port}/"), json!({ "view": "admin" })).await;
    let (viewer, _) = house.token("viewer", Role::Viewer, &[]);
    let picture = house.ask("GET", "/api/camera/door?at=7", &viewer, None).await.must_be(200);
    assert_eq!((picture.header("content-type"), &*picture.body), ("image/jpeg", &b"abc"[..]));
    let asked = asked.recv().await.unwrap();
    assert!(asked.starts_with("GET /snap.jpg?q=1 HTTP/1.1\r\n"), "{asked}");
    assert!(asked.to_lowercase().contains("authorization: basic yw5uytpnzsbozwlt"), "{asked}");
    assert!(!asked.contains('@'), "{asked}");
    house.ask("GET", "/api/camera/vault", &viewer, None).await.must_be(404);
    house.ask("GET", "/api/camera/nothing", &viewer, None).await.must_be(404);
    house.ask("GET", "/api/camera/door", "", None).await.must_be(401);
    let (narrow, _) = house.token("narrow", Role::Viewer, &["meter."]);
    house.ask("GET", "/api/camera/door", &narrow, None).await.must_be(403);
    let policy = picture.header("content-security-policy");
    assert!(policy.ends_with("; frame-src https://weather.example"), "{policy}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_pictures_goes_on_until_its_browser_leaves() {
    let (port, _asked) = camera(
        b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=x\r\n\r\n--x\r\nContent-Type: image/jpeg\r\n\r\none\r\n",
    )
    .await;
    let house = furnished(&[port]).await;
    add(&house, "door", &format!("http://127.0.0.1:{port}/mjpg"), json!({})).await;
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    let head = format!("GET /api/camera/door HTTP/1.1\nHost: {}\n{}\n", house.address, house.cookie());
    stream.write_all(head.replace('\n', "\r\n").as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    within(async {
        while !seen.windows(3).any(|three| three == b"one") {
            assert!(stream.read_buf(&mut seen).await.unwrap() > 0, "{}", String::from_utf8_lossy(&seen));
        }
    })
    .await;
    assert!(String::from_utf8_lossy(&seen).contains("multipart/x-mixed-replace; boundary=x"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_picture_does_not_come_through_and_nothing_is_said_of_the_address() {
    let (page, _a) = camera(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Type: text/html\r\n\r\nabc").await;
    let (drawing, _b) = camera(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Type: image/svg+xml\r\n\r\nabc").await;
    let (huge, _c) = camera(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\nContent-Type: image/png\r\n\r\nabc").await;
    let (elsewhere, _d) =
        camera(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n").await;
    let (locked, _e) = camera(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n").await;
    let house = furnished(&[page, drawing, huge, elsewhere, locked]).await;
    let mut urls: Vec<String> = [page, drawing, huge, elsewhere, locked]
        .into_iter()
        .map(|port| format!("http://anna:geheim@127.0.0.1:{port}/"))
        .collect();
    // Not in the list of this machine's own cameras, and what is no camera at all.
    urls.extend(
        [
            "http://127.0.0.1:9/",
            "http://localhost:9/",
            "http://169.254.169.254/",
            "file:///etc/passwd",
            "ftp://x/",
            "geheim",
        ]
        .map(str::to_owned),
    );
    for (nth, url) in urls.iter().enumerate() {
        add(&house, &format!("c{nth}"), url, json!({})).await;
        let answer = house.admin("GET", &format!("/api/camera/c{nth}"), None).await.must_be(502);
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(said.contains("hint") && !said.contains("geheim"), "{url}: {said}");
    }
    let none = json!({ "id": "none", "dashboard": "eg", "kind": "camera" });
    house.admin("POST", "/api/widgets", Some(&none)).await.must_be(201);
    house.admin("GET", "/api/camera/none", None).await.must_be(422);
}
