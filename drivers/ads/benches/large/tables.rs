//! Rows of the tables that the bench prints.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// The head of the table of limits.
pub(crate) const HEAD: &str = "| what | wanted | measured | |\n| --- | --- | --- | --- |";

/// One figure beside its limit.
pub(crate) struct Row {
    what: String,
    most: f64,
    measured: f64,
    unit: &'static str,
}

impl Row {
    /// A figure that is to be at most so much.
    pub(crate) fn most(what: &str, most: f64, measured: f64, unit: &'static str) -> Self {
        Self { what: what.into(), most, measured, unit }
    }
}

impl Display for Row {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { what, most, measured, unit } = self;
        let verdict = if measured <= most { "met" } else { "**not met**" };
        write!(f, "| {what} | ≤ {most} {unit} | {measured:.1} {unit} | {verdict} |")
    }
}

/// How long something took, again and again; sorted.
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        Self(times)
    }

    pub(crate) fn of_seconds(times: &[f64]) -> Self {
        Self::of(times.iter().copied().map(Duration::from_secs_f64).collect())
    }

    /// The nearest-rank percentile.
    fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied().expect("something was measured")
    }

    pub(crate) fn p99(&self) -> Duration {
        self.percentile(99)
    }

    pub(crate) fn max(&self) -> Duration {
        self.percentile(100)
    }

    /// One of them beside its limit.
    pub(crate) fn row(&self, what: &str, most: Duration, of: fn(&Self) -> Duration) -> Row {
        Row::most(what, ms(most), ms(of(self)), "ms")
    }

    pub(crate) fn line(&self, what: &str) -> String {
        let [p50, p99, max] = [50, 99, 100].map(|percent| ms(self.percentile(percent)));
        format!("| {what} | {} | {p50:.1} ms | {p99:.1} ms | {max:.1} ms |", self.0.len())
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
