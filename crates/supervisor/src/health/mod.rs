//! Whether an instance that lives does its work: what is expected of it is held against what is seen of it.
//!
//! Pure: time and what was seen are arguments. Read in this order: [`Expected`] what people declared, [`Judge`] who looks,
//! [`Finding`] what comes of it; then `work` what it does, `values` what comes from its device, `awake` whether we
//! ourselves were there to see it.
//!
//! Invariants: a finding comes within twice the interval that was declared for it and is gone with its cause. Time in which
//! the instance was held back by its limits, and time in which the machine or the daemon stood still, counts for nothing.

mod awake;
mod values;
mod work;

use std::collections::BTreeMap;
use std::time::Duration;

use fieldrail_wire::plugin::{Fresh, Samples, Status};
use fieldrail_wire::{FromPlugin, ToPlugin};

pub(crate) use awake::Awake;
use values::Values;
use work::Work;

use crate::Policy;
use crate::cause::Cause;
use crate::life::Moment;

/// What is expected of an instance while it is connected. What is not said is not judged.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Expected {
    /// So many missed heartbeats are a hang; none means as the [`Policy`] says.
    pub missed: Option<u32>,
    /// Something comes from the device at least so often: a value, or the word that one still holds.
    pub heard: Option<Duration>,
    /// Some value changes at least so often.
    pub changed: Option<Duration>,
    /// The same for single tags, in their canonical spelling.
    pub tags: BTreeMap<String, ExpectedOfTag>,
}

/// What is expected of one tag, as long as somebody needs it and its quality is not bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExpectedOfTag {
    /// It is sent or renewed at least so often.
    pub heard: Option<Duration>,
    /// It changes at least so often.
    pub changed: Option<Duration>,
}

impl Expected {
    /// The shortest interval that is declared, for whoever has to look in time.
    fn shortest(&self) -> Option<Duration> {
        let of_tags = self.tags.values().flat_map(|tag| [tag.heard, tag.changed]);
        [self.heard, self.changed].into_iter().chain(of_tags).flatten().min()
    }
}

/// What can be wrong with an instance that lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ill {
    /// Its loop does not turn.
    NoBeat,
    /// It does not read what it is told.
    Deaf,
    /// It burns processor time and finishes nothing.
    Spinning,
    /// Writes have had no end.
    Owing,
    /// Nothing comes from its device.
    Silent,
    /// What comes does not change.
    Frozen,
}

impl Ill {
    /// The word in the API: `no_beat`, `deaf`, `spinning`, `owing`, `silent` or `frozen`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NoBeat => "no_beat",
            Self::Deaf => "deaf",
            Self::Spinning => "spinning",
            Self::Owing => "owing",
            Self::Silent => "silent",
            Self::Frozen => "frozen",
        }
    }

    /// Whether it is of the process itself, whatever its device does.
    pub(crate) fn is_of_process(self) -> bool {
        matches!(self, Self::NoBeat | Self::Deaf | Self::Spinning)
    }
}

/// What was found, and since when it is so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) ill: Ill,
    pub(crate) since: Moment,
    /// The tag, if it is of a single one.
    tag: Option<String>,
    /// What it does or does not, up to "since".
    what: String,
    /// What it should do, behind the time.
    should: String,
    /// What is done next.
    next: String,
    pub(crate) hint: &'static str,
    /// It will not mend itself: start it again, where that is wanted.
    pub(crate) hangs: bool,
}

impl Finding {
    /// All of it in words; `clock` is how a person reads `since`.
    pub(crate) fn text(&self, clock: &str) -> String {
        format!("{} since {clock}{}; {}", self.what, self.should, self.next)
    }

    /// The same for other languages.
    pub(crate) fn cause(&self, clock: &str) -> Cause {
        let cause = Cause::plain(self.ill.name(), self.text(clock)).with("since", clock);
        match &self.tag {
            Some(tag) => cause.with("tag", tag),
            None => cause,
        }
    }

    /// The same before the process is ended for it.
    pub(crate) fn reason(&self, clock: &str) -> String {
        format!("{} since {clock}{}", self.what, self.should)
    }
}

/// What the watcher sees of an instance from outside.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Sight {
    /// Processor time that it took or queued for over the last second, as a part of what it may take; none if unknown.
    pub(crate) busy: Option<f64>,
    /// Bytes that it has sent over the network; none if unknown.
    pub(crate) sent_bytes: Option<u64>,
    /// A batch of it waits for our own disk, so it may have no room for more.
    pub(crate) is_kept_waiting: bool,
    /// Whether it is started again when it hangs.
    pub(crate) restarts: bool,
}

/// The one who judges an instance.
#[derive(Debug)]
pub(crate) struct Judge {
    progress: Duration,
    missed: u32,
    expected: Expected,
    run: Option<Run>,
}

/// What is known of the present process since its hello.
#[derive(Debug)]
struct Run {
    beat: Moment,
    turns: Option<u64>,
    /// Since when its link is up; none while it is not.
    linked: Option<Moment>,
    is_paused: bool,
    /// Whether tags count the same in any case.
    folds: bool,
    /// Bytes that it has read, and since when bytes wait without a further one being read.
    read: u64,
    unread: Option<Moment>,
    work: Work,
    values: Values,
}

/// A half more than the interval: so much later something is late, and half an interval is left to say so.
fn late(interval: Duration) -> Duration {
    interval + interval / 2
}

/// Moves a moment for time that does not count, and never beyond now.
fn put_off(moment: &mut Moment, time: Duration, now: Moment) {
    *moment = (*moment + time).min(now);
}

impl Judge {
    pub(crate) fn new(policy: &Policy) -> Self {
        Self { progress: policy.progress, missed: policy.missed, expected: Expected::default(), run: None }
    }

    /// Takes what is declared; in force at once.
    pub(crate) fn expect(&mut self, expected: Expected, now: Moment) {
        if expected != self.expected {
            if let Some(run) = &mut self.run {
                run.values.expect_anew(now);
            }
            self.expected = expected;
        }
    }

    /// Whether something is declared that has to be looked at more often than each second.
    pub(crate) fn is_quick(&self) -> bool {
        self.run.is_some() && self.expected.shortest().is_some_and(|shortest| shortest < Duration::from_secs(4))
    }

    /// A process said hello.
    pub(crate) fn begin(&mut self, folds: bool, now: Moment) {
        self.run = Some(Run {
            beat: now,
            turns: None,
            linked: None,
            is_paused: false,
            folds,
            read: 0,
            unread: None,
            work: Work::new(now),
            values: Values::new(now),
        });
    }

    /// It has ended.
    pub(crate) fn end(&mut self) {
        self.run = None;
    }

    /// The plugin says how its link stands; `answers` with a degraded one means that the device answers all the same.
    pub(crate) fn said(&mut self, status: Status, answers: bool, now: Moment) {
        let Some(run) = &mut self.run else { return };
        let is_linked = status == Status::Connected || (status == Status::Degraded && answers);
        if is_linked != run.linked.is_some() {
            run.linked = is_linked.then_some(now);
            run.values.begin(now);
            run.work.done(now);
        }
    }

    /// A heartbeat.
    pub(crate) fn beat(&mut self, turns: u64, now: Moment) {
        if let Some(run) = &mut self.run {
            if run.turns.is_none_or(|before| turns > before) {
                run.beat = now;
            }
            run.turns = Some(turns);
        }
    }

    /// It has read so many bytes of what it was told, and so many wait for it.
    pub(crate) fn reads(&mut self, read: u64, waiting: u64, now: Moment) {
        let Some(run) = &mut self.run else { return };
        if waiting == 0 {
            run.unread = None;
        } else if run.unread.is_none() || read > run.read {
            run.unread = Some(now);
        }
        run.read = read;
    }

    /// It is told something.
    pub(crate) fn told(&mut self, message: &ToPlugin, now: Moment) {
        let Some(run) = &mut self.run else { return };
        match message {
            ToPlugin::Pause(_) => run.is_paused = true,
            ToPlugin::Resume(_) => {
                run.is_paused = false;
                run.values.begin(now);
            }
            ToPlugin::Subscribe(subscribe) => run.values.subscribed(&subscribe.items, run.folds, now),
            ToPlugin::Unsubscribe(unsubscribe) => run.values.unsubscribed(&unsubscribe.tags, run.folds),
            other => run.work.told(other, now),
        }
    }

    /// It says something that is neither state nor sample.
    pub(crate) fn heard(&mut self, message: &FromPlugin, now: Moment) {
        let Some(run) = &mut self.run else { return };
        match message {
            FromPlugin::Progress(progress) => return self.beat(progress.turns, now),
            FromPlugin::Log(_) | FromPlugin::Metrics(_) | FromPlugin::State(_) | FromPlugin::Event(_) => return,
            FromPlugin::Fresh(Fresh { tags, .. }) => run.values.renewed(&self.expected, tags, run.folds, now),
            _ => {}
        }
        run.work.heard(message, now);
    }

    /// Numbers in the batch whose names somebody must look up first.
    pub(crate) fn unknown(&self, batch: &Samples) -> Vec<u32> {
        self.run.as_ref().map(|run| run.values.unknown(&self.expected, batch)).unwrap_or_default()
    }

    /// The name behind a number, as it was looked up.
    pub(crate) fn learn(&mut self, number: u32, name: Option<&str>) {
        if let Some(run) = &mut self.run {
            run.values.learn(&self.expected, number, name, run.folds);
        }
    }

    /// A batch has come.
    pub(crate) fn samples(&mut self, batch: &Samples, now: Moment) {
        let Some(run) = &mut self.run else { return };
        run.work.done(now);
        run.values.samples(&self.expected, batch, run.folds, now);
    }

    /// Its limits held it back for so long: that time counts for nothing.
    pub(crate) fn held_back(&mut self, time: Duration, now: Moment) {
        let Some(run) = &mut self.run else { return };
        put_off(&mut run.beat, time, now);
        if let Some(unread) = &mut run.unread {
            put_off(unread, time, now);
        }
        run.work.put_off(time, now);
        run.values.put_off(time, now);
    }

    /// Everything stood still, or we were not there to see: everybody begins anew.
    pub(crate) fn woke(&mut self, now: Moment) {
        self.held_back(now, now);
        if let Some(run) = &mut self.run {
            run.work.woke(now);
        }
    }

    /// Whether writes that must arrive may leave: its link is up.
    #[cfg(test)]
    fn is_linked(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.linked.is_some())
    }

    /// Looks, and says what is worst.
    pub(crate) fn look(&mut self, sight: &Sight, now: Moment) -> Option<Finding> {
        let missed = self.expected.missed.unwrap_or(self.missed);
        let silence = self.progress * missed + self.progress / 2;
        let run = self.run.as_mut()?;
        if sight.is_kept_waiting {
            run.values.begin(now);
        }
        let is_linked = run.linked.is_some();
        run.work.seen(sight, is_linked && run.values.is_wanted(), now);
        let process = Hang { progress: self.progress, silence, restarts: sight.restarts, now };
        process.no_beat(run).or_else(|| process.deaf(run)).or_else(|| process.spinning(run)).or_else(|| {
            run.work.owing(now).or_else(|| {
                let judged = is_linked && !run.is_paused;
                if judged { run.values.look(&self.expected, run.folds, now) } else { None }
            })
        })
    }
}

/// What is told of the process itself.
struct Hang {
    progress: Duration,
    silence: Duration,
    restarts: bool,
    now: Moment,
}

impl Hang {
    /// A finding of something that is so since this moment, if that is long enough.
    fn found(&self, ill: Ill, since: Moment, what: String, should: String, hint: &'static str) -> Option<Finding> {
        let age = self.now.saturating_sub(since);
        if age < late(self.progress) {
            return None;
        }
        let silence = self.silence.as_secs_f32();
        let next = if self.restarts {
            format!("is started again when that lasts {silence} s")
        } else {
            "is not started again by itself, since `health.auto_restart` is off".to_owned()
        };
        let hangs = age >= self.silence && ill != Ill::NoBeat;
        Some(Finding { ill, since, tag: None, what, should, next, hint, hangs })
    }

    /// The life cycle itself ends whoever misses its heartbeats; here it is told before.
    fn no_beat(&self, run: &Run) -> Option<Finding> {
        let what = "has given no sign of life".into();
        let should = format!(", one is due every {} s", self.progress.as_secs_f32());
        self.found(Ill::NoBeat, run.beat, what, should, "its own log may say what it waits for")
    }

    fn deaf(&self, run: &Run) -> Option<Finding> {
        let what = "has read nothing of what it is told".into();
        let hint = "it lives and does not listen: its own log may say what it waits for";
        self.found(Ill::Deaf, run.unread?, what, String::new(), hint)
    }

    fn spinning(&self, run: &Run) -> Option<Finding> {
        let what = "has burnt processor time and finished nothing".into();
        let hint = "it turns in a circle: its own log may say what it tries again and again";
        self.found(Ill::Spinning, run.work.spinning()?, what, String::new(), hint)
    }
}

#[cfg(test)]
mod month;
#[cfg(test)]
mod tests;
