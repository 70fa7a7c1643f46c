//! The last values of the datapoints that somebody looks at, in memory.
//!
//! A datapoint has a [`Ring`] from the first interest on. Invariant: all rings together take no more than the budget; whose
//! interest is the longest ago is forgotten first, as a whole. A saved chart is a standing interest: its rings are longer and
//! have a budget of their own.

mod columns;
mod ring;
mod standing;

use std::collections::HashMap;

use fieldrail_model::{Sample, Timestamp};
use fieldrail_router::PointId;
use schemars::JsonSchema;
use serde::Serialize;

use crate::data::reach;
use crate::people::Who;
use crate::views::Reading;
use crate::{Error, Node, Result};
use ring::Ring;
use standing::Standing;

pub use columns::{ColumnView, ColumnsView};
pub(crate) use standing::MOST_POINTS as MOST_CHARTED;

/// Values of one datapoint.
pub(crate) const MOST_VALUES: usize = 100;

/// What all rings may take, in bytes: about 2,000 full ones of numbers.
const BUDGET_BYTES: usize = 16 * 1024 * 1024;

/// What the values of one datapoint may take, in bytes.
const RING_BYTES: usize = 256 * 1024;

/// A ring with the moment of the last interest in it, counted in interests.
struct Kept {
    ring: Ring,
    interest: u64,
}

/// All rings there are.
pub(crate) struct History {
    rings: HashMap<PointId, Kept>,
    bytes: usize,
    budget: usize,
    interests: u64,
    standing: Standing,
}

impl Default for History {
    fn default() -> Self {
        Self::within(BUDGET_BYTES)
    }
}

impl History {
    fn within(budget: usize) -> Self {
        Self { rings: HashMap::new(), bytes: 0, budget, interests: 0, standing: Standing::default() }
    }

    /// Whether nobody has looked at anything yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.rings.is_empty() && self.standing.is_empty()
    }

    /// These datapoints are on saved charts, and no others.
    pub(crate) fn stand(&mut self, points: &[(PointId, Option<Sample>)], now: Timestamp) {
        self.standing.set(points, now);
        for (point, _) in points {
            if !self.standing.has(*point) {
                continue;
            }
            if let Some(kept) = self.rings.remove(point) {
                self.bytes -= kept.ring.bytes();
                self.standing.inherit(*point, &kept.ring);
            }
        }
    }

    /// Somebody is interested: what comes is kept from now on, and what is there now is the first of it.
    pub(crate) fn begin(&mut self, point: PointId, last: Option<&Sample>, now: Timestamp) {
        if self.standing.has(point) {
            return;
        }
        self.interests += 1;
        let interest = self.interests;
        if let Some(kept) = self.rings.get_mut(&point) {
            kept.interest = interest;
            return;
        }
        let mut ring = Ring::new(MOST_VALUES, RING_BYTES);
        if let Some(sample) = last {
            // It was received before anybody looked.
            ring.push(sample, sample.receive_time.min(now));
        }
        self.bytes += ring.bytes();
        self.rings.insert(point, Kept { ring, interest });
        self.make_room();
    }

    /// A sample has come in.
    pub(crate) fn push(&mut self, point: PointId, sample: &Sample, now: Timestamp) {
        if self.is_empty() || self.standing.push(point, sample, now) {
            return;
        }
        let Some(kept) = self.rings.get_mut(&point) else { return };
        let before = kept.ring.bytes();
        kept.ring.push(sample, now);
        self.bytes = self.bytes + kept.ring.bytes() - before;
        self.make_room();
    }

    /// The datapoint stands so now; nothing is kept if its last kept value says the same.
    pub(crate) fn settle(&mut self, point: PointId, sample: &Sample, now: Timestamp) {
        if self.ring(point).is_some_and(|ring| !ring.ends_with(sample)) {
            self.push(point, sample, now);
        }
    }

    /// What is kept of a datapoint, the oldest first.
    fn of(&self, point: PointId) -> impl DoubleEndedIterator<Item = &Sample> {
        self.ring(point).into_iter().flat_map(Ring::iter)
    }

    fn ring(&self, point: PointId) -> Option<&Ring> {
        self.standing.ring(point).or_else(|| Some(&self.rings.get(&point)?.ring))
    }

    /// How many values are kept of a datapoint at the most.
    fn most(&self, point: PointId) -> usize {
        if self.standing.has(point) { standing::MOST_VALUES } else { MOST_VALUES }
    }

    /// Forgets rings until an eighth of the budget is free, so that it need not be done for each value.
    fn make_room(&mut self) {
        if self.bytes <= self.budget {
            return;
        }
        let mut by_age: Vec<(u64, PointId)> = self.rings.iter().map(|(point, kept)| (kept.interest, *point)).collect();
        by_age.sort_unstable();
        for (_, point) in by_age {
            if self.bytes <= self.budget - self.budget / 8 {
                return;
            }
            if let Some(kept) = self.rings.remove(&point) {
                self.bytes -= kept.ring.bytes();
            }
        }
    }
}

/// The last values of one datapoint.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct HistoryView {
    /// The full address as the data space spells it.
    pub address: String,
    /// How many values are kept of it at the most.
    pub most: usize,
    /// The values since somebody looked first, the oldest first. `receive_ms` is when it became so, also of a value that
    /// only grew stale.
    pub items: Vec<Reading>,
}

impl Node {
    /// The last values of a datapoint; from now on they are kept.
    pub fn history(&self, who: &Who, address: &str, limit: Option<usize>) -> Result<HistoryView> {
        reach(who, address)?;
        let limit = limit.unwrap_or(MOST_VALUES).clamp(1, MOST_VALUES);
        let mut engine = self.traffic.engine();
        let point = engine.known_at(address).ok_or_else(|| {
            Error::NotFound(format!(
                "there is no datapoint `{address:.200}` yet: nothing reads it; open it in the tree"
            ))
        })?;
        engine.begin_history(point, crate::clock::now());
        let mut items: Vec<Reading> = engine.history.of(point).rev().take(limit).map(|s| Some(s).into()).collect();
        items.reverse();
        Ok(HistoryView { address: engine.router.space.address(point).to_string(), most: MOST_VALUES, items })
    }
}

#[cfg(test)]
mod tests {
    use fieldrail_model::Value;
    use proptest::prelude::*;

    use super::*;

    fn sample(n: i64, text: usize) -> Sample {
        let value = if text > 0 { Value::text("x".repeat(text)) } else { Value::Int(n) };
        Sample::good(value, Timestamp(n))
    }

    #[test]
    fn nothing_is_kept_of_what_nobody_looked_at() {
        let mut history = History::default();
        history.push(PointId(1), &sample(1, 0), Timestamp(1));
        assert!(history.is_empty() && history.bytes == 0);
        history.begin(PointId(1), Some(&sample(1, 0)), Timestamp(5));
        history.push(PointId(1), &sample(2, 0), Timestamp(6));
        history.push(PointId(2), &sample(2, 0), Timestamp(6));
        let kept: Vec<_> = history.of(PointId(1)).map(|s| (s.value.clone(), s.receive_time.0)).collect();
        assert_eq!(kept, [(Value::Int(1), 1), (Value::Int(2), 6)]);
        assert_eq!(history.of(PointId(2)).count(), 0);
    }

    #[test]
    fn a_value_that_stands_is_kept_once_and_one_that_grew_stale_once_more() {
        let mut history = History::default();
        history.begin(PointId(1), None, Timestamp(0));
        let mut last = sample(1, 0);
        history.push(PointId(1), &last, Timestamp(1));
        history.settle(PointId(1), &last, Timestamp(2));
        last.quality = fieldrail_model::Quality::Stale;
        history.settle(PointId(1), &last, Timestamp(9));
        history.settle(PointId(1), &last, Timestamp(10));
        let kept: Vec<_> = history.of(PointId(1)).map(|s| (s.quality.is_good(), s.receive_time.0)).collect();
        assert_eq!(kept, [(true, 1), (false, 9)]);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Begin(u32),
        Push(u32, usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (0_u32..40).prop_map(Step::Begin),
            (0_u32..40, 0_usize..3000).prop_map(|(point, text)| Step::Push(point, text)),
        ];
        prop::collection::vec(step, 0..600)
    }

    proptest! {
        #[test]
        fn the_budget_holds_and_what_is_left_is_the_newest_in_order(steps in steps()) {
            const BUDGET: usize = 100_000;
            let mut history = History::within(BUDGET);
            let mut all: HashMap<u32, Vec<i64>> = HashMap::new();
            for (n, step) in (1_i64..).zip(steps) {
                match step {
                    Step::Begin(point) => {
                        if !history.rings.contains_key(&PointId(point)) {
                            all.remove(&point);
                        }
                        history.begin(PointId(point), None, Timestamp(n));
                        all.entry(point).or_default();
                    }
                    Step::Push(point, text) => {
                        history.push(PointId(point), &sample(n, text), Timestamp(n));
                        if let Some(pushed) = all.get_mut(&point) {
                            pushed.push(n);
                        }
                    }
                }
                prop_assert!(history.bytes <= BUDGET);
                let really: usize = history.rings.values().map(|kept| kept.ring.bytes()).sum();
                prop_assert_eq!(history.bytes, really);
                for (point, kept) in &history.rings {
                    let times: Vec<i64> = kept.ring.iter().map(|sample| sample.receive_time.0).collect();
                    prop_assert!(times.len() <= MOST_VALUES);
                    prop_assert!(all[&point.0].ends_with(&times), "{:?} of {:?}", times, all[&point.0]);
                }
            }
        }

        #[test]
        fn the_longest_without_interest_goes_first(points in prop::collection::vec(0_u32..500, 1..2000)) {
            let mut history = History::within(20_000);
            let mut order: Vec<u32> = Vec::new();
            for point in points {
                history.begin(PointId(point), Some(&sample(1, 100)), Timestamp(2));
                order.retain(|known| *known != point);
                order.push(point);
            }
            let kept = history.rings.len();
            prop_assert!(kept > 0);
            for point in &order[order.len() - kept..] {
                prop_assert!(history.rings.contains_key(&PointId(*point)));
            }
        }
    }
}
