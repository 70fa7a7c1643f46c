//! Each instance a process: start, health, restart, logs, and no child left behind.
//!
//! A sick instance harms no neighbour: each has its own process, its own tasks and its own bounded queues, and what it
//! does wrong ends with a reason on its own [`Snapshot`]. This crate knows the plugin protocol and nothing of datapoints,
//! routes or drivers.
//!
//! Read in this order: `supervisor` what the node calls, `listener` what it hears, `spec` and `snapshot` the
//! nouns; then `life` the life cycle as a pure state machine, `instance` which drives it, `run` one process from
//! hello to its end, `conversation` and `lanes` the two directions of the pipe, `window` the credit, `log` the
//! lines; `limits` and `metrics` what an instance may take and takes, `guard` what happens when it takes too much,
//! `health` whether it does its work, `watch` the thread that looks; `confine` the walls around a program; `process` is the
//! only module that knows the operating system.

mod cause;
mod confine;
mod conversation;
mod guard;
mod health;
mod instance;
mod lanes;
mod life;
mod limits;
mod listener;
mod log;
mod metrics;
mod process;
mod run;
mod snapshot;
mod spec;
mod supervisor;
mod watch;
mod window;

pub use cause::Cause;
pub use confine::confine;
pub use confine::permissions::Permissions;
pub use confine::walls::{Wall, WallState};
pub use guard::memory::MemoryStage;
pub use guard::spam::SpamStage;
pub use health::{Expected, ExpectedOfTag};
pub use lanes::SendError;
pub use life::Policy;
pub use limits::{Limits, Priority};
pub use listener::{Fault, FaultKind, Listener, LogRecord, Receipt};
pub use metrics::{Cycles, Metrics, Network};
pub use snapshot::{Confinement, Evidence, Keeping, Snapshot, State};
pub use spec::{Options, Spec};
pub use supervisor::{StartError, Supervisor, UnknownInstance};
