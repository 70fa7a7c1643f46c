//! The last values of the datapoints on saved charts.
//!
//! Invariant: all rings together take no more than the budget. Where it does not suffice the longest gives up its oldest
//! values first, so that no chart is left without any.

use std::collections::{HashMap, HashSet};

use fieldrail_model::{Sample, Timestamp};
use fieldrail_router::PointId;

use super::ring::Ring;

/// Values of one datapoint.
pub(crate) const MOST_VALUES: usize = 10_000;
/// Datapoints.
pub(crate) const MOST_POINTS: usize = 2_000;
/// What all rings may take, in bytes.
const BUDGET_BYTES: usize = 64 * 1024 * 1024;
/// What one ring may take, in bytes: room for all its values, if they are numbers.
const RING_BYTES: usize = 4 * 1024 * 1024;

/// All rings of saved charts.
pub(super) struct Standing {
    rings: HashMap<PointId, Ring>,
    bytes: usize,
    budget: usize,
}

impl Default for Standing {
    fn default() -> Self {
        Self { rings: HashMap::new(), bytes: 0, budget: BUDGET_BYTES }
    }
}

impl Standing {
    pub(super) fn is_empty(&self) -> bool {
        self.rings.is_empty()
    }

    pub(super) fn has(&self, point: PointId) -> bool {
        self.rings.contains_key(&point)
    }

    pub(super) fn ring(&self, point: PointId) -> Option<&Ring> {
        self.rings.get(&point)
    }

    /// These are on charts, and no others. A new one begins with the value that it has.
    pub(super) fn set(&mut self, points: &[(PointId, Option<Sample>)], now: Timestamp) {
        let wanted: HashSet<PointId> = points.iter().map(|(point, _)| *point).collect();
        self.rings.retain(|point, _| wanted.contains(point));
        for (point, last) in points {
            if self.rings.len() >= MOST_POINTS {
                break;
            }
            self.rings.entry(*point).or_insert_with(|| {
                let mut ring = Ring::new(MOST_VALUES, RING_BYTES);
                if let Some(sample) = last {
                    ring.push(sample, sample.receive_time.min(now));
                }
                ring
            });
        }
        self.bytes = self.rings.values().map(Ring::bytes).sum();
        self.make_room();
    }

    /// What was kept of it before it came on a chart.
    pub(super) fn inherit(&mut self, point: PointId, before: &Ring) {
        let Some(ring) = self.rings.get_mut(&point) else { return };
        let mut longer = Ring::new(MOST_VALUES, RING_BYTES);
        before.iter().for_each(|sample| longer.push(sample, sample.receive_time));
        self.bytes = self.bytes + longer.bytes() - ring.bytes();
        *ring = longer;
        self.make_room();
    }

    /// A sample has come in. False if the datapoint is on no chart.
    pub(super) fn push(&mut self, point: PointId, sample: &Sample, now: Timestamp) -> bool {
        let Some(ring) = self.rings.get_mut(&point) else { return false };
        let before = ring.bytes();
        ring.push(sample, now);
        self.bytes = self.bytes + ring.bytes() - before;
        self.make_room();
        true
    }

    fn make_room(&mut self) {
        while self.bytes > self.budget {
            let Some(ring) = self.rings.values_mut().max_by_key(|ring| ring.bytes()) else { return };
            let before = ring.bytes();
            ring.shorten();
            if ring.bytes() == before {
                return;
            }
            self.bytes = self.bytes + ring.bytes() - before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(n: i64) -> Sample {
        Sample::good(n, Timestamp(n))
    }

    #[test]
    fn a_chart_keeps_ten_thousand_values_and_all_charts_their_budget() {
        let mut standing = Standing::default();
        let points: Vec<_> = (0..10).map(|n| (PointId(n), None)).collect();
        standing.set(&points, Timestamp(0));
        for n in 0..12_000 {
            for (point, _) in &points {
                assert!(standing.push(*point, &number(n), Timestamp(n)));
            }
        }
        for (point, _) in &points {
            let times: Vec<i64> = standing.ring(*point).unwrap().iter().map(|sample| sample.receive_time.0).collect();
            assert_eq!(times, (2_000..12_000).collect::<Vec<_>>());
        }
        assert!(standing.bytes <= BUDGET_BYTES);
        assert!(!standing.push(PointId(99), &number(0), Timestamp(0)), "it is on no chart");
    }

    #[test]
    fn where_the_budget_does_not_suffice_each_chart_keeps_its_newest_values() {
        let mut standing = Standing { budget: 200_000, ..Standing::default() };
        let points: Vec<_> = (0..20).map(|n| (PointId(n), Some(number(1)))).collect();
        standing.set(&points, Timestamp(1));
        for n in 0..2_000 {
            for (point, _) in &points {
                standing.push(*point, &number(n), Timestamp(n));
                assert!(standing.bytes <= 200_000);
            }
        }
        let really: usize = standing.rings.values().map(Ring::bytes).sum();
        assert_eq!(standing.bytes, really);
        for (point, _) in &points {
            let times: Vec<i64> = standing.ring(*point).unwrap().iter().map(|sample| sample.receive_time.0).collect();
            assert!(times.len() > 10, "{}", times.len());
            assert_eq!(times, (2_000 - i64::try_from(times.len()).unwrap()..2_000).collect::<Vec<_>>());
        }
        standing.set(&points[..1], Timestamp(1));
        assert_eq!(standing.rings.len(), 1);
        assert_eq!(standing.bytes, standing.rings[&PointId(0)].bytes());
    }
}
