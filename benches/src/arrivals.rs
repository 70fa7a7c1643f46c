//! What came back of one step: by sequence number, so that loss, doubles and latency are exact. Pure.

use std::time::Duration;

/// The mark of a message that has not arrived, in place of its latency.
const MISSING: u32 = u32::MAX;
/// How far a value may be from the right one, relative.
const TOLERANCE: f64 = 1e-9;

/// One slot for each message of a step, and the counts of what should not have come.
#[derive(Debug)]
pub(crate) struct Arrivals {
    /// Sequence number of the first message of the step.
    first: u64,
    /// Latency of each message in microseconds, from its scheduled time; [`MISSING`] until it arrives.
    late_us: Vec<u32>,
    /// Messages that arrived.
    pub(crate) delivered: u64,
    /// Arrivals of a message that was there already.
    pub(crate) doubled: u64,
    /// Arrivals with a value that no message of the bench has, or on the topic of another datapoint.
    pub(crate) wrong: u64,
    /// Late arrivals from an earlier step; not counted for this one.
    pub(crate) stale: u64,
}

impl Arrivals {
    /// An empty table for `count` messages from sequence number `first` on.
    pub(crate) fn new(first: u64, count: usize) -> Self {
        Self { first, late_us: vec![MISSING; count], delivered: 0, doubled: 0, wrong: 0, stale: 0 }
    }

    /// Takes one arrival. `sequence` is `None` when the value or the topic was not right.
    pub(crate) fn take(&mut self, sequence: Option<u64>, late: impl FnOnce(u64) -> Duration) {
        let Some(sequence) = sequence else {
            self.wrong += 1;
            return;
        };
        let Some(index) = sequence.checked_sub(self.first) else {
            self.stale += 1;
            return;
        };
        let Some(slot) = usize::try_from(index).ok().and_then(|index| self.late_us.get_mut(index)) else {
            self.wrong += 1;
            return;
        };
        if *slot != MISSING {
            self.doubled += 1;
            return;
        }
        *slot = u32::try_from(late(index).as_micros()).unwrap_or(MISSING - 1).min(MISSING - 1);
        self.delivered += 1;
    }

    /// The latencies of all that arrived.
    pub(crate) fn latency(mut self) -> Latency {
        self.late_us.retain(|&late| late != MISSING);
        Latency::of(self.late_us)
    }
}

/// Latencies in milliseconds, from the scheduled send time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[expect(clippy::struct_field_names, reason = "a figure is not without its unit")]
pub(crate) struct Latency {
    /// Half of the messages were as quick.
    pub(crate) p50_ms: f64,
    /// 95 % of the messages were as quick.
    pub(crate) p95_ms: f64,
    /// 99 % of the messages were as quick.
    pub(crate) p99_ms: f64,
    /// The slowest message.
    pub(crate) max_ms: f64,
}

impl Latency {
    fn of(mut late_us: Vec<u32>) -> Self {
        late_us.sort_unstable();
        let at = |percent| f64::from(percentile(&late_us, percent)) / 1000.0;
        Self { p50_ms: at(50), p95_ms: at(95), p99_ms: at(99), max_ms: at(100) }
    }

    /// Each figure's median over several runs.
    pub(crate) fn median(runs: &[Self]) -> Self {
        let of = |pick: fn(&Self) -> f64| median(runs.iter().map(pick).collect());
        Self { p50_ms: of(|l| l.p50_ms), p95_ms: of(|l| l.p95_ms), p99_ms: of(|l| l.p99_ms), max_ms: of(|l| l.max_ms) }
    }
}

/// The nearest-rank percentile of sorted figures; 0 when there are none.
fn percentile(sorted: &[u32], percent: usize) -> u32 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}

/// The middle figure, the lower one of two; 0 when there are none.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len().saturating_sub(1) / 2).copied().unwrap_or(0.0)
}

/// The sequence number behind a payload that is `sequence * scale`, when it is right to [`TOLERANCE`].
pub(crate) fn sequence_of(payload: &[u8], scale: f64) -> Option<u64> {
    let value: f64 = std::str::from_utf8(payload).ok()?.trim().parse().ok()?;
    let exact = value / scale;
    let nearest = exact.round();
    // Below 2^53 each whole number is exact in an f64; the comparison also refuses NaN.
    let right = (1.0..9e15).contains(&nearest) && (exact - nearest).abs() <= TOLERANCE * nearest;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is whole and within the range")]
    right.then_some(nearest as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let hundred: Vec<u32> = (1..=100).collect();
        for (percent, want) in [(50, 50), (95, 95), (99, 99), (100, 100)] {
            assert_eq!(percentile(&hundred, percent), want);
        }
        assert_eq!(percentile(&[7], 50), 7);
        assert_eq!(percentile(&[1, 2, 3], 50), 2);
        assert_eq!(percentile(&[1, 1000], 99), 1000);
        assert_eq!(percentile(&[], 99), 0);
    }

    #[test]
    fn the_median_is_the_middle_or_the_lower_of_two() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(vec![9.0, 1.0]) - 1.0).abs() < f64::EPSILON);
        assert!(median(vec![]).abs() < f64::EPSILON);
    }

    #[test]
    fn a_sequence_number_survives_scaling_in_any_spelling() {
        for (payload, scale, want) in [
            ("1", 1.0, Some(1)),
            ("123456789", 1.0, Some(123_456_789)),
            ("0.001", 0.001, Some(1)),
            ("1234.567", 0.001, Some(1_234_567)),
            ("1234.5670000000001", 0.001, Some(1_234_567)),
            ("1.234567e3", 0.001, Some(1_234_567)),
            ("1234.56701", 0.001, None),
            ("-5", 1.0, None),
            ("0", 1.0, None),
            ("NaN", 1.0, None),
            ("inf", 1.0, None),
            ("{}", 1.0, None),
            ("", 1.0, None),
        ] {
            assert_eq!(sequence_of(payload.as_bytes(), scale), want, "{payload}");
        }
        for sequence in (1..50_000_000_u64).step_by(99_991) {
            let payload = (sequence as f64 * 0.001).to_string();
            assert_eq!(sequence_of(payload.as_bytes(), 0.001), Some(sequence));
        }
    }

    #[test]
    fn loss_doubles_strangers_and_late_comers_are_told_apart() {
        let mut arrivals = Arrivals::new(100, 4);
        for sequence in [Some(100), Some(101), Some(101), Some(99), Some(104), None, Some(103)] {
            arrivals.take(sequence, |index| Duration::from_millis(10 * (index + 1)));
        }
        assert_eq!((arrivals.delivered, arrivals.doubled, arrivals.wrong, arrivals.stale), (3, 1, 2, 1));
        let latency = arrivals.latency();
        assert_eq!(latency, Latency { p50_ms: 20.0, p95_ms: 40.0, p99_ms: 40.0, max_ms: 40.0 });
    }
}
