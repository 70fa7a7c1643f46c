//! Where what a route made goes on to: quality first, then the guard against loops, then the target.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use fieldrail_model::{Address, Class, Origin, Quality, Sample, Timestamp, Value};
use indexmap::IndexMap;

use super::contest::{Contests, Ruling};
use super::explain::Ran;
use super::placed::Placed;
use super::plan::{Plans, Step, Way};
use super::tap::Taps;
use super::{Counters, Delivery, MAX_COMPUTED, MAX_HOPS, Outcome, Router, Target, TargetId, Timer, Timers};
use crate::expression::alike;
use crate::rules::{RouteIndex, Rules};
use crate::space::{PointId, Space};

/// What a transform has made of a sample.
pub(super) struct Made {
    pub(super) value: Value,
    pub(super) quality: Quality,
    pub(super) note: Option<Arc<str>>,
    /// When it was true.
    pub(super) time: Timestamp,
}

/// How far a value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// To all targets of the route.
    All,
    /// To computed datapoints only: the source is lost, so that nobody knows whether the condition holds. They would keep
    /// their last value otherwise, as if nothing had happened.
    Computed,
}

/// What a target was sent last.
pub(super) struct Sent {
    /// Where it first came from, and how many routes it had passed with this one.
    pub(super) origin: Origin,
    pub(super) value: Value,
    pub(super) quality: Quality,
    pub(super) at: Timestamp,
    /// The datapoint whose sample was sent.
    pub(super) from: PointId,
    /// The route that sent it; none if it was changed since.
    pub(super) route: Option<RouteIndex>,
    /// The target may still say the same value of itself, which is then no news.
    pub(super) echo: bool,
}

/// How long a target may take until it says what it was sent.
const ECHO: Duration = Duration::from_secs(2);

/// Where what passes a route goes on to.
pub(super) struct Exit<'a> {
    pub(super) rules: &'a Rules,
    pub(super) space: &'a Space,
    pub(super) targets: &'a IndexMap<Address, Target>,
    pub(super) plans: &'a mut Plans,
    pub(super) sent: &'a mut Placed<Option<Sent>>,
    pub(super) contests: &'a mut Contests,
    pub(super) timers: &'a mut Timers,
    pub(super) computed: &'a mut VecDeque<(PointId, Sample)>,
    pub(super) caused: &'a mut usize,
    pub(super) taps: &'a Taps,
    pub(super) out: &'a mut Outcome,
    /// The datapoint whose sample runs.
    pub(super) point: PointId,
    pub(super) now: Timestamp,
}

impl Exit<'_> {
    /// Sends what a route made to all its targets, unless quality, priority or loop guard forbid it.
    pub(super) fn send_all(
        &mut self,
        step: &Step,
        sample: &Sample,
        made: &Made,
        reach: Reach,
        counters: &mut Counters,
    ) -> Ran {
        let mut best = Ran::Nowhere;
        for way in step.ways.iter().filter(|way| reach == Reach::All || way.calc.is_some()) {
            let ran = self.send(way, step, sample, made, counters);
            best = best.better(ran);
        }
        counters.passed += u64::from(best == Ran::Passed);
        best
    }

    fn send(&mut self, way: &Way, step: &Step, sample: &Sample, made: &Made, counters: &mut Counters) -> Ran {
        if !way.classes.has(made.quality.class()) {
            counters.dropped_by_quality += 1;
            return self.dropped(step.route, way.target, Ran::Quality, made);
        }
        let hops = sample.origin.as_ref().map_or(0, |origin| origin.hops);
        let full = way.calc.is_some() && *self.caused >= MAX_COMPUTED;
        if hops >= MAX_HOPS || full || self.comes_round(way, step, sample, made) {
            counters.dropped_by_loop += 1;
            return self.dropped(step.route, way.target, Ran::Loop, made);
        }
        let delivery = self.delivery(way, step, sample, made);
        if let Some(claim) = step.claim.filter(|_| way.is_state) {
            match self.contests.claim(way.target, claim, self.point, &delivery, self.space, self.now) {
                Ruling::Wins { wake } => {
                    self.timers.extend(wake.map(|until| Reverse((until, Timer::Lease(way.target)))));
                }
                Ruling::Yields => {
                    self.timers.push(Reverse((self.now, Timer::Lease(way.target))));
                    counters.dropped_by_quality += 1;
                    return self.dropped(step.route, way.target, Ran::Quality, made);
                }
                Ruling::Loses => {
                    counters.dropped_by_priority += 1;
                    return self.dropped(step.route, way.target, Ran::Priority, made);
                }
            }
        }
        self.hand_on(way, delivery);
        Ran::Passed
    }

    pub(super) fn delivery(&self, way: &Way, step: &Step, sample: &Sample, made: &Made) -> Delivery {
        let origin = match &sample.origin {
            Some(origin) => Origin { address: Arc::clone(&origin.address), hops: origin.hops + 1 },
            None => Origin { address: Arc::clone(self.space.address(self.point).shared()), hops: 1 },
        };
        Delivery {
            target: way.target,
            sample: Sample {
                value: made.value.clone(),
                quality: made.quality,
                note: made.note.clone(),
                source_time: made.time,
                receive_time: sample.receive_time,
                origin: Some(origin),
            },
            route: step.route,
            mode: way.mode,
            ttl: step.ttl,
        }
    }

    /// The delivery leaves the router, or becomes a computed sample.
    pub(super) fn hand_on(&mut self, way: &Way, delivery: Delivery) {
        if self.taps.are_on() {
            self.tap_output(&delivery);
        }
        note_sent(self.sent.at_mut(way.sent), &delivery, self.point, self.now);
        if let Some(point) = way.calc {
            *self.caused += 1;
            self.computed.push_back((point, delivery.sample));
        } else {
            self.out.deliveries.push(delivery);
        }
    }

    /// Whether the value has been where it is about to go.
    fn comes_round(&self, way: &Way, step: &Step, sample: &Sample, made: &Made) -> bool {
        let Some(origin) = &sample.origin else { return way.own && sample.value == made.value };
        if self.returned(origin) {
            return true;
        }
        let target = &self.targets[way.target.index()];
        if target.address.as_str() == &*origin.address {
            // Back to where it entered: only something new may go there.
            let there = self.space.find(&origin.address).and_then(|point| self.space.sample(point));
            return there.is_none_or(|there| there.value == made.value);
        }
        if !way.is_state || step.claim.is_some() {
            return false;
        }
        let Some(sent) = &self.sent.at(way.sent) else { return false };
        if sent.origin.address != origin.address {
            return false;
        }
        let longer = origin.hops + 1 > sent.origin.hops;
        (longer && sent.value == made.value) || self.came_from(target)
    }

    /// Whether the datapoint only says what it said before, or was sent by a shorter way: its value went round outside of the
    /// router and came back.
    pub(super) fn returned(&self, origin: &Origin) -> bool {
        let sent = self.plans.of(self.point).flatten().and_then(|plan| self.plans.get(plan).sent);
        let sent = sent.and_then(|sent| self.sent.at(sent).as_ref()).map(|sent| &sent.origin);
        let shorter = sent.is_some_and(|sent| sent.address == origin.address && sent.hops < origin.hops);
        shorter || *self.space.address(self.point).as_str() == *origin.address
    }

    /// Whether the sample at hand was made, route by route, from one of this target.
    fn came_from(&self, target: &Target) -> bool {
        let mut point = self.point;
        for _ in 0..MAX_HOPS {
            if self.space.address(point) == &target.address {
                return true;
            }
            let place = self.plans.of(point).flatten().and_then(|plan| self.plans.get(plan).sent);
            let Some(sent) = place.and_then(|place| self.sent.at(place).as_ref()) else { return false };
            point = sent.from;
        }
        false
    }

    fn dropped(&mut self, route: RouteIndex, target: TargetId, ran: Ran, made: &Made) -> Ran {
        if self.taps.are_on() {
            self.tap_made(route, target, ran, made);
        }
        ran
    }
}

/// Remembers what a target was sent.
pub(super) fn note_sent(place: &mut Option<Sent>, delivery: &Delivery, from: PointId, at: Timestamp) {
    let Some(origin) = delivery.sample.origin.clone() else { return };
    let (value, quality) = (delivery.sample.value.clone(), delivery.sample.quality);
    *place = Some(Sent { origin, value, quality, at, from, route: Some(delivery.route), echo: true });
}

impl Router {
    /// A sample that only says what its datapoint was just sent carries on where that came from.
    pub(super) fn recognise(&mut self, point: PointId, sample: &mut Sample, now: Timestamp) {
        let plan = self.plan_of(point);
        let Some(plan) = plan else { return };
        let Some(place) = self.plans.get(plan).sent else { return };
        let Some(sent) = self.sent.at_mut(place) else { return };
        if !sent.echo {
            return;
        }
        match &sample.origin {
            Some(origin) => sent.echo &= origin.address != sent.origin.address,
            None if sent.at.age(now) <= ECHO
                && sample.quality.class() != Class::Bad
                && alike(&sent.value, &sample.value) =>
            {
                sent.echo = false;
                sample.origin = Some(sent.origin.clone());
            }
            None => {}
        }
    }
}
