//! Pulses that have not ended, in `state/pulses.json`, so that no output stays on because a driver or the daemon was killed.
//!
//! A pulse stands in the journal, on the disk, before its first value leaves, until its end has reached the device. While
//! its driver lives, the driver times it and says when that was. From a driver that has ended, and of a former daemon, the
//! end is owed: the daemon writes it itself as soon as the device answers, and again until it is confirmed. A pulse that the
//! journal cannot take does not begin.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fieldrail_model::{InstanceId, Timestamp, Value};
use fieldrail_store::FileError;
use fieldrail_store::state::{self, Loaded};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock;

/// Pulses that may be in the journal; one more is refused.
const MOST: usize = 1000;

/// How long after its time the driver may say that a pulse has ended.
const GRACE: Duration = Duration::from_secs(2);

/// How long an end that the daemon wrote may stay without an answer.
const ANSWER: Duration = Duration::from_secs(10);

/// The pause after an end was refused, and the longest one.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Whose datapoint is pulsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Fieldrail's own, or that of a virtual instance.
    House,
    /// That of a device.
    Instance(InstanceId),
}

/// Where a pulse is.
#[derive(Debug, Clone, PartialEq, Default)]
enum Phase {
    /// Its first value has not left yet.
    #[default]
    Begins,
    /// Fieldrail's own datapoint: the daemon ends it at that time.
    Own { due: Timestamp },
    /// With the driver, which ends it at that time.
    Driven { command: u64, due: Timestamp },
    /// The daemon has to write the end itself, not before that time.
    Owed { after: Timestamp },
    /// The daemon wrote the end and waits for the answer.
    Written { command: u64, since: Timestamp },
}

/// One pulse that has not ended, as the journal has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pulse {
    /// The address that is pulsed, spelled as its instance does.
    pub(crate) address: String,
    /// What ends it.
    pub(crate) end: Value,
    /// When it is to end, in milliseconds since 1970 UTC.
    pub(crate) due_ms: i64,
    #[serde(skip)]
    owner: Option<Owner>,
    #[serde(skip)]
    phase: Phase,
    /// How often the end was tried in vain.
    #[serde(skip)]
    tries: u32,
    /// Why the end was refused.
    #[serde(skip)]
    reason: Option<String>,
    /// It took the place of a pulse whose end was owed, and is to be ended even if it never began.
    #[serde(skip)]
    inherits: bool,
}

/// A pulse as people see it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PulseView {
    /// The address that is pulsed.
    pub address: String,
    /// What ends it.
    #[schemars(with = "serde_json::Value")]
    pub end: Value,
    /// When it is to end, in milliseconds since 1970 UTC.
    pub due_ms: i64,
    /// `running`, or `owed`: its time is over and the end has not reached the device yet.
    pub state: &'static str,
    /// How often the end was tried in vain.
    pub tries: u32,
    /// Why the end was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The opposite of a bool, zero of a number: what a pulse ends with. Nothing else can be pulsed.
pub(crate) fn end_of(value: &Value) -> Option<Value> {
    Some(match value {
        Value::Bool(on) => Value::Bool(!on),
        Value::Int(_) | Value::UInt(_) => Value::Int(0),
        Value::Float(_) => Value::Float(0.0),
        _ => return None,
    })
}

/// All pulses that have not ended, and the journal.
pub(crate) struct Pulses {
    list: Mutex<Vec<Pulse>>,
    /// One writer of the file at a time, each with what stands in the list by then.
    saving: Arc<Saving>,
    wake: SyncSender<()>,
}

struct Saving {
    path: PathBuf,
    one: Mutex<()>,
}

impl Pulses {
    /// Opens the journal. What it holds is owed. Beside it, what is wrong with it.
    pub(crate) fn open(folder: &Path) -> (Arc<Self>, Option<FileError>) {
        let path = folder.join("pulses.json");
        let (list, fault) = match state::load::<Vec<Pulse>>(&path) {
            Ok(Loaded::Found(list)) => (list, None),
            Ok(Loaded::Missing) => (Vec::new(), None),
            Ok(Loaded::SetAside { error, .. }) | Err(error) => (Vec::new(), Some(error)),
        };
        let owed = |pulse: Pulse| Pulse { phase: Phase::Owed { after: Timestamp(0) }, ..pulse };
        let list = list.into_iter().take(MOST).map(owed).collect();
        let (wake, woken) = sync_channel(1);
        let saving = Arc::new(Saving { path, one: Mutex::default() });
        let pulses = Arc::new(Self { list: Mutex::new(list), saving, wake });
        let weak = Arc::downgrade(&pulses);
        // What has ended is taken from the disk by a thread of its own: nobody waits for that.
        std::thread::spawn(move || {
            while woken.recv().is_ok() {
                let Some(pulses) = weak.upgrade() else { return };
                if let Err(error) = pulses.save() {
                    tracing::warn!(%error, "The journal of pulses cannot be written.");
                }
            }
        });
        (pulses, fault)
    }

    fn list(&self) -> MutexGuard<'_, Vec<Pulse>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the journal on the disk.
    pub(crate) fn save(&self) -> Result<(), FileError> {
        let _one = self.saving.one.lock().unwrap_or_else(PoisonError::into_inner);
        let list = self.list().clone();
        state::save(&self.saving.path, &list)
    }

    fn save_soon(&self) {
        let _ = self.wake.try_send(());
    }

    /// Which instance each pulse of the journal belongs to, or that it is Fieldrail's own. What belongs to nobody now, since
    /// connections.json cannot be read for example, waits.
    pub(crate) fn assign(&self, owner: impl Fn(&str) -> Option<Owner>) {
        for pulse in self.list().iter_mut().filter(|pulse| pulse.owner.is_none()) {
            pulse.owner = owner(&pulse.address);
        }
    }

    /// The instance is gone from the configuration: nobody can end its pulses any more. Returns their addresses.
    pub(crate) fn forget(&self, instance: &InstanceId) -> Vec<String> {
        let gone: Vec<Pulse> = self.list().extract_if(.., |pulse| pulse.is_of(instance)).collect();
        if !gone.is_empty() {
            self.save_soon();
        }
        gone.into_iter().map(|pulse| pulse.address).collect()
    }

    /// Takes a pulse in, in the place of one of the same address. It has to be saved before it begins. False if there are
    /// too many.
    pub(crate) fn begin(&self, address: &str, owner: Owner, end: Value, lasts: Duration) -> bool {
        let mut list = self.list();
        let before = list.iter().position(|pulse| pulse.address == address).map(|at| list.remove(at));
        if list.len() >= MOST {
            list.extend(before);
            return false;
        }
        let due_ms = clock::wall().after(lasts).millis();
        list.push(Pulse {
            address: address.into(),
            end,
            due_ms,
            owner: Some(owner),
            phase: Phase::Begins,
            tries: 0,
            reason: None,
            inherits: before.is_some(),
        });
        true
    }

    fn change(&self, address: &str, change: impl FnOnce(&mut Pulse)) {
        if let Some(pulse) = self.list().iter_mut().find(|pulse| pulse.address == address) {
            change(pulse);
        }
    }

    /// The pulse leaves with this command.
    pub(crate) fn left(&self, address: &str, command: u64, due: Timestamp) {
        self.change(address, |pulse| pulse.phase = Phase::Driven { command, due });
    }

    /// A pulse of Fieldrail's own has begun.
    pub(crate) fn began(&self, address: &str, due: Timestamp) {
        self.change(address, |pulse| pulse.phase = Phase::Own { due });
    }

    /// The pulse did not begin.
    pub(crate) fn never_began(&self, address: &str) {
        self.end(|pulse| pulse.address == address && !pulse.inherits);
        self.change(address, |pulse| pulse.phase = Phase::Owed { after: Timestamp(0) });
    }

    /// The pulse has ended.
    pub(crate) fn ended(&self, address: &str) {
        self.end(|pulse| pulse.address == address);
    }

    fn end(&self, is_over: impl FnMut(&mut Pulse) -> bool) {
        let over = self.list().extract_if(.., is_over).count();
        if over > 0 {
            self.save_soon();
        }
    }

    /// A driver says that the ends of these have reached its device.
    pub(crate) fn pulsed(&self, instance: &InstanceId, ids: &[u64]) {
        self.end(|pulse| {
            let ended = matches!(pulse.phase, Phase::Driven { command, .. } if ids.contains(&command));
            ended && pulse.is_of(instance)
        });
    }

    /// A driver confirms writes: a range of commands, both ends included.
    pub(crate) fn confirmed(&self, instance: &InstanceId, first: u64, last: u64) {
        self.end(|pulse| {
            let ended = matches!(pulse.phase, Phase::Written { command, .. } if (first..=last).contains(&command));
            ended && pulse.is_of(instance)
        });
    }

    /// A driver did not take a write. If it is `in_doubt`, it may have reached the device all the same.
    pub(crate) fn refused(&self, instance: &InstanceId, id: u64, reason: &str, in_doubt: bool, now: Timestamp) {
        let mut list = self.list();
        let mine = |pulse: &&mut Pulse| {
            let (Phase::Driven { command, .. } | Phase::Written { command, .. }) = pulse.phase else { return false };
            command == id && pulse.is_of(instance)
        };
        let Some(pulse) = list.iter_mut().find(mine) else { return };
        match pulse.phase {
            Phase::Written { .. } => {
                pulse.tries += 1;
                pulse.reason = Some(reason.to_owned());
                let pause = PAUSE.saturating_mul(1 << pulse.tries.min(6)).min(LONGEST_PAUSE);
                pulse.phase = Phase::Owed { after: now.after(pause) };
            }
            _ if in_doubt || pulse.inherits => pulse.phase = Phase::Owed { after: now.after(GRACE) },
            _ => {
                let address = pulse.address.clone();
                drop(list);
                self.ended(&address);
            }
        }
    }

    /// The process has ended: what it had to end is owed.
    pub(crate) fn gone(&self, instance: &InstanceId) {
        for pulse in self.list().iter_mut().filter(|pulse| pulse.is_of(instance)) {
            if !matches!(pulse.phase, Phase::Begins | Phase::Own { .. }) {
                pulse.phase = Phase::Owed { after: Timestamp(0) };
            }
        }
    }

    /// Ends that the daemon has to write to this instance now, or to its own datapoints: address and value.
    pub(crate) fn due(&self, owner: &Owner, now: Timestamp) -> Vec<(String, Value)> {
        let list = self.list();
        let due = list.iter().filter(|pulse| pulse.owner.as_ref() == Some(owner) && pulse.is_due(now));
        due.map(|pulse| (pulse.address.clone(), pulse.end.clone())).collect()
    }

    /// Ends of all pulses that have begun and not ended, whatever their time.
    pub(crate) fn open_ends(&self) -> Vec<(String, Value)> {
        let list = self.list();
        let open = list.iter().filter(|pulse| pulse.phase != Phase::Begins);
        open.map(|pulse| (pulse.address.clone(), pulse.end.clone())).collect()
    }

    /// The end of a pulse has left with this command.
    pub(crate) fn end_left(&self, address: &str, command: u64, now: Timestamp) {
        self.change(address, |pulse| pulse.phase = Phase::Written { command, since: now });
    }

    /// Everything that has not ended, in the order of the beginnings.
    pub(crate) fn views(&self) -> Vec<PulseView> {
        self.views_at(clock::now())
    }

    fn views_at(&self, now: Timestamp) -> Vec<PulseView> {
        self.list().iter().map(|pulse| pulse.view(now)).collect()
    }
}

impl Pulse {
    fn is_of(&self, instance: &InstanceId) -> bool {
        matches!(&self.owner, Some(Owner::Instance(owner)) if owner == instance)
    }

    fn is_due(&self, now: Timestamp) -> bool {
        match self.phase {
            Phase::Begins => false,
            Phase::Own { due } => due <= now,
            Phase::Driven { due, .. } => due.after(GRACE) <= now,
            Phase::Owed { after } => after <= now,
            Phase::Written { since, .. } => since.after(ANSWER) <= now,
        }
    }

    fn view(&self, now: Timestamp) -> PulseView {
        let running = match self.phase {
            Phase::Begins | Phase::Own { .. } => true,
            // A driver whose device is away goes on trying, and says nothing until it is back.
            Phase::Driven { .. } => !self.is_due(now),
            Phase::Owed { .. } | Phase::Written { .. } => false,
        };
        PulseView {
            address: self.address.clone(),
            end: self.end.clone(),
            due_ms: self.due_ms,
            state: if running { "running" } else { "owed" },
            tries: self.tries,
            reason: self.reason.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LASTS: Duration = Duration::from_millis(500);

    fn of_plc() -> Owner {
        Owner::Instance(plc())
    }

    fn plc() -> InstanceId {
        "plc".parse().unwrap()
    }

    /// A journal with one pulse of command 7 that is to end at 1 s.
    fn begun(folder: &Path) -> Arc<Pulses> {
        let (pulses, fault) = Pulses::open(folder);
        assert!(fault.is_none());
        assert!(pulses.begin("plc.a", of_plc(), Value::Bool(false), LASTS));
        pulses.save().unwrap();
        pulses.left("plc.a", 7, Timestamp(1_000_000));
        pulses
    }

    #[track_caller]
    fn check(pulses: &Pulses, now_s: i64, want: &[&str]) {
        let due = pulses.due(&of_plc(), Timestamp(now_s * 1_000_000));
        assert_eq!(due.iter().map(|(address, _)| address.as_str()).collect::<Vec<_>>(), want);
    }

    #[test]
    fn a_pulse_that_its_driver_ended_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let pulses = begun(folder.path());
        pulses.confirmed(&plc(), 7, 7);
        check(&pulses, 2, &[]);
        assert_eq!(pulses.views().len(), 1, "a confirmed beginning is no end");
        pulses.pulsed(&"other".parse().unwrap(), &[7]);
        assert_eq!(pulses.views().len(), 1, "another instance ends nothing");
        pulses.pulsed(&plc(), &[7]);
        assert_eq!(pulses.views(), []);
    }

    #[test]
    fn the_end_is_owed_of_a_driver_that_says_nothing_or_ended() {
        let folder = tempfile::tempdir().unwrap();
        let pulses = begun(folder.path());
        check(&pulses, 2, &[]);
        check(&pulses, 3, &["plc.a"]);
        let states = [2, 3].map(|now_s| pulses.views_at(Timestamp(now_s * 1_000_000))[0].state);
        assert_eq!(states, ["running", "owed"], "also while the driver lives");
        pulses.gone(&plc());
        check(&pulses, 0, &["plc.a"]);
        pulses.end_left("plc.a", 9, Timestamp(0));
        check(&pulses, 1, &[]);
        check(&pulses, 10, &["plc.a"]);
        pulses.refused(&plc(), 9, "no", false, Timestamp(0));
        check(&pulses, 0, &[]);
        check(&pulses, 2, &["plc.a"]);
        assert_eq!(pulses.views()[0].reason.as_deref(), Some("no"));
        pulses.end_left("plc.a", 10, Timestamp(0));
        pulses.confirmed(&plc(), 1, 10);
        assert_eq!(pulses.views(), []);
    }

    #[test]
    fn a_refused_beginning_owes_no_end_unless_it_may_have_arrived() {
        for (in_doubt, left) in [(false, 0), (true, 1)] {
            let folder = tempfile::tempdir().unwrap();
            let pulses = begun(folder.path());
            pulses.refused(&plc(), 7, "no", in_doubt, Timestamp(0));
            assert_eq!(pulses.views().len(), left);
        }
    }

    #[test]
    fn an_end_that_was_owed_stays_owed_when_the_next_pulse_never_begins() {
        let folder = tempfile::tempdir().unwrap();
        let pulses = begun(folder.path());
        pulses.gone(&plc());
        assert!(pulses.begin("plc.a", of_plc(), Value::Bool(false), LASTS));
        pulses.never_began("plc.a");
        check(&pulses, 0, &["plc.a"]);
        assert!(pulses.begin("plc.b", of_plc(), Value::Bool(false), LASTS));
        pulses.never_began("plc.b");
        check(&pulses, 0, &["plc.a"]);
    }

    #[test]
    fn the_end_is_owed_of_a_daemon_that_was_killed() {
        let folder = tempfile::tempdir().unwrap();
        drop(begun(folder.path()));
        let (pulses, _) = Pulses::open(folder.path());
        pulses.assign(|_| None);
        check(&pulses, 0, &[]);
        pulses.assign(|_| Some(of_plc()));
        check(&pulses, 0, &["plc.a"]);
        assert_eq!(pulses.forget(&plc()), ["plc.a"]);
        assert_eq!(pulses.views(), []);
    }

    #[test]
    fn a_damaged_journal_is_set_aside_and_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pulses.json"), "[{").unwrap();
        let (pulses, fault) = Pulses::open(folder.path());
        assert!(fault.is_some());
        assert_eq!(pulses.views(), []);
    }

    #[test]
    fn the_journal_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let (pulses, _) = Pulses::open(folder.path());
        for n in 0..MOST {
            assert!(pulses.begin(&format!("plc.{n}"), of_plc(), Value::Bool(false), LASTS));
        }
        assert!(!pulses.begin("plc.x", of_plc(), Value::Bool(false), LASTS));
        assert!(pulses.begin("plc.7", of_plc(), Value::Bool(false), LASTS), "one of the same address takes its place");
    }
}
