//! Units that do not belong together.

use fieldrail_tests::Random;
use serde_json::json;

use super::{Mistake, Way, choose, ends, put_transform, say, touching, without};
use crate::home::Home;

/// The ways there are.
pub(super) const WAYS: [Way; 8] =
    [no_scale, no_offset, wrong_factor, wrong_prefix, wrong_quantity, wrong_time, second_source, looked_up];

/// The units that were said of both ends of a route.
fn units_of(home: &Home, route: usize) -> Option<(&str, &str)> {
    let (from, to) = ends(home, route)?;
    Some((home.said(from, "unit"), home.said(to, "unit"))).filter(|(a, b)| !a.is_empty() && !b.is_empty())
}

/// Whether both units are known and a step of the transform is this one.
fn fits(home: &Home, route: usize, step: &str) -> bool {
    units_of(home, route).is_some() && home.text(route, "transform").contains(step)
}

fn no_scale(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let route = choose(home, random, |route| fits(home, route, "scale("))?;
    let transform = without(home.text(route, "transform"), "scale(");
    Some(put_transform(home, route, &transform))
}

fn no_offset(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let route = choose(home, random, |route| fits(home, route, "offset("))?;
    let transform = without(home.text(route, "transform"), "offset(");
    Some(put_transform(home, route, &transform))
}

fn wrong_factor(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let route = choose(home, random, |route| fits(home, route, "scale(0.001)"))?;
    let factor = random.pick(&["scale(1000)", "scale(0.01)", "scale(0.0001)", "scale(0.1)"]);
    let transform = home.text(route, "transform").replace("scale(0.001)", factor);
    Some(put_transform(home, route, &transform))
}

/// Somebody says the unit of one end anew.
fn said_anew(home: &mut Home, random: &mut Random, anew: fn(&str, &mut Random) -> String) -> Option<Mistake> {
    let route = choose(home, random, |route| {
        home.is_on(route) && units_of(home, route).is_some() && !home.text(route, "transform").contains("expr(")
    })?;
    let (from, to) = ends(home, route)?;
    let address = if random.once_in(2) { from } else { to }.to_owned();
    let unit = anew(home.said(&address, "unit"), random);
    Some(say(home, &address, "unit", &unit))
}

fn wrong_prefix(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    said_anew(home, random, |unit, random| match unit {
        "W" | "Wh" | "V" | "A" => format!("k{unit}"),
        "kW" | "kWh" | "mV" | "mA" => unit[1..].to_owned(),
        other => other_quantity(other, random),
    })
}

fn wrong_quantity(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    said_anew(home, random, other_quantity)
}

/// A unit of another quantity, whatever this one is of.
fn other_quantity(unit: &str, random: &mut Random) -> String {
    loop {
        let other = random.pick(&["V", "A", "°C", "bar", "W", "kWh", "%", "l"]);
        if !unit.contains(other.trim_start_matches('k')) {
            return other.to_owned();
        }
    }
}

/// A rate or an integral over another time; the unit is missed further down, where somebody said one.
fn wrong_time(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let (right, wrong) = random.pick(&[
        ("rate(1h)", "rate"),
        ("integrate(1h", "integrate(1min"),
        ("rate(1h)", "rate(1min)"),
        ("rate(1h)", "delta"),
    ]);
    let from_is_known = |route| ends(home, route).is_some_and(|(from, _)| !home.said(from, "unit").is_empty());
    let route = choose(home, random, |route| home.text(route, "transform").contains(right) && from_is_known(route))?;
    let (_, to) = ends(home, route)?;
    let below = touching(home, to);
    let to_is_known = |route: usize| ends(home, route).is_some_and(|(_, to)| !home.said(to, "unit").is_empty());
    if !(0..home.routes.len()).any(|route| below.contains(&home.id(route)) && to_is_known(route)) {
        return None;
    }
    let transform = home.text(route, "transform").replacen(right, wrong, 1);
    Some(Mistake { routes: below, ..put_transform(home, route, &transform) })
}

/// A second source beside the first, in another unit.
fn second_source(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let route = choose(home, random, |route| {
        let keys = &home.routes[route];
        let is_plain = keys["from"].is_string() && keys["bidirectional"] != true;
        is_plain && units_of(home, route).is_some() && !home.text(route, "transform").contains("expr(")
    })?;
    let from = ends(home, route)?.0.to_owned();
    let unit = home.said(&from, "unit").to_owned();
    let (second, other) = (format!("{from}_2"), other_quantity(&unit, random));
    home.datapoints.insert(second.clone(), json!({ "unit": other }));
    home.routes[route]["from"] = json!([from, second]);
    Some(Mistake::new([home.id(route)], format!("from: a second source in {other} beside one in {unit}")))
}

/// A datapoint that is looked up is in another unit than the value that it is held against.
fn looked_up(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let other = |home: &Home, route: usize| {
        let text = [home.text(route, "transform"), home.text(route, "condition")].concat();
        let address = text[text.find("dp('")? + 4..].split('\'').next()?.to_owned();
        let is_known = |address: &str| !home.said(address, "unit").is_empty();
        let may_meet = ["value - dp(", "value + dp("].iter().any(|meeting| text.contains(meeting));
        (may_meet && is_known(ends(home, route)?.0) && is_known(&address)).then_some(address)
    };
    let route = choose(home, random, |route| other(home, route).is_some())?;
    let address = other(home, route)?;
    let unit = home.said(&address, "unit");
    let said = unit.strip_prefix('k').map_or_else(|| format!("k{unit}"), ToOwned::to_owned);
    Some(Mistake { routes: vec![home.id(route)], ..say(home, &address, "unit", &said) })
}
