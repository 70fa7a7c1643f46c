//! How each unit stands, and when it is asked: a dead one must cost the others nothing. Pure: time is an argument.
//!
//! A unit that does not answer is asked once more at once, since a disturbance on the line is likelier than a death. After
//! that it is dead: it is probed after a second, then after two, four, up to a minute. All probes of a line together get
//! only a fiftieth of its time while somebody else on it is alive, and a probe waits no longer than four times what the
//! living ones need. Where nobody is alive nobody is kept waiting, and the dead are probed every half second.

use std::time::Duration;

use tokio::time::Instant;

/// So many questions in a row without an answer make a unit dead.
const DEAD_AFTER: u32 = 2;

/// The first probe comes after this.
const FIRST_PROBE: Duration = Duration::from_secs(1);

/// While nobody on the line is alive a probe costs nobody anything, and comes this long after the last.
const ALONE: Duration = Duration::from_millis(500);

/// Probes come at least this often, if the budget allows.
const LAST_PROBE: Duration = Duration::from_mins(1);

/// A probe waits at least so long.
const SHORTEST_PROBE: Duration = Duration::from_millis(50);

/// A probe waits so many times as long as the slowest living unit needs.
const PROBE_PATIENCE: u32 = 4;

/// Every so many probes one waits as long as configured: the unit may be slower than its neighbours.
const LONG_PROBE: u32 = 4;

/// Probes may take one part in so many of a line's time.
const BUDGET: u32 = 50;

/// What is known of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It was not asked yet.
    Unknown,
    /// Its last answer came.
    Alive,
    /// Its last answer did not come.
    Shaky,
    /// It does not answer.
    Dead,
}

/// The health of one unit.
#[derive(Debug, Clone)]
pub struct Health {
    answered: bool,
    /// Questions in a row without an answer.
    silent: u32,
    /// When a dead one may be asked again, and at the earliest.
    probe: Option<(Instant, Instant)>,
    /// How long its slowest answer took, lately.
    slowest: Duration,
}

impl Default for Health {
    fn default() -> Self {
        Self { answered: false, silent: 0, probe: None, slowest: Duration::ZERO }
    }
}

impl Health {
    /// How it stands.
    pub fn standing(&self) -> Standing {
        match self.silent {
            0 if self.answered => Standing::Alive,
            0 => Standing::Unknown,
            DEAD_AFTER.. => Standing::Dead,
            _ => Standing::Shaky,
        }
    }

    /// Whether it is dead.
    pub fn is_dead(&self) -> bool {
        self.standing() == Standing::Dead
    }

    /// Whether it answers.
    pub fn is_alive(&self) -> bool {
        self.standing() == Standing::Alive
    }

    /// It answered, whatever it said, and took so long.
    pub fn answered(&mut self, took: Duration) {
        // The slowest fades, so that one slow answer does not count for ever.
        self.slowest = took.max(self.slowest.mul_f64(0.95));
        self.answered = true;
        self.silent = 0;
        self.probe = None;
    }

    /// It did not answer.
    pub fn silent(&mut self, now: Instant) {
        self.silent = self.silent.saturating_add(1);
        if let Some(probes) = self.silent.checked_sub(DEAD_AFTER) {
            let wait = FIRST_PROBE.saturating_mul(1 << probes.min(10)).min(LAST_PROBE);
            self.probe = Some((now + wait, now + wait.min(ALONE)));
        }
    }

    /// Something came from it, though not what was asked for: it is worth a proper question now.
    pub fn heard(&mut self, now: Instant) {
        if self.is_dead() {
            self.silent = DEAD_AFTER;
            self.probe = Some((now, now));
        }
    }

    /// From when on it may be asked; none if at once. `alone` is whether nobody else on the line is alive.
    pub fn rests_until(&self, alone: bool) -> Option<Instant> {
        self.probe.map(|(usual, earliest)| if alone { earliest } else { usual })
    }

    /// How long to wait for its answer: as configured, but for a probe no longer than its neighbours would need.
    pub fn patience(&self, configured: Duration, neighbours: Option<Duration>) -> Duration {
        let probes = self.silent.saturating_sub(DEAD_AFTER);
        match neighbours {
            Some(slowest) if self.is_dead() && !probes.is_multiple_of(LONG_PROBE) => {
                let typical = slowest.max(self.slowest).saturating_mul(PROBE_PATIENCE);
                typical.max(SHORTEST_PROBE).min(configured)
            }
            _ => configured,
        }
    }

    /// How long its slowest answer took, lately.
    pub fn slowest(&self) -> Duration {
        self.slowest
    }
}

/// How much of a line's time probes may take.
#[derive(Debug, Clone, Default)]
pub struct Budget {
    free: Option<Instant>,
}

impl Budget {
    /// A probe has cost so much.
    pub fn spend(&mut self, now: Instant, cost: Duration) {
        self.free = Some(now + cost.saturating_mul(BUDGET - 1));
    }

    /// From when on the next probe may be made; none if at once.
    pub fn free(&self) -> Option<Instant> {
        self.free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays a line: who answers in 5 ms and who does not, for so long. Returns questions answered, probes, time spent in probes.
    fn play(living: usize, dead: usize, time: Duration) -> (u32, u32, Duration) {
        const TIMEOUT: Duration = Duration::from_millis(500);
        const ANSWER: Duration = Duration::from_millis(5);
        let start = Instant::now();
        let mut now = start;
        let mut units = vec![Health::default(); living + dead];
        let (mut budget, mut answered, mut probes, mut probing) = (Budget::default(), 0, 0, Duration::ZERO);
        let mut turn = 0;
        while now < start + time {
            let neighbours = units.iter().filter(|unit| unit.is_alive()).map(Health::slowest).max();
            let may = |unit: &Health| {
                let due = unit.rests_until(neighbours.is_none()).is_none_or(|until| until <= now);
                due && (!unit.is_dead() || neighbours.is_none() || budget.free().is_none_or(|free| free <= now))
            };
            let Some(index) = (0..units.len()).map(|n| (turn + n) % units.len()).find(|&n| may(&units[n])) else {
                now += ANSWER;
                continue;
            };
            turn = index + 1;
            if index < living {
                now += ANSWER;
                units[index].answered(ANSWER);
                answered += 1;
            } else {
                let was_dead = units[index].is_dead();
                let cost = units[index].patience(TIMEOUT, neighbours);
                now += cost;
                units[index].silent(now);
                if was_dead {
                    budget.spend(now, cost);
                    probes += 1;
                    probing += cost;
                }
            }
        }
        (answered, probes, probing)
    }

    #[test]
    fn sixteen_dead_of_thirty_two_take_a_fiftieth_of_the_line() {
        let minutes = Duration::from_mins(30);
        let (alone, _, _) = play(16, 0, minutes);
        let (with_dead, probes, probing) = play(16, 16, minutes);
        assert!(f64::from(with_dead) > 0.95 * f64::from(alone), "{with_dead} of {alone}");
        assert!(probing < minutes / 40, "{probing:?}");
        assert!(probes > 16 * 10, "each is probed often enough to be noticed when it comes back: {probes}");
    }

    #[test]
    fn on_a_line_without_living_units_a_probe_comes_half_a_second_after_the_last() {
        let (_, probes, _) = play(0, 1, Duration::from_mins(5));
        assert!((290..=300).contains(&probes), "{probes}");
    }

    #[test]
    fn one_lost_answer_is_asked_for_again_at_once() {
        let now = Instant::now();
        let mut unit = Health::default();
        unit.answered(Duration::from_millis(5));
        unit.silent(now);
        assert_eq!((unit.standing(), unit.rests_until(false)), (Standing::Shaky, None));
        unit.silent(now);
        assert_eq!((unit.standing(), unit.rests_until(false)), (Standing::Dead, Some(now + FIRST_PROBE)));
        unit.answered(Duration::from_millis(5));
        assert_eq!((unit.standing(), unit.rests_until(false)), (Standing::Alive, None));
    }

    #[test]
    fn a_dead_unit_that_is_heard_is_asked_properly() {
        let now = Instant::now();
        let mut unit = Health::default();
        for _ in 0..7 {
            unit.silent(now);
        }
        unit.heard(now);
        let configured = Duration::from_secs(1);
        assert_eq!(unit.rests_until(false), Some(now));
        assert_eq!(unit.patience(configured, Some(Duration::from_millis(1))), configured);
    }
}
