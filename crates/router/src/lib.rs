//! From a sample to the deliveries that the rules ask for.
//!
//! Nothing in here does I/O or reads a clock; time comes in as an argument. Read in this order:
//! [`mod@file`] what a person writes, [`expression`] conditions, [`transform`] pipelines, [`pattern`] wildcards,
//! [`rules`] all of it checked and compiled, [`space`] every datapoint with its last sample, [`engine`] the one entry
//! that joins rules and space, [`delivery`] what waits in front of a slow target; then what tries rules before they are in
//! force: [`rehearsal`] their own tests, [`preview`] one value through one route, [`recording`] and [`replay`] what they would
//! have done. [`language`] says of each word of an expression what it is, for editors.

pub mod delivery;
pub mod engine;
pub mod expression;
pub mod file;
pub mod language;
pub mod pattern;
pub mod preview;
pub mod recording;
mod rehearsal;
pub mod replay;
pub mod rules;
pub mod space;
pub mod transform;
mod unit;

pub use delivery::{Handed, Lane, Losses, Queue, SentBy, TagNo, Taken, Waiting};
pub use engine::{
    Counters, Delivery, Explanation, Needs, Outcome, Ran, Reached, Router, Stage, Tap, TapId, Tapped, Target, TargetId,
    TargetKind, Writer,
};
pub use file::{DeliverySpec, Mode, Moment, Moments, RouteSpec, RouteTest, RoutingFile};
pub use pattern::Pattern;
pub use rehearsal::{Rehearsed, rehearse, rehearse_route};
pub use replay::Comparison;
pub use rules::{Declared, Directory, InstanceFacts, Place, Problem, RouteIndex, Rules, Severity, TargetClass};
pub use space::{PointId, Refused, Space};
