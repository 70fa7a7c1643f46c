//! The steps of a pipeline, and what each makes of a value, of its kind and of its unit.

use std::fmt::Write as _;

use fieldrail_model::{IecType, Value};

use super::remember::Remember;
use super::window::Aggregate;
use crate::expression::{
    Binary, Datum, EvalError, Expression, Function, Input, Kind, MAX_TEXT_BYTES, Node, Variable, add, multiply, negate,
    round,
};
use crate::unit::Effect;

/// The largest text that `json` reads, in bytes.
pub(super) const MAX_JSON_BYTES: usize = 1 << 20;

/// One step.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Scale(Value),
    /// Scaling by one over a whole number, such as 0.001. The division rounds once, so 53,120 becomes 53.12 and not
    /// 53.120000000000005.
    Divide(f64),
    Offset(Value),
    Round(i32),
    Clamp(Value, Value),
    Invert,
    Map {
        cases: Vec<(Value, Value)>,
        otherwise: Option<Value>,
    },
    Bit(u32),
    Bool,
    Int,
    Float,
    Text,
    Json(Box<str>),
    Expr(Box<Expression>),
    Template(Vec<Piece>),
    /// A step with a memory, and which of the memories is its own.
    Remember(usize, Remember),
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Literal(Box<str>),
    Value,
    Quality,
    Reason,
    Tag,
    Source,
    Time,
}

impl Step {
    /// Scaling by this number.
    pub(super) fn scale(factor: &Value) -> Self {
        let divisor = match factor {
            Value::Float(factor) => (1.0 / factor).round(),
            _ => 0.0,
        };
        let is_one_over = divisor.abs() > 1.0 && factor.as_f64() == Some(1.0 / divisor);
        if is_one_over { Self::Divide(divisor) } else { Self::Scale(factor.clone()) }
    }

    pub(super) fn apply(&self, input: &Input<'_>) -> Result<Value, EvalError> {
        let value = input.value;
        match self {
            Self::Scale(factor) => multiply(&number(value, "scale")?, &factor.into())?.into_value(),
            Self::Divide(divisor) => Ok(Value::Float(number(value, "scale")?.float("scale")? / divisor)),
            Self::Offset(by) => add(&number(value, "offset")?, &by.into())?.into_value(),
            Self::Round(digits) => round(&number(value, "round")?, *digits)?.into_value(),
            Self::Clamp(low, high) => clamp(value, low, high),
            Self::Invert => match value {
                Value::Bool(b) => Ok(Value::Bool(!b)),
                other => negate(&number(other, "invert")?)?.into_value(),
            },
            Self::Map { cases, otherwise } => mapped(value, cases, otherwise.as_ref()),
            Self::Bit(bit) => bit_of(value, *bit).map(Value::Bool),
            Self::Bool => fit(value, IecType::Bool),
            Self::Int => int(value),
            Self::Float => float(value),
            Self::Text => text(value),
            Self::Json(pointer) => json(value, pointer),
            Self::Expr(expression) => expression.value(input),
            Self::Template(pieces) => filled(pieces, input),
            // A pipeline runs these with their memory.
            Self::Remember(..) => Ok(value.clone()),
        }
    }

    /// What comes out, given what comes in; or what it needs to come in.
    pub(super) fn kind(&self, of: Kind) -> Result<Kind, Kind> {
        let number = |gives| if matches!(of, Kind::Any | Kind::Number) { Ok(gives) } else { Err(Kind::Number) };
        match self {
            Self::Scale(_) | Self::Divide(_) | Self::Offset(_) | Self::Round(_) | Self::Clamp(..) => {
                number(Kind::Number)
            }
            Self::Bit(_) => number(Kind::Bool),
            Self::Invert => {
                if of == Kind::Text {
                    Err(Kind::Number)
                } else {
                    Ok(of)
                }
            }
            Self::Map { cases, otherwise } => {
                let kinds = cases.iter().map(|(_, to)| to).chain(otherwise).map(Kind::of);
                Ok(kinds.reduce(|a, b| if a == b { a } else { Kind::Any }).unwrap_or(Kind::Any))
            }
            Self::Bool => Ok(Kind::Bool),
            Self::Int | Self::Float => Ok(Kind::Number),
            Self::Text | Self::Template(_) => Ok(Kind::Text),
            Self::Json(_) => {
                if matches!(of, Kind::Any | Kind::Text) {
                    Ok(Kind::Any)
                } else {
                    Err(Kind::Text)
                }
            }
            Self::Expr(expression) => Ok(expression.kind()),
            Self::Remember(_, step) => match step {
                Remember::OnChange | Remember::Throttle(_) | Remember::Debounce(_) => Ok(of),
                Remember::Over(span) if span.of == Aggregate::Last => Ok(of),
                Remember::Over(span) if span.of == Aggregate::Count => Ok(Kind::Number),
                Remember::Hysteresis(..) => number(Kind::Bool),
                _ => number(Kind::Number),
            },
        }
    }

    /// Whether what comes out surely may have digits behind the point, given whether what comes in may.
    pub(super) fn has_fractions(&self, before: bool) -> bool {
        let has = |number: &Value| number.as_f64().is_some_and(|x| x.fract() != 0.0);
        match self {
            Self::Divide(_) => true,
            Self::Scale(by) | Self::Offset(by) => before || has(by),
            Self::Round(digits) => *digits > 0 && before,
            Self::Clamp(..) | Self::Invert | Self::Float => before,
            Self::Remember(_, step) => match step {
                Remember::Rate(_) | Remember::Integrate(..) => true,
                Remember::Over(span) => match span.of {
                    Aggregate::Avg => true,
                    Aggregate::Count => false,
                    _ => before,
                },
                Remember::Hysteresis(..) => false,
                _ => before,
            },
            Self::Expr(expression) => fractional(expression.node(), before),
            _ => false,
        }
    }

    /// What the step does to the unit of the value.
    pub(super) fn effect(&self) -> Effect {
        let times = |factor: &Value| Effect::Affine(factor.as_f64().unwrap_or(1.0), 0.0);
        match self {
            Self::Scale(factor) => times(factor),
            Self::Divide(divisor) => Effect::Affine(1.0 / divisor, 0.0),
            Self::Offset(by) => Effect::Affine(1.0, by.as_f64().unwrap_or(0.0)),
            Self::Invert => Effect::Affine(-1.0, 0.0),
            Self::Round(_) | Self::Clamp(..) | Self::Int | Self::Float => Effect::Keep,
            Self::Map { .. }
            | Self::Bit(_)
            | Self::Bool
            | Self::Text
            | Self::Json(_)
            | Self::Expr(_)
            | Self::Template(_) => Effect::Lose,
            Self::Remember(_, step) => match step {
                Remember::Hysteresis(..) => Effect::Lose,
                Remember::Over(span) if span.of == Aggregate::Count => Effect::Lose,
                Remember::Delta => Effect::Difference,
                Remember::Rate(per_s) => Effect::Rate(*per_s),
                Remember::Integrate(per_s, _) => Effect::Integral(*per_s),
                _ => Effect::Keep,
            },
        }
    }

    /// The step that leads back, none where nothing has to be done; `None` if there is no way back.
    #[allow(clippy::option_option)] // two questions: is there a way back, and is there something to do on it
    pub(super) fn reversed(&self) -> Option<Option<Self>> {
        Some(Some(match self {
            Self::Scale(factor) => {
                let factor = factor.as_f64().filter(|factor| *factor != 0.0)?;
                Self::Divide(factor)
            }
            Self::Divide(divisor) => Self::Scale(Value::Float(*divisor)),
            Self::Offset(by) => Self::Offset(match by {
                Value::Int(n) => Value::Int(n.checked_neg()?),
                other => Value::Float(-other.as_f64()?),
            }),
            Self::Invert => Self::Invert,
            Self::Round(_) => return Some(None),
            Self::Map { cases, otherwise: None } => {
                let distinct = |nth: usize, to: &Value| cases[..nth].iter().all(|(_, other)| other != to);
                if !cases.iter().enumerate().all(|(nth, (_, to))| distinct(nth, to)) {
                    return None;
                }
                let cases = cases.iter().map(|(from, to)| (to.clone(), from.clone())).collect();
                Self::Map { cases, otherwise: None }
            }
            _ => return None,
        }))
    }
}

/// Whether what the expression makes surely may have digits behind the point, given whether `value` may.
fn fractional(node: &Node, value: bool) -> bool {
    let of = |node: &Node| fractional(node, value);
    match node {
        Node::Constant(number) => number.as_f64().is_some_and(|x| x.fract() != 0.0),
        Node::Variable(Variable::Value | Variable::Previous, _) => value,
        Node::Binary(Binary::Divide, _) => true,
        Node::Binary(operator, sides) if !operator.compares() => sides.iter().any(of),
        Node::Negate(inner) => of(inner),
        Node::If(parts) => parts[1..].iter().any(of),
        Node::Call(Function::Abs | Function::Min | Function::Max, _, arguments) => arguments.iter().any(of),
        Node::Call(Function::Round, _, arguments) => match arguments.as_slice() {
            [number, Node::Constant(Value::Int(1..))] => of(number),
            _ => false,
        },
        _ => false,
    }
}

fn shortened(value: &Value) -> String {
    value.to_string().chars().take(40).collect()
}

fn number<'a>(value: &'a Value, operation: &'static str) -> Result<Datum<'a>, EvalError> {
    let datum = Datum::from(value);
    datum.float(operation).map(|_| datum)
}

fn clamp(value: &Value, low: &Value, high: &Value) -> Result<Value, EvalError> {
    let x = number(value, "clamp")?.float("clamp")?;
    let bound = |bound: &Value| bound.as_f64().unwrap_or(f64::NAN);
    if x.is_nan() {
        Err(EvalError::Undefined("NaN is within no bounds"))
    } else if x < bound(low) {
        Ok(low.clone())
    } else if x > bound(high) {
        Ok(high.clone())
    } else {
        Ok(value.clone())
    }
}

fn mapped(value: &Value, cases: &[(Value, Value)], otherwise: Option<&Value>) -> Result<Value, EvalError> {
    let wanted = Datum::from(value);
    // A number and a bool are no match here, but no error either: another case may fit.
    let found = cases.iter().find(|(case, _)| crate::expression::equal(&wanted, &case.into()) == Ok(true));
    let found = found.map(|(_, to)| to).or(otherwise);
    found
        .cloned()
        .ok_or_else(|| EvalError::Misfit(format!("`{}` is not in the map, which has no `else`", shortened(value))))
}

fn bit_of(value: &Value, bit: u32) -> Result<bool, EvalError> {
    match value {
        Value::Int(n) => Ok(n >> bit & 1 == 1),
        Value::UInt(n) => Ok(n >> bit & 1 == 1),
        other => Err(EvalError::Type { operation: "bit", kind: other.kind() }),
    }
}

/// The text that bytes hold, if they hold one; other values as they are.
fn readable(value: &Value) -> Value {
    match value {
        Value::Bytes(bytes) => std::str::from_utf8(bytes).map_or_else(|_| value.clone(), Value::text),
        other => other.clone(),
    }
}

fn fit(value: &Value, wanted: IecType) -> Result<Value, EvalError> {
    let fitted = match value {
        Value::Bytes(_) => wanted.fit(&readable(value)),
        other => wanted.fit(other),
    };
    fitted.map_err(|misfit| EvalError::Misfit(misfit.to_string()))
}

fn int(value: &Value) -> Result<Value, EvalError> {
    match value {
        Value::Float(x) if x.fract() != 0.0 => {
            Err(EvalError::Misfit(format!("{x} is no whole number; round it first")))
        }
        _ => fit(value, IecType::Lint)
            .or_else(|_| fit(value, IecType::Ulint))
            .map_err(|_| EvalError::Misfit(format!("`{value}` ({}) is no whole number of 64 bits", value.kind()))),
    }
}

/// A number that some text spells; "nan" and "inf" are none.
fn float(value: &Value) -> Result<Value, EvalError> {
    let found = fit(value, IecType::Lreal)?;
    match found.as_f64() {
        Some(x) if !x.is_finite() && value.as_f64().is_none() => {
            Err(EvalError::Misfit(format!("`{value}` ({}) is no number", value.kind())))
        }
        _ => Ok(found),
    }
}

fn text(value: &Value) -> Result<Value, EvalError> {
    match readable(value) {
        Value::Null => Err(EvalError::Type { operation: "text", kind: "null" }),
        Value::Bytes(_) => Err(EvalError::Misfit("the bytes are no UTF-8 text".into())),
        text @ Value::Text(_) => Ok(text),
        other => Ok(Value::text(other.to_string())),
    }
}

fn json(value: &Value, pointer: &str) -> Result<Value, EvalError> {
    let content = readable(value);
    let text = match &content {
        Value::Text(text) | Value::Json(text) => text,
        other => return Err(EvalError::Type { operation: "json", kind: other.kind() }),
    };
    if text.len() > MAX_JSON_BYTES {
        return Err(EvalError::Misfit(format!("the JSON is longer than {MAX_JSON_BYTES} bytes")));
    }
    let document: serde_json::Value =
        serde_json::from_str(text).map_err(|error| EvalError::Misfit(format!("no JSON: {error}")))?;
    let found = document.pointer(pointer);
    found.map(from_json).ok_or_else(|| EvalError::Misfit(format!("nothing is at `{pointer}`")))
}

fn from_json(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(b) => Value::Bool(*b),
        serde_json::Value::Number(n) => {
            let integer = n.as_i64().map(Value::Int).or_else(|| n.as_u64().map(Value::uint));
            integer.unwrap_or_else(|| n.as_f64().map_or(Value::Null, Value::Float))
        }
        serde_json::Value::String(text) => Value::text(text.as_str()),
        document => Value::Json(document.to_string().into()),
    }
}

fn filled(pieces: &[Piece], input: &Input<'_>) -> Result<Value, EvalError> {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Literal(literal) => text.push_str(literal),
            // Writing to a text cannot fail.
            Piece::Value => drop(write!(text, "{}", input.value)),
            Piece::Quality => text.push_str(input.quality.class().name()),
            Piece::Reason => text.push_str(input.quality.reason()),
            Piece::Tag => text.push_str(input.tag),
            Piece::Source => text.push_str(input.source),
            Piece::Time => drop(write!(text, "{}", input.source_time.millis())),
        }
        if text.len() > MAX_TEXT_BYTES {
            return Err(EvalError::TooLong);
        }
    }
    Ok(Value::text(text))
}
