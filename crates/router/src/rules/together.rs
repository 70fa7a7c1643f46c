//! What only shows when all routes are looked at together: several writers of one variable, and routes that do the same.

use std::collections::HashMap;

use super::circles::fixed;
use super::compile::Findings;
use super::{RouteIndex, RouteTarget, Rules};

fn working(rules: &Rules) -> impl Iterator<Item = usize> {
    (0..rules.routes.len()).filter(|route| rules.routes[*route].spec.enabled)
}

/// Two routes to one variable would fight over its value, unless each has a priority of its own.
pub(super) fn writers(rules: &Rules, findings: &mut Findings) {
    let mut writers: HashMap<&str, Vec<usize>> = HashMap::new();
    for route in working(rules) {
        let back = rules.routes[route].pair.as_ref().map(|pair| &pair.source);
        for target in fixed(rules, route).chain(back).filter(|target| target.is_state()) {
            let address = target.address.as_str();
            let others = writers.entry(address).or_default();
            for &other in others.iter().filter(|other| **other != route) {
                contest(rules, address, other, route, findings);
                if findings.full() {
                    return;
                }
                // One complaint a route and target is enough.
                if rules.routes[route].claim.is_none() {
                    break;
                }
            }
            others.push(route);
        }
    }
}

fn contest(rules: &Rules, address: &str, first: usize, second: usize, findings: &mut Findings) {
    let priority = |route: usize| rules.routes[route].claim.map(|claim| claim.priority);
    let other = &rules.routes[first].spec.id;
    findings.about(&rules.routes[second].spec.id);
    match (priority(first), priority(second)) {
        (Some(a), Some(b)) if a != b => {}
        (Some(a), Some(_)) => {
            let message = format!("`{address}` is written by the route `{other}` with the priority {a} too");
            findings.error("priority", message, Some("give each route a priority of its own".into()));
        }
        _ => {
            let hint = "give each its own target, put both sources into one route, or give each a `priority`";
            let message = format!("`{address}` is written by the route `{other}` too");
            findings.error("to", message, Some(hint.into()));
        }
    }
}

/// Routes that have no effect of their own: another one sends the same values to the same target already.
pub(super) fn shadows(rules: &Rules, findings: &mut Findings) {
    let has_patterns = rules.patterns.patterns().next().is_some();
    let mut addresses: Vec<(&str, &[RouteIndex])> =
        rules.direct.iter().map(|(address, routes)| (&**address, routes.as_slice())).collect();
    addresses.sort_unstable_by_key(|(address, routes)| (routes.first().copied(), *address));
    for (address, direct) in addresses {
        if direct.len() < 2 && !has_patterns {
            continue;
        }
        let all = rules.routes_of(address, false);
        for &route in direct {
            let Some(by) = all.iter().find(|by| **by != route && shadows_it(rules, **by, route, direct)) else {
                continue;
            };
            findings.about(&rules.routes[route.index()].spec.id);
            let by = &rules.routes[by.index()].spec.id;
            let message = format!("the route `{by}` sends the values of `{address}` to the same target already");
            findings.warning("from", message, Some("they arrive there twice; take one of the two out".into()));
            if findings.full() {
                return;
            }
        }
    }
}

/// Whether `by` lets everything pass that `route` does, to all its targets, in the same form. Of two that are alike the later
/// one is in the other's shadow.
fn shadows_it(rules: &Rules, by: RouteIndex, route: RouteIndex, direct: &[RouteIndex]) -> bool {
    let (over, under) = (&rules.routes[by.index()], &rules.routes[route.index()]);
    let alike = over.spec.condition == under.spec.condition && over.spec.on_quality == under.spec.on_quality;
    let wider = over.spec.condition.is_none() && over.spec.on_quality.is_none();
    let earlier = by < route || !direct.contains(&by) || !alike;
    let reaches = |target: &RouteTarget| match target {
        RouteTarget::Fixed(target) => fixed(rules, by.index()).any(|other| other.address == target.address),
        RouteTarget::Filled(_) => false,
    };
    (alike || wider)
        && earlier
        && over.spec.transform == under.spec.transform
        && over.pair.is_none()
        && under.pair.is_none()
        && over.claim.is_none()
        && !under.targets.is_empty()
        && under.targets.iter().all(reaches)
}
