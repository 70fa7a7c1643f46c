//! Several routes to one state: the highest priority holds it for as long as its lease lasts.
//!
//! Each route's last value is kept. When a lease ends, the next route takes over with its last value, if its source still
//! stands for it; so an override that is over leaves no wrong value behind.

use std::cmp::Reverse;
use std::collections::HashMap;

use fieldrail_model::{Class, Timestamp};

use super::exit::note_sent;
use super::{Delivery, Outcome, Router, TargetId, TargetKind, Timer};
use crate::rules::{Claim, RouteIndex};
use crate::space::PointId;

/// What becomes of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ruling {
    /// It goes to the target, and the route holds that until then.
    Wins {
        /// When to look whether the lease has ended, if nothing is to wake the contest before.
        wake: Option<Timestamp>,
    },
    /// A higher priority holds the target.
    Loses,
}

/// The last value of one route.
struct Held {
    claim: Claim,
    until: Timestamp,
    point: PointId,
    delivery: Delivery,
}

/// The routes to one state, the highest priority first.
#[derive(Default)]
struct Contest {
    held: Vec<Held>,
    holder: Option<RouteIndex>,
    /// The entry among the timers that counts.
    awaited: Option<Timestamp>,
}

impl Contest {
    /// The end of the holder's lease, if nothing is to wake the contest before.
    fn await_end(&mut self, until: Timestamp) -> Option<Timestamp> {
        let wake = self.awaited.is_none_or(|awaited| awaited > until).then_some(until);
        self.awaited = wake.or(self.awaited);
        wake
    }
}

/// All states that several routes write.
#[derive(Default)]
pub(super) struct Contests(HashMap<TargetId, Contest>);

impl Contests {
    /// A route has a value for the target.
    pub(super) fn claim(
        &mut self,
        target: TargetId,
        claim: Claim,
        point: PointId,
        delivery: &Delivery,
        now: Timestamp,
    ) -> Ruling {
        let contest = self.0.entry(target).or_default();
        let until = now.after(claim.lease);
        contest.held.retain(|held| held.delivery.route != delivery.route);
        let place = contest.held.partition_point(|held| held.claim.priority > claim.priority);
        let beaten = contest.held[..place].iter().any(|held| held.until > now);
        contest.held.insert(place, Held { claim, until, point, delivery: delivery.clone() });
        if beaten {
            return Ruling::Loses;
        }
        contest.holder = Some(delivery.route);
        Ruling::Wins { wake: contest.await_end(until) }
    }

    /// The routes are others now.
    pub(super) fn keep(&mut self, moved: &HashMap<RouteIndex, RouteIndex>) {
        for contest in self.0.values_mut() {
            contest.held.retain_mut(|held| match moved.get(&held.delivery.route) {
                Some(route) => {
                    held.delivery.route = *route;
                    true
                }
                None => false,
            });
            // A holder that is gone holds nothing: what it held is given on when its lease would have ended.
            contest.holder = contest.holder.map(|route| moved.get(&route).copied().unwrap_or(RouteIndex(u32::MAX)));
        }
        self.0.retain(|_, contest| !contest.held.is_empty());
    }

    /// Until when this route holds the target; `None` if it does not.
    pub(super) fn holds(&self, target: TargetId, route: RouteIndex, now: Timestamp) -> Option<Timestamp> {
        let contest = self.0.get(&target).filter(|contest| contest.holder == Some(route))?;
        contest
            .held
            .iter()
            .find(|held| held.delivery.route == route)
            .map(|held| held.until)
            .filter(|until| *until > now)
    }

    /// Who holds the target now.
    pub(super) fn holder(&self, target: TargetId, now: Timestamp) -> Option<(RouteIndex, Timestamp)> {
        let route = self.0.get(&target)?.holder?;
        self.holds(target, route, now).map(|until| (route, until))
    }
}

impl Router {
    /// A lease may have ended: who comes next takes over.
    pub(super) fn end_lease(&mut self, target: TargetId, now: Timestamp, out: &mut Outcome) {
        let Some(contest) = self.contests.0.get_mut(&target) else { return };
        if contest.awaited != Some(now) {
            return;
        }
        contest.awaited = None;
        let holder = contest.holder;
        let end = contest.held.iter().find(|held| Some(held.delivery.route) == holder).map(|held| held.until);
        if holder.is_none() || end.is_some_and(|end| end > now) {
            let wake = end.and_then(|end| contest.await_end(end));
            self.timers.extend(wake.map(|until| Reverse((until, Timer::Lease(target)))));
            return;
        }
        let space = &self.space;
        let stands = |held: &Held| space.sample(held.point).is_some_and(|sample| sample.quality.class() != Class::Bad);
        // One whose own lease runs, else the lowest one: what stood there before all overrides. The others were overrides
        // too, and are over.
        let running = contest.held.iter().position(|held| held.until > now && stands(held));
        let lowest = contest.held.len().checked_sub(1);
        let resting = lowest.filter(|lowest| {
            let held = &contest.held[*lowest];
            Some(held.delivery.route) != holder && stands(held)
        });
        let Some(next) = running.or(resting) else {
            contest.holder = None;
            return;
        };
        let next = &contest.held[next];
        let (delivery, point, until) = (next.delivery.clone(), next.point, next.until);
        contest.holder = (until > now).then_some(delivery.route);
        if until > now {
            let wake = contest.await_end(until);
            self.timers.extend(wake.map(|until| Reverse((until, Timer::Lease(target)))));
        }
        note_sent(self.sent.entry(target.index()), &delivery, point, now);
        self.counters.entry(delivery.route.index()).passed += 1;
        match self.targets[target.index()].kind {
            TargetKind::Calc(point) => self.computed.push_back((point, delivery.sample)),
            _ => out.deliveries.push(delivery),
        }
    }
}
