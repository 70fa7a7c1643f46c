//! Samples a second on one core: match, condition, transform, and delivery to a target of its own.

use fieldrail_model::{Sample, Timestamp, Value};
use fieldrail_router::{Outcome, PointId, Router, RoutingFile, Rules};

use crate::house::{House, address, by_patterns, direct};
use crate::rounds::Effort;
use crate::table::{Row, Unit};

/// Datapoints that send, in all measurements.
const DATAPOINTS: usize = 10_000;
/// Samples of one round.
const SAMPLES: usize = 2_000_000;
/// Samples that come together, as a driver sends them under load.
const BATCH: usize = 250;

pub(crate) fn rows(effort: Effort) -> Vec<Row> {
    // A datapoint of the house with ten times as many routes has every tenth of them.
    let few = rate(effort, &by_patterns(), 1);
    let one_each = rate(effort, &direct(DATAPOINTS), 1);
    let many = rate(effort, &direct(10 * DATAPOINTS), 10);
    let name = |routes: &str| format!("samples on one core, 10,000 datapoints, {routes}");
    vec![
        Row::at_least(name("10,000 routes"), 3e6, one_each, Unit::MillionsASecond),
        Row::at_least(name("100 routes by patterns"), 3e6, few, Unit::MillionsASecond),
        Row::at_least(name("100,000 routes"), 3e6, many, Unit::MillionsASecond),
        Row::at_least("rate at 100,000 routes against 100", 90.0, 100.0 * many / few, Unit::Percent),
    ]
}

/// Samples a second of the datapoints whose number is a multiple of `every`.
fn rate(effort: Effort, file: &RoutingFile, every: usize) -> f64 {
    let mut router = Router::new();
    router.swap(Rules::compile(file, &House).expect("the rules of the bench are right"));
    // A house does not report in the order of its addresses: 7,919 is a prime number.
    let numbers = (0..DATAPOINTS).map(|n| n * 7919 % DATAPOINTS * every);
    let points: Vec<PointId> =
        numbers.map(|n| router.space.intern(&address(n)).expect("the space is not full")).collect();
    let samples = effort.of(SAMPLES).next_multiple_of(DATAPOINTS);
    let (mut now, mut out) = (Timestamp(0), Outcome::default());
    let mut round = |samples: usize| {
        let mut delivered = 0;
        let mut values = 1_i64..;
        for batch in points.chunks(BATCH).cycle().take(samples / BATCH) {
            now.0 += 1000;
            for (point, value) in batch.iter().zip(&mut values) {
                router.route_data(*point, Sample::good(value, now), now, &mut out);
            }
            delivered += out.deliveries.len();
            out.clear();
        }
        assert_eq!(delivered, samples, "every sample goes to one target");
    };
    // The first sample of each datapoint finds out where it goes.
    round(DATAPOINTS);
    let seconds = effort.median(|| round(samples));
    prove(&mut router, points[1], now);
    samples as f64 / seconds
}

/// What was measured does the whole work.
fn prove(router: &mut Router, point: PointId, now: Timestamp) {
    let mut out = Outcome::default();
    router.route_data(point, Sample::good(52_400_i64, now), now, &mut out);
    assert_eq!(out.deliveries[0].sample.value, Value::Float(52.4));
    out.clear();
    router.route_data(point, Sample::good(-1_i64, now), now, &mut out);
    assert!(out.deliveries.is_empty());
}
