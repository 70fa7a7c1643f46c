//! How long values take from their arrival in the daemon until they leave it for their target, route by route.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fieldrail_router::SentBy;

/// Powers of two of a microsecond: the last one stands for more than four minutes.
const BUCKETS: usize = 28;

/// The latencies of one route since it was last changed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Latency {
    count: u64,
    sum_us: u64,
    max_us: u64,
    /// How many took at most so many microseconds: 1, 2, 4, …
    buckets: [u64; BUCKETS],
}

impl Default for Latency {
    fn default() -> Self {
        Self { count: 0, sum_us: 0, max_us: 0, buckets: [0; BUCKETS] }
    }
}

impl Latency {
    fn add(&mut self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = (u64::BITS - us.saturating_sub(1).leading_zeros()) as usize;
        self.count += 1;
        self.sum_us = self.sum_us.saturating_add(us);
        self.max_us = self.max_us.max(us);
        self.buckets[bucket.min(BUCKETS - 1)] += 1;
    }

    /// How many values left.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The mean, in microseconds.
    pub(crate) fn mean_us(&self) -> u64 {
        self.sum_us.checked_div(self.count).unwrap_or(0)
    }

    /// The longest, in microseconds.
    pub(crate) fn max_us(&self) -> u64 {
        self.max_us
    }

    /// So many microseconds at most took 99 of 100; rounded up to a power of two.
    pub(crate) fn p99_us(&self) -> u64 {
        let wanted = self.count - self.count / 100;
        let mut so_far = 0;
        for (power, count) in self.buckets.iter().enumerate() {
            so_far += count;
            if so_far >= wanted && so_far > 0 {
                return (1 << power).min(self.max_us);
            }
        }
        self.max_us
    }
}

#[derive(Default)]
struct Table {
    /// Which rules these are.
    rules: u32,
    /// By the place of the route in the file, with its id.
    routes: Vec<(String, Latency)>,
}

/// The latencies of all routes.
#[derive(Default)]
pub(crate) struct Latencies(Mutex<Table>);

impl Latencies {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Other rules are in force; routes keep theirs by their id.
    pub(crate) fn renew(&self, rules: u32, ids: impl Iterator<Item = String>) {
        let mut table = self.lock();
        let mut before: HashMap<String, Latency> = std::mem::take(&mut table.routes).into_iter().collect();
        table.rules = rules;
        table.routes = ids.map(|id| (id.clone(), before.remove(&id).unwrap_or_default())).collect();
    }

    /// These values have left.
    pub(crate) fn add(&self, left: &[(SentBy, Duration)]) {
        if left.is_empty() {
            return;
        }
        let mut table = self.lock();
        let rules = table.rules;
        for (by, took) in left.iter().filter(|(by, _)| by.rules == rules) {
            if let Some((_, latency)) = table.routes.get_mut(by.route.0 as usize) {
                latency.add(*took);
            }
        }
    }

    /// All of them, by the id of the route.
    pub(crate) fn all(&self) -> HashMap<String, Latency> {
        self.lock().routes.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use fieldrail_router::RouteIndex;

    use super::*;

    #[test]
    fn a_route_keeps_its_latencies_over_a_reload_and_no_others_are_mixed_in() {
        let latencies = Latencies::default();
        latencies.renew(1, ["a".to_owned(), "b".to_owned()].into_iter());
        let by = |rules, route| SentBy { route: RouteIndex(route), rules };
        let took = Duration::from_micros;
        latencies.add(&[(by(1, 0), took(100)), (by(1, 0), took(300)), (by(1, 1), took(5))]);
        latencies.renew(2, ["b".to_owned(), "a".to_owned()].into_iter());
        // A value that left under the old rules, whose places are others now.
        latencies.add(&[(by(1, 0), took(9_999))]);
        let all = latencies.all();
        assert_eq!((all["a"].count(), all["a"].mean_us(), all["a"].max_us()), (2, 200, 300));
        assert_eq!((all["b"].count(), all["b"].max_us()), (1, 5));
    }

    #[test]
    fn the_ninety_ninth_of_a_hundred_is_told_to_a_power_of_two() {
        let mut latency = Latency::default();
        assert_eq!(latency.p99_us(), 0);
        for us in 1..=100 {
            latency.add(Duration::from_micros(us));
        }
        assert_eq!(latency.p99_us(), 100);
        let mut latency = Latency::default();
        (0..990).for_each(|_| latency.add(Duration::from_micros(100)));
        (0..10).for_each(|_| latency.add(Duration::from_millis(50)));
        assert_eq!(latency.p99_us(), 128);
    }
}
