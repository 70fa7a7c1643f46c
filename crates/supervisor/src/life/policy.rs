//! When to wait, to give up and to kill.

use std::time::Duration;

/// The durations and counts of the life cycle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// A process that has not said hello after this is killed.
    pub hello: Duration,
    /// Between two heartbeats; `welcome` tells the plugin.
    pub progress: Duration,
    /// So many missed heartbeats are a hang. The same time without reading what the daemon writes is one too.
    pub missed: u32,
    /// What a soft stop may take before the process is killed.
    pub stop: Duration,
    /// A plugin that is still connecting after this is degraded.
    pub patience: Duration,
    /// The wait after the first crash. It doubles, shortened by up to a quarter so that neighbours do not start in step.
    pub first_wait: Duration,
    /// The longest wait after a crash.
    pub most_wait: Duration,
    /// A process that ran this long begins again with the first wait.
    pub settled: Duration,
    /// More crashes than this, within [`Policy::within`], and a person must act.
    pub crashes: usize,
    /// The window in which crashes count.
    pub within: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            hello: Duration::from_secs(10),
            progress: Duration::from_secs(5),
            missed: 3,
            stop: Duration::from_secs(3),
            patience: Duration::from_secs(10),
            first_wait: Duration::from_millis(250),
            most_wait: Duration::from_secs(30),
            settled: Duration::from_mins(1),
            crashes: 5,
            within: Duration::from_mins(10),
        }
    }
}

impl Policy {
    /// Silence of this length is a hang: the missed heartbeats, and half a beat for the way.
    pub(crate) fn silence(&self) -> Duration {
        self.progress * self.missed + self.progress / 2
    }

    /// The wait before the next start, after so many that failed. `chance` is between 0 and 1.
    pub(crate) fn wait(&self, tries: u32, chance: f64) -> Duration {
        let doubled = self.first_wait.saturating_mul(1 << tries.min(20)).min(self.most_wait);
        doubled.mul_f64(1.0 - 0.25 * chance)
    }
}
