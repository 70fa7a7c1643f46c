//! Test before save: a driver runs for a moment with a configuration that is not in force, and nothing it says counts.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fieldrail_model::InstanceId;
use fieldrail_supervisor::{LogRecord, Snapshot, State};
use tokio::sync::watch;

/// Log lines of a trial that are kept.
const LINES: usize = 50;

/// How far a trial has come.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Course {
    pub(crate) state: Option<State>,
    pub(crate) text: String,
    pub(crate) hint: Option<String>,
    pub(crate) log: Vec<String>,
    /// The run of its process that takes messages.
    pub(crate) generation: Option<u64>,
}

impl Course {
    /// Whether the driver has said how it stands.
    pub(crate) fn is_decided(&self) -> bool {
        matches!(self.state, Some(State::Running | State::Degraded | State::Error))
    }
}

/// The trials that run.
#[derive(Default)]
pub(crate) struct Trials(Mutex<HashMap<InstanceId, watch::Sender<Course>>>);

impl Trials {
    fn lock(&self) -> MutexGuard<'_, HashMap<InstanceId, watch::Sender<Course>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a trial under this id, which no instance has.
    pub(crate) fn begin(&self, id: &InstanceId) -> watch::Receiver<Course> {
        let (sender, course) = watch::channel(Course::default());
        self.lock().insert(id.clone(), sender);
        course
    }

    /// The trial is over.
    pub(crate) fn end(&self, id: &InstanceId) {
        self.lock().remove(id);
    }

    /// True if this instance is a trial.
    pub(crate) fn has(&self, id: &InstanceId) -> bool {
        self.lock().contains_key(id)
    }

    /// The process of a trial takes messages. False if it is no trial.
    pub(crate) fn ready(&self, id: &InstanceId, generation: u64) -> bool {
        let trials = self.lock();
        let Some(course) = trials.get(id) else { return false };
        course.send_modify(|course| course.generation = Some(generation));
        true
    }

    pub(crate) fn changed(&self, snapshot: &Snapshot) {
        if let Some(course) = self.lock().get(&snapshot.id) {
            course.send_modify(|course| {
                course.state = Some(snapshot.state);
                course.text.clone_from(&snapshot.text);
                course.hint.clone_from(&snapshot.hint);
            });
        }
    }

    /// True if the line belongs to a trial.
    pub(crate) fn logged(&self, record: &LogRecord) -> bool {
        let trials = self.lock();
        let Some(course) = trials.get(&record.instance) else { return false };
        course.send_modify(|course| {
            if course.log.len() < LINES {
                course.log.push(record.message.clone());
            }
        });
        true
    }
}
