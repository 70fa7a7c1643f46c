//! When something was true.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point in time: microseconds since 1970-01-01 UTC. It fits a browser's number until the year 2255.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The time `ms` milliseconds after the epoch.
    pub fn from_millis(ms: i64) -> Self {
        Self(ms.saturating_mul(1000))
    }

    /// Milliseconds since the epoch, rounded down.
    pub fn millis(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// How long before `now` this was; zero if it lies in the future.
    pub fn age(self, now: Self) -> Duration {
        Duration::from_micros(u64::try_from(now.0.saturating_sub(self.0)).unwrap_or(0))
    }

    /// This time moved into the future by `by`, saturating at the end of time.
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_is_never_negative() {
        assert_eq!(Timestamp(5).age(Timestamp(3)), Duration::ZERO);
        assert_eq!(Timestamp(i64::MIN).age(Timestamp(i64::MAX)), Duration::from_micros(u64::MAX / 2));
    }

    #[test]
    fn milliseconds_before_the_epoch_round_down() {
        assert_eq!(Timestamp(-1).millis(), -1);
    }
}
