//! The line to one instance: which tag each of the plugin's numbers means, and what waits to be written to it.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use std::time::Duration;

use fieldrail_model::{InstanceId, Sample, Timestamp};
use fieldrail_router::{Lane, PointId, Queue, TagNo, Waiting};
use fieldrail_store::Entry as OutboxEntry;
use fieldrail_wire::sample::WireOrigin;
use fieldrail_wire::{TagRef, ToPlugin, WriteItem};

use super::backlog::Backlog;
use super::reach::Reach;
use crate::clock;
use crate::errors::Course;

/// Writes in one message.
pub(crate) const PER_MESSAGE: usize = 1024;

/// How long a value from disk may wait in a plugin; then it is sent again.
const PATIENCE: Duration = Duration::from_mins(1);

/// Tag numbers that a plugin may declare.
const TAGS: usize = 4_000_000;

/// Datapoints of a detached instance whose last sample is kept.
const HELD: usize = 100_000;

/// The line to one instance.
pub(crate) struct Line {
    pub(crate) id: InstanceId,
    /// An instance without a process: a write to it sets its datapoint.
    pub(crate) is_virtual: bool,
    pub(crate) inlet: Mutex<Inlet>,
    pub(crate) outlet: Mutex<Outlet>,
    /// Cut from the router by hand.
    detached: AtomicBool,
    /// Samples and deliveries that were not let through since then.
    held_back: AtomicU64,
    /// The last sample of each datapoint meanwhile: drivers do not say again what did not change.
    held: Mutex<HashMap<PointId, Sample>>,
    /// What it did last, for the event if it fails.
    pub(crate) course: Course,
}

impl Line {
    pub(crate) fn new(id: InstanceId, is_virtual: bool) -> Arc<Self> {
        Arc::new(Self {
            id,
            is_virtual,
            inlet: Mutex::default(),
            outlet: Mutex::default(),
            detached: AtomicBool::default(),
            held_back: AtomicU64::default(),
            held: Mutex::default(),
            course: Course::default(),
        })
    }

    /// Whether it is cut from the router by hand.
    pub(crate) fn is_detached(&self) -> bool {
        self.detached.load(Ordering::Acquire)
    }

    /// Cuts it, or joins it again. True if that is news.
    pub(super) fn set_detached(&self, detached: bool) -> bool {
        let news = self.detached.swap(detached, Ordering::AcqRel) != detached;
        if news && detached {
            self.held_back.store(0, Ordering::Relaxed);
        }
        news
    }

    /// So many samples or deliveries were not let through.
    pub(super) fn hold_back(&self, count: usize) {
        self.held_back.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Keeps the last sample of a datapoint for when it is joined again; beyond the bound it comes with its next change.
    pub(super) fn hold(&self, point: PointId, sample: Sample) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.len() < HELD || held.contains_key(&point) {
            held.insert(point, sample);
        }
    }

    /// What is to be said now that it is joined again, or is of no use any more.
    pub(super) fn take_held(&self) -> HashMap<PointId, Sample> {
        std::mem::take(&mut *self.held.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many were not let through since it was cut.
    pub(crate) fn held_back(&self) -> u64 {
        self.held_back.load(Ordering::Relaxed)
    }

    pub(crate) fn inlet(&self) -> MutexGuard<'_, Inlet> {
        self.inlet.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn outlet(&self) -> MutexGuard<'_, Outlet> {
        self.outlet.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the plugin's tag numbers mean, in this run of it.
#[derive(Default)]
pub(crate) struct Inlet {
    points: Vec<Option<PointId>>,
}

impl Inlet {
    /// A new run of the plugin numbers its tags anew.
    pub(crate) fn reset(&mut self) {
        self.points.clear();
    }

    /// The plugin says what a number means. A number beyond the bound is left unknown.
    pub(crate) fn declare(&mut self, number: u32, point: Option<PointId>) {
        let number = number as usize;
        if number >= TAGS {
            return;
        }
        if number >= self.points.len() {
            self.points.resize(number + 1, None);
        }
        self.points[number] = point;
    }

    /// The datapoint with this number.
    pub(crate) fn point(&self, number: u32) -> Option<PointId> {
        self.points.get(number as usize).copied().flatten()
    }
}

/// What waits to be written to the instance, and what is on the way.
#[derive(Default)]
pub(crate) struct Outlet {
    /// The run of the plugin that is ready; none while there is none.
    pub(crate) generation: Option<u64>,
    /// Writes sent and not ended.
    pub(crate) outstanding: u64,
    /// How many of them there may be; more wait in the queue, where they can be overtaken.
    pub(crate) reach: Reach,
    pub(crate) queue: Queue,
    /// What waits on disk.
    pub(crate) backlog: Backlog,
    /// The log knows that the backlog is full.
    pub(crate) is_full: bool,
    /// A message that the plugin's pipe had no room for.
    pub(crate) unsent: Option<ToPlugin>,
    /// Commands that wrote safe values in a panic.
    pub(crate) safe_writes: Vec<u64>,
    /// The driver would end a pulse, when it stops, against a safe value.
    pub(crate) would_undo: bool,
    /// Values from disk that are about to get the number of their command, by their number on disk.
    leaving: HashMap<u64, OutboxEntry>,
    last_id: u64,
    numbers: HashMap<Arc<str>, TagNo>,
    names: Vec<Arc<str>>,
    declared: HashSet<TagNo>,
}

impl Outlet {
    /// The number of a tag of this instance; the same tag always gets the same.
    pub(crate) fn tag(&mut self, name: &str) -> TagNo {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        let name: Arc<str> = name.into();
        let number = TagNo(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        self.names.push(Arc::clone(&name));
        self.numbers.insert(name, number);
        number
    }

    /// The tag with this number.
    pub(crate) fn name(&self, tag: TagNo) -> Arc<str> {
        Arc::clone(&self.names[tag.0 as usize])
    }

    /// The tag with this number, if there is one.
    pub(crate) fn known(&self, number: u32) -> Option<Arc<str>> {
        self.names.get(number as usize).cloned()
    }

    /// The next command's id. Ids rise over all runs of the plugin, so that a late answer never ends a newer command.
    pub(crate) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// A run of the plugin is ready.
    pub(crate) fn open(&mut self, generation: u64) {
        self.close();
        self.generation = Some(generation);
    }

    /// The run has ended; what waits stays for the next one.
    pub(crate) fn close(&mut self) {
        self.generation = None;
        self.outstanding = 0;
        self.reach = Reach::default();
        self.unsent = None;
        self.declared.clear();
        self.backlog.gone();
    }

    /// Up to `room` values from disk that may leave now. What is of no use any more is given apart.
    pub(crate) fn durable(&mut self, room: usize, now: Timestamp) -> (Vec<Waiting>, Vec<u64>) {
        let (mut items, mut over) = (Vec::new(), Vec::new());
        while items.len() < room
            && let Some(entry) = self.backlog.next(now)
        {
            // On disk times are wall time.
            let expires = entry.expires.map(clock::from_wall);
            if expires.is_some_and(|expires| expires <= now) {
                over.push(entry.seq);
                self.backlog.dropped(&entry);
                continue;
            }
            let tag = self.tag(&entry.tag);
            let latest = now.after(PATIENCE);
            items.push(Waiting {
                tag,
                value: entry.value.clone(),
                origin: entry.origin.clone(),
                expires: Some(expires.map_or(latest, |expires| expires.min(latest))),
                lane: Lane::Durable(entry.seq),
                since: now,
                by: None,
            });
            self.leaving.insert(entry.seq, entry);
        }
        (items, over)
    }

    /// How many more writes may leave now.
    pub(crate) fn room(&self) -> usize {
        usize::try_from(self.reach.size().saturating_sub(self.outstanding)).unwrap_or(0)
    }

    /// The number under which a write goes out.
    fn number(&mut self, write: &Waiting) -> u64 {
        match write.lane {
            Lane::Command(id) => id,
            Lane::Route(_) => self.next_id(),
            Lane::Durable(seq) => {
                let id = self.next_id();
                if let Some(entry) = self.leaving.remove(&seq) {
                    self.backlog.left(id, entry);
                }
                id
            }
        }
    }

    /// The message that writes these, with the names of tags that this run does not know yet.
    pub(crate) fn message(&mut self, waiting: Vec<Waiting>, now: Timestamp) -> ToPlugin {
        let mut tags = Vec::new();
        let mut items = Vec::with_capacity(waiting.len());
        for write in waiting {
            if self.declared.insert(write.tag) {
                tags.push((write.tag.0, Arc::clone(&self.names[write.tag.0 as usize])));
            }
            let left = write.expires.map(|expires| now.age(expires).as_millis());
            items.push(WriteItem {
                id: self.number(&write),
                tag: TagRef::Number(write.tag.0),
                value: write.value,
                ttl_ms: left.map(|ms| u32::try_from(ms).unwrap_or(u32::MAX)),
                pulse_ms: None,
                origin: write.origin.map(|origin| -> WireOrigin { (origin.address, origin.hops) }),
            });
        }
        self.outstanding += items.len() as u64;
        self.reach.sent(items.iter().map(|item| item.id).max().unwrap_or(0), now);
        ToPlugin::Write(fieldrail_wire::daemon::Write { tags, items })
    }
}
