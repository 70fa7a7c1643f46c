//! Samples a second on one core: match, condition, transform, and delivery to a target of its own.
//!
//! The houses that are compared take turns, a short round each, so that what else the machine does falls on all of them.

use fieldrail_model::{Sample, Timestamp, Value};
use fieldrail_router::{Outcome, PointId, Router, RoutingFile, Rules};

use crate::house::{House, address, by_patterns, direct};
use crate::rounds::{Effort, median, seconds_of};
use crate::table::{Row, Unit};

/// Datapoints that send, in all measurements.
const DATAPOINTS: usize = 10_000;
/// Samples of one turn.
const SAMPLES: usize = 1_000_000;
/// Samples that come together, as a driver sends them under load.
const BATCH: usize = 250;

pub(crate) fn rows(effort: Effort) -> Vec<Row> {
    // A datapoint of the house with ten times as many routes has every tenth of them.
    let mut houses = [
        Running::new(&direct(DATAPOINTS), 1),
        Running::new(&by_patterns(), 1),
        Running::new(&direct(10 * DATAPOINTS), 10),
    ];
    let samples = effort.of(SAMPLES).next_multiple_of(DATAPOINTS);
    let turns = if effort.quick { 5 } else { 25 };
    let mut seconds = [const { Vec::new() }; 3];
    for _ in 0..turns {
        for (house, seconds) in houses.iter_mut().zip(&mut seconds) {
            seconds.push(seconds_of(|| house.run(samples)).1);
        }
    }
    for house in &mut houses {
        house.prove();
    }
    let ratios = seconds[1].iter().zip(&seconds[2]).map(|(few, many)| few / many).collect();
    let [one_each, few, many] = seconds.map(|seconds| samples as f64 / median(seconds));
    let name = |routes: &str| format!("samples on one core, 10,000 datapoints, {routes}");
    vec![
        Row::at_least(name("10,000 routes"), 3e6, one_each, Unit::MillionsASecond),
        Row::at_least(name("100 routes by patterns"), 3e6, few, Unit::MillionsASecond),
        Row::at_least(name("100,000 routes"), 3e6, many, Unit::MillionsASecond),
        Row::at_least("rate at 100,000 routes against 100, turn by turn", 90.0, 100.0 * median(ratios), Unit::Percent),
    ]
}

/// A house at work.
struct Running {
    router: Router,
    points: Vec<PointId>,
    now: Timestamp,
    out: Outcome,
}

impl Running {
    /// Those datapoints send whose number is a multiple of `every`.
    fn new(file: &RoutingFile, every: usize) -> Self {
        let mut router = Router::new();
        router.swap(Rules::compile(file, &House).expect("the rules of the bench are right"));
        // A house does not report in the order of its addresses: 7,919 is a prime number.
        let numbers = (0..DATAPOINTS).map(|n| n * 7919 % DATAPOINTS * every);
        let points = numbers.map(|n| router.space.intern(&address(n)).expect("the space is not full")).collect();
        let mut house = Self { router, points, now: Timestamp(0), out: Outcome::default() };
        // The first sample of each datapoint finds out where it goes.
        house.run(DATAPOINTS);
        house
    }

    fn run(&mut self, samples: usize) {
        let mut delivered = 0;
        let mut values = 1_i64..;
        for batch in self.points.chunks(BATCH).cycle().take(samples / BATCH) {
            self.now.0 += 1000;
            for (point, value) in batch.iter().zip(&mut values) {
                self.router.route_data(*point, Sample::good(value, self.now), self.now, &mut self.out);
            }
            delivered += self.out.deliveries.len();
            self.out.clear();
        }
        assert_eq!(delivered, samples, "every sample goes to one target");
    }

    /// What was measured does the whole work.
    fn prove(&mut self) {
        let Self { router, points, now, out } = self;
        router.route_data(points[1], Sample::good(52_400_i64, *now), *now, out);
        assert_eq!(out.deliveries[0].sample.value, Value::Float(52.4));
        out.clear();
        router.route_data(points[1], Sample::good(-1_i64, *now), *now, out);
        assert!(out.deliveries.is_empty());
    }
}
