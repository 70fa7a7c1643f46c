//! Tokens to a tree: precedence climbing (Pratt), with types checked and constants computed on the way.

use std::cell::Cell;
use std::ops::Range;

use fieldrail_model::text::did_you_mean;
use fieldrail_model::{Quality, Sample, Timestamp, Value};

use super::lexer::{Token, tokens};
use super::node::{Binary, FUNCTIONS, Kind, Node, Variable};
use super::{EvalError, Input, Lookup, MAX_DEPTH, Points, SyntaxError};

/// A reader of tokens, also for pipelines.
pub(crate) struct Parser<'p> {
    tokens: Vec<(Token, Range<usize>)>,
    at: usize,
    open: usize,
    points: &'p mut Points,
    types: Types<'p>,
}

/// What is known of values before any sample comes.
#[derive(Clone, Copy)]
pub(crate) struct Types<'a> {
    /// What `value` and `previous` are.
    pub(crate) value: Kind,
    /// What the datapoint at an address is.
    pub(crate) of: &'a dyn Fn(&str) -> Kind,
}

impl Types<'_> {
    /// Nothing is known.
    pub(crate) const UNKNOWN: Types<'static> = Types { value: Kind::Any, of: &|_| Kind::Any };
}

/// The longest pattern of `matches`, in bytes.
const MAX_REGEX_BYTES: usize = 512;
/// The memory that a compiled pattern may take, in bytes, and its cache of states.
const REGEX_SIZE: usize = 64 * 1024;

/// A node with the height of its tree and its place.
struct Parsed {
    node: Node,
    height: usize,
    span: Range<usize>,
}

#[derive(Clone, Copy)]
enum Infix {
    Join(Join),
    In { negated: bool },
}

/// An operator with an expression on either side.
#[derive(Clone, Copy)]
enum Join {
    Or,
    And,
    Binary(Binary),
}

/// Binding powers; a comparison does not chain.
const OR: u8 = 1;
const AND: u8 = 2;
const NOT: u8 = 3;
const COMPARE: u8 = 4;
const SUM: u8 = 5;
const PRODUCT: u8 = 6;
const SIGN: u8 = 7;

impl<'p> Parser<'p> {
    pub(crate) fn new(text: &str, points: &'p mut Points, types: Types<'p>) -> Result<Self, SyntaxError> {
        Ok(Self { tokens: tokens(text)?, at: 0, open: 0, points, types })
    }

    /// What `value` is in what is read next: a step may have changed it.
    pub(crate) fn set_value_kind(&mut self, kind: Kind) {
        self.types.value = kind;
    }

    pub(crate) fn peek(&self) -> &Token {
        &self.tokens[self.at].0
    }

    pub(crate) fn span(&self) -> Range<usize> {
        self.tokens[self.at].1.clone()
    }

    /// Where the token that was taken last ends.
    pub(crate) fn behind(&self) -> usize {
        self.tokens[self.at.saturating_sub(1)].1.end
    }

    pub(crate) fn advance(&mut self) -> (Token, Range<usize>) {
        let taken = self.tokens[self.at].clone();
        // The last token is `End`, and it stays.
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        taken
    }

    /// Whether the next token is this symbol; then it is taken.
    pub(crate) fn eat(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Token::Symbol(s) if *s == symbol);
        if found {
            self.advance();
        }
        found
    }

    pub(crate) fn expect(&mut self, symbol: &str) -> Result<(), SyntaxError> {
        if self.eat(symbol) {
            return Ok(());
        }
        Err(SyntaxError::new(self.span(), format!("expected `{symbol}`, found {}", self.peek().describe())))
    }

    pub(crate) fn end(&mut self) -> Result<(), SyntaxError> {
        match self.peek() {
            Token::End => Ok(()),
            Token::Symbol("=") => {
                Err(SyntaxError::new(self.span(), "`=` assigns nothing here").hint("compare with `==`"))
            }
            other => Err(SyntaxError::new(self.span(), format!("expected an operator, found {}", other.describe()))),
        }
    }

    pub(crate) fn expression(&mut self) -> Result<Node, SyntaxError> {
        self.climb(0).map(|parsed| parsed.node)
    }

    fn climb(&mut self, least: u8) -> Result<Parsed, SyntaxError> {
        self.open += 1;
        if self.open > MAX_DEPTH {
            return Err(too_deep(self.span()));
        }
        let mut left = self.operand()?;
        while let Some((infix, power, width)) = self.infix() {
            if power < least.max(1) {
                break;
            }
            for _ in 0..width {
                self.advance();
            }
            left = match infix {
                Infix::Join(join) => self.joined(left, join, power)?,
                Infix::In { negated } => self.membership(left, negated)?,
            };
            if power == COMPARE && self.infix().is_some_and(|(_, next, _)| next == COMPARE) {
                return Err(
                    SyntaxError::new(self.span(), "comparisons do not chain").hint("write `1 < value and value < 3`")
                );
            }
        }
        self.open -= 1;
        Ok(left)
    }

    /// The operator that comes next, its power and how many tokens it takes.
    fn infix(&self) -> Option<(Infix, u8, usize)> {
        let binary = |operator, power| Some((Infix::Join(Join::Binary(operator)), power, 1));
        match self.peek() {
            Token::Symbol("||") => Some((Infix::Join(Join::Or), OR, 1)),
            Token::Symbol("&&") => Some((Infix::Join(Join::And), AND, 1)),
            Token::Symbol("==") => binary(Binary::Equal, COMPARE),
            Token::Symbol("!=") => binary(Binary::Unequal, COMPARE),
            Token::Symbol("<") => binary(Binary::Less, COMPARE),
            Token::Symbol("<=") => binary(Binary::LessOrEqual, COMPARE),
            Token::Symbol(">") => binary(Binary::Greater, COMPARE),
            Token::Symbol(">=") => binary(Binary::GreaterOrEqual, COMPARE),
            Token::Symbol("+") => binary(Binary::Add, SUM),
            Token::Symbol("-") => binary(Binary::Subtract, SUM),
            Token::Symbol("*") => binary(Binary::Multiply, PRODUCT),
            Token::Symbol("/") => binary(Binary::Divide, PRODUCT),
            Token::Symbol("%") => binary(Binary::Remainder, PRODUCT),
            Token::Name(name) => match name.as_str() {
                "or" => Some((Infix::Join(Join::Or), OR, 1)),
                "and" => Some((Infix::Join(Join::And), AND, 1)),
                "in" => Some((Infix::In { negated: false }, COMPARE, 1)),
                "not" if matches!(&self.tokens[self.at + 1].0, Token::Name(next) if next == "in") => {
                    Some((Infix::In { negated: true }, COMPARE, 2))
                }
                _ => None,
            },
            _ => None,
        }
    }

    fn membership(&mut self, left: Parsed, negated: bool) -> Result<Parsed, SyntaxError> {
        let (list, height) = self.list()?;
        let span = left.span.start..self.tokens[self.at - 1].1.end;
        for one in &list {
            check_kinds(Binary::Equal, &left.node, one, &span)?;
        }
        let found = finish(Node::In(Box::new(left.node), list), height.max(left.height), span.clone())?;
        if negated { finish(Node::Not(Box::new(found.node)), found.height, span) } else { Ok(found) }
    }

    fn joined(&mut self, left: Parsed, join: Join, power: u8) -> Result<Parsed, SyntaxError> {
        let right = self.climb(power + 1)?;
        let (span, height) = (left.span.start..right.span.end, left.height.max(right.height));
        for side in [&left, &right] {
            check_side(join, side)?;
        }
        let sides = Box::new([left.node, right.node]);
        let node = match join {
            Join::Or => Node::Or(sides),
            Join::And => Node::And(sides),
            Join::Binary(operator) => {
                check_kinds(operator, &sides[0], &sides[1], &span)?;
                Node::Binary(operator, sides)
            }
        };
        finish(node, height, span)
    }

    fn list(&mut self) -> Result<(Vec<Node>, usize), SyntaxError> {
        let close = if self.eat("[") {
            "]"
        } else if self.eat("(") {
            ")"
        } else {
            return Err(SyntaxError::new(self.span(), "`in` needs a list").hint("write `value in [1, 2, 3]`"));
        };
        self.arguments(close)
    }

    /// Expressions up to the closing bracket, which is taken.
    fn arguments(&mut self, close: &str) -> Result<(Vec<Node>, usize), SyntaxError> {
        let (mut nodes, mut height) = (Vec::new(), 0);
        if self.eat(close) {
            return Ok((nodes, height));
        }
        loop {
            let one = self.climb(0)?;
            height = height.max(one.height);
            nodes.push(one.node);
            if !self.eat(",") {
                self.expect(close)?;
                return Ok((nodes, height));
            }
        }
    }

    fn operand(&mut self) -> Result<Parsed, SyntaxError> {
        let (token, span) = self.advance();
        let leaf = |value: Value| Ok(Parsed { node: Node::Constant(value), height: 1, span: span.clone() });
        match token {
            Token::Int(n) => leaf(Value::uint(n)),
            Token::Float(x) | Token::Span(x) => leaf(Value::Float(x)),
            Token::Text(text) => leaf(Value::text(text)),
            Token::Symbol("(") => {
                let inner = self.climb(0)?;
                self.expect(")")?;
                Ok(Parsed { span: span.start..self.tokens[self.at - 1].1.end, ..inner })
            }
            Token::Symbol("-") => self.prefixed(SIGN, Kind::Number, span, Node::Negate),
            Token::Symbol("!") => self.prefixed(SIGN, Kind::Bool, span, Node::Not),
            Token::Name(name) => match name.as_str() {
                "true" => leaf(Value::Bool(true)),
                "false" => leaf(Value::Bool(false)),
                "null" => leaf(Value::Null),
                "not" => self.prefixed(NOT, Kind::Bool, span, Node::Not),
                name => self.named(name, span),
            },
            other => Err(SyntaxError::new(span, format!("expected a value, found {}", other.describe()))),
        }
    }

    fn prefixed(
        &mut self,
        power: u8,
        wanted: Kind,
        span: Range<usize>,
        make: fn(Box<Node>) -> Node,
    ) -> Result<Parsed, SyntaxError> {
        let inner = self.climb(power)?;
        require(wanted, &inner)?;
        finish(make(Box::new(inner.node)), inner.height, span.start..inner.span.end)
    }

    fn named(&mut self, name: &str, span: Range<usize>) -> Result<Parsed, SyntaxError> {
        if !self.eat("(") {
            let found = Variable::ALL.iter().find(|(known, _)| *known == name);
            let (_, variable) = found.ok_or_else(|| {
                let near = did_you_mean(name, Variable::ALL.iter().map(|(known, _)| *known));
                SyntaxError::new(span.clone(), format!("unknown variable `{name}`{near}"))
                    .hint("a text stands in quotes, another datapoint is dp(\"address\")")
            })?;
            let kind = variable.kind(self.types.value);
            return Ok(Parsed { node: Node::Variable(*variable, kind), height: 1, span });
        }
        match name {
            "dp" => return self.point(span),
            "matches" => return self.regex(span),
            _ => {}
        }
        let (arguments, height) = self.arguments(")")?;
        let span = span.start..self.tokens[self.at - 1].1.end;
        if name == "if" {
            let parts: Result<[Node; 3], _> = arguments.try_into();
            let parts = parts.map_err(|_| {
                SyntaxError::new(span.clone(), "`if` takes three parts").hint("write `if(condition, then, otherwise)`")
            })?;
            if !matches!(parts[0].kind(), Kind::Any | Kind::Bool) {
                return Err(SyntaxError::new(span, format!("the condition of `if` is {}", parts[0].kind().name())));
            }
            return finish(Node::If(Box::new(parts)), height, span);
        }
        let found = FUNCTIONS.iter().find(|(known, ..)| *known == name);
        let &(_, function, fewest, most, kind) = found.ok_or_else(|| {
            let near = did_you_mean(name, super::functions());
            SyntaxError::new(span.clone(), format!("unknown function `{name}`{near}"))
        })?;
        if !(fewest..=most).contains(&arguments.len()) {
            let wanted = if fewest == most { format!("{fewest}") } else { format!("{fewest} to {most}") };
            return Err(SyntaxError::new(span, format!("`{name}` takes {wanted} arguments, not {}", arguments.len())));
        }
        let wanted = function.wants();
        for (nth, argument) in arguments.iter().enumerate() {
            let wanted = wanted[nth.min(wanted.len() - 1)];
            let kind = argument.kind();
            if wanted != Kind::Any && kind != Kind::Any && kind != wanted {
                let message = format!("`{name}` takes {}, not {}", wanted.name(), kind.name());
                return Err(SyntaxError::new(span, message));
            }
        }
        finish(Node::Call(function, kind, arguments), height, span)
    }

    /// `matches(text, "pattern")`, behind the opening bracket. The pattern is compiled once, so it is written out.
    fn regex(&mut self, span: Range<usize>) -> Result<Parsed, SyntaxError> {
        let text = self.climb(0)?;
        require(Kind::Text, &text)?;
        self.expect(",")?;
        let (token, at) = self.advance();
        let Token::Text(pattern) = token else {
            return Err(
                SyntaxError::new(at, "`matches` takes its pattern in quotes").hint("write matches(value, \"^on\")")
            );
        };
        self.expect(")")?;
        if pattern.len() > MAX_REGEX_BYTES {
            return Err(SyntaxError::new(
                at,
                format!("a pattern may have {MAX_REGEX_BYTES} bytes, not {}", pattern.len()),
            ));
        }
        let built = regex::RegexBuilder::new(&pattern).size_limit(REGEX_SIZE).dfa_size_limit(REGEX_SIZE).build();
        let regex = built.map_err(|error| {
            // The library draws the pattern over several lines; its last line says what is wrong.
            let message = error.to_string();
            let line = message.lines().last().unwrap_or("").trim_start_matches("error: ").to_owned();
            SyntaxError::new(at, format!("the pattern is none: {line}"))
                .hint("regular expressions without look-around and back-references")
        })?;
        self.points.regexes += 1;
        finish(
            Node::Matches(Box::new(text.node), Box::new(regex)),
            text.height,
            span.start..self.tokens[self.at - 1].1.end,
        )
    }

    /// `dp("address")`, behind the opening bracket.
    fn point(&mut self, span: Range<usize>) -> Result<Parsed, SyntaxError> {
        let (token, at) = self.advance();
        let Token::Text(address) = token else {
            return Err(SyntaxError::new(at, "`dp` takes one address in quotes").hint("write dp(\"plc_001.MAIN.x\")"));
        };
        self.expect(")")?;
        let kind = (self.types.of)(&address);
        Ok(Parsed { node: Node::Point(self.points.index(&address), kind), height: 1, span })
    }
}

fn too_deep(span: Range<usize>) -> SyntaxError {
    SyntaxError::new(span, format!("nested deeper than {MAX_DEPTH} levels"))
}

fn require(wanted: Kind, side: &Parsed) -> Result<(), SyntaxError> {
    let kind = side.node.kind();
    if kind == Kind::Any || kind == wanted {
        return Ok(());
    }
    Err(SyntaxError::new(side.span.clone(), format!("expected {}, found {}", wanted.name(), kind.name())))
}

fn check_side(join: Join, side: &Parsed) -> Result<(), SyntaxError> {
    match join {
        Join::Or | Join::And => require(Kind::Bool, side),
        Join::Binary(Binary::Subtract | Binary::Multiply | Binary::Divide | Binary::Remainder) => {
            require(Kind::Number, side)
        }
        Join::Binary(_) => Ok(()),
    }
}

/// Two kinds that are known and can never go together.
fn check_kinds(operator: Binary, left: &Node, right: &Node, span: &Range<usize>) -> Result<(), SyntaxError> {
    let kinds = (left.kind(), right.kind());
    let null = |node: &Node| matches!(node, Node::Constant(Value::Null));
    let fits = match (operator, kinds) {
        (Binary::Equal | Binary::Unequal, _) if null(left) || null(right) => true,
        (Binary::Add, (a, b)) if a == Kind::Bool || b == Kind::Bool => false,
        (Binary::Equal | Binary::Unequal | Binary::Add, (Kind::Any, _) | (_, Kind::Any)) => true,
        (Binary::Equal | Binary::Unequal | Binary::Add, (a, b)) => a == b,
        (_, (Kind::Bool, _) | (_, Kind::Bool)) => false,
        (_, (Kind::Any, _) | (_, Kind::Any)) => true,
        (_, (a, b)) => a == b,
    };
    if fits {
        return Ok(());
    }
    let message = format!("{} and {} do not go together here", kinds.0.name(), kinds.1.name());
    Err(SyntaxError::new(span.clone(), message))
}

/// The node with its height checked, and computed at once if all of its parts are constants.
fn finish(node: Node, below: usize, span: Range<usize>) -> Result<Parsed, SyntaxError> {
    let height = below + 1;
    if height > MAX_DEPTH {
        return Err(too_deep(span));
    }
    let constant = |node: &Node| matches!(node, Node::Constant(_));
    let wanted_too = !matches!(&node, Node::In(wanted, _) if !constant(wanted));
    if !(wanted_too && node.children().iter().all(constant)) {
        return Ok(Parsed { node, height, span });
    }
    let worst = Cell::new(Quality::Good);
    let input = Input {
        value: &Value::Null,
        quality: Quality::Good,
        previous: &Value::Null,
        source: "",
        tag: "",
        source_time: Timestamp(0),
        now: Timestamp(0),
        points: &Nothing,
        worst: &worst,
    };
    let value = node.eval(&input).and_then(super::Datum::into_value);
    let value = value.map_err(|error| SyntaxError::new(span.clone(), error.to_string()))?;
    Ok(Parsed { node: Node::Constant(value), height: 1, span })
}

/// The datapoints of a constant: none.
pub(crate) struct Nothing;

impl Lookup for Nothing {
    fn point(&self, _: usize) -> Result<&Sample, EvalError> {
        Err(EvalError::Missing("".into()))
    }
}
