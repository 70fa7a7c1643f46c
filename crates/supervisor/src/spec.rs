//! What to run, and how.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use fieldrail_model::{InstanceId, Timestamp};

use crate::limits::Limits;
use crate::{Permissions, Policy};

/// One instance to run. `Debug` shows neither its configuration nor the values of its environment.
#[derive(Clone, PartialEq)]
pub struct Spec {
    /// Who it is.
    pub id: InstanceId,
    /// The driver's name; the plugin's `hello` must bear it.
    pub driver: String,
    /// The program: a path, or a name to be found in `PATH`.
    pub program: PathBuf,
    /// Its arguments; `--sim` comes by `simulated`.
    pub args: Vec<String>,
    /// The folder it starts in: the plugin's own.
    pub working_dir: PathBuf,
    /// Environment beyond the few variables that every plugin gets (`PATH`, `HOME`, `LANG`, `LC_ALL`, `TZ`).
    pub env: Vec<(String, String)>,
    /// Its configuration, secrets filled in.
    pub config: serde_json::Value,
    /// A folder of its own, made (0700) if it is missing.
    pub state_dir: Option<PathBuf>,
    /// Whether it runs against a simulated device (`--sim`).
    pub simulated: bool,
    /// Whether a crash or a missed heartbeat starts it again. If not, a crash is `error` and a missed heartbeat `degraded`.
    pub auto_restart: bool,
    /// What it may have of the machine; none means that it is not confined.
    pub permissions: Option<Permissions>,
    /// What it may take.
    pub limits: Limits,
}

impl fmt::Debug for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.env.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Spec")
            .field("id", &self.id)
            .field("driver", &self.driver)
            .field("program", &self.program)
            .field("args", &self.args)
            .field("env", &names)
            .field("simulated", &self.simulated)
            .field("auto_restart", &self.auto_restart)
            .finish_non_exhaustive()
    }
}

/// How the supervisor behaves as a whole.
#[derive(Clone)]
pub struct Options {
    /// The daemon's state folder. Its hash marks all children, so that leftovers of a former daemon are found. Only one
    /// daemon may use it at a time: the next one ends everything that bears its mark.
    pub house: PathBuf,
    /// The wall clock, for `since` and `started_at`; everything else uses the monotonic clock.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// How a person reads a time of `clock`, for "since" in texts: hours and minutes.
    pub say_time: Arc<dyn Fn(Timestamp) -> String + Send + Sync>,
    /// When to wait, to give up and to kill.
    pub policy: Policy,
    /// Samples that an instance may have outstanding.
    pub credit: u32,
    /// Whether to do without PID namespaces even where they are permitted.
    pub without_namespaces: bool,
    /// Whether to do without control groups even where they may be used: then the daemon itself holds the limits.
    pub without_cgroups: bool,
    /// With which arguments this very program does [`crate::confine`]; none means that nothing is confined.
    pub confiner: Option<Vec<String>>,
}

impl Options {
    /// The usual behaviour for the daemon whose state folder is `house`.
    pub fn new(house: impl Into<PathBuf>, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self {
            house: house.into(),
            clock: Arc::new(clock),
            say_time: Arc::new(in_utc),
            policy: Policy::default(),
            credit: fieldrail_wire::DEFAULT_CREDIT,
            without_namespaces: false,
            without_cgroups: false,
            confiner: None,
        }
    }
}

/// `14:02 UTC`.
fn in_utc(at: Timestamp) -> String {
    let minute = at.millis().div_euclid(60_000).rem_euclid(24 * 60);
    format!("{:02}:{:02} UTC", minute / 60, minute % 60)
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("house", &self.house)
            .field("policy", &self.policy)
            .field("credit", &self.credit)
            .field("without_namespaces", &self.without_namespaces)
            .field("without_cgroups", &self.without_cgroups)
            .finish_non_exhaustive()
    }
}
