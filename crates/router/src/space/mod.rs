//! The data space: every datapoint with its last sample.
//!
//! A datapoint, once named, stays; its [`PointId`] is its place in a table, so a sample costs no look-up by text. Read
//! on in [`order`] (paging by address) and [`freshness`] (which datapoints grow stale, and when).

mod blocks;
mod freshness;
mod order;

use std::fmt;
use std::time::Duration;

use fieldrail_model::address::MAX_ADDRESS_BYTES;
use fieldrail_model::{Address, Class, Quality, Sample, Timestamp, Value};
use indexmap::IndexSet;

use crate::pattern::Pattern;
use blocks::Blocks;
use freshness::Deadlines;
use order::Order;

/// The most datapoints there can be. A source that invents addresses without end meets it before the memory's end.
pub const MAX_POINTS: usize = 4_000_000;

/// No entry is awaited.
const NEVER: Timestamp = Timestamp(i64::MAX);

/// A datapoint's place in the data space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PointId(pub u32);

impl PointId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Why an address was not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No text at all.
    #[error("an address needs at least one character")]
    Empty,
    /// Longer than [`MAX_ADDRESS_BYTES`].
    #[error("an address may have {MAX_ADDRESS_BYTES} bytes, not {0}")]
    TooLong(usize),
    /// [`MAX_POINTS`] are there.
    #[error("the data space is full: {MAX_POINTS} datapoints")]
    Full,
}

/// What the space keeps of one datapoint. Its size decides what a million of them take.
struct Point {
    sample: Option<Sample>,
    /// The value before the last sample.
    previous: Value,
    /// Microseconds; zero stands for no deadline.
    deadline_us: u64,
    /// How many look at it.
    watched: u32,
    /// The quality that the sample had before it grew stale.
    fresh: Quality,
    /// The entry of [`Deadlines`] that counts; others are left over from another deadline.
    awaited: Timestamp,
}

/// Every datapoint with its last sample.
#[derive(Default)]
pub struct Space {
    addresses: IndexSet<Address>,
    /// In the same order.
    points: Blocks<Point>,
    order: Order,
    deadlines: Deadlines,
}

impl fmt::Debug for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Space").field("points", &self.len()).finish_non_exhaustive()
    }
}

impl Space {
    /// How many datapoints there are.
    pub fn len(&self) -> usize {
        self.addresses.len()
    }

    /// Whether there is no datapoint yet.
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty()
    }

    /// The datapoint with this address, made if it is new.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn intern(&mut self, address: &str) -> Result<PointId, Refused> {
        if let Some(known) = self.find(address) {
            return Ok(known);
        }
        match address.len() {
            0 => return Err(Refused::Empty),
            length if length > MAX_ADDRESS_BYTES => return Err(Refused::TooLong(length)),
            _ if self.len() >= MAX_POINTS => return Err(Refused::Full),
            _ => {}
        }
        let point = Point {
            sample: None,
            previous: Value::Null,
            deadline_us: 0,
            watched: 0,
            fresh: Quality::Good,
            awaited: NEVER,
        };
        let (index, _) = self.addresses.insert_full(Address::from(address));
        self.points.push(point);
        let id = PointId(u32::try_from(index).map_err(|_| Refused::Full)?);
        let addresses = &self.addresses;
        self.order.insert(id, |other| address_in(addresses, other).cmp(address));
        Ok(id)
    }

    /// The datapoint with this address, if there is one.
    pub fn find(&self, address: &str) -> Option<PointId> {
        let index = self.addresses.get_index_of(address)?;
        u32::try_from(index).ok().map(PointId)
    }

    /// The datapoint's address.
    ///
    /// # Panics
    /// The id is of another space; so do all methods that take one.
    pub fn address(&self, point: PointId) -> &Address {
        self.addresses.get_index(point.index()).expect("ids come from `intern` and points stay")
    }

    /// The last sample, if one came yet.
    pub fn sample(&self, point: PointId) -> Option<&Sample> {
        self.points[point.index()].sample.as_ref()
    }

    /// The value before the last sample; null if there was none.
    pub fn previous(&self, point: PointId) -> &Value {
        &self.points[point.index()].previous
    }

    /// How old the datapoint may grow before it is stale; `None` stands for any age.
    pub fn deadline(&self, point: PointId) -> Option<Duration> {
        let deadline_us = self.points[point.index()].deadline_us;
        (deadline_us > 0).then(|| Duration::from_micros(deadline_us))
    }

    /// Sets how old the datapoint may grow, counted from its last sample or renewal. A datapoint that is stale already
    /// stays so until its next sample or renewal. Zero counts as one microsecond.
    pub fn set_deadline(&mut self, point: PointId, deadline: Option<Duration>) {
        let micros = |age: Duration| u64::try_from(age.as_micros()).unwrap_or(u64::MAX).max(1);
        let deadline_us = deadline.map_or(0, micros);
        let entry = &mut self.points[point.index()];
        if entry.deadline_us != deadline_us {
            // The entry that was made under the other deadline may come too late.
            (entry.deadline_us, entry.awaited) = (deadline_us, NEVER);
            self.await_deadline(point);
        }
    }

    /// One more looks at the datapoint: its changes are told in `Outcome::changed`.
    pub fn watch(&mut self, point: PointId) {
        let watched = &mut self.points[point.index()].watched;
        *watched = watched.saturating_add(1);
    }

    /// One less looks at it.
    pub fn unwatch(&mut self, point: PointId) {
        let watched = &mut self.points[point.index()].watched;
        *watched = watched.saturating_sub(1);
    }

    /// Whether anybody looks at it.
    pub fn is_watched(&self, point: PointId) -> bool {
        self.points[point.index()].watched > 0
    }

    /// The datapoints whose address begins with `prefix`, in the order of their addresses, beginning behind `after`.
    pub fn page<'a>(&'a self, prefix: &'a str, after: Option<&str>) -> impl Iterator<Item = PointId> + 'a {
        let addresses = &self.addresses;
        let start = self.order.first(|id| {
            let address = address_in(addresses, id);
            address < prefix || after.is_some_and(|after| address <= after)
        });
        self.order.from(start).take_while(move |id| address_in(addresses, *id).starts_with(prefix))
    }

    /// The datapoints that match the pattern, in the order of their addresses.
    pub fn matching<'a>(&'a self, pattern: &'a Pattern) -> impl Iterator<Item = PointId> + 'a {
        self.page(pattern.prefix(), None).filter(|id| pattern.matches(address_in(&self.addresses, *id)))
    }

    /// Keeps a sample as the datapoint's last one.
    pub(crate) fn put(&mut self, point: PointId, sample: Sample) {
        let entry = &mut self.points[point.index()];
        entry.fresh = sample.quality;
        if let Some(last) = entry.sample.replace(sample) {
            entry.previous = last.value;
        }
        if entry.deadline_us > 0 && entry.awaited == NEVER {
            self.await_deadline(point);
        }
    }

    /// The source says that the last sample still holds. Tells whether it had grown stale and is what it was again.
    pub(crate) fn renew(&mut self, point: PointId, now: Timestamp) -> bool {
        let entry = &mut self.points[point.index()];
        let Some(sample) = &mut entry.sample else { return false };
        sample.receive_time = now;
        let was_stale = sample.quality == Quality::Stale && entry.fresh != Quality::Stale;
        if was_stale {
            sample.quality = entry.fresh;
        }
        if entry.deadline_us > 0 && entry.awaited == NEVER {
            self.await_deadline(point);
        }
        was_stale
    }

    /// When [`Space::expire`] has something to do next; it may be too early, never too late.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.next()
    }

    /// One datapoint whose deadline has passed; its last sample has just turned stale.
    pub(crate) fn expire(&mut self, now: Timestamp) -> Option<PointId> {
        while let Some((entered, point)) = self.deadlines.pop(now) {
            let entry = &mut self.points[point.index()];
            if entry.awaited != entered {
                continue;
            }
            entry.awaited = NEVER;
            let (Some(sample), deadline_us) = (&mut entry.sample, entry.deadline_us) else { continue };
            if sample.quality.class() == Class::Bad {
                continue;
            }
            if sample.receive_time.after(Duration::from_micros(deadline_us)) > now {
                // A sample or a renewal came since the entry was made.
                self.await_deadline(point);
                continue;
            }
            entry.fresh = sample.quality;
            sample.quality = Quality::Stale;
            return Some(point);
        }
        None
    }

    /// Makes the entry for a datapoint that has a sample and a deadline.
    fn await_deadline(&mut self, point: PointId) {
        let entry = &mut self.points[point.index()];
        if let (Some(sample), 1..) = (&entry.sample, entry.deadline_us) {
            entry.awaited = sample.receive_time.after(Duration::from_micros(entry.deadline_us));
            self.deadlines.push(entry.awaited, point);
        }
    }
}

fn address_in(addresses: &IndexSet<Address>, point: PointId) -> &str {
    addresses.get_index(point.index()).map_or("", Address::as_str)
}

#[cfg(test)]
mod tests;
