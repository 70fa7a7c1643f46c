//! Routes in both directions: two datapoints that follow each other, and settle on the last change.
//!
//! Each end remembers what it was sent and has not yet said. What it says of that is an echo and no change. A change that
//! came while a write was under way may be written over by it; then the end is told again, a few times at the most. At the
//! start the `from` end wins: the first value of the `to` end alone changes nothing.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use fieldrail_model::{Class, Sample, Timestamp, Value};

use super::exit::{Exit, Made};
use super::explain::Ran;
use super::plan::{Direction, Step};
use super::run::{noted, translated};
use super::{Counters, MAX_HOPS};
use crate::expression::{Input, alike};
use crate::rules::RouteIndex;

/// What an end was sent and has not yet said, at the most; the oldest is forgotten first.
const MAX_SENT: usize = 16;
/// How long an end may take to say it.
const ECHO: Duration = Duration::from_secs(10);
/// How often an end is told again after one change.
const MAX_AGAIN: u8 = 8;

/// One of the two ends.
#[derive(Default)]
struct End {
    /// What it said last.
    seen: Option<Value>,
    /// What both agree on, in the terms of this end.
    agreed: Option<Value>,
    sent: VecDeque<(Value, Timestamp)>,
}

/// What one route in both directions remembers.
#[derive(Default)]
pub(super) struct Both {
    ends: [End; 2],
    again: u8,
}

/// All routes in both directions.
#[derive(Default)]
pub(super) struct Pairs(HashMap<RouteIndex, Both>);

impl Pairs {
    pub(super) fn keep(&mut self, moved: &HashMap<RouteIndex, RouteIndex>) {
        let before = std::mem::take(&mut self.0);
        self.0 = before.into_iter().filter_map(|(route, both)| Some((*moved.get(&route)?, both))).collect();
    }
}

/// What an arriving value leads to.
#[derive(Debug, PartialEq)]
enum Turn {
    /// Nothing: both agree.
    Settled,
    /// The other end has to follow.
    Follow(Value),
    /// This end has to be told again what both agreed on.
    Again(Value),
}

impl Both {
    /// A value has come from an end; `other` says what it is in the terms of the other one.
    fn arrive<E>(
        &mut self,
        here: usize,
        value: &Value,
        is_echo: bool,
        now: Timestamp,
        other: impl FnOnce(&Value) -> Result<Value, E>,
    ) -> Result<Turn, E> {
        let is_new = self.ends[here].seen.is_none();
        let started = self.ends[1 - here].seen.is_some() || here == 0;
        let end = &mut self.ends[here];
        while end.sent.front().is_some_and(|(_, at)| at.age(now) > ECHO) {
            end.sent.pop_front();
        }
        let known = end.sent.iter().position(|(sent, _)| alike(sent, value));
        if let Some(known) = known {
            end.sent.drain(..=known);
        }
        let unchanged = end.seen.replace(value.clone()).is_some_and(|before| alike(&before, value));
        let agrees = end.agreed.as_ref().is_some_and(|agreed| alike(agreed, value));
        if known.is_some() || is_echo {
            // An older write has come after a newer change of this very end: the last change wins.
            let overwritten = !agrees && end.sent.is_empty();
            return Ok(match end.agreed.clone().filter(|_| overwritten && self.again < MAX_AGAIN) {
                Some(agreed) => {
                    self.again += 1;
                    remember(&mut self.ends[here], agreed.clone(), now);
                    Turn::Again(agreed)
                }
                None => Turn::Settled,
            });
        }
        let waits = !end.sent.is_empty();
        if agrees || (unchanged && waits) || !started || (is_new && waits && here == 1) {
            return Ok(Turn::Settled);
        }
        let there = other(value)?;
        self.again = 0;
        self.ends[here].agreed = Some(value.clone());
        self.ends[1 - here].agreed = Some(there.clone());
        remember(&mut self.ends[1 - here], there.clone(), now);
        Ok(Turn::Follow(there))
    }
}

fn remember(end: &mut End, value: Value, now: Timestamp) {
    if end.sent.len() >= MAX_SENT {
        end.sent.pop_front();
    }
    end.sent.push_back((value, now));
}

impl Exit<'_> {
    /// A sample of one end of a route in both directions.
    pub(super) fn both_ways(
        &mut self,
        step: &Step,
        sample: &Sample,
        input: &Input<'_>,
        pairs: &mut Pairs,
        counters: &mut Counters,
    ) -> Ran {
        let pair = self.rules.routes[step.route.index()].pair.as_ref();
        let (Some(pair), [there, here]) = (pair, &*step.ways) else { return Ran::Nowhere };
        let target = &self.targets[there.target.index()];
        let class = sample.quality.class();
        if class == Class::Bad || !there.classes.has(class) {
            counters.dropped_by_quality += 1;
            return Ran::Quality;
        }
        if sample.origin.as_ref().is_some_and(|origin| origin.hops >= MAX_HOPS) {
            counters.dropped_by_loop += 1;
            return Ran::Loop;
        }
        let is_echo = sample
            .origin
            .as_ref()
            .is_some_and(|origin| *origin.address == *target.address.as_str() || self.returned(origin));
        let back = step.direction == Direction::Back;
        let pipeline = if back { pair.back.as_ref() } else { step.logic.pipeline.as_ref() };
        let both = pairs.0.entry(step.route).or_default();
        let turn = both.arrive(usize::from(back), &sample.value, is_echo, self.now, |value| {
            translated(pipeline, &Input { value, ..*input })
        });
        let (to, value) = match turn {
            Ok(Turn::Settled) => {
                counters.held += 1;
                return Ran::Settled;
            }
            Ok(Turn::Follow(value)) => (there, value),
            Ok(Turn::Again(value)) => (here, value),
            Err(error) => {
                noted(counters, &error);
                return Ran::Failed;
            }
        };
        let made = Made { value, quality: sample.quality, note: sample.note.clone(), time: sample.source_time };
        let delivery = self.delivery(to, step, sample, &made);
        self.hand_on(to, delivery);
        counters.passed += 1;
        Ran::Passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Two(Both, i64);

    impl Two {
        /// A value arrives at an end; what has to be written where.
        fn say(&mut self, end: usize, value: i64) -> Option<(usize, i64)> {
            self.1 += 1000;
            let same = |value: &Value| Ok::<_, ()>(value.clone());
            match self.0.arrive(end, &Value::Int(value), false, Timestamp(self.1), same).unwrap() {
                Turn::Settled => None,
                Turn::Follow(Value::Int(value)) => Some((1 - end, value)),
                Turn::Again(Value::Int(value)) => Some((end, value)),
                other => panic!("{other:?}"),
            }
        }
    }

    fn two() -> Two {
        Two(Both::default(), 0)
    }

    #[test]
    fn a_change_is_followed_and_its_echo_is_none() {
        let mut two = two();
        assert_eq!(two.say(0, 5), Some((1, 5)));
        assert_eq!(two.say(1, 5), None);
        assert_eq!(two.say(1, 6), Some((0, 6)));
        assert_eq!(two.say(0, 6), None);
        assert_eq!(two.say(0, 6), None);
    }

    #[test]
    fn at_the_start_the_from_end_wins() {
        let mut two = two();
        assert_eq!(two.say(1, 7), None);
        assert_eq!(two.say(0, 5), Some((1, 5)));
        assert_eq!(two.say(1, 5), None);
        let mut two = Two(Both::default(), 0);
        assert_eq!(two.say(0, 5), Some((1, 5)));
        assert_eq!(two.say(1, 7), None);
        assert_eq!(two.say(1, 5), None);
        assert_eq!(two.say(1, 8), Some((0, 8)));
    }

    #[test]
    fn a_write_that_comes_after_a_newer_change_is_put_right() {
        let mut two = two();
        two.say(0, 1);
        two.say(1, 1);
        // The write of 5 is under way to end 1 when somebody sets 6 there.
        assert_eq!(two.say(0, 5), Some((1, 5)));
        assert_eq!(two.say(1, 6), Some((0, 6)));
        assert_eq!(two.say(1, 5), Some((1, 6)));
        assert_eq!(two.say(0, 6), None);
        assert_eq!(two.say(1, 6), None);
    }
}
