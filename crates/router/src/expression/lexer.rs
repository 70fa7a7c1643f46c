//! Text to tokens, each with its place.

use std::ops::Range;

use super::{MAX_EXPRESSION_BYTES, SyntaxError};

/// One word of the language.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    /// A whole number; the sign is an operator.
    Int(u64),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// A length of time, in seconds.
    Span(f64),
    /// A text in quotes, without them.
    Text(String),
    /// A variable, a function, `and`, `true`, …
    Name(String),
    /// An operator or a bracket.
    Symbol(&'static str),
    /// Behind the last token.
    End,
}

impl Token {
    /// The token as a person would name it.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Int(n) => format!("`{n}`"),
            Self::Float(x) => format!("`{x}`"),
            Self::Span(seconds) => format!("`{seconds}s`"),
            Self::Text(text) => format!("the text \"{text}\""),
            Self::Name(name) => format!("`{name}`"),
            Self::Symbol(symbol) => format!("`{symbol}`"),
            Self::End => "the end".into(),
        }
    }
}

/// Longest first, so that `<=` is not read as `<`.
const SYMBOLS: [&str; 21] =
    ["||", "&&", "==", "!=", "<=", ">=", "(", ")", "[", "]", ",", "|", "!", "=", "<", ">", "+", "-", "*", "/", "%"];

/// Units behind a number: it then counts seconds.
const UNITS: [(&str, f64); 5] = [("ms", 0.001), ("s", 1.0), ("min", 60.0), ("h", 3600.0), ("d", 86_400.0)];

/// All tokens of `text`, the last of them [`Token::End`].
pub(crate) fn tokens(text: &str) -> Result<Vec<(Token, Range<usize>)>, SyntaxError> {
    if text.len() > MAX_EXPRESSION_BYTES {
        let message = format!("longer than {MAX_EXPRESSION_BYTES} characters");
        return Err(SyntaxError::new(MAX_EXPRESSION_BYTES..text.len(), message));
    }
    let mut found = Vec::new();
    let mut at = 0;
    loop {
        let rest = &text[at..];
        at += rest.len() - rest.trim_start().len();
        let rest = &text[at..];
        let Some(first) = rest.chars().next() else { break };
        let (token, length) = match first {
            '"' | '\'' => quoted(rest, first, at)?,
            '0'..='9' => number(rest, at)?,
            c if c.is_alphabetic() || c == '_' => {
                let length = prefix(rest, |c| c.is_alphanumeric() || c == '_');
                (Token::Name(rest[..length].into()), length)
            }
            _ => symbol(rest, first, at)?,
        };
        found.push((token, at..at + length));
        at += length;
    }
    found.push((Token::End, text.len()..text.len()));
    Ok(found)
}

fn prefix(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

fn symbol(rest: &str, first: char, at: usize) -> Result<(Token, usize), SyntaxError> {
    let found = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol));
    let symbol = found.ok_or_else(|| SyntaxError::new(at..at + first.len_utf8(), format!("unexpected `{first}`")))?;
    Ok((Token::Symbol(symbol), symbol.len()))
}

fn quoted(rest: &str, quote: char, at: usize) -> Result<(Token, usize), SyntaxError> {
    let mut content = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((offset, c)) = chars.next() {
        match c {
            c if c == quote => return Ok((Token::Text(content), offset + 1)),
            '\\' => match chars.next() {
                Some((_, 'n')) => content.push('\n'),
                Some((_, 't')) => content.push('\t'),
                Some((_, c @ ('\\' | '"' | '\''))) => content.push(c),
                _ => {
                    let error = SyntaxError::new(at + offset..at + offset + 1, "unknown escape in a text");
                    return Err(error.hint("known are \\n, \\t, \\\\, \\\" and \\'"));
                }
            },
            c => content.push(c),
        }
    }
    Err(SyntaxError::new(at..at + rest.len(), format!("a text without its closing {quote}")))
}

fn number(rest: &str, at: usize) -> Result<(Token, usize), SyntaxError> {
    if let Some(hex) = rest.strip_prefix("0x") {
        let length = prefix(hex, |c| c.is_ascii_alphanumeric());
        let value = u64::from_str_radix(&hex[..length], 16)
            .map_err(|_| SyntaxError::new(at..at + 2 + length, format!("`0x{}` is no number", &hex[..length])))?;
        return Ok((Token::Int(value), 2 + length));
    }
    let mut length = prefix(rest, |c| c.is_ascii_digit());
    let mut whole = true;
    if rest[length..].starts_with('.') && rest[length + 1..].starts_with(|c: char| c.is_ascii_digit()) {
        whole = false;
        length += 1 + prefix(&rest[length + 1..], |c| c.is_ascii_digit());
    }
    if let Some(exponent) = rest[length..].strip_prefix(['e', 'E']) {
        let signed = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let digits = prefix(signed, |c| c.is_ascii_digit());
        if digits > 0 {
            whole = false;
            length += 1 + (exponent.len() - signed.len()) + digits;
        }
    }
    let unit = &rest[length..][..prefix(&rest[length..], char::is_alphabetic)];
    let span = at..at + length + unit.len();
    let bad = |message: String| SyntaxError::new(span.clone(), message);
    let value: f64 = rest[..length].parse().map_err(|_| bad(format!("`{}` is no number", &rest[..length])))?;
    if !value.is_finite() {
        return Err(bad(format!("`{}` is too large", &rest[..length])));
    }
    if unit.is_empty() {
        let token = if whole {
            let integer = rest[..length].parse();
            Token::Int(integer.map_err(|_| bad(format!("`{}` does not fit 64 bits", &rest[..length])))?)
        } else {
            Token::Float(value)
        };
        return Ok((token, length));
    }
    let factor = UNITS.iter().find(|(name, _)| *name == unit).map(|&(_, factor)| factor);
    let factor = factor.ok_or_else(|| bad(format!("unknown unit `{unit}`")).hint("known are ms, s, min, h, d"))?;
    Ok((Token::Span(value * factor), length + unit.len()))
}
