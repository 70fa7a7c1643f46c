//! What happens to a value between source and target: steps joined by `|`, for example `scale(0.001) | round(1)`.
//!
//! Read in this order: [`step`] what each step without a memory does, [`remember`] those with one, [`window`] those over a
//! stretch of time, [`parse`] how they are written, [`staged`] what each makes of one value. A compiled pipeline is shared by all datapoints; what its steps
//! remember lies in [`Memory`], one for each step and datapoint, beside the route's entry in the plan.

mod parse;
mod remember;
mod staged;
mod step;
mod window;

use std::cell::Cell;
use std::sync::Arc;

use fieldrail_model::{Class, Quality, Timestamp, Value};

use crate::expression::{EvalError, Expression, Input, Kind, Points, SyntaxError, Types};
use crate::unit::Effect;

pub(crate) use remember::Memory;
use remember::Remember;
pub(crate) use staged::Staged;
use step::Step;

/// The steps there are, each with the way it is written.
pub fn steps() -> impl Iterator<Item = (&'static str, &'static str)> {
    parse::STEPS.into_iter()
}

/// What runs through a pipeline.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Item {
    pub(crate) value: Value,
    pub(crate) quality: Quality,
    /// Why the quality is not good.
    pub(crate) note: Option<Arc<str>>,
    /// When the value was true.
    pub(crate) time: Timestamp,
}

/// What came of one run.
#[derive(Debug, PartialEq)]
pub(crate) enum Flow {
    /// It goes on to the targets.
    Out(Item),
    /// A step keeps it, for now or for good.
    Held,
}

/// A compiled pipeline.
#[derive(Debug, Clone)]
pub struct Pipeline {
    steps: Vec<Step>,
    /// Each step as written.
    texts: Vec<Box<str>>,
    /// How many steps have a memory.
    remembering: usize,
    kind: Kind,
}

impl Pipeline {
    /// Compiles a pipeline. Addresses in `dp("…")` are added to `points`.
    ///
    /// # Errors
    /// The text is no pipeline.
    pub fn compile(text: &str, points: &mut Points) -> Result<Self, SyntaxError> {
        Self::compile_for(text, points, Types::UNKNOWN)
    }

    /// [`Pipeline::compile`] where it is known what the values are.
    pub(crate) fn compile_for(text: &str, points: &mut Points, types: Types<'_>) -> Result<Self, SyntaxError> {
        parse::pipeline(text, points, types)
    }

    fn new(steps: Vec<Step>, texts: Vec<Box<str>>, kind: Kind) -> Self {
        let remembering = steps.iter().filter(|step| matches!(step, Step::Remember(..))).count();
        Self { steps, texts, remembering, kind }
    }

    /// What comes out is known to be.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Each step as it was written.
    pub(crate) fn texts(&self) -> &[Box<str>] {
        &self.texts
    }

    /// Whether some step has a memory.
    pub(crate) fn remembers(&self) -> bool {
        self.remembering > 0
    }

    /// What its steps remember before the first sample.
    pub(crate) fn blank(&self) -> Box<[Memory]> {
        vec![Memory::Blank; self.remembering].into()
    }

    /// The expressions in it, each with whether its `value` is still in the unit of the source.
    pub(crate) fn expressions(&self) -> impl Iterator<Item = (bool, &Expression)> {
        let kept = self.steps.iter().scan(true, |kept, step| {
            let before = *kept;
            *kept = before && step.effect() == Effect::Keep;
            Some(before)
        });
        kept.zip(&self.steps).filter_map(|(kept, step)| match step {
            Step::Expr(expression) => Some((kept, &**expression)),
            _ => None,
        })
    }

    /// Whether a value comes out with the quality that it came in with, if it can be computed.
    pub(crate) fn keeps_quality(&self) -> bool {
        self.steps.iter().all(|step| !matches!(step, Step::Remember(_, Remember::Over(_) | Remember::Integrate(..))))
    }

    /// The values that come out, if it ends with a choice among constants.
    pub(crate) fn chosen(&self) -> Vec<&Value> {
        let passes_on = |step: &&Step| matches!(step, Step::Remember(_, step) if step.passes_on());
        match self.steps.iter().rev().find(|step| !passes_on(step)) {
            Some(Step::Map { cases, otherwise }) => cases.iter().map(|(_, to)| to).chain(otherwise).collect(),
            _ => Vec::new(),
        }
    }

    /// A step that lets everything pass as it is, by the way it was written.
    pub(crate) fn idle_step(&self) -> Option<&str> {
        let idle = |step: &Step| matches!(step, Step::Remember(_, step) if step.is_idle());
        self.steps.iter().zip(&self.texts).find(|(step, _)| idle(step)).map(|(_, text)| &**text)
    }

    /// What its steps do to the unit of the value.
    pub(crate) fn effects(&self) -> impl Iterator<Item = Effect> + '_ {
        self.steps.iter().map(Step::effect)
    }

    /// Whether what comes out may have digits behind the point, given whether what goes in may.
    pub(crate) fn has_fractions(&self, begins: bool) -> bool {
        self.steps.iter().fold(begins, |so_far, step| step.has_fractions(so_far))
    }

    /// The pipeline that leads back, or the step that knows no way back.
    pub(crate) fn reversed(&self) -> Result<Self, &str> {
        let mut steps = Vec::new();
        for (step, text) in self.steps.iter().zip(&self.texts).rev() {
            steps.extend(step.reversed().ok_or(&**text)?);
        }
        let texts = steps.iter().map(|_| "(back)".into()).collect();
        Ok(Self::new(steps, texts, Kind::Any))
    }

    /// The value that comes out, and the worst quality of what it was made from; for a pipeline without a memory. `trace`
    /// gets what each step but the last one made.
    ///
    /// # Errors
    /// A step has no result for its input.
    pub fn apply(&self, input: &Input<'_>, mut trace: Option<&mut Vec<Value>>) -> Result<(Value, Quality), EvalError> {
        let worst = Cell::new(input.quality);
        let mut value: Option<Value> = None;
        for step in &self.steps {
            if let (Some(trace), Some(value)) = (&mut trace, &value) {
                trace.push(value.clone());
            }
            let input = Input { value: value.as_ref().unwrap_or(input.value), worst: &worst, ..*input };
            value = Some(step.apply(&input)?);
        }
        Ok((value.unwrap_or_else(|| input.value.clone()), worst.get()))
    }

    /// Runs a sample through all steps. An error makes the item bad, and only the steps with a memory hear of that.
    pub(crate) fn run(
        &self,
        item: Item,
        input: &Input<'_>,
        memories: &mut [Memory],
        trace: &mut Vec<Value>,
    ) -> (Flow, Option<EvalError>) {
        trace.clear();
        self.run_from(0, item, input, memories, trace)
    }

    fn run_from(
        &self,
        first: usize,
        mut item: Item,
        input: &Input<'_>,
        memories: &mut [Memory],
        trace: &mut Vec<Value>,
    ) -> (Flow, Option<EvalError>) {
        let mut error = None;
        for (nth, step) in self.steps.iter().enumerate().skip(first) {
            let done = match step {
                Step::Remember(slot, step) => match step.take(&mut memories[*slot], item.clone(), input.now) {
                    Ok(Some(next)) => {
                        item = next;
                        Ok(())
                    }
                    Ok(None) => return (Flow::Held, error),
                    Err(failure) => Err(failure),
                },
                _ if error.is_some() => Ok(()),
                step => plain(step, &mut item, input),
            };
            match done {
                Ok(()) => {}
                Err(_) if item.quality.class() == Class::Bad => item.value = Value::Null,
                Err(failure) => {
                    let note = Some(failure.to_string().into());
                    item = Item { value: Value::Null, quality: failure.quality(), note, time: item.time };
                    error = Some(failure);
                }
            }
            if nth + 1 < self.steps.len() {
                trace.push(item.value.clone());
            }
        }
        (Flow::Out(item), error)
    }

    /// When the first of the memories has something to say by itself.
    pub(crate) fn due(memories: &[Memory]) -> Option<Timestamp> {
        memories.iter().filter_map(Memory::due).min()
    }

    /// What a memory says by itself at its time, run through the steps behind it. To be called again while there is
    /// something due.
    pub(crate) fn wake(
        &self,
        input: &Input<'_>,
        memories: &mut [Memory],
        trace: &mut Vec<Value>,
    ) -> (Flow, Option<EvalError>) {
        for (nth, step) in self.steps.iter().enumerate() {
            let Step::Remember(slot, step) = step else { continue };
            let memory = &mut memories[*slot];
            if memory.due().is_none_or(|due| due > input.now) {
                continue;
            }
            let Some(item) = step.wake(memory, input.now) else { return (Flow::Held, None) };
            trace.clear();
            trace.resize(nth, Value::Null);
            if nth + 1 < self.steps.len() {
                trace.push(item.value.clone());
            }
            return self.run_from(nth + 1, item, input, memories, trace);
        }
        (Flow::Held, None)
    }
}

/// A step without a memory.
fn plain(step: &Step, item: &mut Item, input: &Input<'_>) -> Result<(), EvalError> {
    let worst = Cell::new(item.quality);
    let input = Input { value: &item.value, quality: item.quality, source_time: item.time, worst: &worst, ..*input };
    let value = step.apply(&input)?;
    (item.value, item.quality) = (value, worst.get());
    Ok(())
}

#[cfg(test)]
mod tests;
