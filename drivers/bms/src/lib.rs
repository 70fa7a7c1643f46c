//! Batteries: one decoder for each protocol, used by every transport alike.
//!
//! Read in this order: [`fault`] what can be wrong with bytes, [`battery`] the trait, the registry and a module for each
//! battery, [`decode`] the command that prints what a capture means.
//!
//! Invariant: a decoder is pure. Bytes come in as arguments and values go out; it knows neither ports nor clocks.

pub mod battery;
pub mod decode;
pub mod fault;
