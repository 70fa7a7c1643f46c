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
    /// What is written to it in a panic, for example `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub on_panic: Option<Value>,
}

impl About {
    /// The freshness deadline, if one is given.
    pub fn deadline(&self) -> Option<Duration> {
        self.deadline_s.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
    }
}
