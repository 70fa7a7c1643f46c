//! The daemon as a service: what systemd is told, restarts from the API, connections that are tried, figures over time, `top` and Prometheus.
#![allow(clippy::unwrap_used)] // in what only tests call, a panic is how a test fails

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use fieldrail_tests::http::request;
use fieldrail_tests::{House, wait_for, workspace};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(20);

const PLUGINS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/plugins");

fn connections() -> Value {
    json!([{ "id": "beat", "driver": "counter", "config": {} }, { "id": "src", "driver": "virtual" }])
}

fn routes() -> Value {
    json!([{ "id": "copy", "from": "beat.count", "to": "calc.count" }])
}

fn open() -> House {
    House::new(&connections(), &routes()).with_plugins(PLUGINS)
}

/// Listens as systemd does.
struct Systemd(UnixDatagram, std::path::PathBuf);

impl Systemd {
    fn within(folder: &std::path::Path) -> Self {
        let path = folder.join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        Self(socket, path)
    }

    /// The next thing that was said; none after a while of silence.
    fn next(&self, within: Duration) -> Option<String> {
        let (begun, mut bytes) = (Instant::now(), [0; 1024]);
        while begun.elapsed() < within {
            if let Ok(length) = self.0.recv(&mut bytes) {
                return Some(String::from_utf8_lossy(&bytes[..length]).trim().to_owned());
            }
        }
        None
    }

    #[track_caller]
    fn wait_for(&self, word: &str) {
        wait_for(word, SOON, || {
            self.next(Duration::from_millis(500)).filter(|said| said.lines().any(|line| line == word))
        });
    }
}

#[test]
fn systemd_hears_that_it_serves_that_it_lives_and_that_it_stops_and_no_word_from_a_hanging_daemon() {
    let folder = tempfile::tempdir().unwrap();
    let systemd = Systemd::within(folder.path());
    let house = open();
    let mut command = house.command(&["run"]);
    command.env("NOTIFY_SOCKET", &systemd.1).env("WATCHDOG_USEC", "600000").stdin(Stdio::null());
    let mut daemon = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    systemd.wait_for("READY=1");
    for _ in 0..3 {
        systemd.wait_for("WATCHDOG=1");
    }
    let signal =
        |name: &str| assert!(Command::new("kill").args([name, &daemon.id().to_string()]).status().unwrap().success());
    signal("-STOP");
    while systemd.next(Duration::from_millis(400)).is_some() {}
    assert_eq!(systemd.next(Duration::from_secs(1)), None, "a daemon that stands still says nothing");
    signal("-CONT");
    systemd.wait_for("WATCHDOG=1");
    signal("-TERM");
    systemd.wait_for("STOPPING=1");
    assert!(daemon.wait().unwrap().success());
}

#[test]
fn under_systemd_a_restart_is_an_orderly_end_that_systemd_starts_again() {
    let folder = tempfile::tempdir().unwrap();
    let systemd = Systemd::within(folder.path());
    let house = open();
    let mut command = house.command(&["run"]);
    let quiet =
        command.env("NOTIFY_SOCKET", &systemd.1).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut daemon = quiet.spawn().unwrap();
    systemd.wait_for("READY=1");
    let key: Value = serde_json::from_slice(&fs::read(house.state().join("door.json")).unwrap()).unwrap();
    let cookie = format!("fieldrail_session={}", key["session"].as_str().unwrap());
    let headers = [("Cookie", cookie.as_str()), ("X-Fieldrail", "1")];
    let to = key["address"].as_str().unwrap().parse().unwrap();
    assert_eq!(request(to, "POST", "/api/system/restart", &headers, b"").status, 202);
    systemd.wait_for("STOPPING=1");
    assert_eq!(daemon.wait().unwrap().code(), Some(75));
    let unit = fs::read_to_string(workspace::root().join("deploy/systemd/fieldrail.service")).unwrap();
    assert!(unit.contains("Restart=always") && unit.contains("SuccessExitStatus=75"), "{unit}");
}

#[test]
fn by_hand_the_daemon_begins_anew_with_the_same_house() {
    let mut house = open().kept();
    let before = house.wait_until("beat", "running");
    house.route_data("calc", "kept", 42);
    wait_for("it has counted", SOON, || house.value("calc.count"));
    let refused = request(house.address(), "POST", "/api/system/restart", &[], b"");
    assert_eq!(refused.status, 401);
    let daemon = house.pid();
    let answer = house.ask("POST", "/api/system/restart", &Value::Null);
    assert_eq!(answer.status, 202, "{}", answer.json());
    house.find_again();
    let after = house.wait_until("beat", "running");
    assert_ne!(before["pid"], after["pid"], "its instances began anew too");
    assert_eq!(house.pid(), daemon, "the process is the same, the program in it began anew");
    assert!(house.get("/api/system/status")["uptime_s"].as_u64() < Some(20));
    assert_eq!(house.value("calc.kept").unwrap()["value"], 42);
    let logged = house.get("/api/logs?search=restarts%20the%20daemon");
    assert_eq!(logged["items"].as_array().unwrap().len(), 1, "{logged}");
}

#[test]
fn figures_are_kept_and_shown_in_as_many_points_as_were_asked_for() {
    let mut house = open().kept();
    house.wait_until("beat", "running");
    let figures = |house: &House, path: &str, want: &str| {
        wait_for(want, SOON, || {
            let found = house.get(path);
            let column = found["figures"][want]["avg"].as_array()?.iter().any(Value::is_number);
            column.then_some(found)
        })
    };
    figures(&house, "/api/admin/instances/beat/metrics", "memory_mb");
    figures(&house, "/api/system/metrics/box", "memory_percent");
    figures(&house, "/api/system/metrics/daemon", "cpu_percent");
    let few = wait_for("some seconds", SOON, || {
        let found = house.get("/api/admin/instances/beat/metrics?points=2");
        let times = found["times_ms"].as_array()?.len();
        assert!(times <= 2, "{found}");
        (times > 0).then_some(found)
    });
    assert_eq!(few["figures"]["cpu_percent"]["unit"], "%");
    for (path, want) in [
        ("/api/admin/instances/nobody/metrics", 404),
        ("/api/system/metrics/nobody", 404),
        ("/api/system/metrics/box?points=x", 400),
        ("/api/system/metrics/box?points=99999999&from=-1&to=9999999999999", 200),
        ("/api/system/metrics/box?from=9000000000000&to=1", 200),
    ] {
        assert_eq!(house.ask("GET", path, &Value::Null).status, want, "{path}");
    }
    // An orderly end writes all; a file of another size or a torn one is begun anew.
    let answer = house.ask("POST", "/api/system/restart", &Value::Null);
    assert_eq!(answer.status, 202);
    house.find_again();
    figures(&house, "/api/admin/instances/beat/metrics", "memory_mb");
    assert!(house.state().join("metrics/instances/beat.ring").is_file());
    house.kill();
    fs::write(house.state().join("metrics/box.ring"), "garbage").unwrap();
    house.keep();
    figures(&house, "/api/system/metrics/box", "memory_percent");
}

#[test]
fn top_shows_the_instances_once_and_as_json() {
    let house = open().kept();
    house.wait_until("beat", "running");
    let text = house.run(&["top", "--once"]);
    assert!(text.status.success(), "{}", String::from_utf8_lossy(&text.stderr));
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.starts_with("box ") && text.contains("\nbeat ") && !text.contains('\x1b'), "{text}");
    let json = house.run(&["top", "--once", "--json"]);
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&json["instances"][0]["id"], &json["alarms"]["active"]), (&json!("beat"), &json!(0)), "{json}");
}

/// The parser is that of Prometheus' own Python client; what it does not understand it refuses.
const PARSER: &str = r"
import json, sys
from prometheus_client.parser import text_string_to_metric_families
samples = {}
for family in text_string_to_metric_families(sys.stdin.read()):
    assert family.documentation, family.name
    assert family.type in ('gauge', 'counter'), (family.name, family.type)
    for sample in family.samples:
        key = (sample.name, tuple(sorted(sample.labels.items())))
        assert key not in samples, key
        samples[key] = sample.value
print(json.dumps([[name, dict(labels), value] for (name, labels), value in samples.items()]))
";

#[test]
fn prometheus_reads_every_figure_and_nobody_does_without_a_token() {
    let mut house = open().kept();
    assert_eq!(request(house.address(), "GET", "/metrics", &[], b"").status, 401);
    let health = request(house.address(), "GET", "/healthz", &[], b"");
    assert_eq!((health.status, health.json()), (200, json!({ "status": "ok" })), "it is open, and tells nothing");
    house.kill();
    let made = house.run(&["token", "add", "prometheus", "--role", "viewer"]);
    let text = String::from_utf8(made.stdout).unwrap();
    let bearer = format!("Bearer {}", text.split_whitespace().max_by_key(|word| word.len()).unwrap());
    house.keep();
    house.wait_until("beat", "running");
    wait_for("it has counted", SOON, || house.value("calc.count"));
    wait_for("it is measured", SOON, || house.instance("beat").get("memory_mb").cloned());
    let answer = request(house.address(), "GET", "/metrics", &[("Authorization", bearer.as_str())], b"");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let python = workspace::root().join("target/peers/prometheus/bin/python");
    let mut parser = Command::new(python).args(["-c", PARSER]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let parser = parser.as_mut().expect("scripts/need test puts the parser there");
    parser.stdin.take().unwrap().write_all(&answer.body).unwrap();
    let mut said = String::new();
    std::io::Read::read_to_string(&mut parser.stdout.take().unwrap(), &mut said).unwrap();
    assert!(parser.wait().unwrap().success(), "{}", String::from_utf8_lossy(&answer.body));
    let samples: Vec<Value> = serde_json::from_str(&said).unwrap();
    let value = |name: &str, label: &str, text: &str| {
        let found = samples.iter().find(|sample| sample[0] == name && (label.is_empty() || sample[1][label] == text));
        found.unwrap_or_else(|| panic!("no {name} {label}={text} in {samples:?}"))[2].as_f64().unwrap()
    };
    assert!(value("fieldrail_uptime_seconds", "", "") > 0.0);
    assert!(value("fieldrail_instance_samples_received_total", "instance", "beat") >= 1.0);
    assert!(value("fieldrail_instance_memory_bytes", "instance", "beat") > 1e6);
    assert!((value("fieldrail_instance_up", "instance", "beat") - 1.0).abs() < 1e-9);
    assert!(value("fieldrail_route_passed_total", "route", "copy") >= 1.0);
    assert!(value("fieldrail_box_memory_bytes", "", "") > 1e6);
    assert!(value("fieldrail_box_disk_free_bytes", "folder", "state") > 0.0);
    value("fieldrail_alarms_active", "", "");
}

#[test]
fn the_unit_file_is_one_that_systemd_takes() {
    let unit = workspace::root().join("deploy/systemd/fieldrail.service");
    let text = fs::read_to_string(&unit).unwrap();
    for line in
        ["Type=notify", "WatchdogSec=30", "Delegate=cpu memory pids", "NoNewPrivileges=yes", "ProtectSystem=strict"]
    {
        assert!(text.lines().any(|found| found == line), "no {line}");
    }
    assert!(!text.contains("ProtectControlGroups=yes"), "the limits of instances are written there");
    // A program that is there, in place of the one that is not installed here.
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("fieldrail.service");
    fs::write(&copy, text.replace("/usr/lib/fieldrail/fieldrail run", "/bin/true")).unwrap();
    let Ok(said) = Command::new("systemd-analyze").arg("verify").arg("--man=no").arg(&copy).output() else {
        println!("no systemd-analyze here: only the lines were looked at");
        return;
    };
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    let ours: Vec<_> = said.lines().filter(|line| line.contains("fieldrail.service")).collect();
    assert!(ours.is_empty(), "{ours:?}");
}

/// So many connections are tried, each asker leaves a little later than the one before.
const LEFT: u32 = 50;

#[test]
fn of_a_connection_that_is_tried_nothing_stays_whenever_its_asker_leaves() {
    let house = House::new(&json!([]), &json!([])).kept();
    // Nobody listens there, so that the driver says so at once and is ended then.
    let wish = json!({ "id": "t", "driver": "mqtt", "config": { "host": "127.0.0.1", "port": 1 } }).to_string();
    let head = format!(
        "POST /api/connections/test HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nX-Fieldrail: 1\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        house.address(),
        house.cookie(),
        wish.len()
    );
    let folders = house.state().join("instances");
    let trials = || {
        let entries = fs::read_dir(&folders).into_iter().flatten().filter_map(Result::ok);
        entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("trial-")).count()
    };
    let mut seen = false;
    for nth in 0..LEFT {
        let mut asker = TcpStream::connect(house.address()).unwrap();
        asker.write_all(format!("{head}{wish}").as_bytes()).unwrap();
        sleep(nth * Duration::from_millis(8));
        seen |= trials() > 0;
    }
    assert!(seen, "no driver was tried at all");
    wait_for("all that was tried is gone", Duration::from_secs(20), || (trials() == 0).then_some(()));
}
