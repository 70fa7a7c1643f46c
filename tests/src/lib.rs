//! What the tests of the whole system share: a [`House`] is the built daemon in a temporary folder, [`mqtt`], [`peers`] and
//! [`receiver`] are its peers, [`hostile`] its enemies, a [`recorder`] is a cable between a driver and a device, [`http`] speaks
//! to it, [`workspace`] is the source tree itself, [`Random`] makes what varies.

#![allow(clippy::missing_panics_doc)] // a panic is how a test fails, and the message says why

pub mod hostile;
mod house;
pub mod http;
pub mod mqtt;
pub mod peers;
mod random;
pub mod receiver;
pub mod recorder;
pub mod workspace;

use std::time::{Duration, Instant};

pub use house::{House, escape};
pub use random::Random;

/// Looks every 20 ms until there is something, and returns it.
///
/// # Panics
/// Nothing came in time; the message says what was waited for.
#[track_caller]
pub fn wait_for<T>(what: &str, most: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < most, "waited {} s in vain: {what}", most.as_secs());
        std::thread::sleep(Duration::from_millis(20));
    }
}
