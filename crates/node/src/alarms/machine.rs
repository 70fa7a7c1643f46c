//! One alarm, pure: what its source says and what people do, and when.
//!
//! Four states: normal, active, active and acknowledged, cleared and not acknowledged. Invariants: an alarm that was active
//! stays in the list until somebody acknowledged it; a source that is bad or stale neither raises nor clears; an
//! acknowledgement changes nothing but that; one that flaps is active until it has been quiet for a while.

use std::collections::VecDeque;
use std::time::Duration;

use fieldrail_model::{Class, Sample, Timestamp, Value};
use serde::{Deserialize, Serialize};

use crate::datapoints::AlarmSpec;

/// So often active within [`FLAP_WITHIN`], and it flaps.
pub(super) const FLAPS: usize = 5;

/// The time within which activations count together.
pub(super) const FLAP_WITHIN: Duration = Duration::from_mins(5);

/// How long one that flaps must be quiet until it is cleared.
pub(super) const FLAP_HOLD: Duration = Duration::from_mins(1);

/// What the source says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    Raised,
    Quiet,
    /// It is bad, stale, or has not said anything.
    Nothing,
}

impl Says {
    pub(super) fn of(sample: Option<&Sample>) -> Self {
        match sample {
            Some(sample) if sample.quality.class() != Class::Bad => Self::of_value(&sample.value),
            _ => Self::Nothing,
        }
    }

    fn of_value(value: &Value) -> Self {
        let raised = match value {
            Value::Null | Value::Bytes(_) | Value::Json(_) => return Self::Nothing,
            Value::Bool(on) => *on,
            Value::Text(text) => {
                let text = text.trim();
                !["", "0", "false", "off", "no", "ok"].iter().any(|quiet| text.eq_ignore_ascii_case(quiet))
            }
            number => match number.as_f64() {
                Some(number) if !number.is_nan() => number != 0.0,
                _ => return Self::Nothing,
            },
        };
        if raised { Self::Raised } else { Self::Quiet }
    }
}

/// What has just happened to an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    Activated,
    Cleared,
    Acknowledged,
}

impl Step {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Activated => "activated",
            Self::Cleared => "cleared",
            Self::Acknowledged => "acknowledged",
        }
    }
}

/// One alarm.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Alarm {
    pub(super) active: bool,
    /// Somebody has to acknowledge it.
    pub(super) waits: bool,
    /// When it became active the last time; on the wall clock, as are all these.
    pub(super) activated: Option<Timestamp>,
    pub(super) cleared: Option<Timestamp>,
    pub(super) acknowledged: Option<Timestamp>,
    pub(super) by: Option<String>,
    pub(super) comment: Option<String>,
    /// Since when the source has said the opposite of what the alarm is.
    #[serde(skip)]
    opposite: Option<Timestamp>,
    /// The last activations, the newest last.
    #[serde(skip)]
    activations: VecDeque<Timestamp>,
    /// The source cannot be asked.
    #[serde(skip)]
    pub(super) source_lost: bool,
}

impl Alarm {
    /// The word in the API.
    pub(super) fn state(&self) -> &'static str {
        match (self.active, self.waits) {
            (true, true) => "active",
            (true, false) => "acknowledged",
            (false, true) => "cleared",
            (false, false) => "normal",
        }
    }

    pub(super) fn is_normal(&self) -> bool {
        !self.active && !self.waits
    }

    /// Takes what the source says. `now` never goes back.
    pub(super) fn look(&mut self, says: Says, spec: &AlarmSpec, now: Timestamp) -> Option<Step> {
        self.source_lost = says == Says::Nothing;
        let raised = match says {
            Says::Nothing => {
                self.opposite = None;
                return None;
            }
            Says::Raised => true,
            Says::Quiet => false,
        };
        if raised == self.active {
            self.opposite = None;
            return None;
        }
        let since = *self.opposite.get_or_insert(now);
        if since.after(self.delay(spec, now)) > now {
            return None;
        }
        self.opposite = None;
        self.active = raised;
        if raised {
            self.waits = true;
            self.activated = Some(now);
            (self.acknowledged, self.by, self.comment) = (None, None, None);
            self.activations.push_back(now);
            if self.activations.len() > FLAPS {
                self.activations.pop_front();
            }
            Some(Step::Activated)
        } else {
            self.cleared = Some(now);
            Some(Step::Cleared)
        }
    }

    /// When it has to be looked at again though nothing comes: the end of a delay.
    pub(super) fn due(&self, spec: &AlarmSpec, now: Timestamp) -> Option<Timestamp> {
        self.opposite.map(|since| since.after(self.delay(spec, now)))
    }

    /// How long the opposite has to stand until it counts.
    fn delay(&self, spec: &AlarmSpec, now: Timestamp) -> Duration {
        let seconds = if self.active { spec.off_delay_s } else { spec.on_delay_s };
        let delay = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        if self.active && self.flaps(now) { delay.max(FLAP_HOLD) } else { delay }
    }

    /// Whether it comes and goes too often to be told each time.
    pub(super) fn flaps(&self, now: Timestamp) -> bool {
        let first = self.activations.front().filter(|_| self.activations.len() >= FLAPS);
        first.is_some_and(|first| first.after(FLAP_WITHIN) > now)
    }

    /// Somebody has seen it.
    pub(super) fn acknowledge(&mut self, by: &str, comment: Option<&str>, now: Timestamp) -> Option<Step> {
        if !self.waits {
            return None;
        }
        self.waits = false;
        self.acknowledged = Some(now);
        self.by = Some(by.into());
        self.comment = comment.map(Into::into);
        Some(Step::Acknowledged)
    }
}

#[cfg(test)]
mod tests {
    use fieldrail_model::Quality;
    use proptest::prelude::*;

    use super::*;

    const SECOND: i64 = 1_000_000;

    #[track_caller]
    fn check(value: impl Into<Value>, quality: Quality, want: Says) {
        let sample = Sample { quality, ..Sample::good(value, Timestamp(0)) };
        assert_eq!(Says::of(Some(&sample)), want);
    }

    #[test]
    fn what_is_true_raises_and_what_is_bad_says_nothing() {
        let good = Quality::Good;
        for raised in [Value::Bool(true), Value::Int(1), 0.5.into(), Value::text("ON"), Value::text("alarm")] {
            check(raised.clone(), good, Says::Raised);
            check(raised.clone(), Quality::LastUsable, Says::Raised);
            check(raised.clone(), Quality::Stale, Says::Nothing);
            check(raised, Quality::NotConnected, Says::Nothing);
        }
        for quiet in
            [Value::Bool(false), Value::Int(0), 0.0.into(), Value::text("off"), Value::text(" OK "), Value::text("")]
        {
            check(quiet, good, Says::Quiet);
        }
        for nothing in [Value::Null, f64::NAN.into(), Value::bytes(vec![1])] {
            check(nothing, good, Says::Nothing);
        }
        assert_eq!(Says::of(None), Says::Nothing);
    }

    #[test]
    fn an_alarm_comes_is_seen_and_goes() {
        let (mut alarm, spec) = (Alarm::default(), AlarmSpec::default());
        let at = |second: i64| Timestamp(second * SECOND);
        assert_eq!(alarm.look(Says::Quiet, &spec, at(0)), None);
        assert_eq!(alarm.look(Says::Raised, &spec, at(1)), Some(Step::Activated));
        assert_eq!(alarm.look(Says::Raised, &spec, at(2)), None);
        assert_eq!((alarm.state(), alarm.activated), ("active", Some(at(1))));
        assert_eq!(alarm.look(Says::Nothing, &spec, at(3)), None);
        assert_eq!((alarm.state(), alarm.source_lost), ("active", true));
        assert_eq!(alarm.look(Says::Quiet, &spec, at(4)), Some(Step::Cleared));
        assert_eq!(alarm.state(), "cleared");
        assert_eq!(alarm.acknowledge("anna", Some("seen"), at(5)), Some(Step::Acknowledged));
        assert_eq!((alarm.state(), alarm.by.as_deref()), ("normal", Some("anna")));
        assert_eq!(alarm.acknowledge("anna", None, at(6)), None);
        assert_eq!(alarm.look(Says::Raised, &spec, at(7)), Some(Step::Activated));
        assert_eq!((alarm.by.as_deref(), alarm.acknowledged), (None, None), "this one nobody has seen");
        assert_eq!(alarm.acknowledge("anna", None, at(8)), Some(Step::Acknowledged));
        assert_eq!(alarm.state(), "acknowledged");
        assert_eq!(alarm.look(Says::Quiet, &spec, at(9)), Some(Step::Cleared));
        assert_eq!(alarm.state(), "normal");
    }

    #[test]
    fn delays_count_from_the_first_word_and_start_anew_after_each_gap() {
        let mut alarm = Alarm::default();
        let spec = AlarmSpec { on_delay_s: 5.0, off_delay_s: 2.0, ..AlarmSpec::default() };
        let mut look = |says, second: i64| alarm.look(says, &spec, Timestamp(second * SECOND));
        assert_eq!(look(Says::Raised, 0), None);
        assert_eq!(look(Says::Nothing, 4), None);
        assert_eq!(look(Says::Raised, 5), None);
        assert_eq!(look(Says::Raised, 9), None);
        assert_eq!(look(Says::Raised, 10), Some(Step::Activated));
        assert_eq!(look(Says::Quiet, 11), None);
        assert_eq!(look(Says::Quiet, 13), Some(Step::Cleared));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// Whatever comes in whatever order, with a restart at any moment.
        #[test]
        fn nothing_is_forgotten_and_nothing_is_told_without_end(
            steps in proptest::collection::vec((0_u8..8, 1_i64..20_000_000), 1..400),
            on_delay_s in prop_oneof![Just(0.0), 0.0..10.0_f64],
            off_delay_s in prop_oneof![Just(0.0), 0.0..10.0_f64],
        ) {
            let spec = AlarmSpec { on_delay_s, off_delay_s, ..AlarmSpec::default() };
            let (mut alarm, mut now) = (Alarm::default(), Timestamp(0));
            let mut owed = false;
            let mut activations: Vec<Timestamp> = Vec::new();
            let mut restarts = vec![Timestamp(0)];
            for (what, passed) in steps {
                now = Timestamp(now.0 + passed);
                let before = alarm.clone();
                let step = match what {
                    0..=2 => alarm.look(Says::Raised, &spec, now),
                    3..=4 => alarm.look(Says::Quiet, &spec, now),
                    5 => alarm.look(Says::Nothing, &spec, now),
                    6 => alarm.acknowledge("anna", None, now),
                    _ => {
                        let text = serde_json::to_string(&alarm).unwrap();
                        alarm = serde_json::from_str(&text).unwrap();
                        restarts.push(now);
                        None
                    }
                };
                match step {
                    Some(Step::Activated) => {
                        prop_assert!(what <= 2 && !before.active && alarm.active && alarm.waits);
                        owed = true;
                        activations.push(now);
                    }
                    Some(Step::Cleared) => {
                        prop_assert!((3..=4).contains(&what) && before.active && !alarm.active);
                        prop_assert_eq!(before.waits, alarm.waits);
                    }
                    Some(Step::Acknowledged) => {
                        prop_assert!(what == 6 && before.active == alarm.active && before.waits);
                        owed = false;
                    }
                    None => prop_assert_eq!((before.active, before.waits), (alarm.active, alarm.waits)),
                }
                prop_assert_eq!(owed, alarm.waits, "what nobody has acknowledged is in the list");
                prop_assert_eq!(alarm.is_normal(), alarm.state() == "normal");
            }
            // Between two restarts: five in five minutes, then one a minute at the most.
            for pair in activations.windows(FLAPS + 1) {
                let (first, last) = (pair[0], pair[FLAPS]);
                let restarted = restarts.iter().any(|at| *at > first && *at <= last);
                prop_assert!(restarted || last.0 - first.0 >= i64::try_from(FLAP_HOLD.as_micros()).unwrap());
            }
        }
    }
}
