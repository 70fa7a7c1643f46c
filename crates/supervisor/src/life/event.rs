//! What goes into a life and what comes out: events, actions, and what people see.

use std::time::Duration;

use fieldrail_wire::plugin;

use crate::State;
use crate::cause::Cause;
use crate::health::Ill;
use crate::listener::FaultKind;

/// Since a beginning that all instances share; it never jumps.
pub(crate) type Moment = Duration;

/// Why something went wrong, for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason {
    /// What went wrong, with its values.
    pub(crate) text: String,
    /// The same, sentence by sentence.
    pub(crate) causes: Vec<Cause>,
    /// What to try.
    pub(crate) hint: Option<String>,
    /// What kind of thing it is.
    pub(crate) kind: FaultKind,
}

impl Reason {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self::of(Cause::said(text))
    }

    /// A reason that other languages know too.
    pub(crate) fn of(cause: Cause) -> Self {
        Self { text: cause.text.clone(), causes: vec![cause], hint: None, kind: FaultKind::Crash }
    }

    /// One more sentence.
    pub(crate) fn and(mut self, cause: Cause) -> Self {
        self.text = format!("{}; {}", self.text, cause.text);
        self.causes.push(cause);
        self
    }

    pub(crate) fn kind(mut self, kind: FaultKind) -> Self {
        self.kind = kind;
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// What is wrong with a process that lives, as its judge has found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ailment {
    pub(crate) ill: Ill,
    /// What is wrong since when, and what is done about it.
    pub(crate) text: String,
    /// The same for other languages.
    pub(crate) cause: Cause,
    pub(crate) hint: &'static str,
    /// Why it is ended, if it is not to wait for it any longer.
    pub(crate) ends_for: Option<String>,
}

/// What happens to an instance.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// A person or the node wants it to run.
    StartAsked,
    /// It is to end within so long.
    StopAsked { within: Duration },
    /// It is to end softly and to start again.
    RestartAsked,
    /// It is to be killed, and then treated like after a crash.
    KillAsked,
    /// The process lives.
    Spawned,
    /// There is no process, and why.
    SpawnFailed(Reason),
    /// It said hello and was welcomed.
    Greeted,
    /// The plugin says how its link stands.
    Said(plugin::State),
    /// A heartbeat: turns of the plugin's loop.
    Beat(u64),
    /// It has not read what the daemon wrote for the policy's `silence`.
    Stalled,
    /// It reads again.
    Flowing,
    /// It broke the protocol.
    Broken(Reason),
    /// Its hello was refused; it has been told.
    Refused(Reason),
    /// It took more than its limit, and is ended like after a crash.
    OverLimit(Reason),
    /// It is ended until a person reactivates it, in this state.
    Suspend(State, Reason),
    /// So much of the time it was held back by its limits.
    HeldBack(Duration),
    /// The machine or the daemon itself stood still until now: everybody gets time anew.
    Woke,
    /// What its judge has found; none means that all is well.
    Found(Option<Ailment>),
    /// It closed its stdout, with so many bytes of a frame before.
    Closed { half: usize },
    /// The process and its descendants have ended.
    Exited(Reason),
    /// Time has passed.
    Tick,
}

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Start a process; answer with `Spawned` or `SpawnFailed`.
    Spawn,
    /// Say `stop`, close its stdin.
    SoftStop { within: Duration },
    /// Kill it with its descendants; `Exited` follows.
    Kill,
}

/// What people see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) state: State,
    /// What its judge has found, where that is why.
    pub(crate) ill: Option<Ill>,
    pub(crate) text: String,
    /// The text, sentence by sentence.
    pub(crate) causes: Vec<Cause>,
    pub(crate) hint: Option<String>,
}

impl Shown {
    pub(super) fn new(state: State, cause: Cause) -> Self {
        Self { state, ill: None, text: cause.text.clone(), causes: vec![cause], hint: None }
    }

    pub(super) fn because(state: State, reason: &Reason) -> Self {
        let Reason { text, causes, hint, .. } = reason.clone();
        Self { state, ill: None, text, causes, hint }
    }
}
