//! One value with everything that must travel with it.

use std::sync::Arc;

use crate::{Quality, Timestamp, Value};

/// Where a value first came from. It travels with the value through rules and brokers, so that no value runs in a circle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The address at which the value entered the house.
    pub address: Arc<str>,
    /// How many rules it has passed since.
    pub hops: u8,
}

/// Value, quality, times and origin of one datapoint at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// What the source said.
    pub value: Value,
    /// How far to believe it.
    pub quality: Quality,
    /// Why the quality is not good, in words for a person; `None` if the quality says it all.
    pub note: Option<Arc<str>>,
    /// When the source says it was true.
    pub source_time: Timestamp,
    /// When the daemon received it, or was last told that it still holds.
    pub receive_time: Timestamp,
    /// Where it first came from; `None` if that is the datapoint itself.
    pub origin: Option<Origin>,
}

impl Sample {
    /// A good sample, true and received at `time`, that begins at its own datapoint.
    pub fn good(value: impl Into<Value>, time: Timestamp) -> Self {
        Self {
            value: value.into(),
            quality: Quality::Good,
            note: None,
            source_time: time,
            receive_time: time,
            origin: None,
        }
    }
}
