//! What an instance does: writes that wait for their end, and whether anything is finished while it burns processor time.

use std::collections::BTreeMap;
use std::time::Duration;

use fieldrail_wire::plugin::Written;
use fieldrail_wire::{FromPlugin, ToPlugin};

use super::{Finding, Ill, Sight, late, put_off};
use crate::life::Moment;

/// A write lives so long unless it says otherwise, and none shorter counts as overdue before that.
const TTL: Duration = Duration::from_secs(5);

/// Writes whose end is waited for; more are not judged. The node has half as many under way.
const OPEN: usize = 8192;

/// A write without an end is named for so long; then it is lost, and naming it helps nobody.
const NAMED: Duration = Duration::from_mins(5);

/// An instance counts as busy from this part of what it may take.
const BUSY: f64 = 0.8;

/// Questions without an answer; the answer may never come, so more are not counted.
const QUESTIONS: u32 = 1000;

/// What one process has to do and does.
#[derive(Debug)]
pub(super) struct Work {
    /// Writes by number: when they were sent, and when their end is overdue.
    open: BTreeMap<u64, (Moment, Moment)>,
    questions: u32,
    /// When something was finished.
    finished: Moment,
    /// Since when it is busy without a pause.
    busy: Option<Moment>,
    sent_bytes: Option<u64>,
    /// Whether somebody waits for something of it.
    is_wanted: bool,
}

impl Work {
    pub(super) fn new(now: Moment) -> Self {
        Self { open: BTreeMap::new(), questions: 0, finished: now, busy: None, sent_bytes: None, is_wanted: false }
    }

    /// Something is finished.
    pub(super) fn done(&mut self, now: Moment) {
        self.finished = now;
    }

    /// It is to do something.
    pub(super) fn told(&mut self, message: &ToPlugin, now: Moment) {
        match message {
            ToPlugin::Write(write) => {
                for item in &write.items {
                    if self.open.len() < OPEN {
                        let ttl = item.ttl_ms.map_or(TTL, |ms| Duration::from_millis(ms.into())).max(TTL);
                        self.open.insert(item.id, (now, now + late(ttl)));
                    }
                }
            }
            ToPlugin::Read(_) | ToPlugin::Browse(_) | ToPlugin::Search(_) | ToPlugin::Call(_) => {
                self.questions = (self.questions + 1).min(QUESTIONS);
            }
            _ => {}
        }
    }

    /// It has done something.
    pub(super) fn heard(&mut self, message: &FromPlugin, now: Moment) {
        self.done(now);
        match message {
            FromPlugin::Written(written) => self.written(written),
            FromPlugin::Values(_) | FromPlugin::Nodes(_) | FromPlugin::Returned(_) => {
                self.questions = self.questions.saturating_sub(1);
            }
            _ => {}
        }
    }

    fn written(&mut self, written: &Written) {
        for &(first, last) in &written.confirmed {
            if first == last {
                self.open.remove(&first);
            } else if first < last {
                let after = self.open.split_off(&first);
                self.open.extend(after.into_iter().filter(|(id, _)| *id > last));
            }
        }
        for id in written.rejected.iter().map(|rejected| &rejected.id).chain(&written.expired) {
            self.open.remove(id);
        }
    }

    /// The watcher has looked; `subscribed` says whether values are asked for and can come.
    pub(super) fn seen(&mut self, sight: &Sight, subscribed: bool, now: Moment) {
        self.is_wanted = subscribed || !self.open.is_empty() || self.questions > 0;
        if sight.sent_bytes > self.sent_bytes {
            // It talks with somebody: what serves others may have nothing to say to us.
            self.done(now);
        }
        self.sent_bytes = sight.sent_bytes.or(self.sent_bytes);
        match sight.busy {
            Some(busy) if busy >= BUSY => _ = self.busy.get_or_insert(now),
            _ => self.busy = None,
        }
    }

    /// Since when it burns processor time and finishes nothing, though somebody waits for it.
    pub(super) fn spinning(&self) -> Option<Moment> {
        let busy = self.busy.filter(|_| self.is_wanted)?;
        Some(busy.max(self.finished))
    }

    /// Writes whose end is overdue.
    pub(super) fn owing(&mut self, now: Moment) -> Option<Finding> {
        self.open.retain(|_, (_, due)| now < *due + NAMED);
        let mut overdue = self.open.values().filter(|(_, due)| *due <= now);
        let since = overdue.next()?.0;
        let what = match overdue.count() + 1 {
            1 => "a write has had no end".to_owned(),
            count => format!("{count} writes have had no end"),
        };
        Some(Finding {
            ill: Ill::Owing,
            since,
            tag: None,
            what,
            should: String::new(),
            next: "they may have reached the device or not; those of durable routes are sent again".into(),
            hint: "each write must be confirmed, rejected or expired: its log may say what became of it",
            hangs: false,
        })
    }

    pub(super) fn put_off(&mut self, time: Duration, now: Moment) {
        put_off(&mut self.finished, time, now);
        if let Some(busy) = &mut self.busy {
            put_off(busy, time, now);
        }
        for (_, due) in self.open.values_mut() {
            *due += time;
        }
    }

    /// Everybody begins anew.
    pub(super) fn woke(&mut self, now: Moment) {
        self.busy = None;
        for (_, due) in self.open.values_mut() {
            *due = now + late(TTL);
        }
    }
}
