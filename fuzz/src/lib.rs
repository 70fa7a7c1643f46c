//! What is fuzzed. A target is a plain function over bytes that must return: it panics where the product does, and where a
//! promise of the product does not hold. Read in this order: [`TARGETS`] the table, [`targets`] one module each, [`house`]
//! the instances they live with, [`frames`] and [`repair`] those of batteries, [`text`] where seeds and words come from.
//!
//! A new target is a module and a line in the table; `scripts/fuzz`, the test of the corpus and the seeds follow by
//! themselves. Invariant: a target is a function of its bytes alone, so that every finding comes back.

#![allow(clippy::missing_panics_doc, clippy::unwrap_used)] // a panic is how a target tells of a finding

pub mod frames;
pub mod house;
pub mod repair;
pub mod targets;
pub mod text;

use targets::{ads, batteries, expression, modbus, modbus_map, recording, routing, tpy, transform};

/// One thing that is fuzzed.
pub struct Target {
    /// Its name, which is also that of the folder of its corpus.
    pub name: &'static str,
    /// Runs one input.
    pub run: fn(&[u8]),
    /// The longest input that is tried, in bytes: beyond every bound of what is tested, and not much beyond.
    pub most_bytes: usize,
    /// Inputs to begin with, beside the corpus.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Words that the engine puts together.
    pub words: fn() -> Vec<String>,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    expression::TARGET,
    transform::TARGET,
    routing::TARGET,
    recording::TARGET,
    ads::TARGET,
    tpy::TARGET,
    modbus::TARGET,
    modbus_map::TARGET,
    batteries::TARGET,
];

/// The target of this name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
