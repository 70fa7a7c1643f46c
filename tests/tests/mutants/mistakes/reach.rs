//! Conditions that let nothing pass, or everything, or of which a part does.

use fieldrail_tests::Random;
use serde_json::json;

use super::{Mistake, Way, choose, ends, is_plain, put_condition};
use crate::home::Home;

/// What people join to a condition, or write in its place, and of which type the source has to be for that. `*` is any.
const WRITTEN: [(&str, &str); 17] = [
    ("value > 80 and value < 20", "number"),
    ("value >= 100 and value < 100", "number"),
    ("value == 'on' and value == 'off'", "text"),
    ("value == 0 and value == 1", "number"),
    ("value != 'off' or value != 'unavailable'", "text"),
    ("value > 10 or value < 20", "number"),
    ("quality == 'Good'", "*"),
    ("quality == 'stale'", "*"),
    ("quality == 'god' or value == null", "*"),
    ("reason == 'not connected'", "*"),
    ("quality in ['good', 'uncertan']", "*"),
    ("age < 0", "*"),
    ("age > 10min and age < 60s", "*"),
    ("value < 0", "unsigned"),
    ("value > 300", "USINT"),
    ("value == true and value == false", "BOOL"),
    ("(value > 50 and value < 30) or quality == 'bad'", "number"),
];

const CHANGED: [Way; 4] = [changed_places, held_back, foreign_tag, foreign_source];

/// The number of ways there are.
pub(super) const WAYS: usize = WRITTEN.len() + CHANGED.len();

/// A condition that is never true, or always, or a part of it is.
pub(super) fn never_true(way: usize, home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let Some((condition, wanted)) = WRITTEN.get(way) else { return CHANGED[way - WRITTEN.len()](home, random) };
    let fits = |said: &str| match *wanted {
        "*" => true,
        "number" => !matches!(said, "BOOL" | "STRING"),
        "text" => matches!(said, "" | "STRING"),
        "unsigned" => matches!(said, "UINT" | "UDINT" | "USINT"),
        wanted => said == wanted,
    };
    let said = |route| ends(home, route).map_or("", |(from, _)| home.said(from, "type"));
    let route = choose(home, random, |route| fits(said(route)))?;
    let before = home.text(route, "condition");
    let joins = !before.is_empty() && !condition.contains(" or ") && random.once_in(2);
    let condition = if joins { format!("({before}) and {condition}") } else { (*condition).to_owned() };
    Some(put_condition(home, route, &condition))
}

/// The two bounds changed places, or `and` stands for `or`.
fn changed_places(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let (right, wrong) = random.pick(&[
        ("value >= 0 and value < 40", "value < 0 and value >= 40"),
        ("value >= 20 and value <= 60", "value <= 20 and value >= 60"),
        ("value < 49.8 or value > 50.2", "value < 49.8 and value > 50.2"),
    ]);
    let route = choose(home, random, |route| home.text(route, "condition") == right)?;
    Some(put_condition(home, route, wrong))
}

/// A quality is wanted that `on_quality` holds back.
fn held_back(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let route = choose(home, random, |route| home.routes[route]["on_quality"].is_array())?;
    let passing = home.routes[route]["on_quality"].as_array()?;
    let held = ["good", "uncertain", "bad"].into_iter().find(|class| !passing.contains(&json!(class)))?;
    Some(put_condition(home, route, &format!("quality == '{held}'")))
}

/// None of the sources has this tag.
fn foreign_tag(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let route = choose(home, random, |route| {
        let from = home.addresses(route, "from");
        from.len() > 1 && from.iter().all(|address| is_plain(address))
    })?;
    let (_, tag) = home.addresses(route, "from")[0].split_once('.')?;
    let condition = format!("tag == '{tag}_'");
    Some(put_condition(home, route, &condition))
}

/// There is no such instance.
fn foreign_source(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let route = choose(home, random, |route| ends(home, route).is_some())?;
    let (instance, _) = ends(home, route)?.0.split_once('.')?;
    let condition = format!("source == '{instance}x'");
    Some(put_condition(home, route, &condition))
}
