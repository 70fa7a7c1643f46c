//! Plugins that misbehave: each is ended with a reason on its own instance, and the others do not notice.
#![allow(clippy::unwrap_used)] // in what only tests call, a panic is how a test fails

use std::time::{Duration, Instant};

use fieldrail_testkit::Mosquitto;
use fieldrail_tests::mqtt::{Listener, Talker};
use fieldrail_tests::{House, wait_for};
use serde_json::{Value, json};

const PLUGINS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/plugins");

/// Runs the rogue in this mode beside a good plugin, and wants these words as the reason.
#[track_caller]
fn check(mode: &str, want: &str) {
    let connections = json!([
        { "id": "rogue", "driver": "rogue", "config": { "mode": mode }, "health": { "auto_restart": false } },
        { "id": "good", "driver": "counter", "config": {} }
    ]);
    let house = House::new(&connections, &json!([{ "id": "r", "from": "good.count", "to": "calc.count" }]));
    let house = house.with_plugins(PLUGINS).kept();
    let good = house.wait_until("good", "running")["pid"].clone();
    let rogue = house.wait_until("rogue", "error");
    let said = format!("{} {}", rogue["text"], rogue["last_error"]);
    assert!(said.contains(want), "{said}");
    wait_for("the good one goes on", Duration::from_secs(5), || {
        house.value("calc.count").filter(|count| count["value"].as_i64() >= Some(2))
    });
    let unharmed = house.instance("good");
    assert_eq!((&unharmed["pid"], &unharmed["restarts"]), (&good, &json!(0)), "{unharmed}");
}

#[test]
fn garbage_on_stdout_ends_the_plugin_with_the_reason() {
    check("garbage", "no message");
}

#[test]
fn a_giant_message_ends_the_plugin_with_the_reason() {
    check("giant", "over the limit");
}

#[test]
fn half_a_message_is_noticed_when_the_plugin_ends() {
    check("half", "in the middle of a frame");
}

/// Runs the rogue in this mode with these limits beside a route from broker to broker, which may lose nothing. Once with
/// control groups, where this machine has them, and once without. Returns how it stands at last.
#[track_caller]
fn contain(mode: &str, limits: &Value, done: impl Fn(&Value) -> bool) -> [Value; 2] {
    [true, false].map(|cgroups| {
        let broker = Mosquitto::start();
        let connections = json!([
            { "id": "rogue", "driver": "rogue", "config": { "mode": mode }, "limits": limits },
            { "id": "mqtt", "driver": "mqtt", "config": { "host": "127.0.0.1", "port": broker.port() } }
        ]);
        let route = json!([{ "id": "r", "from": "mqtt.in", "to": "mqtt.out", "delivery": "queued" }]);
        let house = House::new(&connections, &route).with_plugins(PLUGINS);
        house.put("fieldrail.json", &json!({ "version": "1.0", "listen": "127.0.0.1:0", "cgroups": cgroups }));
        let house = house.kept();
        let healthy = house.wait_until("mqtt", "running")["pid"].clone();
        let arriving = Listener::start(broker.port(), "out");
        let mut talker = Talker::start(broker.port(), "in", 0);
        let begun = Instant::now();
        let (mut said, mut ended) = (0, None);
        while ended.is_none() || said < 500 {
            talker.say(&said.to_string());
            said += 1;
            if ended.is_none() && said % 20 == 0 {
                ended = Some(house.instance("rogue")).filter(|rogue| done(rogue));
            }
            assert!(begun.elapsed() < Duration::from_secs(40), "not contained: {}", house.instance("rogue"));
            std::thread::sleep(Duration::from_millis(5));
        }
        for n in 0..said {
            assert_eq!(arriving.next(Duration::from_secs(5)), Some(("out".into(), n.to_string())), "lost or swapped");
        }
        let unharmed = house.instance("mqtt");
        assert_eq!((&unharmed["pid"], &unharmed["restarts"]), (&healthy, &json!(0)), "{unharmed}");
        assert_eq!((&unharmed["guard"]["shed"], &unharmed["guard"]["spam"]), (&json!(0), &json!("fine")));
        if mode == "flood" {
            reactivated(&house);
        }
        ended.unwrap()
    })
}

/// A person gives it other limits and lets it begin anew.
fn reactivated(house: &House) {
    let wrong = house.ask("POST", "/api/admin/instances/rogue/limits", &json!({ "max_pps": 0 }));
    assert_eq!(wrong.status, 422, "{}", String::from_utf8_lossy(&wrong.body));
    let limits = json!({ "max_pps": 1_000_000, "priority": "low" });
    let answer = house.ask("POST", "/api/admin/instances/rogue/limits", &limits).json();
    assert_eq!((&answer["state"], &answer["guard"]["max_pps"]), (&json!("suspended_by_spam"), &json!(1_000_000)));
    assert!(house.text("connections.json").contains("1000000"));
    let answer = house.ask("POST", "/api/admin/instances/rogue/reactivate", &Value::Null);
    assert_eq!(answer.status, 200);
    house.wait_until("rogue", "running");
    let again = house.ask("POST", "/api/admin/instances/rogue/reactivate", &Value::Null);
    assert_eq!(again.status, 409, "it is not suspended any more");
}

/// Who must hold it: on a machine with control groups the kernel in the first run, the daemon in the second.
#[track_caller]
fn check_held(by: &str, ended: &[Value; 2], itself: &str) {
    let words = ended.each_ref().map(|rogue| rogue["guard"][by].as_str().unwrap_or_default().to_owned());
    assert!(words[0] == itself || words[0].starts_with("cgroup_"), "{words:?}");
    assert_eq!(words[1], itself);
}

#[test]
fn a_leak_is_suspended_and_a_route_beside_it_loses_nothing() {
    let ended = contain("leak", &json!({ "memory_mb": 64 }), |rogue| rogue["state"] == "suspended_by_limit");
    for rogue in &ended {
        let text = rogue["text"].as_str().unwrap();
        assert!(text.contains("its limit is 64 MB") && text.contains("third time"), "{text}");
    }
}

#[test]
fn a_busy_loop_gets_its_share_and_a_route_beside_it_loses_nothing() {
    let held = |rogue: &Value| {
        let (used, throttled) = (rogue["cpu_percent"].as_f64(), rogue["throttled_percent"].as_f64());
        used.is_some_and(|used| (5.0..=15.0).contains(&used)) && throttled > Some(50.0)
    };
    let ended = contain("busy", &json!({ "max_cpu_share": 0.1 }), held);
    check_held("cpu_by", &ended, "pacing");
    for rogue in &ended {
        assert_eq!((&rogue["state"], &rogue["restarts"]), (&json!("running"), &json!(0)), "{rogue}");
    }
}

#[test]
fn children_that_burn_count_for_their_instance_and_a_route_beside_them_loses_nothing() {
    let held = |rogue: &Value| {
        let (used, throttled) = (rogue["cpu_percent"].as_f64(), rogue["throttled_percent"].as_f64());
        used.is_some_and(|used| (2.0..=9.0).contains(&used)) && throttled > Some(20.0) && rogue["processes"] == 5
    };
    // So small a share that even a machine busy with other tests has it left for one that only gets what others leave.
    let ended = contain("children", &json!({ "max_cpu_share": 0.05, "priority": "idle" }), held);
    check_held("cpu_by", &ended, "pacing");
}

#[test]
fn a_flood_is_suspended_with_its_evidence_and_a_route_beside_it_loses_nothing() {
    let ended = contain("flood", &json!({}), |rogue| rogue["state"] == "suspended_by_spam");
    for rogue in &ended {
        let text = rogue["text"].as_str().unwrap();
        assert!(text.contains("its limit is 500/s") && text.contains("`noise/"), "{text}");
        let evidence = &rogue["guard"]["evidence"];
        assert!(evidence["rate"].as_f64() > Some(500.0), "{evidence}");
        assert!(evidence["top"][0]["tag"].as_str().unwrap().starts_with("noise/"), "{evidence}");
    }
}
