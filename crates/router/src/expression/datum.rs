//! The values inside of an evaluation and their arithmetic: integers exact, everything else an error.

use std::borrow::Cow;
use std::cmp::Ordering;

use fieldrail_model::Value;

use super::{EvalError, MAX_TEXT_BYTES};

/// A value that may be borrowed from the sample. Integers of both signs are one kind, so that no sum is wrong.
#[derive(Debug, Clone)]
pub(crate) enum Datum<'a> {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(Cow<'a, str>),
    /// Bytes or JSON: only compared and passed on.
    Opaque(&'a Value),
}

impl<'a> From<&'a Value> for Datum<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(b) => Self::Bool(*b),
            Value::Int(n) => Self::Int((*n).into()),
            Value::UInt(n) => Self::Int((*n).into()),
            Value::Float(x) => Self::Float(*x),
            Value::Text(text) => Self::Text(Cow::Borrowed(text)),
            Value::Bytes(_) | Value::Json(_) => Self::Opaque(value),
        }
    }
}

impl Datum<'_> {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a bool",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::Opaque(Value::Bytes(_)) => "bytes",
            Self::Opaque(_) => "JSON",
        }
    }

    pub(crate) fn into_value(self) -> Result<Value, EvalError> {
        Ok(match self {
            Self::Null => Value::Null,
            Self::Bool(b) => Value::Bool(b),
            Self::Int(n) => match (i64::try_from(n), u64::try_from(n)) {
                (Ok(n), _) => Value::Int(n),
                (_, Ok(n)) => Value::uint(n),
                _ => return Err(EvalError::Overflow("the result")),
            },
            Self::Float(x) => Value::Float(x),
            Self::Text(text) => Value::text(&*text),
            Self::Opaque(value) => value.clone(),
        })
    }

    pub(crate) fn truth(&self, operation: &'static str) -> Result<bool, EvalError> {
        match self {
            Self::Bool(b) => Ok(*b),
            other => Err(EvalError::Type { operation, kind: other.kind() }),
        }
    }

    pub(crate) fn text(&self, operation: &'static str) -> Result<&str, EvalError> {
        match self {
            Self::Text(text) => Ok(text),
            other => Err(EvalError::Type { operation, kind: other.kind() }),
        }
    }

    pub(crate) fn float(&self, operation: &'static str) -> Result<f64, EvalError> {
        match self {
            Self::Int(n) => Ok(*n as f64),
            Self::Float(x) => Ok(*x),
            other => Err(EvalError::Type { operation, kind: other.kind() }),
        }
    }
}

fn within(n: &i128) -> bool {
    (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(n)
}

/// Whether this is an integer that 64 bits hold.
pub(crate) fn in_64_bits(datum: &Datum<'_>) -> bool {
    matches!(datum, Datum::Int(n) if within(n))
}

/// The integer, if there is one and 64 bits hold it.
pub(crate) fn fits(n: Option<i128>, operation: &'static str) -> Result<Datum<'static>, EvalError> {
    n.filter(within).map(Datum::Int).ok_or(EvalError::Overflow(operation))
}

fn finite(x: f64, operation: &'static str) -> Result<Datum<'static>, EvalError> {
    if x.is_finite() { Ok(Datum::Float(x)) } else { Err(EvalError::Overflow(operation)) }
}

/// Two integers, or two floats if one of them is one.
enum Pair {
    Ints(i128, i128),
    Floats(f64, f64),
}

fn pair(a: &Datum<'_>, b: &Datum<'_>, operation: &'static str) -> Result<Pair, EvalError> {
    if let (Datum::Int(a), Datum::Int(b)) = (a, b) {
        return Ok(Pair::Ints(*a, *b));
    }
    let (x, y) = (a.float(operation)?, b.float(operation)?);
    if x.is_finite() && y.is_finite() {
        Ok(Pair::Floats(x, y))
    } else {
        Err(EvalError::Undefined("the value is NaN or infinite"))
    }
}

/// The sum of two numbers, or two texts joined.
pub(crate) fn add(a: &Datum<'_>, b: &Datum<'_>) -> Result<Datum<'static>, EvalError> {
    if let (Datum::Text(a), Datum::Text(b)) = (a, b) {
        return if a.len() + b.len() > MAX_TEXT_BYTES {
            Err(EvalError::TooLong)
        } else {
            Ok(Datum::Text(Cow::Owned([&**a, &**b].concat())))
        };
    }
    match pair(a, b, "`+`")? {
        Pair::Ints(a, b) => fits(a.checked_add(b), "`+`"),
        Pair::Floats(a, b) => finite(a + b, "`+`"),
    }
}

pub(crate) fn subtract(a: &Datum<'_>, b: &Datum<'_>) -> Result<Datum<'static>, EvalError> {
    match pair(a, b, "`-`")? {
        Pair::Ints(a, b) => fits(a.checked_sub(b), "`-`"),
        Pair::Floats(a, b) => finite(a - b, "`-`"),
    }
}

pub(crate) fn multiply(a: &Datum<'_>, b: &Datum<'_>) -> Result<Datum<'static>, EvalError> {
    match pair(a, b, "`*`")? {
        Pair::Ints(a, b) => fits(a.checked_mul(b), "`*`"),
        Pair::Floats(a, b) => finite(a * b, "`*`"),
    }
}

/// The quotient: an integer where the division leaves no rest, else a float, so that `7 / 2` is `3.5`.
pub(crate) fn divide(a: &Datum<'_>, b: &Datum<'_>) -> Result<Datum<'static>, EvalError> {
    match pair(a, b, "`/`")? {
        Pair::Ints(_, 0) | Pair::Floats(_, 0.0) => Err(EvalError::DivisionByZero),
        Pair::Ints(a, b) if a % b == 0 => fits(a.checked_div(b), "`/`"),
        Pair::Ints(a, b) => finite(a as f64 / b as f64, "`/`"),
        Pair::Floats(a, b) => finite(a / b, "`/`"),
    }
}

/// The rest of a division, with the sign of the dividend, as MOD of IEC 61131-3 has it.
pub(crate) fn remainder(a: &Datum<'_>, b: &Datum<'_>) -> Result<Datum<'static>, EvalError> {
    match pair(a, b, "`%`")? {
        Pair::Ints(_, 0) | Pair::Floats(_, 0.0) => Err(EvalError::DivisionByZero),
        Pair::Ints(a, b) => fits(a.checked_rem(b), "`%`"),
        Pair::Floats(a, b) => finite(a % b, "`%`"),
    }
}

/// The number with the other sign.
pub(crate) fn negate(a: &Datum<'_>) -> Result<Datum<'static>, EvalError> {
    match a {
        Datum::Int(n) => fits(n.checked_neg(), "`-`"),
        Datum::Float(x) => Ok(Datum::Float(-x)),
        other => Err(EvalError::Type { operation: "`-`", kind: other.kind() }),
    }
}

/// Rounded half away from zero to `digits` behind the point; negative digits round tens, hundreds, ….
pub(crate) fn round(a: &Datum<'_>, digits: i32) -> Result<Datum<'static>, EvalError> {
    if !(-18..=15).contains(&digits) {
        return Err(EvalError::Undefined("`round` knows -18 to 15 digits"));
    }
    match a {
        Datum::Int(n) if digits >= 0 => Ok(Datum::Int(*n)),
        Datum::Int(n) => {
            let step = 10_i128.pow(digits.unsigned_abs());
            let half = if *n < 0 { -step / 2 } else { step / 2 };
            fits(Some((n + half) / step * step), "`round`")
        }
        Datum::Float(x) if digits >= 0 => {
            let scaled = x * 10_f64.powi(digits);
            // A number so large that scaling overflows has no digits behind the point.
            Ok(Datum::Float(if scaled.is_finite() { scaled.round() / 10_f64.powi(digits) } else { *x }))
        }
        Datum::Float(x) => {
            let step = 10_f64.powi(-digits);
            Ok(Datum::Float((x / step).round() * step))
        }
        other => Err(EvalError::Type { operation: "`round`", kind: other.kind() }),
    }
}

/// Whether two values are the same. Numbers compare by value, whatever their width; values of two kinds differ, but for
/// a number and a bool, which is a slip that must not pass as `false`.
pub(crate) fn equal(a: &Datum<'_>, b: &Datum<'_>) -> Result<bool, EvalError> {
    Ok(match (a, b) {
        (Datum::Bool(a), Datum::Bool(b)) => a == b,
        (Datum::Null, Datum::Null) => true,
        (Datum::Text(a), Datum::Text(b)) => a == b,
        (Datum::Opaque(a), Datum::Opaque(b)) => a == b,
        (Datum::Int(_) | Datum::Float(_), Datum::Int(_) | Datum::Float(_)) => {
            compare_numbers(a, b) == Some(Ordering::Equal)
        }
        (Datum::Int(_) | Datum::Float(_), Datum::Bool(_)) | (Datum::Bool(_), Datum::Int(_) | Datum::Float(_)) => {
            return Err(EvalError::Compared { left: a.kind(), right: b.kind() });
        }
        _ => false,
    })
}

/// Whether a device that was sent `a` and says `b` says the same: a REAL has fewer digits than a 64-bit float, and some
/// spell true as 1.
#[allow(clippy::float_cmp)] // equal ones need no margin, and infinities have none
pub(crate) fn alike(a: &Value, b: &Value) -> bool {
    let number = |value: &Value| match value {
        Value::Bool(b) => Some(f64::from(u8::from(*b))),
        other => other.as_f64(),
    };
    match (number(a), number(b)) {
        _ if a == b => true,
        (Some(x), Some(y)) => x == y || (x - y).abs() <= 1e-6 * x.abs().max(y.abs()),
        _ => false,
    }
}

/// The order of two numbers or two texts.
pub(crate) fn order(a: &Datum<'_>, b: &Datum<'_>) -> Result<Ordering, EvalError> {
    match (a, b) {
        (Datum::Text(a), Datum::Text(b)) => Ok(a.cmp(b)),
        (Datum::Int(_) | Datum::Float(_), Datum::Int(_) | Datum::Float(_)) => {
            compare_numbers(a, b).ok_or(EvalError::Undefined("NaN is neither smaller nor larger"))
        }
        _ => Err(EvalError::Compared { left: a.kind(), right: b.kind() }),
    }
}

fn compare_numbers(a: &Datum<'_>, b: &Datum<'_>) -> Option<Ordering> {
    match (a, b) {
        (Datum::Int(a), Datum::Int(b)) => Some(a.cmp(b)),
        (Datum::Float(a), Datum::Float(b)) => a.partial_cmp(b),
        (Datum::Int(a), Datum::Float(b)) => int_and_float(*a, *b),
        (Datum::Float(a), Datum::Int(b)) => int_and_float(*b, *a).map(Ordering::reverse),
        _ => None,
    }
}

/// Exact: 2^53 + 1 is larger than the float 2^53, though as a float it would be equal.
#[allow(clippy::cast_possible_truncation)] // a float beyond i128 saturates, and every integer here is within 65 bits
fn int_and_float(a: i128, b: f64) -> Option<Ordering> {
    if b.is_nan() {
        return None;
    }
    let whole = a.cmp(&(b.trunc() as i128));
    Some(whole.then_with(|| 0.0_f64.partial_cmp(&b.fract()).unwrap_or(Ordering::Equal)))
}
