//! Conditions that are never true, or always.

use fieldrail_model::text::did_you_mean;
use fieldrail_model::{Class, Quality, Value};

use super::Logic;
use super::compile::Findings;
use crate::expression::{Binary, Node, Variable};
use crate::file::RouteSpec;

/// Warns where a condition lets nothing pass, or everything.
pub(super) fn check(spec: &RouteSpec, logic: &Logic, findings: &mut Findings) {
    let Some(condition) = &logic.condition else { return };
    match condition.constant() {
        Some(Value::Bool(false)) => return never(findings, "it is false for every sample"),
        Some(Value::Bool(true)) => {
            findings.warning("condition", "it is true for every sample", Some("leave it out".into()));
            return;
        }
        _ => {}
    }
    let mut parts = Vec::new();
    conjuncts(condition.node(), &mut parts);
    for part in &parts {
        if let Some(message) = unknown_word(part) {
            findings.error("condition", message, None);
            return;
        }
    }
    if let Some(why) = contradiction(&parts) {
        never(findings, &why);
    } else if let (Some(class), Some(passing)) = (wanted_class(&parts), &spec.on_quality)
        && !passing.iter().any(|one| Class::from(*one) == class)
    {
        never(findings, &format!("it wants the quality `{}`, which `on_quality` holds back", class.name()));
    }
}

fn never(findings: &mut Findings, why: &str) {
    let hint = "to switch the route off, write \"enabled\": false";
    findings.warning("condition", format!("the condition is never true: {why}"), Some(hint.into()));
}

/// The parts that all have to be true.
fn conjuncts<'a>(node: &'a Node, parts: &mut Vec<&'a Node>) {
    match node {
        Node::And(sides) => sides.iter().for_each(|side| conjuncts(side, parts)),
        other => parts.push(other),
    }
}

/// `variable operator constant`, whichever side the constant is on.
fn comparison(node: &Node) -> Option<(Compared, Binary, &Value)> {
    let Node::Binary(operator, sides) = node else { return None };
    match &**sides {
        [left, Node::Constant(value)] => Some((Compared::of(left)?, *operator, value)),
        [Node::Constant(value), right] => Some((Compared::of(right)?, operator.mirrored(), value)),
        _ => None,
    }
}

/// What a constant is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compared {
    Variable(Variable),
    Point(usize),
}

impl Compared {
    fn of(node: &Node) -> Option<Self> {
        match node {
            Node::Variable(variable, _) => Some(Self::Variable(*variable)),
            Node::Point(index, _) => Some(Self::Point(*index)),
            _ => None,
        }
    }
}

/// A quality that does not exist would never be met.
fn unknown_word(part: &Node) -> Option<String> {
    let (Compared::Variable(variable), _, Value::Text(text)) = comparison(part)? else { return None };
    let classes = || [Class::Good, Class::Uncertain, Class::Bad].into_iter().map(Class::name);
    let reasons = || Quality::ALL.iter().map(|quality| quality.reason());
    let (word, near) = match variable {
        Variable::Quality if !classes().any(|known| known == &**text) => ("quality", did_you_mean(text, classes())),
        Variable::Reason if !reasons().any(|known| known == &**text) => ("reason", did_you_mean(text, reasons())),
        _ => return None,
    };
    Some(format!("there is no {word} `{text:.40}`{near}"))
}

/// The class of quality that the condition asks for.
fn wanted_class(parts: &[&Node]) -> Option<Class> {
    parts.iter().find_map(|part| match comparison(part)? {
        (Compared::Variable(Variable::Quality), Binary::Equal, Value::Text(text)) => {
            [Class::Good, Class::Uncertain, Class::Bad].into_iter().find(|class| class.name() == &**text)
        }
        _ => None,
    })
}

/// The numbers that pass so far, and the constant that must be met.
#[derive(Default)]
struct Bounds<'a> {
    low: Option<Bound>,
    high: Option<Bound>,
    equal: Option<&'a Value>,
}

/// Two parts of the condition that exclude each other.
fn contradiction(parts: &[&Node]) -> Option<String> {
    let compared: Vec<_> = parts.iter().filter_map(|part| comparison(part)).collect();
    for (nth, (what, ..)) in compared.iter().enumerate() {
        if compared[..nth].iter().any(|(other, ..)| other == what) {
            continue;
        }
        let mut bounds = Bounds::default();
        for (_, operator, value) in compared.iter().filter(|(other, ..)| other == what) {
            if let Some(why) = bounds.narrow(*operator, value) {
                return Some(why);
            }
        }
    }
    None
}

impl<'a> Bounds<'a> {
    fn narrow(&mut self, operator: Binary, value: &'a Value) -> Option<String> {
        if operator == Binary::Equal
            && let Some(other) = self.equal.replace(value)
            && !same(other, value)
        {
            return Some(format!("nothing is {other} and {value} at once"));
        }
        if operator == Binary::Unequal && self.equal.is_some_and(|equal| same(equal, value)) {
            return Some(format!("nothing is {value} and is not"));
        }
        let x = value.as_f64()?;
        match operator {
            Binary::Greater => self.low = Some(higher(self.low, (x, true))),
            Binary::GreaterOrEqual => self.low = Some(higher(self.low, (x, false))),
            Binary::Less => self.high = Some(lower(self.high, (x, true))),
            Binary::LessOrEqual => self.high = Some(lower(self.high, (x, false))),
            Binary::Equal => {
                self.low = Some(higher(self.low, (x, false)));
                self.high = Some(lower(self.high, (x, false)));
            }
            _ => {}
        }
        let ((low, over), (high, under)) = (self.low?, self.high?);
        let none = low > high || (low >= high && (over || under));
        none.then(|| format!("nothing is above {low} and below {high}"))
    }
}

fn same(a: &Value, b: &Value) -> bool {
    a == b || crate::expression::equal(&a.into(), &b.into()) == Ok(true)
}

/// A bound, and whether it does not belong to what passes itself.
type Bound = (f64, bool);

#[allow(clippy::float_cmp)] // both are constants as written
fn higher(known: Option<Bound>, new: Bound) -> Bound {
    known.filter(|known| known.0 > new.0 || (known.0 == new.0 && known.1)).unwrap_or(new)
}

#[allow(clippy::float_cmp)] // both are constants as written
fn lower(known: Option<Bound>, new: Bound) -> Bound {
    known.filter(|known| known.0 < new.0 || (known.0 == new.0 && known.1)).unwrap_or(new)
}
