//! Where what a route made goes on to: quality first, then the guard against loops, then the target.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use fieldrail_model::{Address, Class, Origin, Quality, Sample, Timestamp, Value};
use indexmap::IndexMap;

use super::contest::{Contests, Ruling};
use super::explain::Ran;
use super::plan::{Plans, Step};
use super::tap::Taps;
use super::{Counters, Delivery, MAX_COMPUTED, MAX_HOPS, Outcome, Router, Target, TargetId, TargetKind, Timer, Timers};
use crate::expression::alike;
use crate::rules::{Classes, Route, RouteIndex, Rules, TargetClass};
use crate::space::{PointId, Space};

/// What a transform has made of a sample.
pub(super) struct Made {
    pub(super) value: Value,
    pub(super) quality: Quality,
    pub(super) note: Option<Arc<str>>,
    /// When it was true.
    pub(super) time: Timestamp,
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
    pub(super) sent: &'a mut Vec<Option<Sent>>,
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
        route: &Route,
        sample: &Sample,
        made: &Made,
        counters: &mut Counters,
    ) -> Ran {
        let mut best = Ran::Nowhere;
        for target in step.targets.iter() {
            let ran = self.send(*target, step.route, route, sample, made, counters);
            best = best.better(ran);
        }
        counters.passed += u64::from(best == Ran::Passed);
        best
    }

    fn send(
        &mut self,
        id: TargetId,
        index: RouteIndex,
        route: &Route,
        sample: &Sample,
        made: &Made,
        counters: &mut Counters,
    ) -> Ran {
        let target = &self.targets[id.index()];
        if !passes(route, target, made.quality) {
            counters.dropped_by_quality += 1;
            return self.dropped(index, Some(id), Ran::Quality, made);
        }
        let hops = sample.origin.as_ref().map_or(0, |origin| origin.hops);
        let full = matches!(target.kind, TargetKind::Calc(_)) && *self.caused >= MAX_COMPUTED;
        if hops >= MAX_HOPS || full || self.comes_round(id, target, route, sample, made) {
            counters.dropped_by_loop += 1;
            return self.dropped(index, Some(id), Ran::Loop, made);
        }
        let delivery = self.delivery(id, index, route, sample, made);
        if let Some(claim) = route.claim.filter(|_| target.is_state()) {
            match self.contests.claim(id, claim, self.point, &delivery, self.now) {
                Ruling::Wins { wake } => {
                    self.timers.extend(wake.map(|until| Reverse((until, Timer::Lease(id)))));
                }
                Ruling::Loses => {
                    counters.dropped_by_priority += 1;
                    return self.dropped(index, Some(id), Ran::Priority, made);
                }
            }
        }
        self.hand_on(delivery);
        Ran::Passed
    }

    pub(super) fn delivery(
        &self,
        id: TargetId,
        index: RouteIndex,
        route: &Route,
        sample: &Sample,
        made: &Made,
    ) -> Delivery {
        let target = &self.targets[id.index()];
        let origin = match &sample.origin {
            Some(origin) => Origin { address: Arc::clone(&origin.address), hops: origin.hops + 1 },
            None => Origin { address: Arc::clone(self.space.address(self.point).shared()), hops: 1 },
        };
        Delivery {
            target: id,
            sample: Sample {
                value: made.value.clone(),
                quality: made.quality,
                note: made.note.clone(),
                source_time: made.time,
                receive_time: sample.receive_time,
                origin: Some(origin),
            },
            route: index,
            mode: route.mode.unwrap_or_else(|| target.default_mode()),
            ttl: route.ttl,
        }
    }

    /// The delivery leaves the router, or becomes a computed sample.
    pub(super) fn hand_on(&mut self, delivery: Delivery) {
        if self.taps.are_on() {
            self.tap_output(&delivery);
        }
        let Self { targets, sent, point, now, .. } = self;
        let target = &targets[delivery.target.index()];
        note_sent(&mut sent[delivery.target.index()], &delivery, *point, *now);
        if let TargetKind::Calc(point) = target.kind {
            *self.caused += 1;
            self.computed.push_back((point, delivery.sample));
        } else {
            self.out.deliveries.push(delivery);
        }
    }

    /// Whether the value has been where it is about to go.
    fn comes_round(&self, id: TargetId, target: &Target, route: &Route, sample: &Sample, made: &Made) -> bool {
        let Some(origin) = &sample.origin else { return self.returns_unchanged(target, self.point, &made.value) };
        if target.address.as_str() == &*origin.address {
            // Back to where it entered: only something new may go there.
            let there = self.space.find(&origin.address).and_then(|point| self.space.sample(point));
            return there.is_none_or(|there| there.value == made.value);
        }
        if !target.is_state() || route.claim.is_some() {
            return false;
        }
        let Some(sent) = &self.sent[id.index()] else { return false };
        if sent.origin.address != origin.address {
            return false;
        }
        let longer = origin.hops + 1 > sent.origin.hops;
        (longer && sent.value == made.value) || self.came_from(target)
    }

    fn returns_unchanged(&self, target: &Target, point: PointId, value: &Value) -> bool {
        let address = self.space.address(point);
        target.address == *address && self.space.sample(point).is_none_or(|there| there.value == *value)
    }

    /// Whether the sample at hand was made, route by route, from one of this target.
    fn came_from(&self, target: &Target) -> bool {
        let mut point = self.point;
        for _ in 0..MAX_HOPS {
            if self.space.address(point) == &target.address {
                return true;
            }
            let plan = self.plans.of(point).flatten().and_then(|plan| self.plans.get(plan).target);
            let Some(sent) = plan.and_then(|target| self.sent[target.index()].as_ref()) else { return false };
            point = sent.from;
        }
        false
    }

    fn dropped(&mut self, route: RouteIndex, target: Option<TargetId>, ran: Ran, made: &Made) -> Ran {
        if self.taps.are_on() {
            self.tap_made(route, target, ran, made);
        }
        ran
    }
}

/// Whether values of this quality go on to the target.
pub(super) fn passes(route: &Route, target: &Target, quality: Quality) -> bool {
    let classes = route.on_quality.unwrap_or(match target.kind {
        TargetKind::Instance { class: TargetClass::State, .. } => Classes::USABLE,
        _ => Classes::ALL,
    });
    classes.has(quality.class())
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
        let Some(target) = self.plans.get(plan).target else { return };
        let Some(sent) = &mut self.sent[target.index()] else { return };
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
