//! What only shows when all routes are looked at together: several writers of one variable, and routes that do the same.

use std::collections::HashMap;

use super::circles::fixed;
use super::compile::Findings;
use super::{RouteIndex, RouteTarget, Rules};

fn working(rules: &Rules) -> impl Iterator<Item = usize> {
    (0..rules.routes.len()).filter(|route| rules.routes[*route].spec.enabled)
}

/// Who writes one state.
#[derive(Default)]
struct Writers {
    first: Option<usize>,
    /// One without a priority.
    plain: Option<usize>,
    by_priority: HashMap<i64, usize>,
}

/// Two routes to one variable would fight over its value, unless each has a priority of its own.
pub(super) fn writers(rules: &Rules, findings: &mut Findings) {
    let mut writers: HashMap<&str, Writers> = HashMap::new();
    for route in working(rules) {
        let back = rules.routes[route].pair.as_ref().map(|pair| &pair.source);
        for target in fixed(rules, route).chain(back).filter(|target| target.is_state()) {
            let address = target.address.as_str();
            let known = writers.entry(address).or_default();
            contest(rules, address, known, route, findings);
            if findings.full() {
                return;
            }
        }
    }
}

/// One writer more of this state.
fn contest(rules: &Rules, address: &str, known: &mut Writers, route: usize, findings: &mut Findings) {
    let other = |other: Option<usize>| other.filter(|other| *other != route);
    let name = |route: usize| rules.routes[route].spec.id.as_str();
    findings.about(name(route));
    let rival = match rules.routes[route].claim {
        None => other(known.first),
        Some(claim) => {
            if let Some(same) = other(known.by_priority.get(&claim.priority).copied()) {
                let priority = claim.priority;
                let message =
                    format!("`{address}` is written by the route `{}` with the priority {priority} too", name(same));
                findings.error("priority", message, Some("give each route a priority of its own".into()));
            }
            known.by_priority.insert(claim.priority, route);
            other(known.plain)
        }
    };
    if let Some(rival) = rival {
        let hint = "give each its own target, put both sources into one route, or give each a `priority`";
        findings.error("to", format!("`{address}` is written by the route `{}` too", name(rival)), Some(hint.into()));
    }
    if rules.routes[route].claim.is_none() {
        known.plain.get_or_insert(route);
    }
    known.first.get_or_insert(route);
}

/// Patterns that are tried and pairs of routes that are compared, at the most: a huge file is not to keep the check busy.
const MAX_COMPARED: usize = 500_000;

/// Routes that have no effect of their own: another one sends the same values to the same target already.
pub(super) fn shadows(rules: &Rules, findings: &mut Findings) {
    let has_patterns = rules.patterns.patterns().next().is_some();
    let mut addresses: Vec<(&str, &[RouteIndex])> =
        rules.direct.iter().map(|(address, routes)| (&**address, routes.as_slice())).collect();
    addresses.sort_unstable_by_key(|(address, routes)| (routes.first().copied(), *address));
    let mut compared = 0;
    for (address, direct) in addresses {
        if direct.len() < 2 && !has_patterns {
            continue;
        }
        compared += rules.tried(address);
        if compared > MAX_COMPARED {
            return;
        }
        let all = rules.routes_of(address, false);
        compared += all.len() * direct.len();
        if compared > MAX_COMPARED {
            return;
        }
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

/// Whether `by` stands over `route`. Of two that cover each other the later one is in the other's shadow.
fn shadows_it(rules: &Rules, by: RouteIndex, route: RouteIndex, direct: &[RouteIndex]) -> bool {
    covers(rules, by, route) && (by < route || !direct.contains(&by) || !covers(rules, route, by))
}

/// Whether `by` lets everything pass that `route` does, to all its targets, in the same form.
pub(super) fn covers(rules: &Rules, by: RouteIndex, route: RouteIndex) -> bool {
    let (over, under) = (&rules.routes[by.index()], &rules.routes[route.index()]);
    let alike = over.spec.condition == under.spec.condition && over.spec.on_quality == under.spec.on_quality;
    let wider = over.spec.condition.is_none() && over.spec.on_quality.is_none();
    let reaches = |target: &RouteTarget| match target {
        RouteTarget::Fixed(target) => fixed(rules, by.index()).any(|other| other.address == target.address),
        RouteTarget::Filled(_) => false,
    };
    (alike || wider)
        && over.spec.transform == under.spec.transform
        && over.pair.is_none()
        && under.pair.is_none()
        && over.claim.is_none()
        && !under.targets.is_empty()
        && under.targets.iter().all(reaches)
}
