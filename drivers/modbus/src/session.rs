//! What the driver knows, and what it asks next. No I/O of its own: the loop in [`crate::Running`] brings requests, the task
//! in [`crate::connection`] takes a [`Job`] at a time and brings its outcome. Time is an argument.
//!
//! Read in this order: [`Session::next`] what is asked next, [`Session::done`] what its outcome means, then the parts:
//! `points` values, `polls` what is read again and again, `writes`, `reads` what is read once, `scanning` who is there, `standing` what the instance page shows.

mod points;
mod polls;
mod reads;
mod scanning;
mod standing;
mod writes;

use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use fieldrail_driver::demand::Demand;
use fieldrail_driver::{Failure, Outbox, Reading, State, SubscribedItem, Subscription};
use fieldrail_link_serial::Place;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::codec::pdu::{Request, Response};
use crate::health::{Budget, Health};
use crate::line::{Answer, Counts, Trouble};
use crate::plan::{Block, Cuts, Limits};
use crate::setup::{Setup, UnitSetup};
pub(crate) use points::Point;
use polls::Slot;
use reads::Reader;
use scanning::Scan;
use writes::{Write, Writes};

/// How the link stands, for the daemon.
pub(crate) struct Standing {
    pub(crate) state: State,
    pub(crate) failure: Failure,
}

/// An answer that only the port can give.
pub(crate) enum Reply {
    Returned(u64, Result<serde_json::Value, Failure>),
    Values(u64, Vec<Reading>),
    Event(&'static str, serde_json::Value),
}

/// One unit of the line.
pub(crate) struct Unit {
    pub(crate) number: u8,
    pub(crate) name: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) health: Health,
    limits: Limits,
    timeout: Duration,
    cuts: Cuts,
    slots: Vec<Slot>,
    /// Whether the daemon was told that it is dead.
    told_dead: bool,
    pub(crate) sunspec: Option<crate::sunspec::Search>,
}

impl Unit {
    /// How people name it: `unit 3 (meter)`.
    fn shown(&self) -> String {
        self.name
            .as_ref()
            .map_or_else(|| format!("unit {}", self.number), |name| format!("unit {} ({name})", self.number))
    }
}

/// One question, and why it is asked.
pub(crate) struct Job {
    pub(crate) number: u8,
    pub(crate) request: Request,
    pub(crate) patience: Duration,
    /// Which unit of the session; none for units that are only looked for.
    unit: Option<usize>,
    what: What,
}

impl Job {
    /// Whether it looks for a unit that may not be there.
    pub(crate) fn is_search(&self) -> bool {
        matches!(self.what, What::Scan)
    }
}

enum What {
    Poll(usize),
    Write(Box<Write>),
    Once(u64, Block),
    SunSpec,
    Scan,
    Raw(u64),
}

/// What the line does next.
pub(crate) enum Next {
    Ask(Box<Job>),
    /// Nothing until then, unless something changes.
    Rest(Option<Instant>),
}

/// The most datapoints, ad-hoc ones included.
const MAX_POINTS: usize = 100_000;

/// The state of the driver.
pub(crate) struct Session {
    place: String,
    poll: Duration,
    timeout: Duration,
    limits: Limits,
    outbox: Outbox,
    pub(crate) units: Vec<Unit>,
    pub(crate) points: Vec<Point>,
    by_tag: HashMap<Arc<str>, usize>,
    /// Scale factors that devices hold, by unit and register, and the hidden points that read them.
    powers: HashMap<(usize, u16), i16>,
    hidden: HashMap<(usize, u16), usize>,
    demand: Demand,
    /// Whether demand, points or cuts have changed since the last plan.
    dirty: bool,
    writes: Writes,
    readers: Vec<Reader>,
    raw: VecDeque<(u64, u8, Request)>,
    scan: Option<Scan>,
    budget: Budget,
    connected: bool,
    /// Why there is no link; empty before the first try has ended.
    trouble: Arc<str>,
    lost_since: Option<std::time::SystemTime>,
    /// What happened on this line, and on those before it.
    counts: Counts,
    before: Counts,
    polled: u64,
    pub(crate) standing: Option<Standing>,
    pub(crate) replies: Vec<Reply>,
    /// Wakes the loop: there is a standing or a reply.
    pub(crate) changed: Rc<Notify>,
    /// Wakes the line: there is something to ask.
    pub(crate) work: Rc<Notify>,
    /// Rings when a write has ended.
    pub(crate) ended: Rc<Notify>,
}

impl Session {
    pub(crate) fn new(setup: &Setup, outbox: Outbox) -> Self {
        let mut session = Self {
            place: setup.places[0].to_string(),
            poll: setup.poll,
            timeout: setup.timeout,
            limits: setup.limits.clone(),
            outbox,
            units: Vec::new(),
            points: Vec::new(),
            by_tag: HashMap::new(),
            powers: HashMap::new(),
            hidden: HashMap::new(),
            demand: Demand::default(),
            dirty: false,
            writes: Writes::default(),
            readers: Vec::new(),
            raw: VecDeque::new(),
            scan: None,
            budget: Budget::default(),
            connected: false,
            trouble: "".into(),
            lost_since: None,
            counts: Counts::default(),
            before: Counts::default(),
            polled: 0,
            standing: None,
            replies: Vec::new(),
            changed: Rc::default(),
            work: Rc::default(),
            ended: Rc::default(),
        };
        for unit in &setup.units {
            session.add_unit(unit);
        }
        session
    }

    fn add_unit(&mut self, setup: &UnitSetup) -> usize {
        self.units.push(Unit {
            number: setup.number,
            name: setup.name.clone(),
            title: setup.title.clone(),
            health: Health::default(),
            limits: setup.limits.clone(),
            timeout: setup.timeout,
            cuts: Cuts::new(),
            slots: Vec::new(),
            told_dead: false,
            sunspec: setup.sunspec.then(crate::sunspec::Search::default),
        });
        let index = self.units.len() - 1;
        for entry in &setup.entries {
            self.add_point(index, entry.clone());
        }
        index
    }

    // Requests.

    /// Takes subscriptions; one answer for each.
    pub(crate) fn subscribe(&mut self, items: Vec<Subscription>) -> Vec<SubscribedItem> {
        let mut answers = Vec::with_capacity(items.len());
        for Subscription { tag, pattern, interval_ms } in items {
            let known = if pattern || self.may_be_found_later(&tag) { Ok(()) } else { self.find(&tag).map(drop) };
            if known.is_ok() {
                let every = interval_ms.map(|ms| Duration::from_millis(ms.max(1).into()));
                self.demand.add(&tag, pattern, every);
                self.show_again(&tag, pattern);
            }
            answers.push(SubscribedItem { tag, failure: known.err().map(|error| Failure::from(error).into()) });
        }
        self.dirty = true;
        self.work.notify_one();
        answers
    }

    /// Takes subscriptions back.
    pub(crate) fn unsubscribe(&mut self, tags: &[String]) {
        for tag in tags {
            self.demand.remove(tag);
        }
        self.dirty = true;
        self.work.notify_one();
    }

    // The line.

    /// This way is tried now.
    pub(crate) fn turn_to(&mut self, place: &Place) {
        self.place = place.to_string();
    }

    /// The line is open.
    pub(crate) fn connected(&mut self, now: Instant) {
        self.connected = true;
        self.lost_since = None;
        for unit in &mut self.units {
            unit.health = Health::default();
            unit.told_dead = false;
            for slot in &mut unit.slots {
                slot.due = now;
            }
        }
        tracing::info!(place = self.place, "Connected.");
        self.stand_units();
    }

    /// The line broke, or did not open; the next try comes after this.
    pub(crate) fn lost(&mut self, failure: Failure, next: Duration) {
        self.connected = false;
        self.before = self.before + std::mem::take(&mut self.counts);
        self.trouble = format!("no link to {}: {}", self.place, failure.message).into();
        let since = *self.lost_since.get_or_insert_with(|| {
            tracing::warn!(place = self.place, error = failure.message, "No link.");
            std::time::SystemTime::now()
        });
        let text = fieldrail_driver::waits_for(&self.place, &failure.message, since, next);
        self.stand(State::Degraded, Failure { message: text, ..failure });
        // What was subscribed while there was no line is not planned yet.
        self.spread_demand();
        for index in 0..self.units.len() {
            self.take_back(index, &Arc::clone(&self.trouble));
        }
        self.fail_readers();
        self.fail_raw();
    }

    /// What happened on the line so far.
    pub(crate) fn count(&mut self, counts: Counts) {
        self.counts = counts;
    }

    /// Units from which something came that was not asked for.
    pub(crate) fn heard(&mut self, numbers: &[u8], now: Instant) {
        for unit in self.units.iter_mut().filter(|unit| numbers.contains(&unit.number)) {
            unit.health.heard(now);
        }
    }

    /// What to ask next. Writes come first, then what somebody waits for, then what is polled.
    pub(crate) fn next(&mut self, now: Instant) -> Next {
        if std::mem::take(&mut self.dirty) {
            self.replan(now);
        }
        self.tick(now);
        let job = self.next_write(now).or_else(|| self.next_once(now)).or_else(|| self.next_raw());
        let job = job.or_else(|| self.next_poll(now)).or_else(|| self.next_scan());
        job.map_or_else(|| Next::Rest(self.deadline(now)), |job| Next::Ask(Box::new(job)))
    }

    /// When [`Session::keep_time`] has something to do, whether there is a line or not.
    pub(crate) fn alarm(&self) -> Option<Instant> {
        self.writes.deadline().into_iter().chain(self.readers_deadline()).min()
    }

    /// Does what is due by the clock alone: also while there is no line, or it is busy.
    pub(crate) fn keep_time(&mut self, now: Instant) {
        if self.alarm().is_some_and(|due| due <= now) {
            self.tick(now);
            self.work.notify_one();
        }
    }

    /// Does what is due without the line.
    fn tick(&mut self, now: Instant) {
        self.tick_writes(now);
        self.tick_readers(now);
    }

    /// When [`Session::next`] has something to do again.
    fn deadline(&self, now: Instant) -> Option<Instant> {
        // Whoever waits for a unit that rests is served when it may be asked again.
        let awaited: HashSet<usize> = self.written_units().chain(self.awaited_units()).collect();
        let rested = awaited.into_iter().filter_map(|unit| self.rests_until(unit)).filter(|&until| until > now).min();
        [self.alarm(), self.polls_deadline(now), rested].into_iter().flatten().min()
    }

    /// What came of a job that was begun then.
    pub(crate) fn done(&mut self, job: Job, outcome: Result<Answer, Trouble>, begun: Instant, now: Instant) {
        if let Some(index) = job.unit {
            self.judge_health(index, &outcome, now.saturating_duration_since(begun), now);
        }
        let outcome = outcome.map(|answer| answer.response);
        match job.what {
            What::Poll(slot) => self.polled(job.unit.unwrap_or(0), slot, outcome, now),
            What::Write(write) => self.wrote(*write, outcome, now),
            What::Once(reader, block) => self.read_once(job.unit.unwrap_or(0), reader, &block, outcome),
            What::SunSpec => self.searched(job.unit.unwrap_or(0), outcome, now),
            What::Scan => self.scanned(job.number, &outcome),
            What::Raw(request) => self.read_raw(request, job.number, outcome),
        }
    }

    fn judge_health(&mut self, index: usize, outcome: &Result<Answer, Trouble>, cost: Duration, now: Instant) {
        let unit = &mut self.units[index];
        let was_dead = unit.health.is_dead();
        match outcome {
            Ok(Answer { response: Response::Refused { exception, .. }, .. }) if exception.is_silence() => {
                unit.health.silent(now);
            }
            Ok(answer) => unit.health.answered(answer.took),
            Err(Trouble::Silent(_) | Trouble::Damaged) => unit.health.silent(now),
            Err(Trouble::Owing(_) | Trouble::Lost(_)) => return,
        }
        let is_dead = unit.health.is_dead();
        if was_dead && is_dead {
            self.budget.spend(now, cost);
        }
        if is_dead && !unit.told_dead {
            unit.told_dead = true;
            let why = match outcome {
                Ok(Answer { response: Response::Refused { exception, .. }, .. }) => exception.to_string(),
                Err(trouble) => trouble.to_string(),
                Ok(_) => String::new(),
            };
            let shown = unit.shown();
            tracing::warn!(unit = shown, why, "The unit does not answer.");
            self.take_back(index, &format!("{shown} does not answer: {why}").into());
            self.stand_units();
        } else if !is_dead && std::mem::take(&mut unit.told_dead) {
            for slot in &mut unit.slots {
                slot.due = now;
            }
            tracing::info!(unit = unit.shown(), "The unit answers again.");
            self.stand_units();
        }
    }

    /// Whether a unit may be asked now: it does not rest, and if it is dead the line has time for it.
    fn may_ask(&self, index: usize, now: Instant) -> bool {
        self.rests_until(index).is_none_or(|until| until <= now)
    }

    fn rests_until(&self, index: usize) -> Option<Instant> {
        let health = &self.units[index].health;
        let alone = self.neighbours().is_none();
        let budget = self.budget.free().filter(|_| health.is_dead() && !alone);
        health.rests_until(alone).max(budget)
    }

    /// How long the slowest living unit needs; none if none lives.
    fn neighbours(&self) -> Option<Duration> {
        self.units.iter().filter(|unit| unit.health.is_alive()).map(|unit| unit.health.slowest()).max()
    }

    fn job(&self, index: usize, request: Request, what: What) -> Job {
        let unit = &self.units[index];
        let patience = unit.health.patience(unit.timeout, self.neighbours());
        Job { number: unit.number, request, patience, unit: Some(index), what }
    }

    /// Answers an action.
    pub(crate) fn answer(&mut self, request: u64, result: serde_json::Value) {
        self.reply(Reply::Returned(request, Ok(result)));
    }

    fn reply(&mut self, reply: Reply) {
        self.replies.push(reply);
        self.changed.notify_one();
    }
}

#[cfg(test)]
mod tests;
