//! Dashboards of a whole house: saves while the daemon is killed, and switches whose driver, daemon, PLC or browser goes away.
#![allow(clippy::unwrap_used)] // in what only tests call, a panic is how a test fails

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use fieldrail_driver_ads::sim::{Plc, Program, Server, SharedPlc};
use fieldrail_tests::{House, Random, wait_for};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

const SOON: Duration = Duration::from_secs(15);

/// Sends a request and does not care what becomes of it: its status, if one came.
fn try_request(to: SocketAddr, head: &str, body: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(to).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let head = format!("{head}Host: {to}\r\nX-Fieldrail: 1\r\nContent-Type: application/json\r\nConnection: close\r\n");
    stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split(' ').nth(1)?.parse().ok()
}

/// The widget as it is to be, and the head of the request that says so.
fn save_of(house: &House, etag: &str, title: &str) -> (String, String) {
    let widget = json!({ "id": "w", "dashboard": "eg", "kind": "value", "title": title });
    let cookie = house.cookie();
    (format!("PUT /api/widgets/w HTTP/1.1\r\nCookie: {cookie}\r\nIf-Match: \"{etag}\"\r\n"), widget.to_string())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[test]
fn of_five_hundred_saves_with_the_daemon_killed_at_random_each_is_there_or_the_one_before() {
    const KILLS: u32 = 25;
    const SAVES: u32 = 20;
    let mut random = Random::new(0x7_05);
    let mut house = House::new(&json!([]), &json!([])).kept();
    let made = house.ask("POST", "/api/dashboards", &json!({ "id": "eg", "name": "Erdgeschoss" }));
    assert_eq!(made.status, 201);
    let widget = json!({ "id": "w", "dashboard": "eg", "kind": "value", "title": "0" });
    assert_eq!(house.ask("POST", "/api/widgets", &widget).status, 201);
    let (mut title, mut number) = ("0".to_owned(), 0);
    let (mut lost, mut unanswered) = (0, 0);
    for round in 0..KILLS {
        for _ in 1..SAVES {
            number += 1;
            let etag = text(&house.get("/api/widgets/w")["etag"]);
            let (head, body) = save_of(&house, &etag, &number.to_string());
            assert_eq!(try_request(house.address(), &head, &body), Some(200));
            title = number.to_string();
        }
        if round % 2 == 1 {
            // Into the moment in which the file follows.
            std::thread::sleep(Duration::from_millis(u64::try_from(random.between(700, 1300)).unwrap()));
        }
        number += 1;
        let etag = text(&house.get("/api/widgets/w")["etag"]);
        let (head, body) = save_of(&house, &etag, &number.to_string());
        let address = house.address();
        let last = std::thread::spawn(move || try_request(address, &head, &body));
        let most = if round % 3 == 0 { 1_000 } else { 12_000 };
        std::thread::sleep(Duration::from_micros(u64::try_from(random.below(most)).unwrap()));
        house.kill();
        let answered = last.join().unwrap();
        let file: Value = serde_json::from_str(&house.text("widgets.json")).expect("the file is whole");
        assert!(file["dashboards"].as_array().is_some_and(|pages| pages.len() <= 1), "{file}");
        house.keep();
        let state = house.get("/api/widgets/state");
        assert_eq!(state.get("fault"), None, "{state}");
        let now = text(&house.get("/api/widgets/w")["title"]);
        if answered == Some(200) {
            assert_eq!(now, number.to_string(), "what was answered as done is there");
        } else {
            unanswered += 1;
            lost += u32::from(now == title);
        }
        assert!(now == title || now == number.to_string(), "{now} is neither {title} nor {number}");
        title = now;
    }
    println!("{KILLS} kills within {number} saves; {unanswered} were not answered, {lost} of them did not come to be");
    // The history knows each that came to be, in their order.
    let titles: Vec<u32> = titles(&house);
    assert!(titles.windows(2).all(|pair| pair[0] < pair[1]), "{titles:?}");
    assert_eq!(u32::try_from(titles.len()).unwrap() + lost, number);
}

/// The titles that the widget had, by its history, the oldest first.
fn titles(house: &House) -> Vec<u32> {
    let mut titles = Vec::new();
    let mut page = "/api/widgets/versions?widget=w&limit=200".to_owned();
    loop {
        let list = house.get(&page);
        for change in list["items"].as_array().unwrap() {
            titles
                .extend(change["touched"][0]["title"].as_str().unwrap().parse::<u32>().ok().filter(|title| *title > 0));
        }
        let Some(next) = list["next"].as_str() else { break };
        page = format!("/api/widgets/versions?widget=w&limit=200&before={next}");
    }
    titles.reverse();
    titles
}

const COMMAND: &str = "MAIN.VbAusgang6";
const LAMP: &str = "Light.RM_Light_06";

/// A PLC that outlives driver and daemon, and a house with a pulsing switch for it.
struct Plant {
    runtime: Runtime,
    plc: SharedPlc,
    server: Option<Server>,
    address: SocketAddr,
    house: House,
}

impl Plant {
    fn open(pulse_ms: u32) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let mut program = Program::default();
        program.variable(COMMAND, "BOOL", 1, "Taster");
        program.variable(LAMP, "BOOL", 1, "Rückmeldung");
        let plc = SharedPlc::new(Plc::new(program));
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = runtime.block_on(Server::start(plc.clone(), any, any)).unwrap();
        let address = server.address;
        let config = json!({
            "ams_net_id": "192.168.2.162.1.1", "ams_port": 851, "host": "127.0.0.1",
            "tcp_port": address.port(), "udp_port": server.udp.port(),
        });
        let connection = json!([{ "id": "plc", "driver": "ads", "config": config }]);
        let house = House::new(&connection, &json!([])).kept();
        house.wait_until("plc", "running");
        assert_eq!(house.ask("POST", "/api/dashboards", &json!({ "id": "eg", "name": "Erdgeschoss" })).status, 201);
        let bindings = json!({
            "command": { "address": format!("plc.{COMMAND}"), "pulse_ms": pulse_ms },
            "feedback": { "address": format!("plc.{LAMP}") },
        });
        let switch = json!({ "id": "lamp", "dashboard": "eg", "kind": "switch", "bindings": bindings });
        assert_eq!(house.ask("POST", "/api/widgets", &switch).status, 201);
        Self { runtime, plc, server: Some(server), address, house }
    }

    fn bit(&self) -> bool {
        self.plc.lock().get(COMMAND) == Some(true.into())
    }

    /// Presses the switch, and waits until the PLC has the bit.
    #[track_caller]
    fn press(&self) {
        // Until the driver has got to know its PLC, it says that nothing was pulsed.
        let answer = wait_for("the switch is taken", SOON, || {
            let answer = self.house.ask("POST", "/api/widgets/lamp/operate", &json!({}));
            (answer.status != 503).then_some(answer)
        });
        assert_eq!((answer.status, &answer.json()["outcome"]), (200, &json!("confirmed")), "{}", answer.json());
        assert!(self.bit());
    }

    #[track_caller]
    fn is_reset(&self) {
        wait_for("the bit is FALSE", SOON, || (!self.bit()).then_some(()));
        wait_for("nothing is owed", SOON, || {
            self.house.get("/api/pulses")["items"].as_array().is_some_and(Vec::is_empty).then_some(())
        });
    }

    fn cut(&mut self) {
        self.server.take();
    }

    fn join(&mut self) {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = Server::start(self.plc.clone(), self.address, any);
        self.server = Some(self.runtime.block_on(server).unwrap());
    }
}

#[test]
fn a_switch_whose_driver_is_killed_inside_of_the_pulse_leaves_no_bit_set() {
    let plant = Plant::open(5000);
    plant.press();
    let pid = plant.house.instance("plc")["pid"].to_string();
    assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
    plant.is_reset();
}

#[test]
fn a_switch_whose_daemon_is_killed_inside_of_the_pulse_leaves_no_bit_set() {
    let mut plant = Plant::open(5000);
    plant.press();
    plant.house.kill();
    plant.house.keep();
    plant.is_reset();
}

#[test]
fn a_switch_whose_daemon_is_stopped_inside_of_the_pulse_leaves_no_bit_set() {
    let mut plant = Plant::open(5000);
    plant.press();
    let pid = plant.house.pid();
    assert!(Command::new("kill").arg(pid.to_string()).status().unwrap().success());
    let gone = || fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "));
    wait_for("the daemon has stopped", SOON, || gone().then_some(()));
    assert!(!plant.bit(), "it was reset before the daemon went");
    plant.house.kill();
    plant.house.keep();
    plant.is_reset();
}

#[test]
fn a_switch_whose_plc_is_cut_off_inside_of_the_pulse_is_pending_then_expired_and_its_bit_is_reset_when_it_is_back() {
    let mut plant = Plant::open(2000);
    plant.press();
    plant.cut();
    assert!(plant.bit(), "nobody could reset it");
    let owed = wait_for("the end is owed", SOON, || {
        let pulses = plant.house.get("/api/pulses");
        pulses["items"].as_array().unwrap().iter().find(|pulse| pulse["state"] == "owed").cloned()
    });
    assert_eq!((&owed["address"], &owed["end"]), (&json!("plc.main.vbausgang6"), &json!(false)));
    // Pressed again, it says that nothing comes of it, in time.
    let begun = Instant::now();
    let answer = plant.house.ask("POST", "/api/widgets/lamp/operate", &json!({ "wait_ms": 8000 }));
    let said = answer.json();
    assert!(answer.status == 503 || said["outcome"] == "expired", "{} {said}", answer.status);
    assert!(begun.elapsed() < SOON);
    assert!(plant.bit(), "still nobody could");
    plant.join();
    plant.is_reset();
}

#[test]
fn a_write_that_the_plc_does_not_answer_is_pending_and_then_expired() {
    let plant = Plant::open(1000);
    let bindings = json!({ "command": { "address": format!("plc.{COMMAND}") } });
    let switch = json!({ "id": "hold", "dashboard": "eg", "kind": "switch", "bindings": bindings });
    assert_eq!(plant.house.ask("POST", "/api/widgets", &switch).status, 201);
    plant.plc.lock().faults.silent = true;
    let hold = |wait_ms: u32| {
        let body = json!({ "value": true, "wait_ms": wait_ms });
        plant.house.ask("POST", "/api/widgets/hold/operate", &body)
    };
    assert_eq!(hold(50).json()["outcome"], "pending");
    let said = hold(12_000).json();
    assert!(["expired", "rejected"].contains(&said["outcome"].as_str().unwrap_or_default()), "{said}");
    assert!(!plant.bit());
}

#[test]
fn a_browser_that_goes_away_after_the_press_leaves_no_bit_set() {
    let plant = Plant::open(1000);
    plant.press();
    plant.is_reset();
    let (to, cookie) = (plant.house.address(), plant.house.cookie());
    let mut stream = TcpStream::connect(to).unwrap();
    let head = format!(
        "POST /api/widgets/lamp/operate HTTP/1.1\r\nHost: {to}\r\nCookie: {cookie}\r\nX-Fieldrail: 1\r\n\
         Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
    );
    stream.write_all(head.as_bytes()).unwrap();
    wait_for("the PLC has the bit", SOON, || plant.bit().then_some(()));
    drop(stream);
    plant.is_reset();
}

#[test]
fn the_dashboards_of_the_demo_house_are_right() {
    let demo = |name: &str| -> Value {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/fieldrail/demo/");
        serde_json::from_str(&fs::read_to_string(format!("{path}{name}")).unwrap()).unwrap()
    };
    let connections = demo("connections.json");
    let ids: Vec<_> = connections["connections"].as_array().unwrap().iter().map(|one| text(&one["id"])).collect();
    let file = demo("widgets.json");
    let mut taken = std::collections::HashMap::new();
    for widget in file["widgets"].as_array().unwrap() {
        let cell = &widget["layout"]["wall"];
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| cell[key].as_u64().unwrap());
        assert!(x + w <= 12, "{widget}");
        for at in (x..x + w).flat_map(|column| (y..y + h).map(move |row| (column, row))) {
            let other = taken.insert((text(&widget["dashboard"]), at), text(&widget["id"]));
            assert_eq!(other, None, "{} stands on another widget", widget["id"]);
        }
        for binding in widget["bindings"].as_object().into_iter().flat_map(serde_json::Map::values) {
            let address = text(&binding["address"]);
            let known = ids.iter().any(|id| address.starts_with(&format!("{id}."))) || address.starts_with("calc.");
            assert!(known, "{address}");
        }
    }
    let house = House::new(&json!([]), &json!([])).kept();
    let answer = house.ask("POST", "/api/widgets/import?mode=replace", &file);
    assert_eq!((answer.status, &answer.json()["applied"]), (200, &json!(true)), "{}", answer.json());
    for note in answer.json()["notes"].as_array().unwrap() {
        assert!(text(&note["message"]).contains("no instance"), "{note}");
    }
}
