//! What the house says about itself: `system.*` as datapoints, in routes and in the tree; and a disk that is full.
#![allow(clippy::unwrap_used)] // in what only tests call, a panic is how a test fails

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use fieldrail_testkit::Mosquitto;
use fieldrail_tests::mqtt::{Listener, publish};
use fieldrail_tests::{House, wait_for};
use serde_json::{Value, json};

const PLUGINS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/plugins");

const SOON: Duration = Duration::from_secs(20);

#[track_caller]
fn wait_for_value(house: &House, address: &str, is_meant: impl Fn(&Value) -> bool) -> Value {
    wait_for(address, SOON, || house.value(address).filter(|point| is_meant(&point["value"])))
}

#[test]
fn the_box_and_the_instances_are_datapoints_that_routes_take_and_nobody_writes() {
    let leaks =
        json!({ "id": "plc_001", "driver": "rogue", "config": { "mode": "leak" }, "limits": { "memory_mb": 60 } });
    let routes = json!([
        { "id": "memory", "from": "system.box.memory_percent", "to": "calc.memory", "condition": "value >= 0" },
        { "id": "killed", "from": "system.instances.plc_001.memory_step", "to": "calc.killed", "condition": "value == \"killed\"" },
        { "id": "suspended", "from": "system.instances.*.memory_step", "to": "calc.suspended", "condition": "value == \"suspended\"" }
    ]);
    let house = House::new(&json!([leaks]), &routes).with_plugins(PLUGINS);
    let checked = house.run(&["check", "--json"]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    assert!(
        !String::from_utf8_lossy(&checked.stdout).contains("system."),
        "{}",
        String::from_utf8_lossy(&checked.stdout)
    );
    let house = house.kept();

    let memory = wait_for_value(&house, "calc.memory", |value| value.as_f64() > Some(0.0));
    assert!(memory["value"].as_f64() <= Some(100.0), "{memory}");
    let free = wait_for_value(&house, "system.box.disk.state.free_mb", |value| value.as_f64() > Some(0.0));
    assert_eq!((&free["unit"], &free["writable"], &free["quality"]), (&json!("MB"), &json!(false), &json!("good")));
    wait_for_value(&house, "system.box.cpu_percent", Value::is_number);
    // The leak is ended again and again, and suspended in the end: each step was seen.
    wait_for("the kill was routed", Duration::from_mins(1), || house.value("calc.killed"));
    wait_for("the suspension was routed", Duration::from_mins(1), || house.value("calc.suspended"));
    let state = wait_for_value(&house, "system.instances.plc_001.state", |state| state == "suspended_by_limit");
    assert_eq!(state["writable"], false);

    // In the live view, as single addresses and by a pattern.
    for wanted in ["system.box.memory_percent", "system.box.disk.*.free_mb"] {
        let tapped = house.run(&["tap", wanted, "--count", "1", "--for", "20", "--json"]);
        let text = String::from_utf8_lossy(&tapped.stdout).into_owned();
        let point: Value = serde_json::from_str(text.trim()).unwrap_or_default();
        assert!(point["value"].is_number(), "{wanted}: {text} {}", String::from_utf8_lossy(&tapped.stderr));
    }
    let unknown = house.run(&["tap", "system.box.nothing", "--count", "1", "--for", "5"]);
    assert!(!unknown.status.success() && String::from_utf8_lossy(&unknown.stderr).contains("no instance"));

    let refused =
        house.ask("POST", "/api/datapoint/write", &json!({ "address": "system.box.cpu_percent", "value": 1 }));
    assert_eq!(refused.status, 422, "{}", refused.json());
    assert!(refused.json()["detail"].as_str().unwrap().contains("cannot be written"), "{}", refused.json());
    let tree = house.get("/api/browse?instance=system");
    let names: Vec<_> = tree["items"].as_array().unwrap().iter().map(|node| node["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["alarms", "box", "daemon", "dashboards", "instances", "router"]);
    let branch = house.get("/api/browse?instance=system&path=instances.plc_001");
    let step = branch["items"].as_array().unwrap().iter().find(|node| node["name"] == "memory_step").unwrap().clone();
    assert_eq!((&step["tag"], &step["value"]["value"]), (&json!("instances.plc_001.memory_step"), &json!("suspended")));

    let gone = house.ask("DELETE", "/api/connections/plc_001", &Value::Null);
    assert!(gone.status < 300, "{}", gone.status);
    let last = wait_for("it is lost with its instance", SOON, || {
        house.value("system.instances.plc_001.state").filter(|point| point["quality"] == "bad")
    });
    assert_eq!(last["reason"], "not_connected");
}

/// A small file system of its own, gone with the test.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// None where this user may not mount.
    fn new(megabytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={megabytes}m,mode=777");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).output();
        mounted.is_ok_and(|mounted| mounted.status.success()).then_some(Self(folder))
    }

    /// Fills it to the last byte.
    fn fill(&self) -> PathBuf {
        let file = self.0.path().join("ballast");
        let mut out = fs::File::options().create(true).append(true).open(&file).unwrap();
        for size in [1 << 20, 4096, 1] {
            while std::io::Write::write_all(&mut out, &vec![0; size]).is_ok() {}
        }
        file
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

/// What a person sees of the house while its disk is full.
fn is_refused_with_507(house: &House) {
    let connection = json!({ "id": "another", "driver": "virtual" });
    let refused = house.ask("POST", "/api/connections", &connection);
    assert_eq!(refused.status, 507, "{}", refused.json());
    assert!(refused.json()["hint"].as_str().unwrap().contains("full"), "{}", refused.json());
}

fn disk_state(house: &House, folder: &str) -> String {
    let status = house.get("/api/system/status");
    let disk = status["box"]["disks"].as_array().unwrap().iter().find(|disk| disk["name"] == folder).cloned();
    disk.unwrap()["state"].as_str().unwrap().to_owned()
}

#[test]
fn on_a_full_disk_the_house_still_runs_and_with_room_everything_goes_on() {
    let Some(disk) = SmallDisk::new(48) else {
        // Only who may mount can have a full disk of their own; what each writer does on one, the crates test.
        println!("this user may not mount: nothing was tested");
        return;
    };
    let broker = Mosquitto::start();
    let config = json!({ "host": "127.0.0.1", "port": broker.port() });
    let connections =
        json!([{ "id": "dev", "driver": "mqtt", "config": config }, { "id": "src", "driver": "virtual" }]);
    let routes = json!([
        { "id": "plain", "from": "src.plain", "to": "dev.plain" },
        { "id": "kept", "from": "src.kept", "to": "dev.kept", "delivery": "durable" }
    ]);
    let mut house = House::within(disk.0.path(), &connections, &routes).kept();
    house.wait_until("dev", "running");
    let wire = Listener::start(broker.port(), "#");
    assert_eq!(disk_state(&house, "config"), "ok");
    let ballast = disk.fill();
    wait_for("it is seen", SOON, || (disk_state(&house, "config") == "full").then_some(()));
    wait_for("it is a datapoint", SOON, || {
        house.value("system.box.disk.state.is_low").filter(|point| point["value"] == true)
    });

    for restarted in [false, true] {
        if restarted {
            // A power cut on a full disk.
            house.kill();
            house.keep();
            house.wait_until("dev", "running");
            disk.fill();
        }
        house.route_data("src", "plain", i64::from(restarted));
        let (topic, payload) = wire.next(SOON).expect("routes go on");
        assert_eq!((topic.as_str(), payload.as_str()), ("plain", if restarted { "1" } else { "0" }));
        let written = house.ask("POST", "/api/datapoint/write", &json!({ "address": "dev.command", "value": 7 }));
        assert_eq!((written.status, &written.json()["outcome"]), (200, &json!("confirmed")), "commands go on");
        assert_eq!(wire.next(SOON).expect("the command left").0, "command");
        is_refused_with_507(&house);
        assert!(!house.get("/api/system/status")["daemon"].is_null());
    }
    // What must not be lost waits, and says so.
    let kept = json!({ "source_id": "src", "tag": "kept", "value": "x".repeat(200_000) });
    let answer = house.ask("POST", "/api/router/data", &kept);
    assert_eq!(answer.status, 503, "{}", answer.json());
    let troubles = house.get("/api/system/status")["troubles"].clone();
    assert!(troubles.to_string().contains("full"), "{troubles}");

    fs::remove_file(ballast).unwrap();
    let (topic, _) = wire.next(SOON).expect("what waited arrives");
    assert_eq!(topic, "kept");
    wait_for("there is room", SOON, || (disk_state(&house, "config") == "ok").then_some(()));
    let added = house.ask("POST", "/api/connections", &json!({ "id": "another", "driver": "virtual" }));
    assert!(added.status < 300, "{}", added.json());
    wait_for("the log is written again", SOON, || {
        let lines = house.get("/api/logs?search=dropped");
        (!lines["items"].as_array().unwrap().is_empty()).then_some(())
    });
    assert!(Path::new(&house.config().join("connections.json")).exists());
    publish(broker.port(), "in", "1", &[]);
}

#[test]
fn a_panic_on_a_full_disk_is_latched_over_a_kill() {
    let Some(disk) = SmallDisk::new(48) else {
        println!("this user may not mount: nothing was tested");
        return;
    };
    let mut house = House::within(disk.0.path(), &json!([{ "id": "src", "driver": "virtual" }]), &json!([])).kept();
    wait_for("room is laid in for it", SOON, || house.state().join(".reserve").exists().then_some(()));
    disk.fill();
    let panicked = house.ask("POST", "/api/admin/panic", &Value::Null);
    assert_eq!((panicked.status, &panicked.json()["state"]), (200, &json!("latched")), "{}", panicked.json());
    house.kill();
    house.keep();
    assert_eq!(house.get("/api/admin/panic")["state"], "latched");
}
