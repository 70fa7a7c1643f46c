//! The last values of a datapoint in pixel columns: of each column its least, greatest and last value, so that a drawing of
//! the columns looks as one of all values would.

use fieldrail_model::quality::Class;
use fieldrail_model::{Sample, Timestamp, Value};
use schemars::JsonSchema;
use serde::Serialize;

use super::MOST_VALUES;
use crate::data::reach;
use crate::people::Who;
use crate::{Error, Node, Result};

/// Columns of an answer, at the most.
const MOST_COLUMNS: usize = 4_000;

/// One pixel column.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ColumnView {
    /// The moment of its first value, in milliseconds since 1970 UTC.
    pub t_ms: i64,
    /// The least of its good numbers; a bool counts as 0 or 1. Missing where no good number fell into it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The greatest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// The last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<f64>,
    /// Values that were not good, or no number.
    pub bad: u64,
}

/// The last values of a datapoint in pixel columns.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ColumnsView {
    /// The full address as the data space spells it.
    pub address: String,
    /// How many values are kept of it at the most: 10,000 if it is on a saved chart.
    pub most: usize,
    /// How many values lie in the columns.
    pub values: usize,
    /// The oldest first; columns without a value are left out.
    pub columns: Vec<ColumnView>,
}

impl Node {
    /// The last values of a datapoint, those since a moment if one is given, in at most so many columns of equal time.
    pub fn columns(&self, who: &Who, address: &str, points: usize, since_ms: Option<i64>) -> Result<ColumnsView> {
        reach(who, address)?;
        let points = points.clamp(1, MOST_COLUMNS);
        let now = crate::clock::now();
        let mut engine = self.traffic.engine();
        let point = engine.known_at(address).ok_or_else(|| {
            Error::NotFound(format!(
                "there is no datapoint `{address:.200}` yet: nothing reads it; open it in the tree"
            ))
        })?;
        engine.begin_history(point, now);
        let since = since_ms.map_or(Timestamp(i64::MIN), |ms| Timestamp(ms.saturating_mul(1000)));
        let samples = || engine.history.of(point).filter(|sample| sample.receive_time >= since);
        let from = samples().next().map_or(now, |first| first.receive_time);
        let columns = columns_of(samples(), from, now, points);
        Ok(ColumnsView {
            address: engine.router.space.address(point).to_string(),
            most: engine.history.most(point).max(MOST_VALUES),
            values: samples().count(),
            columns,
        })
    }
}

fn columns_of<'a>(
    samples: impl Iterator<Item = &'a Sample>,
    from: Timestamp,
    to: Timestamp,
    points: usize,
) -> Vec<ColumnView> {
    let span = i128::from(to.0.saturating_sub(from.0).max(1));
    let nth =
        |time: Timestamp| (i128::from(time.0.saturating_sub(from.0)) * points as i128 / span).min(points as i128 - 1);
    let mut columns: Vec<ColumnView> = Vec::new();
    let mut at = None;
    for sample in samples {
        let this = nth(sample.receive_time);
        if at != Some(this) {
            at = Some(this);
            columns.push(ColumnView { t_ms: sample.receive_time.millis(), min: None, max: None, last: None, bad: 0 });
        }
        let Some(column) = columns.last_mut() else { continue };
        match number_of(sample) {
            Some(x) => {
                column.min = Some(column.min.map_or(x, |least| least.min(x)));
                column.max = Some(column.max.map_or(x, |most| most.max(x)));
                column.last = Some(x);
            }
            None => column.bad += 1,
        }
    }
    columns
}

fn number_of(sample: &Sample) -> Option<f64> {
    let number = match sample.value {
        Value::Bool(on) => Some(f64::from(u8::from(on))),
        ref value => value.as_f64(),
    };
    number.filter(|x| x.is_finite() && sample.quality.class() != Class::Bad)
}

#[cfg(test)]
mod tests {
    use fieldrail_model::Quality;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_column_says_the_extremes_and_the_last_of_its_values_and_what_was_not_good() {
        let good = |t: i64, x: f64| Sample::good(Value::Float(x), Timestamp(t * 1000));
        let mut bad = good(60, 99.0);
        bad.quality = Quality::NotConnected;
        let samples = [good(0, 5.0), good(10, -1.0), good(20, 3.0), bad, good(90, 7.0)];
        let columns = columns_of(samples.iter(), Timestamp(0), Timestamp(100_000), 2);
        let first = ColumnView { t_ms: 0, min: Some(-1.0), max: Some(5.0), last: Some(3.0), bad: 0 };
        assert_eq!(columns, [first, ColumnView { t_ms: 60, min: Some(7.0), max: Some(7.0), last: Some(7.0), bad: 1 }]);
        let lamp = [Sample::good(true, Timestamp(0))];
        assert_eq!(columns_of(lamp.iter(), Timestamp(0), Timestamp(0), 5)[0].max, Some(1.0));
    }

    proptest! {
        #[test]
        fn no_extreme_is_lost_and_no_more_columns_come_than_were_asked_for(
            mut times in prop::collection::vec((0_i64..1_000_000, -1e6_f64..1e6), 1..300),
            points in 1_usize..50,
        ) {
            times.sort_by_key(|(time, _)| *time);
            let samples: Vec<_> =
                times.iter().map(|(time, x)| Sample::good(Value::Float(*x), Timestamp(*time))).collect();
            let columns = columns_of(samples.iter(), samples[0].receive_time, Timestamp(1_000_000), points);
            prop_assert!(columns.len() <= points);
            let greatest = times.iter().map(|(_, x)| *x).fold(f64::MIN, f64::max);
            let least = times.iter().map(|(_, x)| *x).fold(f64::MAX, f64::min);
            let most = columns.iter().filter_map(|c| c.max).fold(f64::MIN, f64::max);
            let fewest = columns.iter().filter_map(|c| c.min).fold(f64::MAX, f64::min);
            prop_assert_eq!([most.to_bits(), fewest.to_bits()], [greatest.to_bits(), least.to_bits()]);
            prop_assert_eq!(columns.last().and_then(|c| c.last), times.last().map(|(_, x)| *x));
        }
    }
}
