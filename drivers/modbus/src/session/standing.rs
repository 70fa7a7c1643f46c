//! What the instance page shows: how the line stands, which units do not answer, and figures.

use fieldrail_driver::{Failure, Hint as _, State};

use super::{Session, Standing, Unit};
use crate::error::Error;

/// So many units are named.
const NAMED: usize = 5;

impl Session {
    pub(super) fn stand(&mut self, state: State, failure: Failure) {
        self.standing = Some(Standing { state, failure });
        self.changed.notify_one();
    }

    /// Says which units do not answer.
    pub(super) fn stand_units(&mut self) {
        let dead: Vec<String> = self.units.iter().filter(|unit| unit.told_dead).map(Unit::shown).collect();
        if dead.is_empty() {
            return self.stand(State::Connected, Failure::new(format!("connected to {}", self.place)));
        }
        let more = dead.len().checked_sub(NAMED).filter(|&more| more > 0).map(|more| format!(" and {more} more"));
        let verb = if dead.len() == 1 { "does" } else { "do" };
        let names = dead.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        let text = format!("{names}{} {verb} not answer on {}", more.unwrap_or_default(), self.place);
        let silent = Error::Silent { unit: 0, why: String::new() };
        self.stand(State::Degraded, Failure::new(text).hint(silent.hint().unwrap_or_default()));
    }

    /// Figures for the instance page.
    pub(crate) fn figures(&self) -> Vec<(&'static str, f64)> {
        let alive = self.units.iter().filter(|unit| unit.health.is_alive()).count();
        let dead = self.units.iter().filter(|unit| unit.health.is_dead()).count();
        let blocks: usize = self.units.iter().map(|unit| unit.slots.len()).sum();
        let slowest = self.neighbours().unwrap_or_default();
        let counts = self.before + self.counts;
        vec![
            ("requests", counts.asked as f64),
            ("answers", counts.answered as f64),
            ("exceptions", counts.refused as f64),
            ("timeouts", counts.silent as f64),
            ("late_answers_dropped", counts.late as f64),
            ("foreign_answers_dropped", counts.foreign as f64),
            ("noise_bytes_dropped", counts.noise as f64),
            ("registers_read", self.polled as f64),
            ("blocks_polled", blocks as f64),
            ("units_alive", alive as f64),
            ("units_dead", dead as f64),
            ("slowest_answer_ms", slowest.as_secs_f64() * 1000.0),
        ]
    }
}
