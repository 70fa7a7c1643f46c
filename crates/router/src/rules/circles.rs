//! Routes that run in a circle.

use std::collections::{HashMap, HashSet};

use super::compile::Findings;
use super::{RouteIndex, RouteTarget, Rules, TargetSpec};
use crate::pattern::Pattern;

/// The targets of a route that are the same for every source.
pub(super) fn fixed(rules: &Rules, route: usize) -> impl Iterator<Item = &TargetSpec> {
    rules.routes[route].targets.iter().filter_map(|target| match target {
        RouteTarget::Fixed(target) => Some(target),
        RouteTarget::Filled(_) => None,
    })
}

/// How far the search has come with an address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    OnPath,
    Done,
}

/// Which address leads to which, by which route.
type Edges<'a> = HashMap<&'a str, Vec<(&'a str, usize)>>;

/// A circle of routes without patterns. The search keeps its own stack: the file may hold a chain of any length. A route in
/// both directions is a circle of its own, and settles; any other way round is an error.
pub(super) fn direct(rules: &Rules, findings: &mut Findings) {
    let mut edges: Edges<'_> = HashMap::new();
    for (address, routes) in &rules.direct {
        let ends = routes.iter().flat_map(|route| ends(rules, route.index(), address).map(|to| (to, route.index())));
        edges.insert(address, ends.collect());
    }
    let mut seen: HashMap<&str, Seen> = HashMap::new();
    // Sorted, so that the message is the same each time.
    let mut starts: Vec<&str> = edges.keys().copied().collect();
    starts.sort_unstable();
    for start in starts {
        search(start, &edges, &mut seen, rules, findings);
        if findings.full() {
            return;
        }
    }
}

/// Where a route leads to from this address of its own.
fn ends<'a>(rules: &'a Rules, route: usize, from: &'a str) -> impl Iterator<Item = &'a str> {
    let pair = rules.routes[route].pair.as_ref().map(|pair| pair.source.address.as_str());
    fixed(rules, route).map(move |target| match pair {
        Some(source) if target.address.as_str() == from => source,
        _ => target.address.as_str(),
    })
}

fn search<'a>(
    start: &'a str,
    edges: &Edges<'a>,
    seen: &mut HashMap<&'a str, Seen>,
    rules: &Rules,
    findings: &mut Findings,
) {
    if seen.contains_key(start) {
        return;
    }
    // Each step of the path: the address, which of its edges comes next, and the route that led to it.
    let mut path: Vec<(&str, usize, usize)> = vec![(start, 0, usize::MAX)];
    seen.insert(start, Seen::OnPath);
    while let Some((address, next, by)) = path.last_mut() {
        let Some(&(to, route)) = edges.get(address).and_then(|edges| edges.get(*next)) else {
            seen.insert(address, Seen::Done);
            path.pop();
            continue;
        };
        *next += 1;
        let back = *by == route && rules.routes[route].pair.is_some();
        match seen.get(to) {
            None => {
                seen.insert(to, Seen::OnPath);
                path.push((to, 0, route));
            }
            Some(Seen::Done) => {}
            Some(Seen::OnPath) if back => {}
            Some(Seen::OnPath) => {
                let circle = path.iter().skip_while(|(address, ..)| *address != to).map(|(address, ..)| *address);
                let text: Vec<&str> = circle.take(MAX_SHOWN).chain([to]).collect();
                complain(rules, route, &text, findings);
            }
        }
    }
}

/// As many addresses of a circle are named.
const MAX_SHOWN: usize = 8;

fn complain(rules: &Rules, route: usize, circle: &[&str], findings: &mut Findings) {
    findings.about(&rules.routes[route].spec.id);
    let hint = match circle {
        [_, _, _] => "if both are to follow each other, write one route with \"bidirectional\": true",
        _ => "take one of them out",
    };
    findings.error("to", format!("the routes run in a circle: {}", circle.join(" → ")), Some(hint.into()));
}

/// The most routes that an example is followed through.
const MAX_FOLLOWED: usize = 64;
/// Examples are tried for so many routes with patterns.
const MAX_TRIED: usize = 2_000;

/// Routes that all examples together are tried at and sent through, at the most.
const MAX_LOOKED_AT: usize = 500_000;

/// A circle through patterns and placeholders: an address that each pattern matches is sent through the rules, and must not
/// come back. What is found so is a circle for certain.
pub(super) fn through_patterns(rules: &Rules, findings: &mut Findings) {
    let mut told = HashSet::new();
    let wild = rules.patterns.entries().take(MAX_TRIED);
    let mut wild: Vec<(&Pattern, RouteIndex)> = wild.map(|(pattern, route)| (pattern, *route)).collect();
    if wild.is_empty() {
        return;
    }
    wild.sort_unstable_by_key(|(_, route)| *route);
    // Plain addresses may lie on a circle that a pattern closes.
    let mut plain: Vec<&str> = rules.direct.keys().map(|address| &**address).collect();
    plain.sort_unstable();
    let examples = wild.into_iter().map(|(pattern, _)| rules.known.example(pattern));
    let mut left = MAX_LOOKED_AT;
    for example in examples.chain(plain.into_iter().take(MAX_TRIED).map(Into::into)) {
        let mut path = vec![example];
        if left == 0 {
            return;
        }
        if let Some(route) = follow(rules, &mut path, &mut left)
            && told.insert(route)
        {
            let start = path.iter().position(|address| Some(address) == path.last()).unwrap_or(0);
            let shown: Vec<&str> = path[start..].iter().map(String::as_str).take(MAX_SHOWN + 1).collect();
            complain(rules, route, &shown, findings);
            if findings.full() {
                return;
            }
        }
    }
}

/// Follows the last address of the path through the rules, depth first; the route that closes a circle, if one does.
fn follow(rules: &Rules, path: &mut Vec<String>, left: &mut usize) -> Option<usize> {
    let mut todo: Vec<(usize, String, usize)> = Vec::new();
    let mut steps = 0;
    let mut expand = |todo: &mut Vec<(usize, String, usize)>, address: &str, depth: usize| {
        let (end, facts) = rules.known.locate(address);
        let (source, tag) = (&address[..end], address.get(end + 1..).unwrap_or(""));
        *left = left.saturating_sub(rules.tried(address));
        for route in rules.routes_of(address, facts.is_some_and(|facts| facts.case_insensitive)) {
            if *left == 0 {
                return;
            }
            *left -= 1;
            if rules.routes[route.index()].pair.is_some() {
                continue;
            }
            for target in &rules.routes[route.index()].targets {
                let to = match target {
                    RouteTarget::Fixed(target) => target.address.as_str().to_owned(),
                    RouteTarget::Filled(template) => template.fill(source, tag),
                };
                // Nothing comes from the log.
                if !to.starts_with("log.") {
                    todo.push((depth, to, route.index()));
                }
            }
        }
    };
    let start = path.last()?.clone();
    expand(&mut todo, &start, 1);
    while let Some((depth, address, route)) = todo.pop() {
        path.truncate(depth);
        let back = path.contains(&address);
        path.push(address.clone());
        if back {
            return Some(route);
        }
        steps += 1;
        if depth < MAX_FOLLOWED && steps < MAX_FOLLOWED {
            expand(&mut todo, &address, depth + 1);
        }
    }
    None
}
