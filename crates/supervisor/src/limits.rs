//! What one instance may take, as a person configured it.

use std::time::Duration;

/// The cycle in which processor time is given out and counted, as a PLC task has one.
pub(crate) const CYCLE: Duration = Duration::from_millis(100);

/// What an instance may take. What is not set is not limited.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Limits {
    /// Memory of all its processes together, in bytes.
    pub memory_bytes: Option<u64>,
    /// Share of one core over cycles of 100 ms: 0.1 is 10 ms in each; 2.0 is two whole cores.
    pub cpu_share: Option<f64>,
    /// Samples a second that enter the router, over a window of ten seconds. None means what its subscriptions call for.
    pub max_pps: Option<u32>,
    /// Processes and threads together.
    pub processes: Option<u32>,
    /// Descriptors of each of its processes.
    pub open_files: Option<u32>,
    /// What its folder holds, in bytes; also the largest single file.
    pub disk_bytes: Option<u64>,
    /// Who goes first where processor time is short.
    pub priority: Priority,
}

/// Who goes first where processor time is short. The daemon itself goes before all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Priority {
    /// Before the others.
    High,
    /// Like most.
    #[default]
    Normal,
    /// After the others.
    Low,
    /// With what nobody else wants.
    Idle,
}

impl Priority {
    /// The word in the API: `high`, `normal`, `low` or `idle`.
    pub fn name(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
            Self::Idle => "idle",
        }
    }

    /// The nice value, the lowest first. All are above zero, so that the daemon goes first without any right of its own.
    pub(crate) fn nice(self) -> i32 {
        match self {
            Self::High => 1,
            Self::Normal => 5,
            Self::Low => 10,
            Self::Idle => 19,
        }
    }

    /// The weight of its control group, with 1024 for the usual one (version 1; version 2 counts 100 for it).
    pub(crate) fn shares(self) -> u64 {
        match self {
            Self::High => 2048,
            Self::Normal => 1024,
            Self::Low => 256,
            Self::Idle => 8,
        }
    }
}
