//! Units along the routes: what goes where it does not belong, and what computed datapoints are in.

use std::collections::HashMap;

use super::circles::fixed;
use super::compile::Findings;
use super::{Directory, Rules};
use crate::pattern::is_pattern;
use crate::unit::{apart, mismatch, travelled};

/// Units pass at most so many computed datapoints one after the other.
const MAX_PASSES: usize = 16;

/// Lets the units that people declared travel through the routes to computed datapoints, and warns where a value arrives
/// in a unit that is not its target's.
pub(super) fn travel(rules: &mut Rules, directory: &dyn Directory, findings: &mut Findings) {
    let mut derived: HashMap<Box<str>, String> = HashMap::new();
    for _ in 0..MAX_PASSES {
        let before = derived.len();
        for route in 0..rules.routes.len() {
            let Some(from) = unit_of_sources(rules, route, directory, &derived) else { continue };
            let effects =
                rules.routes[route].logic.pipeline.iter().flat_map(super::super::transform::Pipeline::effects);
            let Some(to) = travelled(&from, effects) else { continue };
            for target in fixed(rules, route).filter(|target| target.address.as_str().starts_with("calc.")) {
                let address = target.address.as_str();
                if directory.declared(address).unit.is_none() && !derived.contains_key(address) {
                    derived.insert(address.into(), to.clone());
                }
            }
        }
        if derived.len() == before {
            break;
        }
    }
    for route in 0..rules.routes.len() {
        complain(rules, route, directory, &derived, findings);
        if findings.full() {
            break;
        }
    }
    rules.units = derived;
}

fn unit_at(address: &str, directory: &dyn Directory, derived: &HashMap<Box<str>, String>) -> Option<String> {
    directory.declared(address).unit.or_else(|| derived.get(address).cloned())
}

/// The unit of all sources, if it is one.
fn unit_of_sources(
    rules: &Rules,
    route: usize,
    directory: &dyn Directory,
    derived: &HashMap<Box<str>, String>,
) -> Option<String> {
    let mut units = rules.routes[route].spec.from.0.iter().map(|from| {
        if is_pattern(from) { None } else { unit_at(&rules.known.canonical(from, directory), directory, derived) }
    });
    let first = units.next()??;
    units.all(|unit| unit.as_ref() == Some(&first)).then_some(first)
}

fn complain(
    rules: &Rules,
    route: usize,
    directory: &dyn Directory,
    derived: &HashMap<Box<str>, String>,
    findings: &mut Findings,
) {
    let plain = rules.routes[route].spec.from.0.iter().filter(|from| !is_pattern(from));
    let mut units: Vec<String> =
        plain.filter_map(|from| unit_at(&rules.known.canonical(from, directory), directory, derived)).collect();
    units.dedup();
    let Some((first, others)) = units.split_first() else { return };
    for target in fixed(rules, route) {
        // Only what somebody declared can be missed.
        let wrong = match directory.declared(target.address.as_str()).unit {
            Some(to) => units.iter().find_map(|from| {
                let effects =
                    rules.routes[route].logic.pipeline.iter().flat_map(super::super::transform::Pipeline::effects);
                mismatch(from, &to, effects).map(|(message, hint)| ("transform", message, hint))
            }),
            None if target.is_state() => others.iter().find(|other| apart(first, other)).map(|other| {
                let hint = "make one route for each unit";
                ("from", format!("values in {first} and in {other} go to the same datapoint"), Some(hint.into()))
            }),
            None => None,
        };
        if let Some((key, message, hint)) = wrong {
            findings.about(&rules.routes[route].spec.id);
            findings.warning(key, format!("{message} (`{}`)", target.address), hint);
        }
    }
}
