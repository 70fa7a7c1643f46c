//! Devices that describe themselves: SunSpec (Device Information Model Specification 1.1). Pure.
//!
//! Read in this order: [`Search`] asks a unit for its models, `model` what the models say, `layout` where a model's points lie
//! in this device. Models that are not known are passed over by their length.

mod layout;
mod model;
mod search;

pub use layout::layout;
pub use model::Model;
pub use search::{Found, Search};

#[cfg(test)]
mod tests;
