//! Processor time for each cycle of 100 ms: least, mean, most, and how often it wanted more than its share.

use std::time::Duration;

use crate::life::Moment;
use crate::limits::CYCLE;
use crate::metrics::Cycles;

/// Counts the cycles of one process.
#[derive(Debug, Default)]
pub(crate) struct CycleMeter {
    began: Option<(Moment, Duration, u64)>,
    counted: Cycles,
    sum: Duration,
}

impl CycleMeter {
    /// Takes the processor time and the number of times it was held back, both since its start. A cycle that was measured
    /// late counts as so many equal ones.
    pub(crate) fn take(&mut self, now: Moment, used: Duration, held_back: u64) {
        let Some((at, before, held_before)) = self.began else {
            self.began = Some((now, used, held_back));
            return;
        };
        let passed = now.saturating_sub(at);
        if passed < CYCLE {
            return;
        }
        let spent = used.saturating_sub(before);
        let cycles = u64::try_from(passed.as_millis() / CYCLE.as_millis()).unwrap_or(1).max(1);
        let in_one = spent.mul_f64(CYCLE.as_secs_f64() / passed.as_secs_f64());
        let first = self.counted.count == 0;
        self.counted.count += cycles;
        self.counted.exceeded += held_back.saturating_sub(held_before).min(cycles);
        self.counted.min = if first { in_one } else { self.counted.min.min(in_one) };
        self.counted.max = self.counted.max.max(in_one);
        self.sum += in_one.mul_f64(cycles as f64);
        self.counted.avg = self.sum.div_f64(self.counted.count as f64);
        self.began = Some((now, used, held_back));
    }

    /// What was counted so far.
    pub(crate) fn counted(&self) -> Cycles {
        self.counted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn each_cycle_counts_by_its_own_processor_time() {
        let mut meter = CycleMeter::default();
        for (now, used, held_back) in [(0, 0, 0), (50, 3, 0), (100, 10, 1), (200, 12, 1), (300, 30, 2)] {
            meter.take(ms(now), ms(used), held_back);
        }
        let want = Cycles { count: 3, exceeded: 2, min: ms(2), avg: ms(10), max: ms(18) };
        assert_eq!(meter.counted(), want);
    }

    #[test]
    fn a_late_look_is_so_many_equal_cycles() {
        let mut meter = CycleMeter::default();
        meter.take(ms(0), ms(0), 0);
        meter.take(ms(1000), ms(50), 40);
        let want = Cycles { count: 10, exceeded: 10, min: ms(5), avg: ms(5), max: ms(5) };
        assert_eq!(meter.counted(), want);
    }
}
