//! Which routes a datapoint has: found out at its first sample, then one look into a table until the next reload.

use std::sync::Arc;

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
    pub(super) steps: Box<[Step]>,
}

/// One of its routes. A memory of the route for this datapoint belongs in here.
pub(super) struct Step {
    pub(super) route: RouteIndex,
    pub(super) targets: Arc<[TargetId]>,
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

    /// Forgets all plans: the rules are others.
    pub(super) fn clear(&mut self) {
        self.plans.clear();
        self.of.fill(UNKNOWN);
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
    /// Finds out which routes take the datapoint's samples, and where they send them.
    pub(super) fn resolve(&mut self, point: PointId) -> Option<PlanId> {
        let address = self.space.address(point).clone();
        let address = address.as_str();
        let (source_end, facts) = self.rules.known.locate(address);
        let routes = self.rules.routes_of(address, facts.is_some_and(|facts| facts.case_insensitive));
        if routes.is_empty() {
            return self.plans.set(point, None);
        }
        let (source, tag) = (&address[..source_end], address.get(source_end + 1..).unwrap_or(""));
        let steps =
            routes.into_iter().map(|route| Step { route, targets: self.targets_of(route, source, tag) }).collect();
        self.plans.set(point, Some(Plan { source_end, steps }))
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
        if is_state {
            let writer = *self.writers.entry(target).or_insert(route);
            if writer != route {
                return Err(format!("`{address}` is written by the route `{}` too", self.rules.route(writer).id));
            }
        }
        Ok(target)
    }
}
