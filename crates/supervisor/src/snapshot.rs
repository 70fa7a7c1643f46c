//! How an instance is, at one moment.

use std::fmt;
use std::sync::Arc;

use fieldrail_model::{InstanceId, Timestamp};
use fieldrail_wire::Capabilities;

use crate::cause::Cause;
use crate::confine::walls::Wall;
use crate::guard::memory::MemoryStage;
use crate::guard::spam::SpamStage;
use crate::limits::Limits;
use crate::metrics::Metrics;

/// Where an instance is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// No process, and none wanted.
    Stopped,
    /// On the way: spawned, shaking hands, connecting, or waiting for the next start after a crash.
    Starting,
    /// The plugin says that its device answers.
    Running,
    /// The process lives, and something is off; the text says what.
    Degraded,
    /// Asked to end.
    Stopping,
    /// Given up until a person acts.
    Error,
    /// Ended because it sent more than its limit, until a person reactivates it.
    SuspendedBySpam,
    /// Ended because it took more memory than its limit again and again, until a person reactivates it.
    SuspendedByLimit,
}

impl State {
    /// Every state there is.
    pub const ALL: [Self; 8] = [
        Self::Stopped,
        Self::Starting,
        Self::Running,
        Self::Degraded,
        Self::Stopping,
        Self::Error,
        Self::SuspendedBySpam,
        Self::SuspendedByLimit,
    ];

    /// The word in the API: `stopped`, `starting`, `running`, `degraded`, `stopping`, `error`, `suspended_by_spam`,
    /// `suspended_by_limit`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Degraded => "degraded",
            Self::Stopping => "stopping",
            Self::Error => "error",
            Self::SuspendedBySpam => "suspended_by_spam",
            Self::SuspendedByLimit => "suspended_by_limit",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What keeps a plugin's own children from outliving it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Confinement {
    /// The process is the first of a PID namespace of its own: when it ends, the kernel ends all its descendants.
    PidNamespace,
    /// A session and process group of its own, killed as a group; what left the group is found by its environment when
    /// the process ends, or at the daemon's next start.
    ProcessGroup,
}

impl Confinement {
    /// The word in the API: `pid_namespace` or `process_group`.
    pub fn name(self) -> &'static str {
        match self {
            Self::PidNamespace => "pid_namespace",
            Self::ProcessGroup => "process_group",
        }
    }
}

/// One instance at one moment. Counters run since the instance was added and survive restarts of its process.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Who.
    pub id: InstanceId,
    /// The driver's name.
    pub driver: String,
    /// Where it is in its life.
    pub state: State,
    /// Whether its device answers, so that what must arrive may leave. So it may be while the instance is degraded.
    pub linked: bool,
    /// What is wrong with it where it is degraded although its plugin says that all is well: `no_beat`, `deaf`, `spinning`,
    /// `owing`, `silent` or `frozen`.
    pub ill: Option<&'static str>,
    /// Why it is in that state, for a person. May hold text of the plugin.
    pub text: String,
    /// The same, sentence by sentence, for other languages.
    pub causes: Vec<Cause>,
    /// What to try.
    pub hint: Option<String>,
    /// The process, while there is one.
    pub pid: Option<u32>,
    /// Since when it is in this state.
    pub since: Timestamp,
    /// When its present process was started; none while there is none.
    pub started_at: Option<Timestamp>,
    /// Starts beyond the first, whoever caused them.
    pub restarts: u64,
    /// Crashes, missed heartbeats and troubles that the plugin reported.
    pub errors: u64,
    /// The last of these.
    pub last_error: Option<String>,
    /// Samples received.
    pub samples_in: u64,
    /// Writes sent.
    pub samples_out: u64,
    /// Batches received.
    pub batches: u64,
    /// What it can do, since its last hello.
    pub capabilities: Capabilities,
    /// The program's version, since its last hello; empty before.
    pub version: String,
    /// Which process this is, counted from 1; 0 before the first.
    pub generation: u64,
    /// What keeps its children from outliving it; none while there is no process.
    pub confinement: Option<Confinement>,
    /// What it takes; none while there is no process, and in its first second.
    pub metrics: Option<Metrics>,
    /// What keeps it within its limits.
    pub keeping: Keeping,
}

/// What keeps an instance within its limits, and how near it is to them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Keeping {
    /// As a person configured them.
    pub limits: Limits,
    /// Samples a second that are in force.
    pub max_pps: u32,
    /// How near it is to its limit on memory.
    pub memory: MemoryStage,
    /// How often it was ended for its memory, since the instance was added.
    pub memory_kills: u64,
    /// What happens to its samples.
    pub spam: SpamStage,
    /// Samples that did not pass, since the instance was added.
    pub shed: u64,
    /// Who holds its processor time: `cgroup_v2`, `cgroup_v1`, `pacing`; empty where nobody has to.
    pub processor_by: &'static str,
    /// Who holds its memory: `cgroup_v2`, `cgroup_v1`, `polling`; empty where nobody has to.
    pub memory_by: &'static str,
    /// What holds its program in; empty while there is no process.
    pub walls: Vec<Wall>,
    /// Why it was suspended by the spam breaker, until it is reactivated.
    pub evidence: Option<Arc<Evidence>>,
}

/// What the spam breaker saw when it tripped.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// When.
    pub at: Timestamp,
    /// Samples a second over the last ten seconds.
    pub rate: f64,
    /// The limit that was in force.
    pub limit: u32,
    /// Samples in each second of the last minute, the newest last.
    pub series: Vec<u32>,
    /// The tags that sent the most, with their samples since it was over the limit.
    pub top: Vec<(String, u64)>,
    /// All this in words.
    pub text: String,
}
