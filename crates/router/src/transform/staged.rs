//! One value through the steps of a pipeline one by one, with what each of them makes of it: for people who write one.
//!
//! A step with a memory begins with a blank one. If it keeps the value for now, time goes on as if the value stood, until the
//! step says something by itself; so an average shows what it will say at its end.

use std::time::Duration;

use fieldrail_model::{Class, Timestamp, Value};

use super::step::Step;
use super::{Item, Memory, Pipeline, plain};
use crate::expression::{EvalError, Input};

/// So often a step is let speak by itself until what it says is as good as what it was given.
const MAX_WAKES: usize = 64;

/// What one step made of the value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Staged {
    /// The step as it was written.
    pub(crate) text: Box<str>,
    /// What came out; none if the step keeps the value, or if nothing came so far.
    pub(crate) made: Option<Item>,
    /// Whether the value came so far.
    pub(crate) reached: bool,
    /// How long after the sample it is said.
    pub(crate) after: Duration,
    /// Whether the step has a memory, so that in force it may say something else.
    pub(crate) remembers: bool,
    /// Why it could not be computed.
    pub(crate) error: Option<EvalError>,
}

impl Pipeline {
    /// Runs one item through each step. Nothing stays of it.
    pub(crate) fn stage(&self, item: Item, input: &Input<'_>) -> Vec<Staged> {
        let (mut flowing, mut failed, begin) = (Some(item), false, input.now);
        let mut now = begin;
        let mut staged = Vec::with_capacity(self.steps.len());
        for (step, text) in self.steps.iter().zip(&self.texts) {
            let remembers = matches!(step, Step::Remember(..));
            let blank = Staged {
                text: text.clone(),
                made: None,
                reached: false,
                after: begin.age(now),
                remembers,
                error: None,
            };
            let Some(item) = flowing.take() else {
                staged.push(blank);
                continue;
            };
            // As in force: behind a mistake only the steps with a memory hear of it.
            let done =
                if failed && !remembers { Ok(Some(item)) } else { one(step, item, &Input { now, ..*input }, &mut now) };
            let (made, error) = match done {
                Ok(made) => (made, None),
                Err(error) => (Some(Item::failed(&error, now)), Some(error)),
            };
            failed |= error.is_some();
            flowing.clone_from(&made);
            staged.push(Staged { made, reached: true, after: begin.age(now), error, ..blank });
        }
        staged
    }
}

impl Item {
    /// What a step makes of what it cannot compute.
    fn failed(error: &EvalError, time: Timestamp) -> Self {
        Self { value: Value::Null, quality: error.quality(), note: Some(error.to_string().into()), time }
    }
}

/// One step; `now` goes on to when it says something.
fn one(step: &Step, mut item: Item, input: &Input<'_>, now: &mut Timestamp) -> Result<Option<Item>, EvalError> {
    let Step::Remember(_, remember) = step else {
        return match plain(step, &mut item, input) {
            // A bad sample has often no value to compute with: that is no mistake.
            Err(_) if item.quality.class() == Class::Bad => Ok(Some(Item { value: Value::Null, ..item })),
            done => done.map(|()| Some(item)),
        };
    };
    let (mut memory, given) = (Memory::Blank, item.quality);
    if let Some(said) = remember.take(&mut memory, item, *now)? {
        return Ok(Some(said));
    }
    let mut said = None;
    for _ in 0..MAX_WAKES {
        let Some(due) = memory.due() else { break };
        *now = due;
        said = remember.wake(&mut memory, due).or(said);
        if said.as_ref().is_some_and(|said| said.quality == given) {
            break;
        }
    }
    Ok(said)
}
