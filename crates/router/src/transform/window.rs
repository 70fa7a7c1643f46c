//! Aggregates over a stretch of time, cut into slices that end with the clock.
//!
//! A stretch of one slice tumbles: `avg(60s)` is said at each full minute. One of several slides: `avg(60s, every=10s)` is
//! said every ten seconds, over the last six slices. A value counts for as long as it stands, until the next one or until it
//! turns bad; so an average is weighted by time, and a source that is silent because nothing changes counts too.

use std::collections::VecDeque;
use std::time::Duration;

use fieldrail_model::{Class, Quality, Timestamp, Value};

use super::Item;
use crate::expression::{EvalError, order};

/// The most slices of one stretch.
pub(super) const MAX_SLICES: u64 = 1_000;
/// The most values that a median is taken from, shared among the slices. Of more than that every second one is left out,
/// again and again.
const MAX_VALUES: usize = 4_096;

/// What is made of the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aggregate {
    Avg,
    Min,
    Max,
    Sum,
    Count,
    Median,
    Last,
}

/// An aggregate with its stretch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span {
    pub(super) of: Aggregate,
    /// The length of a slice.
    pub(super) every: Duration,
    /// How many slices make the stretch; at least one.
    pub(super) slices: usize,
}

impl Span {
    /// The next time after `now` that is a whole number of `every`.
    pub(super) fn end_of(now: Timestamp, every: Duration) -> Timestamp {
        let every = micros(every);
        Timestamp((now.0.div_euclid(every) + 1).saturating_mul(every))
    }

    fn length(&self) -> Duration {
        self.every * u32::try_from(self.slices).unwrap_or(u32::MAX)
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX).max(1)
}

/// What happened in one slice.
#[derive(Debug, Clone, Default, PartialEq)]
struct Slice {
    /// Value times seconds.
    area: f64,
    /// Microseconds during which there was a value that may be used.
    covered_us: i64,
    min: Option<Value>,
    max: Option<Value>,
    last: Option<Value>,
    /// The sum of the samples; integers are summed apart, so that their sum is exact.
    sum: f64,
    whole: i128,
    /// Whether a sample was no integer.
    fraction: bool,
    /// Samples that may be used.
    count: u64,
    values: Vec<f64>,
    /// Every so many-th sample is among the values; 0 stands for 1.
    stride: u64,
    worst: Quality,
}

/// The value that stands now.
#[derive(Debug, Clone, PartialEq)]
struct Stands {
    value: Value,
    quality: Quality,
    since: Timestamp,
}

/// What one stretch remembers of one datapoint.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Window {
    /// The slices that are over, the oldest first; at most one less than the stretch has.
    over: VecDeque<Slice>,
    now: Slice,
    /// When the slice ends that runs now.
    ends: Timestamp,
    /// None while the source is bad.
    stands: Option<Stands>,
    /// Whether the last thing said was that there is nothing to say.
    empty: bool,
}

impl Window {
    pub(super) fn new(span: &Span, now: Timestamp) -> Self {
        let ends = Span::end_of(now, span.every);
        Self { over: VecDeque::new(), now: Slice::default(), ends, stands: None, empty: false }
    }

    pub(super) fn due(&self) -> Timestamp {
        self.ends
    }

    /// Takes a sample in. The slices before it are over already: what is due is woken before a sample runs.
    pub(super) fn take(&mut self, span: &Span, item: &Item, now: Timestamp) -> Result<(), EvalError> {
        self.count_what_stands(now);
        if item.quality.class() == Class::Bad {
            self.stands = None;
            return Ok(());
        }
        let counts = !matches!(span.of, Aggregate::Count | Aggregate::Last);
        if counts && !item.value.as_f64().is_some_and(f64::is_finite) {
            self.stands = None;
            return Err(match item.value.as_f64() {
                Some(_) => EvalError::Undefined("the value is NaN or infinite"),
                None => EvalError::Type { operation: "the aggregate", kind: item.value.kind() },
            });
        }
        self.now.add(span, &item.value, item.quality);
        self.stands = Some(Stands { value: item.value.clone(), quality: item.quality, since: now });
        Ok(())
    }

    /// Ends the slice that runs, and says what the stretch has come to.
    pub(super) fn wake(&mut self, span: &Span, now: Timestamp) -> Option<Item> {
        let end = self.ends;
        self.count_what_stands(end);
        let said = self.say(span, end);
        self.over.push_back(std::mem::take(&mut self.now));
        while self.over.len() >= span.slices {
            self.over.pop_front();
        }
        // After a pause longer than the stretch the slices between are not made up.
        let next = Span::end_of(end, span.every);
        self.ends = if end.after(span.length()) < now { Span::end_of(now, span.every) } else { next };
        if let Some(stands) = &self.stands {
            self.now.see(&stands.value, stands.quality);
        }
        let empty = said.quality == Quality::NoData;
        let again = empty && std::mem::replace(&mut self.empty, empty);
        self.empty = empty;
        (!again).then_some(said)
    }

    /// Counts the value that stands for the time that it stood.
    fn count_what_stands(&mut self, now: Timestamp) {
        let Some(stands) = &mut self.stands else { return };
        let stood = stands.since.age(now);
        stands.since = now;
        self.now.see(&stands.value, stands.quality);
        self.now.covered_us += micros_of(stood);
        self.now.area += stands.value.as_f64().unwrap_or(0.0) * stood.as_secs_f64();
    }

    fn slices(&self) -> impl Iterator<Item = &Slice> {
        self.over.iter().chain([&self.now])
    }

    fn say(&self, span: &Span, end: Timestamp) -> Item {
        let covered_us: i64 = self.slices().map(|slice| slice.covered_us).sum();
        let count: u64 = self.slices().map(|slice| slice.count).sum();
        let worst = self.slices().fold(Quality::Good, |worst, slice| worst.worse(slice.worst));
        let value = if covered_us == 0 && count == 0 { None } else { self.value(span.of, covered_us, count) };
        let item =
            |value, quality, note: Option<String>| Item { value, quality, note: note.map(Into::into), time: end };
        let Some(value) = value else {
            return item(Value::Null, Quality::NoData, Some("there was no good value in this time".into()));
        };
        let length = span.length();
        // A count is right from the first sample on, as long as the source is not lost.
        let begun = span.of == Aggregate::Count && self.stands.is_some();
        if covered_us < micros(length) / 2 && worst.is_good() && !begun {
            let covered_s = covered_us as f64 / 1e6;
            let note = format!("covers {} of {} s", round_1(covered_s), round_1(length.as_secs_f64()));
            return item(value, Quality::Uncertain, Some(note));
        }
        item(value, worst, None)
    }

    fn value(&self, of: Aggregate, covered_us: i64, count: u64) -> Option<Value> {
        let extreme = |pick: fn(&Slice) -> &Option<Value>, wanted| {
            self.slices().filter_map(|slice| pick(slice).as_ref()).fold(
                None,
                |best: Option<&Value>, value| match best {
                    Some(best) if order(&value.into(), &best.into()) != Ok(wanted) => Some(best),
                    _ => Some(value),
                },
            )
        };
        match of {
            Aggregate::Avg => {
                let area: f64 = self.slices().map(|slice| slice.area).sum();
                let seconds = covered_us as f64 / 1e6;
                // Samples that all came in the last instant have no area: then the last one is the mean.
                let mean = if covered_us > 0 { Some(area / seconds) } else { self.stands.as_ref()?.value.as_f64() };
                mean.filter(|mean| mean.is_finite()).map(Value::Float)
            }
            Aggregate::Min => extreme(|slice| &slice.min, std::cmp::Ordering::Less).cloned(),
            Aggregate::Max => extreme(|slice| &slice.max, std::cmp::Ordering::Greater).cloned(),
            Aggregate::Sum => {
                let whole: i128 = self.slices().fold(0, |sum, slice| slice.whole.saturating_add(sum));
                if self.slices().any(|slice| slice.fraction) {
                    let sum = self.slices().map(|slice| slice.sum).sum::<f64>() + whole as f64;
                    return sum.is_finite().then_some(Value::Float(sum));
                }
                i64::try_from(whole).map(Value::Int).or_else(|_| u64::try_from(whole).map(Value::uint)).ok()
            }
            Aggregate::Median => {
                let mut values: Vec<f64> = self.slices().flat_map(|slice| slice.values.iter().copied()).collect();
                if values.is_empty() {
                    return self.stands.as_ref().map(|stands| stands.value.clone());
                }
                values.sort_unstable_by(f64::total_cmp);
                let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
                Some(Value::Float(low + (high - low) / 2.0))
            }
            Aggregate::Last => self.slices().filter_map(|slice| slice.last.as_ref()).last().cloned(),
            Aggregate::Count => Some(Value::uint(count)),
        }
    }
}

impl Slice {
    /// The value was true in this slice.
    fn see(&mut self, value: &Value, quality: Quality) {
        self.worst = self.worst.worse(quality);
        self.last = Some(value.clone());
        let beats = |best: &Option<Value>, wanted| {
            best.as_ref().is_none_or(|best| order(&value.into(), &best.into()) == Ok(wanted))
        };
        if value.as_f64().is_some() {
            if beats(&self.min, std::cmp::Ordering::Less) {
                self.min = Some(value.clone());
            }
            if beats(&self.max, std::cmp::Ordering::Greater) {
                self.max = Some(value.clone());
            }
        }
    }

    /// A sample came in this slice.
    fn add(&mut self, span: &Span, value: &Value, quality: Quality) {
        self.see(value, quality);
        let nth = self.count;
        self.count += 1;
        match value {
            Value::Int(n) => self.whole = self.whole.saturating_add((*n).into()),
            Value::UInt(n) => self.whole = self.whole.saturating_add((*n).into()),
            Value::Float(x) => {
                self.sum += x;
                self.fraction = true;
            }
            _ => {}
        }
        if span.of == Aggregate::Median && nth.is_multiple_of(self.stride.max(1)) {
            self.values.extend(value.as_f64());
            if self.values.len() >= (MAX_VALUES / span.slices).max(16) {
                let mut keep = false;
                self.values.retain(|_| {
                    keep = !keep;
                    keep
                });
                self.stride = self.stride.max(1) * 2;
            }
        }
    }
}

fn micros_of(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

fn round_1(x: f64) -> f64 {
    (x * 10.0).round() / 10.0
}
