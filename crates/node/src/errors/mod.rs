//! Error tracking: each panic, crash and failed instance becomes an event, is grouped by its cause and counted, and waits to
//! be forwarded if a person wants that.
//!
//! Read in this order: [`event`] what an event is, [`cause`] what makes two equal, [`redact`] what takes secrets out;
//! [`stderr`], [`course`], [`own`] and [`faults`] where they come from; here is what gathers them. What happens is counted in
//! memory, by cause; a thread of its own builds the events and writes them, so nobody waits for it and a flood is a few
//! transactions a second. Invariant: nothing is kept, shown or forwarded that did not go through the [`Scrubber`].

mod cause;
mod course;
mod event;
mod faults;
mod own;
mod redact;
mod stderr;
mod view;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fieldrail_model::{InstanceId, Timestamp};
use fieldrail_store::{Etag, Forward, Happened, LogError, Occurrence};
use indexmap::IndexMap;
use serde_json::Value;
use tokio::sync::watch;

use crate::files::Files;
use crate::node::lock;
use crate::{Error, Node, Result};

pub(crate) use course::Course;
pub(crate) use event::Raw;
pub use event::{ErrorEvent, ErrorKind, Frame, Input};
pub use own::write_down_panics;
pub(crate) use redact::{ConfigSecrets, Scrubber};
pub use view::{ErrorDetail, ErrorView, ErrorWish, Forwardable, Forwarding, OutgoingEvent};

/// Causes that are counted at once between two transactions; of more only the number is known.
const PENDING: usize = 200;

/// Occurrences of one cause that are told in full between two transactions.
const IN_FULL: usize = 20;

/// Events in one transaction, at the most; of what is more only the count is kept.
const EVENTS: usize = 100;

/// Between two transactions.
const PACE: Duration = Duration::from_millis(300);

/// How often panics of the daemon are looked for.
const LOOK: Duration = Duration::from_secs(1);

/// How long a question waits until what happened before it is written.
const PATIENCE: Duration = Duration::from_secs(2);

/// The same cause is forwarded again after so long.
const PAUSE: Duration = Duration::from_hours(1);

type Fingerprint = [u8; 16];

/// Which state of the files that hold secrets.
type Stamp = [Option<Etag>; 3];

/// One cause since the last transaction.
#[derive(Debug, Default)]
struct Batch {
    count: u64,
    newest: VecDeque<Raw>,
}

#[derive(Debug, Default)]
struct Pending {
    causes: IndexMap<Fingerprint, Batch>,
    /// Failures that belonged to no cause that is counted.
    lost: u64,
    /// How often somebody asked for everything to be written, and how often it was.
    asked: u64,
    done: u64,
    stop: bool,
}

/// What failed, and what is done about it.
pub(crate) struct Errors {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    store: fieldrail_store::Errors,
    state: PathBuf,
    pending: Mutex<Pending>,
    wake: Condvar,
    written: Condvar,
    node: OnceLock<Weak<Node>>,
    /// What was secret so far: a secret that was changed stays one.
    known: Mutex<Known>,
    /// Rises when something waits to be forwarded.
    outgoing: watch::Sender<u64>,
    /// When events were queued to be forwarded, within the last hour.
    budget: Mutex<VecDeque<Instant>>,
}

#[derive(Debug, Default)]
struct Known {
    /// The files that it was read from.
    read: Option<Stamp>,
    secrets: std::collections::BTreeSet<String>,
    scrubber: Arc<Scrubber>,
}

/// Secrets that were known at any time since the start, at the most.
const MAX_SECRETS: usize = 2_000;

impl Errors {
    pub(crate) fn open(store: fieldrail_store::Errors, state: &Path) -> Result<Self> {
        let shared = Arc::new(Shared {
            store,
            state: state.to_owned(),
            pending: Mutex::default(),
            wake: Condvar::new(),
            written: Condvar::new(),
            node: OnceLock::new(),
            known: Mutex::default(),
            outgoing: watch::Sender::new(0),
            budget: Mutex::default(),
        });
        let writer = std::thread::Builder::new().name("errors".into()).spawn({
            let shared = Arc::clone(&shared);
            move || shared.write()
        });
        let writer = writer.map_err(|error| Error::Internal(format!("no thread for the errors: {error}")))?;
        Ok(Self { shared, writer: Mutex::new(Some(writer)) })
    }

    /// What is known of instances and secrets comes from there.
    pub(crate) fn join(&self, node: &Arc<Node>) {
        let _ = self.shared.node.set(Arc::downgrade(node));
    }

    /// Counts one failure; never waits for the disk.
    pub(crate) fn take(&self, raw: Raw) {
        self.shared.count(raw, 1);
        self.shared.wake.notify_one();
    }

    /// Waits until what was taken before this is written.
    pub(crate) fn flush(&self) {
        let mut pending = self.shared.pending();
        pending.asked += 1;
        let mine = pending.asked;
        self.shared.wake.notify_one();
        let _ =
            self.shared.written.wait_timeout_while(pending, PATIENCE, |pending| pending.done < mine && !pending.stop);
    }

    pub(crate) fn store(&self) -> &fieldrail_store::Errors {
        &self.shared.store
    }

    /// Rises when something waits to be forwarded.
    pub(crate) fn outgoing(&self) -> watch::Receiver<u64> {
        self.shared.outgoing.subscribe()
    }

    /// What takes out all that is secret now, or was since the start.
    pub(crate) fn scrubber(&self) -> Arc<Scrubber> {
        let node = self.shared.node();
        self.shared.scrubber(node.as_deref())
    }
}

/// What happened is written before the house closes.
impl Drop for Errors {
    fn drop(&mut self) {
        self.shared.pending().stop = true;
        self.shared.wake.notify_one();
        let writer = lock(&self.writer).take();
        if let Some(writer) = writer.filter(|writer| writer.thread().id() != std::thread::current().id()) {
            let _ = writer.join();
        }
    }
}

impl Shared {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn node(&self) -> Option<Arc<Node>> {
        self.node.get().and_then(Weak::upgrade)
    }

    fn count(&self, raw: Raw, times: u64) {
        let cause = cause::fingerprint(&raw);
        let mut pending = self.pending();
        if pending.causes.len() >= PENDING && !pending.causes.contains_key(&cause) {
            pending.lost += times;
            return;
        }
        let batch = pending.causes.entry(cause).or_default();
        batch.count += times;
        if batch.newest.len() >= IN_FULL {
            batch.newest.pop_front();
        }
        batch.newest.push_back(raw);
    }

    /// The thread: gathers for a moment, writes, waits for more.
    fn write(&self) {
        let mut panics = None;
        loop {
            let (asked, stop) = {
                let idle =
                    |pending: &mut Pending| pending.causes.is_empty() && !pending.stop && pending.done == pending.asked;
                let waited = self.wake.wait_timeout_while(self.pending(), LOOK, idle);
                let pending = waited.unwrap_or_else(PoisonError::into_inner).0;
                (pending.asked, pending.stop)
            };
            if panics != Some(own::count()) {
                panics = Some(own::count());
                for (raw, times) in own::take_up(&self.state) {
                    self.count(raw, times);
                }
            }
            let (causes, lost) = {
                let mut pending = self.pending();
                (std::mem::take(&mut pending.causes), std::mem::take(&mut pending.lost))
            };
            self.write_down(causes, lost);
            self.pending().done = asked;
            self.written.notify_all();
            if stop {
                return;
            }
            // A question or the end does not wait for the pace.
            let unhurried = |pending: &mut Pending| !pending.stop && pending.done == pending.asked;
            drop(self.wake.wait_timeout_while(self.pending(), PACE, unhurried));
        }
    }

    fn write_down(&self, causes: IndexMap<Fingerprint, Batch>, lost: u64) {
        if lost > 0 {
            tracing::warn!(lost, "There were more different errors at once than can be counted.");
        }
        if causes.is_empty() {
            return;
        }
        let node = self.node();
        let scrubber = self.scrubber(node.as_deref());
        let forwarding = node.as_ref().and_then(|node| node.forwarding());
        let mut room = EVENTS;
        let happened: Vec<Happened> = causes
            .into_iter()
            .filter_map(|(cause, batch)| {
                let happened = build(cause, &batch, node.as_deref(), &scrubber, room);
                room = room.saturating_sub(happened.as_ref().map_or(0, |one| one.occurrences.len()));
                happened
            })
            .collect();
        let happened = self.with_forwards(happened, forwarding.as_ref());
        match self.store.take(&happened) {
            Ok(taken) => self.account(taken.iter().filter(|one| one.forwarded).count()),
            Err(error) => tracing::error!(%error, "What failed cannot be written down."),
        }
    }

    /// What may be forwarded of it within the hour.
    fn with_forwards(&self, mut happened: Vec<Happened>, forwarding: Option<&Forwarding>) -> Vec<Happened> {
        let Some(forwarding) = forwarding else { return happened };
        let mut budget = lock(&self.budget);
        while budget.front().is_some_and(|at| at.elapsed() >= PAUSE) {
            budget.pop_front();
        }
        let room = (forwarding.max_per_hour as usize).saturating_sub(budget.len());
        for one in happened.iter_mut().take(room) {
            let Some(newest) = one.occurrences.last() else { continue };
            let event = view::outgoing_text(&one.fingerprint, one.count, &newest.event);
            one.forward = Some(Forward { event, pause: PAUSE });
        }
        happened
    }

    fn account(&self, forwarded: usize) {
        if forwarded > 0 {
            lock(&self.budget).extend(std::iter::repeat_n(Instant::now(), forwarded));
            self.outgoing.send_modify(|epoch| *epoch += 1);
        }
    }

    /// What takes out all that is secret now, or was since the start.
    fn scrubber(&self, node: Option<&Node>) -> Arc<Scrubber> {
        let stamp = node.map(Node::secrets_stamp);
        let mut known = lock(&self.known);
        if stamp.is_none() || known.read == stamp {
            return Arc::clone(&known.scrubber);
        }
        known.read = stamp;
        let now = node.map(Node::secrets_in_force).unwrap_or_default();
        let before = known.secrets.len();
        for secret in now {
            if known.secrets.len() < MAX_SECRETS || before == 0 {
                known.secrets.insert(secret);
            }
        }
        if known.secrets.len() != before {
            known.scrubber = Arc::new(Scrubber::new(known.secrets.iter().cloned()));
        }
        Arc::clone(&known.scrubber)
    }
}

/// One cause as it is written, the newest occurrences in full.
fn build(cause: Fingerprint, batch: &Batch, node: Option<&Node>, scrubber: &Scrubber, room: usize) -> Option<Happened> {
    let newest = batch.newest.back()?;
    let first_told = batch.newest.len().saturating_sub(room.max(1));
    let occurrences: Vec<Occurrence> =
        batch.newest.iter().skip(first_told).map(|raw| occurrence(raw, node, scrubber)).collect();
    let text = |text: &str| scrubber.text(text);
    let title = newest.message.lines().next().unwrap_or_default();
    let place = newest.frames.first().map_or(newest.place.as_str(), |frame| frame.function.as_str());
    let instance = newest.instance.clone().unwrap_or_default();
    Some(Happened {
        fingerprint: cause,
        kind: newest.kind.as_str().into(),
        title: if newest.class == newest.kind.as_str() {
            text(title)
        } else {
            text(&format!("{}: {title}", newest.class))
        },
        place: text(place),
        driver: node.and_then(|node| node.driver_of(&instance)).unwrap_or_default(),
        source: instance,
        count: batch.count,
        occurrences,
        forward: None,
    })
}

fn occurrence(raw: &Raw, node: Option<&Node>, scrubber: &Scrubber) -> Occurrence {
    let event = event_of(raw, node);
    let id = event.id.clone();
    let mut json = serde_json::to_value(&event).unwrap_or_default();
    scrubber.json(&mut json);
    // What a secret looks like must not make two events one.
    json["id"] = id.into();
    json["time_ms"] = raw.time_ms.into();
    Occurrence { time: Timestamp(raw.time_ms.saturating_mul(1000)), event: json.to_string() }
}

/// The event, with all that the house knows of the instance now.
fn event_of(raw: &Raw, node: Option<&Node>) -> ErrorEvent {
    let about = raw.instance.as_deref().and_then(|id| node?.about_instance(id));
    let (driver, driver_version, config) = about.unwrap_or_default();
    let config =
        if config.to_string().len() > event::MAX_CONFIG { Value::from("too large to be kept") } else { config };
    let raw = raw.clone();
    ErrorEvent {
        id: fresh_id(),
        time_ms: raw.time_ms,
        kind: raw.kind,
        class: raw.class,
        message: raw.message,
        hint: raw.hint,
        instance: raw.instance,
        driver,
        driver_version,
        version: raw.version.unwrap_or_else(|| env!("CARGO_PKG_VERSION").into()),
        thread: raw.thread,
        place: raw.place,
        frames: raw.frames,
        stack: raw.stack,
        inputs: raw.inputs,
        log: raw.log,
        config,
    }
}

fn fresh_id() -> String {
    use std::fmt::Write as _;
    let mut bytes = [0; 16];
    // Without random numbers no house opens at all.
    getrandom::fill(&mut bytes).expect("the operating system has random numbers");
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing into a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

type About = (Option<String>, Option<String>, Value);

impl Node {
    fn driver_of(&self, id: &str) -> Option<String> {
        let id: InstanceId = id.parse().ok()?;
        lock(&self.running).get(&id).map(|connection| connection.driver.clone())
    }

    /// Driver, its version and the configuration without secrets.
    fn about_instance(&self, id: &str) -> Option<About> {
        let id: InstanceId = id.parse().ok()?;
        let connection = lock(&self.running).get(&id).cloned()?;
        let plugin = self.plugins.get(&connection.driver).ok();
        let said = self.supervisor.snapshot(&id).map(|snapshot| snapshot.version).filter(|said| !said.is_empty());
        let version = said.or_else(|| plugin.map(|plugin| plugin.manifest.version.clone()));
        let mut config = connection.config;
        ConfigSecrets::new(plugin.map(|plugin| &plugin.manifest.config_schema)).hide(&mut config);
        Some((Some(connection.driver), version, config))
    }

    fn secrets_stamp(&self) -> Stamp {
        let Files { secrets, connections, settings, .. } = &self.files;
        [
            secrets.snapshot().map(|file| file.etag.clone()),
            connections.snapshot().map(|file| file.etag.clone()),
            settings.snapshot().map(|file| file.etag.clone()),
        ]
    }

    /// Every text that is secret now.
    fn secrets_in_force(&self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        if let Some(file) = self.files.secrets.snapshot() {
            found.extend(file.value.secrets.values().map(|secret| secret.reveal().to_owned()));
        }
        if let Some(file) = self.files.connections.snapshot() {
            for connection in &file.value.connections {
                let plugin = self.plugins.get(&connection.driver).ok();
                ConfigSecrets::new(plugin.map(|plugin| &plugin.manifest.config_schema))
                    .collect(&connection.config, &mut found);
            }
        }
        found.extend(self.settings().error_tracking.dsn_text(None));
        found
    }

    /// What failed has been written down.
    pub(crate) fn error_store(&self) -> &fieldrail_store::Errors {
        self.errors.flush();
        self.errors.store()
    }
}

fn internal(error: &LogError) -> Error {
    Error::Internal(error.to_string())
}

#[cfg(test)]
mod tests;
