//! Conditions and transforms that are none, and what people write in place of placeholders.

use fieldrail_tests::Random;

use super::{Mistake, choose, put_condition, put_transform};
use crate::home::Home;

/// What stands in a target, and what people write for it.
pub(super) const PLACEHOLDERS: [(&str, &str); 8] = [
    ("{tag}", "{tg}"),
    ("{rest}", "{topic}"),
    ("{path}", "{Path}"),
    ("{source}", "{instance}"),
    ("{rest}", "{rest"),
    ("{tag}", "${tag}"),
    ("{rest}", "{{rest}}"),
    ("{path}", "<path>"),
];

/// What stands in a condition, and what people write for it. An empty text stands for the end.
pub(super) const CONDITIONS: [(&str, &str); 26] = [
    (" == ", " = "),
    (" == ", " === "),
    (" == ", " is "),
    (" == ", " equals "),
    (" != ", " <> "),
    (" != ", " not "),
    (" >= ", " => "),
    (" <= ", " =< "),
    (" and ", " AND "),
    (" and ", " & "),
    (" and ", " und "),
    (" or ", " OR "),
    (" or ", ", "),
    ("value", "vlaue"),
    ("value", "Value"),
    ("value", "$value"),
    ("'", ""),
    ("'", "“"),
    (")", ""),
    ("", " and"),
    ("", ")"),
    (" > ", " > > "),
    (".", ","),
    ("value", "if value"),
    ("contains(", "contain("),
    ("dp('", "dp("),
];

/// The same for transforms.
pub(super) const TRANSFORMS: [(&str, &str); 30] = [
    ("scale(", "skale("),
    ("scale(", "multiply("),
    ("round", "rond"),
    ("scale(0.", "scale(0,"),
    ("scale(", "scale "),
    (") | ", ") "),
    (" | ", " || "),
    (" | ", ", "),
    (" | ", " > "),
    (")", ""),
    ("", " |"),
    ("", ")"),
    ("(60s", "(60"),
    ("(1h", "(1hour"),
    ("s)", "sec)"),
    ("hysteresis(", "histeresis("),
    ("on_change", "onchange"),
    ("on_change", "on change"),
    ("throttle(10min)", "throttle"),
    ("ms)", ")"),
    ("map(", "map{"),
    (" = ", ": "),
    (" = ", " -> "),
    ("json('", "json("),
    ("json('/", "json('"),
    ("expr(", "("),
    ("value", "val"),
    ("{value}", "{val}"),
    ("clamp(0, 100)", "clamp(100)"),
    ("bool", "boolean"),
];

/// One row of a table, at a random place of a random route.
fn replaced(rows: &[(&str, &str)], way: usize, key: &str, home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let (right, wrong) = rows[way];
    let route =
        choose(home, random, |route| !home.text(route, key).is_empty() && home.text(route, key).contains(right))?;
    let text = home.text(route, key).to_owned();
    let places: Vec<usize> = text.match_indices(right).map(|(at, _)| at).collect();
    let at = if right.is_empty() { text.len() } else { random.pick(&places) };
    let changed = format!("{}{wrong}{}", &text[..at], &text[at + right.len()..]);
    Some(if key == "condition" { put_condition(home, route, &changed) } else { put_transform(home, route, &changed) })
}

/// A condition that is none.
pub(super) fn condition(way: usize, home: &mut Home, random: &mut Random) -> Option<Mistake> {
    replaced(&CONDITIONS, way, "condition", home, random)
}

/// A transform that is none.
pub(super) fn transform(way: usize, home: &mut Home, random: &mut Random) -> Option<Mistake> {
    replaced(&TRANSFORMS, way, "transform", home, random)
}
