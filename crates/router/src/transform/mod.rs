//! What happens to a value between source and target: steps joined by `|`, for example `scale(0.001) | round(1)`.
//!
//! Read in this order: [`step`] what each step does, [`parse`] how it is written. A step that keeps a memory (a window, a
//! dead band) will keep it outside of the compiled pipeline, beside the route's entry in the plan of one datapoint: so a
//! pipeline stays shared and the memory is one per route and datapoint.

mod parse;
mod step;

use std::cell::Cell;

use fieldrail_model::{Quality, Value};

use crate::expression::{EvalError, Input, Points, SyntaxError};

use step::Step;

/// A compiled pipeline.
#[derive(Debug, Clone)]
pub struct Pipeline {
    steps: Vec<Step>,
}

impl Pipeline {
    /// Compiles a pipeline. Addresses in `dp("…")` are added to `points`.
    ///
    /// # Errors
    /// The text is no pipeline.
    pub fn compile(text: &str, points: &mut Points) -> Result<Self, SyntaxError> {
        parse::pipeline(text, points).map(|steps| Self { steps })
    }

    /// The value that comes out, and the worst quality of what it was made from.
    ///
    /// # Errors
    /// A step has no result for its input.
    pub fn apply(&self, input: &Input<'_>) -> Result<(Value, Quality), EvalError> {
        let worst = Cell::new(input.quality);
        let mut value: Option<Value> = None;
        for step in &self.steps {
            let input = Input { value: value.as_ref().unwrap_or(input.value), worst: &worst, ..*input };
            value = Some(step.apply(&input)?);
        }
        Ok((value.unwrap_or_else(|| input.value.clone()), worst.get()))
    }
}

#[cfg(test)]
mod tests;
