//! Priorities and leases that do not go together.

use fieldrail_tests::Random;
use serde_json::json;

use super::{Mistake, Way, choose, copy_of, take};
use crate::home::Home;

/// The ways there are.
pub(super) const WAYS: [Way; 6] =
    [lease_alone, equal_priorities, no_priority, lease_left_behind, lease_in_seconds, one_route_more];

/// A random route with this key.
fn with(home: &Home, random: &mut Random, key: &str) -> Option<usize> {
    choose(home, random, |route| !home.routes[route][key].is_null())
}

/// All routes to the target of this one.
fn rivals(home: &Home, route: usize) -> Vec<usize> {
    (0..home.routes.len()).filter(|other| home.routes[*other]["to"] == home.routes[route]["to"]).collect()
}

/// A mistake that any of the routes to this target may be called for.
fn among_rivals(home: &Home, route: usize, what: &str) -> Mistake {
    Mistake::new(rivals(home, route).into_iter().map(|route| home.id(route)), what)
}

fn lease_alone(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let route = choose(home, random, |route| home.routes[route]["priority"].is_null())?;
    home.routes[route]["lease_ms"] = json!(random.between(1, 60) * 60_000);
    Some(Mistake::new([home.id(route)], "a lease without a priority"))
}

fn equal_priorities(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let route = with(home, random, "priority")?;
    let rival = rivals(home, route).into_iter().find(|other| *other != route)?;
    home.routes[route]["priority"] = home.routes[rival]["priority"].clone();
    Some(among_rivals(home, route, "two equal priorities"))
}

fn no_priority(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let route = with(home, random, "priority")?;
    take(&mut home.routes[route], "priority");
    take(&mut home.routes[route], "lease_ms");
    Some(among_rivals(home, route, "a priority is forgotten"))
}

fn lease_left_behind(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let route = with(home, random, "lease_ms")?;
    take(&mut home.routes[route], "priority");
    Some(Mistake::new([home.id(route)], "a priority is forgotten, and the lease is not"))
}

fn lease_in_seconds(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let route = with(home, random, "lease_ms")?;
    home.routes[route]["lease_ms"] = json!(random.between(10, 90));
    Some(Mistake::new([home.id(route)], "a lease in seconds"))
}

/// A copy from another source, without a priority or with the same.
fn one_route_more(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let route = with(home, random, "priority")?;
    let mut copy = copy_of(home, route, "_night");
    copy["from"] = format!("{}_night", home.addresses(route, "from")[0]).into();
    if random.once_in(2) {
        take(&mut copy, "priority");
        take(&mut copy, "lease_ms");
    }
    home.routes.push(copy);
    Some(among_rivals(home, route, "one route more, without a priority of its own"))
}
