//! Which routes a datapoint has: found out at its first sample, then one look into a table until the next reload.

use std::sync::Arc;

use fieldrail_model::Timestamp;

use super::explain::Ran;
use super::state::StateId;
use super::{Router, TargetId};
use crate::rules::{RouteIndex, RouteTarget};
use crate::space::{PointId, Refused};

/// A plan's place in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PlanId(u32);

/// The routes of one datapoint.
pub(super) struct Plan {
    /// Where the instance id ends in the address.
    pub(super) source_end: usize,
    /// The datapoint itself, if some route writes it.
    pub(super) target: Option<TargetId>,
    pub(super) steps: Box<[Step]>,
}

/// One of its routes.
pub(super) struct Step {
    pub(super) route: RouteIndex,
    /// Of a route in both directions: the other end, then this one.
    pub(super) targets: Arc<[TargetId]>,
    /// What the route remembers of the datapoint, if it has to.
    pub(super) state: Option<StateId>,
    /// Of a route in both directions: whether this datapoint stands in its `to`.
    pub(super) back: bool,
    /// When it ran last, and what came of it.
    pub(super) ran: Option<(Timestamp, Ran)>,
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
            let back = self.is_back(route, address);
            let mut targets = self.targets_of(route, source, tag);
            if back {
                targets = targets.iter().rev().copied().collect();
            }
            let state = self.state_of(route, point);
            steps.push(Step { route, targets, state, back, ran: None });
        }
        let target = self.targets.get_index_of(address).and_then(|index| u32::try_from(index).ok()).map(TargetId);
        self.plans.set(point, Some(Plan { source_end, target, steps: steps.into() }))
    }

    /// Whether the datapoint is the far end of a route in both directions.
    fn is_back(&self, route: RouteIndex, address: &str) -> bool {
        let pair = self.rules.routes[route.index()].pair.as_ref();
        pair.is_some_and(|pair| pair.source.address.as_str() != address)
    }

    fn targets_of(&mut self, route: RouteIndex, source: &str, tag: &str) -> Arc<[TargetId]> {
        let mut targets = self.live[route.index()].fixed.to_vec();
        let filled: Vec<String> = self.rules.routes[route.index()]
            .targets
            .iter()
            .filter_map(|target| match target {
                RouteTarget::Fixed(_) => None,
                RouteTarget::Filled(template) => Some(template.fill(source, tag)),
            })
            .collect();
        if filled.is_empty() {
            return Arc::clone(&self.live[route.index()].fixed);
        }
        for address in filled {
            match self.filled_target(route, &address) {
                Ok(target) => targets.push(target),
                Err(message) => {
                    let counters = &mut self.live[route.index()].counters;
                    counters.errors += 1;
                    counters.last_error = Some(message.into());
                }
            }
        }
        targets.into()
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
