//! Whether we ourselves were there to see: the one place that notices that the machine or the daemon stood still.
//!
//! The watcher rests a tenth of a second at most and then looks in. If it comes back from its rest seconds late, nobody else
//! here ran either, and whatever seems to be missing may lie unread in a pipe or may not have happened at all. Its own work may
//! take longer where there is much to look at, and is no standstill before it is far too long. The clock is the one that
//! counts on while the machine sleeps and that nobody sets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// So much later than it wanted the watcher comes back: no scheduler that does its work is so far behind.
const LATE: Duration = Duration::from_secs(2);

/// So long after a look the next one is late, whatever the watcher had to do.
const LONG: Duration = Duration::from_secs(10);

/// The watcher works, and rests until no moment.
const WORKING: u64 = u64::MAX;

/// When the watcher looked in, and wants to do so next. In milliseconds of the machine's life.
#[derive(Debug)]
pub(crate) struct Awake {
    looked: AtomicU64,
    rests_until: AtomicU64,
}

impl Awake {
    pub(crate) fn new() -> Self {
        Self { looked: AtomicU64::new(millis(since_boot())), rests_until: AtomicU64::new(WORKING) }
    }

    /// How long everything stood still, if the watcher has not looked in since.
    pub(crate) fn late(&self) -> Option<Duration> {
        self.gap(since_boot())
    }

    /// The watcher looks in: everybody has time anew, if everything stood still.
    pub(crate) fn look(&self) {
        self.look_at(since_boot());
    }

    /// The watcher rests for so long.
    pub(crate) fn rest(&self, wait: Duration) {
        self.rest_at(since_boot(), wait);
    }

    /// Whether the watcher is late, so that what is missing proves nothing yet.
    pub(crate) fn is_late(&self) -> bool {
        self.late().is_some()
    }

    fn look_at(&self, now: Duration) -> Option<Duration> {
        let gap = self.gap(now);
        self.looked.store(millis(now), Ordering::Release);
        self.rests_until.store(WORKING, Ordering::Release);
        gap
    }

    fn rest_at(&self, now: Duration, wait: Duration) {
        self.rests_until.store(millis(now + wait), Ordering::Release);
    }

    fn gap(&self, now: Duration) -> Option<Duration> {
        let passed = now.saturating_sub(Duration::from_millis(self.looked.load(Ordering::Acquire)));
        let until = self.rests_until.load(Ordering::Acquire);
        let overslept = until != WORKING && now >= Duration::from_millis(until) + LATE;
        (overslept || passed >= LONG).then_some(passed)
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

    /// A watcher that works for so long, wants to rest a tenth of a second, and comes back after so long. Whether that is
    /// taken for a standstill.
    #[track_caller]
    fn check(works_ms: u64, rests_ms: u64, want: bool) {
        let awake = Awake { looked: AtomicU64::new(0), rests_until: AtomicU64::new(WORKING) };
        let at = Duration::from_millis;
        for round in 0..3 {
            let begun = round * 100_000;
            awake.look_at(at(begun));
            awake.rest_at(at(begun + works_ms), at(100));
            let back = begun + works_ms + rests_ms;
            assert_eq!(awake.gap(at(back)).is_some(), want, "as an instance's own task sees it");
            assert_eq!(awake.look_at(at(back)), want.then(|| at(works_ms + rests_ms)));
            assert_eq!(awake.look_at(at(back + 100)), None, "it is noticed once");
        }
    }

    #[test]
    fn a_rest_that_lasts_too_long_is_a_standstill_and_long_work_is_none() {
        check(50, 100, false);
        check(50, 2_099, false);
        check(50, 2_100, true);
        check(5_000, 1_000, false);
        check(9_900, 100, true);
        check(1, 8 * 3_600_000, true);
    }

    #[test]
    fn the_machine_tells_how_long_it_lives() {
        let awake = Awake::new();
        assert!(since_boot() > Duration::ZERO);
        awake.rest(Duration::from_millis(100));
        assert_eq!((awake.is_late(), awake.late()), (false, None));
    }
}
