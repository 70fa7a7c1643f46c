//! What a plugin says to the daemon.

pub use fieldrail_model::Level;
use fieldrail_model::{Quality, Value};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::{Capabilities, SampleItem, TagName};

/// Every message of a plugin. On the wire a map with one entry: the kind, then the body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FromPlugin {
    /// The first message.
    Hello(Hello),
    /// How the link to the device stands; at each change.
    State(State),
    /// New values.
    Samples(Samples),
    /// Unchanged and still true.
    Fresh(Fresh),
    /// How writes ended.
    Written(Written),
    /// Pulses whose end has reached the device.
    Pulsed(Pulsed),
    /// The answer to `subscribe`.
    Subscribed(Subscribed),
    /// The answer to `read`.
    Values(Values),
    /// The answer to `browse` and `search`.
    Nodes(Nodes),
    /// The answer to `call`.
    Returned(Returned),
    /// The answer to `configure`.
    Configured(Configured),
    /// Something happened that is no value: a device found, an alarm.
    Event(Event),
    /// The heartbeat, tied to real work.
    Progress(Progress),
    /// A line for the log.
    Log(Log),
    /// Figures that only the plugin knows.
    Metrics(Metrics),
}

/// Who the plugin is and what it can do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// Oldest and newest version of the protocol that the plugin speaks.
    pub protocol: (u16, u16),
    /// The driver's name, as in its manifest.
    pub name: String,
    /// The program's version, for people.
    #[serde(default)]
    pub version: String,
    /// What it can do; the same as in its manifest.
    #[serde(default)]
    pub capabilities: Capabilities,
}

/// How the link to the device stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// One of four words.
    pub status: Status,
    /// The cause, for a person: "waits for 192.168.2.162:48898 since 14:02, next try in 8 s".
    #[serde(default)]
    pub text: String,
    /// What to try.
    #[serde(default)]
    pub hint: Option<String>,
    /// With `degraded`: the device answers all the same, for example over a second end point. Values that must not be lost
    /// leave then; else they wait for `connected`.
    #[serde(default, skip_serializing_if = "is_not")]
    pub answers: bool,
}

/// The four states of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// On the way, for the first time.
    Connecting,
    /// The device answers.
    Connected,
    /// It works in part, or will be tried again.
    Degraded,
    /// It cannot work until a person changes something.
    Failed,
}

/// A batch of samples. At most [`crate::MAX_BATCH`], and never more outstanding than the credit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Samples {
    /// The batch's number, rising by one from 1; `accepted` refers to it.
    pub batch: u64,
    /// Numbers that are used from here on.
    #[serde(default)]
    pub tags: Vec<TagName>,
    /// The samples, in the order in which they were true.
    pub items: Vec<SampleItem>,
}

/// Tags whose last sample still holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fresh {
    /// Which: by numbers that `samples` has declared, or by name.
    pub tags: Vec<crate::TagRef>,
    /// When that was known, in microseconds since 1970 UTC; left out means on arrival.
    #[serde(default)]
    pub time: Option<i64>,
}

/// How writes ended.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// Done, as ranges of ids, both ends included.
    #[serde(default)]
    pub confirmed: Vec<(u64, u64)>,
    /// Refused by the device or the driver.
    #[serde(default)]
    pub rejected: Vec<Rejected>,
    /// Not sent in time.
    #[serde(default)]
    pub expired: Vec<u64>,
}

/// Pulses whose end has reached the device. The beginning of a pulse is told by [`Written`], as of any write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pulsed {
    /// The numbers of their commands.
    pub ids: Vec<u64>,
}

/// One refused write.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rejected {
    /// The command's number.
    pub id: u64,
    /// Why.
    pub failure: Failure,
}

/// Why something did not work, for a person.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// What failed, with its values.
    pub message: String,
    /// What to try.
    #[serde(default)]
    pub hint: Option<String>,
    /// Whether the very same may work later: the link was down, the device was busy. A value that must not be lost is
    /// then written again.
    #[serde(default, skip_serializing_if = "is_not")]
    pub again: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde calls it with a reference
fn is_not(flag: &bool) -> bool {
    !flag
}

/// The answer to `subscribe`: one entry for each tag or pattern asked for, in the same order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscribed {
    /// The number of the question.
    pub request: u64,
    /// How each was taken.
    pub items: Vec<SubscribedItem>,
}

/// How one subscription was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubscribedItem {
    /// The canonical spelling, which samples will use.
    pub tag: String,
    /// Why it cannot be had.
    #[serde(default)]
    pub failure: Option<Failure>,
}

/// The answer to `read`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Values {
    /// The number of the question.
    pub request: u64,
    /// One for each tag asked for, in the same order.
    pub items: Vec<Reading>,
}

/// One value that was read on request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// The canonical tag.
    pub tag: String,
    /// What it says.
    pub value: Value,
    /// How far to believe it.
    #[serde(default)]
    pub quality: Quality,
    /// Why the quality is not good.
    #[serde(default)]
    pub note: Option<Arc<str>>,
}

/// The answer to `browse` and `search`: one page.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nodes {
    /// The number of the question.
    pub request: u64,
    /// The nodes of this page.
    #[serde(default)]
    pub nodes: Vec<Node>,
    /// Ask with this `after` for the next page; none means that was all.
    #[serde(default)]
    pub next: Option<String>,
    /// Why there is nothing to show.
    #[serde(default)]
    pub failure: Option<Failure>,
}

/// One node of a device's tree. It may be a value and a folder at once.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// The last part of the path, as it is shown.
    pub name: String,
    /// What `browse` takes to open it.
    pub path: String,
    /// The tag, if it is a value.
    #[serde(default)]
    pub tag: Option<String>,
    /// Whether `browse` of the path gives anything.
    #[serde(default)]
    pub children: bool,
    /// The device's name for the type, for example `INT`.
    #[serde(default)]
    pub r#type: Option<String>,
    /// Where it lies in the device, for example `%MW4`.
    #[serde(default)]
    pub location: Option<String>,
    /// Bytes it takes in the device.
    #[serde(default)]
    pub size: Option<u32>,
    /// The unit, as the device names it.
    #[serde(default)]
    pub unit: Option<String>,
    /// The device's own words about it.
    #[serde(default)]
    pub comment: Option<String>,
    /// Whether it can be written; none if that is not known.
    #[serde(default)]
    pub writable: Option<bool>,
    /// Where this description comes from, where there are several: the device, a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// The answer to `call`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Returned {
    /// The number of the question.
    pub request: u64,
    /// What the action gave.
    #[serde(default, deserialize_with = "crate::json::plain")]
    pub result: serde_json::Value,
    /// Why it did not work.
    #[serde(default)]
    pub failure: Option<Failure>,
}

/// The answer to `configure`. On a failure the daemon restarts the plugin with the new configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configured {
    /// The number of the question.
    pub request: u64,
    /// Why it cannot take the configuration while it runs.
    #[serde(default)]
    pub failure: Option<Failure>,
}

/// Something that is no value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// What kind, for example `device_found`.
    pub kind: String,
    /// What the plugin says of it.
    #[serde(default, deserialize_with = "crate::json::plain")]
    pub data: serde_json::Value,
}

/// The heartbeat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Turns of the plugin's main loop since its start; it must come from the loop, never from a timer beside it.
    pub turns: u64,
}

/// A line for the log. Lines on stderr are taken too, as level `info`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// How much it matters.
    pub level: Level,
    /// A sentence.
    pub message: String,
}

/// Figures that only the plugin knows, by name; units in the name (`queue_samples`, `round_trip_ms`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// Name and figure.
    pub figures: std::collections::BTreeMap<String, f64>,
}
