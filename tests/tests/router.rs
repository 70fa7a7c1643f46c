//! The router in the built daemon, with real brokers: what is durable arrives, two ends settle, a reload loses nothing, and
//! the commands say why.
#![allow(clippy::unwrap_used)] // in what only tests call, a panic is how a test fails

use std::fs;
use std::time::Duration;

use fieldrail_testkit::Mosquitto;
use fieldrail_tests::mqtt::{Listener, Talker, publish};
use fieldrail_tests::{House, wait_for};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(5);

fn mqtt(id: &str, port: u16) -> Value {
    let config = json!({ "host": "127.0.0.1", "port": port, "publish_qos": 1, "subscribe_qos": 1 });
    json!({ "id": id, "driver": "mqtt", "config": config })
}

fn virtually(ids: &[&str]) -> Vec<Value> {
    ids.iter().map(|id| json!({ "id": id, "driver": "virtual" })).collect()
}

fn text(output: &std::process::Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn every_acknowledged_value_of_a_durable_route_arrives_in_order_however_often_the_daemon_is_killed() {
    let mut broker = Mosquitto::start();
    let port = broker.port();
    broker.kill();
    let mut connections = virtually(&["meter"]);
    connections.push(mqtt("away", port));
    let routes = json!([{ "id": "keep", "from": "meter.*", "to": "away.kept/{tag}", "delivery": "durable" }]);
    let mut house = House::new(&json!(connections), &routes).kept();
    let (mut acknowledged, tags) = (0, ["a", "b", "c"]);
    for round in 0..5 {
        for _ in 0..60 {
            let tag = tags[acknowledged % tags.len()];
            house.route_data("meter", tag, acknowledged);
            acknowledged += 1;
        }
        let waiting = house.get("/api/router/stats")["on_disk"][0]["values"].as_u64();
        assert_eq!(waiting, Some(acknowledged as u64), "round {round}");
        house.kill();
        if round < 4 {
            house.keep();
        }
    }
    broker.restart();
    let arriving = Listener::start(broker.port(), "kept/#");
    house.keep();
    let mut got: [Vec<usize>; 3] = Default::default();
    for _ in 0..acknowledged {
        let (topic, payload) = arriving.next(Duration::from_secs(20)).expect("a value is missing");
        let nth = tags.iter().position(|tag| topic == format!("kept/{tag}")).unwrap();
        got[nth].push(payload.parse().unwrap());
    }
    for (nth, got) in got.iter().enumerate() {
        let want: Vec<usize> = (0..acknowledged).filter(|n| n % tags.len() == nth).collect();
        assert_eq!(got, &want, "kept/{}", tags[nth]);
    }
    wait_for("nothing waits on disk", SOON, || {
        let stats = house.get("/api/router/stats");
        stats["on_disk"].as_array().is_some_and(|lanes| lanes.iter().all(|lane| lane["values"] == 0)).then_some(())
    });
}

/// A generator of its own, so that a run can be had again.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Whatever is said at either end at random, both agree on what was said last, and then it is quiet. `factor` is what the
/// route `both` multiplies with on its way from the first address to the second.
fn both_settle(house: &House, addresses: [&str; 2], factor: u64, mut say: impl FnMut(usize, u64)) {
    let mut random = Random(0x2545_f491);
    let mut change = |end: usize, value: u64| say(end, if end == 0 { value } else { value * factor });
    for round in 0..6 {
        for _ in 0..20 {
            let (end, value) = (usize::try_from(random.below(2)).unwrap(), random.below(90) + 1);
            change(end, value);
            std::thread::sleep(Duration::from_millis(random.below(6)));
        }
        std::thread::sleep(Duration::from_millis(150));
        let last = 100 + round;
        change(usize::try_from(random.below(2)).unwrap(), last);
        wait_for("both ends agree on the last change", SOON, || {
            let value = |address| house.value(address).and_then(|point| point["value"].as_u64());
            (addresses.map(value) == [Some(last), Some(last * factor)]).then_some(())
        });
        std::thread::sleep(Duration::from_millis(200));
        let passed = || house.get("/api/router/stats")["by_route"]["both"]["passed"].clone();
        let before = passed();
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(passed(), before, "the two ends ring");
    }
}

#[test]
fn two_topics_of_two_brokers_follow_each_other_and_settle_on_the_last_change() {
    let (left, right) = (Mosquitto::start(), Mosquitto::start());
    let routes = json!([{ "id": "both", "from": "left.lamp", "to": "right.lamp", "bidirectional": true,
                          "transform": "scale(10)" }]);
    let house = House::new(&json!([mqtt("left", left.port()), mqtt("right", right.port())]), &routes).kept();
    house.wait_until("left", "running");
    house.wait_until("right", "running");
    let mut ends = [Talker::start(left.port(), "lamp", 1), Talker::start(right.port(), "lamp", 1)];
    publish(left.port(), "lamp", "1", &[]);
    wait_for("the first value is there", SOON, || house.value("right.lamp").filter(|point| point["value"] == 10));
    both_settle(&house, ["left.lamp", "right.lamp"], 10, |end, value| ends[end].say(&value.to_string()));
}

#[test]
fn a_topic_and_a_variable_of_a_plc_follow_each_other_and_settle_on_the_last_change() {
    let broker = Mosquitto::start();
    let plc = json!({ "id": "plc_001", "driver": "ads", "simulated": true,
                      "config": { "ams_net_id": "192.168.2.162.1.1", "ams_port": 801, "host": "127.0.0.1" } });
    let routes = json!([{ "id": "both", "from": "left.mode", "to": "plc_001.MAIN.nMode", "bidirectional": true,
                          "transform": "scale(10)" }]);
    let house = House::new(&json!([mqtt("left", broker.port()), plc]), &routes).kept();
    house.wait_until("left", "running");
    house.wait_until("plc_001", "running");
    let mut topic = Talker::start(broker.port(), "mode", 1);
    publish(broker.port(), "mode", "1", &[]);
    let variable = "plc_001.MAIN.nMode";
    wait_for("the first value is there", SOON, || house.value(variable).filter(|point| point["value"] == 10));
    both_settle(&house, ["left.mode", variable], 10, |end, value| {
        if end == 0 {
            return topic.say(&value.to_string());
        }
        // As the PLC's own panel would: no route knows of it before the PLC says it.
        let written = house.ask("POST", "/api/datapoint/write", &json!({ "address": variable, "value": value }));
        assert_eq!(written.json()["outcome"], "confirmed", "{}", written.json());
    });
}

#[test]
fn a_value_that_a_bridge_between_brokers_brings_back_goes_round_once() {
    let left = Mosquitto::start();
    let bridge = format!(
        "allow_anonymous true\nconnection back\naddress 127.0.0.1:{}\nbridge_protocol_version mqttv50\n\
         notifications false\ntry_private false\ntopic round/# out 1\n",
        left.port()
    );
    let right = Mosquitto::with(&bridge);
    let five = |id, broker: &Mosquitto| {
        let mut connection = mqtt(id, broker.port());
        connection["config"]["protocol"] = json!("5");
        connection
    };
    // Round: left → (route) → right → (bridge) → left. And once through a third topic, so that the way is longer.
    let routes = json!([
        { "id": "there", "from": "left.round/a", "to": "right.round/a" },
        { "id": "on", "from": "left.round/b", "to": "right.round/c" },
        { "id": "further", "from": "left.round/c", "to": "right.round/b" }]);
    let house = House::new(&json!([five("left", &left), five("right", &right)]), &routes).kept();
    house.wait_until("left", "running");
    house.wait_until("right", "running");
    let (at_left, at_right) = (Listener::start(left.port(), "round/#"), Listener::start(right.port(), "round/#"));
    wait_for("the bridge stands", SOON, || {
        publish(right.port(), "round/ready", "?", &[]);
        at_left.next(Duration::from_millis(200))
    });
    while at_right.next(Duration::from_millis(300)).is_some() {}
    for topic in ["round/a", "round/b"] {
        for value in ["1", "2", "2", "3"] {
            publish(left.port(), topic, value, &[]);
        }
    }
    let mut seen: Vec<String> = Vec::new();
    while let Some((topic, payload)) = at_right.next(Duration::from_secs(1)) {
        seen.push(format!("{topic}={payload}"));
        assert!(seen.len() < 100, "it goes round: {seen:?}");
    }
    let of = |topic: &str| -> Vec<&str> {
        seen.iter().filter_map(|seen| seen.strip_prefix(topic)?.strip_prefix('=')).collect()
    };
    for topic in ["round/a", "round/b", "round/c"] {
        assert_eq!(of(topic), ["1", "2", "2", "3"], "{seen:?}");
    }
    let stats = house.get("/api/router/stats");
    assert!(stats["by_route"]["there"]["dropped_by_loop"].as_u64() >= Some(3), "{stats}");
}

#[test]
fn a_reload_under_load_loses_doubles_and_reorders_nothing() {
    let (here, there) = (Mosquitto::start(), Mosquitto::start());
    let kept = json!({ "id": "kept", "from": "here.in", "to": "there.out", "delivery": "queued" });
    let house =
        House::new(&json!([mqtt("here", here.port()), mqtt("there", there.port())]), &json!([kept.clone()])).kept();
    house.wait_until("here", "running");
    house.wait_until("there", "running");
    let arriving = Listener::start(there.port(), "out");
    let mut talker = Talker::start(here.port(), "in", 1);
    for n in 0..3000 {
        if n % 150 == 75 {
            let other = json!({ "id": format!("other_{n}"), "from": "here.in", "to": format!("calc.c{n}"),
                                "transform": "avg(1s)" });
            let routes = if n % 2 == 0 { json!([kept, other]) } else { json!([other, kept]) };
            house.put("routing.json", &json!({ "version": "1.0", "routes": routes }));
        }
        talker.say(&n.to_string());
        std::thread::sleep(Duration::from_millis(1));
    }
    for n in 0..3000 {
        assert_eq!(arriving.next(SOON), Some(("out".into(), n.to_string())));
    }
    assert_eq!(arriving.next(Duration::from_millis(300)), None);
    assert_eq!(house.get("/api/router/stats")["by_route"]["kept"]["passed"], 3000);
}

#[test]
fn computed_values_survive_a_killed_daemon() {
    let routes = json!([{ "id": "r", "from": "plc.x", "to": "calc.made", "transform": "scale(2)" }]);
    let mut house = House::new(&json!(virtually(&["plc"])), &routes).kept();
    house.route_data("calc", "set", "by hand");
    house.route_data("plc", "x", 21);
    std::thread::sleep(Duration::from_millis(2500));
    house.kill();
    house.keep();
    let (set, made) = (house.value("calc.set").unwrap(), house.value("calc.made").unwrap());
    assert_eq!((&set["value"], &set["quality"]), (&json!("by hand"), &json!("good")));
    assert_eq!((&made["value"], &made["reason"]), (&json!(42), &json!("last_usable")));
}

#[test]
fn the_commands_say_why_a_datapoint_has_its_value_and_what_happens_on_the_way() {
    let routes = json!([
        { "id": "plan", "from": "plc.plan", "to": "pump.speed", "priority": 1, "transform": "scale(0.5) | round(1)" },
        { "id": "hand", "from": "plc.hand", "to": "pump.speed", "priority": 9, "lease_ms": 60000 },
        { "id": "kw", "from": "plc.w", "to": "calc.kw", "transform": "scale(0.001) | round(1)", "condition": "value > 0" }
    ]);
    let house = House::new(&json!(virtually(&["plc", "pump"])), &routes).kept();
    house.route_data("plc", "hand", 7);
    house.route_data("plc", "plan", 31);
    let said = text(&house.run(&["explain", "pump.speed"]));
    assert!(
        said.contains("was sent 7 (good)") && said.contains("The route `hand` sent it, from `plc.hand`."),
        "{said}"
    );
    assert!(said.contains("The route `hand` has a higher priority and holds the target for"), "{said}");
    let nothing = house.run(&["explain", "plc.nothing"]);
    assert!(!nothing.status.success() && text(&nothing).contains("nothing is known of `plc.nothing`"));

    let tap =
        house.command(&["tap", "plc.w", "--stage", "step", "--stage", "output", "--stage", "dropped", "--count", "3"]);
    let tap = { tap }.stdout(std::process::Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(500));
    house.route_data("plc", "w", 4260);
    house.route_data("plc", "w", -5);
    let said = text(&tap.wait_with_output().unwrap());
    let lines: Vec<&str> = said.lines().filter_map(|line| line.split_once("  ")).map(|(_, rest)| rest).collect();
    assert_eq!(
        lines,
        [
            "step 1 [kw]  plc.w = 4.26  good",
            "output [kw]  plc.w -> calc.kw = 4.3  good",
            "dropped (condition) [kw]  plc.w = -5  good"
        ]
    );
    let wrong = house.run(&["tap", "plc.w", "--stage", "middle"]);
    assert!(text(&wrong).contains("there is no stage `middle`"), "{}", text(&wrong));
}

#[test]
fn a_plan_tells_what_other_rules_would_have_made_of_a_recording() {
    let old = json!({ "id": "r", "from": "plc.x", "to": "calc.y", "transform": "scale(2)" });
    let house = House::new(&json!(virtually(&["plc"])), &json!([old])).kept();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (file, rules) = (path("x.rec"), path("new.json"));
    let recording = house.command(&["record", &file, "--for", "2"]).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(700));
    for value in [1, 2, 30] {
        house.route_data("plc", "x", value);
    }
    assert!({ recording }.wait().unwrap().success());
    let plan = |transform: &str| {
        let new = json!({ "id": "r", "from": "plc.x", "to": "calc.y", "transform": transform });
        fs::write(&rules, json!({ "version": "1.0", "routes": [new] }).to_string()).unwrap();
        house.run(&["plan", &rules, "--from", &file])
    };
    let same = plan("scale(2)");
    assert_eq!(same.status.code(), Some(0), "{}", text(&same));
    // What the house says of itself came in too.
    assert!(
        text(&same).contains(" samples from ") && text(&same).contains("0 outputs differ, 1 do not"),
        "{}",
        text(&same)
    );
    let other = plan("scale(2) | clamp(0, 50)");
    assert_eq!(other.status.code(), Some(2));
    let said = text(&other);
    assert!(said.contains("~ calc.y: 1 changed, 0 gone, 0 new (3 before, 3 after)"), "{said}");
    assert!(said.contains("60 (good) -> 50 (good)"), "{said}");
    let wrong = plan("skale(2)");
    assert_eq!(wrong.status.code(), Some(1));
    assert!(text(&wrong).contains("unknown step `skale`"), "{}", text(&wrong));
    fs::write(&file, "no recording at all").unwrap();
    assert!(text(&plan("scale(2)")).contains("is no recording"));
}
