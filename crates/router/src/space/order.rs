//! The datapoints in the order of their addresses: a list of short sorted lists, four bytes a datapoint. A tree with the
//! addresses as keys would take eight times as much.

use std::cmp::Ordering;

use super::PointId;

/// A list that grows beyond this is cut in two.
const MAX_RUN: usize = 512;

/// All datapoints, sorted.
#[derive(Default)]
pub(super) struct Order(Vec<Vec<PointId>>);

/// A place in the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    run: usize,
    within: usize,
}

impl Order {
    /// Adds a datapoint; `compare` tells how another one stands to it.
    pub(super) fn insert(&mut self, id: PointId, compare: impl Fn(PointId) -> Ordering) {
        let Place { mut run, mut within } = self.first(|other| compare(other) == Ordering::Less);
        if run == self.0.len() {
            // Behind all others: at the end of the last list, if there is one.
            match self.0.len() {
                0 => self.0.push(Vec::new()),
                lists => (run, within) = (lists - 1, self.0[lists - 1].len()),
            }
        }
        let list = &mut self.0[run];
        list.insert(within, id);
        if list.len() > MAX_RUN {
            let tail = list.split_off(if within == MAX_RUN { MAX_RUN } else { MAX_RUN / 2 });
            self.0.insert(run + 1, tail);
        }
    }

    /// The place of the first datapoint that is not `before`.
    pub(super) fn first(&self, before: impl Fn(PointId) -> bool) -> Place {
        let run = self.0.partition_point(|list| list.last().is_some_and(|last| before(*last)));
        let within = self.0.get(run).map_or(0, |list| list.partition_point(|id| before(*id)));
        Place { run, within }
    }

    /// The datapoints from a place on.
    pub(super) fn from(&self, place: Place) -> impl Iterator<Item = PointId> + '_ {
        let first = self.0.get(place.run).map_or(&[][..], |list| &list[place.within..]);
        let others = self.0.get(place.run + 1..).unwrap_or(&[]);
        first.iter().chain(others.iter().flatten()).copied()
    }
}
