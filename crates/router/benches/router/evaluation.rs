//! Nanoseconds for one evaluation of a condition.

use std::cell::Cell;
use std::hint::black_box;

use fieldrail_model::{Quality, Sample, Timestamp, Value};
use fieldrail_router::expression::{EvalError, Expression, Input, Lookup, Points};

use crate::rounds::Effort;
use crate::table::{Row, Unit};

const EVALUATIONS: usize = 10_000_000;

/// No datapoints.
struct Nothing;

impl Lookup for Nothing {
    fn point(&self, _: usize) -> Result<&Sample, EvalError> {
        Err(EvalError::Missing("".into()))
    }
}

pub(crate) fn rows(effort: Effort) -> Vec<Row> {
    let simple = nanoseconds(effort, "value > 0");
    let longer = nanoseconds(effort, "value * 0.001 > 3.2 and quality == \"good\"");
    vec![
        Row::at_most("one evaluation of `value > 0`", 50.0, simple, Unit::Nanoseconds),
        Row::at_most(
            "one evaluation of `value * 0.001 > 3.2 and quality == \"good\"`",
            150.0,
            longer,
            Unit::Nanoseconds,
        ),
    ]
}

fn nanoseconds(effort: Effort, text: &str) -> f64 {
    let condition = Expression::condition(text, &mut Points::default()).expect("it is a condition");
    // Integers and floats take turns, so that neither is guessed right each time.
    let values: Vec<Value> = (0..1000_i64)
        .map(|n| if n * 7 % 10 < 5 { Value::Int(n * 13 - 6000) } else { Value::Float(n as f64 * 13.5 - 6000.0) })
        .collect();
    let evaluations = effort.of(EVALUATIONS);
    let worst = Cell::new(Quality::Good);
    let seconds = effort.median(|| {
        let mut held = 0_usize;
        for value in values.iter().cycle().take(evaluations) {
            let input = Input {
                value: black_box(value),
                quality: Quality::Good,
                previous: &Value::Null,
                source: "plc_1",
                tag: "x",
                source_time: Timestamp(0),
                now: Timestamp(0),
                points: &Nothing,
                worst: &worst,
            };
            held += usize::from(condition.test(&input) == Ok(true));
        }
        assert!(black_box(held) > 0);
    });
    seconds * 1e9 / evaluations as f64
}
