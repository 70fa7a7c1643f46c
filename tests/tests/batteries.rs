//! Batteries through the whole house: the driver's own simulator on pseudo-terminals, the built daemon, and a route to another
//! datapoint. Whole, cut in the middle, and with noise between the frames.
#![allow(clippy::unwrap_used)] // in what only tests call, a panic is how a test fails

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use fieldrail_tests::{House, wait_for};
use serde_json::{Value, json};

/// Two cores, a daemon and two dozen processes.
const SOON: Duration = Duration::from_mins(1);

/// What plays, and the tag that a route takes from it.
const BATTERIES: [(&str, &str, &str); 4] = [
    ("daly", "a5", "cells.16"),
    ("jbd", "dd", "cells.16"),
    ("victron", "ve_direct_text", "consumed"),
    ("ant", "old_dbdb", "cells.16"),
];

/// How the line is: the name, and what the simulator is told.
const LINES: [(&str, &[&str]); 3] =
    [("whole", &[]), ("cut", &["--split", "--cut", "5"]), ("noisy", &["--noise", "--echo"])];

/// The driver's simulator in a process of its own. It ends with this value.
struct Simulator {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    place: String,
}

impl Simulator {
    fn start(arguments: &[&str]) -> Self {
        let test = std::env::current_exe().unwrap();
        let program = test.ancestors().nth(2).unwrap().join("plugins/bms/fieldrail-driver-bms");
        let mut command = Command::new(program);
        command.arg("simulate").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("build the programs first: make test does");
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut simulator = Self { child, input, output, place: String::new() };
        simulator.place = simulator.line();
        simulator
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    /// Changes what plays.
    fn change(&mut self, change: &Value) {
        writeln!(self.input, "{change}").unwrap();
        assert_eq!(self.line(), "ok");
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_battery_comes_over_a_port_and_its_values_go_on_by_a_route() {
    let (mut simulators, mut connections, mut routes) = (Vec::new(), Vec::new(), Vec::new());
    for (device, variant, tag) in BATTERIES {
        for (line, faults) in LINES {
            let simulator = Simulator::start(&[&["--device", device, "--variant", variant][..], faults].concat());
            assert!(simulator.place.starts_with("/dev/pts/"), "{}", simulator.place);
            let id = format!("{device}_{line}");
            connections.push(json!({ "id": id, "driver": "bms", "config": {
                "battery": device, "variant": variant, "device": simulator.place, "poll_ms": 500, "timeout_ms": 400 } }));
            routes.push(json!({ "id": format!("{id}_voltage"), "from": format!("{id}.voltage"),
                "to": format!("calc.{id}.millivolt"), "transform": "scale(1000)" }));
            routes.push(
                json!({ "id": format!("{id}_more"), "from": format!("{id}.{tag}"), "to": format!("calc.{id}.more") }),
            );
            simulators.push(simulator);
        }
    }
    let house = House::new(&json!(connections), &json!(routes)).kept();
    for (device, _, tag) in BATTERIES {
        for (line, _) in LINES {
            let id = format!("{device}_{line}");
            let voltage =
                wait_for(&format!("the voltage of {id}"), SOON, || good(&house, &format!("calc.{id}.millivolt")));
            assert!((51_000.0..55_000.0).contains(&voltage), "{id}: {voltage}");
            let more = wait_for(&format!("{tag} of {id}"), SOON, || good(&house, &format!("calc.{id}.more")));
            let (low, high) = if tag == "consumed" { (-120.0, -90.0) } else { (3.2, 3.5) };
            assert!((low..high).contains(&more), "{id}: {tag} is {more}");
        }
    }
    // One is unplugged: the house says why, and what came of it is not good any more.
    drop(simulators.remove(3));
    let instance = house.wait_until("jbd_whole", "degraded");
    assert!(instance["text"].as_str().unwrap().contains("/dev/pts/"), "{instance}");
    wait_for("the end of what was computed", SOON, || {
        let point = house.value("calc.jbd_whole.millivolt")?;
        (point["quality"] != "good").then_some(())
    });
}

/// The value of a datapoint, once it is good.
fn good(house: &House, address: &str) -> Option<f64> {
    house.value(address).filter(|point| point["quality"] == "good").and_then(|point| point["value"].as_f64())
}

#[test]
fn a_switch_is_set_from_the_house_only_where_it_may_be() {
    let mut simulator = Simulator::start(&["--device", "jbd"]);
    let connection = |writes: bool| json!([{ "id": "battery", "driver": "bms", "config": { "battery": "jbd", "device": simulator.place, "poll_ms": 300, "writes": writes } }]);
    let mut house = House::new(&connection(false), &json!([])).kept();
    house.wait_until("battery", "running");
    let write = |house: &House| {
        house.ask("POST", "/api/datapoint/write", &json!({ "address": "battery.discharge_mos", "value": false }))
    };
    let refused = write(&house).json();
    assert_eq!(refused["outcome"], "rejected", "{refused}");
    // The port is free again for the next one, though nobody has closed it in order.
    house.kill();
    house.put("connections.json", &json!({ "version": "1.0", "connections": connection(true) }));
    house.keep();
    house.wait_until("battery", "running");
    let done = write(&house).json();
    assert_eq!(done["outcome"], "confirmed", "{done}");
    let point = house.get("/api/datapoint?address=battery.discharge_mos&read=true");
    assert_eq!((&point["value"], &point["quality"]), (&json!(false), &json!("good")), "{point}");
    simulator.change(&json!({ "silent": true }));
    house.wait_until("battery", "degraded");
}
