//! Every golden case: through the built command, through each transport in any pieces, and broken in every way.
//!
//! The cases lie in `golden/`, a file for each device and variant. `values` are numbers that others found in the same bytes, not
//! what this decoder prints; `absent` are datapoints that must not be there; `error` begins the message of what is refused.

#![expect(clippy::unwrap_used, reason = "a test says where it fails")]

mod broken;
mod cases;
mod command;
mod manual;
mod pieces;
mod registry;
mod ways;
