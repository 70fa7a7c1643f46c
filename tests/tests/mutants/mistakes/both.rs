//! Routes in both directions that cannot be.

use fieldrail_tests::Random;
use serde_json::{Value, json};

use super::{Mistake, Way, choose, is_plain};
use crate::home::Home;

/// The ways there are.
pub(super) const WAYS: [Way; 8] =
    [no_way_back, two_sources, two_targets, route_back, another_writer, switched_on, unreadable, with_priority];

/// A random route in both directions, with its ends.
fn pair(home: &Home, random: &mut Random) -> Option<(usize, String, String)> {
    let route = choose(home, random, |route| home.routes[route]["bidirectional"] == true)?;
    Some((route, home.text(route, "from").to_owned(), home.text(route, "to").to_owned()))
}

fn no_way_back(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let (route, ..) = pair(home, random)?;
    let step = random.pick(&["clamp(5, 30)", "expr(value + 0)", "deadband(0.5)", "throttle(1s)", "on_change"]);
    let transform = format!("{} | {step}", home.text(route, "transform"));
    home.routes[route]["transform"] = transform.trim_start_matches(" | ").into();
    Some(Mistake::new([home.id(route)], format!("the step {step} in both directions")))
}

fn two_sources(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let (route, from, _) = pair(home, random)?;
    home.routes[route]["from"] = json!([from, format!("{from}_2")]);
    Some(Mistake::new([home.id(route)], "two sources in both directions"))
}

fn two_targets(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let (route, _, to) = pair(home, random)?;
    home.routes[route]["to"] = json!([to, random.pick(&["log.system", "calc.copy"])]);
    Some(Mistake::new([home.id(route)], "two targets in both directions"))
}

fn route_back(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let (route, from, to) = pair(home, random)?;
    let id = home.id(route);
    home.routes.push(json!({ "id": format!("{id}_back"), "from": to, "to": from }));
    Some(Mistake::new([format!("{id}_back"), id], "a route back beside it"))
}

fn another_writer(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let (route, from, to) = pair(home, random)?;
    let (id, end) = (home.id(route), if random.once_in(2) { &from } else { &to });
    home.routes.push(json!({ "id": format!("{id}_too"), "from": format!("{from}_x"), "to": end }));
    Some(Mistake::new([format!("{id}_too"), id], format!("another route writes `{end}`")))
}

/// Somebody thinks that it can simply be switched on.
fn switched_on(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let one_way = ["clamp", "expr", "avg", "deadband", "hysteresis", "template", "throttle"];
    let route = choose(home, random, |route| one_way.iter().any(|step| home.text(route, "transform").contains(step)))?;
    home.routes[route]["bidirectional"] = true.into();
    let what = format!("`{}` in both directions", home.text(route, "transform"));
    Some(Mistake::new([home.id(route)], what))
}

/// A target from which nothing comes, or which is not known before.
fn unreadable(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let is = |to: &str| to == "log.system" || !is_plain(to);
    let route = choose(home, random, |route| home.addresses(route, "to").into_iter().any(is))?;
    home.routes[route]["bidirectional"] = Value::Bool(true);
    Some(Mistake::new([home.id(route)], format!("to {} in both directions", home.routes[route]["to"])))
}

fn with_priority(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let (route, ..) = pair(home, random)?;
    home.routes[route]["priority"] = json!(random.between(1, 9));
    Some(Mistake::new([home.id(route)], "a priority in both directions"))
}
