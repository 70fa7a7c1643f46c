//! Routes that do not do any more what their tests say, and tests that say something else.

use fieldrail_tests::Random;
use serde_json::Value;

use super::{Mistake, Way, choose, put_condition, put_transform};
use crate::home::Home;

/// The ways there are.
pub(super) const WAYS: [Way; 6] = [other_output, other_number, other_condition, other_step, other_source, other_input];

/// The first test of a route; null if it has none.
fn test(home: &Home, route: usize) -> &Value {
    &home.routes[route]["tests"][0]
}

fn other_output(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let route = choose(home, random, |route| test(home, route)["output"].is_number())?;
    let right = test(home, route)["output"].as_f64()?;
    let wrong = random.pick(&[right * 10.0 + 1.0, right + 0.1, -right - 1.0, right / 100.0 - 1.0]);
    home.routes[route]["tests"][0]["output"] = wrong.into();
    Some(Mistake::new([home.id(route)], format!("test: {right} became {wrong}")))
}

/// One output is forgotten, or one too many is expected.
fn other_number(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let several = |output: &Value| output.as_array().is_some_and(|all| all.len() > 1);
    let route = choose(home, random, |route| several(&test(home, route)["output"]))?;
    let all = home.routes[route]["tests"][0]["output"].as_array_mut()?;
    if random.once_in(2) {
        drop(all.pop());
    } else {
        all.push(all[0].clone());
    }
    Some(Mistake::new([home.id(route)], "test: another number of outputs"))
}

fn other_condition(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let (right, wrong) = random.pick(&[(" > ", " < "), (" == ", " != "), (" < ", " > "), (" or ", " and ")]);
    let fits = |route| test(home, route).is_object() && home.text(route, "condition").contains(right);
    let route = choose(home, random, fits)?;
    let condition = home.text(route, "condition").replacen(right, wrong, 1);
    Some(put_condition(home, route, &condition))
}

fn other_step(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let (right, wrong) = random.pick(&[
        ("scale(0.001)", "scale(0.002)"),
        ("'off'", "'of'"),
        ("bit(3)", "bit(2)"),
        ("expr(value < ", "expr(value > "),
        ("690", "960"),
        ("2.55", "2.5"),
        ("-273.15", "273.15"),
        ("'/current/total'", "'/current/totl'"),
    ]);
    let fits = |route| test(home, route).is_object() && home.text(route, "transform").contains(right);
    let route = choose(home, random, fits)?;
    let transform = home.text(route, "transform").replacen(right, wrong, 1);
    Some(put_transform(home, route, &transform))
}

/// The input comes from a source that is not the route's.
fn other_source(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let route = choose(home, random, |route| test(home, route)["input"]["address"].is_string())?;
    let right = test(home, route)["input"]["address"].as_str()?.to_owned();
    let wrong = right.replacen(['.', '/'], "_", 2);
    home.routes[route]["tests"][0]["input"]["address"] = wrong.as_str().into();
    Some(Mistake::new([home.id(route)], format!("test: `{right}` became `{wrong}`")))
}

fn other_input(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let is_number = |route| test(home, route)["input"].is_number() && test(home, route)["output"].is_number();
    let route = choose(home, random, is_number)?;
    let right = test(home, route)["input"].as_f64()?;
    let wrong = random.pick(&[right * 3.0 + 7.0, right / 2.0 - 40.0]);
    home.routes[route]["tests"][0]["input"] = wrong.into();
    Some(Mistake::new([home.id(route)], format!("test: the input {right} became {wrong}")))
}
