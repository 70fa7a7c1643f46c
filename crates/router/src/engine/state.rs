//! What routes remember of datapoints: the memories of their steps, and the values between the steps of the last run.
//!
//! Invariant: a state belongs to one route, by its id and the text of its transform, and to one datapoint; so it outlives a
//! reload that leaves these two as they are.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use fieldrail_model::{Timestamp, Value};

use super::{Router, Timer, Timers};
use crate::rules::RouteIndex;
use crate::space::PointId;
use crate::transform::Memory;

/// A state's place in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct StateId(u32);

/// What one route remembers of one datapoint.
pub(super) struct State {
    pub(super) point: PointId,
    pub(super) memories: Box<[Memory]>,
    /// What each step but the last one made, in the last run.
    pub(super) trace: Vec<Value>,
    /// The entry among the timers that counts.
    pub(super) awaited: Option<Timestamp>,
}

struct Owned {
    id: StateId,
    /// The text of the transform that the memories belong to.
    transform: Arc<str>,
}

/// All states.
#[derive(Default)]
pub(super) struct States {
    table: Vec<State>,
    free: Vec<StateId>,
    owned: HashMap<(Arc<str>, PointId), Owned>,
}

impl States {
    pub(super) fn get(&self, id: StateId) -> &State {
        &self.table[id.0 as usize]
    }

    pub(super) fn get_mut(&mut self, id: StateId) -> &mut State {
        &mut self.table[id.0 as usize]
    }

    /// Drops what belongs to routes that are gone or work otherwise now.
    pub(super) fn keep(&mut self, is_on: impl Fn(&str, &str) -> bool) {
        let Self { table, free, owned } = self;
        owned.retain(|(route, _), Owned { id, transform }| {
            let stays = is_on(route, transform);
            if !stays {
                table[id.0 as usize].memories = Box::default();
                table[id.0 as usize].awaited = None;
                free.push(*id);
            }
            stays
        });
    }

    /// The route does not take this datapoint's samples any more.
    pub(super) fn drop_one(&mut self, id: StateId) {
        let state = self.get_mut(id);
        (state.memories, state.awaited) = (Box::default(), None);
        let before = self.owned.len();
        self.owned.retain(|_, owned| owned.id != id);
        if self.owned.len() < before {
            self.free.push(id);
        }
    }

    fn find(&self, route: &str, point: PointId, transform: &str) -> Option<StateId> {
        let owned = self.owned.get(&(Arc::from(route), point))?;
        (*owned.transform == *transform).then_some(owned.id)
    }

    fn make(&mut self, route: &str, point: PointId, transform: &str, memories: Box<[Memory]>) -> StateId {
        let state = State { point, memories, trace: Vec::new(), awaited: None };
        let id = if let Some(id) = self.free.pop() {
            *self.get_mut(id) = state;
            id
        } else {
            self.table.push(state);
            StateId(u32::try_from(self.table.len() - 1).unwrap_or(u32::MAX))
        };
        self.owned.insert((route.into(), point), Owned { id, transform: transform.into() });
        id
    }
}

impl State {
    /// Has the router wake the state at this time. Where it is woken before anyway, it is asked again then: so a value
    /// that changes a thousand times a second makes no thousand entries.
    pub(super) fn await_due(&mut self, id: StateId, due: Option<Timestamp>, timers: &mut Timers) {
        let Some(due) = due else { return };
        if self.awaited.is_none_or(|awaited| awaited > due) {
            self.awaited = Some(due);
            timers.push(Reverse((due, Timer::Step(id))));
        }
    }
}

impl Router {
    /// What the route remembers of the datapoint, made if it is new; `None` if it has nothing to remember.
    pub(super) fn state_of(&mut self, route: RouteIndex, point: PointId) -> Option<StateId> {
        let route = &self.rules.routes[route.index()];
        let (pipeline, transform) = (route.logic.pipeline.as_ref()?, route.spec.transform.as_deref()?);
        if pipeline.texts().len() < 2 && !pipeline.remembers() || route.pair.is_some() {
            return None;
        }
        let known = self.states.find(&route.spec.id, point, transform);
        Some(known.unwrap_or_else(|| self.states.make(&route.spec.id, point, transform, pipeline.blank())))
    }
}
