//! What an instance may take, as it stands in `connections.json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Less memory than this no program starts with, in megabytes.
const LEAST_MEMORY_MB: u32 = 8;

/// The smallest share of a core that the kernel can hold over 100 ms.
const LEAST_SHARE: f64 = 0.01;

/// More cores than any house has.
const MOST_SHARE: f64 = 64.0;

/// More processes and threads than any plugin should have.
const MOST_PROCESSES: u32 = 10_000;

/// With fewer descriptors no program starts.
const LEAST_OPEN_FILES: u32 = 16;

/// More than kernels give.
const MOST_OPEN_FILES: u32 = 1_000_000;

/// A terabyte, in megabytes.
const MOST_DISK_MB: u32 = 1_000_000;

/// What an instance may take. What is left out is not limited, but for the rate.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Memory of all its processes together, in megabytes. At 80 % it is warned, at 95 % throttled, at 100 % ended and started
    /// again; the third time within ten minutes it is suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 8), extend("x-unit" = "MB"))]
    pub memory_mb: Option<u32>,
    /// Share of one core over cycles of 100 ms: 0.1 is 10 ms in each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.01, max = 64.0))]
    pub max_cpu_share: Option<f64>,
    /// Samples a second that it may send, over a window of ten seconds. Left out: the larger of 500 and twice the rate that its
    /// subscriptions call for, where one without an interval counts as ten a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_pps: Option<u32>,
    /// Processes and threads together. Left out: what the plugin's manifest asks for, else 128. Who wants more is ended, the
    /// third time within ten minutes suspended; the same holds for open files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub processes: Option<u32>,
    /// Descriptors (files, sockets, pipes) of each of its processes. Left out: what the plugin's manifest asks for, else 1024.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 16, max = 1_000_000))]
    pub open_files: Option<u32>,
    /// What its folder `state/instances/ID` may hold, in megabytes. Left out: 256. At 80 % it is warned, at 100 % suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000), extend("x-unit" = "MB"))]
    pub disk_mb: Option<u32>,
    /// Who goes first where processor time is short. The daemon goes before all of them.
    #[serde(default)]
    pub priority: Priority,
}

/// Who goes first where processor time is short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
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

impl Limits {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Fails if a number makes no sense; `at` is where the limits stand.
    pub(crate) fn check(&self, at: &str) -> Result<()> {
        let wrong = |key: &str, message: String, hint: &str| {
            Err(Error::invalid_at(format!("{at}.{key}"), message, Some(hint.into())))
        };
        if let Some(mb) = self.memory_mb.filter(|mb| *mb < LEAST_MEMORY_MB) {
            let message = format!("{mb} MB of memory is less than any program starts with");
            return wrong("memory_mb", message, "give it at least 8, and see on its card what it takes");
        }
        if let Some(share) = self.max_cpu_share.filter(|share| !(LEAST_SHARE..=MOST_SHARE).contains(share)) {
            let message = format!("{share} is no share of a core between {LEAST_SHARE} and {MOST_SHARE}");
            return wrong("max_cpu_share", message, "0.1 is a tenth of one core, 1 is a whole one");
        }
        if self.max_pps == Some(0) {
            let message = "no sample at all could pass".to_owned();
            return wrong("max_pps", message, "stop the instance instead, or leave the key out");
        }
        if self.processes.is_some_and(|most| !(1..=MOST_PROCESSES).contains(&most)) {
            let message = format!("a limit on processes lies between 1 and {MOST_PROCESSES}");
            return wrong("processes", message, "threads count too; see on its card how many it has");
        }
        if self.open_files.is_some_and(|most| !(LEAST_OPEN_FILES..=MOST_OPEN_FILES).contains(&most)) {
            let message = format!("a limit on open files lies between {LEAST_OPEN_FILES} and {MOST_OPEN_FILES}");
            return wrong("open_files", message, "its three pipes count too; see on its card how many it has");
        }
        if self.disk_mb.is_some_and(|mb| !(1..=MOST_DISK_MB).contains(&mb)) {
            let message = format!("a limit on its folder lies between 1 and {MOST_DISK_MB} MB");
            return wrong("disk_mb", message, "leave the key out for the usual limit of 256 MB");
        }
        Ok(())
    }
}

impl From<Limits> for fieldrail_supervisor::Limits {
    fn from(limits: Limits) -> Self {
        Self {
            memory_bytes: limits.memory_mb.map(|mb| u64::from(mb) << 20),
            cpu_share: limits.max_cpu_share,
            max_pps: limits.max_pps,
            processes: limits.processes,
            open_files: limits.open_files,
            disk_bytes: limits.disk_mb.map(|mb| u64::from(mb) << 20),
            priority: match limits.priority {
                Priority::High => fieldrail_supervisor::Priority::High,
                Priority::Normal => fieldrail_supervisor::Priority::Normal,
                Priority::Low => fieldrail_supervisor::Priority::Low,
                Priority::Idle => fieldrail_supervisor::Priority::Idle,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(limits: &serde_json::Value, want: Option<&str>) {
        let limits: Limits = serde_json::from_value(limits.clone()).unwrap();
        let key = match limits.check("limits") {
            Ok(()) => None,
            Err(Error::Invalid { key, .. }) => key,
            Err(other) => panic!("{other:?}"),
        };
        assert_eq!(key.as_deref(), want);
    }

    #[test]
    fn a_limit_under_which_nothing_could_run_is_refused_with_its_place() {
        use serde_json::json;
        check(&json!({}), None);
        check(&json!({"memory_mb": 128, "max_cpu_share": 0.1, "max_pps": 500, "priority": "normal"}), None);
        check(&json!({"memory_mb": 7}), Some("limits.memory_mb"));
        check(&json!({"max_cpu_share": 0.0}), Some("limits.max_cpu_share"));
        check(&json!({"max_cpu_share": -1.0}), Some("limits.max_cpu_share"));
        check(&json!({"max_cpu_share": 65}), Some("limits.max_cpu_share"));
        check(&json!({"max_pps": 0}), Some("limits.max_pps"));
        check(&json!({"processes": 1, "open_files": 16, "disk_mb": 1}), None);
        check(&json!({"processes": 0}), Some("limits.processes"));
        check(&json!({"open_files": 15}), Some("limits.open_files"));
        check(&json!({"disk_mb": 0}), Some("limits.disk_mb"));
    }
}
