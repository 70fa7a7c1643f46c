//! Processes that are killed: the others go on, nothing is left behind, nothing that was kept is lost.
#![allow(clippy::unwrap_used)] // in what only tests call, a panic is how a test fails

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use fieldrail_testkit::{Mosquitto, free_port};
use fieldrail_tests::mqtt::{Listener, Talker, publish};
use fieldrail_tests::{House, wait_for};
use serde_json::{Value, json};

fn mqtt(id: &str, port: u16) -> Value {
    json!({ "id": id, "driver": "mqtt", "config": { "host": "127.0.0.1", "port": port } })
}

fn signal(pid: u64, name: &str) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success());
}

#[test]
fn a_killed_instance_is_back_within_three_seconds_and_its_neighbour_loses_nothing() {
    let (mine, other) = (Mosquitto::start(), Mosquitto::start());
    let routes = json!([
        { "id": "mine", "from": "mine.in", "to": "mine.out", "delivery": "queued" },
        { "id": "other", "from": "other.in", "to": "other.out", "delivery": "queued" }
    ]);
    let house = House::new(&json!([mqtt("mine", mine.port()), mqtt("other", other.port())]), &routes).kept();
    let victim = house.wait_until("mine", "running")["pid"].as_u64().unwrap();
    let neighbour = house.wait_until("other", "running")["pid"].as_u64().unwrap();
    let arriving = Listener::start(other.port(), "out");
    let (mut load, mut steady) = (Talker::start(mine.port(), "in", 0), Talker::start(other.port(), "in", 0));
    let mut killed = None;
    for n in 0..1500 {
        if n == 500 {
            signal(victim, "-KILL");
            killed = Some(Instant::now());
        }
        load.say(&n.to_string());
        steady.say(&n.to_string());
        std::thread::sleep(Duration::from_millis(1));
    }
    let back = wait_for("the killed instance is back", Duration::from_secs(3), || {
        let instance = house.instance("mine");
        (instance["state"] == "running" && instance["pid"].as_u64() != Some(victim)).then_some(instance)
    });
    assert!(killed.unwrap().elapsed() < Duration::from_secs(6));
    assert_eq!(back["restarts"], 1, "{back}");
    for n in 0..1500 {
        let got = arriving.next(Duration::from_secs(5));
        assert_eq!(got, Some(("out".into(), n.to_string())), "the neighbour lost or swapped a message");
    }
    let unharmed = house.instance("other");
    assert_eq!((unharmed["pid"].as_u64(), &unharmed["restarts"]), (Some(neighbour), &json!(0)));
}

#[test]
fn a_killed_daemon_leaves_no_child_and_comes_back_with_everything_that_was_kept() {
    let port = free_port();
    let connections = json!([
        { "id": "mqtt.broker_local", "driver": "broker",
          "config": { "listen": format!("127.0.0.1:{port}"), "anonymous": true } },
        mqtt("client", port),
        { "id": "counter", "driver": "counter", "config": { "start": 7 } }
    ]);
    let routes = json!([{ "id": "keep", "from": "client.kept", "to": "calc.kept" }]);
    let counter = concat!(env!("CARGO_MANIFEST_DIR"), "/plugins");
    let mut house = House::new(&connections, &routes).with_plugins(counter).kept();
    for id in ["mqtt.broker_local", "client", "counter"] {
        house.wait_until(id, "running");
    }
    publish(port, "kept", "42", &["-r", "-q", "1"]);
    wait_for("the value is here", Duration::from_secs(5), || house.value("client.kept").filter(|v| v["value"] == 42));
    let before = ["connections.json", "routing.json", "users.json"].map(|name| house.text(name));
    let children = descendants(house.pid());
    assert!(children.len() >= 3, "{children:?}");

    house.kill();
    wait_for("every child is gone", Duration::from_secs(3), || {
        children.iter().all(|pid| !is_alive(*pid)).then_some(())
    });
    assert_eq!(["connections.json", "routing.json", "users.json"].map(|name| house.text(name)), before);

    house.keep();
    wait_for("the retained value is back", Duration::from_secs(10), || {
        house.value("client.kept").filter(|v| v["value"] == 42 && v["quality"] == "good")
    });
}

/// All processes below this one.
fn descendants(of: u32) -> Vec<u32> {
    let pids =
        fs::read_dir("/proc").unwrap().flatten().filter_map(|e| e.file_name().to_string_lossy().parse::<u32>().ok());
    let parents: Vec<(u32, u32)> = pids.filter_map(|pid| Some((pid, parent(pid)?))).collect();
    let mut found = vec![of];
    let mut at = 0;
    while at < found.len() {
        let above = found[at];
        found.extend(parents.iter().filter(|(_, parent)| *parent == above).map(|(pid, _)| *pid));
        at += 1;
    }
    found.split_off(1)
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(") ").next()?.split(' ').nth(1)?.parse().ok()
}

fn is_alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}
