//! What `PROGRAM --describe` prints and `manifest.json` holds: who a driver is, what it can do, how it is configured.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Permissions;

/// A driver's self-description.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The name that `connections.json` uses as `driver`.
    pub name: String,
    /// The version, for people and updates: `1.2.3`.
    pub version: String,
    /// One sentence: what it joins to the house.
    pub description: String,
    /// Oldest and newest version of the plugin protocol that it speaks.
    pub protocol: (u16, u16),
    /// The program and its arguments, relative to the plugin's folder.
    pub program: Vec<String>,
    /// What it can do.
    #[serde(default)]
    pub capabilities: Capabilities,
    /// What it needs of the machine; what is not named, it does not get.
    #[serde(default)]
    pub permissions: Permissions,
    /// JSON schema (draft 2020-12) of `config`.
    #[serde(default, deserialize_with = "crate::json::plain")]
    pub config_schema: serde_json::Value,
}

/// What a driver can do. What is not named, it cannot.
#[allow(clippy::struct_excessive_bools)] // independent abilities, each a word in the manifest
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Capabilities {
    /// It answers `browse`.
    pub browse: bool,
    /// It answers `search`.
    pub search: bool,
    /// It answers `read`.
    pub read: bool,
    /// It takes `write`.
    pub write: bool,
    /// It takes `configure` while it runs.
    pub configure: bool,
    /// It takes patterns in `subscribe`.
    pub patterns: bool,
    /// Upper and lower case of a tag are the same to it.
    pub case_insensitive: bool,
    /// It can run against a simulated device of its own (`--sim`).
    pub simulation: bool,
    /// What its targets are, which decides the default delivery of a route.
    pub target: TargetKind,
    /// The actions that `call` knows.
    pub actions: Vec<Action>,
    /// What its datapoints are where their names are fixed, so that a page can show them as that: `battery`.
    pub shows: Vec<String>,
}

/// What it means to write to a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    /// A variable or a topic: the last value counts. Default delivery `latest`.
    #[default]
    State,
    /// A log or a webhook: each value counts. Default delivery `queued`.
    Event,
}

/// One action that `call` knows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// The name in `call`: `scan`, `pair`, `add_route`.
    pub name: String,
    /// What it does, one sentence.
    pub description: String,
    /// JSON schema of its arguments; none if it takes none.
    #[serde(default, deserialize_with = "crate::json::plain_if_any")]
    pub arguments: Option<serde_json::Value>,
}
