//! How a pipeline is written.

use std::ops::Range;
use std::time::Duration;

use fieldrail_model::Value;
use fieldrail_model::text::did_you_mean;

use super::Pipeline;
use super::remember::Remember;
use super::step::{Piece, Step};
use super::window::{Aggregate, MAX_SLICES, Span};
use crate::expression::{Expression, MAX_DEPTH, Node, Parser, Points, SyntaxError, Token, Types};

/// The steps there are, with the way they are written.
pub(super) const STEPS: [(&str, &str); 29] = [
    ("scale", "scale(factor)"),
    ("offset", "offset(number)"),
    ("round", "round(digits)"),
    ("clamp", "clamp(low, high)"),
    ("invert", "invert"),
    ("map", "map(0 = \"off\", 1 = \"on\", else = \"?\")"),
    ("bit", "bit(number)"),
    ("bool", "bool"),
    ("int", "int"),
    ("float", "float"),
    ("text", "text"),
    ("json", "json(\"/path/to/it\")"),
    ("expr", "expr(value * 2)"),
    ("template", "template(\"it is {value}\")"),
    ("on_change", "on_change"),
    ("deadband", "deadband(0.5) or deadband(5%)"),
    ("throttle", "throttle(1s)"),
    ("debounce", "debounce(500ms)"),
    ("hysteresis", "hysteresis(low, high)"),
    ("delta", "delta"),
    ("rate", "rate or rate(1h)"),
    ("integrate", "integrate(1h) or integrate(1h, every=60s)"),
    ("avg", "avg(60s) or avg(60s, every=10s)"),
    ("min", "min(60s) or min(60s, every=10s)"),
    ("max", "max(60s) or max(60s, every=10s)"),
    ("sum", "sum(60s) or sum(60s, every=10s)"),
    ("count", "count(60s) or count(60s, every=10s)"),
    ("median", "median(60s) or median(60s, every=10s)"),
    ("last", "last(60s)"),
];

/// The shortest stretch of time that a step may name, and the longest.
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_hours(31 * 24);

pub(super) fn pipeline(text: &str, points: &mut Points, types: Types<'_>) -> Result<Pipeline, SyntaxError> {
    let mut kind = types.value;
    let mut parser = Parser::new(text, points, types)?;
    let (mut steps, mut texts, mut memories) = (Vec::new(), Vec::new(), 0);
    loop {
        parser.set_value_kind(kind);
        let start = parser.span();
        let mut step = step(&mut parser)?;
        if let Step::Remember(slot, _) = &mut step {
            *slot = memories;
            memories += 1;
        }
        kind = step.kind(kind).map_err(|wanted| {
            let message = format!("this step takes {}, and gets {}", wanted.name(), kind.name());
            SyntaxError::new(start.clone(), message)
        })?;
        steps.push(step);
        texts.push(text[start.start..parser.behind()].into());
        if steps.len() > MAX_DEPTH {
            return Err(SyntaxError::new(parser.span(), format!("more than {MAX_DEPTH} steps")));
        }
        if matches!(parser.peek(), Token::End) {
            return Ok(Pipeline::new(steps, texts, kind));
        }
        if !parser.eat("|") {
            let found = parser.peek().describe();
            return Err(SyntaxError::new(parser.span(), format!("expected `|` between two steps, found {found}")));
        }
    }
}

fn step(parser: &mut Parser<'_>) -> Result<Step, SyntaxError> {
    let (token, span) = parser.advance();
    let Token::Name(name) = token else {
        let hint = "steps are joined by `|`, for example `scale(0.001) | round(1)`";
        return Err(SyntaxError::new(span, format!("expected a step, found {}", token.describe())).hint(hint));
    };
    let Some((_, usage)) = STEPS.iter().find(|(known, _)| *known == name) else {
        let near = did_you_mean(&name, STEPS.iter().map(|(known, _)| *known));
        return Err(SyntaxError::new(span, format!("unknown step `{name}`{near}")));
    };
    let wrong =
        |message: &str| SyntaxError::new(span.clone(), format!("`{name}`: {message}")).hint(format!("write `{usage}`"));
    let hinted = |error: SyntaxError| if error.hint.is_some() { error } else { error.hint(format!("write `{usage}`")) };
    if !parser.eat("(") {
        return plain(&name).ok_or_else(|| wrong("its arguments are missing"));
    }
    let step = match name.as_str() {
        "map" => map(parser)?,
        "expr" => Step::Expr(Box::new(Expression::of(parser.expression()?))),
        "deadband" => deadband(parser).map_err(hinted)?,
        "throttle" => remembering(Remember::Throttle(time(parser).map_err(hinted)?)),
        "debounce" => remembering(Remember::Debounce(time(parser).map_err(hinted)?)),
        "rate" => remembering(Remember::Rate(time(parser).map_err(hinted)?.as_secs_f64())),
        "integrate" => {
            let per_s = time(parser).map_err(hinted)?.as_secs_f64();
            remembering(Remember::Integrate(per_s, every(parser).map_err(hinted)?))
        }
        _ if aggregate(&name).is_some() => {
            let of = aggregate(&name).unwrap_or(Aggregate::Last);
            remembering(Remember::Over(stretch(parser, of).map_err(hinted)?))
        }
        _ => {
            let (values, at) = constants(parser)?;
            let known = with_constants(&name, &values)
                .map_err(|message| SyntaxError::new(at, message).hint(format!("write `{usage}`")))?;
            return known.ok_or_else(|| wrong("these are not its arguments"));
        }
    };
    parser.expect(")").map_err(hinted)?;
    Ok(step)
}

/// A step with a memory; which of the memories is its own is filled in later.
fn remembering(step: Remember) -> Step {
    Step::Remember(0, step)
}

fn aggregate(name: &str) -> Option<Aggregate> {
    Some(match name {
        "avg" => Aggregate::Avg,
        "min" => Aggregate::Min,
        "max" => Aggregate::Max,
        "sum" => Aggregate::Sum,
        "count" => Aggregate::Count,
        "median" => Aggregate::Median,
        "last" => Aggregate::Last,
        _ => return None,
    })
}

/// A length of time with its unit.
fn time(parser: &mut Parser<'_>) -> Result<Duration, SyntaxError> {
    let (token, span) = parser.advance();
    let seconds = match token {
        Token::Span(seconds) => seconds,
        Token::Int(_) | Token::Float(_) => {
            let message = format!("{} is a number; which unit of time?", token.describe());
            return Err(SyntaxError::new(span, message).hint("known are ms, s, min, h, d"));
        }
        other => return Err(SyntaxError::new(span, format!("expected a time, found {}", other.describe()))),
    };
    let time = Duration::try_from_secs_f64(seconds).ok().filter(|time| (SHORTEST..=LONGEST).contains(time));
    time.ok_or_else(|| SyntaxError::new(span, "a time is between 10ms and 31d"))
}

/// `, every=10s`, if it is there.
fn every(parser: &mut Parser<'_>) -> Result<Option<Duration>, SyntaxError> {
    if !parser.eat(",") {
        return Ok(None);
    }
    let (token, span) = parser.advance();
    if !matches!(&token, Token::Name(name) if name == "every") {
        return Err(SyntaxError::new(span, format!("expected `every`, found {}", token.describe())));
    }
    parser.expect("=")?;
    time(parser).map(Some)
}

fn stretch(parser: &mut Parser<'_>, of: Aggregate) -> Result<Span, SyntaxError> {
    let span = parser.span();
    let whole = time(parser)?;
    let every = every(parser)?.unwrap_or(whole);
    let slices = whole.as_micros() / every.as_micros().max(1);
    if !whole.as_micros().is_multiple_of(every.as_micros().max(1)) {
        return Err(
            SyntaxError::new(span, "the stretch is no whole number of `every`").hint("write `avg(60s, every=10s)`")
        );
    }
    match usize::try_from(slices) {
        Ok(slices) if slices as u64 <= MAX_SLICES => Ok(Span { of, every, slices }),
        _ => Err(SyntaxError::new(span, format!("the stretch has more than {MAX_SLICES} times `every`"))),
    }
}

/// The width, as a number or as a part of the value.
fn deadband(parser: &mut Parser<'_>) -> Result<Step, SyntaxError> {
    let (token, span) = parser.advance();
    let width = match token {
        Token::Int(n) => n as f64,
        Token::Float(x) => x,
        other => return Err(SyntaxError::new(span, format!("expected a width, found {}", other.describe()))),
    };
    Ok(remembering(if parser.eat("%") { Remember::DeadbandPart(width / 100.0) } else { Remember::Deadband(width) }))
}

fn plain(name: &str) -> Option<Step> {
    Some(match name {
        "invert" => Step::Invert,
        "bool" => Step::Bool,
        "int" => Step::Int,
        "float" => Step::Float,
        "text" => Step::Text,
        "round" => Step::Round(0),
        "on_change" => remembering(Remember::OnChange),
        "delta" => remembering(Remember::Delta),
        "rate" => remembering(Remember::Rate(1.0)),
        _ => return None,
    })
}

/// The step that has only constants for arguments; `None` if their number or kind is wrong.
fn with_constants(name: &str, values: &[Value]) -> Result<Option<Step>, String> {
    Ok(match (name, values) {
        ("scale", [factor]) if factor.as_f64().is_some_and(|factor| factor != 0.0) => Some(Step::scale(factor)),
        ("offset", [by]) if by.as_f64().is_some() => Some(Step::Offset(by.clone())),
        ("round", [Value::Int(digits @ -18..=15)]) => i32::try_from(*digits).ok().map(Step::Round),
        ("round", [Value::Int(_)]) => return Err("`round` knows -18 to 15 digits".into()),
        ("clamp", [low, high]) => match (low.as_f64(), high.as_f64()) {
            (Some(a), Some(b)) if a <= b => Some(Step::Clamp(low.clone(), high.clone())),
            (Some(_), Some(_)) => return Err("the lower bound is above the upper one".into()),
            _ => None,
        },
        ("hysteresis", [low, high]) => match (low.as_f64(), high.as_f64()) {
            (Some(low), Some(high)) if low < high => Some(remembering(Remember::Hysteresis(low, high))),
            (Some(_), Some(_)) => return Err("the lower bound is not below the upper one".into()),
            _ => None,
        },
        ("scale", [factor]) if factor.as_f64() == Some(0.0) => return Err("`scale(0)` makes everything 0".into()),
        ("bit", [Value::Int(bit @ 0..=63)]) => u32::try_from(*bit).ok().map(Step::Bit),
        ("bit", [Value::Int(_)]) => return Err("bits count from 0 to 63".into()),
        ("json", [Value::Text(pointer)]) if pointer.is_empty() || pointer.starts_with('/') => {
            Some(Step::Json((&**pointer).into()))
        }
        ("json", [Value::Text(_)]) => return Err("the path begins with `/`".into()),
        ("template", [Value::Text(text)]) => Some(Step::Template(pieces(text)?)),
        (_, []) => plain(name),
        _ => None,
    })
}

/// Constants up to the closing bracket, which is taken.
fn constants(parser: &mut Parser<'_>) -> Result<(Vec<Value>, Range<usize>), SyntaxError> {
    let start = parser.span().start;
    let mut values = Vec::new();
    while !parser.eat(")") {
        if !values.is_empty() {
            parser.expect(",")?;
        }
        values.push(constant(parser)?);
    }
    Ok((values, start..parser.span().start))
}

fn constant(parser: &mut Parser<'_>) -> Result<Value, SyntaxError> {
    let span = parser.span();
    match parser.expression()? {
        Node::Constant(value) => Ok(value),
        _ => Err(SyntaxError::new(span, "expected a constant").hint("to compute with variables, use `expr(…)`")),
    }
}

fn map(parser: &mut Parser<'_>) -> Result<Step, SyntaxError> {
    let (mut cases, mut otherwise) = (Vec::new(), None);
    loop {
        if matches!(parser.peek(), Token::Name(name) if name == "else") {
            let (_, span) = parser.advance();
            parser.expect("=")?;
            if otherwise.replace(constant(parser)?).is_some() {
                return Err(SyntaxError::new(span, "a second `else`"));
            }
        } else {
            let case = constant(parser)?;
            parser.expect("=")?;
            cases.push((case, constant(parser)?));
        }
        if !parser.eat(",") {
            return Ok(Step::Map { cases, otherwise });
        }
    }
}

const PIECES: [(&str, Piece); 6] = [
    ("value", Piece::Value),
    ("quality", Piece::Quality),
    ("reason", Piece::Reason),
    ("tag", Piece::Tag),
    ("source", Piece::Source),
    ("time", Piece::Time),
];

/// The pieces of a template; `{{` and `}}` stand for the brackets themselves.
fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let (mut found, mut literal, mut rest) = (Vec::new(), String::new(), text);
    while let Some(at) = rest.find(['{', '}']) {
        literal.push_str(&rest[..at]);
        let (bracket, behind) = (&rest[at..=at], &rest[at + 1..]);
        if let Some(behind) = behind.strip_prefix(bracket) {
            literal.push_str(bracket);
            rest = behind;
            continue;
        }
        let name = behind.split_once('}').filter(|_| bracket == "{");
        let (name, behind) =
            name.ok_or_else(|| format!("a single `{bracket}`; write it twice for the bracket itself"))?;
        let piece = PIECES.iter().find(|(known, _)| *known == name).map(|(_, piece)| piece.clone());
        let near = did_you_mean(name, PIECES.iter().map(|(known, _)| *known));
        let piece = piece.ok_or_else(|| format!("unknown placeholder `{{{name}}}`{near}"))?;
        if !literal.is_empty() {
            found.push(Piece::Literal(std::mem::take(&mut literal).into()));
        }
        found.push(piece);
        rest = behind;
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        found.push(Piece::Literal(literal.into()));
    }
    Ok(found)
}
