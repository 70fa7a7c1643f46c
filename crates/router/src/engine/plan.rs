//! Which routes a datapoint has: found out at its first sample, then one look into a table until the next reload.
//!
//! All that a sample needs on its way lies here, made in the order in which the datapoints first spoke: so a sample costs
//! the same in a house with a hundred thousand routes as in one with a hundred.

use std::sync::Arc;
use std::time::Duration;

use fieldrail_model::Timestamp;

use super::explain::Ran;
use super::placed::Place;
use super::state::StateId;
use super::{Router, TargetId, TargetKind};
use crate::file::Mode;
use crate::rules::{Claim, Classes, Logic, Route, RouteIndex, RouteTarget, TargetClass};
use crate::space::{PointId, Refused};

/// A plan's place in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PlanId(u32);

/// The routes of one datapoint.
pub(super) struct Plan {
    /// Where the instance id ends in the address.
    pub(super) source_end: usize,
    pub(super) steps: Box<[Step]>,
    /// What the datapoint itself was sent last, if some route writes it.
    pub(super) sent: Option<Place>,
}

/// One of its routes.
pub(super) struct Step {
    pub(super) route: RouteIndex,
    /// What the route has done.
    pub(super) counters: Place,
    pub(super) logic: Arc<Logic>,
    /// The datapoints of `dp("…")` in it; `None` where the data space was full.
    pub(super) points: Arc<[Option<PointId>]>,
    /// Where it sends to. Of a route in both directions: the other end, then this one.
    pub(super) ways: Box<[Way]>,
    pub(super) direction: Direction,
    pub(super) claim: Option<Claim>,
    /// How long a delivery may wait.
    pub(super) ttl: Option<Duration>,
    /// What the route remembers of the datapoint, if it has to.
    pub(super) state: Option<StateId>,
    /// When it ran last, and what came of it.
    pub(super) ran: Option<(Timestamp, Ran)>,
}

/// Which way the values of the datapoint run through a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// The route has one direction only.
    Only,
    /// The datapoint stands in the `from` of a route in both directions.
    There,
    /// It stands in the `to` of such a route.
    Back,
}

/// The way to one target.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub(super) target: TargetId,
    /// What the target was sent last.
    pub(super) sent: Place,
    /// The computed datapoint, if the target is one.
    pub(super) calc: Option<PointId>,
    /// The qualities that go on.
    pub(super) classes: Classes,
    pub(super) mode: Mode,
    /// Whether the target's last value counts, and not each one.
    pub(super) is_state: bool,
    /// Whether the target is the very datapoint that the sample comes from.
    pub(super) own: bool,
}

/// The plans, and which datapoint has which.
#[derive(Default)]
pub(super) struct Plans {
    plans: Vec<Plan>,
    of: Vec<u32>,
}

const UNKNOWN: u32 = 0;
const NONE: u32 = 1;
const FIRST: u32 = 2;

impl Plans {
    /// The datapoint's plan; `Some(None)` if no route takes its samples, `None` if that is not known yet.
    #[allow(clippy::option_option)] // three answers, and the question is asked once per sample
    pub(super) fn of(&self, point: PointId) -> Option<Option<PlanId>> {
        match self.of.get(point.index()).copied().unwrap_or(UNKNOWN) {
            UNKNOWN => None,
            NONE => Some(None),
            plan => Some(Some(PlanId(plan - FIRST))),
        }
    }

    pub(super) fn get(&self, plan: PlanId) -> &Plan {
        &self.plans[plan.0 as usize]
    }

    pub(super) fn get_mut(&mut self, plan: PlanId) -> &mut Plan {
        &mut self.plans[plan.0 as usize]
    }

    /// All plans with their datapoints.
    pub(super) fn all(&self) -> impl Iterator<Item = (PointId, &Plan)> {
        let planned = self.of.iter().zip(0_u32..).filter(|(plan, _)| **plan >= FIRST);
        planned.map(|(plan, point)| (PointId(point), &self.plans[(plan - FIRST) as usize]))
    }

    /// Forgets all plans: the rules are others.
    pub(super) fn clear(&mut self) {
        self.plans.clear();
        self.of.fill(UNKNOWN);
    }

    /// Forgets the plan of one datapoint; its place in the table stays empty until the next reload.
    pub(super) fn forget(&mut self, point: PointId) {
        if let Some(plan) = self.of.get_mut(point.index()) {
            *plan = UNKNOWN;
        }
    }

    fn set(&mut self, point: PointId, plan: Option<Plan>) -> Option<PlanId> {
        if self.of.len() <= point.index() {
            self.of.resize(point.index() + 1, UNKNOWN);
        }
        let Some(plan) = plan else {
            self.of[point.index()] = NONE;
            return None;
        };
        let id = u32::try_from(self.plans.len()).expect("there is at most one plan per datapoint");
        self.plans.push(plan);
        self.of[point.index()] = id + FIRST;
        Some(PlanId(id))
    }
}

impl Router {
    /// The datapoint's plan; `None` if no route takes its samples.
    pub(super) fn plan_of(&mut self, point: PointId) -> Option<PlanId> {
        match self.plans.of(point) {
            Some(plan) => plan,
            None => self.resolve(point),
        }
    }

    /// Finds out which routes take the datapoint's samples, and where they send them.
    fn resolve(&mut self, point: PointId) -> Option<PlanId> {
        let address = self.space.address(point).clone();
        let address = address.as_str();
        let (source_end, facts) = self.rules.known.locate(address);
        let routes = self.rules.routes_of(address, facts.is_some_and(|facts| facts.case_insensitive));
        if routes.is_empty() {
            return self.plans.set(point, None);
        }
        let (source, tag) = (&address[..source_end], address.get(source_end + 1..).unwrap_or(""));
        let mut steps = Vec::with_capacity(routes.len());
        for route in routes {
            let direction = self.direction(route, address);
            let mut targets = self.targets_of(route, source, tag);
            if direction == Direction::Back {
                targets.reverse();
            }
            let ways = targets.into_iter().map(|target| self.way(route, target, address)).collect();
            let state = self.state_of(route, point);
            let logic = Arc::clone(&self.rules.routes[route.index()].logic);
            let points = Arc::clone(&self.live[route.index()].points);
            let counters = self.counters.place(route.index());
            let Route { claim, ttl, .. } = self.rules.routes[route.index()];
            steps.push(Step { route, counters, logic, points, ways, direction, claim, ttl, state, ran: None });
        }
        let target = self.targets.get_index_of(address).and_then(|index| u32::try_from(index).ok()).map(TargetId);
        let sent = target.map(|target| self.sent.place(target.index()));
        self.plans.set(point, Some(Plan { source_end, sent, steps: steps.into() }))
    }

    fn direction(&self, route: RouteIndex, address: &str) -> Direction {
        match &self.rules.routes[route.index()].pair {
            None => Direction::Only,
            Some(pair) if pair.source.address.as_str() == address => Direction::There,
            Some(_) => Direction::Back,
        }
    }

    fn way(&mut self, route: RouteIndex, id: TargetId, source: &str) -> Way {
        let (route, target) = (&self.rules.routes[route.index()], &self.targets[id.index()]);
        let usual = match target.kind {
            TargetKind::Instance { class: TargetClass::State, .. } => Classes::USABLE,
            _ => Classes::ALL,
        };
        Way {
            target: id,
            sent: self.sent.place(id.index()),
            calc: match target.kind {
                TargetKind::Calc(point) => Some(point),
                _ => None,
            },
            classes: route.on_quality.unwrap_or(usual),
            mode: route.mode.unwrap_or_else(|| target.default_mode()),
            is_state: target.is_state(),
            own: target.address.as_str() == source,
        }
    }

    fn targets_of(&mut self, route: RouteIndex, source: &str, tag: &str) -> Vec<TargetId> {
        let mut targets = self.live[route.index()].fixed.clone();
        let filled: Vec<String> = self.rules.routes[route.index()]
            .targets
            .iter()
            .filter_map(|target| match target {
                RouteTarget::Fixed(_) => None,
                RouteTarget::Filled(template) => Some(template.fill(source, tag)),
            })
            .collect();
        for address in filled {
            match self.filled_target(route, &address) {
                Ok(target) => targets.push(target),
                Err(message) => {
                    let counters = self.counters.entry(route.index());
                    counters.errors += 1;
                    counters.last_error = Some(message.into());
                }
            }
        }
        targets
    }

    /// The target that placeholders have made, unless it is none or another route writes it.
    fn filled_target(&mut self, route: RouteIndex, address: &str) -> Result<TargetId, String> {
        let spec = self.rules.known.target(address).map_err(|(message, _)| message)?;
        let is_state = spec.is_state();
        let target = self.intern_target(spec).ok_or_else(|| Refused::Full.to_string())?;
        if is_state && self.rules.routes[route.index()].claim.is_none() {
            let writer = *self.writers.entry(target).or_insert(route);
            if writer != route {
                return Err(format!("`{address}` is written by the route `{}` too", self.rules.route(writer).id));
            }
        }
        Ok(target)
    }
}
