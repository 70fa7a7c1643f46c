//! Keys of one route: such as there are not, and values that they do not take.

use fieldrail_tests::Random;
use serde_json::Value;

use super::{Mistake, choose, put_transform, slip};
use crate::home::Home;

/// A key, and a number that it does not take.
const NUMBERS: [(&str, &str); 8] = [
    ("ttl_ms", "0"),
    ("ttl_ms", "-1"),
    ("ttl_ms", "2.5"),
    ("lease_ms", "50"),
    ("lease_ms", "0"),
    ("lease_ms", "1000000000"),
    ("ttl_ms", "1e30"),
    ("priority", "1.5"),
];

/// Numbers in a transform, and what they cannot be.
const ARGUMENTS: [(&str, &str); 16] = [
    ("scale(0.001)", "scale(0)"),
    ("round(1)", "round(20)"),
    ("round(2)", "round(2.5)"),
    ("round(3)", "round(-30)"),
    ("bit(3)", "bit(64)"),
    ("bit(3)", "bit(-1)"),
    ("clamp(0, 100)", "clamp(100, 0)"),
    ("clamp(6, 16)", "clamp(16, 6)"),
    ("deadband(0.5)", "deadband(-0.5)"),
    ("deadband(0.5)", "deadband(0)"),
    ("throttle(10min)", "throttle(0s)"),
    ("min, every=60s", "min, every=7s"),
    ("every=10s", "every=10ms"),
    ("(1d)", "(60d)"),
    ("(60s)", "(1ms)"),
    ("hysteresis(", "hysteresis(9"),
];

/// Ways of [`number`].
pub(super) const NUMBER_WAYS: usize = NUMBERS.len() + ARGUMENTS.len();

/// A number that cannot be.
pub(super) fn number(way: usize, home: &mut Home, random: &mut Random) -> Option<Mistake> {
    if let Some((key, number)) = NUMBERS.get(way) {
        let route = choose(home, random, |route| *key != "lease_ms" || !home.routes[route]["priority"].is_null())?;
        home.routes[route][*key] = serde_json::from_str(number).ok()?;
        return Some(Mistake::new([home.id(route)], format!("{key}: {number}")));
    }
    let (right, wrong) = ARGUMENTS[way - NUMBERS.len()];
    let route = choose(home, random, |route| home.text(route, "transform").contains(right))?;
    let transform = home.text(route, "transform").replacen(right, wrong, 1);
    Some(put_transform(home, route, &transform))
}

/// What people write for a key.
const UNKNOWN: [(&str, &str); 13] = [
    ("from", "source"),
    ("to", "target"),
    ("condition", "when"),
    ("condition", "filter"),
    ("transform", "transforms"),
    ("ttl_ms", "ttl"),
    ("lease_ms", "lease"),
    ("priority", "prio"),
    ("enabled", "active"),
    ("on_quality", "quality"),
    ("bidirectional", "two_way"),
    ("description", "comment"),
    ("tests", "test"),
];

/// Ways of [`unknown`].
pub(super) const UNKNOWN_WAYS: usize = UNKNOWN.len() + 2;

/// A key that there is not.
pub(super) fn unknown(way: usize, home: &mut Home, random: &mut Random) -> Option<Mistake> {
    if let Some((right, wrong)) = UNKNOWN.get(way) {
        let route = choose(home, random, |route| !home.routes[route][*right].is_null())?;
        rename(&mut home.routes[route], right, wrong)?;
        return Some(Mistake::new([home.id(route)], format!("`{right}` became `{wrong}`")));
    }
    if way == UNKNOWN.len() {
        let route = random.below(home.routes.len());
        let id = home.id(route);
        let keys: Vec<String> = home.routes[route].as_object()?.keys().filter(|key| *key != "id").cloned().collect();
        let right = keys[random.below(keys.len())].clone();
        let wrong = slip(&right, random);
        rename(&mut home.routes[route], &right, &wrong)?;
        return Some(Mistake::new([id], format!("`{right}` became `{wrong}`")));
    }
    let route = choose(home, random, |route| home.routes[route]["tests"][0].is_object())?;
    let (right, wrong) =
        random.pick(&[("input", "in"), ("output", "expected"), ("output", "outptu"), ("input", "inputs")]);
    rename(&mut home.routes[route]["tests"][0], right, wrong)?;
    Some(Mistake::new([home.id(route)], format!("tests: `{right}` became `{wrong}`")))
}

fn rename(keys: &mut Value, right: &str, wrong: &str) -> Option<()> {
    let object = keys.as_object_mut()?;
    let renamed = std::mem::take(object).into_iter();
    *object = renamed.map(|(key, value)| (if key == right { wrong.to_owned() } else { key }, value)).collect();
    Some(())
}

/// Keys with values that are of no kind that they take.
pub(super) const KINDS: [(&str, &str); 15] = [
    ("enabled", "\"true\""),
    ("enabled", "1"),
    ("from", "5"),
    ("from", "{ \"address\": \"plc_001.x\" }"),
    ("to", "null"),
    ("to", "true"),
    ("condition", "true"),
    ("condition", "[\"value > 5\"]"),
    ("transform", "[\"round(1)\"]"),
    ("transform", "{ \"scale\": 0.1 }"),
    ("ttl_ms", "\"30s\""),
    ("delivery", "\"fast\""),
    ("on_quality", "\"good\""),
    ("on_quality", "[\"best\"]"),
    ("priority", "\"high\""),
];

/// A value of another kind than its key.
pub(super) fn kind(way: usize, home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let (key, wrong) = KINDS[way];
    let route = random.below(home.routes.len());
    home.routes[route][key] = serde_json::from_str(wrong).ok()?;
    Some(Mistake::new([home.id(route)], format!("{key}: {wrong}")))
}
