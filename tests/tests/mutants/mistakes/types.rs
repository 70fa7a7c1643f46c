//! Values of another kind than their datapoints.

use fieldrail_tests::Random;
use serde_json::json;

use super::{Mistake, Way, choose, ends, put_condition, put_transform, say, without};
use crate::home::Home;

/// The ways there are.
pub(super) const WAYS: [Way; 10] = [
    number_to_bool,
    fraction_to_whole,
    no_round,
    source_said_anew,
    number_step_on_text,
    number_step_on_bool,
    compared,
    other_results,
    wrong_variable,
    wrong_function,
];

/// The declared type of the source (0) or of the target (1).
fn said(home: &Home, route: usize, end: usize) -> &str {
    ends(home, route).map_or("", |(from, to)| home.said([from, to][end], "type"))
}

fn is_number(said: &str) -> bool {
    matches!(said, "INT" | "DINT" | "UINT" | "USINT" | "REAL" | "LREAL")
}

fn has(home: &Home, route: usize, steps: &[&str]) -> bool {
    steps.iter().any(|step| home.text(route, "transform").contains(step))
}

fn is_one_way(home: &Home, route: usize) -> bool {
    home.routes[route]["bidirectional"] != true
}

/// The target was said to be something that does not take a number.
fn number_to_bool(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let steps = ["scale(", "clamp(", "rate", "integrate("];
    let route = choose(home, random, |route| has(home, route, &steps) && is_number(said(home, route, 1)))?;
    let to = ends(home, route)?.1.to_owned();
    Some(say(home, &to, "type", "BOOL"))
}

fn fraction_to_whole(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let route = choose(home, random, |route| has(home, route, &["scale(0.001)"]) && is_number(said(home, route, 1)))?;
    let to = ends(home, route)?.1.to_owned();
    Some(say(home, &to, "type", random.pick(&["INT", "UINT", "DINT"])))
}

fn no_round(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let route = choose(home, random, |route| {
        let to_whole = matches!(said(home, route, 1), "INT" | "UINT" | "USINT");
        to_whole && has(home, route, &["| round"]) && is_number(said(home, route, 0))
    })?;
    let transform = without(home.text(route, "transform"), "round");
    Some(put_transform(home, route, &transform))
}

/// The source was said to be something that the steps do not take.
fn source_said_anew(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let steps = ["scale(", "clamp(", "round(", "hysteresis(", "rate", "deadband("];
    let route = choose(home, random, |route| {
        has(home, route, &steps) && is_number(said(home, route, 0)) && !has(home, route, &["expr("])
    })?;
    let from = ends(home, route)?.0.to_owned();
    Some(say(home, &from, "type", random.pick(&["BOOL", "STRING"])))
}

fn number_step_on_text(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let route = choose(home, random, |route| said(home, route, 0) == "STRING")?;
    let step = random.pick(&["scale(0.1)", "round(1)", "clamp(0, 100)", "avg(60s)"]);
    let transform = format!("{step} | {}", home.text(route, "transform"));
    Some(put_transform(home, route, transform.trim_end_matches(" | ")))
}

fn number_step_on_bool(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let route = choose(home, random, |route| {
        let stays = !has(home, route, &["expr(", "template("]);
        said(home, route, 0) == "BOOL" && is_one_way(home, route) && stays
    })?;
    let step = random.pick(&["round(1)", "scale(10)", "deadband(1)", "avg(1h)", "json('/on')"]);
    let transform = format!("{} | {step}", home.text(route, "transform"));
    Some(put_transform(home, route, transform.trim_start_matches(" | ")))
}

/// What a value is compared with, and what is of another kind.
const COMPARED: [(&str, &str); 7] = [
    ("value == true", "value == 'true'"),
    ("value == true", "value == 1"),
    ("value == true", "value > 0"),
    ("value > 0", "value > '0'"),
    ("value > ", "not value and value > "),
    ("value != 'unavailable'", "value != 0"),
    ("value in ['single', 'double', 'hold']", "value in [1, 2, 3]"),
];

fn compared(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let (right, wrong) = random.pick(&COMPARED);
    let route = choose(home, random, |route| {
        home.text(route, "condition").contains(right) && !said(home, route, 0).is_empty()
    })?;
    let condition = home.text(route, "condition").replacen(right, wrong, 1);
    Some(put_condition(home, route, &condition))
}

fn other_results(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let (right, wrong) = random.pick(&[
        ("= true", "= 'yes'"),
        ("'single' = 1", "'single' = 'one'"),
        ("expr(value > ", "expr(value - "),
        ("bool", "text"),
    ]);
    let route = choose(home, random, |route| has(home, route, &[right]) && !said(home, route, 1).is_empty())?;
    let transform = home.text(route, "transform").replace(right, wrong);
    Some(put_transform(home, route, &transform))
}

/// A number goes to a variable that is a BOOL, a sentence to a number.
fn wrong_variable(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let route = choose(home, random, |route| {
        let is_known = !said(home, route, 0).is_empty() && has(home, route, &["scale(", "round", "template("]);
        is_known && is_one_way(home, route)
    })?;
    let other = if has(home, route, &["template("]) { "REAL" } else { "BOOL" };
    let plc = home.connections.iter().find(|one| one["driver"] == "virtual")?["id"].as_str()?;
    let to = format!("{plc}.MAIN.other");
    home.datapoints.insert(to.clone(), json!({ "type": other }));
    let what = format!("to: {} became `{to}`, which is {other}", home.routes[route]["to"]);
    home.routes[route]["to"] = to.into();
    Some(Mistake::new([home.id(route)], what))
}

/// Functions of numbers on texts.
fn wrong_function(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let (right, wrong) = random.pick(&[
        ("number(", "abs("),
        ("replace(value, ',', '.')", "value * 2 + '.'"),
        ("lower(value)", "value > 1"),
        ("len(value)", "abs(value)"),
    ]);
    let key = random.pick(&["condition", "transform"]);
    let route =
        choose(home, random, |route| home.text(route, key).contains(right) && said(home, route, 0) == "STRING")?;
    let text = home.text(route, key).replacen(right, wrong, 1);
    Some(if key == "condition" { put_condition(home, route, &text) } else { put_transform(home, route, &text) })
}
