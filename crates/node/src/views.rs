//! What the screens and the API show, as plain data.

use std::collections::BTreeMap;

use fieldrail_model::{Sample, Value};
use fieldrail_store::FileError;
use fieldrail_wire::plugin::Node as DeviceNode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::to_wall;
pub use crate::instances::{Cycles, Guarding, Resources, SpamEvidence, TagCount, Wall};

/// One datapoint with its last sample.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Point {
    /// The full address.
    pub address: String,
    /// The instance that it belongs to; empty for Fieldrail's own.
    pub instance: String,
    /// The rest of the address.
    pub tag: String,
    /// The sample, flattened.
    #[serde(flatten)]
    pub reading: Reading,
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The declared type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    /// What it is to the house: `alarm`, or nothing in particular.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<&'static str>,
    /// Whether the asker may write it.
    pub writable: bool,
}

/// A value with its quality and times.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Reading {
    /// Plain JSON, or `{"t": …, "v": …}` where JSON would lose something.
    #[schemars(with = "serde_json::Value")]
    pub value: Value,
    /// `good`, `uncertain` or `bad`.
    pub quality: &'static str,
    /// Why it is not simply good.
    pub reason: &'static str,
    /// The reason in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When the source says it was true, in milliseconds since 1970 UTC; 0 if nothing came yet.
    pub source_ms: i64,
    /// When it was received or renewed, in milliseconds since 1970 UTC; 0 if nothing came yet.
    pub receive_ms: i64,
}

impl From<Option<&Sample>> for Reading {
    fn from(sample: Option<&Sample>) -> Self {
        let Some(sample) = sample else {
            let quality = fieldrail_model::Quality::NoData;
            return Self {
                value: Value::Null,
                quality: quality.class().name(),
                reason: quality.reason(),
                note: None,
                source_ms: 0,
                receive_ms: 0,
            };
        };
        Self {
            value: sample.value.clone(),
            quality: sample.quality.class().name(),
            reason: sample.quality.reason(),
            note: sample.note.as_deref().map(Into::into),
            source_ms: to_wall(sample.source_time).millis(),
            receive_ms: to_wall(sample.receive_time).millis(),
        }
    }
}

/// A change of one datapoint, for live clients.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Delta {
    /// The full address.
    pub address: String,
    /// The sample, flattened.
    #[serde(flatten)]
    pub reading: Reading,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Paged<T> {
    /// The entries of this page.
    pub items: Vec<T>,
    /// Ask with this `after` (or `before`) for the next page; none means that was all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// How many entries there are in all, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<usize>,
}

impl<T> Paged<T> {
    /// Everything on one page.
    pub fn whole(items: Vec<T>) -> Self {
        Self { total: Some(items.len()), items, next: None }
    }
}

/// One node of an instance's tree.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TreeNode {
    /// The last part of the path, as it is shown.
    pub name: String,
    /// What `browse` takes to open it.
    pub path: String,
    /// The tag behind the instance's id and a dot, if it is a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Whether there is anything below it.
    pub children: bool,
    /// The device's name for the type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    /// Where it lies in the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Bytes it takes in the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
    /// The unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The device's own words about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Where this description comes from, where there are several: the device, a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Whether the device lets it be written; not there if that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub writable: Option<bool>,
    /// The full address as the data space spells it, if it is a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The datapoint, if it is in the data space.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Point>,
}

impl TreeNode {
    pub(crate) fn new(node: DeviceNode, address: Option<String>, value: Option<Point>) -> Self {
        Self {
            source: node.source,
            writable: node.writable,
            address,
            name: node.name,
            path: node.path,
            tag: node.tag,
            children: node.children,
            r#type: node.r#type,
            location: node.location,
            size: node.size,
            unit: node.unit,
            comment: node.comment,
            value,
        }
    }
}

/// One sentence of why an instance is in its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Cause {
    /// Which sentence it is; left out where only its text says so, as with the words of a plugin.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub code: &'static str,
    /// What stands in it, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub with: BTreeMap<&'static str, String>,
    /// The sentence in English.
    pub text: String,
}

/// One instance as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[allow(missing_docs)] // the fields are the words of the manual
pub struct Instance {
    pub id: String,
    pub name: String,
    pub driver: String,
    pub enabled: bool,
    /// `stopped`, `starting`, `running`, `degraded`, `stopping`, `error`, `suspended_by_spam`, `suspended_by_limit`,
    /// `detached` or `panicked`.
    pub state: String,
    /// What is wrong where it is `degraded` although its plugin says that all is well: `no_beat`, `deaf`, `spinning`,
    /// `owing`, `silent` or `frozen`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ill: Option<String>,
    /// The cause, for a person.
    pub text: String,
    /// The same sentence by sentence, for whoever says it in another language.
    pub causes: Vec<Cause>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Since when it is in this state, in milliseconds since 1970 UTC.
    pub since_ms: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uptime_s: Option<u64>,
    pub restarts: u64,
    pub errors: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Samples since the start of the daemon.
    pub samples_in: u64,
    /// Writes since the start of the daemon.
    pub samples_out: u64,
    /// Samples per second, over the last two seconds.
    pub rate_in: f64,
    /// Writes per second, over the last two seconds.
    pub rate_out: f64,
    pub datapoints: usize,
    pub capabilities: Vec<String>,
    /// How its children are kept from outliving it.
    pub confinement: String,
    /// The same as `uptime_s`, by the name of the other figures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uptime_seconds: Option<u64>,
    /// The same as `errors`.
    pub error_count: u64,
    /// What it takes; nothing while there is no process, and in its first second.
    #[serde(flatten)]
    pub resources: Resources,
    /// What keeps it within its limits; none where there is no process to keep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard: Option<Guarding>,
    /// Cut from the router by hand.
    pub detached: bool,
    /// Samples and deliveries that were not let through since then.
    pub held_back: u64,
}

/// What a command line or a browser asks to write.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WriteRequest {
    /// The full address.
    pub address: String,
    /// Plain JSON, or `{"t": …, "v": …}`.
    #[schemars(with = "serde_json::Value")]
    pub value: Value,
    /// Milliseconds after which the write is not to be sent any more. Default 5,000, at most an hour.
    #[serde(default)]
    #[schemars(range(min = 1, max = 3_600_000))]
    pub ttl_ms: Option<u32>,
    /// Milliseconds to wait for the end. Default the time to live.
    #[serde(default)]
    #[schemars(range(max = 3_600_000))]
    pub wait_ms: Option<u32>,
}

/// What a command line or a browser asks to pulse.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PulseRequest {
    /// The full address.
    pub address: String,
    /// A bool or a number: plain JSON, or `{"t": …, "v": …}`. The pulse ends with the opposite of a bool, with zero of a
    /// number. Default true.
    #[serde(default = "on")]
    #[schemars(with = "serde_json::Value")]
    pub value: Value,
    /// Milliseconds until it ends.
    #[schemars(range(min = 50, max = 5_000))]
    pub duration_ms: u32,
    /// Milliseconds to wait until the device has the beginning. Default 5,500.
    #[serde(default)]
    #[schemars(range(max = 3_600_000))]
    pub wait_ms: Option<u32>,
}

fn on() -> Value {
    Value::Bool(true)
}

/// How a write ended, or that it has not yet.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct WriteResult {
    /// The command's number at its instance.
    pub command: u64,
    /// `confirmed`, `rejected`, `expired`, `superseded` or `pending`.
    pub outcome: &'static str,
    /// Why it was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What to try.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// One mistake in a configuration file, or a warning.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[allow(missing_docs)]
pub struct Finding {
    /// `error` or `warning`.
    pub severity: &'static str,
    pub file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    pub key: String,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl From<&FileError> for Finding {
    fn from(fault: &FileError) -> Self {
        Self {
            severity: "error",
            file: fault.file.clone(),
            line: fault.line(),
            column: fault.column(),
            key: fault.key.clone(),
            message: fault.what.clone(),
            hint: fault.hint().map(Into::into),
        }
    }
}

/// What a test of a connection saw.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TestResult {
    /// Whether the device answered.
    pub ok: bool,
    /// The driver's words.
    pub text: String,
    /// What to try.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// What the driver logged meanwhile.
    pub log: Vec<String>,
}
