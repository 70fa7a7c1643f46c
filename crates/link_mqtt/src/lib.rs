//! What the MQTT drivers share, so that client and broker say the same about the same message.
//!
//! Invariant: pure. Bytes and topics come in, values and tags go out; no I/O, no clock, no library of MQTT. Read in this
//! order: [`payload`] bytes as a value and back, [`json`] the datapoints inside of a JSON payload, [`topic`] names,
//! filters and patterns, [`tree`] the topics that were seen, for browsing.

pub mod json;
pub mod payload;
pub mod topic;
pub mod tree;

pub use payload::{Decoded, Spelling, decode, decode_spelled, encode};
pub use tree::TopicTree;
