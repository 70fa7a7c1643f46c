//! What fails is kept by its cause, and forwarded to another server without a secret: real processes, a server that was not
//! written here, read with a library that was not written here.
#![allow(clippy::unwrap_used)] // in what only tests call, a panic is how a test fails

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Once;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use fieldrail_testkit::{Authority, free_port};
use fieldrail_tests::{House, wait_for};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Nothing here takes longer, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_mins(1);

const PLUGINS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/plugins");

/// In `secrets.json`, in a configuration, and as both might be written.
const CANARY: &str = "CANARY/ky 7261";
const CANARY_KEY: &str = "CANARYkey4711";

/// Parts of them that nobody else would write.
const TRACES: [&str; 5] = ["CANARY", "ky 7261", "ky%207261", "Q0FOQVJZ", "key4711"];

/// The server for error events, as a process of its own.
struct Server {
    child: Child,
    port: u64,
    lines: Receiver<Value>,
    folder: TempDir,
}

impl Server {
    fn start(refusals: u32, port: Option<u16>) -> Self {
        let port = port.map(|port| port.to_string());
        Self::start_with(&[refusals.to_string()].into_iter().chain(port).collect::<Vec<_>>())
    }

    fn start_with(arguments: &[String]) -> Self {
        static ONCE: Once = Once::new();
        let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
        ONCE.call_once(|| {
            let done = Command::new(peers.join("need")).output().unwrap();
            assert!(done.status.success(), "the peer cannot be installed: {}", String::from_utf8_lossy(&done.stderr));
        });
        let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers/sentry/bin/python");
        let folder = TempDir::new().unwrap();
        let mut command = Command::new(python);
        command.arg(peers.join("sentry/server.py")).arg(folder.path()).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let _ = sender.send(serde_json::from_str(&line).unwrap_or(Value::Null));
            }
        });
        let first: Value = lines.recv_timeout(PATIENCE).expect("the server starts");
        Self { child, port: first["port"].as_u64().unwrap(), lines, folder }
    }

    /// The next thing that it says.
    #[track_caller]
    fn next(&self) -> Value {
        self.lines.recv_timeout(PATIENCE).expect("the server was sent something")
    }

    /// Everything that was ever sent to it, headers too.
    fn received(&self) -> String {
        let files = fs::read_dir(self.folder.path()).unwrap().flatten();
        files.map(|file| String::from_utf8_lossy(&fs::read(file.path()).unwrap()).into_owned()).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An instance that falls in this way, with secrets in its configuration.
fn faller(how: &str) -> Value {
    let config =
        json!({ "how": how, "host": "plc.example", "password": { "secret": "broker" }, "api_key": CANARY_KEY });
    json!({ "id": "faller", "driver": "faller", "config": config, "health": { "auto_restart": false } })
}

/// A house with this instance, which forwards to this port.
fn house(instance: &Value, port: u64) -> House {
    let house = House::new(&json!([instance]), &json!([])).with_plugins(PLUGINS);
    let tracking = json!({
        "enabled": true, "dsn": { "secret": "sentry" }, "environment": "test house", "max_per_hour": 10
    });
    house.put("fieldrail.json", &json!({ "version": "1.0", "listen": "127.0.0.1:0", "error_tracking": tracking }));
    let secrets = json!({ "broker": CANARY, "sentry": format!("http://publickey@127.0.0.1:{port}/prefix/42") });
    house.put("secrets.json", &json!({ "version": "1.0", "secrets": secrets }));
    // As a careful editor leaves it.
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(house.config().join("secrets.json"), fs::Permissions::from_mode(0o600)).unwrap();
    house
}

/// The causes of an instance, once there are so many.
#[track_caller]
fn causes(house: &House, count: usize) -> Vec<Value> {
    wait_for("the failures are known", PATIENCE, || {
        let page = house.get("/api/errors?instance=faller");
        let all = page["items"].as_array().unwrap().clone();
        (all.len() >= count).then_some(all)
    })
}

#[track_caller]
fn has_no_secret(what: &str, text: &str) {
    for trace in TRACES {
        assert!(!text.contains(trace), "{what} holds {trace:?}: {text}");
    }
}

#[test]
fn an_envelope_that_anothers_library_reads_says_all_of_a_failure_and_holds_no_secret() {
    let server = Server::start(0, None);
    let house = house(&faller("raise"), server.port).kept();
    let mut events: Vec<Value> = Vec::new();
    while events.len() < 2 {
        let request = server.next();
        assert_eq!((&request["path"], &request["items"]), (&json!("/prefix/api/42/envelope/"), &json!(1)), "{request}");
        assert!(request["auth"].as_str().unwrap().contains("sentry_key=publickey"), "{request}");
        events.extend(request["events"].as_array().unwrap().iter().cloned());
    }
    let of_kind = |kind: &str| {
        events.iter().find(|event| event["tags"]["kind"] == kind).unwrap_or_else(|| panic!("{kind} in {events:?}"))
    };
    let event = of_kind("exception");
    let exception = &event["exception"]["values"][0];
    assert_eq!((&exception["type"], &event["environment"]), (&json!("PermissionError"), &json!("test house")));
    let frames = exception["stacktrace"]["frames"].as_array().unwrap();
    let innermost = frames.last().unwrap();
    assert_eq!((&innermost["function"], &innermost["lineno"]), (&json!("log_in"), &json!(24)), "{event}");
    let tags = json!({ "kind": "exception", "instance": "faller", "driver": "faller", "driver_version": "2.7.1" });
    assert_eq!(event["tags"], tags);
    let extra = &event["extra"];
    assert_eq!(extra["configuration"]["password"], json!({ "secret": "broker" }));
    assert_eq!(
        (&extra["configuration"]["api_key"], &extra["configuration"]["host"]),
        (&json!("[secret]"), &json!("plc.example"))
    );
    let inputs = extra["inputs"].to_string();
    assert!(inputs.contains("samples 2: echo = [secret], power = 21.5"), "{inputs}");
    assert!(event["breadcrumbs"]["values"].to_string().contains("connecting with [secret]"), "{event}");
    assert!(exception["value"].as_str().unwrap().contains("403 for"), "{event}");
    assert_eq!(event["release"], format!("fieldrail@{}", env!("CARGO_PKG_VERSION")));
    assert_eq!(of_kind("failed")["level"], "fatal");
    has_no_secret("what was sent", &server.received());
    has_no_secret("the log", &house.get("/api/logs?limit=1000&instance=faller").to_string());
    has_no_secret("the instance", &house.instance("faller").to_string());
    for cause in causes(&house, 2) {
        let detail = house.get(&format!("/api/errors/{}", cause["id"]));
        has_no_secret("what is kept", &detail.to_string());
    }
    assert!(house.console().contains("Fieldrail keeps the house"));
}

#[test]
fn what_failed_while_the_server_was_away_arrives_once_after_a_restart_and_a_refusal() {
    let port = free_port();
    let mut house = house(&faller("raise"), port.into()).kept();
    causes(&house, 2);
    house.kill();
    house.keep();
    // It falls again: that is counted, and not sent again within the hour.
    wait_for("it has fallen again", PATIENCE, || {
        causes(&house, 2).iter().all(|cause| cause["count"] == 2).then_some(())
    });
    let server = Server::start(1, Some(port));
    assert_eq!(server.next(), json!({ "refused": true }));
    let events: Vec<Value> = (0..2).map(|_| server.next()["events"][0].clone()).collect();
    assert_ne!(events[0]["event_id"], events[1]["event_id"]);
    assert_ne!(events[0]["fingerprint"], events[1]["fingerprint"]);
    // A third cause is sent behind them, so nothing else was.
    house.put("connections.json", &json!({ "version": "1.0", "connections": [faller("signal")] }));
    let third = server.next()["events"][0].clone();
    assert!(third["exception"]["values"][0]["value"].as_str().unwrap().contains("SIGSEGV"), "{third}");
    has_no_secret("what was sent", &server.received());
}

#[test]
fn over_tls_events_go_only_to_a_server_that_the_system_trusts() {
    let (ours, foreign) = (Authority::new(), Authority::new());
    let (certificate, key) = ours.sign("server", &["127.0.0.1"]);
    let files = [certificate, key].map(|file| file.to_string_lossy().into_owned());
    let server = Server::start_with(&[vec!["0".into(), "0".into()], files.to_vec()].concat());
    let mut house = house(&faller("raise"), server.port);
    let secrets = json!({ "broker": CANARY, "sentry": format!("https://publickey@127.0.0.1:{}/42", server.port) });
    house.put("secrets.json", &json!({ "version": "1.0", "secrets": secrets }));
    house.set_environment("SSL_CERT_FILE", foreign.ca_file());
    house.keep();
    wait_for("the daemon says that it cannot send", PATIENCE, || {
        house.console().contains("The server for errors does not take any").then_some(())
    });
    assert!(!house.console().contains("publickey"), "{}", house.console());
    assert_eq!(server.received(), "");
    house.kill();
    house.set_environment("SSL_CERT_FILE", ours.ca_file());
    house.keep();
    assert_eq!(server.next()["events"][0]["tags"]["instance"], "faller");
    has_no_secret("what was sent", &server.received());
}

#[test]
fn nothing_is_sent_unless_a_person_says_so_and_all_is_kept() {
    let server = Server::start(0, None);
    let house = house(&faller("exit"), server.port);
    house.put("fieldrail.json", &json!({ "version": "1.0", "listen": "127.0.0.1:0" }));
    let house = house.kept();
    let all = causes(&house, 1);
    assert_eq!((&all[0]["kind"], &all[0]["driver"]), (&json!("failed"), &json!("faller")), "{all:?}");
    assert!(all[0]["title"].as_str().unwrap().contains("exited with code 7"), "{all:?}");
    assert_eq!(server.received(), "");
}

#[test]
fn a_panic_that_ended_the_daemon_is_an_error_after_its_next_start() {
    let house = House::new(&json!([]), &json!([]));
    let folder = house.state().join("panics");
    fs::create_dir_all(&folder).unwrap();
    let panicked = json!({
        "time_ms": 1000, "version": "0.0.9", "message": "no element 7", "thread": "main", "place": "src/x.rs:1:1",
        "stack": "   0: rust_begin_unwind\n   1: fieldrail_node::falls\n             at ./src/x.rs:1:1", "count": 3
    });
    fs::write(folder.join("src_x_rs_1_1.json"), panicked.to_string()).unwrap();
    fs::write(folder.join("half.json"), "{\"time_ms\":").unwrap();
    let house = house.kept();
    let cause = wait_for("the panic is known", PATIENCE, || house.get("/api/errors")["items"].get(0).cloned());
    assert_eq!((&cause["kind"], &cause["count"]), (&json!("daemon_panic"), &json!(3)), "{cause}");
    let event = &house.get(&format!("/api/errors/{}", cause["id"]))["occurrences"][0];
    assert_eq!(
        (&event["version"], &event["frames"][0]["function"]),
        (&json!("0.0.9"), &json!("fieldrail_node::falls"))
    );
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

/// A folder of plugins with the driver that panics.
fn with_panics() -> TempDir {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_panics"));
    let plugins = TempDir::new().unwrap();
    let folder = plugins.path().join("panics");
    fs::create_dir(&folder).unwrap();
    let described = Command::new(&program).arg("--describe").output().unwrap();
    let mut manifest: Value = serde_json::from_slice(&described.stdout).unwrap();
    manifest["program"] = json!(["panics"]);
    fs::write(folder.join("manifest.json"), manifest.to_string()).unwrap();
    fs::copy(&program, folder.join("panics")).unwrap();
    plugins
}

#[test]
fn a_panic_of_a_driver_is_one_error_with_its_stack_and_what_it_was_told_last() {
    let plugins = with_panics();
    let house = House::new(&json!([{ "id": "faller", "driver": "panics" }]), &json!([]));
    let house = house.with_plugins(plugins.path()).kept();
    house.wait_until("faller", "running");
    house.ask("POST", "/api/datapoint/write", &json!({ "address": "faller.register", "value": 42, "wait_ms": 0 }));
    let all = causes(&house, 1);
    // The process has ended because of it, and that is no failure of its own.
    wait_for("it runs again", PATIENCE, || {
        let instance = house.instance("faller");
        (instance["restarts"] == 1 && instance["state"] == "running").then_some(())
    });
    assert_eq!(causes(&house, 1).len(), 1, "{all:?}");
    assert_eq!(all[0]["kind"], "panic");
    let detail = house.get(&format!("/api/errors/{}", all[0]["id"]));
    let event = &detail["occurrences"][0];
    assert_eq!(
        (&event["message"], &event["driver_version"]),
        (&json!("there is no register 10 of 3"), &json!("3.1.4"))
    );
    let functions = event["frames"].to_string();
    assert!(functions.contains("falls") && functions.contains("panics.rs"), "{functions}");
    let inputs = event["inputs"].as_array().unwrap();
    let written = inputs.iter().any(|input| input["text"] == "write 1: register = 42" && input["from_plugin"] == false);
    assert!(written, "{inputs:?}");
    let instance = house.instance("faller");
    assert!(instance["last_error"].as_str().unwrap().contains("panicked at"), "{instance}");
    assert!(!instance["last_error"].as_str().unwrap().contains("frames"), "{instance}");
}

#[test]
fn a_call_whose_asker_hangs_up_leaves_a_row_too() {
    let house = house(&faller("wait"), 1).kept();
    house.wait_until("faller", "running");
    let body = json!({ "address": "faller.x", "value": 5, "ttl_ms": 60_000 }).to_string();
    let key: Value = serde_json::from_slice(&fs::read(house.state().join("door.json")).unwrap()).unwrap();
    let head = format!(
        "POST /api/datapoint/write HTTP/1.1\r\nHost: {}\r\nCookie: fieldrail_session={}\r\nX-Fieldrail: 1\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        house.address(),
        key["session"].as_str().unwrap(),
        body.len()
    );
    let mut stream = TcpStream::connect(house.address()).unwrap();
    stream.write_all((head + &body).as_bytes()).unwrap();
    // It is written, and nobody confirms it.
    wait_for("the write is under way", PATIENCE, || {
        house.get("/api/logs?search=writes%20faller.x")["items"].get(0).map(|_| ())
    });
    drop(stream);
    let row = wait_for("its row", PATIENCE, || house.get("/api/audit?search=faller.x")["items"].get(0).cloned());
    assert_eq!((&row["outcome"], &row["by"]), (&json!("failed"), &json!("console")), "{row}");
    assert!(row["detail"].as_str().unwrap().starts_with("= 5: broke off"), "{row}");
}

#[test]
fn who_did_what_outlives_a_killed_daemon_and_a_row_that_is_changed_by_hand_is_named() {
    let counter = json!({ "id": "counter", "driver": "counter", "config": {} });
    let mut house = House::new(&json!([counter]), &json!([])).with_plugins(PLUGINS).kept();
    house.wait_until("counter", "running");
    let mut done = Vec::new();
    for n in 0..20 {
        let body = json!({ "address": "counter.count", "value": 1000 + n });
        assert_eq!(house.ask("POST", "/api/datapoint/write", &body).status, 200);
        done.push(format!("= {}", 1000 + n));
    }
    assert_eq!(house.ask("POST", "/api/admin/instances/counter/restart", &Value::Null).status, 200);
    house.kill();
    house.keep();
    let rows = house.get("/api/audit?limit=500");
    let rows = rows["items"].as_array().unwrap();
    let details: Vec<&str> = rows
        .iter()
        .rev()
        .filter(|row| row["target"] == "counter.count")
        .map(|row| row["detail"].as_str().unwrap())
        .collect();
    assert_eq!(details, done);
    let restart = rows.iter().find(|row| row["action"] == "POST /api/admin/instances/{id}/restart").expect("a row");
    assert_eq!((&restart["by"], &restart["outcome"]), (&json!("console"), &json!("done")));
    // Nobody waits for what the daemon does by itself.
    wait_for("both starts are kept", PATIENCE, || {
        let starts = house.get("/api/audit?search=daemon.start");
        (starts["items"].as_array().unwrap().len() == 2).then_some(())
    });
    assert_eq!(house.get("/api/audit/verify")["whole"], true);
    house.kill();
    let seq = restart["seq"].as_i64().unwrap();
    let sql = format!("UPDATE audit SET by = 'nobody' WHERE trail = 0 AND seq = {seq}");
    let script = "import sqlite3, sys; base = sqlite3.connect(sys.argv[1]); base.execute(sys.argv[2]); base.commit()";
    let done =
        Command::new("python3").args(["-c", script]).arg(house.config().join("system_logs.db")).arg(sql).status();
    assert!(done.unwrap().success());
    house.keep();
    let verdict = house.get("/api/audit/verify");
    let broken = json!([{ "trail": "house", "seq": seq, "why": "is not as it was written" }]);
    assert_eq!((&verdict["whole"], &verdict["broken"]), (&json!(false), &broken), "{verdict}");
}
