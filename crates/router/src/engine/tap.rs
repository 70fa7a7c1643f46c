//! Taps: what happens to the values of some datapoints, at each stage of their way. Without a tap it costs one look at a
//! flag a sample.

use std::sync::Arc;

use fieldrail_model::{Quality, Sample, Timestamp, Value};

use super::exit::{Exit, Made};
use super::explain::Ran;
use super::{Delivery, Outcome, Router, TargetId};
use crate::pattern::Pattern;
use crate::rules::RouteIndex;
use crate::space::PointId;

/// What one batch may bring to the taps.
pub(super) const MAX_TAPPED: usize = 10_000;

/// Names a tap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TapId(pub u64);

/// A place on the way of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// A sample comes in, or is computed.
    Input,
    /// A step of a transform has made something of it.
    Step,
    /// A route lets it go no further.
    Dropped,
    /// A route sends it to a target.
    Output,
}

impl Stage {
    /// All stages, in the order in which a value passes them.
    pub const ALL: [Self; 4] = [Self::Input, Self::Step, Self::Dropped, Self::Output];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Step => "step",
            Self::Dropped => "dropped",
            Self::Output => "output",
        }
    }
}

/// Who wants to see what.
#[derive(Debug, Clone)]
pub struct Tap {
    /// The stages; none stands for all.
    pub stages: Vec<Stage>,
    /// The datapoints, where the value comes from or goes to.
    pub pattern: Pattern,
    /// The route; none stands for all.
    pub route: Option<String>,
}

/// What a tap saw.
#[derive(Debug, Clone)]
pub struct Tapped {
    /// Which tap.
    pub tap: TapId,
    /// Where on the way.
    pub stage: Stage,
    /// When.
    pub at: Timestamp,
    /// The route; none at the input.
    pub route: Option<RouteIndex>,
    /// The datapoint whose sample it is.
    pub source: PointId,
    /// Where it goes, at the output and where it is dropped for its target.
    pub target: Option<TargetId>,
    /// The number of the step, from 0.
    pub step: Option<usize>,
    /// Why it goes no further.
    pub dropped: Option<Ran>,
    /// The value there.
    pub value: Value,
    /// Its quality there.
    pub quality: Quality,
    /// Why the quality is not good.
    pub note: Option<Arc<str>>,
}

/// All taps.
#[derive(Default)]
pub(super) struct Taps(Vec<(TapId, Tap)>);

impl Taps {
    pub(super) fn are_on(&self) -> bool {
        !self.0.is_empty()
    }
}

impl Router {
    /// Opens a tap. What it sees comes with each [`Outcome`].
    pub fn open_tap(&mut self, id: TapId, tap: Tap) {
        self.taps.0.push((id, tap));
    }

    /// Closes a tap.
    pub fn close_tap(&mut self, id: TapId) {
        self.taps.0.retain(|(known, _)| *known != id);
    }

    pub(super) fn tap_input(&self, point: PointId, now: Timestamp, out: &mut Outcome) {
        let Some(sample) = self.space.sample(point) else { return };
        let address = self.space.address(point).as_str();
        for (id, tap) in &self.taps.0 {
            if tap.route.is_none() && tap.wants(Stage::Input) && tap.pattern.matches(address) {
                let seen = Tapped {
                    tap: *id,
                    stage: Stage::Input,
                    at: now,
                    route: None,
                    source: point,
                    target: None,
                    step: None,
                    dropped: None,
                    value: sample.value.clone(),
                    quality: sample.quality,
                    note: sample.note.clone(),
                };
                seen.tell(out);
            }
        }
    }
}

impl Tap {
    fn wants(&self, stage: Stage) -> bool {
        self.stages.is_empty() || self.stages.contains(&stage)
    }
}

impl Tapped {
    fn tell(self, out: &mut Outcome) {
        if out.tapped.len() < MAX_TAPPED {
            out.tapped.push(self);
        } else {
            out.tap_missed += 1;
        }
    }
}

/// What is seen of a value somewhere on its way through a route.
struct Seen<'a> {
    stage: Stage,
    route: RouteIndex,
    target: Option<TargetId>,
    step: Option<usize>,
    dropped: Option<Ran>,
    value: &'a Value,
    quality: Quality,
    note: Option<&'a Arc<str>>,
}

impl Exit<'_> {
    fn tap(&mut self, seen: &Seen<'_>) {
        let source = self.space.address(self.point).as_str();
        for (id, tap) in &self.taps.0 {
            let target = seen.target.map(|target| self.targets[target.index()].address.as_str());
            let meant = tap.pattern.matches(source) || target.is_some_and(|target| tap.pattern.matches(target));
            let route = tap.route.as_ref().is_none_or(|id| self.rules.routes[seen.route.index()].spec.id == *id);
            if meant && route && tap.wants(seen.stage) {
                let tapped = Tapped {
                    tap: *id,
                    stage: seen.stage,
                    at: self.now,
                    route: Some(seen.route),
                    source: self.point,
                    target: seen.target,
                    step: seen.step,
                    dropped: seen.dropped,
                    value: seen.value.clone(),
                    quality: seen.quality,
                    note: seen.note.cloned(),
                };
                tapped.tell(self.out);
            }
        }
    }

    pub(super) fn tap_output(&mut self, delivery: &Delivery) {
        self.tap(&Seen {
            stage: Stage::Output,
            route: delivery.route,
            target: Some(delivery.target),
            step: None,
            dropped: None,
            value: &delivery.sample.value,
            quality: delivery.sample.quality,
            note: delivery.sample.note.as_ref(),
        });
    }

    pub(super) fn tap_made(&mut self, route: RouteIndex, target: TargetId, ran: Ran, made: &Made) {
        let (stage, note) = (Stage::Dropped, made.note.as_ref());
        let (value, quality) = (&made.value, made.quality);
        let target = Some(target);
        self.tap(&Seen { stage, route, target, step: None, dropped: Some(ran), value, quality, note });
    }

    pub(super) fn tap_drop(&mut self, route: RouteIndex, ran: Ran, sample: &Sample) {
        if self.taps.are_on() {
            let (stage, note) = (Stage::Dropped, sample.note.as_ref());
            let (value, quality) = (&sample.value, sample.quality);
            self.tap(&Seen { stage, route, target: None, step: None, dropped: Some(ran), value, quality, note });
        }
    }

    pub(super) fn tap_steps(&mut self, route: RouteIndex, trace: &[Value], sample: &Sample) {
        if !self.taps.are_on() {
            return;
        }
        for (nth, value) in trace.iter().enumerate() {
            let quality = sample.quality;
            let (stage, step) = (Stage::Step, Some(nth));
            self.tap(&Seen { stage, route, target: None, step, dropped: None, value, quality, note: None });
        }
    }
}
