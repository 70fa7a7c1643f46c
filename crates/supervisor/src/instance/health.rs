//! How the judge of an instance hears and is heard: every message passes it, the watcher lends it eyes, and what it finds goes
//! into the life cycle.
//!
//! Invariant: its lock is held for a moment; no other one is taken meanwhile, and the listener is not called.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fieldrail_wire::plugin::{self, Samples};
use fieldrail_wire::{FromPlugin, ToPlugin};

use super::Shared;
use crate::health::{Expected, Finding, Ill, Judge, Sight};
use crate::life::{Ailment, Event, Moment};
use crate::listener::shielded;

/// The judge, and what it said last.
pub(super) struct Health(Mutex<Bench>);

struct Bench {
    judge: Judge,
    sight: Sight,
    said: Option<Said>,
}

/// A finding as it was told; the same one keeps its words.
struct Said {
    ill: Ill,
    since: Moment,
    hangs: bool,
    ailment: Ailment,
}

/// What the watcher measures of a process each second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    /// Processor time that it took or queued for, as a part of what it may take.
    pub(crate) busy: Option<f64>,
    /// Bytes that it has sent over the network.
    pub(crate) sent_bytes: Option<u64>,
}

impl Health {
    pub(super) fn new(judge: Judge) -> Self {
        Self(Mutex::new(Bench { judge, sight: Sight::default(), said: None }))
    }

    fn bench(&self) -> MutexGuard<'_, Bench> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn begin(&self, folds: bool, now: Moment) {
        let mut bench = self.bench();
        bench.judge.begin(folds, now);
        (bench.sight, bench.said) = (Sight::default(), None);
    }

    pub(super) fn end(&self) {
        self.bench().judge.end();
    }

    pub(super) fn said(&self, said: &plugin::State, now: Moment) {
        self.bench().judge.said(said.status, said.answers, now);
    }

    pub(super) fn told(&self, message: &ToPlugin, now: Moment) {
        self.bench().judge.told(message, now);
    }

    pub(super) fn held_back(&self, time: Duration, now: Moment) {
        self.bench().judge.held_back(time, now);
    }

    pub(super) fn woke(&self, now: Moment) {
        self.bench().judge.woke(now);
    }
}

impl Shared {
    /// What is expected of it from now on.
    pub(crate) fn expect(&self, expected: Expected) {
        self.inner().life.set_missed(expected.missed.unwrap_or(self.options.policy.missed));
        self.health.bench().judge.expect(expected, self.now());
    }

    /// So long without a sign of life is a hang.
    pub(crate) fn silence(&self) -> Duration {
        self.inner().life.silence()
    }

    /// A message of the process has come that is neither state nor samples.
    pub(crate) fn heard(&self, message: &FromPlugin) {
        self.health.bench().judge.heard(message, self.now());
    }

    /// A batch has come.
    pub(crate) fn heard_batch(&self, batch: &Samples) {
        let unknown = self.health.bench().judge.unknown(batch);
        for number in unknown {
            let mut name = None;
            shielded(|| name = self.listener.tag_name(&self.id, number));
            self.health.bench().judge.learn(number, name.as_deref());
        }
        self.health.bench().judge.samples(batch, self.now());
    }

    /// The process has read so much of what it was told, and so much waits.
    pub(crate) fn reads(&self, read: u64, waiting: u64) {
        self.health.bench().judge.reads(read, waiting, self.now());
    }

    /// Whether it has to be looked after more often than each second.
    pub(crate) fn is_delicate(&self) -> bool {
        self.health.bench().judge.is_quick()
    }

    /// Everything stood still until now.
    pub(crate) fn woke(&self) {
        self.health.woke(self.now());
        let mut inner = self.inner();
        self.apply(&mut inner, Event::Woke);
    }

    /// Looks after it, with what was measured if it was measured anew.
    pub(crate) fn look_after(&self, generation: u64, measured: Option<Measured>) {
        let (restarts, is_kept_waiting) = {
            let inner = self.inner();
            let lanes = inner.process.as_ref().and_then(|process| process.lanes.clone());
            (inner.spec.auto_restart, lanes.is_some_and(|lanes| lanes.is_holding()))
        };
        if self.awake.is_late() {
            return;
        }
        let mut bench = self.health.bench();
        let before = bench.sight;
        let (busy, sent_bytes) = measured.map_or((before.busy, before.sent_bytes), |now| (now.busy, now.sent_bytes));
        let sight = Sight { busy, sent_bytes, is_kept_waiting, restarts };
        bench.sight = sight;
        let found = bench.judge.look(&sight, self.now());
        let Some(found) = found else {
            let is_news = bench.said.take().is_some();
            drop(bench);
            if is_news {
                self.tell(generation, Event::Found(None));
            }
            return;
        };
        let is_known = |said: &Said| (said.ill, said.since, said.hangs) == (found.ill, found.since, found.hangs);
        let known = bench.said.as_ref().filter(|said| is_known(said)).map(|said| said.ailment.clone());
        if known.is_some() && !found.hangs {
            return;
        }
        let ailment = known.unwrap_or_else(|| self.ailment(&found));
        bench.said = Some(Said { ill: found.ill, since: found.since, hangs: found.hangs, ailment: ailment.clone() });
        drop(bench);
        self.tell(generation, Event::Found(Some(ailment)));
    }

    /// The finding in words, with the time as a person reads it.
    fn ailment(&self, found: &Finding) -> Ailment {
        let age = self.now().saturating_sub(found.since);
        let micros = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
        let at = fieldrail_model::Timestamp((self.options.clock)().0.saturating_sub(micros));
        let clock = (self.options.say_time)(at);
        Ailment {
            ill: found.ill,
            text: found.text(&clock),
            cause: found.cause(&clock),
            hint: found.hint,
            ends_for: found.hangs.then(|| found.reason(&clock)),
        }
    }
}
