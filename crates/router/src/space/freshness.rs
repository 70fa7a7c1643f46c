//! Which datapoints grow stale, and when: a heap that is corrected lazily.
//!
//! A sample or a renewal does not touch the heap; an entry that comes up too early is put back with the later time. So a
//! datapoint that gets a thousand samples a second costs one correction per deadline.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use fieldrail_model::Timestamp;

use super::PointId;

/// The deadlines that were promised, the earliest first.
#[derive(Default)]
pub(super) struct Deadlines(BinaryHeap<Reverse<(Timestamp, PointId)>>);

impl Deadlines {
    pub(super) fn push(&mut self, due: Timestamp, point: PointId) {
        self.0.push(Reverse((due, point)));
    }

    /// The earliest entry, if its time has come.
    pub(super) fn pop(&mut self, now: Timestamp) -> Option<(Timestamp, PointId)> {
        let Reverse((due, _)) = self.0.peek()?;
        if *due > now {
            return None;
        }
        self.0.pop().map(|Reverse(entry)| entry)
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        self.0.peek().map(|Reverse((due, _))| *due)
    }
}
