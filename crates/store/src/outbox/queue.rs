//! What waits for the writer, handed over by those who call the outbox.
//!
//! One lock at a time is held here, for as long as memory takes; never while the disk is waited for.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fieldrail_model::Value;
use rusqlite::Connection;

use super::lanes::{LaneId, Lanes, MAX_LANES, MAX_SEQ};
use super::ranges::{Ranges, Run, runs};
use super::{LaneFigures, NewEntry, Receipt, Stored};
use crate::database::lock;

/// Entries that wait for the disk at most. Beyond, a put is refused as a whole.
pub const MAX_WAITING_ENTRIES: usize = 1_000_000;

/// Memory of the entries that wait for the disk at most, roughly: 256 MiB. Beyond, a put is refused as a whole.
pub const MAX_WAITING_BYTES: usize = 256 << 20;

/// How long [`super::Outbox::done`] and what is remembered wait for a put to go along with: each commit wears the disk.
const LINGER: Duration = Duration::from_secs(1);

/// One put.
pub(super) struct Put {
    pub(super) entries: Vec<NewEntry>,
    /// What of it was refused before the writer saw it.
    pub(super) turned_away: u64,
    pub(super) receipt: Receipt,
    bytes: usize,
}

impl Put {
    /// Says what became of it. A receipt that panics is a fault of whoever gave it, and must not end the writer.
    pub(super) fn acknowledge(self, stored: Stored) {
        let stored = Stored { refused: stored.refused + self.turned_away, ..stored };
        call(move || (self.receipt)(stored));
    }
}

fn call(receipt: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(receipt));
}

/// What is to be remembered or, without a blob, forgotten; the last word for each key.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) blobs: HashMap<String, Option<Vec<u8>>>,
    receipts: Vec<Box<dyn FnOnce() + Send>>,
}

impl Notes {
    pub(super) fn is_empty(&self) -> bool {
        self.blobs.is_empty()
    }

    /// Adds later ones.
    fn extend(&mut self, later: Self) {
        self.blobs.extend(later.blobs);
        self.receipts.extend(later.receipts);
    }

    pub(super) fn acknowledge(self) {
        self.receipts.into_iter().for_each(call);
    }
}

/// What a test does on the writer's connection.
#[cfg(test)]
pub(super) type Hook = Box<dyn FnOnce(&Connection) + Send>;

/// What waits.
#[derive(Default)]
pub(super) struct Queue {
    puts: VecDeque<Put>,
    notes: Notes,
    /// What is done, until its deletion is committed.
    done: HashMap<LaneId, Ranges>,
    /// Entries of all puts that are not committed, those included that the writer has taken.
    waiting_entries: usize,
    waiting_bytes: usize,
    /// Entries turned away for want of room here, by lane.
    turned_away: BTreeMap<Arc<str>, u64>,
    /// There is something that does not wait for more.
    hurry: bool,
    /// There is something that waits for [`LINGER`] at most.
    lazy: bool,
    pub(super) closing: bool,
    #[cfg(test)]
    pub(super) hooks: Vec<Hook>,
}

impl Queue {
    /// Hands all over but what is done: readers look at that until it is deleted.
    pub(super) fn take(&mut self, puts: &mut VecDeque<Put>, notes: &mut Notes) {
        puts.append(&mut self.puts);
        notes.extend(std::mem::take(&mut self.notes));
        (self.hurry, self.lazy) = (false, false);
    }

    /// At most `most` entries that are done.
    pub(super) fn done(&self, most: usize) -> Vec<(LaneId, Vec<Run>)> {
        let mut left = most as u64;
        let lanes = self.done.iter().map(|(&id, ranges)| {
            let runs = ranges.lowest(left);
            left -= runs.iter().map(|run| run.end() - run.start() + 1).sum::<u64>();
            (id, runs)
        });
        lanes.filter(|(_, runs)| !runs.is_empty()).collect()
    }

    /// These are deleted, and these puts are committed.
    pub(super) fn committed<'p>(&mut self, deleted: &[(LaneId, Vec<Run>)], puts: impl Iterator<Item = &'p Put>) {
        for (id, runs) in deleted {
            let Some(ranges) = self.done.get_mut(id) else { continue };
            for run in runs {
                ranges.remove(run);
            }
            if ranges.is_empty() {
                self.done.remove(id);
            }
        }
        for put in puts {
            self.waiting_entries -= put.entries.len();
            self.waiting_bytes -= put.bytes;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.puts.is_empty() && self.notes.is_empty() && self.done.is_empty()
    }

    fn turn_away(&mut self, entries: &[NewEntry]) {
        for entry in entries {
            if let Some(count) = self.turned_away.get_mut(&entry.lane) {
                *count += 1;
            } else if self.turned_away.len() < MAX_LANES {
                self.turned_away.insert(entry.lane.clone(), 1);
            }
        }
    }
}

/// What the callers and the writer share. Order of locks: `reader`, `queue`, `lanes`; the others are taken alone.
pub(super) struct Shared {
    pub(super) path: PathBuf,
    pub(super) queue: Mutex<Queue>,
    wake: Condvar,
    /// As of the last commit.
    pub(super) lanes: Mutex<Lanes>,
    /// None when the writer has ended.
    pub(super) reader: Mutex<Option<Connection>>,
    /// The file was found damaged: the writer begins a new one.
    pub(super) damaged: AtomicBool,
    pub(super) trouble: Mutex<Option<String>>,
    pub(super) set_aside: Mutex<Option<PathBuf>>,
}

impl Shared {
    pub(super) fn new(path: PathBuf, lanes: Lanes, reader: Connection, set_aside: Option<PathBuf>) -> Self {
        Self {
            path,
            queue: Mutex::default(),
            wake: Condvar::new(),
            lanes: Mutex::new(lanes),
            reader: Mutex::new(Some(reader)),
            damaged: AtomicBool::new(false),
            trouble: Mutex::default(),
            set_aside: Mutex::new(set_aside),
        }
    }

    pub(super) fn put(&self, entries: Vec<NewEntry>, receipt: Receipt) {
        let bytes = entries.iter().map(memory).sum();
        let mut put = Put { entries, turned_away: 0, receipt, bytes };
        let mut queue = lock(&self.queue);
        let fits = queue.waiting_entries + put.entries.len() <= MAX_WAITING_ENTRIES
            && queue.waiting_bytes + put.bytes <= MAX_WAITING_BYTES;
        if !fits {
            queue.turn_away(&put.entries);
            put = Put { entries: Vec::new(), turned_away: put.entries.len() as u64, bytes: 0, ..put };
        }
        queue.waiting_entries += put.entries.len();
        queue.waiting_bytes += put.bytes;
        queue.puts.push_back(put);
        self.hurry(queue);
    }

    pub(super) fn done(&self, lane: &str, seqs: Vec<u64>) {
        let runs = runs(seqs);
        let mut queue = lock(&self.queue);
        // A lane that is not there holds nothing.
        let Some(id) = lock(&self.lanes).get(lane).map(|lane| lane.id) else { return };
        let ranges = queue.done.entry(id).or_default();
        for run in runs.iter().filter(|run| *run.start() <= MAX_SEQ) {
            ranges.insert(&(*run.start()..=*run.end().min(&MAX_SEQ)));
        }
        if ranges.is_empty() {
            queue.done.remove(&id);
        }
        self.linger(queue);
    }

    pub(super) fn note(&self, key: &str, blob: Option<Vec<u8>>, receipt: Option<Box<dyn FnOnce() + Send>>) {
        let mut queue = lock(&self.queue);
        queue.notes.blobs.insert(key.into(), blob);
        if let Some(receipt) = receipt {
            queue.notes.receipts.push(receipt);
            self.hurry(queue);
        } else {
            self.linger(queue);
        }
    }

    pub(super) fn found_damage(&self) {
        let queue = lock(&self.queue);
        self.damaged.store(true, Ordering::Relaxed);
        self.hurry(queue);
    }

    pub(super) fn close(&self) {
        lock(&self.queue).closing = true;
        self.wake.notify_one();
    }

    fn hurry(&self, mut queue: MutexGuard<'_, Queue>) {
        if !queue.hurry {
            queue.hurry = true;
            self.wake.notify_one();
        }
    }

    fn linger(&self, mut queue: MutexGuard<'_, Queue>) {
        if !queue.lazy {
            queue.lazy = true;
            self.wake.notify_one();
        }
    }

    /// Waits until there is something to write.
    pub(super) fn wait(&self) -> MutexGuard<'_, Queue> {
        let mut queue = lock(&self.queue);
        let mut lazy_since = None;
        while !queue.hurry && !queue.closing {
            if !queue.lazy {
                queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let waited = lazy_since.get_or_insert_with(Instant::now).elapsed();
            let Some(left) = LINGER.checked_sub(waited).filter(|left| !left.is_zero()) else { break };
            (queue, _) = self.wake.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner);
        }
        queue
    }

    /// Waits for `time`, or until the outbox is being closed.
    pub(super) fn pause(&self, time: Duration) {
        let queue = lock(&self.queue);
        let paused = self.wake.wait_timeout_while(queue, time, |queue| !queue.closing);
        drop(paused.unwrap_or_else(PoisonError::into_inner));
    }

    /// The id of the lane called `lane`, with what of it is done after the number `after`. Asked for before the disk is
    /// read: what is deleted in between is missing there.
    pub(super) fn lane_to_read(&self, lane: &str, after: u64) -> Option<(LaneId, Ranges)> {
        let queue = lock(&self.queue);
        let id = lock(&self.lanes).get(lane)?.id;
        let done = queue.done.get(&id).map(|ranges| ranges.from(after.saturating_add(1)));
        Some((id, done.unwrap_or_default()))
    }

    pub(super) fn figures(&self) -> Vec<LaneFigures> {
        let queue = lock(&self.queue);
        let lanes = lock(&self.lanes);
        let mut figures: BTreeMap<Arc<str>, LaneFigures> =
            lanes.list().iter().map(|lane| (lane.name.clone(), lane.figures())).collect();
        for (lane, count) in &queue.turned_away {
            let nothing = || LaneFigures { lane: lane.clone(), entries: 0, bytes: 0, refused: 0 };
            figures.entry(lane.clone()).or_insert_with(nothing).refused += count;
        }
        figures.into_values().filter(|lane| lane.entries > 0 || lane.refused > 0).collect()
    }
}

/// The memory an entry takes, roughly: its tag and route are mostly shared, its value mostly is not.
fn memory(entry: &NewEntry) -> usize {
    let value = match &entry.value {
        Value::Text(text) | Value::Json(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        _ => 0,
    };
    size_of::<NewEntry>() + value
}
