//! What the daemon says to a plugin.

use fieldrail_model::InstanceId;
use serde::{Deserialize, Serialize};

use crate::plugin::Failure;
use crate::{TagName, WriteItem};

/// Every message of the daemon. On the wire a map with one entry: the kind, then the body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToPlugin {
    /// The answer to `hello`: go on.
    Welcome(Welcome),
    /// The answer to `hello`: no common version, or the wrong program. The plugin ends.
    Refused(Failure),
    /// Send these from now on.
    Subscribe(Subscribe),
    /// Nobody needs these any more.
    Unsubscribe(Unsubscribe),
    /// Write to the device.
    Write(Write),
    /// Read once.
    Read(Read),
    /// One page of the children of a path.
    Browse(Browse),
    /// One page of the nodes that match a text.
    Search(Search),
    /// Do a named action.
    Call(Call),
    /// All batches up to this one are routed.
    Accepted(Accepted),
    /// From now on so many samples may be outstanding.
    Credit(Credit),
    /// Take a new configuration without a restart.
    Configure(Configure),
    /// Send no samples until `resume`; commands go on.
    Pause(Empty),
    /// Send samples again.
    Resume(Empty),
    /// End: leave the device in order, then exit.
    Stop(Stop),
}

/// A message without contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// The answer to `hello`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Welcome {
    /// The version of the protocol that both will speak.
    pub protocol: u16,
    /// Who the plugin is in this house.
    pub instance: InstanceId,
    /// Its configuration, secrets filled in.
    #[serde(deserialize_with = "crate::json::plain")]
    pub config: serde_json::Value,
    /// Samples that may be outstanding.
    pub credit: u32,
    /// The most samples in one batch.
    pub max_batch: u32,
    /// The largest frame, in bytes, that either side takes.
    pub max_frame_bytes: u32,
    /// Milliseconds between two heartbeats.
    pub progress_ms: u32,
    /// A folder of the plugin's own, for what it wants to find again after a restart.
    #[serde(default)]
    pub state_dir: Option<String>,
}

/// Send these from now on. A tag that is already subscribed gets the new interval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscribe {
    /// The number of the question; the answer bears it.
    pub request: u64,
    /// What is needed.
    pub items: Vec<Subscription>,
}

/// One tag or pattern that somebody needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    /// A tag, or a pattern: `*` within a segment, `**` over any number of them; segments end at `.` and `/`.
    pub tag: String,
    /// Whether `tag` is a pattern. A tag may hold a `*` of its own.
    #[serde(default)]
    pub pattern: bool,
    /// The fastest interval that somebody asks for; none leaves it to the driver.
    #[serde(default)]
    pub interval_ms: Option<u32>,
}

/// Nobody needs these any more, spelled as they were subscribed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unsubscribe {
    /// Tags or patterns.
    pub tags: Vec<String>,
}

/// Writes, in the order in which they are to reach the device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Write {
    /// Numbers that are used from here on; the daemon's own, apart from the plugin's.
    #[serde(default)]
    pub tags: Vec<TagName>,
    /// The writes.
    pub items: Vec<WriteItem>,
}

/// Read once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Read {
    /// The number of the question; the answer bears it.
    pub request: u64,
    /// Which tags.
    pub tags: Vec<String>,
}

/// One page of the children of a path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Browse {
    /// The number of the question; the answer bears it.
    pub request: u64,
    /// The path of the parent; the empty path is the root.
    pub path: String,
    /// Only nodes whose name holds this text, in any case.
    #[serde(default)]
    pub filter: Option<String>,
    /// The `next` of the page before.
    #[serde(default)]
    pub after: Option<String>,
    /// The most nodes on the page.
    pub limit: u32,
}

/// One page of the nodes, at any depth, that match a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// The number of the question; the answer bears it.
    pub request: u64,
    /// Part of a name, a path or a comment, in any case.
    pub text: String,
    /// The `next` of the page before.
    #[serde(default)]
    pub after: Option<String>,
    /// The most nodes on the page.
    pub limit: u32,
}

/// Do a named action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The number of the question; the answer bears it.
    pub request: u64,
    /// One of the manifest's actions.
    pub action: String,
    /// What the action takes.
    #[serde(default, deserialize_with = "crate::json::plain")]
    pub arguments: serde_json::Value,
}

/// All batches up to this one are routed, and where a rule wants it, on disk.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    /// The number of the last batch.
    pub batch: u64,
}

/// A new window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credit {
    /// Samples that may be outstanding.
    pub samples: u32,
}

/// Take a new configuration without a restart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configure {
    /// The number of the question; the answer bears it.
    pub request: u64,
    /// The whole new configuration.
    #[serde(deserialize_with = "crate::json::plain")]
    pub config: serde_json::Value,
}

/// End.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// Milliseconds until the plugin is killed.
    pub deadline_ms: u32,
}
