//! What the driver knows of its batteries, and what is to be done next. No I/O of its own: the loop in [`crate::Running`]
//! brings requests, a task for each line ([`crate::bus`]) takes a [`Task`] at a time and brings what came of it. Time is an
//! argument.
//!
//! Read in this order: [`Session::next`] what is done next on a line, [`Session::polled`] what a poll has shown, then the
//! parts: `packs` one battery, `points` its datapoints, `writes` switches, `reads` what is read once, `standing` what the instance
//! page shows.

mod packs;
mod points;
mod reads;
mod standing;
#[cfg(test)]
mod tests;
mod writes;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use fieldrail_driver::demand::Demand;
use fieldrail_driver::{Failure, Outbox, Reading, State, SubscribedItem, Subscription};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::battery::Need;
use crate::exchange::Heard;
use crate::setup::{Choice, Setup};
use crate::transport::Place;
pub(crate) use packs::Pack;
pub(crate) use points::Point;
use reads::Reader;
use standing::LineStanding;
pub(crate) use writes::Write;
use writes::Writes;

/// How the links stand, for the daemon.
pub(crate) enum Standing {
    /// As it should be, or not at all.
    Link(State, Failure),
    /// It answers, and something is wrong all the same.
    MakesDo(Failure),
}

/// An answer that only the port can give.
pub(crate) enum Reply {
    Returned(u64, Result<serde_json::Value, Failure>),
    Values(u64, Vec<Reading>),
}

/// What is done next on a line.
pub(crate) enum Task {
    /// A pack is asked for what is needed.
    Poll(usize, Need),
    /// A switch of a pack is set.
    Write(Box<Write>),
    /// Nothing until then, unless something changes.
    Rest(Option<Instant>),
}

/// The state of the driver.
pub(crate) struct Session {
    outbox: Outbox,
    poll: Duration,
    pub(crate) timeout: Duration,
    pub(crate) writable: bool,
    checks: bool,
    pub(crate) packs: Vec<Pack>,
    lines: Vec<LineStanding>,
    bank: Option<String>,
    points: BTreeMap<Arc<str>, Point>,
    demand: Demand,
    writes: Writes,
    readers: Vec<Reader>,
    began: Instant,
    pub(crate) counts: Counts,
    pub(crate) standing: Option<Standing>,
    pub(crate) replies: Vec<Reply>,
    /// Wakes the loop: there is a standing or a reply.
    pub(crate) changed: Rc<Notify>,
    /// Wakes each line: there is something to do.
    pub(crate) work: Vec<Rc<Notify>>,
}

/// What happened so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) questions: u64,
    pub(crate) answers: u64,
    pub(crate) silent: u64,
    pub(crate) broken: u64,
    pub(crate) foreign: u64,
    pub(crate) thrown: u64,
}

impl Session {
    pub(crate) fn new(setup: &Setup, outbox: Outbox, now: Instant) -> Self {
        let line_of = |index: usize| setup.lines.iter().position(|line| line.packs.contains(&index)).unwrap_or(0);
        let pack = |(index, pack)| Pack::new(pack, line_of(index), now);
        Self {
            outbox,
            poll: setup.poll,
            timeout: setup.timeout,
            writable: setup.writes,
            checks: setup.plausibility,
            packs: setup.packs.iter().enumerate().map(pack).collect(),
            lines: setup.lines.iter().map(|line| LineStanding::new(line.place.clone())).collect(),
            bank: setup.bank.clone(),
            points: BTreeMap::new(),
            demand: Demand::default(),
            writes: Writes::default(),
            readers: Vec::new(),
            began: now,
            counts: Counts::default(),
            standing: None,
            replies: Vec::new(),
            changed: Rc::default(),
            work: setup.lines.iter().map(|_| Rc::default()).collect(),
        }
    }

    // Requests.

    /// Takes subscriptions; one answer for each.
    pub(crate) fn subscribe(&mut self, items: Vec<Subscription>, now: Instant) -> Vec<SubscribedItem> {
        let mut answers = Vec::with_capacity(items.len());
        for Subscription { tag, pattern, interval_ms } in items {
            let known = if pattern { Ok(()) } else { self.find(&tag) };
            if known.is_ok() {
                let every = interval_ms.map(|ms| Duration::from_millis(ms.max(1).into()));
                self.demand.add(&tag, pattern, every);
                self.show_again(&tag, pattern);
            }
            answers.push(SubscribedItem { tag, failure: known.err().map(|error| Failure::from(error).into()) });
        }
        self.spread_demand(now);
        answers
    }

    /// Takes subscriptions back.
    pub(crate) fn unsubscribe(&mut self, tags: &[String], now: Instant) {
        for tag in tags {
            self.demand.remove(tag);
        }
        self.spread_demand(now);
    }

    // The lines.

    /// What to do next on a line. Switches come first.
    pub(crate) fn next(&mut self, line: usize, now: Instant) -> Task {
        self.tick(now);
        if let Some(write) = self.next_write(line) {
            return Task::Write(Box::new(write));
        }
        let due = |pack: &Pack| pack.line == line && pack.due <= now;
        let longest = self.packs.iter().enumerate().filter(|(_, pack)| due(pack)).min_by_key(|(_, pack)| pack.due);
        if let Some((index, _)) = longest {
            return Task::Poll(index, self.need(index));
        }
        let dues = self.packs.iter().filter(|pack| pack.line == line).map(|pack| pack.due);
        Task::Rest(dues.chain(self.alarm()).min())
    }

    /// A line is open, and this is spoken on it.
    pub(crate) fn connected(&mut self, line: usize, choice: Choice, now: Instant) {
        tracing::info!(place = %self.lines[line].place, battery = %choice, "Connected.");
        self.lines[line].is_open(choice);
        for pack in self.packs.iter_mut().filter(|pack| pack.line == line) {
            pack.begin(now);
        }
    }

    /// A line broke, or did not open; the next try comes after this.
    pub(crate) fn lost(&mut self, line: usize, failure: Failure, next: Duration) {
        let why: Arc<str> = format!("no link to {}: {}", self.lines[line].place, failure.message).into();
        self.lines[line].is_lost(failure, next);
        for index in 0..self.packs.len() {
            if self.packs[index].line == line {
                self.packs[index].end(Arc::clone(&why));
                self.take_back(index, &why);
            }
        }
        self.join_bank();
        self.stand();
        self.answer_readers();
    }

    /// Where a line is.
    pub(crate) fn place(&self, line: usize) -> &Place {
        &self.lines[line].place
    }

    /// What a poll has shown of a pack; `why` is what was wrong where nothing was.
    pub(crate) fn polled(&mut self, index: usize, poll: Polled, now: Instant) {
        let every = self.interval(index);
        match poll {
            Polled::Values { reading, is_identified } => self.took(index, reading, is_identified, now),
            Polled::Nothing(failure) => self.missed(index, failure),
        }
        let pack = &mut self.packs[index];
        pack.due = now + pack.rest(every);
        self.join_bank();
        self.stand();
        self.answer_readers();
    }

    /// Counts what came of a question.
    pub(crate) fn count(&mut self, heard: &Heard) {
        let counts = &mut self.counts;
        counts.questions += 1;
        counts.answers += u64::from(heard.is_answered);
        counts.silent += u64::from(!heard.is_answered);
        counts.thrown += heard.thrown as u64;
        for fault in &heard.faults {
            if fault.is_foreign() { counts.foreign += 1 } else { counts.broken += 1 }
        }
    }

    /// When [`Session::tick`] has something to do.
    pub(crate) fn alarm(&self) -> Option<Instant> {
        self.writes.deadline().into_iter().chain(self.readers_deadline()).min()
    }

    /// Does what is due by the clock alone.
    pub(crate) fn tick(&mut self, now: Instant) {
        self.expire_writes(now);
        self.expire_readers(now);
    }

    pub(crate) fn reply(&mut self, reply: Reply) {
        self.replies.push(reply);
        self.changed.notify_one();
    }

    fn wake(&self, line: usize) {
        if let Some(work) = self.work.get(line) {
            work.notify_one();
        }
    }
}

/// What came of a poll.
pub(crate) enum Polled {
    /// These values.
    Values {
        /// All of this poll.
        reading: crate::battery::Reading,
        /// Whether it was also asked for what never changes.
        is_identified: bool,
    },
    /// Nothing, and why.
    Nothing(Failure),
}
