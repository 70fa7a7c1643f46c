//! The compiled tree and its evaluation.

use std::borrow::Cow;
use std::cmp::Ordering;

use fieldrail_model::{IecType, Value};

use super::datum::{self, Datum, add, divide, multiply, negate, remainder, round, subtract};
use super::{EvalError, Input, MAX_TEXT_BYTES};

/// What a node's value is known to be before any sample comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) enum Kind {
    #[default]
    Any,
    Bool,
    Number,
    Text,
}

impl Kind {
    /// What this value is.
    pub(crate) fn of(value: &Value) -> Self {
        match value {
            Value::Bool(_) => Self::Bool,
            Value::Int(_) | Value::UInt(_) | Value::Float(_) => Self::Number,
            Value::Text(_) => Self::Text,
            Value::Null | Value::Bytes(_) | Value::Json(_) => Self::Any,
        }
    }

    /// What values of a declared type are.
    pub(crate) fn of_type(declared: IecType) -> Self {
        match declared {
            IecType::Bool => Self::Bool,
            IecType::String | IecType::Wstring => Self::Text,
            IecType::Bytes | IecType::Json => Self::Any,
            _ => Self::Number,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Any => "anything",
            Self::Bool => "true or false",
            Self::Number => "a number",
            Self::Text => "a text",
        }
    }
}

/// What a name outside of a call stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variable {
    Value,
    Quality,
    Reason,
    Age,
    Previous,
    Tag,
    Source,
    Time,
}

impl Variable {
    pub(crate) const ALL: [(&'static str, Self); 8] = [
        ("value", Self::Value),
        ("quality", Self::Quality),
        ("reason", Self::Reason),
        ("age", Self::Age),
        ("previous", Self::Previous),
        ("tag", Self::Tag),
        ("source", Self::Source),
        ("time", Self::Time),
    ];

    /// What the variable is, given what `value` is known to be.
    pub(crate) fn kind(self, value: Kind) -> Kind {
        match self {
            Self::Value | Self::Previous => value,
            Self::Age | Self::Time => Kind::Number,
            Self::Quality | Self::Reason | Self::Tag | Self::Source => Kind::Text,
        }
    }

    fn read<'a>(self, input: &Input<'a>) -> Datum<'a> {
        match self {
            Self::Value => input.value.into(),
            Self::Quality => Datum::Text(Cow::Borrowed(input.quality.class().name())),
            Self::Reason => Datum::Text(Cow::Borrowed(input.quality.reason())),
            Self::Age => Datum::Float(input.source_time.age(input.now).as_secs_f64()),
            Self::Previous => input.previous.into(),
            Self::Tag => Datum::Text(Cow::Borrowed(input.tag)),
            Self::Source => Datum::Text(Cow::Borrowed(input.source)),
            Self::Time => Datum::Int(input.source_time.millis().into()),
        }
    }
}

/// The operators with two sides that both are always evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Binary {
    pub(crate) fn compares(self) -> bool {
        !matches!(self, Self::Add | Self::Subtract | Self::Multiply | Self::Divide | Self::Remainder)
    }

    /// The operator with its sides exchanged.
    pub(crate) fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            other => other,
        }
    }

    /// The operator that is true where this one is false, for two values that can be compared.
    pub(crate) fn opposite(self) -> Option<Self> {
        Some(match self {
            Self::Equal => Self::Unequal,
            Self::Unequal => Self::Equal,
            Self::Less => Self::GreaterOrEqual,
            Self::LessOrEqual => Self::Greater,
            Self::Greater => Self::LessOrEqual,
            Self::GreaterOrEqual => Self::Less,
            Self::Add | Self::Subtract | Self::Multiply | Self::Divide | Self::Remainder => return None,
        })
    }

    fn apply(self, a: &Datum<'_>, b: &Datum<'_>) -> Result<Datum<'static>, EvalError> {
        let truth = match self {
            Self::Add => return add(a, b),
            Self::Subtract => return subtract(a, b),
            Self::Multiply => return multiply(a, b),
            Self::Divide => return divide(a, b),
            Self::Remainder => return remainder(a, b),
            Self::Equal => datum::equal(a, b)?,
            Self::Unequal => !datum::equal(a, b)?,
            Self::Less => datum::order(a, b)? == Ordering::Less,
            Self::LessOrEqual => datum::order(a, b)? != Ordering::Greater,
            Self::Greater => datum::order(a, b)? == Ordering::Greater,
            Self::GreaterOrEqual => datum::order(a, b)? != Ordering::Less,
        };
        Ok(Datum::Bool(truth))
    }
}

/// The functions that look at their arguments only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Abs,
    Min,
    Max,
    Round,
    Floor,
    Ceil,
    Sqrt,
    Pow,
    Contains,
    StartsWith,
    EndsWith,
    Lower,
    Upper,
    Len,
    Trim,
    Replace,
    Substr,
    Number,
    Text,
}

/// How a function is written: its name, the fewest and the most arguments, what it gives.
pub(crate) const FUNCTIONS: [(&str, Function, usize, usize, Kind); 19] = [
    ("abs", Function::Abs, 1, 1, Kind::Number),
    ("min", Function::Min, 1, 64, Kind::Number),
    ("max", Function::Max, 1, 64, Kind::Number),
    ("round", Function::Round, 1, 2, Kind::Number),
    ("floor", Function::Floor, 1, 1, Kind::Number),
    ("ceil", Function::Ceil, 1, 1, Kind::Number),
    ("sqrt", Function::Sqrt, 1, 1, Kind::Number),
    ("pow", Function::Pow, 2, 2, Kind::Number),
    ("contains", Function::Contains, 2, 2, Kind::Bool),
    ("starts_with", Function::StartsWith, 2, 2, Kind::Bool),
    ("ends_with", Function::EndsWith, 2, 2, Kind::Bool),
    ("lower", Function::Lower, 1, 1, Kind::Text),
    ("upper", Function::Upper, 1, 1, Kind::Text),
    ("len", Function::Len, 1, 1, Kind::Number),
    ("trim", Function::Trim, 1, 1, Kind::Text),
    ("replace", Function::Replace, 3, 3, Kind::Text),
    ("substr", Function::Substr, 2, 3, Kind::Text),
    ("number", Function::Number, 1, 1, Kind::Number),
    ("text", Function::Text, 1, 1, Kind::Text),
];

impl Function {
    /// What the arguments have to be, from the first one on; the last kind holds for all further ones.
    pub(crate) fn wants(self) -> &'static [Kind] {
        match self {
            Self::Abs | Self::Min | Self::Max | Self::Round | Self::Floor | Self::Ceil | Self::Sqrt | Self::Pow => {
                &[Kind::Number]
            }
            Self::Contains | Self::StartsWith | Self::EndsWith | Self::Lower | Self::Upper | Self::Len | Self::Trim => {
                &[Kind::Text]
            }
            Self::Replace => &[Kind::Text],
            Self::Substr => &[Kind::Text, Kind::Number],
            Self::Number | Self::Text => &[Kind::Any],
        }
    }
}

impl Function {
    fn apply<'a>(self, arguments: &[Datum<'a>]) -> Result<Datum<'a>, EvalError> {
        let first = arguments.first().ok_or(EvalError::Undefined("a function without arguments"))?;
        let second = arguments.get(1);
        let needle = |operation| second.map_or(Ok(""), |second| second.text(operation));
        Ok(match self {
            Self::Abs => match first {
                Datum::Int(n) if *n < 0 => negate(first)?,
                Datum::Float(x) => Datum::Float(x.abs()),
                other => other.float("`abs`").map(|_| other.clone())?,
            },
            Self::Min => extreme(arguments, Ordering::Less, "`min`")?,
            Self::Max => extreme(arguments, Ordering::Greater, "`max`")?,
            Self::Round => round(first, second.map_or(Ok(0), digits)?)?,
            Self::Floor => stepped(first, f64::floor, "`floor`")?,
            Self::Ceil => stepped(first, f64::ceil, "`ceil`")?,
            Self::Sqrt => match first.float("`sqrt`")? {
                x if x >= 0.0 => Datum::Float(x.sqrt()),
                _ => return Err(EvalError::Undefined("`sqrt` needs a number that is not negative")),
            },
            Self::Pow => power(first, second.unwrap_or(&Datum::Null))?,
            Self::Contains => Datum::Bool(first.text("`contains`")?.contains(needle("`contains`")?)),
            Self::StartsWith => Datum::Bool(first.text("`starts_with`")?.starts_with(needle("`starts_with`")?)),
            Self::EndsWith => Datum::Bool(first.text("`ends_with`")?.ends_with(needle("`ends_with`")?)),
            Self::Lower => recased(first.text("`lower`")?, str::to_lowercase)?,
            Self::Upper => recased(first.text("`upper`")?, str::to_uppercase)?,
            Self::Len => Datum::Int(i128::try_from(first.text("`len`")?.chars().count()).unwrap_or(i128::MAX)),
            Self::Trim => Datum::Text(Cow::Owned(first.text("`trim`")?.trim().to_owned())),
            Self::Replace => {
                let to = arguments.get(2).map_or(Ok(""), |third| third.text("`replace`"))?;
                replaced(first.text("`replace`")?, needle("`replace`")?, to)?
            }
            Self::Substr => {
                let start = second.map_or(Ok(0), |start| place(start))?;
                let count = arguments.get(2).map_or(Ok(usize::MAX), |count| place(count))?;
                Datum::Text(Cow::Owned(first.text("`substr`")?.chars().skip(start).take(count).collect()))
            }
            Self::Number => numeric(first)?,
            Self::Text => match first {
                Datum::Text(_) => first.clone(),
                Datum::Null | Datum::Opaque(_) => {
                    return Err(EvalError::Type { operation: "`text`", kind: first.kind() });
                }
                other => Datum::Text(Cow::Owned(other.clone().into_value()?.to_string())),
            },
        })
    }
}

fn replaced(text: &str, from: &str, to: &str) -> Result<Datum<'static>, EvalError> {
    if from.is_empty() {
        return Err(EvalError::Undefined("`replace` needs something to look for"));
    }
    let found = text.matches(from).count();
    if text.len() - found * from.len() + found * to.len() > MAX_TEXT_BYTES {
        return Err(EvalError::TooLong);
    }
    Ok(Datum::Text(Cow::Owned(text.replace(from, to))))
}

/// A place in a text, or a number of characters.
fn place(datum: &Datum<'_>) -> Result<usize, EvalError> {
    match datum {
        Datum::Int(n) => usize::try_from(*n).map_err(|_| EvalError::Undefined("`substr` counts from 0")),
        other => Err(EvalError::Type { operation: "a place in a text", kind: other.kind() }),
    }
}

/// The number that a text spells, or a truth value as 0 or 1.
fn numeric<'a>(datum: &Datum<'a>) -> Result<Datum<'a>, EvalError> {
    match datum {
        Datum::Int(_) | Datum::Float(_) => Ok(datum.clone()),
        Datum::Bool(b) => Ok(Datum::Int((*b).into())),
        Datum::Text(text) => {
            let text = text.trim();
            let integer = text.parse().ok().map(Datum::Int).and_then(|n| datum::in_64_bits(&n).then_some(n));
            let number = integer.or_else(|| text.parse().ok().filter(|x: &f64| x.is_finite()).map(Datum::Float));
            number.ok_or(EvalError::Undefined("the text spells no number"))
        }
        other => Err(EvalError::Type { operation: "`number`", kind: other.kind() }),
    }
}

fn digits(datum: &Datum<'_>) -> Result<i32, EvalError> {
    match datum {
        Datum::Int(n) => i32::try_from(*n).map_err(|_| EvalError::Undefined("`round` knows -18 to 15 digits")),
        other => Err(EvalError::Type { operation: "the number of digits", kind: other.kind() }),
    }
}

fn extreme<'a>(all: &[Datum<'a>], wanted: Ordering, operation: &'static str) -> Result<Datum<'a>, EvalError> {
    let mut best: Option<&Datum<'a>> = None;
    for one in all {
        if one.float(operation)?.is_nan() {
            return Err(EvalError::Undefined("NaN is neither smaller nor larger"));
        }
        if best.is_none_or(|best| datum::order(one, best) == Ok(wanted)) {
            best = Some(one);
        }
    }
    best.cloned().ok_or(EvalError::Undefined("a function without arguments"))
}

fn stepped<'a>(a: &Datum<'a>, step: fn(f64) -> f64, operation: &'static str) -> Result<Datum<'a>, EvalError> {
    match a {
        Datum::Int(n) => Ok(Datum::Int(*n)),
        other => other.float(operation).map(|x| Datum::Float(step(x))),
    }
}

/// Exact while both are integers and the result fits; a negative exponent makes a float.
fn power(a: &Datum<'_>, b: &Datum<'_>) -> Result<Datum<'static>, EvalError> {
    if let (Datum::Int(a), Datum::Int(b @ 0..)) = (a, b) {
        let result = match (*a, u32::try_from(*b)) {
            (0 | 1, _) if *b > 0 => Some(*a),
            (base, Ok(exponent)) => base.checked_pow(exponent),
            (-1, Err(_)) => Some(if b % 2 == 0 { 1 } else { -1 }),
            _ => None,
        };
        return datum::fits(result, "`pow`");
    }
    let (x, y) = (a.float("`pow`")?, b.float("`pow`")?);
    let result = x.powf(y);
    match (x == 0.0 && y < 0.0, result.is_nan(), result.is_finite()) {
        (true, ..) => Err(EvalError::DivisionByZero),
        (_, true, _) => Err(EvalError::Undefined("`pow` has no result for these numbers")),
        (.., false) => Err(EvalError::Overflow("`pow`")),
        _ => Ok(Datum::Float(result)),
    }
}

fn recased(text: &str, change: fn(&str) -> String) -> Result<Datum<'static>, EvalError> {
    if text.len() > MAX_TEXT_BYTES { Err(EvalError::TooLong) } else { Ok(Datum::Text(Cow::Owned(change(text)))) }
}

/// One node of the tree.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    Constant(Value),
    /// A variable with what its value is known to be.
    Variable(Variable, Kind),
    /// `dp("…")`, by its place in the route's list of datapoints.
    Point(usize, Kind),
    Negate(Box<Node>),
    Not(Box<Node>),
    And(Box<[Node; 2]>),
    Or(Box<[Node; 2]>),
    Binary(Binary, Box<[Node; 2]>),
    If(Box<[Node; 3]>),
    In(Box<Node>, Vec<Node>),
    Call(Function, Kind, Vec<Node>),
    /// `matches(text, "pattern")`, in time that grows with the text and not with the pattern's tricks.
    Matches(Box<Node>, Box<regex::Regex>),
}

impl Node {
    /// What the value is known to be.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Constant(value) => Kind::of(value),
            Self::Variable(_, kind) | Self::Point(_, kind) | Self::Call(_, kind, _) => *kind,
            Self::Not(_) | Self::And(_) | Self::Or(_) | Self::In(..) | Self::Matches(..) => Kind::Bool,
            Self::Binary(operator, _) if operator.compares() => Kind::Bool,
            Self::Binary(Binary::Add, sides) => match (sides[0].kind(), sides[1].kind()) {
                (Kind::Any, other) | (other, _) => other,
            },
            Self::Binary(..) | Self::Negate(_) => Kind::Number,
            Self::If(parts) if parts[1].kind() == parts[2].kind() => parts[1].kind(),
            Self::If(_) => Kind::Any,
        }
    }

    /// The parts of this node.
    pub(crate) fn children(&self) -> &[Node] {
        match self {
            Self::Constant(_) | Self::Variable(..) | Self::Point(..) => &[],
            Self::Negate(inner) | Self::Not(inner) | Self::Matches(inner, _) => std::slice::from_ref(inner),
            Self::And(sides) | Self::Or(sides) | Self::Binary(_, sides) => &**sides,
            Self::If(parts) => &**parts,
            Self::In(_, list) => list,
            Self::Call(_, _, arguments) => arguments,
        }
    }

    /// The value for this input. The depth of the tree, and so of this recursion, is bounded by the parser.
    pub(crate) fn eval<'a>(&'a self, input: &Input<'a>) -> Result<Datum<'a>, EvalError> {
        Ok(match self {
            Self::Constant(value) => value.into(),
            Self::Variable(variable, _) => variable.read(input),
            Self::Point(index, _) => {
                let sample = input.points.point(*index)?;
                input.worst.set(input.worst.get().worse(sample.quality));
                (&sample.value).into()
            }
            Self::Negate(inner) => negate(&inner.eval(input)?)?,
            Self::Not(inner) => Datum::Bool(!inner.eval(input)?.truth("`not`")?),
            Self::And(sides) => {
                Datum::Bool(sides[0].eval(input)?.truth("`and`")? && sides[1].eval(input)?.truth("`and`")?)
            }
            Self::Or(sides) => {
                Datum::Bool(sides[0].eval(input)?.truth("`or`")? || sides[1].eval(input)?.truth("`or`")?)
            }
            Self::Binary(operator, sides) => operator.apply(&sides[0].eval(input)?, &sides[1].eval(input)?)?,
            Self::If(parts) => {
                let chosen = if parts[0].eval(input)?.truth("`if`")? { &parts[1] } else { &parts[2] };
                chosen.eval(input)?
            }
            Self::In(wanted, list) => {
                let wanted = wanted.eval(input)?;
                for one in list {
                    if datum::equal(&wanted, &one.eval(input)?)? {
                        return Ok(Datum::Bool(true));
                    }
                }
                Datum::Bool(false)
            }
            Self::Matches(inner, pattern) => match inner.eval(input)? {
                Datum::Text(text) if text.len() > MAX_TEXT_BYTES => return Err(EvalError::TooLong),
                Datum::Text(text) => Datum::Bool(pattern.is_match(&text)),
                other => return Err(EvalError::Type { operation: "`matches`", kind: other.kind() }),
            },
            Self::Call(function, _, arguments) => match arguments.as_slice() {
                [one] => function.apply(&[one.eval(input)?])?,
                [one, two] => function.apply(&[one.eval(input)?, two.eval(input)?])?,
                more => function.apply(&more.iter().map(|one| one.eval(input)).collect::<Result<Vec<_>, _>>()?)?,
            },
        })
    }
}
