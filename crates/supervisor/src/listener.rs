//! What the supervisor tells the node.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fieldrail_model::InstanceId;
use fieldrail_wire::FromPlugin;
use fieldrail_wire::plugin::{Hello, Level, Samples};

use crate::Snapshot;

/// The node's ear. Every call must return soon: while `samples` runs, that instance's pipe waits (and only that one).
///
/// `generation` counts the processes of an instance. `ready`, `samples` and `message` of one generation come in order from
/// one task, `drained` from another one beside it; `gone` comes after all of them. No lock of the supervisor is held during a call, so each may call the supervisor.
pub trait Listener: Send + Sync + 'static {
    /// The plugin has said hello and was welcomed: subscribe now.
    fn ready(&self, id: &InstanceId, generation: u64, hello: &Hello);

    /// A batch within the credit, in order. When this returns without a receipt, the batch is `accepted`; with one, as
    /// soon as the receipt is given and all batches before it are accepted too.
    fn samples(&self, id: &InstanceId, generation: u64, batch: Samples) -> Option<Receipt>;

    /// Any message that the supervisor does not handle itself: `fresh`, `written`, `pulsed`, `subscribed`, `values`, `nodes`,
    /// `returned`, `configured`, `event`, `metrics`.
    fn message(&self, id: &InstanceId, generation: u64, message: FromPlugin);

    /// The tag behind a number that the plugin has declared, for a person.
    fn tag_name(&self, _id: &InstanceId, _number: u32) -> Option<String> {
        None
    }

    /// The pipe has taken everything that [`crate::Supervisor::send`] had queued: there is room for the next batch.
    fn drained(&self, id: &InstanceId, generation: u64);

    /// The process has ended, and nothing of this generation follows. Said for every generation that was `ready`.
    fn gone(&self, id: &InstanceId, generation: u64);

    /// State, text, hint or process changed. Comes at most every 50 ms for one instance; the last change always comes.
    fn changed(&self, snapshot: &Snapshot);

    /// The instance crashed, hung, broke a rule or cannot be started. Comes after everything that the process said.
    fn failed(&self, _id: &InstanceId, _fault: &Fault) {}

    /// A line of the instance's log, or of the supervisor about it. External text: neither escaped nor trusted.
    fn logged(&self, record: LogRecord);
}

/// What went wrong with an instance, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind of thing.
    pub kind: FaultKind,
    /// What went wrong, with its values. May hold text of the plugin.
    pub text: String,
    /// What to try.
    pub hint: Option<String>,
    /// It does not run again until a person acts.
    pub for_good: bool,
}

/// What kind of thing went wrong with an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// Its process ended by itself, with a code or by a signal.
    Crash,
    /// It showed no sign of life.
    Hang,
    /// It broke the plugin protocol, or is not who it should be.
    Protocol,
    /// It took or sent more than its limit.
    Limit,
    /// Its process cannot be started.
    Start,
    /// It says itself that its link is in trouble; the process goes on.
    Trouble,
    /// A person asked for its end.
    Asked,
}

/// Says later that a batch is where it must be: on disk. Whoever holds the other end is told once.
#[derive(Clone, Default)]
pub struct Receipt(Arc<Mutex<Given>>);

#[derive(Default)]
enum Given {
    #[default]
    NotYet,
    Awaited(Box<dyn FnOnce() + Send>),
    Already,
}

impl Receipt {
    /// A receipt that is not given yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the receipt.
    pub fn give(&self) {
        let before = std::mem::replace(&mut *self.lock(), Given::Already);
        if let Given::Awaited(told) = before {
            told();
        }
    }

    /// Has this done as soon as the receipt is given; at once if it is given already.
    pub fn then(&self, told: impl FnOnce() + Send + 'static) {
        let mut given = self.lock();
        if matches!(*given, Given::Already) {
            drop(given);
            return told();
        }
        *given = Given::Awaited(Box::new(told));
    }

    fn lock(&self) -> MutexGuard<'_, Given> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Receipt")
    }
}

/// Calls the listener where its panic must not end the caller: without the instance's task nobody could stop it.
pub(crate) fn shielded(call: impl FnOnce()) {
    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).is_err() {
        tracing::error!("The supervisor's listener failed; this is a bug of the daemon.");
    }
}

/// One line of an instance's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// Whose line.
    pub instance: InstanceId,
    /// How much it matters.
    pub level: Level,
    /// The line without its level, at most 8 KiB, valid UTF-8; control characters are still in it.
    pub message: String,
}
