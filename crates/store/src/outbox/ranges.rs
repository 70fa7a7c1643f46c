//! A set of numbers that mostly follow one another, kept as ranges.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// Numbers from the first to the last, both included.
pub(super) type Run = RangeInclusive<u64>;

/// A set of numbers. Invariant: the runs neither overlap nor touch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ranges(
    /// The last number of each run, by its first.
    BTreeMap<u64, u64>,
);

impl Ranges {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn contains(&self, n: u64) -> bool {
        self.run_with(n).is_some()
    }

    /// The run that `n` is in.
    pub(super) fn run_with(&self, n: u64) -> Option<Run> {
        let (&first, &last) = self.0.range(..=n).next_back()?;
        (last >= n).then_some(first..=last)
    }

    pub(super) fn insert(&mut self, run: &Run) {
        let (mut first, mut last) = (*run.start(), *run.end());
        let neighbours = self.0.range(..=last.saturating_add(1)).rev();
        let touching = neighbours.take_while(|&(_, &end)| end >= first.saturating_sub(1));
        for start in touching.map(|(&start, _)| start).collect::<Vec<_>>() {
            let end = self.0.remove(&start).unwrap_or(start);
            (first, last) = (first.min(start), last.max(end));
        }
        self.0.insert(first, last);
    }

    pub(super) fn remove(&mut self, run: &Run) {
        let overlapping = self.0.range(..=*run.end()).rev().take_while(|&(_, end)| end >= run.start());
        for (first, last) in overlapping.map(|(&first, &last)| (first, last)).collect::<Vec<_>>() {
            self.0.remove(&first);
            if first < *run.start() {
                self.0.insert(first, run.start() - 1);
            }
            if last > *run.end() {
                self.0.insert(run.end() + 1, last);
            }
        }
    }

    /// The lowest `most` numbers.
    pub(super) fn lowest(&self, most: u64) -> Vec<Run> {
        let mut left = most;
        let runs = self.0.iter().map_while(|(&first, &last)| {
            let last = last.min(first.saturating_add(left.checked_sub(1)?));
            left -= last - first + 1;
            Some(first..=last)
        });
        runs.collect()
    }

    /// What is in it from `n` on; also all of the run that `n` is in.
    #[must_use]
    pub(super) fn from(&self, n: u64) -> Self {
        let first = self.run_with(n).map_or(n, |run| *run.start());
        Self(self.0.range(first..).map(|(&first, &last)| (first, last)).collect())
    }
}

/// The runs that `numbers` make.
pub(super) fn runs(mut numbers: Vec<u64>) -> Vec<Run> {
    numbers.sort_unstable();
    let runs = numbers.chunk_by(|a, b| b - a <= 1);
    runs.filter_map(|run| Some(*run.first()?..=*run.last()?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn numbers(ranges: &Ranges) -> BTreeSet<u64> {
        ranges.0.iter().flat_map(|(&first, &last)| first..=last).collect()
    }

    proptest! {
        #[test]
        fn ranges_hold_what_a_set_would_hold(
            steps in prop::collection::vec((any::<bool>(), 0..60u64, 0..9u64), 0..40),
            most in 0..70u64,
        ) {
            let (mut ranges, mut set) = (Ranges::default(), BTreeSet::new());
            for (is_insert, first, length) in steps {
                let run = first..=first + length;
                if is_insert {
                    ranges.insert(&run);
                    set.extend(run);
                } else {
                    ranges.remove(&run);
                    set.retain(|n| !run.contains(n));
                }
            }
            prop_assert_eq!(&numbers(&ranges), &set);
            prop_assert!(ranges.0.iter().zip(ranges.0.iter().skip(1)).all(|((_, last), (first, _))| last + 1 < *first));
            prop_assert!((0..80).all(|n| ranges.contains(n) == set.contains(&n)));
            let lowest: Vec<u64> = ranges.lowest(most).into_iter().flatten().collect();
            prop_assert_eq!(lowest, set.iter().copied().take(usize::try_from(most).unwrap()).collect::<Vec<_>>());
            let from = numbers(&ranges.from(most));
            prop_assert!((most..80).all(|n| from.contains(&n) == set.contains(&n)));
        }

        #[test]
        fn numbers_in_any_order_make_the_runs_they_lie_in(list in prop::collection::vec(0..50u64, 0..60)) {
            let mut ranges = Ranges::default();
            for run in runs(list.clone()) {
                ranges.insert(&run);
            }
            prop_assert_eq!(numbers(&ranges), list.into_iter().collect());
        }
    }

    #[test]
    fn the_ends_of_the_numbers_do_not_overflow() {
        let mut ranges = Ranges::default();
        ranges.insert(&(0..=u64::MAX));
        ranges.insert(&(u64::MAX..=u64::MAX));
        assert_eq!(ranges.lowest(3), [0..=2]);
        ranges.remove(&(0..=u64::MAX));
        assert!(ranges.is_empty());
    }
}
