//! The built driver over the plugin protocol, against real brokers.
#![allow(clippy::unwrap_used)]

mod abilities;
mod documents;
mod peers;
mod troubles;
