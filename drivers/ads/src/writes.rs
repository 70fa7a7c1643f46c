//! Writes on their way to the device: they wait, are sent many at a time, and end. Pulses end by themselves.
//!
//! Invariants: nothing is sent after it expired. What was on its way when the link broke ends as rejected, since it may have
//! arrived, and is never sent again; only the end of a pulse is, until it has arrived. Pulses that have begun stand in a
//! journal on the disk, so that a driver that was killed ends them when it is back.

use std::collections::{HashSet, VecDeque};
use std::path::PathBuf;
use std::time::Duration;

use fieldrail_driver::{Command, Failure, Outbox};
use fieldrail_model::Value;
use tokio::time::Instant;

use crate::error::Error;
use crate::layout::fold;

/// Writes that may wait for the link.
const MOST_WAITING: usize = 10_000;

/// Writes that go out in one request.
const MOST_TOGETHER: usize = 100;

/// Pulses that may run at a time.
const MOST_PULSES: usize = 1000;

/// How long the end of a pulse waits after the device refused it.
const AGAIN: Duration = Duration::from_millis(500);

/// How often the end of a pulse is tried that the device refuses for good.
const MOST_TRIES: u32 = 20;

/// One write.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    /// Who wants to know how it ended; none for the end of a pulse.
    pub(crate) id: Option<u64>,
    pub(crate) tag: String,
    pub(crate) value: Value,
    /// None never expires.
    pub(crate) expires: Option<Instant>,
    pub(crate) pulse: Option<(Duration, Value)>,
}

/// A pulse that has begun.
struct Pulse {
    /// The command that began it; none for one of a former run.
    id: Option<u64>,
    key: String,
    tag: String,
    value: Value,
    due: Instant,
    /// Whether its end is on its way.
    ending: bool,
    /// How often its end was tried.
    tries: u32,
}

/// All writes that have not ended.
pub(crate) struct Writes {
    outbox: Outbox,
    waiting: VecDeque<Write>,
    pulses: Vec<Pulse>,
    journal: Option<PathBuf>,
    /// Those that are with the device.
    pub(crate) under_way: usize,
    /// Whether nothing may go out: the program has just changed.
    pub(crate) held: bool,
}

/// What a pulse ends with: the opposite of a bool, zero of a number.
fn opposite(value: &Value) -> Option<Value> {
    match value {
        Value::Bool(on) => Some(Value::Bool(!on)),
        Value::Int(_) | Value::UInt(_) => Some(Value::Int(0)),
        Value::Float(_) => Some(Value::Float(0.0)),
        _ => None,
    }
}

impl Writes {
    /// Ends the pulses that a journal remembers as soon as there is a link.
    pub(crate) fn new(outbox: Outbox, journal: Option<PathBuf>) -> Self {
        let mut writes =
            Self { outbox, waiting: VecDeque::new(), pulses: Vec::new(), journal, under_way: 0, held: false };
        let text = writes.journal.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
        let remembered: Vec<(String, Value)> =
            text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        for (tag, value) in remembered.into_iter().take(MOST_PULSES) {
            tracing::warn!(tag, "Ends a pulse that was running when the driver was last stopped.");
            writes.pulses.push(Pulse {
                id: None,
                key: fold(&tag),
                tag,
                value,
                due: Instant::now(),
                ending: false,
                tries: 0,
            });
        }
        writes
    }

    /// Takes a command in, behind the others.
    pub(crate) fn push(&mut self, command: Command) {
        let refusal = if self.waiting.len() >= MOST_WAITING {
            Some(Failure::new(format!("{MOST_WAITING} writes wait for the PLC already")).again())
        } else if command.tag.is_empty() {
            let hint = "write to a variable: the instance, a dot, then its name, as in `plc_001.MAIN.bLight`";
            Some(Failure::new("a PLC has no default target").hint(hint))
        } else if command.pulse.is_some() && self.pulses.len() >= MOST_PULSES {
            Some(Failure::new(format!("{MOST_PULSES} pulses run already")).again())
        } else {
            None
        };
        if let Some(failure) = refusal {
            return self.outbox.rejected(command.id, failure);
        }
        let pulse = match command.pulse {
            None => None,
            Some(after) => {
                let Some(value) = opposite(&command.value) else {
                    let failure = Failure::new(format!("{} has no opposite to end a pulse with", command.value.kind()));
                    return self.outbox.rejected(command.id, failure.hint("pulse a bool or a number"));
                };
                Some((after, value))
            }
        };
        self.waiting.push_back(Write {
            id: Some(command.id),
            tag: command.tag.to_string(),
            value: command.value,
            expires: Some(command.expires),
            pulse,
        });
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// The next ones that may go out together: of each variable one, so that their order stays.
    pub(crate) fn take(&mut self, now: Instant) -> Vec<Write> {
        self.tick(now);
        if self.held {
            return Vec::new();
        }
        let mut names = HashSet::new();
        let mut taken = Vec::new();
        while taken.len() < MOST_TOGETHER {
            let Some(next) = self.waiting.front() else { break };
            if !names.insert(fold(&next.tag)) {
                break;
            }
            taken.extend(self.waiting.pop_front());
        }
        self.under_way = taken.len();
        taken
    }

    /// Ends what expired, and begins the ends of pulses that are due.
    pub(crate) fn tick(&mut self, now: Instant) {
        let outbox = &self.outbox;
        self.waiting.retain(|write| {
            let expired = write.expires.is_some_and(|expires| expires <= now);
            if let (true, Some(id)) = (expired, write.id) {
                outbox.expired(id);
            }
            !expired
        });
        for pulse in self.pulses.iter_mut().filter(|pulse| pulse.due <= now && !pulse.ending) {
            pulse.ending = true;
            let (tag, value) = (pulse.tag.clone(), pulse.value.clone());
            self.waiting.push_front(Write { id: None, tag, value, expires: None, pulse: None });
        }
    }

    /// When [`Writes::tick`] has something to do next.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let pulses = self.pulses.iter().filter(|pulse| !pulse.ending).map(|pulse| pulse.due);
        pulses.chain(self.waiting.iter().filter_map(|write| write.expires)).min()
    }

    /// A pulse is about to begin: from now on it is in the journal. A pulse of the same variable that runs already gives way.
    pub(crate) fn begin_pulse(&mut self, write: &Write) {
        let Some((after, value)) = &write.pulse else { return };
        let key = fold(&write.tag);
        self.pulses.retain(|pulse| pulse.key != key);
        self.waiting.retain(|waiting| waiting.id.is_some() || fold(&waiting.tag) != key);
        let due = Instant::now() + *after;
        self.pulses.push(Pulse {
            id: write.id,
            key,
            tag: write.tag.clone(),
            value: value.clone(),
            due,
            ending: false,
            tries: 0,
        });
        self.write_journal();
    }

    /// A write was refused because the program has changed: nothing of it arrived, and it goes out again.
    pub(crate) fn later(&mut self, write: Write) {
        self.waiting.push_front(write);
    }

    /// A write has ended.
    pub(crate) fn end(&mut self, write: &Write, end: &Result<(), Error>) {
        match (write.id, end) {
            (Some(id), Ok(())) => self.outbox.confirmed(id),
            (Some(id), Err(error)) => {
                let failure = Failure::from(error.clone());
                self.outbox.rejected(id, if error.may_pass() { failure.again() } else { failure });
            }
            (None, Ok(())) => {
                for pulse in self.ended_pulse(&write.tag) {
                    pulse.id.iter().for_each(|id| self.outbox.pulsed(*id));
                }
            }
            (None, Err(error)) => self.try_again(write, error),
        }
        // A pulse whose beginning was refused has nothing to end; one in doubt has.
        let in_doubt = matches!(end, Err(error) if error.may_pass());
        if write.pulse.is_some() && end.is_err() && !in_doubt {
            self.ended_pulse(&write.tag);
        }
    }

    fn ended_pulse(&mut self, tag: &str) -> Vec<Pulse> {
        let key = fold(tag);
        let ended: Vec<Pulse> = self.pulses.extract_if(.., |pulse| pulse.key == key).collect();
        if !ended.is_empty() {
            self.write_journal();
        }
        ended
    }

    /// The end of a pulse must arrive: it is tried until it does, or the device says for good that it cannot be.
    fn try_again(&mut self, write: &Write, error: &Error) {
        let key = fold(&write.tag);
        let Some(pulse) = self.pulses.iter_mut().find(|pulse| pulse.key == key) else { return };
        pulse.tries += 1;
        if !error.may_pass() && pulse.tries >= MOST_TRIES {
            tracing::error!(tag = write.tag, %error, "The end of a pulse is refused for good.");
            self.ended_pulse(&write.tag);
            return;
        }
        pulse.ending = false;
        pulse.due = Instant::now() + AGAIN;
    }

    /// Begins the ends of all pulses now: the driver is about to stop.
    pub(crate) fn end_pulses(&mut self) {
        for pulse in &mut self.pulses {
            pulse.due = Instant::now();
        }
        self.tick(Instant::now());
    }

    /// Whether nothing more has to be said to the device.
    pub(crate) fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.pulses.is_empty() && self.under_way == 0
    }

    /// Keeps what has to be ended, so that a driver that is killed finds it again.
    fn write_journal(&self) {
        let Some(file) = &self.journal else { return };
        let running: Vec<(&String, &Value)> = self.pulses.iter().map(|pulse| (&pulse.tag, &pulse.value)).collect();
        let new = file.with_extension("new");
        let written = serde_json::to_vec(&running)
            .map_err(std::io::Error::from)
            .and_then(|text| std::fs::write(&new, text))
            .and_then(|()| std::fs::rename(&new, file));
        if let Err(error) = written {
            tracing::warn!(%error, "The journal of pulses cannot be written.");
        }
    }
}
