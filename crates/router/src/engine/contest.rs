//! Several routes to one state: the highest priority holds it for as long as its lease lasts.
//!
//! Each route's last value is kept. When a lease ends, the next route takes over with its last value, if its source still
//! stands for it; so an override that is over leaves no wrong value behind. A source that renews its value prolongs its
//! lease.

use std::cmp::Reverse;
use std::collections::HashMap;

use fieldrail_model::{Class, Timestamp};

use super::explain::Ran;
use super::{Delivery, Outcome, Router, TargetId, Timer};
use crate::rules::{Claim, RouteIndex};
use crate::space::{PointId, Space};

/// What becomes of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ruling {
    /// It goes to the target, and the route holds that until then.
    Wins {
        /// When to look whether the lease has ended, if nothing is to wake the contest before.
        wake: Option<Timestamp>,
    },
    /// It is bad, and another route has a value that is not: that one takes over.
    Yields,
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

impl Held {
    /// Whether its source still stands for the value.
    fn stands(&self, space: &Space) -> bool {
        space.sample(self.point).is_some_and(|sample| sample.quality.class() != Class::Bad)
    }
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
    /// A route has a value for the target. What is bad holds nothing.
    pub(super) fn claim(
        &mut self,
        target: TargetId,
        claim: Claim,
        point: PointId,
        delivery: &Delivery,
        space: &Space,
        now: Timestamp,
    ) -> Ruling {
        let contest = self.0.entry(target).or_default();
        let lost = delivery.sample.quality.class() == Class::Bad;
        let until = if lost { now } else { now.after(claim.lease) };
        contest.held.retain(|held| held.delivery.route != delivery.route);
        let place = contest.held.partition_point(|held| held.claim.priority > claim.priority);
        let beaten = contest.held[..place].iter().any(|held| held.until > now);
        let outlived = lost && contest.held.iter().any(|held| held.stands(space));
        contest.held.insert(place, Held { claim, until, point, delivery: delivery.clone() });
        if beaten {
            return Ruling::Loses;
        }
        contest.holder = Some(delivery.route);
        match lost {
            true if outlived => {
                contest.awaited = Some(now);
                Ruling::Yields
            }
            true => Ruling::Wins { wake: None },
            false => Ruling::Wins { wake: contest.await_end(until) },
        }
    }

    /// The source says that what the route sent still holds: so does its lease, if that still runs.
    pub(super) fn prolong(&mut self, target: TargetId, route: RouteIndex, point: PointId, now: Timestamp) {
        let Some(contest) = self.0.get_mut(&target) else { return };
        let own = |held: &&mut Held| held.delivery.route == route && held.point == point && held.until > now;
        if let Some(held) = contest.held.iter_mut().find(own) {
            held.until = now.after(held.claim.lease);
        }
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
        let stands = |held: &Held| held.stands(&self.space);
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
        self.hand_over(&delivery, point, now, out);
    }

    /// The source says that the datapoint's sample still holds: so do the leases of the routes that sent it.
    pub(super) fn prolong_leases(&mut self, point: PointId, now: Timestamp) {
        let Some(plan) = self.plans.of(point).flatten() else { return };
        for step in self.plans.get(plan).steps.iter().filter(|step| step.claim.is_some()) {
            if matches!(step.ran, Some((_, Ran::Passed | Ran::Priority))) {
                for way in step.ways.iter().filter(|way| way.is_state) {
                    self.contests.prolong(way.target, step.route, point, now);
                }
            }
        }
    }
}
