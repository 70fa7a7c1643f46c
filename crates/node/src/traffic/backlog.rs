//! What waits on disk for one instance, and what of it is on the way: in order per tag, at least once.
//!
//! Invariant: of each tag one value is under way at most. So the next one leaves only after the instance has the one before,
//! whatever order it works in and however often it is killed. What is loaded from disk is bounded; the rest stays there.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use fieldrail_model::Timestamp;
use fieldrail_store::Entry as OutboxEntry;

/// Entries in memory, at the most.
pub(crate) const LOADED: usize = 4096;

/// The pause after the instance could not take a value and may later, and the longest one.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What waits of one tag.
#[derive(Default)]
struct Line {
    waiting: VecDeque<OutboxEntry>,
    /// One of its values is under way.
    busy: bool,
    /// It stands among the lines that may send.
    ready: bool,
}

/// The backlog of one instance.
#[derive(Default)]
pub(crate) struct Backlog {
    lines: HashMap<Arc<str>, Line>,
    ready: VecDeque<Arc<str>>,
    loaded: usize,
    /// The last number that was read from disk.
    cursor: u64,
    /// The disk may hold more than what was read.
    more: bool,
    /// What is under way, by the number of its command.
    flying: BTreeMap<u64, OutboxEntry>,
    paused_until: Timestamp,
    pause: Duration,
    /// The instance has said that its device answers.
    pub(crate) is_connected: bool,
}

impl Backlog {
    /// There is something new on disk.
    pub(crate) fn grew(&mut self) {
        self.more = true;
    }

    /// Where to go on reading, and how much, if there is room and something to read.
    pub(crate) fn wants(&self) -> Option<(u64, usize)> {
        (self.is_connected && self.more && self.loaded < LOADED / 2).then_some((self.cursor, LOADED - self.loaded))
    }

    /// Takes in what was read; nothing means that the disk has no more.
    pub(crate) fn load(&mut self, entries: Vec<OutboxEntry>) {
        self.more = !entries.is_empty();
        for entry in entries {
            self.cursor = self.cursor.max(entry.seq);
            self.loaded += 1;
            let tag = Arc::clone(&entry.tag);
            self.lines.entry(Arc::clone(&tag)).or_default().waiting.push_back(entry);
            self.make_ready(&tag);
        }
    }

    fn make_ready(&mut self, tag: &Arc<str>) {
        let Some(line) = self.lines.get_mut(tag) else { return };
        if line.waiting.is_empty() && !line.busy {
            self.lines.remove(tag);
        } else if !line.busy && !line.ready && !line.waiting.is_empty() {
            line.ready = true;
            self.ready.push_back(Arc::clone(tag));
        }
    }

    /// The next value that may leave now.
    pub(crate) fn next(&mut self, now: Timestamp) -> Option<OutboxEntry> {
        if !self.is_connected || now < self.paused_until {
            return None;
        }
        let tag = self.ready.pop_front()?;
        let line = self.lines.get_mut(&tag)?;
        line.ready = false;
        let entry = line.waiting.pop_front()?;
        line.busy = true;
        Some(entry)
    }

    /// It has left with this command.
    pub(crate) fn left(&mut self, command: u64, entry: OutboxEntry) {
        self.flying.insert(command, entry);
    }

    /// It was of no use any more and has not left.
    pub(crate) fn dropped(&mut self, entry: &OutboxEntry) {
        self.landed(entry);
    }

    fn landed(&mut self, entry: &OutboxEntry) {
        self.loaded = self.loaded.saturating_sub(1);
        if let Some(line) = self.lines.get_mut(&entry.tag) {
            line.busy = false;
        }
        self.make_ready(&Arc::clone(&entry.tag));
    }

    /// The instance has these: a range of commands, both ends included. Returns their numbers on disk.
    pub(crate) fn confirmed(&mut self, first: u64, last: u64) -> Vec<u64> {
        if self.flying.is_empty() || first > last {
            return Vec::new();
        }
        let commands: Vec<u64> = self.flying.range(first..=last).map(|(command, _)| *command).collect();
        let ended: Vec<OutboxEntry> = commands.iter().filter_map(|command| self.flying.remove(command)).collect();
        if !ended.is_empty() {
            self.pause = PAUSE;
        }
        for entry in &ended {
            self.landed(entry);
        }
        ended.into_iter().map(|entry| entry.seq).collect()
    }

    /// The instance will never take this one. Returns it, if it was one of these.
    pub(crate) fn refused(&mut self, command: u64) -> Option<OutboxEntry> {
        let entry = self.flying.remove(&command)?;
        self.landed(&entry);
        Some(entry)
    }

    /// The instance may take this one later: it goes back to the front of its tag, and everything rests for a while.
    pub(crate) fn later(&mut self, command: u64, now: Timestamp) -> bool {
        let Some(entry) = self.flying.remove(&command) else { return false };
        self.put_back(entry);
        if now >= self.paused_until {
            self.paused_until = now.after(self.pause.max(PAUSE));
            self.pause = (self.pause.max(PAUSE) * 2).min(LONGEST_PAUSE);
        }
        true
    }

    fn put_back(&mut self, entry: OutboxEntry) {
        let tag = Arc::clone(&entry.tag);
        let line = self.lines.entry(Arc::clone(&tag)).or_default();
        line.busy = false;
        line.waiting.push_front(entry);
        self.make_ready(&tag);
    }

    /// The process has ended: what was under way has to leave again.
    pub(crate) fn gone(&mut self) {
        self.is_connected = false;
        for (_, entry) in std::mem::take(&mut self.flying) {
            self.put_back(entry);
        }
        (self.paused_until, self.pause) = (Timestamp(0), PAUSE);
    }

    /// Whether something may leave as soon as a pause is over.
    pub(crate) fn is_waiting(&self) -> bool {
        self.is_connected && (!self.ready.is_empty() || self.more)
    }
}

#[cfg(test)]
mod tests {
    use fieldrail_model::Value;

    use super::*;

    fn entry(seq: u64, tag: &str) -> OutboxEntry {
        let value = Value::uint(seq);
        OutboxEntry { seq, tag: tag.into(), value, origin: None, route: "r".into(), expires: None }
    }

    fn backlog(tags: &[&str]) -> Backlog {
        let mut backlog = Backlog { is_connected: true, more: true, ..Backlog::default() };
        backlog.load(tags.iter().zip(1..).map(|(tag, seq)| entry(seq, tag)).collect());
        backlog
    }

    /// What may leave now, each with the command of the same number.
    fn leave(backlog: &mut Backlog, now: i64) -> Vec<u64> {
        let mut left = Vec::new();
        while let Some(entry) = backlog.next(Timestamp(now)) {
            left.push(entry.seq);
            backlog.left(entry.seq, entry);
        }
        left
    }

    #[test]
    fn of_each_tag_one_value_is_under_way() {
        let mut backlog = backlog(&["a", "a", "b", "a"]);
        assert_eq!(leave(&mut backlog, 0), [1, 3]);
        assert_eq!(backlog.confirmed(3, 3), [3]);
        assert_eq!(leave(&mut backlog, 0), [0_u64; 0]);
        assert_eq!(backlog.confirmed(0, u64::MAX), [1]);
        assert_eq!(leave(&mut backlog, 0), [2]);
        assert_eq!(backlog.confirmed(2, 2), [2]);
        assert_eq!(leave(&mut backlog, 0), [4]);
    }

    #[test]
    fn what_may_work_later_leaves_again_before_what_came_after_it() {
        let mut backlog = backlog(&["a", "a", "b"]);
        assert_eq!(leave(&mut backlog, 0), [1, 3]);
        assert!(backlog.later(1, Timestamp(0)));
        assert_eq!(leave(&mut backlog, 1), [0_u64; 0]);
        assert!(backlog.is_waiting());
        assert_eq!(leave(&mut backlog, 500_000), [1]);
        assert!(backlog.refused(1).is_some());
        assert_eq!(leave(&mut backlog, 500_000), [2]);
        assert!(!backlog.later(99, Timestamp(0)));
    }

    #[test]
    fn a_killed_process_gets_again_what_it_had_not_confirmed() {
        let mut backlog = backlog(&["a", "b", "a"]);
        assert_eq!(leave(&mut backlog, 0), [1, 2]);
        backlog.confirmed(1, 1);
        assert_eq!(leave(&mut backlog, 0), [3]);
        backlog.gone();
        assert_eq!(leave(&mut backlog, 0), [0_u64; 0]);
        backlog.is_connected = true;
        let mut again = leave(&mut backlog, 0);
        again.sort_unstable();
        assert_eq!(again, [2, 3]);
    }

    #[test]
    fn what_is_loaded_is_bounded() {
        let mut backlog = Backlog { is_connected: true, ..Backlog::default() };
        assert_eq!(backlog.wants(), None);
        backlog.grew();
        assert_eq!(backlog.wants(), Some((0, LOADED)));
        backlog.load((1..=LOADED as u64).map(|seq| entry(seq, &format!("t{}", seq % 7))).collect());
        assert_eq!(backlog.wants(), None);
        let mut left = 0;
        while backlog.wants().is_none() && left < LOADED {
            let now = leave(&mut backlog, 0);
            left += now.len();
            for command in now {
                backlog.confirmed(command, command);
            }
        }
        assert!(backlog.wants().is_some_and(|(cursor, _)| cursor == LOADED as u64));
        backlog.load(Vec::new());
        assert_eq!(backlog.wants(), None);
    }
}
