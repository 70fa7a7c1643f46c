//! One sample through the routes of its datapoint.

use std::cell::Cell;
use std::sync::Arc;

use fieldrail_model::{Class, Quality, Sample, Timestamp, Value};

use super::exit::{Exit, Made, Reach};
use super::explain::Ran;
use super::pair::Pairs;
use super::placed::Placed;
use super::plan::{Direction, PlanId, Step};
use super::state::{StateId, States};
use super::{Counters, Delivery, Outcome, Router};
use crate::expression::{EvalError, Input, Lookup};
use crate::rules::Logic;
use crate::space::{PointId, Space};
use crate::transform::{Flow, Item, Pipeline};

/// What the expressions of one route look at: the sample, and the datapoints that they look up.
struct Looked<'a> {
    space: &'a Space,
    logic: &'a Logic,
    points: &'a [Option<PointId>],
    /// The worst quality among these.
    worst: Cell<Quality>,
}

impl Looked<'_> {
    fn input<'a>(&'a self, point: PointId, sample: &'a Sample, source_end: usize, now: Timestamp) -> Input<'a> {
        let address = self.space.address(point).as_str();
        Input {
            value: &sample.value,
            quality: sample.quality,
            previous: self.space.previous(point),
            source: &address[..source_end],
            tag: address.get(source_end + 1..).unwrap_or(""),
            source_time: sample.source_time,
            now,
            points: self,
            worst: &self.worst,
        }
    }
}

impl Lookup for Looked<'_> {
    fn point(&self, index: usize) -> Result<&Sample, EvalError> {
        let address = || self.logic.points.get(index).cloned().unwrap_or_else(|| "".into());
        let point = self.points.get(index).copied().flatten();
        let sample = point.and_then(|point| self.space.sample(point)).ok_or_else(|| EvalError::Missing(address()))?;
        match sample.quality.class() {
            Class::Bad => Err(EvalError::BadPoint { address: address(), quality: sample.quality }),
            Class::Good | Class::Uncertain => Ok(sample),
        }
    }
}

/// What lies beside the steps of a plan while they run.
struct Beside<'a> {
    sample: &'a Sample,
    /// Where the instance id ends in the datapoint's address.
    source_end: usize,
    counters: &'a mut Placed<Counters>,
    states: &'a mut States,
    pairs: &'a mut Pairs,
}

impl Router {
    /// Runs the datapoint's last sample through its routes.
    pub(super) fn run(&mut self, point: PointId, plan: PlanId, now: Timestamp, out: &mut Outcome) {
        self.at_steps(point, plan, now, out, |steps, mut beside, exit| {
            for step in steps {
                let ran = beside.run(step, exit);
                step.ran = Some((now, ran));
            }
        });
    }

    /// A step of a route has something to say by itself.
    pub(super) fn wake(&mut self, id: StateId, now: Timestamp, out: &mut Outcome) {
        let state = self.states.get_mut(id);
        // An entry that is left over from another time.
        if state.awaited != Some(now) {
            return;
        }
        state.awaited = None;
        let point = state.point;
        let plan = self.plan_of(point);
        let steps = plan.map(|plan| &self.plans.get(plan).steps);
        let nth = steps.and_then(|steps| steps.iter().position(|step| step.state == Some(id)));
        let (Some(plan), Some(nth)) = (plan, nth) else { return self.states.drop_one(id) };
        self.at_steps(point, plan, now, out, |steps, mut beside, exit| beside.wake(id, &mut steps[nth], exit));
    }

    /// A value that a route sent before takes its target now.
    pub(super) fn hand_over(&mut self, delivery: &Delivery, point: PointId, now: Timestamp, out: &mut Outcome) {
        let Some(plan) = self.plan_of(point) else { return };
        self.at_steps(point, plan, now, out, |steps, beside, exit| {
            let Some(step) = steps.iter_mut().find(|step| step.route == delivery.route) else { return };
            let Some(way) = step.ways.iter().find(|way| way.target == delivery.target) else { return };
            exit.hand_on(way, delivery.clone());
            beside.counters.at_mut(step.counters).passed += 1;
            step.ran = Some((now, Ran::Passed));
        });
    }

    /// Takes the steps of a plan out for some work, with what lies beside them and with where they lead to.
    fn at_steps(
        &mut self,
        point: PointId,
        plan: PlanId,
        now: Timestamp,
        out: &mut Outcome,
        work: impl FnOnce(&mut [Step], Beside<'_>, &mut Exit<'_>),
    ) {
        let Self {
            space,
            rules,
            counters,
            targets,
            plans,
            states,
            sent,
            contests,
            pairs,
            timers,
            computed,
            caused,
            taps,
            ..
        } = self;
        let Some(sample) = space.sample(point) else { return };
        let mut steps = std::mem::take(&mut plans.get_mut(plan).steps);
        let source_end = plans.get(plan).source_end;
        let mut exit =
            Exit { rules, space, targets, plans, sent, contests, timers, computed, caused, taps, out, point, now };
        work(&mut steps, Beside { sample, source_end, counters, states, pairs }, &mut exit);
        plans.get_mut(plan).steps = steps;
    }
}

impl Beside<'_> {
    /// The sample through one route.
    fn run(&mut self, step: &Step, exit: &mut Exit<'_>) -> Ran {
        let (sample, logic, counters) = (self.sample, &*step.logic, self.counters.at_mut(step.counters));
        let looked = Looked { space: exit.space, logic, points: &step.points, worst: Cell::new(sample.quality) };
        let input = looked.input(exit.point, sample, self.source_end, exit.now);
        counters.matched += 1;
        let reach = match stopped(logic, &input, counters) {
            None => Reach::All,
            Some(Ran::Quality) if step.keeps_values() => Reach::Computed,
            Some(ran) => {
                counters.dropped_by_quality += u64::from(ran == Ran::Quality);
                exit.tap_drop(step.route, ran, sample);
                return ran;
            }
        };
        if step.direction != Direction::Only {
            return exit.both_ways(step, sample, &input, self.pairs, counters);
        }
        let made = match step.state {
            None => Some(made(logic, sample, &input, counters, None)),
            Some(id) => {
                let state = self.states.get_mut(id);
                match logic.pipeline.as_ref() {
                    Some(pipeline) if pipeline.remembers() => {
                        let item = Item {
                            value: sample.value.clone(),
                            quality: sample.quality,
                            note: sample.note.clone(),
                            time: sample.source_time,
                        };
                        let flown = pipeline.run(item, &input, &mut state.memories, &mut state.trace);
                        state.await_due(id, Pipeline::due(&state.memories), exit.timers);
                        flowed(flown, counters)
                    }
                    _ => Some(made(logic, sample, &input, counters, Some(&mut state.trace))),
                }
            }
        };
        if let Some(id) = step.state {
            exit.tap_steps(step.route, &self.states.get(id).trace, sample);
        }
        let Some(made) = made else {
            counters.held += 1;
            exit.tap_drop(step.route, Ran::Held, sample);
            return Ran::Held;
        };
        exit.send_all(step, sample, &made, reach, counters)
    }

    /// What a step of the route has to say by itself.
    fn wake(&mut self, id: StateId, step: &mut Step, exit: &mut Exit<'_>) {
        let (sample, logic, counters) = (self.sample, &*step.logic, self.counters.at_mut(step.counters));
        let looked = Looked { space: exit.space, logic, points: &step.points, worst: Cell::new(sample.quality) };
        let input = looked.input(exit.point, sample, self.source_end, exit.now);
        let (state, now) = (self.states.get_mut(id), exit.now);
        let Some(pipeline) = &logic.pipeline else { return };
        // Several steps may be due at once; each wakes once.
        for _ in 0..state.memories.len() {
            if Pipeline::due(&state.memories).is_none_or(|due| due > now) {
                break;
            }
            let flown = pipeline.wake(&input, &mut state.memories, &mut state.trace);
            if let Some(made) = flowed(flown, counters) {
                exit.tap_steps(step.route, &state.trace, sample);
                let ran = exit.send_all(step, sample, &made, Reach::All, counters);
                step.ran = Some((now, ran));
            }
        }
        let due = Pipeline::due(&state.memories).map(|due| due.max(Timestamp(now.0.saturating_add(1))));
        state.await_due(id, due, exit.timers);
    }
}

impl Step {
    /// Whether something would stay good that the loss of its source has to end: a memory, or a computed datapoint.
    fn keeps_values(&self) -> bool {
        let remembers = self.logic.pipeline.as_ref().is_some_and(Pipeline::remembers);
        self.direction == Direction::Only && (remembers || self.ways.iter().any(|way| way.calc.is_some()))
    }
}

/// Why the condition does not let the sample pass; `None` if it does.
fn stopped(logic: &Logic, input: &Input<'_>, counters: &mut Counters) -> Option<Ran> {
    let condition = logic.condition.as_ref()?;
    match condition.test(input) {
        Ok(true) => None,
        Ok(false) => {
            counters.dropped_by_condition += 1;
            Some(Ran::Condition)
        }
        // A bad sample often has no value to compare: that is no mistake of the route.
        Err(_) if input.quality.class() == Class::Bad => Some(Ran::Quality),
        Err(error) => {
            noted(counters, &error);
            Some(Ran::Failed)
        }
    }
}

/// What a pipeline without a memory makes of the sample.
fn made(
    logic: &Logic,
    sample: &Sample,
    input: &Input<'_>,
    counters: &mut Counters,
    mut trace: Option<&mut Vec<Value>>,
) -> Made {
    let kept = || sample.note.clone();
    let Some(pipeline) = &logic.pipeline else {
        return Made { value: sample.value.clone(), quality: sample.quality, note: kept(), time: sample.source_time };
    };
    if let Some(trace) = &mut trace {
        trace.clear();
    }
    let (value, quality, note) = match pipeline.apply(input, trace) {
        Ok((value, quality)) => (value, quality, kept()),
        Err(_) if sample.quality.class() == Class::Bad => (Value::Null, sample.quality, kept()),
        Err(error) => (Value::Null, error.quality(), Some(noted(counters, &error))),
    };
    Made { value, quality, note, time: sample.source_time }
}

/// What flows out of a pipeline with a memory.
fn flowed((flow, error): (Flow, Option<EvalError>), counters: &mut Counters) -> Option<Made> {
    let note = error.map(|error| noted(counters, &error));
    match flow {
        Flow::Out(Item { value, quality, note: own, time }) => {
            Some(Made { value, quality, note: note.filter(|_| quality.class() == Class::Bad).or(own), time })
        }
        Flow::Held => None,
    }
}

/// What the way there or back makes of a value, of two ends that follow each other.
pub(super) fn translated(pipeline: Option<&Pipeline>, input: &Input<'_>) -> Result<Value, EvalError> {
    match pipeline {
        None => Ok(input.value.clone()),
        Some(pipeline) => pipeline.apply(input, None).map(|(value, _)| value),
    }
}

/// Counts the error and gives its text, the same one as long as the error is the same.
pub(super) fn noted(counters: &mut Counters, error: &EvalError) -> Arc<str> {
    counters.errors += 1;
    let text = error.to_string();
    match &counters.last_error {
        Some(last) if **last == *text => Arc::clone(last),
        _ => Arc::clone(counters.last_error.insert(text.into())),
    }
}
