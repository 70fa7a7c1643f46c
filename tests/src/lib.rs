//! A whole house for tests: [`House`] is the built daemon with real driver processes, [`http`] how a test talks to it.
//!
//! Everything has a deadline and ends with its value. What a test waits for and does not get is a panic that says what
//! the daemon said meanwhile.
#![allow(clippy::missing_panics_doc)]

pub mod house;
pub mod http;
pub mod mqtt;
pub mod receiver;

pub use house::House;

use std::time::{Duration, Instant};

/// Asks again and again until there is an answer.
#[track_caller]
pub fn wait_for<T>(what: &str, most: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < most, "waited {most:?} in vain for: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
