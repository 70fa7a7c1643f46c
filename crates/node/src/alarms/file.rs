//! `state/alarms.json`: the alarms as they stand, and what has happened last.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use fieldrail_model::Timestamp;
use fieldrail_store::state::{self, Loaded};
use serde::{Deserialize, Serialize};

use super::MOST_EVENTS;
use super::machine::{Alarm, Step};

/// What the file holds.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) alarms: BTreeMap<String, Alarm>,
    /// The newest last.
    pub(super) events: VecDeque<Event>,
}

/// Something that happened to an alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Event {
    pub(super) id: u64,
    pub(super) address: String,
    pub(super) step: Step,
    pub(super) at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) comment: Option<String>,
}

/// What was kept; beside it, what is wrong with the file.
pub(super) fn load(path: &Path) -> (Kept, Option<String>) {
    let (mut kept, fault) = match state::load::<Kept>(path) {
        Ok(Loaded::Found(kept)) => (kept, None),
        Ok(Loaded::Missing) => (Kept::default(), None),
        Ok(Loaded::SetAside { error, .. }) | Err(error) => (Kept::default(), Some(error.to_string())),
    };
    while kept.events.len() > MOST_EVENTS {
        kept.events.pop_front();
    }
    (kept, fault)
}

pub(super) fn save(path: &Path, kept: &Kept) -> Result<(), String> {
    state::save(path, kept).map_err(|error| {
        let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
        format!("{error}{hint}")
    })
}
