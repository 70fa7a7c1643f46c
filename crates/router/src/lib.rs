//! From a sample to the deliveries that the rules ask for.
//!
//! Nothing in here does I/O or reads a clock; time comes in as an argument. Read in this order:
//! [`mod@file`] what a person writes, [`expression`] conditions, [`transform`] pipelines, [`pattern`] wildcards,
//! [`rules`] all of it checked and compiled, [`space`] every datapoint with its last sample, [`engine`] the one entry
//! that joins rules and space, [`delivery`] what waits in front of a slow target.

pub mod delivery;
pub mod engine;
pub mod expression;
pub mod file;
pub mod pattern;
pub mod rules;
pub mod space;
pub mod transform;

pub use delivery::{Handed, Lane, Losses, Queue, TagNo, Taken, Waiting};
pub use engine::{Counters, Delivery, Needs, Outcome, Router, Target, TargetId, TargetKind};
pub use file::{Mode, RouteSpec, RoutingFile};
pub use pattern::Pattern;
pub use rules::{Directory, InstanceFacts, Problem, RouteIndex, Rules, Severity, TargetClass};
pub use space::{PointId, Refused, Space};
