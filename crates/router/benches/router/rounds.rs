//! Timing: the same work several times, and the round in the middle.

use std::time::Instant;

/// How often and how much.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    /// A short run, to see that everything works.
    pub(crate) quick: bool,
}

impl Effort {
    /// So many, or a tenth of it in a short run.
    pub(crate) fn of(self, whole: usize) -> usize {
        if self.quick { whole / 10 } else { whole }
    }

    /// The seconds that the round in the middle took.
    pub(crate) fn median(self, mut round: impl FnMut()) -> f64 {
        let rounds = if self.quick { 3 } else { 9 };
        median((0..rounds).map(|_| seconds_of(&mut round).1).collect())
    }
}

/// The figure in the middle.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// What the work gives, and the seconds that it took.
pub(crate) fn seconds_of<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let done = work();
    (done, start.elapsed().as_secs_f64())
}
