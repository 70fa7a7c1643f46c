//! One instance: the state machine under a lock, and the task that does what it asks for.
//!
//! [`kept`] is what keeps it within its limits, [`walled`] what its walls report, [`health`] what tells whether it does its
//! work.
//!
//! Anybody may tell it an event; actions are done by the instance's own task alone, and so are calls to the listener about
//! its state. Invariant: the lock is never held across an `await` or a call to the listener.

pub(crate) mod health;
pub(crate) mod kept;
mod task;
mod walled;

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, RandomState};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use fieldrail_model::{InstanceId, Timestamp};
use fieldrail_wire::plugin::{self, Hello, Level};
use fieldrail_wire::{Capabilities, ToPlugin};
use tokio::sync::{Notify, watch};

use crate::health::{Awake, Judge};
use crate::lanes::{Lanes, SendError};
use crate::life::{Action, Event, Life, Moment, Reason, Shown};
use crate::limits::Limits;
use crate::listener::{Fault, Listener, LogRecord, shielded};
use crate::log::Gate;
use crate::process::{Cgroups, Leash, Mark, Spawner};
use crate::{Options, Snapshot, Spec, State};
use health::Health;
use kept::{Kept, Subject};

/// The supervisor's own lines about an instance that may wait for its task.
const MAX_NOTES: usize = 16;

/// Everything about one instance.
pub(crate) struct Shared {
    pub(crate) id: InstanceId,
    pub(crate) listener: Arc<dyn Listener>,
    pub(crate) options: Arc<Options>,
    pub(crate) counters: Counters,
    house: Mark,
    spawner: Spawner,
    began: Instant,
    inner: Mutex<Inner>,
    gate: Mutex<Gate>,
    wake: Notify,
    down: watch::Sender<bool>,
    kept: Kept,
    health: Health,
    awake: Arc<Awake>,
    cgroups: Arc<Cgroups>,
}

/// Counted by the reader, without a lock.
#[derive(Default)]
pub(crate) struct Counters {
    samples_in: AtomicU64,
    samples_out: AtomicU64,
    batches: AtomicU64,
}

impl Counters {
    pub(crate) fn count_batch(&self, samples: usize) {
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.samples_in.fetch_add(samples as u64, Ordering::Relaxed);
    }
}

struct Inner {
    spec: Spec,
    life: Life,
    shown: Shown,
    since: Timestamp,
    actions: VecDeque<Action>,
    notes: VecDeque<(Level, String)>,
    faults: VecDeque<Fault>,
    /// Whether the listener has not heard of the last change.
    dirty: bool,
    generation: u64,
    process: Option<Process>,
    capabilities: Capabilities,
    version: String,
    /// It is to be forgotten once it is down.
    leaving: bool,
    /// Its task is to end.
    closed: bool,
}

/// The living process.
struct Process {
    leash: Arc<Leash>,
    started_at: Timestamp,
    /// Since it was welcomed.
    lanes: Option<Arc<Lanes>>,
}

impl Shared {
    pub(crate) fn new(
        spec: Spec,
        options: Arc<Options>,
        listener: Arc<dyn Listener>,
        spawner: Spawner,
        house: Mark,
        cgroups: Arc<Cgroups>,
        awake: Arc<Awake>,
    ) -> Arc<Self> {
        let seed = RandomState::new().hash_one(&spec.id);
        let life = Life::new(options.policy.clone(), spec.auto_restart, seed);
        let inner = Inner {
            shown: life.shown(),
            since: (options.clock)(),
            life,
            actions: VecDeque::new(),
            notes: VecDeque::new(),
            faults: VecDeque::new(),
            dirty: true,
            generation: 0,
            process: None,
            capabilities: Capabilities::default(),
            version: String::new(),
            leaving: false,
            closed: false,
            spec: spec.clone(),
        };
        let health = Health::new(Judge::new(&options.policy));
        Arc::new(Self {
            id: spec.id,
            listener,
            options,
            counters: Counters::default(),
            house,
            spawner,
            began: Instant::now(),
            inner: Mutex::new(inner),
            gate: Mutex::new(Gate::new()),
            wake: Notify::new(),
            down: watch::Sender::new(true),
            kept: Kept::default(),
            health,
            awake,
            cgroups,
        })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Moment {
        self.began.elapsed()
    }

    /// What a person asks for.
    pub(crate) fn ask(&self, event: Event) -> Snapshot {
        let mut inner = self.inner();
        self.apply(&mut inner, event);
        self.snapshot_of(&inner)
    }

    /// What the plugin says of its link. What it says first after a connect is free.
    pub(crate) fn said(&self, generation: u64, said: plugin::State) {
        if said.status == plugin::Status::Connected {
            self.kept.connected(self.now());
        }
        self.health.said(&said, self.now());
        self.tell(generation, Event::Said(said));
    }

    /// What a process does; ignored if it is not the present one.
    pub(crate) fn tell(&self, generation: u64, event: Event) {
        if let Event::HeldBack(time) = event {
            self.health.held_back(time, self.now());
        }
        let mut inner = self.inner();
        if inner.generation == generation {
            self.apply(&mut inner, event);
        }
    }

    fn apply(&self, inner: &mut Inner, event: Event) {
        let armed = inner.life.deadline();
        let errors = inner.life.errors().0;
        let for_good = matches!(event, Event::Suspend(..));
        inner.actions.extend(inner.life.handle(event, self.now()));
        self.refresh(inner);
        if inner.life.errors().0 > errors && inner.notes.len() < MAX_NOTES {
            let level = if for_good || inner.shown.state == State::Error { Level::Error } else { Level::Warn };
            inner.notes.push_back((level, inner.shown.text.clone()));
        }
        let given_up = matches!(inner.shown.state, State::Error | State::SuspendedBySpam | State::SuspendedByLimit);
        if let Some(reason) = inner.life.take_fault()
            && inner.faults.len() < MAX_NOTES
        {
            let Reason { text, hint, kind, .. } = reason;
            inner.faults.push_back(Fault { kind, text, hint, for_good: for_good || given_up });
        }
        let due = inner.life.deadline();
        let earlier = due.is_some_and(|due| armed.is_none_or(|armed| due < armed));
        if inner.dirty || !inner.actions.is_empty() || !inner.faults.is_empty() || earlier {
            self.wake.notify_one();
        }
        let down = inner.life.is_down() && inner.process.is_none();
        self.down.send_if_modified(|was| std::mem::replace(was, down) != down);
    }

    fn refresh(&self, inner: &mut Inner) {
        let shown = inner.life.shown();
        if shown.state != inner.shown.state {
            inner.since = (self.options.clock)();
        }
        inner.dirty |= shown != inner.shown;
        inner.shown = shown;
    }

    /// What it may take.
    pub(crate) fn limits(&self) -> Limits {
        self.inner().spec.limits
    }

    fn is_generation(&self, generation: u64) -> bool {
        let inner = self.inner();
        inner.generation == generation && inner.process.is_some()
    }

    /// What the watcher has to look at; none while there is no process.
    pub(crate) fn subject(&self) -> Option<Subject> {
        let inner = self.inner();
        let pid = inner.process.as_ref()?.leash.pid();
        let (generation, limits) = (inner.generation, inner.spec.limits);
        let alone = inner.spec.permissions.as_ref().is_some_and(|permissions| !permissions.children);
        drop(inner);
        Some(Subject { generation, pid, limits, alone: alone && self.kept.refuses_calls(), group: self.kept.group() })
    }

    /// Its own folder.
    pub(crate) fn state_dir(&self) -> Option<PathBuf> {
        self.inner().spec.state_dir.clone()
    }

    /// A line of the supervisor's own about it.
    pub(crate) fn note(&self, level: Level, text: String) {
        let mut inner = self.inner();
        inner.dirty = true;
        if inner.notes.len() < MAX_NOTES {
            inner.notes.push_back((level, text));
        }
        drop(inner);
        self.wake.notify_one();
    }

    /// Takes a new spec; a running process keeps the one it was started with.
    pub(crate) fn replace(&self, spec: Spec) {
        let mut inner = self.inner();
        inner.life.set_auto_restart(spec.auto_restart);
        inner.spec = spec;
        inner.leaving = false;
    }

    /// The process lives.
    pub(crate) fn hold(&self, generation: u64, leash: Arc<Leash>) {
        let mut inner = self.inner();
        if inner.closed {
            leash.kill();
        }
        inner.process = Some(Process { leash, started_at: (self.options.clock)(), lanes: None });
        inner.dirty = true;
        debug_assert_eq!(inner.generation, generation, "only the instance's task starts processes");
        self.apply(&mut inner, Event::Spawned);
    }

    /// The process said hello and its welcome is queued. False if it is to end already.
    pub(crate) fn greet(&self, generation: u64, hello: &Hello, lanes: Arc<Lanes>) -> bool {
        let mut inner = self.inner();
        let inner = &mut *inner;
        if inner.generation != generation || inner.life.is_ending() {
            return false;
        }
        let Some(process) = &mut inner.process else { return false };
        process.lanes = Some(lanes);
        inner.capabilities = hello.capabilities.clone();
        inner.version.clone_from(&hello.version);
        inner.dirty = true;
        self.health.begin(hello.capabilities.case_insensitive, self.now());
        self.apply(inner, Event::Greeted);
        true
    }

    /// The process has ended and everything it said has been delivered.
    pub(crate) fn end(&self, generation: u64, reason: Reason) {
        if self.limits().processes.is_some() && self.was_refused_processes() {
            self.over_processes(generation);
        }
        if self.limits().memory_bytes.is_some() && self.was_ended_by_kernel() {
            self.over_memory(generation, "took more memory than the kernel gives it");
        }
        self.kept.ended();
        self.health.end();
        let process = self.inner().process.take();
        if process.is_some_and(|process| process.lanes.is_some()) {
            shielded(|| self.listener.gone(&self.id, generation));
        }
        let mut inner = self.inner();
        inner.dirty = true;
        self.apply(&mut inner, Event::Exited(reason));
    }

    /// Queues a message for the process of this generation.
    pub(crate) fn send(&self, generation: u64, message: &ToPlugin) -> Result<(), SendError> {
        let inner = self.inner();
        if inner.generation != generation {
            return Err(SendError::OtherGeneration);
        }
        let lanes = inner.process.as_ref().and_then(|process| process.lanes.clone()).ok_or(SendError::NotReady)?;
        drop(inner);
        lanes.send(message)?;
        self.health.told(message, self.now());
        if let ToPlugin::Write(write) = message {
            self.counters.samples_out.fetch_add(write.items.len() as u64, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Passes a line on, unless there are too many. False if it was dropped.
    pub(crate) fn log(&self, level: Level, message: &str) -> bool {
        let mut gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        let reported = gate.due().is_some();
        let admitted = gate.admit(self.now());
        if !reported && gate.due().is_some() {
            self.wake.notify_one();
        }
        drop(gate);
        if admitted {
            self.say(level, message.to_owned());
        }
        admitted
    }

    fn say(&self, level: Level, message: String) {
        shielded(|| self.listener.logged(LogRecord { instance: self.id.clone(), level, message }));
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.snapshot_of(&self.inner())
    }

    fn snapshot_of(&self, inner: &Inner) -> Snapshot {
        let (errors, last_error) = inner.life.errors();
        let process = inner.process.as_ref();
        Snapshot {
            id: self.id.clone(),
            driver: inner.spec.driver.clone(),
            state: inner.shown.state,
            linked: inner.life.is_linked(),
            ill: inner.shown.ill.map(crate::health::Ill::name),
            text: inner.shown.text.clone(),
            causes: inner.shown.causes.clone(),
            hint: inner.shown.hint.clone(),
            pid: process.map(|process| process.leash.pid()),
            since: inner.since,
            started_at: process.map(|process| process.started_at),
            restarts: inner.generation.saturating_sub(1),
            errors,
            last_error: last_error.map(Into::into),
            samples_in: self.counters.samples_in.load(Ordering::Relaxed),
            samples_out: self.counters.samples_out.load(Ordering::Relaxed),
            batches: self.counters.batches.load(Ordering::Relaxed),
            capabilities: inner.capabilities.clone(),
            version: inner.version.clone(),
            generation: inner.generation,
            confinement: process.map(|process| process.leash.confinement()),
            metrics: self.kept.metrics(),
            keeping: self.kept.keeping(&inner.spec, process.map(|process| process.leash.confinement())),
        }
    }

    /// Waits until there is neither a process nor a plan for one.
    pub(crate) async fn until_down(&self) {
        // The sender lives in `self`, so this cannot fail.
        let _ = self.down.subscribe().wait_for(|down| *down).await;
    }

    /// Marks it to be forgotten; a `replace` in between takes the mark away.
    pub(crate) fn leave(&self) {
        self.inner().leaving = true;
    }

    /// Whether it is to be forgotten, and nothing of it runs.
    pub(crate) fn has_left(&self) -> bool {
        self.inner().leaving && *self.down.borrow()
    }

    /// Ends the instance's task; a process that still lives is killed.
    pub(crate) fn close(&self) {
        let mut inner = self.inner();
        inner.closed = true;
        if let Some(process) = &inner.process {
            process.leash.kill();
        }
        drop(inner);
        self.kept.leave();
        self.wake.notify_one();
    }
}
