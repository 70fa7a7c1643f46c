//! Batteries: one decoder for each protocol, used by every transport alike.
//!
//! Read in this order: [`fault`] what can be wrong with bytes, [`battery`] the trait, the registry and a module for each
//! battery, [`decode`] the command that prints what a capture means. Then the driver: [`config`] what a person says, [`setup`] that
//! checked, [`error`] what can go wrong, [`transport`] the ways to a battery, [`exchange`] one question and its answer,
//! [`plausibility`] whether what is said can be, [`bank`] several packs as one. What moves: `session` what is asked next and what
//! came of it, `detect` which battery it is, `bus` the task that holds a line, [`driver`] the requests of the daemon, `browse` and
//! `ports` for people who look, [`sim`] batteries that play.
//!
//! Invariant: a decoder is pure. Bytes come in as arguments and values go out; it knows neither ports nor clocks.

pub mod bank;
pub mod battery;
mod browse;
mod bus;
pub mod config;
pub mod decode;
mod detect;
pub mod driver;
pub mod error;
pub mod exchange;
pub mod fault;
pub mod plausibility;
mod ports;
mod session;
pub mod setup;
pub mod sim;
pub mod table;
pub mod transport;
mod words;

pub use driver::Bms;
