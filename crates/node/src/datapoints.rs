//! `datapoints.json`: what people say about single datapoints.

use std::time::Duration;

use fieldrail_model::{Address, IecType, Value};
use fieldrail_store::FormatVersion;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What people say about single datapoints, by address.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DatapointsFile {
    /// Format version, `1.0`.
    pub version: FormatVersion,
    /// One entry for each address that somebody said something about.
    #[serde(default)]
    #[schemars(with = "std::collections::BTreeMap<String, About>")]
    pub datapoints: IndexMap<Address, About>,
}

/// What somebody said about one datapoint.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The unit, for example `V` or `°C`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The declared type; a value that does not fit it is bad, with the raw value kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<IecType>,
    /// The age, in seconds, after which the value stops being good. Without it the driver's rule holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.1))]
    pub deadline_s: Option<f64>,
    /// What it is to the house, beside a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// How the alarm behaves, of a datapoint with the role `alarm`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm: Option<AlarmSpec>,
    /// While its instance is connected the value changes at least so often, in seconds; else it is frozen, and the instance
    /// is `degraded`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1.0), extend("x-unit" = "s"))]
    pub frozen_after_s: Option<f64>,
    /// What is written to it in a panic, for example `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub on_panic: Option<Value>,
}

/// What a datapoint is to the house.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Active while it is true: `true`, a number but 0, a text but `0`, `false`, `off`, `no`, `ok` or none.
    Alarm,
}

impl Role {
    /// The word in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Alarm => "alarm",
        }
    }
}

/// How an alarm behaves.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlarmSpec {
    /// How much it matters.
    #[serde(default)]
    pub severity: Severity,
    /// Seconds for which it has to be true before it is active.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0.0, max = 86_400.0))]
    pub on_delay_s: f64,
    /// Seconds for which it has to be false before it is cleared.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0.0, max = 86_400.0))]
    pub off_delay_s: f64,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn is_zero(seconds: &f64) -> bool {
    *seconds == 0.0
}

/// How much an alarm matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Somebody should look.
    #[default]
    Warning,
    /// Somebody must act.
    Critical,
}

impl About {
    /// How long the value may stay the same, if that is given.
    pub fn frozen_after(&self) -> Option<Duration> {
        self.frozen_after_s.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
    }

    /// The freshness deadline, if one is given.
    pub fn deadline(&self) -> Option<Duration> {
        self.deadline_s.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
    }
}
