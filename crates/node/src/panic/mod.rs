//! The panic: within 100 ms of the request pulses are ended and safe values written, and from then on no write leaves to any
//! device, until an administrator has re-armed the house step by step.
//!
//! Read in this order: [`machine`] what follows what, [`latch`] what is on the disk, [`view`] what people see; here is what
//! is done. Traffic's gate is what holds the writes back.

mod latch;
mod machine;
mod view;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fieldrail_model::{InstanceId, Level};

use crate::node::lock;
use crate::people::{Role, Who};
use crate::traffic::Safe;
use crate::{Error, Node, Result};
use latch::Record;
use machine::{Action, Event, Machine, Refusal};

pub use latch::SafeWrite;
pub use view::{PanicRequest, PanicView, RearmRequest, RearmStep};

/// How long after the request safe values may be confirmed.
const WITHIN: Duration = Duration::from_millis(100);

/// What the house knows of its panic.
pub(crate) struct Panic {
    path: PathBuf,
    record: Mutex<Record>,
    /// One panic or one step of re-arming at a time.
    acting: tokio::sync::Mutex<()>,
    /// Why the latch on the disk is not as it should be.
    pub(crate) fault: Mutex<Option<String>>,
}

impl Panic {
    /// Reads the latch.
    pub(crate) fn open(state: &Path) -> Self {
        let path = state.join("panic.json");
        let (mut record, fault) = latch::read(&path);
        record.latch = Machine::restarted(record.latch).latch;
        Self { path, record: Mutex::new(record), acting: tokio::sync::Mutex::default(), fault: Mutex::new(fault) }
    }

    pub(crate) fn record(&self) -> Record {
        lock(&self.record).clone()
    }

    /// The instances that may run; none if all may.
    pub(crate) fn rearmed(&self) -> Option<BTreeSet<InstanceId>> {
        let machine = Machine { latch: self.record().latch };
        machine.is_panicked().then_some(machine.latch.rearmed)
    }

    /// Takes an event; the record changes only if the machine lets it.
    fn handle(&self, event: &Event<'_>, note: impl FnOnce(&mut Record)) -> std::result::Result<Vec<Action>, Refusal> {
        let mut record = lock(&self.record);
        let mut machine = Machine { latch: record.latch.clone() };
        let actions = machine.handle(event)?;
        if !actions.is_empty() {
            record.latch = machine.latch;
            note(&mut record);
        }
        Ok(actions)
    }
}

impl Node {
    /// Panics: at once, for everybody who may write. Returns when safe values are written or time is up.
    pub async fn panic(self: &Arc<Self>, who: &Who, request: &PanicRequest) -> Result<PanicView> {
        who.must_be(Role::Operator)?;
        if request.drill {
            self.logbook.write(Level::Info, None, format!("{} asked what a panic would do.", who.name));
            return Ok(self.drill());
        }
        let begun = Instant::now();
        let (node, by) = (Arc::clone(self), who.name.clone());
        // It goes on if the asker hangs up.
        let done = tokio::spawn(async move { node.act(begun, &by).await }).await;
        done.map_err(|error| Error::Internal(format!("the panic broke off: {error}")))?;
        Ok(self.panic_view())
    }

    /// After a start: a panic that was latched holds on.
    pub(crate) fn resume_panic(&self) {
        let Some(rearmed) = self.panic.rearmed() else { return };
        self.traffic.gate.shut_but(rearmed);
        let fault = lock(&self.panic.fault).clone().map(|fault| format!(" ({fault})")).unwrap_or_default();
        let message = format!("The house is in panic{fault}; an administrator re-arms it.");
        tracing::error!("{message}");
        self.note_own("panic.latched", "", "the panic from before the start holds on");
        self.logbook.write(Level::Error, None, message);
    }

    async fn act(self: &Arc<Self>, begun: Instant, by: &str) {
        let _one = self.panic.acting.lock().await;
        let now = crate::clock::wall().millis();
        let asked = self.panic.handle(&Event::Asked, |record| {
            (record.since_ms, record.by, record.written) = (now, by.to_owned(), Vec::new());
        });
        for action in asked.unwrap_or_default() {
            self.perform(action, begun).await;
        }
        for action in self.panic.handle(&Event::Written, |_| {}).unwrap_or_default() {
            self.perform(action, begun).await;
        }
    }

    async fn perform(self: &Arc<Self>, action: Action, begun: Instant) {
        match action {
            Action::Shut => self.traffic.gate.shut(),
            Action::Save => _ = self.save_latch().await,
            Action::WriteSafe => {
                let by = self.panic.record().by;
                self.logbook.write(Level::Error, None, format!("{by} pressed the panic button."));
                let written = self.traffic.write_safe(begun + WITHIN).await;
                lock(&self.panic.record).written = written;
            }
            Action::StopAll => self.stop_all(),
            Action::OpenInstance(id) => {
                self.traffic.flush(&id, "the house panicked before it was sent");
                self.traffic.gate.rearm(&id);
                self.apply_connections_later().await;
            }
            Action::OpenAll => {
                let ids: Vec<InstanceId> = lock(&self.running).keys().cloned().collect();
                for id in &ids {
                    self.traffic.flush_routes(id);
                }
                self.traffic.gate.open();
                self.apply_connections_later().await;
                self.traffic.rouse_all(&ids);
            }
        }
        self.traffic.instance_changed();
    }

    /// Starting an instance looks at the disk, which nobody else waits for.
    async fn apply_connections_later(self: &Arc<Self>) {
        let node = Arc::clone(self);
        let _ = tokio::task::spawn_blocking(move || node.apply_connections()).await;
    }

    async fn save_latch(self: &Arc<Self>) -> bool {
        let (path, record) = (self.panic.path.clone(), self.panic.record());
        let reserve = Arc::clone(&self.reserve);
        let save = move || {
            latch::save(&path, &record).or_else(|_| {
                // On a full disk nothing is more worth the last room.
                reserve.give_way();
                latch::save(&path, &record)
            })
        };
        let saved = tokio::task::spawn_blocking(save).await;
        let fault = match saved {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        if let Some(fault) = &fault {
            let message =
                format!("The panic latch cannot be put on the disk: {fault}. It holds until the daemon ends.");
            tracing::error!("{message}");
            self.logbook.write(Level::Error, None, message);
        }
        let saved = fault.is_none();
        *lock(&self.panic.fault) = fault;
        saved
    }

    /// Ends every process. One that holds writes which are not ours is killed, so that they do not leave.
    fn stop_all(&self) {
        let _one = lock(&self.changing);
        for (runs, _) in lock(&self.specs).values_mut() {
            *runs = false;
        }
        // Of the supervisor's own list: a connection that is only being tried is cut as well.
        for id in self.supervisor.snapshots().into_iter().map(|snapshot| snapshot.id) {
            if self.traffic.is_safe(&id) == Safe::HoldsWrites {
                let _ = self.supervisor.kill(&id);
            }
            let _ = self.supervisor.stop(&id);
            self.traffic.flush(&id, "the house panicked before it was sent");
        }
        let record = self.panic.record();
        let missed: Vec<&str> =
            record.written.iter().filter(|one| one.outcome != "confirmed").map(|one| one.address.as_str()).collect();
        let count = record.written.len() - missed.len();
        let mut message = format!("Panic: {count} safe values were written, all instances are stopped.");
        if !missed.is_empty() {
            message = format!("{message} Not reached: {}.", missed.join(", "));
        }
        self.logbook.write(Level::Error, None, message);
    }

    /// One step out of the panic: an instance, or in the end the router.
    pub async fn rearm(self: &Arc<Self>, who: &Who, request: &RearmRequest) -> Result<PanicView> {
        who.must_be(Role::Admin)?;
        if who.scope.is_some() {
            return Err(Error::OutOfScope("the panic: only a person re-arms".into()));
        }
        let (node, who, request) = (Arc::clone(self), who.clone(), request.clone());
        let done = tokio::spawn(async move { node.step(&who, &request).await }).await;
        done.map_err(|error| Error::Internal(format!("the step broke off: {error}")))??;
        Ok(self.panic_view())
    }

    async fn step(self: &Arc<Self>, who: &Who, request: &RearmRequest) -> Result<()> {
        let _one = self.panic.acting.lock().await;
        let before = self.panic.record();
        let (actions, what) = if let Some(id) = &request.instance {
            let instance = self.known(id)?.id;
            let event = Event::Rearm { number: request.number, instance: &instance };
            (self.panic.handle(&event, |_| {}), format!("`{id}`"))
        } else {
            let wanted = self.to_rearm();
            let event = Event::RearmRouter { number: request.number, wanted: &wanted };
            (self.panic.handle(&event, |_| {}), "the router, and with it the house".to_owned())
        };
        let actions = actions.map_err(refused)?;
        for action in actions {
            if action == Action::Save {
                if !self.save_latch().await {
                    *lock(&self.panic.record) = before;
                    let message = "the step was not taken, since it cannot be put on the disk";
                    return Err(Error::unavailable(message, "is the disk full?"));
                }
                self.logbook.write(Level::Warn, None, format!("{} re-armed {what}.", who.name));
            } else {
                self.perform(action, Instant::now()).await;
            }
        }
        Ok(())
    }

    /// The instances that are to run, and have a process.
    fn to_rearm(&self) -> BTreeSet<InstanceId> {
        let running = lock(&self.running);
        let wanted = running.values().filter(|one| one.enabled && one.driver != crate::connections::VIRTUAL);
        wanted.map(|one| one.id.clone()).collect()
    }

    /// Fails while the house is panicked.
    pub(crate) fn not_in_panic(&self) -> Result<()> {
        if self.traffic.gate.router_runs() { Ok(()) } else { Err(in_panic()) }
    }

    /// Fails unless this instance may run and be written to.
    pub(crate) fn may_run(&self, id: &InstanceId) -> Result<()> {
        if self.traffic.gate.lets(id) { Ok(()) } else { Err(in_panic()) }
    }
}

fn in_panic() -> Error {
    Error::unavailable("the house is in panic: nothing is written", "an administrator re-arms it, step by step")
}

fn refused(refusal: Refusal) -> Error {
    Error::Conflict(match refusal {
        Refusal::Armed => "there is no panic".into(),
        Refusal::Outdated => "there was another panic since you looked; look again".into(),
        Refusal::TooSoon => "safe values are being written; try again in a moment".into(),
        Refusal::Done => "this step was taken already".into(),
        Refusal::First(instances) => {
            let ids: Vec<String> = instances.iter().map(ToString::to_string).collect();
            format!("re-arm these first, or stop them for good: {}", ids.join(", "))
        }
    })
}
