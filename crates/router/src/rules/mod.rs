//! `routing.json`, checked against the instances there are and compiled.
//!
//! Read on in [`target`] (what an address may be written to), [`mod@compile`] (one route after the other), [`spelling`],
//! [`words`], [`reach`] and [`bounds`] (conditions that are never true), [`types`], [`units`] and [`mixed`] (units that meet),
//! then what only shows when all routes are looked at
//! together: [`together`] (two writers of one variable, routes that do the same), [`circles`], [`wild`] (the same for
//! patterns and placeholders) and [`orphans`] (computed datapoints that are misspelt).

mod bounds;
mod circles;
mod compile;
mod mixed;
mod orphans;
mod reach;
mod spelling;
mod target;
mod together;
mod types;
mod units;
mod wild;
mod words;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use fieldrail_model::{Class, IecType};
use serde::Serialize;

use crate::expression::{Expression, Kind};
use crate::file::{Mode, RouteSpec, RoutingFile};
use crate::pattern::{PatternIndex, Template};
use crate::transform::Pipeline;

pub(crate) use compile::{MAX_LISTED, kind_at, source_kind};
pub(crate) use target::{Known, TargetName, TargetSpec};

/// More problems than this are not listed.
pub const MAX_PROBLEMS: usize = 100;

/// Whether what is written to an instance is a state or an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetClass {
    /// A variable, a topic: the last value counts.
    State,
    /// A log, a webhook: each value counts.
    Event,
}

impl TargetClass {
    /// How such a target is delivered to if its route does not say.
    pub fn default_mode(self) -> Mode {
        match self {
            Self::State => Mode::Latest,
            Self::Event => Mode::Queued,
        }
    }
}

/// What the rules must know of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstanceFacts {
    /// Whether its tags that differ only in case are the same.
    pub case_insensitive: bool,
    /// What kind of targets it has.
    pub targets: TargetClass,
    /// Whether it can be written to at all.
    pub writable: bool,
}

/// What somebody said about a datapoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Declared {
    /// Its type.
    pub r#type: Option<IecType>,
    /// Its unit.
    pub unit: Option<String>,
}

/// The instances there are.
pub trait Directory {
    /// All of them, running or not.
    fn instances(&self) -> Vec<(String, InstanceFacts)>;

    /// The one spelling of a tag under which the data space knows it. Only asked for case-insensitive instances; lower
    /// case unless the directory knows better.
    fn canonical<'a>(&self, _instance: &str, tag: &'a str) -> Cow<'a, str> {
        tag.to_lowercase().into()
    }

    /// What somebody said about a datapoint, by its address in the spelling of the data space.
    fn declared(&self, _address: &str) -> Declared {
        Declared::default()
    }

    /// Whether the house itself has a datapoint of this address, which begins with `system.`.
    ///
    /// # Errors
    /// It never has; beside it the one that is spelled nearly so, if there is one.
    fn own(&self, _address: &str) -> Result<(), Option<String>> {
        Ok(())
    }

    /// The addresses with this beginning of which somebody said something, whatever it was.
    fn described(&self, _beginning: &str) -> Vec<String> {
        Vec::new()
    }
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The rules are refused.
    Error,
    /// The rules work, but probably not as meant.
    Warning,
}

/// Something wrong with the rules, in words for the person who wrote them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The route; `None` if it is about the whole file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// The key of the route, or of the file.
    pub key: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to try, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// How bad it is.
    pub severity: Severity,
    /// Where within the text of the key, if it is an expression or a pipeline and the place is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span: Option<Place>,
}

/// A stretch of a text, counted in characters from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The first character.
    pub start: usize,
    /// The first one behind it.
    pub end: usize,
}

impl Place {
    /// A stretch that is counted in bytes, in this text.
    pub(crate) fn of(text: &str, bytes: std::ops::Range<usize>) -> Self {
        let characters = |end: usize| text[..text.floor_char_boundary(end)].chars().count();
        Self { start: characters(bytes.start), end: characters(bytes.end) }
    }
}

/// A route's place in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteIndex(pub u32);

impl RouteIndex {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// One compiled route.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) spec: RouteSpec,
    pub(crate) logic: Arc<Logic>,
    pub(crate) targets: Vec<RouteTarget>,
    pub(crate) on_quality: Option<Classes>,
    pub(crate) mode: Option<Mode>,
    pub(crate) ttl: Option<Duration>,
    pub(crate) claim: Option<Claim>,
    pub(crate) pair: Option<Pair>,
}

/// What a route does with a value. Routes whose texts are the same share it.
#[derive(Debug)]
pub(crate) struct Logic {
    pub(crate) condition: Option<Expression>,
    pub(crate) pipeline: Option<Pipeline>,
    /// The datapoints of `dp("…")` in condition and pipeline, by their index there.
    pub(crate) points: Vec<Arc<str>>,
    /// What the values of the sources are.
    pub(crate) kind: Kind,
}

/// The right to a target that several routes write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) priority: i64,
    pub(crate) lease: Duration,
}

/// The way back of a route in both directions.
#[derive(Debug)]
pub(crate) struct Pair {
    /// The source, as a target.
    pub(crate) source: TargetSpec,
    pub(crate) back: Option<Pipeline>,
}

/// A target of a route.
#[derive(Debug)]
pub(crate) enum RouteTarget {
    /// The same for every source.
    Fixed(TargetSpec),
    /// Made from the source's address.
    Filled(Template),
}

/// A set of classes of quality.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Classes(u8);

impl Classes {
    pub(crate) const ALL: Self = Self(0b111);
    /// What may be written to a variable of a device.
    pub(crate) const USABLE: Self = Self(0b011);

    pub(crate) fn has(self, class: Class) -> bool {
        self.0 >> class as u8 & 1 == 1
    }
}

impl FromIterator<Class> for Classes {
    fn from_iter<I: IntoIterator<Item = Class>>(classes: I) -> Self {
        Self(classes.into_iter().fold(0, |set, class| set | 1 << class as u8))
    }
}

/// The compiled rules.
#[derive(Debug, Default)]
pub struct Rules {
    pub(crate) routes: Vec<Route>,
    pub(crate) known: Known,
    direct: HashMap<Box<str>, Vec<RouteIndex>>,
    patterns: PatternIndex<RouteIndex>,
    /// The same patterns in lower case, for datapoints of case-insensitive instances.
    folded: PatternIndex<RouteIndex>,
    warnings: Vec<Problem>,
    /// Units of computed datapoints that follow from their routes, by address.
    units: HashMap<Box<str>, String>,
}

/// What the rules want to hear of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Addresses, each once, sorted; those of `dp("…")` too.
    pub addresses: Vec<String>,
    /// Patterns, each once, sorted.
    pub patterns: Vec<String>,
}

impl Rules {
    /// Checks and compiles the rules.
    ///
    /// # Errors
    /// Everything that is wrong, up to [`MAX_PROBLEMS`]; at least one of them is an error and not a warning.
    pub fn compile(file: &RoutingFile, directory: &dyn Directory) -> Result<Self, Vec<Problem>> {
        compile::compile(file, directory)
    }

    /// What works, but probably not as meant.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// The unit of a computed datapoint, if its route lets it be known.
    pub fn unit(&self, address: &str) -> Option<&str> {
        self.units.get(address).map(String::as_str)
    }

    /// How many routes there are, those that are off too.
    pub fn len(&self) -> usize {
        self.routes.len()
    }

    /// Whether there are no routes.
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }

    /// A route as it was written.
    pub fn route(&self, route: RouteIndex) -> &RouteSpec {
        &self.routes[route.index()].spec
    }

    /// The address of a route's first target, if it is the same for all sources.
    pub(crate) fn first_target(&self, route: usize) -> Option<&str> {
        match self.routes.get(route)?.targets.first()? {
            RouteTarget::Fixed(target) => Some(target.address.as_str()),
            RouteTarget::Filled(_) => None,
        }
    }

    /// The sources and other datapoints that the routes that are on need.
    pub fn needs(&self) -> Needs {
        let on = self.routes.iter().filter(|route| route.spec.enabled);
        let looked_up = on.flat_map(|route| &route.logic.points).map(|address| (**address).to_owned());
        let mut addresses: Vec<String> =
            self.direct.keys().map(|address| (**address).to_owned()).chain(looked_up).collect();
        let mut patterns: Vec<String> = self.patterns.patterns().map(|pattern| pattern.as_str().to_owned()).collect();
        for list in [&mut addresses, &mut patterns] {
            list.sort_unstable();
            list.dedup();
        }
        Needs { addresses, patterns }
    }

    /// The routes that take samples of this address, in the order of the file: one look-up, and one per segment for the
    /// patterns.
    pub(crate) fn routes_of(&self, address: &str, case_insensitive: bool) -> Vec<RouteIndex> {
        let mut found = self.direct.get(address).cloned().unwrap_or_default();
        self.patterns.find(address, &mut found);
        if case_insensitive {
            self.folded.find(&address.to_lowercase(), &mut found);
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// How many routes a look-up of this address has to try, about.
    pub(crate) fn tried(&self, address: &str) -> usize {
        1 + self.direct.get(address).map_or(0, Vec::len) + self.patterns.tried(address)
    }
}

#[cfg(test)]
pub(crate) mod tests;
