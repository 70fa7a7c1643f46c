//! What leaves a driver: answers first, then samples, in batches within the credit.
//!
//! Samples wait in one bounded queue. While it has room a driver reads on from its device; when it is full, a driver of
//! messages stops reading (back-pressure reaches the device), and a driver of states overwrites the value that waits.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fieldrail_model::{Quality, Value};
use fieldrail_wire::plugin::{Fresh, Pulsed, Rejected, Samples, Written};
use fieldrail_wire::{Encoding, FromPlugin, MAX_BATCH, SampleItem, TagRef, encode};
use tokio::io::AsyncWriteExt as _;
use tokio::net::unix::pipe;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// A driver should stop reading from its device while so many samples wait.
const ROOM: usize = 8192;

/// Beyond this a sample replaces the one of the same tag that waits, or is refused if there is none.
const FULL: usize = 4 * ROOM;

/// A tag's number in this process. Get it once from [`Outbox::tag`] and use it for every sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tag(pub(crate) u32);

impl From<Tag> for TagRef {
    fn from(tag: Tag) -> Self {
        Self::Number(tag.0)
    }
}

/// The way out, shared by all parts of a driver. Cheap to clone.
#[derive(Clone)]
pub struct Outbox(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    /// Something to send, or credit to send it with.
    work: Notify,
    /// The queue has room again.
    room: Notify,
    /// More samples are accepted.
    accepted: Notify,
}

#[derive(Default)]
struct Queue {
    numbers: HashMap<Arc<str>, u32>,
    undeclared: Vec<(u32, Arc<str>)>,
    answers: VecDeque<FromPlugin>,
    written: Written,
    samples: VecDeque<SampleItem>,
    fresh: Vec<TagRef>,
    batch: u64,
    credit: usize,
    /// Batches that are not accepted yet: number and samples.
    outstanding: VecDeque<(u64, usize)>,
    in_flight: usize,
    /// Samples that were ever put into the queue, and how many of them the daemon has accepted.
    pushed: u64,
    accepted: u64,
    paused: bool,
    closed: bool,
}

impl Outbox {
    pub(crate) fn new(credit: u32) -> Self {
        let queue = Queue { credit: credit as usize, ..Queue::default() };
        let [work, room, accepted] = [Notify::new(), Notify::new(), Notify::new()];
        Self(Arc::new(Shared { queue: Mutex::new(queue), work, room, accepted }))
    }

    /// An outbox that nobody empties: for tests of a driver's parts without a daemon.
    pub fn detached() -> Self {
        Self::new(0)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of a tag; the same tag always gets the same.
    pub fn tag(&self, name: &str) -> Tag {
        let mut queue = self.queue();
        if let Some(&number) = queue.numbers.get(name) {
            return Tag(number);
        }
        let name: Arc<str> = name.into();
        let number = u32::try_from(queue.numbers.len()).unwrap_or(u32::MAX);
        queue.numbers.insert(Arc::clone(&name), number);
        queue.undeclared.push((number, name));
        Tag(number)
    }

    /// Sends a good sample that is true now.
    pub fn sample(&self, tag: Tag, value: impl Into<Value>) -> bool {
        self.push(SampleItem {
            tag: TagRef::Number(tag.0),
            value: value.into(),
            quality: Quality::Good,
            time: None,
            note: None,
            origin: None,
        })
    }

    /// Sends a sample whose value cannot be believed, with the reason; the value is the last or the raw one, or null.
    pub fn doubt(&self, tag: Tag, value: impl Into<Value>, quality: Quality, note: impl Into<Arc<str>>) -> bool {
        self.push(SampleItem {
            tag: TagRef::Number(tag.0),
            value: value.into(),
            quality,
            time: None,
            note: Some(note.into()),
            origin: None,
        })
    }

    /// Sends a sample with all its parts. False if the queue is full and the sample was not taken, which cannot happen to
    /// a driver that reads from its device only while [`Outbox::has_room`].
    pub fn push(&self, item: SampleItem) -> bool {
        let mut queue = self.queue();
        if queue.samples.len() >= FULL {
            let waiting = queue.samples.iter_mut().rev().find(|waiting| waiting.tag == item.tag);
            return waiting.map(|waiting| *waiting = item).is_some();
        }
        queue.samples.push_back(item);
        queue.pushed += 1;
        let first = queue.samples.len() == 1;
        drop(queue);
        if first {
            self.0.work.notify_one();
        }
        true
    }

    /// Says that the last sample of each tag still holds.
    pub fn fresh(&self, tags: impl IntoIterator<Item = Tag>) {
        self.queue().fresh.extend(tags.into_iter().map(|tag| TagRef::Number(tag.0)));
        self.0.work.notify_one();
    }

    /// Whether the driver should go on reading from its device.
    pub fn has_room(&self) -> bool {
        self.queue().samples.len() < ROOM
    }

    /// Waits until [`Outbox::has_room`].
    pub async fn room(&self) {
        loop {
            let freed = self.0.room.notified();
            if self.has_room() {
                return;
            }
            freed.await;
        }
    }

    /// How many samples were pushed since the driver began. A device that wants to know when its message is safe hears it
    /// when [`Outbox::accepted`] has come as far as this was behind the message.
    pub fn pushed(&self) -> u64 {
        self.queue().pushed
    }

    /// How many of the samples, in the order in which they were pushed, the daemon has accepted: they are routed, and what
    /// has to survive a power cut is on disk.
    pub fn accepted(&self) -> u64 {
        self.queue().accepted
    }

    /// Waits until [`Outbox::accepted`] may have grown since the last wait. For one task of the driver.
    pub async fn acceptance(&self) {
        self.0.accepted.notified().await;
    }

    /// The write with this id is done.
    pub fn confirmed(&self, id: u64) {
        let mut queue = self.queue();
        match queue.written.confirmed.last_mut() {
            Some(range) if range.1 + 1 == id => range.1 = id,
            _ => queue.written.confirmed.push((id, id)),
        }
        drop(queue);
        self.0.work.notify_one();
    }

    /// The write with this id was refused.
    pub fn rejected(&self, id: u64, failure: impl Into<crate::Failure>) {
        self.queue().written.rejected.push(Rejected { id, failure: failure.into().into() });
        self.0.work.notify_one();
    }

    /// The write with this id could not be sent in time.
    pub fn expired(&self, id: u64) {
        self.queue().written.expired.push(id);
        self.0.work.notify_one();
    }

    /// The end of the pulse with this id has reached the device. Until it is told, the daemon sees to it that it does.
    pub fn pulsed(&self, id: u64) {
        self.say(FromPlugin::Pulsed(Pulsed { ids: vec![id] }));
    }

    /// Sends a message ahead of all samples.
    pub(crate) fn say(&self, message: FromPlugin) {
        self.queue().answers.push_back(message);
        self.0.work.notify_one();
    }

    /// All batches up to this one are routed.
    pub(crate) fn accept(&self, batch: u64) {
        let mut queue = self.queue();
        while let Some(&(number, samples)) = queue.outstanding.front() {
            if number > batch {
                break;
            }
            queue.in_flight -= samples;
            queue.accepted += samples as u64;
            queue.outstanding.pop_front();
        }
        drop(queue);
        self.0.work.notify_one();
        self.0.accepted.notify_one();
    }

    /// The daemon's new window.
    pub(crate) fn set_credit(&self, samples: u32) {
        self.queue().credit = samples as usize;
        self.0.work.notify_one();
    }

    /// Holds samples back, or lets them go.
    pub(crate) fn set_paused(&self, paused: bool) {
        self.queue().paused = paused;
        self.0.work.notify_one();
    }

    /// Lets [`Outbox::drain`] end as soon as everything is sent that may be.
    pub(crate) fn close(&self) {
        self.queue().closed = true;
        self.0.work.notify_one();
    }

    /// Writes everything to the pipe until it breaks or the outbox is closed.
    pub(crate) async fn drain(&self, encoding: Encoding, mut pipe: pipe::Sender) {
        let mut bytes = Vec::with_capacity(4096);
        let mut pace = Pace::default();
        loop {
            let more = self.0.work.notified();
            let due = pace.due(&self.queue(), Instant::now());
            if let Some(due) = due {
                tokio::select! {
                    () = sleep_until(due) => {}
                    () = more => {}
                }
                continue;
            }
            let Filled { samples, closed } = self.fill(encoding, &mut bytes);
            if !bytes.is_empty() {
                if pipe.write_all(&bytes).await.is_err() {
                    return;
                }
                pace.sent(samples, Instant::now());
                bytes.clear();
                bytes.shrink_to(64 * 1024);
                continue;
            }
            if closed {
                return;
            }
            more.await;
        }
    }

    /// Takes what may be sent now.
    fn fill(&self, encoding: Encoding, bytes: &mut Vec<u8>) -> Filled {
        let mut queue = self.queue();
        let messages = queue.take();
        let room = queue.samples.len() < ROOM;
        let closed = queue.closed;
        drop(queue);
        let count = |message: &FromPlugin| if let FromPlugin::Samples(batch) = message { batch.items.len() } else { 0 };
        let samples = messages.iter().map(count).sum();
        for message in &messages {
            if let Err(error) = encode(encoding, message, bytes) {
                tracing::error!(%error, "A message was left out.");
            }
        }
        if room {
            self.0.room.notify_waiters();
        }
        Filled { samples, closed }
    }
}

/// What went into a buffer.
struct Filled {
    samples: usize,
    /// Nothing will follow.
    closed: bool,
}

/// How long samples gather under load: waking the daemon costs both sides more than the samples do.
const GATHER: Duration = Duration::from_millis(1);

/// So many batches in a row, each less than [`GATHER`] after the one before, are load; and so many samples in a gathered
/// batch still are. A sample that comes alone leaves at once.
const LOAD: usize = 4;

/// When the last messages left, and whether there is load.
#[derive(Default)]
struct Pace {
    any: Option<Instant>,
    samples: Option<Instant>,
    streak: usize,
}

impl Pace {
    /// Until when what waits should gather; none if it may leave now, or nothing waits.
    fn due(&self, queue: &Queue, now: Instant) -> Option<Instant> {
        let last = if queue.samples.is_empty() { self.any } else { self.samples };
        let due = last? + GATHER;
        let waits = !queue.samples.is_empty() || queue.written != Written::default();
        let may_wait = self.streak >= LOAD && queue.answers.is_empty() && !queue.closed;
        (waits && may_wait && now < due).then_some(due)
    }

    fn sent(&mut self, samples: usize, now: Instant) {
        self.any = Some(now);
        if samples == 0 {
            return;
        }
        let gathered = self.samples.is_none_or(|last| now >= last + GATHER);
        self.samples = Some(now);
        self.streak = match gathered {
            false => self.streak + 1,
            true if samples >= LOAD => self.streak,
            true => 0,
        };
    }
}

impl Queue {
    /// The messages that may be sent now: all answers, one batch of samples.
    fn take(&mut self) -> Vec<FromPlugin> {
        let mut messages: Vec<FromPlugin> = self.answers.drain(..).collect();
        if self.written != Written::default() {
            messages.push(FromPlugin::Written(std::mem::take(&mut self.written)));
        }
        let window = self.credit.saturating_sub(self.in_flight).min(MAX_BATCH);
        let count = if self.paused { 0 } else { self.samples.len().min(window) };
        if count > 0 {
            self.batch += 1;
            self.in_flight += count;
            self.outstanding.push_back((self.batch, count));
            let tags = std::mem::take(&mut self.undeclared);
            let items = self.samples.drain(..count).collect();
            messages.push(FromPlugin::Samples(Samples { batch: self.batch, tags, items }));
        }
        if self.samples.is_empty() && !self.fresh.is_empty() && !self.paused {
            messages.push(FromPlugin::Fresh(Fresh { tags: std::mem::take(&mut self.fresh), time: None }));
        }
        messages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batches(outbox: &Outbox) -> Vec<usize> {
        let mut sizes = Vec::new();
        loop {
            let taken = outbox.queue().take();
            if taken.is_empty() {
                return sizes;
            }
            sizes.extend(taken.iter().filter_map(|m| match m {
                FromPlugin::Samples(samples) => Some(samples.items.len()),
                _ => None,
            }));
        }
    }

    #[test]
    fn never_more_samples_are_outstanding_than_the_credit() {
        let outbox = Outbox::new(5);
        let tag = outbox.tag("a");
        for n in 0..12_i64 {
            assert!(outbox.sample(tag, n));
        }
        assert_eq!(batches(&outbox), [5]);
        assert_eq!(batches(&outbox), [] as [usize; 0]);
        outbox.accept(1);
        assert_eq!(batches(&outbox), [5]);
        outbox.set_credit(7);
        assert_eq!(batches(&outbox), [2]);
    }

    #[test]
    fn what_is_accepted_is_counted_sample_by_sample_in_the_order_of_the_pushes() {
        let outbox = Outbox::new(5);
        let tag = outbox.tag("a");
        for n in 0..7_i64 {
            outbox.sample(tag, n);
        }
        assert_eq!(batches(&outbox), [5]);
        assert_eq!((outbox.pushed(), outbox.accepted()), (7, 0));
        outbox.accept(1);
        assert_eq!((outbox.pushed(), outbox.accepted()), (7, 5));
        assert_eq!(batches(&outbox), [2]);
        outbox.accept(1);
        assert_eq!(outbox.accepted(), 5);
        outbox.accept(2);
        assert_eq!(outbox.accepted(), 7);
    }

    #[test]
    fn a_full_queue_keeps_the_last_value_of_a_tag_and_refuses_a_new_one() {
        let outbox = Outbox::new(1);
        let (known, new) = (outbox.tag("known"), outbox.tag("new"));
        for n in 0..FULL {
            assert!(outbox.sample(known, n as f64));
        }
        assert!(!outbox.has_room());
        assert!(outbox.sample(known, -1.0));
        assert!(!outbox.sample(new, 0.0));
        assert_eq!(outbox.queue().samples.back().unwrap().value, Value::Float(-1.0));
    }

    #[test]
    fn answers_overtake_samples_and_ids_in_a_row_become_one_range() {
        let outbox = Outbox::new(5);
        let tag = outbox.tag("a");
        outbox.sample(tag, 1_i64);
        for id in [3, 4, 5, 9] {
            outbox.confirmed(id);
        }
        let taken = outbox.queue().take();
        let FromPlugin::Written(written) = &taken[0] else { panic!("{taken:?}") };
        assert_eq!(written.confirmed, [(3, 5), (9, 9)]);
        assert!(matches!(taken[1], FromPlugin::Samples(_)));
    }

    #[test]
    fn a_paused_outbox_holds_samples_back_and_answers_go_on() {
        let outbox = Outbox::new(5);
        outbox.set_paused(true);
        outbox.sample(outbox.tag("a"), 1_i64);
        outbox.confirmed(1);
        assert!(matches!(outbox.queue().take()[..], [FromPlugin::Written(_)]));
        outbox.set_paused(false);
        assert!(matches!(outbox.queue().take()[..], [FromPlugin::Samples(_)]));
    }

    #[test]
    fn a_lone_sample_leaves_at_once_and_samples_gather_under_load() {
        let outbox = Outbox::new(1000);
        let tag = outbox.tag("a");
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        let waits = |pace: &Pace, now| {
            outbox.sample(tag, 1_i64);
            pace.due(&outbox.queue(), now).is_some()
        };
        for _ in 0..10 {
            assert!(!waits(&pace, now), "two milliseconds apart is no load");
            pace.sent(1, now);
            now += 2 * GATHER;
        }
        for _ in 0..LOAD {
            assert!(!waits(&pace, now));
            pace.sent(1, now);
            now += GATHER / 10;
        }
        assert!(!waits(&pace, now));
        pace.sent(1, now);
        assert!(waits(&pace, now + GATHER / 10), "a tenth of a millisecond apart is load");
        pace.sent(10, now + GATHER);
        assert!(waits(&pace, now + GATHER + GATHER / 10), "ten in a gathered batch still are");
        pace.sent(1, now + 2 * GATHER);
        assert!(!waits(&pace, now + 2 * GATHER + GATHER / 10), "one is not");
    }
}
