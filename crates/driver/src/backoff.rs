//! How long to wait before the next try.

use std::time::Duration;

/// Doubles from `first` to `most`; each wait is shortened by up to a quarter, so that many instances do not try in step.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    tries: u32,
}

impl Backoff {
    /// Begins at `first` and ends at `most`.
    pub fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, tries: 0 }
    }

    /// The next wait. `random` is any number that differs between instances and tries.
    pub fn next(&mut self, random: u32) -> Duration {
        let doubled = self.first.saturating_mul(1 << self.tries.min(20)).min(self.most);
        self.tries = self.tries.saturating_add(1);
        doubled.mul_f64(1.0 - 0.25 * f64::from(random) / f64::from(u32::MAX))
    }

    /// Begins again at the first wait, after a success.
    pub fn reset(&mut self) {
        self.tries = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_most_and_begin_again_after_a_success() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(5));
        let waits: Vec<u64> = (0..4).map(|_| backoff.next(0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 5]);
        backoff.reset();
        assert_eq!(backoff.next(u32::MAX), Duration::from_millis(750));
    }
}
