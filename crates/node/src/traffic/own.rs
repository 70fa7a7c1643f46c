//! Datapoints of the house itself: they come into the data space from the daemon, and a sample only if something moved.

use std::sync::Arc;

use fieldrail_model::{Class, Quality, Sample, Value};
use fieldrail_router::PointId;

use super::Traffic;
use crate::clock;

/// What the house says of itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    address: String,
    /// None cannot be measured now: the last value is bad, and one that was never told stays untold.
    value: Option<Value>,
    /// A number that moved by less is not told again, unless it is zero now.
    step: f64,
}

impl Told {
    /// A number that jitters by less than `step`.
    pub(crate) fn number(address: String, value: Option<f64>, step: f64) -> Self {
        Self { address, value: value.map(Value::Float), step }
    }

    /// A text.
    pub(crate) fn text(address: String, text: &str) -> Self {
        Self { address, value: Some(Value::text(text)), step: 0.0 }
    }

    /// A value that is told whenever it is another one.
    pub(crate) fn exact(address: String, value: Value) -> Self {
        Self { address, value: Some(value), step: 0.0 }
    }

    /// The sample that comes after this one, if anything moved.
    fn after(&self, last: Option<&Sample>) -> Option<(Value, Quality)> {
        match (&self.value, last) {
            (Some(value), Some(last)) if last.quality.is_good() && self.is_same(value, &last.value) => None,
            (Some(value), _) => Some((value.clone(), Quality::Good)),
            (None, Some(last)) if last.quality.class() != Class::Bad => {
                Some((last.value.clone(), Quality::NotConnected))
            }
            (None, _) => None,
        }
    }

    fn is_same(&self, now: &Value, last: &Value) -> bool {
        match (now, last) {
            (Value::Float(now), Value::Float(last)) if *now != 0.0 => (now - last).abs() < self.step,
            _ => now == last,
        }
    }
}

impl Traffic {
    /// Takes what has moved into the data space.
    pub(crate) fn tell(&self, told: &[Told]) {
        let now = clock::now();
        let mut engine = self.engine();
        let mut outcome = std::mem::take(&mut engine.outcome);
        for told in told {
            let known = engine.known_at(&told.address);
            let last = known.and_then(|point| engine.router.space.sample(point));
            let Some((value, quality)) = told.after(last) else { continue };
            let Some(point) = engine.point_at(&told.address) else { continue };
            let sample = Sample { quality, ..Sample::good(value, now) };
            engine.take(point, sample, now, &mut outcome);
        }
        self.hand_over(engine, outcome, now);
    }

    /// What these datapoints are about is not there any more.
    pub(crate) fn lose_own(&self, prefix: &str, why: &str) {
        let now = clock::now();
        let note: Arc<str> = why.into();
        let mut engine = self.engine();
        let mut outcome = std::mem::take(&mut engine.outcome);
        let points: Vec<PointId> = engine.router.space.page(prefix, None).collect();
        for point in points {
            let Some(last) = engine.router.space.sample(point) else { continue };
            if last.quality.class() == Class::Bad {
                continue;
            }
            let sample = Sample { quality: Quality::NotConnected, note: Some(Arc::clone(&note)), ..last.clone() };
            engine.take(point, sample, now, &mut outcome);
        }
        self.hand_over(engine, outcome, now);
    }
}

#[cfg(test)]
mod tests {
    use fieldrail_model::Timestamp;

    use super::*;

    #[track_caller]
    fn check(told: &Told, last: Option<(f64, Quality)>, want: Option<(f64, Quality)>) {
        let last = last.map(|(value, quality)| Sample { quality, ..Sample::good(value, Timestamp(0)) });
        let want = want.map(|(value, quality)| (Value::Float(value), quality));
        assert_eq!(told.after(last.as_ref()), want);
    }

    #[test]
    fn a_number_is_told_when_it_moved_and_when_it_can_be_measured_again() {
        let told = |value| Told::number("system.x".into(), value, 2.0);
        let (good, bad) = (Quality::Good, Quality::NotConnected);
        check(&told(Some(5.0)), None, Some((5.0, good)));
        check(&told(Some(5.0)), Some((5.0, good)), None);
        check(&told(Some(6.9)), Some((5.0, good)), None);
        check(&told(Some(7.0)), Some((5.0, good)), Some((7.0, good)));
        check(&told(Some(0.0)), Some((1.0, good)), Some((0.0, good)));
        check(&told(None), Some((5.0, good)), Some((5.0, bad)));
        check(&told(None), Some((5.0, bad)), None);
        check(&told(None), None, None);
        check(&told(Some(5.0)), Some((5.0, bad)), Some((5.0, good)));
    }
}
