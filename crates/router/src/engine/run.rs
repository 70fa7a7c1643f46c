//! One sample through the routes of its datapoint.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;

use fieldrail_model::{Class, Origin, Quality, Sample, Timestamp, Value};

use super::plan::PlanId;
use super::{Counters, Delivery, MAX_COMPUTED, MAX_HOPS, Outcome, Router, Target, TargetId, TargetKind};
use crate::expression::{EvalError, Input, Lookup};
use crate::rules::{Classes, Route, RouteIndex, TargetClass};
use crate::space::{PointId, Space};

/// The datapoints that the expressions of one route look up.
struct Looked<'a> {
    space: &'a Space,
    route: &'a Route,
    points: &'a [Option<PointId>],
}

impl Lookup for Looked<'_> {
    fn point(&self, index: usize) -> Result<&Sample, EvalError> {
        let address = || self.route.points.get(index).cloned().unwrap_or_else(|| "".into());
        let point = self.points.get(index).copied().flatten();
        let sample = point.and_then(|point| self.space.sample(point)).ok_or_else(|| EvalError::Missing(address()))?;
        match sample.quality.class() {
            Class::Bad => Err(EvalError::BadPoint { address: address(), quality: sample.quality }),
            Class::Good | Class::Uncertain => Ok(sample),
        }
    }
}

/// What a transform has made of a sample.
struct Made {
    value: Value,
    quality: Quality,
    note: Option<Arc<str>>,
}

/// Where what passes a route goes on to.
struct Exit<'a> {
    space: &'a Space,
    targets: &'a indexmap::IndexMap<fieldrail_model::Address, Target>,
    computed: &'a mut VecDeque<(PointId, Sample)>,
    caused: &'a mut usize,
    out: &'a mut Outcome,
}

impl Router {
    /// Runs the datapoint's last sample through its routes.
    pub(super) fn run(&mut self, point: PointId, plan: PlanId, now: Timestamp, out: &mut Outcome) {
        let Self { space, rules, live, targets, plans, computed, caused, .. } = self;
        let Some(sample) = space.sample(point) else { return };
        let address = space.address(point);
        let plan = plans.get(plan);
        let worst = Cell::new(sample.quality);
        let mut exit = Exit { space, targets, computed, caused, out };
        for step in &plan.steps {
            let route = &rules.routes[step.route.index()];
            let live = &mut live[step.route.index()];
            let input = Input {
                value: &sample.value,
                quality: sample.quality,
                previous: space.previous(point),
                source: &address.as_str()[..plan.source_end],
                tag: address.as_str().get(plan.source_end + 1..).unwrap_or(""),
                source_time: sample.source_time,
                now,
                points: &Looked { space, route, points: &live.points },
                worst: &worst,
            };
            live.counters.matched += 1;
            if !holds(route, &input, &mut live.counters) {
                continue;
            }
            let made = made(route, sample, &input, &mut live.counters);
            let origin = sample.origin.as_ref().map_or((address.shared(), 0), |origin| (&origin.address, origin.hops));
            let mut passed = false;
            for target in step.targets.iter() {
                passed |= exit.send(*target, step.route, route, sample, &made, origin, &mut live.counters);
            }
            live.counters.passed += u64::from(passed);
        }
    }
}

/// Whether the sample meets the condition of the route.
fn holds(route: &Route, input: &Input<'_>, counters: &mut Counters) -> bool {
    let Some(condition) = &route.condition else { return true };
    match condition.test(input) {
        Ok(true) => return true,
        Ok(false) => counters.dropped_by_condition += 1,
        // A bad sample often has no value to compare: that is no mistake of the route.
        Err(_) if input.quality.class() == Class::Bad => counters.dropped_by_quality += 1,
        Err(error) => drop(noted(counters, &error)),
    }
    false
}

fn made(route: &Route, sample: &Sample, input: &Input<'_>, counters: &mut Counters) -> Made {
    let kept = || sample.note.clone();
    let Some(pipeline) = &route.pipeline else {
        return Made { value: sample.value.clone(), quality: sample.quality, note: kept() };
    };
    match pipeline.apply(input) {
        Ok((value, quality)) => Made { value, quality, note: kept() },
        Err(_) if sample.quality.class() == Class::Bad => {
            Made { value: Value::Null, quality: sample.quality, note: kept() }
        }
        Err(error) => Made { value: Value::Null, quality: error.quality(), note: Some(noted(counters, &error)) },
    }
}

/// Counts the error and gives its text, the same one as long as the error is the same.
fn noted(counters: &mut Counters, error: &EvalError) -> Arc<str> {
    counters.errors += 1;
    let text = error.to_string();
    match &counters.last_error {
        Some(last) if **last == *text => Arc::clone(last),
        _ => Arc::clone(counters.last_error.insert(text.into())),
    }
}

impl Exit<'_> {
    /// Sends what a route made to one of its targets, unless quality or loop guard forbid it.
    #[allow(clippy::too_many_arguments)] // each is a different thing, and a struct for one call would hide that
    fn send(
        &mut self,
        id: TargetId,
        index: RouteIndex,
        route: &Route,
        sample: &Sample,
        made: &Made,
        (origin, hops): (&Arc<str>, u8),
        counters: &mut Counters,
    ) -> bool {
        let target = &self.targets[id.0 as usize];
        let classes = route.on_quality.unwrap_or(match target.kind {
            TargetKind::Instance { class: TargetClass::State, .. } => Classes::USABLE,
            _ => Classes::ALL,
        });
        if !classes.has(made.quality.class()) {
            counters.dropped_by_quality += 1;
            return false;
        }
        let full = matches!(target.kind, TargetKind::Calc(_)) && *self.caused >= MAX_COMPUTED;
        if hops >= MAX_HOPS || full || self.returns_unchanged(target, origin, &made.value) {
            counters.dropped_by_loop += 1;
            return false;
        }
        let sample = Sample {
            value: made.value.clone(),
            quality: made.quality,
            note: made.note.clone(),
            source_time: sample.source_time,
            receive_time: sample.receive_time,
            origin: Some(Origin { address: Arc::clone(origin), hops: hops + 1 }),
        };
        if let TargetKind::Calc(point) = target.kind {
            *self.caused += 1;
            self.computed.push_back((point, sample));
        } else {
            let mode = route.mode.unwrap_or_else(|| target.default_mode());
            self.out.deliveries.push(Delivery { target: id, sample, route: index, mode, ttl: route.ttl });
        }
        true
    }

    /// Whether the value would go back where it entered and find the same value there.
    fn returns_unchanged(&self, target: &Target, origin: &str, value: &Value) -> bool {
        if target.address.as_str() != origin {
            return false;
        }
        let there = self.space.find(origin).and_then(|point| self.space.sample(point));
        there.is_none_or(|there| there.value == *value)
    }
}
