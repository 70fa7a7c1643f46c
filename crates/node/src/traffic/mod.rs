//! Samples in, deliveries out: what the plugins say goes to the router, what the router delivers goes to the plugins.
//!
//! Invariant: the router is locked for one batch at a time, nothing is sent to a plugin while it is locked, and the order
//! of locks is inlet, router, then outlet or watchers. [`inbound`] is what a plugin says, [`outbound`] what is written to
//! it, [`line`] the two ends of one instance, [`reach`] how much may be on the way to it, [`backlog`] what waits for it on
//! disk, [`direct`] what passes all that, [`gate`] what lets nothing pass, [`safe`] but for safe values in a panic; [`own`] is
//! what the house says of itself; [`latency`], [`recorder`] and [`tapping`] look on.

mod backlog;
mod direct;
mod engine;
mod gate;
mod inbound;
mod latency;
mod line;
mod outbound;
mod own;
mod reach;
mod recorder;
mod safe;
mod tapping;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, Weak};

use fieldrail_model::InstanceId;
use fieldrail_router::Outcome;
use fieldrail_store::Outbox;
use fieldrail_supervisor::Supervisor;
use fieldrail_wire::ToPlugin;
use fieldrail_wire::daemon::{Subscribe, Subscription, Unsubscribe};
use tokio::sync::watch;

use crate::audit::Audit;
use crate::commands::Ledger;
use crate::demand::{Demand, Need};
use crate::errors::Errors;
use crate::live::{Client, Watchers};
use crate::logbook::Logbook;
use crate::pulses::Pulses;
use crate::requests::Requests;
use crate::trial::Trials;

pub(crate) use direct::{Direct, tag_of};
pub(crate) use engine::{Engine, Facts, House, folded};
use gate::Gate;
pub(crate) use latency::{Latencies, Latency};
pub(crate) use line::Line;
pub(crate) use own::Told;
pub(crate) use recorder::Recorder;
pub(crate) use safe::Safe;
pub(crate) use tapping::{Opened, Tapping, stage};
pub use tapping::{TapEvent, TapWish};

/// Everything that moves in the house.
pub(crate) struct Traffic {
    /// For what comes back later from another thread.
    me: Weak<Self>,
    engine: Mutex<Engine>,
    lines: RwLock<HashMap<InstanceId, Arc<Line>>>,
    demand: Mutex<Demand>,
    watchers: RwLock<Watchers>,
    pub(crate) ledger: Ledger,
    pub(crate) requests: Requests,
    pub(crate) trials: Trials,
    pub(crate) logbook: Arc<Logbook>,
    /// What failed.
    pub(crate) errors: Arc<Errors>,
    pub(crate) audit: Arc<Audit>,
    /// What must not be lost, and what the router remembers over a restart.
    pub(crate) outbox: Outbox,
    /// Whether writes may leave.
    pub(crate) gate: Gate,
    /// Pulses that have not ended.
    pub(crate) pulses: Arc<Pulses>,
    pub(crate) latencies: Latencies,
    pub(crate) taps: Tapping,
    /// Computed datapoints that changed since they were last put on disk.
    pub(crate) computed: Mutex<HashSet<fieldrail_router::PointId>>,
    /// Rises when an instance changed its state.
    instances: watch::Sender<u64>,
    supervisor: OnceLock<Weak<Supervisor>>,
}

impl Traffic {
    pub(crate) fn new(
        logbook: Arc<Logbook>,
        errors: Arc<Errors>,
        audit: Arc<Audit>,
        outbox: Outbox,
        pulses: Arc<Pulses>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            engine: Mutex::default(),
            lines: RwLock::default(),
            demand: Mutex::default(),
            watchers: RwLock::default(),
            ledger: Ledger::default(),
            requests: Requests::default(),
            trials: Trials::default(),
            logbook,
            errors,
            audit,
            outbox,
            gate: Gate::default(),
            pulses,
            latencies: Latencies::default(),
            taps: Tapping::default(),
            computed: Mutex::default(),
            instances: watch::Sender::new(0),
            supervisor: OnceLock::new(),
        })
    }

    /// Joins the two: the supervisor calls the traffic, and the traffic sends through the supervisor.
    pub(crate) fn join(&self, supervisor: &Arc<Supervisor>) {
        let _ = self.supervisor.set(Arc::downgrade(supervisor));
    }

    /// The router and what belongs to it, for one batch or one look.
    pub(crate) fn engine(&self) -> MutexGuard<'_, Engine> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn demand(&self) -> MutexGuard<'_, Demand> {
        self.demand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The line to this instance.
    pub(crate) fn line(&self, id: &InstanceId) -> Option<Arc<Line>> {
        self.lines.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Opens the line to an instance. An instance that changes between a process and `virtual` gets a new one.
    pub(crate) fn open_line(&self, id: &InstanceId, is_virtual: bool) {
        let mut lines = self.lines.write().unwrap_or_else(PoisonError::into_inner);
        if lines.get(id).is_none_or(|line| line.is_virtual != is_virtual) {
            let line = Line::new(id.clone(), is_virtual);
            // What was there before the start.
            line.outlet().backlog.grew();
            lines.insert(id.clone(), line);
        }
    }

    /// The instance is gone from the configuration.
    pub(crate) fn close_line(&self, id: &InstanceId) {
        self.lines.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// Changes whenever an instance changed its state.
    pub(crate) fn instances(&self) -> watch::Receiver<u64> {
        self.instances.subscribe()
    }

    pub(crate) fn instance_changed(&self) {
        self.instances.send_modify(|epoch| *epoch += 1);
    }

    /// Says something to the run of a plugin that is ready now. False if there is none or its pipe is full.
    pub(crate) fn say(&self, id: &InstanceId, message: &ToPlugin) -> bool {
        let Some(generation) = self.line(id).and_then(|line| line.outlet().generation) else { return false };
        self.send(id, generation, message)
    }

    /// Sends it unless it changes something at the device and the gate is shut.
    pub(crate) fn send(&self, id: &InstanceId, generation: u64, message: &ToPlugin) -> bool {
        if !matches!(message, ToPlugin::Write(_) | ToPlugin::Call(_)) {
            return self.send_past_gate(id, generation, message);
        }
        // Held until the message is queued: who shuts the gate waits for that.
        let open = self.gate.enter(id);
        open.is_some() && self.send_past_gate(id, generation, message)
    }

    fn send_past_gate(&self, id: &InstanceId, generation: u64, message: &ToPlugin) -> bool {
        let Some(supervisor) = self.supervisor.get().and_then(Weak::upgrade) else { return false };
        let sent = supervisor.send(id, generation, message).is_ok();
        if sent && let Some(line) = self.line(id) {
            line.course.told(message);
        }
        sent
    }

    /// Somebody needs these; a plugin that was not asked for them yet is asked now.
    pub(crate) fn need(&self, needs: Vec<(InstanceId, Need)>) {
        let mut fresh: HashMap<InstanceId, Vec<Subscription>> = HashMap::new();
        let mut demand = self.demand();
        for (id, need) in needs {
            if demand.add(&id, need.clone()) {
                fresh.entry(id).or_default().push(subscription(need));
            }
        }
        let asked: Vec<_> = fresh.keys().map(|id| (id.clone(), demand.per_second(id))).collect();
        drop(demand);
        self.say_what_is_asked(asked);
        for (id, items) in fresh {
            self.subscribe(&id, &items);
        }
    }

    /// Somebody does not need these any more.
    pub(crate) fn release(&self, needs: Vec<(InstanceId, Need)>) {
        let mut ended: HashMap<InstanceId, Vec<String>> = HashMap::new();
        let mut demand = self.demand();
        for (id, need) in needs {
            if demand.remove(&id, &need) {
                ended.entry(id).or_default().push(need.tag);
            }
        }
        let asked: Vec<_> = ended.keys().map(|id| (id.clone(), demand.per_second(id))).collect();
        drop(demand);
        self.say_what_is_asked(asked);
        for (id, tags) in ended {
            self.say(&id, &ToPlugin::Unsubscribe(Unsubscribe { tags }));
        }
    }

    /// The supervisor's limits grow with what is asked of an instance.
    fn say_what_is_asked(&self, asked: Vec<(InstanceId, u32)>) {
        let Some(supervisor) = self.supervisor.get().and_then(Weak::upgrade) else { return };
        for (id, per_second) in asked {
            supervisor.asks(&id, per_second);
        }
    }

    fn subscribe(&self, id: &InstanceId, items: &[Subscription]) {
        /// A message stays far below the largest frame.
        const PER_MESSAGE: usize = 5000;
        for items in items.chunks(PER_MESSAGE) {
            let message = Subscribe { request: self.requests.number(), items: items.to_vec() };
            self.say(id, &ToPlugin::Subscribe(message));
        }
    }

    /// The client watches these datapoints from now on.
    pub(crate) fn watch(&self, client: &Arc<Client>, points: &[fieldrail_router::PointId]) {
        let mut engine = self.engine();
        let mut watchers = self.watchers.write().unwrap_or_else(PoisonError::into_inner);
        for &point in points {
            if watchers.watch(client, point) {
                engine.router.space.watch(point);
            }
        }
    }

    /// The client does not watch these any more.
    pub(crate) fn unwatch(&self, client: &Arc<Client>, points: &[fieldrail_router::PointId]) {
        let mut engine = self.engine();
        let mut watchers = self.watchers.write().unwrap_or_else(PoisonError::into_inner);
        for &point in points {
            if watchers.unwatch(client, point) {
                engine.router.space.unwatch(point);
            }
        }
    }

    /// The client is gone.
    pub(crate) fn unwatch_all(&self, client: &Arc<Client>) {
        let mut engine = self.engine();
        let mut watchers = self.watchers.write().unwrap_or_else(PoisonError::into_inner);
        for point in watchers.remove(client) {
            engine.router.space.unwatch(point);
        }
    }

    fn tell_watchers(&self, outcome: &Outcome) {
        if !outcome.changed.is_empty() {
            self.watchers.read().unwrap_or_else(PoisonError::into_inner).changed(&outcome.changed);
        }
    }
}

fn subscription(need: Need) -> Subscription {
    Subscription { tag: need.tag, pattern: need.pattern, interval_ms: None }
}
