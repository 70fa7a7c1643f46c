//! The one place of the façade that reads clocks.
//!
//! Inside the house time is steady: it began at the wall clock's time of the start and runs with the monotonic clock, so
//! that a jump of the wall clock makes no value stale and no command live longer. What comes in or goes out is wall time;
//! [`from_wall`] and [`to_wall`] are the border.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use fieldrail_model::Timestamp;

/// Now, on the house's steady clock.
pub(crate) fn now() -> Timestamp {
    static START: OnceLock<(Instant, Timestamp)> = OnceLock::new();
    let (start, time) = START.get_or_init(|| (Instant::now(), wall()));
    time.after(start.elapsed())
}

/// Now, on the wall clock: for stamps that people see.
pub fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// The steady time of a wall time.
pub(crate) fn from_wall(time: Timestamp) -> Timestamp {
    Timestamp(time.0.saturating_sub(correction()))
}

/// The wall time of a steady time.
pub(crate) fn to_wall(time: Timestamp) -> Timestamp {
    Timestamp(time.0.saturating_add(correction()))
}

/// How far the wall clock has jumped since the start, in microseconds. Below a second it is the two clocks' own jitter.
fn correction() -> i64 {
    let apart = wall().0.saturating_sub(now().0);
    if apart.abs() < 1_000_000 { 0 } else { apart }
}
