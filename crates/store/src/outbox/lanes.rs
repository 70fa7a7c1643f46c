//! The books of the lanes: which number is next, how much lies there, who is refused.
//!
//! Pure. The writer changes a copy and keeps it when the transaction is committed.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{LaneFigures, MAX_ENTRY_BYTES, OutboxLimits};

/// How many lanes there are at most. What is put for one more is refused.
pub const MAX_LANES: usize = 4096;

/// An entry is stored under its lane in the high bits and its number in these low ones, so that the entries of a lane
/// lie beside each other, in order, without an index. That is enough for 59 years of 150,000 entries a second.
const SEQ_BITS: u32 = 48;

/// The highest number in a lane. A lane that gets there is full for good.
pub(super) const MAX_SEQ: u64 = (1 << SEQ_BITS) - 1;

/// The lane as it is stored: from 1 to [`MAX_LANES`].
pub(super) type LaneId = u16;

/// The key of entry `seq` of the lane with this id.
pub(super) fn key(id: LaneId, seq: u64) -> i64 {
    i64::from(id) << SEQ_BITS | seq.min(MAX_SEQ).cast_signed()
}

/// The number in the lane that a key holds.
pub(super) fn seq_of(key: i64) -> u64 {
    key.cast_unsigned() & MAX_SEQ
}

/// One lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lane {
    pub(super) name: Arc<str>,
    pub(super) id: LaneId,
    /// The number of the next entry.
    pub(super) next: u64,
    /// Entries that lie there.
    pub(super) entries: u64,
    /// Their bytes.
    pub(super) bytes: u64,
    /// Entries refused since the outbox was opened.
    pub(super) refused: u64,
    /// It is not as it is stored.
    pub(super) changed: bool,
}

impl Lane {
    /// The number of a new entry of `bytes`; none when there is no room for it, which is counted.
    pub(super) fn admit(&mut self, bytes: usize, limits: OutboxLimits) -> Option<u64> {
        let total = self.bytes.saturating_add(bytes as u64);
        let is_full = self.entries >= limits.entries || total > limits.bytes || self.next > MAX_SEQ;
        if is_full || bytes > MAX_ENTRY_BYTES {
            self.refused += 1;
            return None;
        }
        let seq = self.next;
        (self.next, self.entries, self.bytes, self.changed) = (seq + 1, self.entries + 1, total, true);
        Some(seq)
    }

    /// That many entries with that many bytes were deleted.
    pub(super) fn remove(&mut self, entries: u64, bytes: u64) {
        self.entries = self.entries.saturating_sub(entries);
        self.bytes = self.bytes.saturating_sub(bytes);
        self.changed |= entries > 0;
    }

    pub(super) fn figures(&self) -> LaneFigures {
        LaneFigures { lane: self.name.clone(), entries: self.entries, bytes: self.bytes, refused: self.refused }
    }
}

/// All lanes.
#[derive(Debug, Clone, Default)]
pub(super) struct Lanes {
    /// By name.
    list: Vec<Lane>,
    /// Where the lane stands that was asked for last: the entries of a put are mostly of one lane.
    last: usize,
}

impl Lanes {
    pub(super) fn new(mut list: Vec<Lane>) -> Self {
        list.sort_by(|a, b| a.name.cmp(&b.name));
        Self { list, last: 0 }
    }

    pub(super) fn list(&self) -> &[Lane] {
        &self.list
    }

    pub(super) fn list_mut(&mut self) -> &mut [Lane] {
        &mut self.list
    }

    pub(super) fn get(&self, name: &str) -> Option<&Lane> {
        Some(&self.list[self.place(name).ok()?])
    }

    pub(super) fn with_id(&mut self, id: LaneId) -> Option<&mut Lane> {
        self.list.iter_mut().find(|lane| lane.id == id)
    }

    /// The lane called `name`, begun when it is new; none when there are too many.
    pub(super) fn of(&mut self, name: &Arc<str>) -> Option<&mut Lane> {
        if self.list.get(self.last).is_none_or(|lane| lane.name != *name) {
            self.last = match self.place(name) {
                Ok(place) => place,
                Err(place) => {
                    self.list.insert(place, self.new_lane(name.clone())?);
                    place
                }
            };
        }
        self.list.get_mut(self.last)
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.list.binary_search_by(|lane| (*lane.name).cmp(name))
    }

    /// An empty lane with an id that no other one has. It begins above the numbers of all others: an earlier lane of its
    /// name may have been removed, and the removal spares the one that is furthest on.
    fn new_lane(&self, name: Arc<str>) -> Option<Lane> {
        if self.list.len() >= MAX_LANES {
            return None;
        }
        let taken: BTreeSet<LaneId> = self.list.iter().map(|lane| lane.id).collect();
        let id = (1..=LaneId::MAX).find(|id| !taken.contains(id))?;
        let next = self.list.iter().map(|lane| lane.next).max().unwrap_or(1);
        Some(Lane { name, id, next, entries: 0, bytes: 0, refused: 0, changed: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_lie_lane_by_lane_in_the_order_of_the_numbers() {
        let last = LaneId::try_from(MAX_LANES).unwrap();
        let keys = [key(1, 1), key(1, MAX_SEQ), key(2, 0), key(2, 77), key(last, MAX_SEQ)];
        assert!(keys.is_sorted() && keys[0] > 0);
        assert_eq!(keys.map(seq_of), [1, MAX_SEQ, 0, 77, MAX_SEQ]);
    }

    #[test]
    fn a_lane_refuses_at_each_of_its_bounds() {
        let limits = OutboxLimits { entries: 2, bytes: 10 };
        let mut lane = Lanes::default().of(&"a".into()).unwrap().clone();
        assert_eq!(lane.admit(11, limits), None);
        assert_eq!(lane.admit(4, limits), Some(1));
        assert_eq!(lane.admit(6, limits), Some(2));
        assert_eq!(lane.admit(0, limits), None);
        lane.remove(1, 4);
        assert_eq!(lane.admit(5, limits), None);
        assert_eq!(lane.admit(4, limits), Some(3));
        assert_eq!((lane.entries, lane.bytes, lane.refused), (2, 10, 3));
        lane.remove(2, 10);
        assert_eq!(lane.admit(MAX_ENTRY_BYTES + 1, OutboxLimits::default()), None);
        lane.next = MAX_SEQ;
        assert_eq!(lane.admit(1, limits), Some(MAX_SEQ));
        assert_eq!(lane.admit(1, limits), None);
    }

    #[test]
    fn one_lane_too_many_is_not_begun() {
        let mut lanes = Lanes::default();
        for n in 0..MAX_LANES {
            assert!(lanes.of(&format!("lane_{n}").into()).is_some());
        }
        assert!(lanes.of(&"one_more".into()).is_none());
        let ids: BTreeSet<_> = lanes.list().iter().map(|lane| lane.id).collect();
        assert_eq!((ids.len(), ids.first().copied(), ids.last().copied()), (MAX_LANES, Some(1), Some(4096)));
        assert!(lanes.get("lane_7").is_some() && lanes.get("one_more").is_none());
    }
}
