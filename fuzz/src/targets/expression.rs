//! An expression of a stranger: the first byte says what is declared of the value, the rest is the text.
//!
//! Promises that are looked at: what is refused is refused within its own text; what compiles has the same value each time,
//! in brackets, and where the types are known; a condition is true, false or an error; a text it makes is bounded.

use std::cell::Cell;
use std::sync::Arc;

use fieldrail_model::{Quality, Sample, Timestamp, Value};
use fieldrail_router::expression::{
    EvalError, Expression, Input, Lookup, MAX_EXPRESSION_BYTES, MAX_TEXT_BYTES, Points,
};
use fieldrail_router::{Outcome, Router, RoutingFile, Rules};
use serde_json::json;

use crate::house::{House, TYPES};
use crate::{Target, text};

/// The table's line.
pub const TARGET: Target =
    Target { name: "expression", run, most_bytes: MAX_EXPRESSION_BYTES + 16, seeds, words: text::expression_words };

/// When all of it happens.
const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

fn seeds() -> Vec<Vec<u8>> {
    let conditions = text::of_routes("condition").into_iter();
    let inside = text::of_routes("transform").into_iter().filter_map(|transform| {
        let (_, rest) = transform.split_once("expr(")?;
        rest.rsplit_once(')').map(|(text, _)| text.to_owned())
    });
    let bytes = |text: String| [b"0", text.as_bytes()].concat();
    conditions.chain(inside).map(bytes).collect()
}

/// No datapoint is known but the one at hand.
struct Known<'a> {
    points: &'a Points,
    sample: &'a Sample,
}

impl Lookup for Known<'_> {
    fn point(&self, index: usize) -> Result<&Sample, EvalError> {
        let address = &self.points.addresses[index];
        if &**address == "plc_002.x" { Ok(self.sample) } else { Err(EvalError::Missing(Arc::clone(address))) }
    }
}

/// An expression with the datapoints that it names.
struct Compiled {
    expression: Expression,
    points: Points,
}

impl Compiled {
    fn new(text: &str) -> Option<Self> {
        let mut points = Points::default();
        match Expression::compile(text, &mut points) {
            Ok(expression) => Some(Self { expression, points }),
            Err(refused) => {
                let span = refused.span.clone();
                assert!(span.start <= span.end && span.end <= text.len(), "refused at {span:?}: {refused}");
                None
            }
        }
    }

    fn with<T>(&self, value: &Value, ask: impl FnOnce(&Input<'_>) -> T) -> T {
        let worst = Cell::new(Quality::Good);
        let sample = Sample::good(value.clone(), NOW);
        ask(&Input {
            value,
            quality: Quality::Good,
            previous: &Value::Null,
            source: "plc_002",
            tag: "x",
            source_time: NOW,
            now: NOW,
            points: &Known { points: &self.points, sample: &sample },
            worst: &worst,
        })
    }

    fn value(&self, value: &Value) -> Result<Value, EvalError> {
        self.with(value, |input| self.expression.value(input))
    }

    fn test(&self, value: &Value) -> Result<bool, EvalError> {
        self.with(value, |input| self.expression.test(input))
    }
}

fn run(data: &[u8]) {
    let Some((kind, text)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let whole = Compiled::new(text);
    let condition = Expression::condition(text, &mut Points::default());
    assert!(whole.is_some() || condition.is_err(), "a condition that is no expression");
    let Some(whole) = whole else { return };
    let bracketed = Compiled::new(&format!("({text})"));
    for value in text::values() {
        let result = whole.value(&value);
        check_value(&whole, &value, &result);
        if let Some(bracketed) = &bracketed {
            assert!(same(&bracketed.value(&value), &result), "in brackets it is another one, of {value:?}");
        }
    }
    if condition.is_ok() {
        check_declared(text, usize::from(*kind), &whole);
    }
}

fn check_value(whole: &Compiled, value: &Value, result: &Result<Value, EvalError>) {
    assert!(same(&whole.value(value), result), "it is not the same twice, of {value:?}");
    match (result, whole.test(value)) {
        (Ok(Value::Bool(is)), Ok(test)) => assert_eq!(*is, test, "of {value:?}"),
        (Ok(Value::Bool(_)), Err(error)) => panic!("true or false, and no condition: {error}"),
        (Ok(other), Ok(_)) => panic!("a condition that is {other:?}"),
        (Err(error), Ok(test)) => panic!("a condition is {test}, and {error}"),
        (_, Err(error)) => assert!(error.to_string().len() < MAX_TEXT_BYTES),
    }
    if let Ok(Value::Text(text)) = result {
        assert!(text.len() <= MAX_TEXT_BYTES, "a text of {} bytes", text.len());
    }
}

/// Bit by bit, so that NaN is itself.
pub(crate) fn same(a: &Result<Value, EvalError>, b: &Result<Value, EvalError>) -> bool {
    match (a, b) {
        (Ok(a), Ok(b)) => identical(a, b),
        (Err(a), Err(b)) => a == b,
        _ => false,
    }
}

pub(crate) fn identical(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits(),
        (a, b) => a == b,
    }
}

/// As the condition of a route whose source has a declared type, run by the router.
fn check_declared(text: &str, kind: usize, whole: &Compiled) {
    let x = TYPES[kind % TYPES.len()];
    let route = json!({ "id": "r", "from": "plc_002.x", "to": "calc.y", "condition": text });
    let file: RoutingFile = serde_json::from_value(json!({ "version": "1.0", "routes": [route] })).unwrap();
    for value in text::values() {
        let Ok(value) = x.map_or(Ok(value.clone()), |x| x.fit(&value)) else { continue };
        let Ok(rules) = Rules::compile(&file, &House { x }) else { return };
        let (mut router, mut out) = (Router::new(), Outcome::default());
        router.swap(rules);
        let point = router.space.intern("plc_002.x").unwrap();
        router.route_data(point, Sample::good(value.clone(), NOW), NOW, &mut out);
        let (_, _, counters) = router.routes().next().unwrap();
        let got = (counters.passed, counters.dropped_by_condition, counters.errors);
        let want = match whole.test(&value) {
            Ok(true) => (1, 0, 0),
            Ok(false) => (0, 1, 0),
            Err(_) => (0, 0, 1),
        };
        assert_eq!(got, want, "of {value:?}, declared {x:?}");
    }
}
