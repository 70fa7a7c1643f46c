//! The built driver over the plugin protocol, against a pymodbus server: on TCP, and on a serial line of pseudo-terminals.
#![allow(clippy::unwrap_used)]

mod abilities;
mod documents;
mod lines;
mod peers;
mod recovery;
mod simulated;
mod troubles;
