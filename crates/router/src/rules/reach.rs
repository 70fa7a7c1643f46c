//! Conditions that are never true, or always, and conditions of which a part is.
//!
//! What is looked for are parts that exclude each other. A condition is always true if its opposite never is, so both are
//! found in the same way: each part is looked at as it stands, or `negated`.

use fieldrail_model::{Class, IecType, Value};

use super::bounds::{Test, Wanted, What};
use super::compile::Findings;
use super::{Directory, Logic, Rules};
use crate::expression::{Node, Variable};
use crate::file::RouteSpec;
use crate::pattern::is_pattern;
use crate::transform::Pipeline;

/// Warns where a condition lets nothing pass, or everything.
pub(super) fn check(
    rules: &Rules,
    spec: &RouteSpec,
    logic: &Logic,
    directory: &dyn Directory,
    findings: &mut Findings,
) {
    let Some(condition) = &logic.condition else { return };
    match condition.constant() {
        Some(Value::Bool(false)) => return never(findings, "it is false for every sample"),
        Some(Value::Bool(true)) => {
            findings.warning("condition", "it is true for every sample", Some("leave it out".into()));
            return;
        }
        _ => {}
    }
    let (node, known, nothing) = (condition.node(), Scope::of(rules, spec, logic, directory), Scope::default());
    let or = || Some("is `and` meant in place of `or`?".to_owned());
    if let Some(why) = known.excludes(node, false) {
        never(findings, &why);
    } else if let Some(why) = nothing.excludes(node, true) {
        findings.warning("condition", format!("the condition is always true: {why}"), or());
    } else if let Some(why) = known.dead_part(node, false) {
        findings.warning("condition", format!("a part of the condition is never true: {why}"), None);
    } else if let Some(why) = nothing.dead_part(node, true) {
        findings.warning("condition", format!("a part of the condition is always true: {why}"), or());
    }
}

fn never(findings: &mut Findings, why: &str) {
    let hint = "to switch the route off, write \"enabled\": false";
    findings.warning("condition", format!("the condition is never true: {why}"), Some(hint.into()));
}

/// What is known of the samples of a route before any comes. The default is nothing.
#[derive(Default)]
struct Scope {
    /// The declared type of all sources.
    value: Option<IecType>,
    /// Those of the datapoints that are looked up.
    points: Vec<Option<IecType>>,
    /// Instance and tag of all sources, if there is no pattern among them.
    sources: Vec<(String, String)>,
    /// The classes of quality that go on, if nothing on the way makes another one of them.
    passing: Option<Vec<Class>>,
}

impl Scope {
    fn of(rules: &Rules, spec: &RouteSpec, logic: &Logic, directory: &dyn Directory) -> Self {
        let declared = |address: &str| directory.declared(address).r#type;
        let plain = !spec.from.0.iter().any(|from| is_pattern(from));
        let sources = spec.from.0.iter().map(|from| rules.known.canonical(from, directory)).filter(|_| plain);
        let sources: Vec<String> = sources.map(Into::into).collect();
        let mut types = sources.iter().map(|source| declared(source));
        let first = types.next().flatten();
        let parts = |address: &String| {
            let end = rules.known.locate(address).0;
            (address[..end].to_owned(), address.get(end + 1..).unwrap_or("").to_owned())
        };
        let keeps = logic.pipeline.as_ref().is_none_or(Pipeline::keeps_quality);
        let passing = spec.on_quality.as_ref().filter(|_| keeps);
        Self {
            value: first.filter(|first| types.all(|other| other == Some(*first))),
            points: logic.points.iter().map(|point| declared(point)).collect(),
            sources: sources.iter().map(parts).collect(),
            passing: passing.map(|list| list.iter().map(|class| Class::from(*class)).collect()),
        }
    }

    /// Why the part is never true, or never false if it is negated.
    fn excludes(&self, node: &Node, negated: bool) -> Option<String> {
        match node {
            Node::Constant(Value::Bool(b)) if *b == negated => Some(format!("it is {b} for every sample")),
            Node::Not(inner) => self.excludes(inner, !negated),
            Node::And(sides) | Node::Or(sides) if matches!(node, Node::Or(_)) != negated => {
                let why = self.excludes(&sides[0], negated)?;
                self.excludes(&sides[1], negated).map(|_| why)
            }
            Node::And(_) | Node::Or(_) => {
                let mut parts = Vec::new();
                conjuncts(node, negated, &mut parts);
                let alone = parts.iter().find_map(|(part, negated)| self.excludes(part, *negated));
                alone.or_else(|| contradiction(&parts))
            }
            _ => self.impossible(&Test::of(node, negated)?).or_else(|| contradiction(&[(node, negated)])),
        }
    }

    /// Why one of several alternatives is never true.
    fn dead_part(&self, node: &Node, negated: bool) -> Option<String> {
        match node {
            Node::Not(inner) => self.dead_part(inner, !negated),
            Node::And(sides) | Node::Or(sides) => {
                let alternatives = matches!(node, Node::Or(_)) != negated;
                // A constant stands there on purpose.
                let may_be = |side: &Node| alternatives && !matches!(side, Node::Constant(_));
                let dead = |side| if may_be(side) { self.excludes(side, negated) } else { None };
                sides.iter().find_map(|side| dead(side).or_else(|| self.dead_part(side, negated)))
            }
            _ => None,
        }
    }

    /// Why no sample passes this one test.
    fn impossible(&self, test: &Test<'_>) -> Option<String> {
        let texts = || test.wanted.texts();
        match test.what {
            What::Variable(variable) => match variable {
                Variable::Value | Variable::Previous => beyond(self.value, test),
                Variable::Age => test.needs_below(0.0).then(|| "no age is below 0".to_owned()),
                Variable::Quality => {
                    let passing = self.passing.as_ref()?;
                    let wanted = texts()?;
                    let passes = |wanted: &&str| passing.iter().any(|class| class.name() == *wanted);
                    let held = wanted.first().filter(|_| !wanted.iter().any(passes))?;
                    Some(format!("it wants the quality `{held}`, which `on_quality` holds back"))
                }
                Variable::Tag => self.foreign(&texts()?, "has the tag", |(_, tag)| tag),
                Variable::Source => self.foreign(&texts()?, "is of the instance", |(source, _)| source),
                Variable::Reason | Variable::Time => None,
            },
            What::Point(index) => beyond(self.points.get(index).copied().flatten(), test),
        }
    }

    /// None of the texts is what one of the sources has.
    fn foreign(&self, wanted: &[&str], words: &str, of: impl Fn(&(String, String)) -> &String) -> Option<String> {
        let has = |wanted: &&str| self.sources.iter().any(|source| of(source) == wanted);
        let first = wanted.first()?;
        let none = !self.sources.is_empty() && !wanted.iter().any(has);
        none.then(|| format!("no source of the route {words} `{first:.40}`"))
    }
}

/// The parts that all have to be true.
fn conjuncts<'a>(node: &'a Node, negated: bool, parts: &mut Vec<(&'a Node, bool)>) {
    match node {
        Node::Not(inner) => conjuncts(inner, !negated, parts),
        Node::And(sides) | Node::Or(sides) if matches!(node, Node::And(_)) != negated => {
            sides.iter().for_each(|side| conjuncts(side, negated, parts));
        }
        other => parts.push((other, negated)),
    }
}

/// Two parts that exclude each other.
fn contradiction(parts: &[(&Node, bool)]) -> Option<String> {
    let tests: Vec<Test<'_>> = parts.iter().filter_map(|(part, negated)| Test::of(part, *negated)).collect();
    tests.iter().enumerate().find_map(|(nth, first)| {
        if tests[..nth].iter().any(|other| other.what == first.what) {
            return None;
        }
        Wanted::of_all(tests.iter().filter(|test| test.what == first.what)).contradiction()
    })
}

/// A number that a datapoint of this type never has.
fn beyond(declared: Option<IecType>, test: &Test<'_>) -> Option<String> {
    let declared = declared?;
    let (low, high) = declared.integers()?;
    let outside = test.needs_below(low as f64) || test.needs_above(high as f64);
    outside.then(|| format!("a {} is from {low} to {high}", super::types::name(declared)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, check_declared};

    #[track_caller]
    fn check_condition(condition: &str, want: &str) {
        let want = if want.is_empty() { String::new() } else { format!("a condition: {want}") };
        check(
            &format!(r#"{{"id":"a","from":["plc_002.x","plc_002.y"],"to":"log.system","condition":"{condition}"}}"#),
            &want,
        );
    }

    #[test]
    fn parts_that_exclude_each_other_are_noticed() {
        let never =
            |condition: &str, why: &str| check_condition(condition, &format!("the condition is never true: {why}"));
        never("value in ['a', 'b'] and value == 'c'", "nothing is a and c at once");
        never("value in [1, 2] and value not in [2, 1]", "nothing is 1 and is not");
        never("value in []", "the list is empty");
        never("value in [1, 2] and value > 5", "nothing is above 5 and 1");
        never("value == 7 and value < 5", "nothing is 7 and below 5");
        never("value == true and not value", "nothing is true and false at once");
        never("not (value <= 5 or value >= 3)", "nothing is above 5 and below 3");
        never("(value > 5 and value < 3) or (value > 9 and value < 7)", "nothing is above 5 and below 3");
        never("quality == 'good' and quality == 'bad'", "nothing is good and bad at once");
        never("age < 0", "no age is below 0");
        never("age > 10min and age < 60s", "nothing is above 600 and below 60");
        never("tag == 'z'", "no source of the route has the tag `z`");
        never("source == 'plc_001'", "no source of the route is of the instance `plc_001`");
        check_condition("tag == 'x' and source == 'plc_002' and age < 5min", "");
        check_condition("value in [1, 2] and value != 1 and value < 3", "");
    }

    #[test]
    fn conditions_that_are_always_true_are_noticed() {
        let always =
            |condition: &str, why: &str| check_condition(condition, &format!("the condition is always true: {why}"));
        always("value != 'off' or value != 'unavailable'", "nothing is off and unavailable at once");
        always("value > 10 or value < 20", "nothing is above 20 and below 10");
        always("not (value == 1 and value == 2)", "nothing is 1 and 2 at once");
        check_condition("value > 20 or value < 10", "");
        check_condition("value != 0 and value != ''", "");
        check_condition("previous == null or value != previous", "");
        check_condition("value >= 0 or quality == 'bad'", "");
    }

    #[test]
    fn a_part_that_is_never_or_always_true_is_noticed() {
        check_condition(
            "(value > 50 and value < 30) or quality == 'bad'",
            "a part of the condition is never true: nothing is above 50 and below 30",
        );
        check_condition(
            "quality == 'good' and (value != 1 or value != 2)",
            "a part of the condition is always true: nothing is 1 and 2 at once",
        );
    }

    #[test]
    fn what_a_declared_type_never_is_is_noticed() {
        let one = |from: &str, condition: &str, why: &str| {
            let want = if why.is_empty() { String::new() } else { format!("the condition is never true: {why}") };
            check_declared(from, &format!(r#""condition":"{condition}","#), "x", &want);
        };
        one("percent", "value > 300", "a USINT is from 0 to 255");
        one("percent", "value < 0", "a USINT is from 0 to 255");
        one("percent", "value == 256", "a USINT is from 0 to 255");
        one("x", "dp('plc_002.percent') >= 255.5", "a USINT is from 0 to 255");
        one("percent", "value >= 255 or value <= 0", "");
        // It keeps off what has no value.
        one("percent", "value >= 0", "");
        one("volts", "value < 0", "");
    }

    #[test]
    fn a_step_that_makes_another_quality_may_let_it_pass() {
        let route = |steps: &str| {
            format!(
                r#"{{"id":"a","from":"plc_002.x","to":"log.system","condition":"quality == 'bad'","on_quality":["good"]{steps}}}"#
            )
        };
        check(&route(r#","transform":"count(1h)""#), "");
        check(
            &route(r#","transform":"on_change""#),
            "a condition: the condition is never true: it wants the quality `bad`, which `on_quality` holds back",
        );
    }
}
