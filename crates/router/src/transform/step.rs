//! The steps of a pipeline that need no memory.

use std::fmt::Write as _;

use fieldrail_model::{IecType, Value};

use crate::expression::{Datum, EvalError, Expression, Input, MAX_TEXT_BYTES, add, multiply, negate, round};

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
            Self::Float => fit(value, IecType::Lreal),
            Self::Text => text(value),
            Self::Json(pointer) => json(value, pointer),
            Self::Expr(expression) => expression.value(input),
            Self::Template(pieces) => filled(pieces, input),
        }
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
        _ => fit(value, IecType::Lint).or_else(|_| fit(value, IecType::Ulint)),
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
