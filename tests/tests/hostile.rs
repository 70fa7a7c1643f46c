//! Hostile plugins beside a healthy route, several at a time: the short run of `make hostile`.
#![allow(clippy::unwrap_used)] // in what only tests call, a panic is how a test fails

use std::time::Duration;

use fieldrail_testkit::Mosquitto;
use fieldrail_tests::House;
use fieldrail_tests::hostile::cases::{CASES, Case};
use fieldrail_tests::hostile::{Neighbour, PLUGINS, Trial};
use serde_json::json;

/// Tests run beside each other on few cores: what starts, waits for a core, and is watched late.
const ALLOWANCE: Duration = Duration::from_secs(15);

#[track_caller]
fn check(cgroups: bool, which: impl Fn(&Case) -> bool) {
    let broker = Mosquitto::start();
    let house = House::new(&json!([Neighbour::connection(broker.port())]), &json!([Neighbour::route()]));
    let house = house.with_plugins(PLUGINS);
    house.put("fieldrail.json", &json!({ "version": "1.0", "listen": "127.0.0.1:0", "cgroups": cgroups }));
    house.put("secrets.json", &json!({ "version": "1.0", "secrets": {} }));
    let house = house.kept();
    let neighbour = Neighbour::start(&house, broker.port());
    let trial = Trial { allowance: ALLOWANCE, at_once: 8, ..Trial::new(&house) };
    let cases: Vec<_> = CASES.iter().filter(|case| which(case) && trial.has_walls_for(case)).collect();
    let mut decided = 0;
    trial.run(cases.iter().copied(), |_| decided += 1);
    assert!(neighbour.finish(&house) > 100);
    assert_eq!(decided, cases.len());
}

#[test]
fn every_hostile_plugin_is_contained_and_named_and_a_route_beside_it_loses_nothing() {
    assert!(CASES.len() >= 25);
    check(true, |_| true);
}

#[test]
fn without_control_groups_the_daemon_holds_the_same_limits() {
    check(false, |case| case.by_cgroups);
}
