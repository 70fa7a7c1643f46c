//! Expressions over a sample, compiled once: `value > 80 and quality == "good"`.
//!
//! Total by construction: no loops, no I/O, bounded length and depth; what cannot be computed is an [`EvalError`] with a
//! reason, never a wrong number. Read in this order: [`lexer`] tokens, [`parser`] the grammar, [`node`] the tree and its
//! evaluation, [`datum`] the values inside of an evaluation and their arithmetic.

mod datum;
mod lexer;
mod node;
mod parser;

use std::cell::Cell;
use std::ops::Range;
use std::sync::Arc;

use fieldrail_model::{Quality, Sample, Timestamp, Value};

pub(crate) use datum::{Datum, add, alike, equal, multiply, negate, order, round, subtract};
pub(crate) use lexer::Token;
pub(crate) use node::{Binary, Function, Kind, Node, Variable};
pub(crate) use parser::{Parser, Types};

/// The longest expression or pipeline, in bytes.
pub const MAX_EXPRESSION_BYTES: usize = 4096;
/// The deepest tree, in levels. It bounds the stack that an evaluation needs.
pub const MAX_DEPTH: usize = 64;
/// The longest text that an evaluation may build, in bytes.
pub const MAX_TEXT_BYTES: usize = 65_536;

/// The variables there are.
pub fn variables() -> impl Iterator<Item = &'static str> {
    Variable::ALL.into_iter().map(|(name, _)| name)
}

/// The functions there are, those with a grammar of their own too.
pub fn functions() -> impl Iterator<Item = &'static str> {
    node::FUNCTIONS.into_iter().map(|(name, ..)| name).chain(["if", "dp", "matches"])
}

/// A text that is no expression, or no pipeline.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (at character {})", .span.start + 1)]
pub struct SyntaxError {
    /// What is wrong.
    pub message: String,
    /// What to try, if that is known.
    pub hint: Option<String>,
    /// Where in the text, in bytes.
    pub span: Range<usize>,
}

impl SyntaxError {
    pub(crate) fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, span }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Why an expression has no value for a sample.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// A divisor was zero.
    #[error("division by zero")]
    DivisionByZero,
    /// The result is beyond 64 bits, or beyond a 64-bit float.
    #[error("{0} overflows")]
    Overflow(&'static str),
    /// The operation does not know values of this kind.
    #[error("{operation} is not defined for {kind}")]
    Type {
        /// The operation, as written.
        operation: &'static str,
        /// The kind that it got.
        kind: &'static str,
    },
    /// Two kinds that are compared by mistake.
    #[error("{left} is compared with {right}")]
    Compared {
        /// The kind on the left.
        left: &'static str,
        /// The kind on the right.
        right: &'static str,
    },
    /// The operation has no result for this number.
    #[error("{0}")]
    Undefined(&'static str),
    /// A datapoint of `dp("…")` that nothing was received for.
    #[error("`{0}` has no value yet")]
    Missing(Arc<str>),
    /// A datapoint of `dp("…")` that must not be used.
    #[error("`{address}` is {quality}")]
    BadPoint {
        /// The datapoint.
        address: Arc<str>,
        /// Its quality.
        quality: Quality,
    },
    /// The text would exceed [`MAX_TEXT_BYTES`].
    #[error("the text would be longer than {MAX_TEXT_BYTES} bytes")]
    TooLong,
    /// The value is not what the step of a pipeline needs.
    #[error("{0}")]
    Misfit(String),
}

impl EvalError {
    /// The quality of a sample that could not be computed for this reason.
    pub fn quality(&self) -> Quality {
        match self {
            Self::Type { .. } | Self::Compared { .. } | Self::Misfit(_) => Quality::TypeMismatch,
            _ => Quality::CalculationError,
        }
    }
}

/// The datapoints that `dp("…")` names, by their place in [`Points`].
pub trait Lookup {
    /// The last sample of the datapoint.
    ///
    /// # Errors
    /// Nothing was received yet, or the datapoint is bad.
    fn point(&self, index: usize) -> Result<&Sample, EvalError>;
}

/// The addresses that the expressions of one route name by `dp("…")`, each once.
#[derive(Debug, Clone, Default)]
pub struct Points {
    /// Each address once, as written.
    pub addresses: Vec<Arc<str>>,
    /// How many regular expressions there are; they take memory.
    pub(crate) regexes: usize,
}

impl Points {
    pub(crate) fn index(&mut self, address: &str) -> usize {
        let known = self.addresses.iter().position(|known| **known == *address);
        known.unwrap_or_else(|| {
            self.addresses.push(address.into());
            self.addresses.len() - 1
        })
    }
}

/// What an expression may look at.
pub struct Input<'a> {
    /// `value`: the sample's, or what the step before has made of it.
    pub value: &'a Value,
    /// `quality` and `reason`.
    pub quality: Quality,
    /// `previous`: the datapoint's value before this sample.
    pub previous: &'a Value,
    /// `source`: the instance id.
    pub source: &'a str,
    /// `tag`: all of the address behind the instance id.
    pub tag: &'a str,
    /// `time`: when the source says it was true, in milliseconds since 1970.
    pub source_time: Timestamp,
    /// What `age` is measured from.
    pub now: Timestamp,
    /// `dp("…")`.
    pub points: &'a dyn Lookup,
    /// The worst quality among the datapoints that were looked up.
    pub worst: &'a Cell<Quality>,
}

/// A compiled expression.
#[derive(Debug, Clone)]
pub struct Expression(Node);

impl Expression {
    /// The expression with this tree.
    pub(crate) fn of(node: Node) -> Self {
        Self(node)
    }

    /// Compiles an expression of any kind. Addresses in `dp("…")` are added to `points`.
    ///
    /// # Errors
    /// The text is no expression, or one that can never have a value.
    pub fn compile(text: &str, points: &mut Points) -> Result<Self, SyntaxError> {
        Self::compile_for(text, points, Types::UNKNOWN)
    }

    fn compile_for(text: &str, points: &mut Points, types: Types<'_>) -> Result<Self, SyntaxError> {
        let mut parser = Parser::new(text, points, types)?;
        let node = parser.expression()?;
        parser.end()?;
        Ok(Self(node))
    }

    /// Compiles an expression that must be true or false.
    ///
    /// # Errors
    /// As [`Expression::compile`]; or it is a number or a text.
    pub fn condition(text: &str, points: &mut Points) -> Result<Self, SyntaxError> {
        Self::condition_for(text, points, Types::UNKNOWN)
    }

    /// [`Expression::condition`] where it is known what the values are.
    pub(crate) fn condition_for(text: &str, points: &mut Points, types: Types<'_>) -> Result<Self, SyntaxError> {
        let compiled = Self::compile_for(text, points, types)?;
        match compiled.0.kind() {
            Kind::Any | Kind::Bool => Ok(compiled),
            kind => {
                Err(SyntaxError::new(0..text.len(), format!("a condition is true or false; this is {}", kind.name()))
                    .hint("compare it with something: `value > 5`"))
            }
        }
    }

    /// What the expression is without looking at any sample, if that is known: such a condition is a mistake.
    pub(crate) fn constant(&self) -> Option<&Value> {
        if let Node::Constant(value) = &self.0 { Some(value) } else { None }
    }

    /// The compiled tree.
    pub(crate) fn node(&self) -> &Node {
        &self.0
    }

    /// What the value is known to be.
    pub(crate) fn kind(&self) -> Kind {
        self.0.kind()
    }

    /// The value for this input.
    ///
    /// # Errors
    /// See [`EvalError`].
    pub fn value(&self, input: &Input<'_>) -> Result<Value, EvalError> {
        self.0.eval(input)?.into_value()
    }

    /// Whether the condition holds for this input.
    ///
    /// # Errors
    /// As [`Expression::value`]; or the result is neither true nor false.
    pub fn test(&self, input: &Input<'_>) -> Result<bool, EvalError> {
        self.0.eval(input)?.truth("a condition")
    }
}

#[cfg(test)]
mod tests;
