//! What the parts of a condition want of one variable: to be, to be one of, to be not, to be above or below.

use fieldrail_model::Value;

use crate::expression::{Binary, Node, Variable};

/// What a part of a condition looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Variable(Variable),
    /// `dp("…")`, by its place in the route's list of datapoints.
    Point(usize),
}

impl What {
    fn of(node: &Node) -> Option<Self> {
        match node {
            Node::Variable(variable, _) => Some(Self::Variable(*variable)),
            Node::Point(index, _) => Some(Self::Point(*index)),
            _ => None,
        }
    }
}

/// A bound, and whether it does not belong to what passes itself.
type Bound = (f64, bool);

/// A part of a condition that holds one variable against constants.
#[derive(Debug)]
pub(super) struct Test<'a> {
    pub(super) what: What,
    pub(super) wanted: Wanted<'a>,
}

impl<'a> Test<'a> {
    /// What this node, or its opposite, wants.
    pub(super) fn of(node: &'a Node, negated: bool) -> Option<Self> {
        match node {
            Node::Binary(operator, sides) => {
                let (what, operator, value) = match &**sides {
                    [left, Node::Constant(value)] => (What::of(left)?, *operator, value),
                    [Node::Constant(value), right] => (What::of(right)?, operator.mirrored(), value),
                    _ => return None,
                };
                let operator = if negated { operator.opposite()? } else { operator };
                Some(Self { what, wanted: Wanted::compared(operator, value) })
            }
            Node::In(wanted, list) => {
                let constant = |node: &'a Node| if let Node::Constant(value) = node { Some(value) } else { None };
                let all: Vec<&Value> = list.iter().map(constant).collect::<Option<_>>()?;
                let wanted_of = if negated {
                    Wanted { not: all, ..Wanted::default() }
                } else {
                    Wanted { one_of: vec![all], ..Wanted::default() }
                };
                Some(Self { what: What::of(wanted)?, wanted: wanted_of })
            }
            // A truth value by itself.
            node => Some(Self { what: What::of(node)?, wanted: Wanted::compared(Binary::Equal, truth(!negated)) }),
        }
    }

    /// Whether only numbers below this one pass.
    pub(super) fn needs_below(&self, least: f64) -> bool {
        let below = |(high, open): Bound| high < least || (open && high <= least);
        self.wanted.high.is_some_and(below) || self.wanted.all_numbers(|x| x < least)
    }

    /// Whether only numbers above this one pass.
    pub(super) fn needs_above(&self, most: f64) -> bool {
        let above = |(low, open): Bound| low > most || (open && low >= most);
        self.wanted.low.is_some_and(above) || self.wanted.all_numbers(|x| x > most)
    }
}

fn truth(value: bool) -> &'static Value {
    if value { &Value::Bool(true) } else { &Value::Bool(false) }
}

/// What one or several parts want of one variable.
#[derive(Debug, Default)]
pub(super) struct Wanted<'a> {
    low: Option<Bound>,
    high: Option<Bound>,
    /// It has to be one of each of these lists.
    one_of: Vec<Vec<&'a Value>>,
    /// It has to be none of these.
    not: Vec<&'a Value>,
}

impl<'a> Wanted<'a> {
    fn compared(operator: Binary, value: &'a Value) -> Self {
        let bound = value.as_f64();
        let mut wanted = Self::default();
        match operator {
            Binary::Greater => wanted.low = bound.map(|x| (x, true)),
            Binary::GreaterOrEqual => wanted.low = bound.map(|x| (x, false)),
            Binary::Less => wanted.high = bound.map(|x| (x, true)),
            Binary::LessOrEqual => wanted.high = bound.map(|x| (x, false)),
            Binary::Equal => wanted.one_of.push(vec![value]),
            Binary::Unequal => wanted.not.push(value),
            _ => {}
        }
        wanted
    }

    /// What all of these tests want together.
    pub(super) fn of_all<'t>(tests: impl Iterator<Item = &'t Test<'a>>) -> Self
    where
        'a: 't,
    {
        let mut all = Self::default();
        for Test { wanted, .. } in tests {
            all.low = narrowed(all.low, wanted.low, |a, b| a > b);
            all.high = narrowed(all.high, wanted.high, |a, b| a < b);
            all.one_of.extend(wanted.one_of.iter().cloned());
            all.not.extend(&wanted.not);
        }
        all
    }

    /// Why nothing is what is wanted.
    pub(super) fn contradiction(&self) -> Option<String> {
        if let (Some((low, over)), Some((high, under))) = (self.low, self.high)
            && (low > high || (low >= high && (over || under)))
        {
            return Some(format!("nothing is above {low} and below {high}"));
        }
        let (first, more) = self.one_of.split_first()?;
        let Some(one) = first.first() else { return Some("the list is empty".into()) };
        let left: Vec<&Value> =
            first.iter().copied().filter(|value| more.iter().all(|list| among(list, value))).collect();
        if left.is_empty() {
            let other = more.iter().find(|list| !among(list, one)).and_then(|list| list.first());
            return Some(
                other.map_or_else(
                    || "the list is empty".into(),
                    |other| format!("nothing is {one} and {other} at once"),
                ),
            );
        }
        if left.iter().all(|value| among(&self.not, value)) {
            return Some(format!("nothing is {} and is not", left[0]));
        }
        let fits = |value: &&Value| value.as_f64().is_none_or(|x| self.holds(x));
        (!left.iter().any(fits)).then(|| match (self.low, self.high) {
            (Some((low, _)), _) if left[0].as_f64().is_some_and(|x| x <= low) => {
                format!("nothing is above {low} and {}", left[0])
            }
            (_, high) => format!("nothing is {} and below {}", left[0], high.map_or(0.0, |(high, _)| high)),
        })
    }

    fn holds(&self, x: f64) -> bool {
        let above = self.low.is_none_or(|(low, open)| x > low || (!open && x >= low));
        above && self.high.is_none_or(|(high, open)| x < high || (!open && x <= high))
    }

    /// The texts of which it has to be one, if it has to be.
    pub(super) fn texts(&self) -> Option<Vec<&'a str>> {
        let text = |value: &&'a Value| if let Value::Text(text) = value { Some(&**text) } else { None };
        self.one_of.first()?.iter().map(text).collect()
    }

    /// It has to be one of a list of numbers, all of which are like this.
    fn all_numbers(&self, like: impl Fn(f64) -> bool) -> bool {
        let numbers = self.one_of.first().filter(|list| !list.is_empty());
        numbers.is_some_and(|list| list.iter().all(|value| value.as_f64().is_some_and(&like)))
    }
}

fn among(list: &[&Value], value: &Value) -> bool {
    let same =
        |other: &&Value| *other == value || crate::expression::equal(&(*other).into(), &value.into()) == Ok(true);
    list.iter().any(same)
}

/// The tighter one of two bounds.
#[allow(clippy::float_cmp)] // both are constants as written
fn narrowed(known: Option<Bound>, new: Option<Bound>, tighter: fn(f64, f64) -> bool) -> Option<Bound> {
    match (known, new) {
        (Some(known), Some(new)) if tighter(known.0, new.0) || (known.0 == new.0 && known.1) => Some(known),
        (known, new) => new.or(known),
    }
}
