//! A share of one core by stopping and continuing: what is used is paid from a budget that fills with time.

use std::time::Duration;

use crate::life::Moment;
use crate::limits::CYCLE;

/// A process that is far from its budget is looked at after so long.
const SELDOM: Duration = Duration::from_millis(20);

/// The same for one that does next to nothing: what it takes at once then is paid back within the second.
const IDLE: Duration = Duration::from_millis(40);

/// Never more often than this.
const OFTEN: Duration = Duration::from_millis(1);

/// Debts beyond this are forgiven: a wrong reading must not stop an instance for long.
const MOST_DEBT: Duration = Duration::from_secs(2);

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It may go on.
    Run,
    /// It is to be stopped, or stays so.
    Stop,
}

/// The budget of one instance.
#[derive(Debug)]
pub(crate) struct Pacer {
    /// Share of one core.
    share: f64,
    /// Cores that it could use at once.
    cores: f64,
    /// Seconds of processor time that it may use.
    budget: f64,
    seen: Option<(Moment, Duration)>,
    stopped: bool,
    stops: u64,
}

impl Pacer {
    pub(crate) fn new(share: f64, cores: usize) -> Self {
        let budget = share * CYCLE.as_secs_f64() / 4.0;
        Self { share, cores: cores.max(1) as f64, budget, seen: None, stopped: false, stops: 0 }
    }

    /// From now on it gets another share.
    pub(crate) fn set_share(&mut self, share: f64) {
        self.share = share;
    }

    /// How often it was stopped.
    pub(crate) fn stops(&self) -> u64 {
        self.stops
    }

    /// Whether it is stopped.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Takes the processor time since its start. Returns what is to be done, and after how long to ask again.
    pub(crate) fn turn(&mut self, now: Moment, used: Duration) -> (Turn, Duration) {
        let (at, before) = *self.seen.get_or_insert((now, used));
        self.seen = Some((now, used));
        let full = self.share * CYCLE.as_secs_f64();
        let (earned, spent) =
            (self.share * now.saturating_sub(at).as_secs_f64(), used.saturating_sub(before).as_secs_f64());
        self.budget += earned - spent;
        self.budget = self.budget.clamp(-self.share * MOST_DEBT.as_secs_f64(), full);
        let go_on_at = full / 2.0;
        if !self.stopped && self.budget <= 0.0 {
            self.stopped = true;
            self.stops += 1;
        } else if self.stopped && self.budget >= go_on_at {
            self.stopped = false;
        }
        if self.stopped {
            let wait = (go_on_at - self.budget) / self.share;
            return (Turn::Stop, Duration::from_secs_f64(wait).clamp(OFTEN, CYCLE));
        }
        let lasts = Duration::from_secs_f64(self.budget / self.cores);
        let is_idle = spent * 10.0 < earned && self.budget >= full;
        (Turn::Run, if is_idle { IDLE } else { lasts.clamp(OFTEN, SELDOM) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs `threads` busy loops under this share for some seconds of simulated time, in which every look comes `late`.
    /// Returns the share that they got in each second.
    fn course(share: f64, threads: f64, late: Duration, seconds: u64) -> Vec<f64> {
        let mut pacer = Pacer::new(share, 2);
        let (mut now, mut used) = (Duration::ZERO, Duration::ZERO);
        let mut got = Vec::new();
        for second in 1..=seconds {
            let before = used;
            while now < Duration::from_secs(second) {
                let (turn, wait) = pacer.turn(now, used);
                let passed = wait + late;
                now += passed;
                if turn == Turn::Run {
                    used += passed.mul_f64(threads);
                }
            }
            got.push(used.saturating_sub(before).as_secs_f64());
        }
        got
    }

    #[track_caller]
    fn check(share: f64, threads: f64, late_ms: u64) {
        for got in course(share, threads, Duration::from_millis(late_ms), 30) {
            assert!((got - share).abs() <= 0.05, "share {share}, {threads} threads, {late_ms} ms late: got {got}");
        }
    }

    #[test]
    fn a_busy_loop_gets_its_share_within_five_points_in_every_second() {
        for share in [0.02, 0.05, 0.1, 0.25, 0.5, 0.8] {
            for late in [0, 1, 3] {
                check(share, 1.0, late);
                check(share, 2.0, late);
            }
        }
    }

    #[test]
    fn who_stays_below_its_share_is_never_stopped() {
        let mut pacer = Pacer::new(0.2, 2);
        let (mut now, mut used) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..10_000 {
            let (turn, wait) = pacer.turn(now, used);
            assert_eq!(turn, Turn::Run);
            now += wait;
            used += wait.mul_f64(0.19);
        }
        assert_eq!(pacer.stops(), 0);
    }

    #[test]
    fn a_wrong_reading_stops_nobody_for_long() {
        let mut pacer = Pacer::new(0.1, 2);
        pacer.turn(Duration::ZERO, Duration::ZERO);
        pacer.turn(Duration::from_millis(1), Duration::from_hours(1));
        let (turn, _) = pacer.turn(Duration::from_secs(3), Duration::from_hours(1));
        assert_eq!(turn, Turn::Run);
    }
}
