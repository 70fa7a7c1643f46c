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
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

/// Linux gives no socket a port of these unless it is asked for it (`net.ipv4.ip_local_port_range` begins above), so what is
/// free stays free until the test uses it, and while what used it is restarted.
const PORTS: Range<u32> = 20_000..32_000;

/// A loopback port that nobody listens on and that this process did not get before.
pub fn free_port() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    // Tests that run at once are processes with neighbouring numbers; each has some ports to itself.
    let first = std::process::id().wrapping_mul(16);
    loop {
        let nth = first.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed));
        let port = PORTS.start + nth % (PORTS.end - PORTS.start);
        let port = u16::try_from(port).expect("they end below 65,536");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
