//! The drivers behind their walls: they run, read the files that their configuration names, and follow these when they are replaced.
#![allow(clippy::unwrap_used)] // in what only tests call, a panic is how a test fails

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fieldrail_testkit::{Authority, Mosquitto, free_port};
use fieldrail_tests::{House, wait_for};
use serde_json::{Value, json};

/// For a restart with what it waits for.
const PATIENCE: Duration = Duration::from_secs(20);

/// A Modbus RTU unit at the end of a pseudo terminal: every holding register is 42. It prints the terminal's name.
const UNIT: &str = r#"
import os, tty
master, slave = os.openpty()
tty.setraw(slave)
print(os.ttyname(slave), flush=True)
def sum16(data):
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc.to_bytes(2, "little")
asked = b""
while True:
    asked += os.read(master, 256)
    while len(asked) >= 8:
        frame, asked = asked[:8], asked[8:]
        count = frame[5]
        answer = frame[:2] + bytes([2 * count]) + b"\x00\x2a" * count
        os.write(master, answer + sum16(answer))
"#;

/// The unit, while it lives, with the path of its terminal.
struct Unit(Child, String);

impl Unit {
    fn start() -> Self {
        let mut command = Command::new("python3");
        let mut child = command.args(["-c", UNIT]).stdout(Stdio::piped()).spawn().unwrap();
        let mut name = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut name).unwrap();
        Self(child, name.trim().into())
    }

    /// As an adapter that is plugged in, it takes this name.
    fn plug(&self, path: &Path) {
        let _ = std::fs::remove_file(path);
        std::os::unix::fs::symlink(&self.1, path).unwrap();
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One item of its card.
#[track_caller]
fn wall(instance: &Value, what: &str) -> Value {
    let walls = instance["guard"]["walls"].as_array().unwrap();
    walls.iter().find(|wall| wall["what"] == what).cloned().unwrap_or_else(|| panic!("no {what} in {instance}"))
}

#[test]
fn every_driver_runs_behind_walls_and_its_card_says_which() {
    let port = free_port();
    let connections = json!([
        { "id": "broker", "driver": "broker", "config": { "listen": format!("127.0.0.1:{port}"), "anonymous": true } },
        { "id": "ads", "driver": "ads", "simulated": true, "config": {
            "host": "127.0.0.1", "ams_net_id": "5.1.2.3.1.1", "ams_port": 801
        } },
        { "id": "modbus", "driver": "modbus", "simulated": true, "config": { "profile": "sungrow_sh" } },
        { "id": "webhook", "driver": "webhook", "simulated": true, "config": { "url": "http://127.0.0.1:9/x" } }
    ]);
    let house = House::new(&connections, &json!([])).kept();
    for id in ["broker", "ads", "modbus", "webhook"] {
        let card = house.wait_until(id, "running");
        assert_eq!(wall(&card, "network")["state"], "open", "{card}");
        for what in ["files", "calls"] {
            let wall = wall(&card, what);
            let said = wall["state"] == "enforced" || wall["note"].as_str().is_some_and(|note| !note.is_empty());
            assert!(said, "{wall}");
        }
        assert_eq!(wall(&card, "privileges")["state"], "enforced", "{card}");
        assert_eq!(wall(&card, "open_files")["by"], "rlimit", "{card}");
    }
}

#[test]
fn a_certificate_that_the_configuration_names_is_read_and_followed_when_it_is_renewed() {
    let authority = Authority::new();
    let (certificate, key) = authority.sign("broker", &["127.0.0.1", "localhost"]);
    let paths = [("cafile", &authority.ca_file()), ("certfile", &certificate), ("keyfile", &key)];
    let lines = paths.map(|(word, path)| format!("{word} {}", path.display())).join("\n");
    let broker = Mosquitto::with(&format!("allow_anonymous true\n{lines}\n"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::copy(authority.ca_file(), &file).unwrap();
    let config = json!({ "host": "127.0.0.1", "port": broker.port(), "tls": { "ca_file": file } });
    let house = House::new(&json!([{ "id": "tls", "driver": "mqtt", "config": config }]), &json!([])).kept();
    let before = house.wait_until("tls", "running");
    assert_eq!(before["restarts"], 0, "{before}");
    std::fs::copy(authority.ca_file(), folder.path().join("new")).unwrap();
    std::fs::rename(folder.path().join("new"), &file).unwrap();
    wait_for("it was started again and reads the new one", PATIENCE, || {
        let now = house.instance("tls");
        (now["restarts"] == 1 && now["state"] == "running").then_some(())
    });
}

#[test]
fn a_serial_adapter_is_opened_and_followed_when_it_is_plugged_in_anew() {
    let folder = tempfile::tempdir().unwrap();
    let device = folder.path().join("ttyMeter");
    let unit = Unit::start();
    unit.plug(&device);
    let config = json!({ "device": device, "poll_ms": 100, "registers": [
        { "name": "power", "table": "holding", "address": 1 }
    ] });
    let connections = json!([{ "id": "meter", "driver": "modbus", "config": config }]);
    let house = House::new(&connections, &json!([{ "id": "r", "from": "meter.power", "to": "calc.power" }])).kept();
    let reads = || house.value("calc.power").filter(|value| value["value"] == 42 && value["quality"] == "good");
    wait_for("the meter is read", PATIENCE, reads);
    let before = house.instance("meter")["pid"].clone();
    let other = Unit::start();
    other.plug(&device);
    drop(unit);
    wait_for("it was started again and reads the new one", PATIENCE, || {
        let now = house.instance("meter");
        (now["state"] == "running" && now["pid"] != before && now["pid"].is_number()).then_some(())
    });
    wait_for("the meter is read again", PATIENCE, reads);
}
