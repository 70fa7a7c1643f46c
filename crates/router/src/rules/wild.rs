//! Routes with patterns and placeholders, held against each other and against the addresses that the file names.
//!
//! Whether two patterns find a datapoint in common is tried out: an address that one of them finds, with words in it that
//! nobody has thought of, is given to all routes. What is found so holds for every address of this shape.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::compile::Findings;
use super::{Directory, RouteIndex, RouteTarget, Rules, circles, together};
use crate::pattern::Pattern;

/// Routes with patterns that are tried, at the most.
const MAX_TRIED: usize = 2_000;
/// Routes that all addresses together are tried at and given to, at the most: a huge file is not to keep the check busy.
const MAX_LOOKED_AT: usize = 500_000;

/// Warns of routes that take their own values again, that write what another one writes, or send what another one sends.
pub(super) fn check(rules: &Rules, directory: &dyn Directory, findings: &mut Findings) {
    let mut wild: Vec<(&Pattern, RouteIndex)> =
        rules.patterns.entries().map(|(pattern, route)| (pattern, *route)).take(MAX_TRIED).collect();
    if wild.is_empty() {
        return;
    }
    wild.sort_unstable_by_key(|(pattern, route)| (*route, pattern.as_str()));
    let mut look = Look { rules, directory, left: MAX_LOOKED_AT };
    growing(&mut look, &wild, findings);
    writers(&mut look, &wild, findings);
    shadows(&mut look, &wild, findings);
}

/// Gives addresses to the rules.
struct Look<'r> {
    rules: &'r Rules,
    directory: &'r dyn Directory,
    left: usize,
}

impl Look<'_> {
    /// The routes that take this address; none any more when too many were looked at.
    fn routes_of(&mut self, address: &str) -> Vec<RouteIndex> {
        self.left = self.left.saturating_sub(self.rules.tried(address));
        if self.left == 0 {
            return Vec::new();
        }
        let folded = self.rules.known.locate(address).1.is_some_and(|facts| facts.case_insensitive);
        let found = self.rules.routes_of(address, folded);
        self.left = self.left.saturating_sub(found.len());
        found
    }

    /// Where a route sends the values of this address by its placeholders.
    fn filled(&self, route: RouteIndex, address: &str) -> Vec<String> {
        let (end, _) = self.rules.known.locate(address);
        let (source, tag) = (&address[..end], address.get(end + 1..).unwrap_or(""));
        let targets = self.rules.routes[route.index()].targets.iter();
        let templates = targets.filter_map(|target| match target {
            RouteTarget::Filled(template) => Some(template),
            RouteTarget::Fixed(_) => None,
        });
        templates.map(|template| self.canonical(&template.fill(source, tag))).collect()
    }

    fn canonical(&self, address: &str) -> String {
        self.rules.known.canonical(address, self.directory).into_owned()
    }

    /// An address that the pattern finds and nobody else has thought of.
    fn example(&self, pattern: &Pattern, route: RouteIndex) -> String {
        self.canonical(&self.rules.known.example_with(pattern, &format!("any_{}", route.0)))
    }

    fn id(&self, route: RouteIndex) -> &str {
        &self.rules.routes[route.index()].spec.id
    }
}

/// A route whose target is found by its own pattern.
fn growing(look: &mut Look<'_>, wild: &[(&Pattern, RouteIndex)], findings: &mut Findings) {
    let mut told = HashSet::new();
    for &(pattern, route) in wild {
        let first = look.rules.known.example(pattern);
        for second in look.filled(route, &first) {
            let Some(third) = look.filled(route, &second).into_iter().next() else { continue };
            if second == third || !look.routes_of(&second).contains(&route) || !told.insert(route) {
                continue;
            }
            findings.about(look.id(route));
            let message = format!("the route takes its own values again: {first} → {second} → {third}");
            let hint = "send them where its pattern does not look; a value passes 16 routes at the most";
            findings.warning("to", message, Some(hint.into()));
        }
    }
}

/// Two routes to one variable, at least one of them by its placeholders. At run time the second one would be refused.
fn writers(look: &mut Look<'_>, wild: &[(&Pattern, RouteIndex)], findings: &mut Findings) {
    let is_filled = |target: &RouteTarget| matches!(target, RouteTarget::Filled(_));
    if !wild.iter().any(|(_, route)| look.rules.routes[route.index()].targets.iter().any(is_filled)) {
        return;
    }
    let mut addresses: Vec<String> = wild.iter().map(|(pattern, route)| look.example(pattern, *route)).collect();
    addresses.extend(look.rules.direct.keys().map(|address| (**address).to_owned()));
    addresses.sort_unstable();
    let mut by_target: BTreeMap<String, Vec<RouteIndex>> = BTreeMap::new();
    for address in &addresses {
        for route in look.routes_of(address) {
            for target in look.filled(route, address) {
                by_target.entry(target).or_default().push(route);
            }
        }
    }
    let mut fixed: HashMap<&str, Vec<RouteIndex>> = HashMap::new();
    for (index, route) in (0..).map(RouteIndex).zip(&look.rules.routes).filter(|(_, route)| route.spec.enabled) {
        let back = route.pair.iter().map(|pair| &pair.source);
        for target in circles::fixed(look.rules, index.index()).chain(back) {
            fixed.entry(target.address.as_str()).or_default().push(index);
        }
    }
    let mut told = HashSet::new();
    for (target, mut routes) in by_target {
        routes.extend(fixed.get(&*target).into_iter().flatten());
        routes.sort_unstable();
        routes.dedup();
        let is_state = look.rules.known.target(&target).is_ok_and(|target| target.is_state());
        let Some((later, earlier)) = contest(look.rules, &routes).filter(|pair| is_state && told.insert(*pair)) else {
            continue;
        };
        findings.about(look.id(later));
        let hint = "give each its own target, put both sources into one route, or give each a `priority`";
        findings.warning(
            "to",
            format!("`{target}` is written by the route `{}` too", look.id(earlier)),
            Some(hint.into()),
        );
    }
}

/// Two of the routes that do not have a priority each: the later one first.
fn contest(rules: &Rules, routes: &[RouteIndex]) -> Option<(RouteIndex, RouteIndex)> {
    let priority = |route: &RouteIndex| rules.routes[route.index()].claim.map(|claim| claim.priority);
    routes.iter().enumerate().find_map(|(nth, later)| {
        let rival = |earlier: &&RouteIndex| priority(earlier).is_none() || priority(earlier) == priority(later);
        let rival = routes[..nth].iter().find(|earlier| priority(later).is_none() || rival(earlier))?;
        Some((*later, *rival))
    })
}

/// A pattern whose values another pattern sends to the same targets already.
fn shadows(look: &mut Look<'_>, wild: &[(&Pattern, RouteIndex)], findings: &mut Findings) {
    let mut over: Vec<(RouteIndex, Vec<RouteIndex>)> = Vec::new();
    for &(pattern, route) in wild {
        // Deep and flat, since two stars stand for any number of segments.
        let flat = look.example(pattern, route);
        let deep = look.canonical(&look.rules.known.example_with(&pattern.deepened(), &format!("any_{}", route.0)));
        let mut found = look.routes_of(&flat);
        let both = look.routes_of(&deep);
        // Both are in the order of the file.
        found.retain(|by| *by != route && both.binary_search(by).is_ok() && together::covers(look.rules, *by, route));
        over.push((route, found));
    }
    let covers =
        |by: RouteIndex, route: RouteIndex| over.iter().any(|(under, found)| *under == by && found.contains(&route));
    for ((route, found), (pattern, _)) in over.iter().zip(wild) {
        let Some(by) = found.iter().find(|by| *by < route || !covers(**by, *route)) else { continue };
        findings.about(look.id(*route));
        let message = format!(
            "the route `{}` sends the values of `{}` to the same target already",
            look.id(*by),
            pattern.as_str()
        );
        findings.warning("from", message, Some("they arrive there twice; take one of the two out".into()));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    fn two(a: &str, b: &str) -> String {
        format!(r#"{{"id":"a",{a}}},{{"id":"b",{b}}}"#)
    }

    #[test]
    fn a_route_that_takes_its_own_values_again_is_noticed() {
        check(
            r#"{"id":"a","from":"plc_002.pool.**","to":"plc_002.pool.{rest}"}"#,
            "a to: the route takes its own values again: plc_002.pool.example → plc_002.pool.pool.example → plc_002.pool.pool.pool.example",
        );
        check(r#"{"id":"a","from":"plc_002.in.*","to":"plc_002.out.{tag}"}"#, "");
        check(r#"{"id":"a","from":"plc_002.in.*","to":"plc_002.in.copy.{tag}"}"#, "");
    }

    #[test]
    fn two_writers_through_placeholders_are_noticed() {
        let rooms = r#""from":"mqtt.broker_local.zigbee/*/temperature","to":"calc.{path}""#;
        check(
            &two(rooms, &format!(r#"{rooms},"transform":"round(1)""#)),
            "b to: `calc.zigbee/any_0` is written by the route `a` too",
        );
        let attic =
            r#""from":"mqtt.broker_local.zigbee/attic/temperature","to":"calc.zigbee/attic","transform":"scale(1.02)""#;
        check(&two(attic, rooms), "b to: `calc.zigbee/attic` is written by the route `a` too");
        check(&two(&format!(r#"{rooms},"priority":1"#), &format!(r#"{attic},"priority":2"#)), "");
        check(&two(rooms, &attic.replace("calc.zigbee/attic", "calc.attic")), "");
        let to_log = rooms.replace("calc.{path}", "webhook.alert_service.{path}");
        check(&two(&to_log, &format!(r#"{to_log},"transform":"round(1)""#)), "");
    }

    #[test]
    fn two_patterns_that_could_meet_somewhere_are_no_mistake() {
        let rooms =
            |tree: &str| format!(r#""from":"mqtt.broker_local.{tree}.*.temperature","to":"calc.rooms.{{path}}""#);
        check(&two(&rooms("zigbee"), &rooms("shelly")), "");
        check(&two(r#""from":"plc_002.a.*","to":"calc.{tag}""#, r#""from":"bt.*.x.*","to":"calc.{tag}""#), "");
        // But here they meet whatever there is.
        check(
            &two(
                r#""from":"plc_002.a.*","to":"calc.all.{source}""#,
                r#""from":"plc_002.b.*","to":"calc.all.{source}""#,
            ),
            "b to: `calc.all.plc_002` is written by the route `a` too",
        );
    }

    #[test]
    fn a_pattern_in_the_shadow_of_another_is_noticed() {
        let log = |from: &str, more: &str| format!(r#""from":"{from}","to":"log.system"{more}"#);
        let shadow = |route: &str, by: &str, pattern: &str| {
            format!("{route} from: the route `{by}` sends the values of `{pattern}` to the same target already")
        };
        check(&two(&log("plc_002.**", ""), &log("plc_002.a.*", "")), &shadow("b", "a", "plc_002.a.*"));
        check(&two(&log("plc_002.a.*", ""), &log("plc_002.**", "")), &shadow("a", "b", "plc_002.a.*"));
        check(&two(&log("plc_002.a.**", ""), &log("plc_002.a.**", "")), &shadow("b", "a", "plc_002.a.**"));
        let condition = r#","condition":"value > 5""#;
        check(&two(&log("plc_002.*", condition), &log("plc_002.*", "")), &shadow("a", "b", "plc_002.*"));
        check(&two(&log("plc_002.a.**", ""), &log("plc_002.a.*", r#","transform":"round(1)""#)), "");
        check(&two(&log("plc_002.a.*", ""), &log("plc_002.a.*.b", "")), "");
        check(&two(&log("plc_002.a.*", ""), &log("plc_002.a.**", condition)), "");
    }
}
