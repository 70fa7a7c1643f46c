//! Why a datapoint has its value: what it was sent last, by which route, from which sample, step by step; and what lost.

use std::fmt;

use fieldrail_model::{Address, Origin, Quality, Sample, Timestamp, Value};

use super::plan::{Direction, Step};
use super::{Router, TargetId};
use crate::rules::RouteIndex;
use crate::space::PointId;

/// What came of a sample at a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ran {
    /// There was no target to go to.
    Nowhere,
    /// The condition was false.
    Condition,
    /// Condition or transform could not be computed, and nothing went on.
    Failed,
    /// A step keeps it.
    Held,
    /// Both ends agreed already.
    Settled,
    /// The quality was not good enough.
    Quality,
    /// It ran in a circle.
    Loop,
    /// A route of a higher priority holds the target.
    Priority,
    /// It went on.
    Passed,
}

impl Ran {
    /// The one that went further.
    pub(super) fn better(self, other: Self) -> Self {
        self.max(other)
    }

    /// One word for it, for machines.
    pub fn word(self) -> &'static str {
        match self {
            Self::Nowhere => "nowhere",
            Self::Condition => "condition",
            Self::Failed => "failed",
            Self::Held => "held",
            Self::Settled => "settled",
            Self::Quality => "quality",
            Self::Loop => "loop",
            Self::Priority => "priority",
            Self::Passed => "passed",
        }
    }
}

/// A sentence for a person.
impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nowhere => "has no target to go to",
            Self::Condition => "the condition was false",
            Self::Failed => "could not be computed",
            Self::Held => "a step keeps the value",
            Self::Settled => "both ends agreed already",
            Self::Quality => "the quality was not good enough",
            Self::Loop => "the value came round in a circle",
            Self::Priority => "a route of a higher priority holds the target",
            Self::Passed => "the value went on",
        })
    }
}

/// What was sent to a target last.
#[derive(Debug, Clone, PartialEq)]
pub struct Reached {
    /// The value.
    pub value: Value,
    /// Its quality.
    pub quality: Quality,
    /// When it was sent.
    pub at: Timestamp,
    /// Where it first came from, and how many routes it has passed.
    pub origin: Origin,
    /// The datapoint whose sample it was made from.
    pub from: Address,
    /// The route, unless it was changed since.
    pub route: Option<RouteIndex>,
}

/// One route that writes the datapoint, from one source.
#[derive(Debug, Clone, PartialEq)]
pub struct Writer {
    /// The route.
    pub route: RouteIndex,
    /// The datapoint whose samples it takes.
    pub source: Address,
    /// Its last sample.
    pub sample: Option<Sample>,
    /// When the route took it, and what came of it; none if it took none since the last reload.
    pub ran: Option<(Timestamp, Ran)>,
    /// Each step as written, with what it made in the last run; none for a step that the value did not reach.
    pub steps: Vec<(String, Option<Value>)>,
    /// Until when the route holds the target, where several routes have priorities.
    pub holds_until: Option<Timestamp>,
    /// The route that holds the target instead, and until when.
    pub beaten_by: Option<(RouteIndex, Timestamp)>,
}

/// Why a datapoint has its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The datapoint.
    pub address: Address,
    /// What it says itself, if it was ever heard of.
    pub sample: Option<Sample>,
    /// What it was sent last; none if no route ever did.
    pub reached: Option<Reached>,
    /// The routes that write it, from each source, at most a hundred; the one that sent the value first.
    pub writers: Vec<Writer>,
    /// The routes that take its samples.
    pub readers: Vec<(RouteIndex, Option<(Timestamp, Ran)>)>,
}

/// The most writers that are listed.
pub(super) const MAX_WRITERS: usize = 100;

impl Step {
    /// Whether it writes the target with the samples of its datapoint.
    fn writes(&self, target: TargetId) -> bool {
        let (ways, both) = (&self.ways, self.direction != Direction::Only);
        // The second end of a route in both directions is the one that the sample came from.
        let ways = if both { &ways[..ways.len().min(1)] } else { ways };
        ways.iter().any(|way| way.target == target)
    }
}

impl Router {
    /// Why the datapoint at this address has its value; `None` if nothing is known of it.
    pub fn explain(&self, address: &str, now: Timestamp) -> Option<Explanation> {
        let point = self.space.find(address);
        let target = self.targets.get_index_of(address).and_then(|index| u32::try_from(index).ok()).map(TargetId);
        if point.is_none() && target.is_none() {
            return None;
        }
        let reached = target.and_then(|target| self.sent.of(target.index())?.as_ref()).map(|sent| Reached {
            value: sent.value.clone(),
            quality: sent.quality,
            at: sent.at,
            origin: sent.origin.clone(),
            from: self.space.address(sent.from).clone(),
            route: sent.route,
        });
        let mut writers: Vec<Writer> = Vec::new();
        if let Some(target) = target {
            let all = self.plans.all().flat_map(|(source, plan)| plan.steps.iter().map(move |step| (source, step)));
            let writing = all.filter(|(_, step)| step.writes(target));
            writers.extend(writing.take(MAX_WRITERS).map(|(source, step)| self.writer(target, source, step, now)));
            writers.sort_by_key(|writer| {
                let sent = reached.as_ref().is_some_and(|r| r.route == Some(writer.route) && r.from == writer.source);
                (!sent, writer.route)
            });
        }
        let plan = point.and_then(|point| self.plans.of(point).flatten());
        let readers = plan.map(|plan| self.plans.get(plan).steps.iter().map(|step| (step.route, step.ran)).collect());
        Some(Explanation {
            address: address.into(),
            sample: point.and_then(|point| self.space.sample(point)).cloned(),
            reached,
            writers,
            readers: readers.unwrap_or_default(),
        })
    }

    /// When each route took its last sample and what came of it, by its place in the file; none for one that took none since
    /// it was last changed.
    pub fn last_runs(&self) -> Vec<Option<(Timestamp, Ran)>> {
        let mut runs = self.ran_before.clone();
        runs.resize(self.rules.routes.len(), None);
        for step in self.plans.all().flat_map(|(_, plan)| &plan.steps) {
            let Some(last) = runs.get_mut(step.route.index()) else { continue };
            if last.is_none_or(|(at, _)| step.ran.is_some_and(|(ran, _)| ran >= at)) {
                *last = step.ran;
            }
        }
        runs
    }

    fn writer(&self, target: TargetId, source: PointId, step: &Step, now: Timestamp) -> Writer {
        let pipeline = step.logic.pipeline.as_ref();
        let texts: Vec<String> = pipeline
            .map(|pipeline| pipeline.texts().iter().map(|text| (**text).to_owned()).collect())
            .unwrap_or_default();
        let trace = step.state.map(|state| self.states.get(state).trace.as_slice()).unwrap_or_default();
        let mut made: Vec<Option<Value>> = trace.iter().cloned().map(Some).collect();
        made.resize(texts.len(), None);
        let sent = self
            .sent
            .of(target.index())
            .and_then(Option::as_ref)
            .filter(|sent| sent.route == Some(step.route) && sent.from == source);
        if let (Some(last), Some(sent)) = (made.last_mut(), sent) {
            *last = Some(sent.value.clone());
        }
        let holder = self.contests.holder(target, now);
        Writer {
            route: step.route,
            source: self.space.address(source).clone(),
            sample: self.space.sample(source).cloned(),
            ran: step.ran,
            steps: texts.into_iter().zip(made).collect(),
            holds_until: self.contests.holds(target, step.route, now),
            beaten_by: holder.filter(|(route, _)| *route != step.route),
        }
    }
}
