//! Peers that nobody here wrote: the driver against foreign servers, the simulated PLC against foreign clients.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Once;
use std::thread;
use std::time::Duration;

use fieldrail_driver_ads::sim::{Plc, Program, Server, SharedPlc};
use fieldrail_model::{Quality, Value};
use fieldrail_testkit::wire::plugin::Status;
use fieldrail_testkit::{Outcome, Plugin, free_port};
use serde_json::json;

#[path = "../driver/programs.rs"]
mod programs;

const DRIVER: &str = env!("CARGO_BIN_EXE_fieldrail-driver-ads");

/// The folder of the scripts.
fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers")
}

/// A program of one of the peers, which are installed by name when they are not there.
fn peer(path: &str) -> PathBuf {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let done = Command::new(scripts().join("need")).output().unwrap();
        assert!(done.status.success(), "the peers cannot be installed: {}", String::from_utf8_lossy(&done.stderr));
    });
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers/ads").join(path)
}

/// A foreign server on a free port.
struct Foreign {
    child: Child,
    port: u16,
}

impl Foreign {
    /// Another program may take the free port first; then it is tried with another.
    fn start(python: &str, script: &str) -> Self {
        let tries = (0..5).find_map(|_| Self::try_start(python, script));
        tries.unwrap_or_else(|| panic!("{script} does not start"))
    }

    fn try_start(python: &str, script: &str) -> Option<Self> {
        let port = free_port();
        let mut command = Command::new(peer(python));
        command.arg(scripts().join(script)).arg(port.to_string());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let foreign = Self { child, port };
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        // What it prints further on must not block it.
        thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        (line.trim() == "ready").then_some(foreign)
    }

    fn config(&self, more: &serde_json::Value) -> serde_json::Value {
        let mut config = json!({
            "ams_net_id": "127.0.0.1.1.1", "ams_port": 851, "host": "127.0.0.1", "tcp_port": self.port,
            "poll_ms": 50, "pause_ms": 100, "timeout_ms": 1000 });
        for (key, value) in more.as_object().unwrap() {
            config[key] = value.clone();
        }
        config
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_driver_reads_the_tables_and_values_of_pyads_agile() {
    let server = Foreign::start("pyads-agile/bin/python", "agile_server.py");
    // It takes one packet at a time, and its notifications never come.
    let config = server.config(&json!({ "window": 1, "max_notifications": 0 }));
    let mut driver = Plugin::start(DRIVER, "plc_001", config);
    driver.state(Status::Connected);
    driver.subscribe(&["MAIN.bLight", "MAIN.nCount", "MAIN.fTemperature", "MAIN.sName", "MAIN.stBattery"]);
    assert_eq!(driver.sample("MAIN.bLight").value, Value::Bool(true));
    assert_eq!(driver.sample("MAIN.nCount").value, Value::Int(-1234));
    assert_eq!(driver.sample("MAIN.fTemperature").value, Value::Float(21.5));
    assert_eq!(driver.sample("MAIN.sName").value, Value::text("hurz"));
    let want = Value::json(r#"{"fVoltage":51.5,"aCells":[1,2,3],"eMode":1}"#).unwrap();
    assert_eq!(driver.sample("MAIN.stBattery").value, want);
    let nodes = driver.browse("MAIN");
    let light = nodes.iter().find(|node| node.name == "bLight").unwrap();
    assert_eq!((light.comment.as_deref(), light.r#type.as_deref()), (Some("Licht Küche"), Some("BOOL")));
    let fields = driver.browse("MAIN.stBattery");
    assert_eq!(fields[2].comment.as_deref(), Some("Off = 0, Heat = 1"));
    assert_eq!(driver.write("MAIN.nCount", 77_i64), Outcome::Confirmed);
    assert_eq!(driver.sample("MAIN.nCount").value, Value::Int(77));
    assert_eq!(driver.write("MAIN.sName", "Küche"), Outcome::Confirmed);
    assert_eq!(driver.sample("MAIN.sName").value, Value::text("Küche"));
}

#[test]
fn the_driver_understands_the_errors_of_ads_async_and_asks_for_names() {
    let server = Foreign::start("ads-async/bin/python", "async_server.py");
    let mut driver = Plugin::start(DRIVER, "plc_001", server.config(&json!({})));
    driver.state(Status::Connected);
    driver.subscribe(&["MAIN.nCount", "MAIN.fTemperature", "MAIN.nLarge", "MAIN.nNothing"]);
    assert_eq!(driver.sample("MAIN.nCount").value, Value::Int(-1234));
    assert_eq!(driver.sample("MAIN.fTemperature").value, Value::Float(21.5));
    assert_eq!(driver.sample("MAIN.nLarge").value, Value::uint(u64::MAX));
    assert_eq!(driver.sample("MAIN.nNothing").quality, Quality::NotFound);
    let Outcome::Rejected(failure) = driver.write("MAIN.nNothing", 1_i64) else { panic!("it was written") };
    assert!(failure.message.contains("MAIN.nNothing"), "{failure:?}");
    // Sum commands are refused as a whole; it goes on one by one.
    let values = [("MAIN.fTemperature", Value::Float(22.5)), ("MAIN.nCount", Value::Int(6))];
    // It takes no numbers of 64 bits, which harms the others nothing.
    let large = driver.write_item("MAIN.nLarge", 1_i64, |_| {});
    let ids: Vec<u64> = values.iter().map(|(tag, value)| driver.write_item(tag, value.clone(), |_| {})).collect();
    for (id, (tag, value)) in ids.into_iter().zip(values) {
        assert_eq!(driver.outcome(id), Outcome::Confirmed);
        assert_eq!(driver.sample(tag).value, value);
    }
    let Outcome::Rejected(failure) = driver.outcome(large) else { panic!("it was written") };
    assert!(failure.message.contains("0x700"), "{failure:?}");
}

/// The simulated PLC at an address of its own, since Beckhoff's library knows one port only.
fn simulated(address: SocketAddr) -> (SharedPlc, SocketAddr) {
    let mut program: Program = programs::program(0, 0);
    for symbol in program.symbols.iter_mut().filter(|symbol| symbol.name == "MAIN.nA") {
        symbol.comment = "die Zahl".into();
    }
    let plc = SharedPlc::new(Plc::new(program));
    for (name, value) in [
        ("MAIN.nA", Value::Int(7)),
        ("MAIN.stBattery.fVoltage", Value::Float(51.5)),
        ("Types.vSTRING", Value::text("hurz")),
        ("Types.vLREAL", Value::Float(2.25)),
        ("Types.vUDINT", Value::Int(4_294_967_295)),
        (".bInput5", Value::Bool(true)),
    ] {
        assert!(plc.lock().put(name, value), "{name}");
    }
    let (sender, started) = std::sync::mpsc::channel();
    let shared = plc.clone();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let udp = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            let server = Server::start(shared, address, udp).await.unwrap();
            sender.send(server.address).unwrap();
            // The process of the test ends it.
            std::future::pending::<()>().await;
        });
    });
    (plc, started.recv().unwrap())
}

#[track_caller]
fn all_holds(command: &mut Command) {
    let done = command.stdin(Stdio::null()).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success() && said.contains("all holds"), "{said}");
}

/// What a foreign client took it has given back.
#[track_caller]
fn is_empty(plc: &SharedPlc) {
    let deadline = std::time::Instant::now() + Duration::from_secs(5);
    loop {
        let held = {
            let plc = plc.lock();
            (plc.notifications, plc.handles())
        };
        if held == (0, 0) {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{held:?}");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn beckhoffs_own_library_takes_the_simulated_plc_for_one() {
    let (plc, address) = simulated(SocketAddr::from(([127, 77, 0, 1], 48898)));
    all_holds(
        Command::new(peer("pyads/bin/python")).arg(scripts().join("pyads_client.py")).arg(address.ip().to_string()),
    );
    is_empty(&plc);
}

#[test]
fn ads_client_from_npm_takes_the_simulated_plc_for_one() {
    let (plc, address) = simulated(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let mut node = Command::new("node");
    node.arg(scripts().join("ads_client.mjs")).arg(address.ip().to_string()).arg(address.port().to_string());
    all_holds(node.arg(peer("npm/node_modules")));
    is_empty(&plc);
}
