//! What only shows when all routes are looked at together.

use std::collections::HashMap;

use super::compile::Findings;
use super::{RouteTarget, Rules, TargetSpec};

fn fixed(rules: &Rules, route: usize) -> impl Iterator<Item = &TargetSpec> {
    rules.routes[route].targets.iter().filter_map(|target| match target {
        RouteTarget::Fixed(target) => Some(target),
        RouteTarget::Filled(_) => None,
    })
}

fn working(rules: &Rules) -> impl Iterator<Item = usize> {
    (0..rules.routes.len()).filter(|route| rules.routes[*route].spec.enabled)
}

/// Two routes to one variable would fight over its value.
pub(super) fn two_writers(rules: &Rules, findings: &mut Findings) {
    let mut writers: HashMap<&str, usize> = HashMap::new();
    for route in working(rules) {
        for target in fixed(rules, route).filter(|target| target.is_state()) {
            let Some(other) = writers.insert(target.address.as_str(), route) else { continue };
            findings.about(&rules.routes[route].spec.id);
            let other = &rules.routes[other].spec.id;
            let hint = "give each its own target, or put both sources into one route";
            findings.error(
                "to",
                format!("`{}` is written by the route `{other}` too", target.address),
                Some(hint.into()),
            );
        }
    }
}

/// How far the search has come with an address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    OnPath,
    Done,
}

/// A circle of routes without patterns. The search keeps its own stack: the file may hold a chain of any length.
pub(super) fn circles(rules: &Rules, findings: &mut Findings) {
    let mut edges: HashMap<&str, Vec<(&str, usize)>> = HashMap::new();
    for (address, routes) in &rules.direct {
        let targets =
            routes.iter().flat_map(|route| fixed(rules, route.index()).map(|t| (t.address.as_str(), route.index())));
        edges.insert(address, targets.collect());
    }
    let mut seen: HashMap<&str, Seen> = HashMap::new();
    // Sorted, so that the message is the same each time.
    let mut starts: Vec<&str> = edges.keys().copied().collect();
    starts.sort_unstable();
    for start in starts {
        search(start, &edges, &mut seen, rules, findings);
    }
}

fn search<'a>(
    start: &'a str,
    edges: &HashMap<&'a str, Vec<(&'a str, usize)>>,
    seen: &mut HashMap<&'a str, Seen>,
    rules: &Rules,
    findings: &mut Findings,
) {
    if seen.contains_key(start) {
        return;
    }
    // Each step of the path: the address, and which of its edges comes next.
    let mut path: Vec<(&str, usize)> = vec![(start, 0)];
    seen.insert(start, Seen::OnPath);
    while let Some((address, next)) = path.last_mut() {
        let Some(&(to, route)) = edges.get(address).and_then(|edges| edges.get(*next)) else {
            seen.insert(address, Seen::Done);
            path.pop();
            continue;
        };
        *next += 1;
        match seen.get(to) {
            None => {
                seen.insert(to, Seen::OnPath);
                path.push((to, 0));
            }
            Some(Seen::Done) => {}
            Some(Seen::OnPath) => {
                let circle = path.iter().skip_while(|(address, _)| *address != to).map(|(address, _)| *address);
                let text: Vec<&str> = circle.take(MAX_SHOWN).chain([to]).collect();
                findings.about(&rules.routes[route].spec.id);
                findings.error("to", format!("the routes run in a circle: {}", text.join(" → ")), None);
            }
        }
    }
}

/// As many addresses of a circle are named.
const MAX_SHOWN: usize = 8;
