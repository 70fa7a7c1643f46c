//! Peers for tests: [`Plugin`] is the daemon's end of the plugin protocol and drives a built driver, [`Mosquitto`] is a
//! real broker on a free loopback port, [`Bluez`] plays Linux's Bluetooth service, [`Authority`] makes certificates.
//!
//! Everything is synchronous with a deadline, and everything that was started ends when its value is dropped. A peer
//! panics when what the test waits for does not come: that is how a test fails, and the message says what was heard.
#![allow(clippy::missing_panics_doc)]

mod bluez;
mod certificates;
mod mosquitto;
mod plugin;

pub use bluez::Bluez;
pub use certificates::Authority;
pub use fieldrail_wire as wire;
pub use mosquitto::Mosquitto;
pub use plugin::{Outcome, Plugin, Received};

use std::net::{Ipv4Addr, TcpListener};

/// A loopback port that nobody listens on right now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
    listener.local_addr().expect("a bound socket has an address").port()
}
