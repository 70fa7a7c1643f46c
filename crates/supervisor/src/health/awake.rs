//! Whether we ourselves were there to see: the one place that notices that the machine or the daemon stood still.
//!
//! The watcher looks in ten times a second. If it is late by seconds, nobody else here ran either, and whatever seems to be
//! missing may lie unread in a pipe or may not have happened at all. The clock is the one that counts on while the machine
//! sleeps and that nobody sets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// So long after the last look the next one is late: no scheduler that does its work is so far behind.
const LATE: Duration = Duration::from_secs(2);

/// When the watcher last looked in.
#[derive(Debug)]
pub(crate) struct Awake {
    /// In milliseconds of the machine's life.
    looked: AtomicU64,
}

impl Awake {
    pub(crate) fn new() -> Self {
        Self { looked: AtomicU64::new(millis(since_boot())) }
    }

    /// The watcher looks in. How long everything stood still, if it did.
    pub(crate) fn look(&self) -> Option<Duration> {
        self.look_at(since_boot())
    }

    /// Whether the watcher is late, so that what is missing proves nothing yet.
    pub(crate) fn is_late(&self) -> bool {
        self.gap(since_boot()).is_some()
    }

    fn look_at(&self, now: Duration) -> Option<Duration> {
        let gap = self.gap(now);
        self.looked.store(millis(now), Ordering::Release);
        gap
    }

    fn gap(&self, now: Duration) -> Option<Duration> {
        let passed = now.saturating_sub(Duration::from_millis(self.looked.load(Ordering::Acquire)));
        (passed >= LATE).then_some(passed)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Time since the machine was started, its sleep included.
fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let (seconds, nanos) = (u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0));
    Duration::new(seconds, nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_look_is_noticed_once_and_a_usual_one_is_not() {
        let awake = Awake { looked: AtomicU64::new(0) };
        let at = Duration::from_millis;
        for round in 1..100 {
            // A busy machine lets even the watcher wait.
            assert_eq!(awake.look_at(at(round * 900)), None);
        }
        let begun = 99 * 900;
        assert_eq!(awake.gap(at(begun + 1_999)), None);
        assert_eq!(awake.gap(at(begun + 60_000)), Some(at(60_000)));
        assert_eq!(awake.look_at(at(begun + 60_000)), Some(at(60_000)));
        assert_eq!(awake.look_at(at(begun + 60_100)), None);
    }

    #[test]
    fn the_machine_tells_how_long_it_lives() {
        let awake = Awake::new();
        assert!(since_boot() > Duration::ZERO);
        assert_eq!((awake.is_late(), awake.look()), (false, None));
    }
}
