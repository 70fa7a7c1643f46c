//! Computed datapoints of which only one end is there: one that a route reads and none writes, since its name is misspelt.
//!
//! A computed datapoint may be set by a person or a script, so a missing writer alone is no mistake; one that is written
//! under nearly the same name is.

use std::collections::{BTreeMap, BTreeSet};

use fieldrail_model::text::within;

use super::circles::fixed;
use super::compile::Findings;
use super::{Directory, RouteTarget, Rules};
use crate::pattern::{Template, is_pattern};

const CALC: &str = "calc.";

/// Names that are compared, at the most: a huge file is not to keep the check busy.
const MAX_COMPARED: usize = 200_000;

/// Routes that are tried for whether they take a name, at the most; beyond it every name counts as taken.
const MAX_TRIED: usize = 500_000;

/// With more targets with placeholders than this, any computed datapoint may be written.
const MAX_FILLED: usize = 100;

/// Letters in which a misspelt name differs, at the most.
const MAX_SLIPS: usize = 2;

/// Warns of computed datapoints that are misspelt where they are read or where they are written.
pub(super) fn check(rules: &Rules, directory: &dyn Directory, findings: &mut Findings) {
    let ends = Ends::of(rules, directory);
    // What nothing takes is likelier meant than what somebody does.
    let idle = ends.idle(rules);
    let mut left = MAX_COMPARED;
    for (address, (route, key)) in &ends.read {
        if ends.may_be_written(address) || ends.described.contains(*address) {
            continue;
        }
        let near = nearest(address, bounded(idle.keys(), &mut left), MAX_SLIPS);
        let near = near.or_else(|| nearest(address, bounded(ends.written.keys(), &mut left), MAX_SLIPS));
        let Some(near) = near else { continue };
        let id = |route: usize| &rules.routes[route].spec.id;
        findings.about(id(*route));
        let message = format!("no route writes `{address}`; the route `{}` writes `{near}`", id(ends.written[near]));
        let hint = "is one of them misspelt? if somebody else sets it, say something about it in datapoints.json";
        findings.warning(key, message, Some(hint.into()));
    }
    let unwritten = ends.described.iter().map(String::as_str).filter(|address| !ends.may_be_written(address));
    let unwritten: Vec<(&str, String)> = unwritten.map(|address| (address, without_digits(address))).collect();
    for (address, route) in &idle {
        // One number more or less is another datapoint of the same kind.
        let kind = without_digits(address);
        let others = bounded(unwritten.iter(), &mut left).filter(|(_, other)| *other != kind);
        let Some(near) = nearest(address, others.map(|(other, _)| other), 1) else { continue };
        findings.about(&rules.routes[*route].spec.id);
        let message = format!("nothing takes `{address}`, and no route writes `{near}`, which is in datapoints.json");
        findings.warning("to", message, Some("is one of them misspelt?".into()));
    }
}

/// What is read and what is written of the computed datapoints.
struct Ends<'r> {
    /// The first route that reads it, and the key there.
    read: BTreeMap<&'r str, (usize, &'static str)>,
    /// The first route that writes it.
    written: BTreeMap<&'r str, usize>,
    /// Targets whose placeholders may make one.
    filled: Vec<&'r Template>,
    /// Those that somebody has said something about.
    described: BTreeSet<String>,
}

impl<'r> Ends<'r> {
    fn of(rules: &'r Rules, directory: &dyn Directory) -> Self {
        let described = directory.described(CALC).into_iter().collect();
        let mut ends = Self { read: BTreeMap::new(), written: BTreeMap::new(), filled: Vec::new(), described };
        for (index, route) in rules.routes.iter().enumerate() {
            let back = route.pair.iter().map(|pair| &pair.source);
            for target in fixed(rules, index).chain(back).map(|target| target.address.as_str()) {
                if target.starts_with(CALC) {
                    ends.written.entry(target).or_insert(index);
                    // Both ends of a route in both directions are read as well.
                    if route.pair.is_some() {
                        ends.read.entry(target).or_insert((index, "to"));
                    }
                }
            }
            ends.filled.extend(route.targets.iter().filter_map(|target| match target {
                RouteTarget::Filled(template) if template.prefix().starts_with(CALC) => Some(template),
                _ => None,
            }));
            let condition = route.spec.condition.as_deref().unwrap_or_default();
            let from = route.spec.from.0.iter().filter(|from| !is_pattern(from)).map(|from| (from.as_str(), "from"));
            let key = |point: &str| if condition.contains(point) { "condition" } else { "transform" };
            let looked_up = route.logic.points.iter().map(|point| (&**point, key(point)));
            for (address, key) in from.chain(looked_up).filter(|(address, _)| address.starts_with(CALC)) {
                ends.read.entry(address).or_insert((index, key));
            }
        }
        ends
    }

    fn may_be_written(&self, address: &str) -> bool {
        let many = self.filled.len() > MAX_FILLED;
        many || self.written.contains_key(address) || self.filled.iter().any(|template| template.may_make(address))
    }

    /// Those that are written, that no route reads, and that nobody has said anything about.
    fn idle(&self, rules: &Rules) -> BTreeMap<&'r str, usize> {
        let mut left = MAX_TRIED;
        let mut is_idle = |address: &str| {
            if self.read.contains_key(address) || self.described.contains(address) {
                return false;
            }
            left = left.saturating_sub(rules.tried(address));
            left > 0 && rules.routes_of(address, false).is_empty()
        };
        let written = self.written.iter().map(|(address, route)| (*address, *route));
        written.filter(|(address, _)| is_idle(address)).collect()
    }
}

/// As many of the candidates as are left to be compared.
fn bounded<T>(candidates: impl Iterator<Item = T>, left: &mut usize) -> impl Iterator<Item = T> {
    candidates.take_while(|_| {
        *left = left.saturating_sub(1);
        *left > 0
    })
}

/// The candidate that may be meant by this address.
fn nearest<'a>(address: &str, candidates: impl Iterator<Item = &'a &'a str>, slips: usize) -> Option<&'a str> {
    // In a short name two letters are half of it, and in a very short one every other name is near.
    let slips = match address.len() - CALC.len() {
        ..4 => 0,
        4..6 => slips.min(1),
        _ => slips,
    };
    within(address, candidates.copied(), slips)
}

fn without_digits(address: &str) -> String {
    address.chars().filter(|c| !c.is_ascii_digit()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, check_all_declared};

    fn chain(written: &str, read: &str) -> String {
        format!(
            r#"{{"id":"a","from":"plc_002.x","to":"{written}"}},{{"id":"b","from":"{read}","to":"plc_002.y","transform":"round(1)"}}"#
        )
    }

    #[test]
    fn a_computed_datapoint_that_is_misspelt_is_noticed() {
        check(&chain("calc.surplus_w", "calc.surplus_w"), "");
        check(
            &chain("calc.surplus_w", "calc.surpuls_w"),
            "b from: no route writes `calc.surpuls_w`; the route `a` writes `calc.surplus_w`",
        );
        check(
            &chain("calc.surplus_w", "calc.Surplus_w"),
            "b from: no route writes `calc.Surplus_w`; the route `a` writes `calc.surplus_w`",
        );
        let looks = |key: &str, text: &str| {
            format!(
                r#"{{"id":"a","from":"plc_002.x","to":"calc.night_mode"}},{{"id":"b","from":"plc_002.z","to":"plc_002.y","{key}":"{text}"}}"#
            )
        };
        check(
            &looks("condition", "dp('calc.nightmode')"),
            "b condition: no route writes `calc.nightmode`; the route `a` writes `calc.night_mode`",
        );
        check(
            &looks("transform", "expr(value * dp('calc.nihgt_mode'))"),
            "b transform: no route writes `calc.nihgt_mode`; the route `a` writes `calc.night_mode`",
        );
    }

    #[test]
    fn what_somebody_else_may_set_is_no_mistake() {
        check(&chain("calc.surplus_w", "calc.holiday"), "");
        check(&chain("calc.x", "calc.y"), "");
        check(
            r#"{"id":"a","from":"plc_002.*","to":"calc.{tag}"},{"id":"b","from":"calc.flow","to":"bt.bms_001.y"},{"id":"c","from":"bt.bms_001.x","to":"calc.flows"}"#,
            "",
        );
        check_all_declared(
            &chain("calc.surpluss", "calc.other"),
            "a to: nothing takes `calc.surpluss`, and no route writes `calc.surplus`, which is in datapoints.json",
        );
        check_all_declared(&chain("calc.surpluss", "calc.surpluss"), "");
        check_all_declared(&chain("calc.room_2", "calc.room_1"), "");
    }

    #[test]
    fn of_several_near_ones_the_one_that_nobody_takes_is_meant() {
        let more = r#"{"id":"c","from":"plc_002.w","to":"calc.pv_2_mean"},{"id":"d","from":"calc.pv_2_mean","to":"plc_002.v"}"#;
        check(
            &format!("{},{more}", chain("calc.pv_11_mean", "calc.pv_1_mean")),
            "b from: no route writes `calc.pv_1_mean`; the route `a` writes `calc.pv_11_mean`",
        );
    }
}
