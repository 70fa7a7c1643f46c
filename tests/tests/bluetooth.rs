//! Bluetooth through the whole house, against a BlueZ that nobody here wrote: python-dbusmock on a bus of its own. The scanner
//! finds a battery and pairs, the battery is added as it proposes, its cells come in fragments over a link and move a variable
//! of a PLC by a route; the battery goes and comes back.
#![allow(clippy::unwrap_used)] // in what only tests call, a panic is how a test fails

use std::time::Duration;

use fieldrail_driver_ads::sim::{Plc, Program, Server, SharedPlc};
use fieldrail_testkit::Bluez;
use fieldrail_tests::{House, wait_for};
use serde_json::{Value, json};

/// Two cores, a daemon and what else is tested.
const SOON: Duration = Duration::from_mins(1);

const BATTERY: &str = "A5:C2:37:00:00:01";
const VARIABLE: &str = "MAIN.fbBattery.fVoltage";

/// What the battery says: a golden case of the driver's that came over a link, question by question.
fn golden() -> (Value, f64) {
    let cases: Value = serde_json::from_str(include_str!("../../drivers/bms/golden/jbd_dd.json")).unwrap();
    let of_a_link = |case: &&Value| case["transport"] == "ble" && case["values"]["cells.04"].is_number();
    let case = cases["cases"].as_array().unwrap().iter().find(of_a_link).unwrap();
    let (mut answers, mut question) = (serde_json::Map::new(), String::new());
    for line in case["lines"].as_array().unwrap() {
        match line.as_str().unwrap().split_at(2) {
            ("> ", asked) => asked.clone_into(&mut question),
            (_, came) => match answers.entry(&question).or_insert(json!([])) {
                Value::Array(fragments) => fragments.push(came.into()),
                _ => unreachable!(),
            },
        }
    }
    (answers.into(), case["values"]["cells.01"].as_f64().unwrap())
}

/// A simulated PLC with the one variable.
struct Machine {
    server: Server,
    /// What it runs in.
    _runtime: tokio::runtime::Runtime,
}

impl Machine {
    fn start() -> Self {
        let mut program = Program::default();
        program.variable(VARIABLE, "REAL", 4, "");
        let plc = SharedPlc::new(Plc::new(program));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let any = "127.0.0.1:0".parse().unwrap();
        let server = runtime.block_on(Server::start(plc, any, any)).unwrap();
        Self { server, _runtime: runtime }
    }

    fn connection(&self) -> Value {
        let net_id = self.server.plc().net_id.to_string();
        json!({ "id": "plc_001", "driver": "ads", "config": { "ams_net_id": net_id, "ams_port": 851,
            "host": "127.0.0.1", "tcp_port": self.server.address.port(), "udp_port": self.server.udp.port() } })
    }

    fn variable(&self) -> Option<f64> {
        self.server.plc().get(VARIABLE).and_then(|value| value.as_f64())
    }
}

fn call(house: &House, id: &str, action: &str, arguments: &Value) -> Value {
    let answer = house.ask("POST", &format!("/api/connections/{id}/call/{action}"), arguments);
    assert_eq!(answer.status, 200, "{action}: {}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

/// The battery in the list of a scan.
fn found(house: &House) -> Option<Value> {
    let list = call(house, "bluetooth", "scan", &json!({ "seconds": 0 }));
    list["devices"].as_array()?.iter().find(|device| device["address"] == BATTERY).cloned()
}

#[test]
fn a_battery_is_found_paired_and_added_and_its_cells_move_a_plc_variable_through_loss_and_return() {
    let (mut bluez, plc) = (Bluez::start(), Machine::start());
    let (answers, cell) = golden();
    assert_eq!(bluez.tell(&json!({ "answers": answers })), "ok");
    let connections =
        json!([{ "id": "bluetooth", "driver": "bluetooth", "config": { "bus": bluez.bus } }, plc.connection()]);
    let house = House::new(&connections, &json!([])).kept();
    house.wait_until("bluetooth", "running");
    house.wait_until("plc_001", "running");

    // A scan, with loudness that changes, and what it seems to be.
    let first =
        wait_for("the battery is heard", SOON, || found(&house).filter(|device| device["services"] == json!(["ff00"])));
    assert_eq!((&first["name"], &first["known"]["kind"]), (&json!("xiaoxiang BMS"), &json!("jbd")));
    assert!((-65..=-60).contains(&first["rssi"].as_i64().unwrap()), "{first}");
    wait_for("another loudness", SOON, || (found(&house)?["rssi"] != first["rssi"]).then_some(()));
    assert_eq!(call(&house, "bluetooth", "pair", &json!({ "address": BATTERY })), json!({ "paired": true }));
    call(&house, "bluetooth", "trust", &json!({ "address": BATTERY }));
    wait_for("it is paired and trusted", SOON, || {
        let device = found(&house)?;
        (device["paired"] == true && device["trusted"] == true).then_some(())
    });

    // Added as it was proposed, after a test.
    let proposed = &first["connection"];
    let mut connection = json!({ "id": "bt.bms_001", "driver": proposed["driver"], "config": proposed["config"] });
    connection["config"]["poll_ms"] = 500.into();
    let added = house.ask("POST", "/api/connections", &connection);
    assert_eq!(added.status, 201, "{}", String::from_utf8_lossy(&added.body));

    let route = json!({ "id": "bms_to_plc", "from": "bt.bms_001.cells.01", "to": format!("plc_001.{VARIABLE}"),
        "transform": "scale(0.001)" });
    let added = house.ask("POST", "/api/router/routes", &route);
    assert_eq!(added.status, 201, "{}", String::from_utf8_lossy(&added.body));

    // Its cells come in fragments, and the route moves the variable.
    let good = |address: &str| house.value(address).filter(|point| point["quality"] == "good");
    let value = wait_for("a cell", SOON, || good("bt.bms_001.cells.01")?["value"].as_f64());
    assert!((value - cell).abs() < 1e-9, "{value} instead of {cell}");
    let moved = |want: f64| plc.variable().filter(|now| (now - want).abs() < 1e-6);
    wait_for("the variable of the PLC", SOON, || moved(cell * 0.001));
    wait_for("the scanner says who has the link", SOON, || {
        let list = call(&house, "bluetooth", "scan", &json!({ "seconds": 0 }));
        (list["adapter"]["held_by"] == json!(["bt.bms_001"])).then_some(())
    });

    // It goes: the house says so, and nothing of it is good any more.
    assert_eq!(bluez.tell(&json!({ "away": true })), "ok");
    house.wait_until("bt.bms_001", "degraded");
    wait_for("its cells are not believed", SOON, || good("bt.bms_001.cells.01").is_none().then_some(()));

    // It comes back with other cells.
    let (mut other, cells) = (answers, "dd0400080d030d010d030d02ffbb77");
    other["dda50400fffc77"] = json!([&cells[..20], &cells[20..]]);
    assert_eq!(bluez.tell(&json!({ "answers": other, "away": false })), "ok");
    wait_for("the variable of the PLC follows again", SOON, || moved(3.331 * 0.001));
    let counts: Value = serde_json::from_str(&bluez.tell(&json!({ "ask": true }))).unwrap();
    assert!(counts["connects"].as_u64().unwrap() >= 2 && counts["pairs"] == 1, "{counts}");
}
