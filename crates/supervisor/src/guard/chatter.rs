//! The limit on messages that nobody asked for and that are no samples: states, logs, answers, events. Samples have a breaker of
//! their own; what confirms a write is bounded by the writes.

use crate::life::Moment;

/// Messages a second in the long run.
const A_SECOND: f64 = 1000.0;

/// Messages at once after a quiet time.
const BURST: f64 = 10_000.0;

/// A bucket that fills with time.
#[derive(Debug)]
pub(crate) struct Chatter {
    tokens: f64,
    filled: Moment,
}

impl Chatter {
    pub(crate) fn new() -> Self {
        Self { tokens: BURST, filled: Moment::ZERO }
    }

    /// One more message. Fails if there were too many.
    pub(crate) fn take(&mut self, now: Moment) -> Result<(), String> {
        let passed = now.saturating_sub(self.filled).as_secs_f64();
        self.tokens = (self.tokens + passed * A_SECOND).min(BURST) - 1.0;
        self.filled = now;
        if self.tokens >= 0.0 {
            return Ok(());
        }
        Err(format!("floods the daemon with messages, its limit is {A_SECOND} a second beyond {BURST} at once"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_a_flood_does_not() {
        let mut chatter = Chatter::new();
        let at = Moment::from_secs;
        assert!((0..10_000).all(|_| chatter.take(at(1)).is_ok()));
        assert!(chatter.take(at(1)).is_err_and(|text| text.contains("1000 a second")));
        let mut chatter = Chatter::new();
        let steady = (0..100_000_u64).all(|n| chatter.take(Moment::from_micros(n * 1100)).is_ok());
        assert!(steady, "nine hundred a second pass for ever");
    }
}
