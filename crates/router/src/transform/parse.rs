//! How a pipeline is written.

use std::ops::Range;

use fieldrail_model::Value;
use fieldrail_model::text::did_you_mean;

use super::step::{Piece, Step};
use crate::expression::{Expression, MAX_DEPTH, Node, Parser, Points, SyntaxError, Token};

/// The steps there are, with the way they are written.
const STEPS: [(&str, &str); 14] = [
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
];

/// The steps with a memory, which the design names and a later version brings.
const NOT_BUILT: [&str; 15] = [
    "on_change",
    "deadband",
    "throttle",
    "debounce",
    "hysteresis",
    "delta",
    "rate",
    "avg",
    "min",
    "max",
    "sum",
    "count",
    "median",
    "last",
    "integrate",
];

pub(super) fn pipeline(text: &str, points: &mut Points) -> Result<Vec<Step>, SyntaxError> {
    let mut parser = Parser::new(text, points)?;
    let mut steps = Vec::new();
    loop {
        steps.push(step(&mut parser)?);
        if steps.len() > MAX_DEPTH {
            return Err(SyntaxError::new(parser.span(), format!("more than {MAX_DEPTH} steps")));
        }
        if matches!(parser.peek(), Token::End) {
            return Ok(steps);
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
        if NOT_BUILT.contains(&name.as_str()) {
            return Err(SyntaxError::new(span, format!("the step `{name}` is not built yet")));
        }
        let near = did_you_mean(&name, STEPS.iter().map(|(known, _)| *known));
        return Err(SyntaxError::new(span, format!("unknown step `{name}`{near}")));
    };
    let wrong =
        |message: &str| SyntaxError::new(span.clone(), format!("`{name}`: {message}")).hint(format!("write `{usage}`"));
    if !parser.eat("(") {
        return plain(&name).ok_or_else(|| wrong("its arguments are missing"));
    }
    let step = match name.as_str() {
        "map" => map(parser)?,
        "expr" => Step::Expr(Box::new(Expression(parser.expression()?))),
        _ => {
            let (values, at) = constants(parser)?;
            let known = with_constants(&name, &values)
                .map_err(|message| SyntaxError::new(at, message).hint(format!("write `{usage}`")))?;
            return known.ok_or_else(|| wrong("these are not its arguments"));
        }
    };
    parser.expect(")")?;
    Ok(step)
}

fn plain(name: &str) -> Option<Step> {
    Some(match name {
        "invert" => Step::Invert,
        "bool" => Step::Bool,
        "int" => Step::Int,
        "float" => Step::Float,
        "text" => Step::Text,
        "round" => Step::Round(0),
        _ => return None,
    })
}

/// The step that has only constants for arguments; `None` if their number or kind is wrong.
fn with_constants(name: &str, values: &[Value]) -> Result<Option<Step>, String> {
    Ok(match (name, values) {
        ("scale", [factor]) if factor.as_f64().is_some() => Some(Step::scale(factor)),
        ("offset", [by]) if by.as_f64().is_some() => Some(Step::Offset(by.clone())),
        ("round", [Value::Int(digits @ -18..=15)]) => i32::try_from(*digits).ok().map(Step::Round),
        ("round", [Value::Int(_)]) => return Err("`round` knows -18 to 15 digits".into()),
        ("clamp", [low, high]) => match (low.as_f64(), high.as_f64()) {
            (Some(a), Some(b)) if a <= b => Some(Step::Clamp(low.clone(), high.clone())),
            (Some(_), Some(_)) => return Err("the lower bound is above the upper one".into()),
            _ => None,
        },
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
