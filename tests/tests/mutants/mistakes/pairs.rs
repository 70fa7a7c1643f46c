//! Routes that do not go together: circles, and two to one variable.

use fieldrail_tests::Random;
use serde_json::json;

use super::{Mistake, Way, choose, copy_of, is_plain, is_state};
use crate::home::Home;

/// The ways to make a circle.
pub(super) const CIRCLES: [Way; 5] = [route_back, through_calc, to_itself, pattern_back, into_own_pattern];

/// The ways to write one variable twice.
pub(super) const WRITERS: [Way; 5] =
    [copy_from_elsewhere, same_target, twice_in_the_list, pattern_copied, special_case];

/// The one source and the one target of a route that is on and goes one way.
fn way_of(home: &Home, route: usize) -> Option<(&str, &str)> {
    let (from, to) = (home.addresses(route, "from"), home.addresses(route, "to"));
    let is_plain = home.is_on(route) && home.routes[route]["bidirectional"] != true;
    match (from.as_slice(), to.as_slice()) {
        ([from], [to]) if is_plain => Some((from, to)),
        _ => None,
    }
}

/// A random route that is on and goes one way, from and to where this is true.
fn one_way(home: &Home, random: &mut Random, fits: impl Fn(&str, &str) -> bool) -> Option<(usize, String, String)> {
    let route = choose(home, random, |route| way_of(home, route).is_some_and(|(from, to)| fits(from, to)))?;
    let (from, to) = way_of(home, route)?;
    Some((route, from.to_owned(), to.to_owned()))
}

/// A random route from one datapoint to one variable.
fn direct(home: &Home, random: &mut Random) -> Option<(usize, String, String)> {
    one_way(home, random, |from, to| is_plain(from) && is_plain(to) && is_state(home, to))
}

/// A random route from a pattern to targets with placeholders.
fn wild(home: &Home, random: &mut Random) -> Option<(usize, String, String)> {
    one_way(home, random, |from, to| !is_plain(from) && !is_plain(to))
}

fn insert(home: &mut Home, random: &mut Random, route: serde_json::Value) {
    let at = random.below(home.routes.len() + 1);
    home.routes.insert(at, route);
}

fn route_back(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let (route, from, to) = direct(home, random)?;
    // If another route writes the source, it would be another mistake.
    if (0..home.routes.len()).any(|other| home.addresses(other, "to").contains(&from.as_str())) {
        return None;
    }
    let id = home.id(route);
    insert(home, random, json!({ "id": format!("{id}_back"), "from": to, "to": from }));
    Some(Mistake::new([format!("{id}_back"), id], format!("a route from `{to}` back to `{from}`")))
}

/// What is computed goes to where it is computed from.
fn through_calc(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let (route, calc, _) = one_way(home, random, |from, to| from.starts_with("calc.") && is_state(home, to))?;
    let (first, begin, _) = one_way(home, random, |from, to| is_plain(from) && to == calc)?;
    home.put_address(route, "to", 0, &begin);
    Some(Mistake::new([home.id(route), home.id(first)], format!("`{calc}` goes to `{begin}`, which it is made from")))
}

fn to_itself(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let (route, from, _) = direct(home, random)?;
    home.put_address(route, "to", 0, &from);
    Some(Mistake::new([home.id(route)], format!("`{from}` goes to itself")))
}

fn pattern_back(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let (route, from, to) = wild(home, random)?;
    let (begin, tree, id) = (from.strip_suffix("**")?, &to[..to.find('{')?], home.id(route));
    let what = format!("a route from `{tree}**` back to `{begin}{{tag}}`");
    let back = json!({ "id": format!("{id}_back"), "from": format!("{tree}**"), "to": format!("{begin}{{tag}}") });
    insert(home, random, back);
    Some(Mistake::new([format!("{id}_back"), id], what))
}

fn into_own_pattern(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let (route, from, _) = wild(home, random)?;
    let own = format!("{}{}", from.strip_suffix("**")?, random.pick(&["{tag}", "copy.{tag}", "{rest}"]));
    home.put_address(route, "to", 0, &own);
    Some(Mistake::new([home.id(route)], format!("`{from}` goes to `{own}`")))
}

fn copy_from_elsewhere(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let (route, from, to) = direct(home, random)?;
    // Of another kind it would be another mistake.
    let alike = |source: &str| source != from && home.said(source, "type") == home.said(&from, "type");
    let (_, source, _) = one_way(home, random, |source, _| is_plain(source) && alike(source))?;
    let (mut copy, id) = (copy_of(home, route, "_copy"), home.id(route));
    (copy["from"], copy["tests"]) = (source.as_str().into(), json!([]));
    insert(home, random, copy);
    Some(Mistake::new([format!("{id}_copy"), id], format!("a copy from `{source}` to `{to}`")))
}

fn same_target(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let (route, from, to) = direct(home, random)?;
    let (other, _, target) = direct(home, random)?;
    let is_another = other != route && target != to && target != from;
    let claims = [route, other].iter().any(|route| !home.routes[*route]["priority"].is_null());
    if !is_another || claims {
        return None;
    }
    home.put_address(route, "to", 0, &target);
    Some(Mistake::new([home.id(route), home.id(other)], format!("to: `{to}` became `{target}`")))
}

fn twice_in_the_list(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let (route, _, to) = direct(home, random)?;
    home.routes[route]["to"] = json!([to, to]);
    Some(Mistake::new([home.id(route)], format!("`{to}` stands in the list twice")))
}

fn pattern_copied(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let (route, _, to) = wild(home, random)?;
    let (mut copy, id) = (copy_of(home, route, "_rounded"), home.id(route));
    (copy["transform"], copy["tests"]) = ("round(2)".into(), json!([]));
    insert(home, random, copy);
    Some(Mistake::new([format!("{id}_rounded"), id], format!("a copy from the same sources to `{to}`")))
}

/// One of the datapoints that a pattern finds gets a route of its own, to where the pattern sends it.
fn special_case(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let (route, from, to) = wild(home, random)?;
    let source = from.replace("**", "upper.flow").replace('*', "attic");
    let mut ids = home.connections.iter().filter_map(|one| one["id"].as_str());
    let instance = ids.find(|id| source.strip_prefix(id).is_some_and(|rest| rest.starts_with('.')))?;
    let rest = &source[instance.len() + 1..];
    let (path, tag) = rest.split_at(rest.rfind(['.', '/'])?);
    let filled = to.replace("{rest}", rest).replace("{path}", path).replace("{source}", instance);
    let target = filled.replace("{tag}", &tag[1..]);
    let id = home.id(route);
    let what = format!("`{source}` gets a route of its own to `{target}`");
    let special =
        json!({ "id": format!("{id}_special"), "from": source, "to": target, "transform": "scale(1.02) | round(2)" });
    insert(home, random, special);
    Some(Mistake::new([format!("{id}_special"), id], what))
}
