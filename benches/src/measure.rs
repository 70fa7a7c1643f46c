//! The programme that each contender goes through: idle, 500/s, the rate of another, its own limit.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::arrivals::Latency;
use crate::contender::{Bed, Kind, Ready};
use crate::interrupt;
use crate::load::{self, Outcome, Step};
use crate::ramp::{Limit, Rules, Search};
use crate::usage::{self, Memory};

/// The rate at which latency is compared, in messages a second.
pub(crate) const STEADY_RATE: u32 = 500;
/// Load before the first measured step, so that nobody is measured while it compiles its hot code.
const WARM_UP: (u32, Duration) = (2_000, Duration::from_secs(1));

/// How long and how often to measure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Length of a step of the ramp.
    pub(crate) step: Duration,
    /// Length of a run at [`STEADY_RATE`].
    pub(crate) steady: Duration,
    /// Runs at [`STEADY_RATE`] and at the rate of another contender.
    pub(crate) runs: u32,
    /// Rest before the idle memory is taken.
    pub(crate) settle: Duration,
    /// Steps between the last good and the first bad rate.
    pub(crate) bisections: u32,
    /// Steps at the limit.
    pub(crate) tries: u32,
    /// How often the limit may go down.
    pub(crate) retreats: u32,
    /// For all contenders together; a search that is not done by its share of it ends with what it knows.
    pub(crate) whole: Duration,
}

impl Plan {
    /// The one whose figures count.
    pub(crate) const FULL: Self = Self {
        step: Duration::from_secs(5),
        steady: Duration::from_secs(6),
        runs: 3,
        settle: Duration::from_secs(3),
        bisections: 4,
        tries: 3,
        retreats: 2,
        whole: Duration::from_secs(560),
    };
    /// To see that everything works.
    pub(crate) const QUICK: Self = Self {
        step: Duration::from_secs(2),
        steady: Duration::from_secs(3),
        runs: 1,
        settle: Duration::from_secs(1),
        bisections: 1,
        tries: 1,
        retreats: 0,
        whole: Duration::from_secs(100),
    };

    fn rules(&self, start: u32) -> Rules {
        let Self { bisections, tries, retreats, .. } = *self;
        Rules { start, floor: 100, ceiling: 1_000_000, bisections, tries, retreats }
    }
}

/// One step with what the contender used for it.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    /// What came of it.
    pub(crate) outcome: Outcome,
    /// CPU time of the contender's processes.
    pub(crate) cpu: Duration,
}

/// Several steps at one rate, taken together.
#[derive(Debug, Clone)]
pub(crate) struct Together {
    /// Messages a second.
    pub(crate) rate: u32,
    /// Messages that were sent in all of them.
    pub(crate) sent: u64,
    /// Messages that came back.
    pub(crate) delivered: u64,
    /// Messages that did not.
    pub(crate) lost: u64,
    /// Messages that came back more than once, or wrong.
    pub(crate) spoiled: u64,
    /// Median of the steps, for each figure.
    pub(crate) latency: Latency,
    /// CPU seconds for 100,000 messages, over all steps.
    pub(crate) cpu_s: f64,
}

impl Together {
    /// `None` when there are no steps.
    pub(crate) fn of<'a>(steps: impl IntoIterator<Item = &'a Measured>) -> Option<Self> {
        let steps: Vec<&Measured> = steps.into_iter().collect();
        let outcomes = || steps.iter().map(|step| &step.outcome);
        let sent: u64 = outcomes().map(|outcome| outcome.sent).sum();
        let cpu: Duration = steps.iter().map(|step| step.cpu).sum();
        Some(Self {
            rate: steps.first()?.outcome.rate,
            sent,
            delivered: outcomes().map(|outcome| outcome.delivered).sum(),
            lost: outcomes().map(Outcome::lost).sum(),
            spoiled: outcomes().map(|outcome| outcome.doubled + outcome.wrong).sum(),
            latency: Latency::median(&outcomes().map(|outcome| outcome.latency).collect::<Vec<_>>()),
            cpu_s: cpu.as_secs_f64() * 100_000.0 / sent.max(1) as f64,
        })
    }
}

/// All that was measured of one contender.
#[derive(Debug, Clone)]
pub(crate) struct Figures {
    /// Who it is.
    pub(crate) kind: Kind,
    /// What it calls itself.
    pub(crate) version: String,
    /// Memory before any load.
    pub(crate) idle: Memory,
    /// At [`STEADY_RATE`].
    pub(crate) steady: Together,
    /// Memory after that.
    pub(crate) after_steady: Memory,
    /// At the rate that another contender reached.
    pub(crate) at_reference: Option<Together>,
    /// The highest rate that was sustained.
    pub(crate) limit: Option<Limit>,
    /// At that rate, all steps that were sustained.
    pub(crate) at_limit: Option<Together>,
    /// The lowest rate that was not sustained.
    pub(crate) first_bad: Option<u32>,
    /// Memory after the tries at the limit.
    pub(crate) after_limit: Memory,
    /// Whether the search ended because its time was over.
    pub(crate) cut_short: bool,
    /// Each step of the search, in its order.
    pub(crate) steps: Vec<Measured>,
}

/// Measures one contender; its search for the limit ends at `until`.
pub(crate) fn measure(ready: &Ready, plan: &Plan, reference: Option<u32>, until: Instant) -> Result<Figures> {
    let mut session = Session { ready, bed: None, next: 1, spoiled: false };
    let root = session.bed()?.root();
    interrupt::rest(plan.settle)?;
    let idle = Memory::of(root);
    session.warm_up()?;
    let steady = session.steps(STEADY_RATE, plan.steady, plan.runs)?;
    let after_steady = Memory::of(session.bed()?.root());
    let at_reference = reference.map(|rate| session.steps(rate, plan.step, plan.runs)).transpose()?;

    let mut search = Search::new(plan.rules(ready.kind.start_rate()));
    let (mut steps, mut cut_short) = (Vec::new(), false);
    while let Some(rate) = search.next() {
        if Instant::now() + plan.step > until {
            cut_short = true;
            break;
        }
        let measured = session.step(rate, plan.step)?;
        search.record(measured.outcome.failure().is_none());
        steps.push(measured);
    }
    let limit = search.limit();
    let held = |step: &&Measured| Some(step.outcome.rate) == limit.map(|l| l.rate) && step.outcome.failure().is_none();
    Ok(Figures {
        kind: ready.kind,
        version: ready.version.clone(),
        idle,
        steady: Together::of(&steady).expect("each plan has a run at the steady rate"),
        after_steady,
        at_reference: at_reference.and_then(|steps| Together::of(&steps)),
        at_limit: Together::of(steps.iter().filter(held)),
        limit,
        first_bad: search.first_bad(),
        after_limit: session.bed.as_ref().map(|bed| Memory::of(bed.root())).unwrap_or_default(),
        cut_short,
        steps,
    })
}

/// One contender under measurement.
struct Session<'a> {
    ready: &'a Ready,
    bed: Option<Bed>,
    /// The next sequence number that was never used.
    next: u64,
    /// The last step was not sustained: what is still queued would spoil the next one.
    spoiled: bool,
}

impl Session<'_> {
    /// The running bed; started when there is none.
    fn bed(&mut self) -> Result<&mut Bed> {
        if self.bed.is_none() {
            self.bed = Some(self.ready.start(&mut self.next)?);
        }
        Ok(self.bed.as_mut().expect("it was just started"))
    }

    fn warm_up(&mut self) -> Result<()> {
        self.load(WARM_UP.0, WARM_UP.1).map(|_| ())
    }

    fn steps(&mut self, rate: u32, length: Duration, runs: u32) -> Result<Vec<Measured>> {
        (0..runs).map(|_| self.step(rate, length)).collect()
    }

    /// One measured step, on a fresh bed when the last one left a queue behind.
    fn step(&mut self, rate: u32, length: Duration) -> Result<Measured> {
        if self.spoiled {
            self.bed = None;
            self.bed()?;
            self.warm_up()?;
        }
        let measured = self.load(rate, length)?;
        let failure = measured.outcome.failure();
        self.spoiled = failure.is_some();
        let verdict = failure.unwrap_or_else(|| "held".to_owned());
        let latency = measured.outcome.latency;
        let title = self.ready.kind.title();
        eprintln!("{title}: {rate}/s: {verdict}; p50 {:.2} ms, p99 {:.2} ms", latency.p50_ms, latency.p99_ms);
        Ok(measured)
    }

    fn load(&mut self, rate: u32, length: Duration) -> Result<Measured> {
        let step = Step { rate, count: u64::from(rate) * length.as_secs(), first: self.next };
        self.next += step.count;
        let bed = self.bed()?;
        let before = usage::cpu(bed.root());
        let outcome = load::run(bed.path, step);
        bed.check()?;
        let cpu = usage::cpu(bed.root()).saturating_sub(before);
        Ok(Measured { outcome: outcome?, cpu })
    }
}

/// The rate at which the CPU of two contenders is compared: what the slower one reached.
pub(crate) fn reference_of(figures: &[Figures]) -> Option<u32> {
    figures.iter().find(|figures| figures.kind == Kind::NodeRed)?.limit.map(|limit| limit.rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(sent: u64, delivered: u64, p99_ms: f64, cpu_ms: u64) -> Measured {
        let latency = Latency { p99_ms, ..Latency::default() };
        let outcome = Outcome { rate: 500, sent, delivered, doubled: 0, wrong: 0, pace_held: true, latency };
        Measured { outcome, cpu: Duration::from_millis(cpu_ms) }
    }

    #[test]
    fn steps_are_summed_and_their_latency_is_the_median() {
        let steps = [measured(1000, 1000, 3.0, 10), measured(1000, 990, 9.0, 40), measured(2000, 2000, 4.0, 50)];
        let together = Together::of(&steps).unwrap();
        assert_eq!((together.sent, together.delivered, together.lost), (4000, 3990, 10));
        assert!((together.latency.p99_ms - 4.0).abs() < 1e-9);
        assert!((together.cpu_s - 2.5).abs() < 1e-9, "100 ms for 4000 messages: {}", together.cpu_s);
        assert!(Together::of(&[]).is_none());
    }
}
