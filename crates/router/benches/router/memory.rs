//! Bytes for each of a million datapoints that have said something.

use fieldrail_model::{Sample, Timestamp};
use fieldrail_router::{Outcome, Router};

use crate::allocator;
use crate::house::address;
use crate::rounds::Effort;
use crate::table::{Row, Unit};

const DATAPOINTS: usize = 1_000_000;

pub(crate) fn rows(effort: Effort) -> Vec<Row> {
    let datapoints = effort.of(DATAPOINTS);
    let before = allocator::held();
    let mut router = Router::new();
    let mut out = Outcome::default();
    for n in 0..datapoints {
        let point = router.space.intern(&address(n)).expect("the space is not full");
        // A second one, so that there is a value before it.
        for value in [1.5, 2.5] {
            router.route_data(point, Sample::good(value, Timestamp(0)), Timestamp(0), &mut out);
        }
        out.clear();
    }
    let bytes = (allocator::held() - before) as f64 / datapoints as f64;
    assert_eq!(router.space.len(), datapoints);
    vec![Row::at_most("memory of a datapoint, of a million with samples", 300.0, bytes, Unit::Bytes)]
}
