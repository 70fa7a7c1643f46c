//! The built driver over the plugin protocol, against batteries that play on a pseudo-terminal, a TCP port, a Bluetooth and a capture.
#![allow(clippy::unwrap_used)]

mod abilities;
mod air;
mod captures;
mod documents;
mod doubts;
mod lines;
mod packs;
mod peers;
mod switches;
