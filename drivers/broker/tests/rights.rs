//! Who gets in, and what they may do.
// A test fails by a panic, and `json!` reads best where it is handed over.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]

mod house;

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fieldrail_testkit::wire::plugin::Status;
use fieldrail_testkit::{Authority, Plugin, free_port};
use house::{DRIVER, House, Raw, Subscriber, config, publish, retained, user};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value as Json, json};

/// One who may do everything, and one who may do little.
fn house() -> House {
    House::with(json!({ "users": [
        user("admin", "right", &["#"], &["#"]),
        user("panel", "secret", &["panel/#"], &["house/+/power"]),
    ] }))
}

const ADMIN: [&str; 4] = ["-u", "admin", "-P", "right"];
const PANEL: [&str; 4] = ["-u", "panel", "-P", "secret"];

#[test]
fn only_the_right_password_of_a_known_user_gets_in() {
    let house = house();
    for wrong in [&["-u", "admin", "-P", "wrong"][..], &["-u", "nobody", "-P", "right"], &["-u", "admin"], &[]] {
        for version in ["311", "5"] {
            let output = publish(house.port, "x", "1", &[wrong, &["-V", version]].concat());
            assert!(!output.status.success(), "{wrong:?}");
        }
    }
    assert!(publish(house.port, "x", "1", &ADMIN).status.success());
    let log = house.plugin.log();
    assert_eq!(log.matches("A log-in was refused").count(), 2, "{log}");
    assert!(!log.contains("right") && !log.contains("wrong\""), "{log}");
}

#[test]
fn many_wrong_passwords_lock_the_name_for_that_address() {
    let house = house();
    for _ in 0..10 {
        assert!(!publish(house.port, "x", "1", &["-u", "admin", "-P", "wrong"]).status.success());
    }
    assert!(!publish(house.port, "x", "1", &ADMIN).status.success());
    assert!(publish(house.port, "panel/x", "1", &PANEL).status.success());
    house.plugin.wait_for_log("locked for a minute");
}

#[test]
fn without_users_nobody_gets_in() {
    let port = free_port();
    let mut plugin = Plugin::start(DRIVER, "mqtt.a", config(port, json!({})));
    assert!(plugin.state(Status::Connected).text.contains("nobody can log in"));
    assert!(!publish(port, "x", "1", &[]).status.success());
    let garbled = json!({ "users": [{ "name": "admin", "password_hash": "right", "publish": ["#"] }] });
    let mut house = House::with(garbled);
    assert!(!publish(house.port, "x", "1", &ADMIN).status.success());
    house.plugin.wait_for_log("A user cannot log in");
    assert!(house.plugin.subscribe(&["x"])[0].failure.is_none());
}

#[test]
fn a_publish_without_the_right_reaches_nobody() {
    let mut house = house();
    house.plugin.subscribe(&["house/kitchen/power", "panel/x"]);
    let all = house.subscribe("#", &ADMIN);
    for qos in ["0", "1", "2"] {
        publish(house.port, "house/kitchen/power", "9999", &[&PANEL[..], &["-r", "-q", qos, "-V", "5"]].concat());
    }
    publish(house.port, "$SYS/evil", "1", &ADMIN);
    house.publish("panel/x", "ok", &PANEL);
    assert_eq!(all.next(), "0 panel/x ok");
    assert_eq!(house.plugin.samples_for(Duration::from_millis(50)).len(), 1);
    assert_eq!(retained(house.port, "house/#", &ADMIN), [] as [&str; 0]);
}

#[test]
fn a_subscription_beyond_the_rules_gets_nothing() {
    let house = house();
    house.publish("house/kitchen/power", "100", &[&ADMIN[..], &["-r"]].concat());
    house.publish("secret/plan", "x", &[&ADMIN[..], &["-r"]].concat());
    for filter in ["#", "secret/#", "house/#", "$share/g/#", "+/plan"] {
        let denied = Subscriber::start(house.port, filter, &[&PANEL[..], &["-V", "5"]].concat());
        house.publish("secret/plan", "y", &ADMIN);
        denied.assert_silent();
    }
    assert_eq!(retained(house.port, "house/kitchen/power", &PANEL), ["1 house/kitchen/power 100"]);
}

#[test]
fn a_will_without_the_right_is_not_published() {
    let house = house();
    let all = house.subscribe("#", &ADMIN);
    let will = ["--will-topic", "alarms/fire", "--will-payload", "lie"];
    house.subscribe("house/a/power", &[&PANEL[..], &will].concat()).kill();
    all.assert_silent();
}

#[test]
fn a_session_is_not_handed_to_another_user() {
    let house = house();
    let session = ["-i", "tablet", "-c", "-q", "1"];
    drop(house.subscribe("private", &[&ADMIN[..], &session].concat()));
    house.publish("private", "for admin only", &[&ADMIN[..], &["-q", "1"]].concat());
    let mut thief = std::process::Command::new("mosquitto_sub");
    thief.args(["-p", &house.port.to_string(), "-t", "house/a/power", "-W", "5"]).args(PANEL).args(session);
    let output = thief.output().unwrap();
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("not authorised"), "{output:?}");
    let owner = house.subscribe("private", &[&ADMIN[..], &session].concat());
    assert_eq!(owner.next(), "0 private for admin only");
}

#[test]
fn no_client_can_take_the_name_of_the_link() {
    let mut house = House::open();
    let mut raw = Raw::open(house.port);
    raw.send(&house::connect_packet("fieldrail/link"));
    let mut answer = Vec::new();
    let _ = raw.0.read_to_end(&mut answer);
    assert_ne!(answer.get(3), Some(&0), "{answer:?}");
    house.plugin.subscribe(&["x"]);
    house.publish("x", "1", &[]);
    assert_eq!(house.plugin.sample("x").value, 1_i64.into());
}

#[track_caller]
fn refused(more: Json, want: &str) {
    let mut plugin = Plugin::start(DRIVER, "mqtt.a", config(free_port(), more));
    let state = plugin.state(Status::Failed);
    let said = format!("{} | {}", state.text, state.hint.unwrap_or_default());
    assert!(said.contains(want), "{said}");
    assert!(!plugin.exit().success());
}

#[test]
fn a_configuration_that_opens_the_house_is_refused() {
    refused(
        json!({ "anonymous": true, "listen": "0.0.0.0:1883" }),
        "a listener is not on loopback | listen on 127.0.0.1",
    );
    let tls = json!({ "listen": "192.168.2.1:8883", "cert_file": "/c", "key_file": "/k" });
    refused(json!({ "anonymous": true, "tls": tls }), "a listener is not on loopback");
    refused(json!({ "anonymous": true, "websocket": { "listen": "127.0.0.1:9001" } }), "WebSocket");
    refused(json!({ "listen": "localhost" }), "no address with a port");
    refused(json!({ "max_packet_bytes": 100 }), "`max_packet_bytes` is 100");
    refused(json!({ "topics": [{ "filter": "a/#/b" }] }), "no MQTT filter");
    refused(json!({ "users": "admin" }), "the configuration is wrong at `users`");
    refused(json!({ "surprise": 1 }), "surprise");
}

#[test]
fn tls_shows_the_certificate_it_was_given() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let (cert_file, key_file) = ours.sign("broker", &["127.0.0.1"]);
    let port = free_port();
    let tls = json!({ "listen": format!("127.0.0.1:{port}"), "cert_file": cert_file, "key_file": key_file });
    let house = House::with(json!({ "anonymous": true, "tls": tls }));
    let plain = house.subscribe("t", &[]);
    assert!(publish_over_tls(port, &theirs).is_err());
    publish_over_tls(port, &ours).unwrap();
    assert_eq!(plain.next(), "0 t over tls");
}

/// Logs in over TLS as one who trusts `authority`, and publishes.
fn publish_over_tls(port: u16, authority: &Authority) -> std::io::Result<()> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority.ca_file()).unwrap()).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connection = rustls::ClientConnection::new(Arc::new(config), "127.0.0.1".try_into().unwrap()).unwrap();
    let mut stream = rustls::StreamOwned::new(connection, Raw::open(port).0);
    stream.write_all(&house::connect_packet("tls"))?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer)?;
    assert_eq!(answer, [0x20, 2, 0, 0]);
    stream.write_all(b"\x30\x0b\x00\x01tover tls")
}

#[test]
fn a_websocket_carries_mqtt() {
    let port = free_port();
    let house = House::with(json!({
        "users": [user("admin", "right", &["#"], &["#"])],
        "websocket": { "listen": format!("127.0.0.1:{port}") },
    }));
    assert!(publish(house.port, "x", "1", &ADMIN).status.success());
    let mut raw = Raw::open(port);
    raw.send(b"GET /mqtt HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        raw.0.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    // One binary frame, masked with zeros; the log-in without a password is refused in a frame (CONNACK, code 5).
    let packet = house::connect_packet("browser");
    raw.send(&[&[0x82, 0x80 | u8::try_from(packet.len()).unwrap(), 0, 0, 0, 0], packet.as_slice()].concat());
    let mut answer = [0; 6];
    raw.0.read_exact(&mut answer).unwrap();
    assert_eq!(answer, [0x82, 4, 0x20, 2, 0, 5]);
}

#[test]
fn only_the_configured_port_listens() {
    let house = House::open();
    let open = listening(house.plugin.pid());
    assert_eq!(open, [house.port]);
}

/// The TCP ports that a process listens on.
fn listening(pid: u32) -> Vec<u16> {
    let links =
        std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().filter_map(|entry| entry.ok()?.path().read_link().ok());
    let sockets: Vec<String> = links
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.trim_end_matches(']').to_owned()))
        .collect();
    let table =
        ["tcp", "tcp6"].map(|name| std::fs::read_to_string(format!("/proc/{pid}/net/{name}")).unwrap_or_default());
    let rows =
        table.iter().flat_map(|table| table.lines().skip(1)).map(|row| row.split_whitespace().collect::<Vec<_>>());
    let ours = rows.filter(|row| row[3] == "0A" && sockets.iter().any(|inode| inode == row[9]));
    ours.map(|row| u16::from_str_radix(row[1].rsplit(':').next().unwrap(), 16).unwrap()).collect()
}

#[test]
fn a_taken_port_is_named_and_tried_again() {
    let port = free_port();
    let other = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let mut plugin = Plugin::start(DRIVER, "mqtt.a", config(port, json!({ "anonymous": true })));
    let state = plugin.state(Status::Degraded);
    assert!(state.text.contains(&format!("cannot listen on 127.0.0.1:{port}")), "{}", state.text);
    assert!(state.text.contains("next try in"), "{}", state.text);
    assert!(state.hint.unwrap().contains("another broker"));
    let outcome = plugin.write("x", 1_i64);
    assert!(format!("{outcome:?}").contains("the broker does not run"), "{outcome:?}");
    plugin.subscribe(&["x"]);
    drop(other);
    let freed = Instant::now();
    plugin.state(Status::Connected);
    assert!(freed.elapsed() < Duration::from_secs(4));
    assert!(publish(port, "x", "7", &[]).status.success());
    assert_eq!(plugin.sample("x").value, 7_i64.into());
}
