//! Expressions as data: text in, value or reason out.

use std::cmp::Ordering;

use proptest::prelude::*;

use super::parser::Nothing;
use super::*;

struct One(Sample);

impl Lookup for One {
    fn point(&self, _: usize) -> Result<&Sample, EvalError> {
        Ok(&self.0)
    }
}

fn eval(text: &str, value: &Value, points: &dyn Lookup) -> String {
    let expression = match Expression::compile(text, &mut Points::default()) {
        Ok(expression) => expression,
        Err(error) => return format!("syntax: {error}"),
    };
    let worst = Cell::new(Quality::Good);
    let input = Input {
        value,
        quality: Quality::LastUsable,
        previous: &Value::Int(7),
        source: "bt.bms_001",
        tag: "voltage",
        source_time: Timestamp::from_millis(8_000),
        now: Timestamp::from_millis(10_500),
        points,
        worst: &worst,
    };
    match expression.value(&input) {
        Ok(value) => format!("{} {value}", value.kind()),
        Err(error) => format!("error: {error}"),
    }
}

#[track_caller]
fn check(text: &str, value: impl Into<Value>, want: &str) {
    assert_eq!(eval(text, &value.into(), &Nothing), want, "{text}");
}

#[test]
fn arithmetic_binds_as_everybody_expects() {
    check("1 + 2 * 3", 0_i64, "int 7");
    check("(1 + 2) * 3", 0_i64, "int 9");
    check("10 - 2 - 3", 0_i64, "int 5");
    check("-value * 2", 4_i64, "int -8");
    check("2 - -3", 0_i64, "int 5");
    check("7 % 3 + 0x10", 0_i64, "int 17");
    check("1 + value == 5 and not false", 4_i64, "bool true");
    check("false && true || true", 0_i64, "bool true");
    check("not value == 3", 4_i64, "bool true");
}

#[test]
fn integers_are_exact_to_the_last_bit() {
    check("value + 1", i64::MAX, "uint 9223372036854775808");
    check("value * 2", 9_007_199_254_740_993_i64, "int 18014398509481986");
    check("-9223372036854775808 + 0", 0_i64, "int -9223372036854775808");
    check("value + 1", u64::MAX, "error: `+` overflows");
    check("value == 9007199254740992.0", 9_007_199_254_740_993_i64, "bool false");
    check("value > 9007199254740992.0", 9_007_199_254_740_993_i64, "bool true");
    check("7 / 2", 0_i64, "float 3.5");
    check("8 / 2", 0_i64, "int 4");
    check("value / -1", i64::MIN, "uint 9223372036854775808");
}

#[test]
fn what_cannot_be_computed_is_an_error_with_its_reason() {
    check("1 / value", 0_i64, "error: division by zero");
    check("1.0 / value", 0.0, "error: division by zero");
    check("5 % value", 0_i64, "error: division by zero");
    check("value * 10.0", 1e308, "error: `*` overflows");
    check("value + 1", "warm", "error: `+` is not defined for a text");
    check("value < 1", "warm", "error: a text is compared with a number");
    check("value == true", 1_i64, "error: a number is compared with a bool");
    check("sqrt(value)", -1_i64, "error: `sqrt` needs a number that is not negative");
    check("value and true", 1_i64, "error: `and` is not defined for a number");
    check("value > 1", f64::NAN, "error: NaN is neither smaller nor larger");
    check("dp(\"x.y\")", 0_i64, "error: `` has no value yet");
    check("pow(value, -1)", 0_i64, "error: division by zero");
    check("pow(value, 64)", 2_i64, "error: `pow` overflows");
    check("1 / 0", 0_i64, "syntax: division by zero (at character 1)");
}

#[test]
fn values_of_two_kinds_are_not_equal() {
    check("value != \"unavailable\"", 5_i64, "bool true");
    check("value == true", "true", "bool false");
    check("value == null", Value::Null, "bool true");
    check("value == null", 0_i64, "bool false");
    check("value == 5", 5.0, "bool true");
}

#[test]
fn variables_tell_all_about_the_sample() {
    check("quality", 0_i64, "text uncertain");
    check("reason", 0_i64, "text last_usable");
    check("age", 0_i64, "float 2.5");
    check("age < 3s", 0_i64, "bool true");
    check("age > 2000ms and age < 1min", 0_i64, "bool true");
    check("previous", 0_i64, "int 7");
    check("source + \".\" + tag", 0_i64, "text bt.bms_001.voltage");
    check("time", 0_i64, "int 8000");
    check("value", Value::bytes([1].as_slice()), "bytes 01");
}

#[test]
fn functions_do_what_their_names_say() {
    check("abs(value)", i64::MIN, "uint 9223372036854775808");
    check("min(3, 1.5, 2)", 0_i64, "float 1.5");
    check("max(3, 1, 2)", 0_i64, "int 3");
    check("round(value)", 2.5, "float 3");
    check("round(value, 2)", 2.34567, "float 2.35");
    check("round(1250, -2)", 0_i64, "int 1300");
    check("round(-1250, -2)", 0_i64, "int -1300");
    check("floor(value)", -1.5, "float -2");
    check("ceil(value)", 1.2, "float 2");
    check("sqrt(9)", 0_i64, "float 3");
    check("pow(2, 10)", 0_i64, "int 1024");
    check("pow(2, 0.5) > 1.41", 0_i64, "bool true");
    check("contains(value, \"arm\")", "alarm", "bool true");
    check("starts_with(lower(value), 'al') and ends_with(value, 'RM')", "ALARM", "bool true");
    check("upper(value) + \"!\"", "on", "text ON!");
    check("len(value)", "Wärme", "int 5");
    check("if(value > 3, \"high\", \"low\")", 4_i64, "text high");
    check("if(value > 3, 1 / value, 0)", 0_i64, "int 0");
    check("value in [1, 2, 3]", 2_i64, "bool true");
    check("value not in (\"a\", \"b\")", "a", "bool false");
}

#[test]
fn another_datapoint_is_read_and_its_quality_remembered() {
    let point = One(Sample { quality: Quality::Substitute, ..Sample::good(40_i64, Timestamp(0)) });
    assert_eq!(eval("dp(\"a.b\") + value", &Value::Int(2), &point), "int 42");
    let mut points = Points::default();
    Expression::compile("dp('a.b') + dp('c.d') + dp('a.b')", &mut points).unwrap();
    assert_eq!(points.addresses.iter().map(|p| &**p).collect::<Vec<_>>(), ["a.b", "c.d"]);
}

#[test]
fn a_wrong_text_is_refused_with_the_place() {
    check("value = 1", 0_i64, "syntax: `=` assigns nothing here (at character 7)");
    check("vale == 1", 0_i64, "syntax: unknown variable `vale`; did you mean `value`? (at character 1)");
    check("rond(1)", 0_i64, "syntax: unknown function `rond`; did you mean `round`? (at character 1)");
    check("1 < value < 3", 0_i64, "syntax: comparisons do not chain (at character 11)");
    check("value +", 0_i64, "syntax: expected a value, found the end (at character 8)");
    check("(value", 0_i64, "syntax: expected `)`, found the end (at character 7)");
    check("value in 3", 0_i64, "syntax: `in` needs a list (at character 10)");
    check("\"open", 0_i64, "syntax: a text without its closing \" (at character 1)");
    check("1 + true", 0_i64, "syntax: a number and true or false do not go together here (at character 1)");
    check("\"a\" * 2", 0_i64, "syntax: expected a number, found a text (at character 1)");
    check("if(1, 2)", 0_i64, "syntax: `if` takes three parts (at character 1)");
    check("sqrt(1, 2)", 0_i64, "syntax: `sqrt` takes 1 arguments, not 2 (at character 1)");
    check("5 parsecs", 0_i64, "syntax: expected an operator, found `parsecs` (at character 3)");
    check("5parsecs", 0_i64, "syntax: unknown unit `parsecs` (at character 1)");
    check("99999999999999999999", 0_i64, "syntax: `99999999999999999999` does not fit 64 bits (at character 1)");
    check("value ; 1", 0_i64, "syntax: unexpected `;` (at character 7)");
    check("dp(value)", 0_i64, "syntax: `dp` takes one address in quotes (at character 4)");
    check("", 0_i64, "syntax: expected a value, found the end (at character 1)");
}

#[test]
fn a_condition_is_true_or_false() {
    let error = Expression::condition("value + 1", &mut Points::default()).unwrap_err();
    assert_eq!(error.to_string(), "a condition is true or false; this is a number (at character 1)");
}

#[test]
fn hostile_nesting_and_length_are_refused() {
    let deep = [
        "(".repeat(2000),
        "-".repeat(2000) + "value",
        "not ".repeat(900) + "value",
        "value".to_owned() + &"+value".repeat(600),
        "if(".repeat(1000),
        "value in [".repeat(300),
    ];
    for text in deep {
        let error = Expression::compile(&text, &mut Points::default()).unwrap_err();
        assert!(error.to_string().contains("nested deeper than 64"), "{error}: {text:.20}");
    }
    let error = Expression::compile(&" ".repeat(5000), &mut Points::default()).unwrap_err();
    assert!(error.to_string().contains("longer than 4096"), "{error}");
}

#[test]
fn a_built_text_is_bounded() {
    let long = Value::text("x".repeat(MAX_TEXT_BYTES));
    assert_eq!(eval("value + value", &long, &Nothing), "error: the text would be longer than 65536 bytes");
}

/// An expression as the plainest interpreter sees it. Numbers and truths are kept apart, so that every tree is well typed.
#[derive(Debug, Clone)]
enum Tree {
    Value,
    Int(u64),
    Half(u32),
    Negative(Box<Tree>),
    Sum(&'static str, Box<Tree>, Box<Tree>),
    If(Box<Truth>, Box<Tree>, Box<Tree>),
}

#[derive(Debug, Clone)]
enum Truth {
    Compare(&'static str, Tree, Tree),
    Not(Box<Truth>),
    Join(&'static str, Box<Truth>, Box<Truth>),
}

#[derive(Debug, Clone, Copy)]
enum Number {
    Int(i128),
    Float(f64),
}

impl Number {
    fn float(self) -> f64 {
        match self {
            Self::Int(n) => n as f64,
            Self::Float(x) => x,
        }
    }

    /// What 64 bits hold, as text; `None` for a failed computation.
    fn held(self) -> Option<Self> {
        match self {
            Self::Int(n) => (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&n).then_some(self),
            Self::Float(x) => x.is_finite().then_some(self),
        }
    }
}

impl Tree {
    fn number(&self, value: i64) -> Option<Number> {
        match self {
            Self::Value => Some(Number::Int(value.into())),
            Self::Int(n) => Some(Number::Int((*n).into())),
            Self::Half(n) => Some(Number::Float(f64::from(*n) / 2.0)),
            Self::Negative(inner) => match inner.number(value)? {
                Number::Int(n) => Number::Int(-n).held(),
                Number::Float(x) => Some(Number::Float(-x)),
            },
            Self::If(truth, a, b) => if truth.holds(value)? { a } else { b }.number(value),
            Self::Sum(operator, a, b) => {
                let (a, b) = (a.number(value)?, b.number(value)?);
                if let (Number::Int(a), Number::Int(b)) = (a, b) {
                    let result = match *operator {
                        "+" => a.checked_add(b),
                        "-" => a.checked_sub(b),
                        "*" => a.checked_mul(b),
                        "/" if b != 0 && a % b != 0 => return Some(Number::Float(a as f64 / b as f64)),
                        "/" => a.checked_div(b),
                        _ => a.checked_rem(b),
                    };
                    return Number::Int(result?).held();
                }
                let (a, b) = (a.float(), b.float());
                let result = match *operator {
                    "+" => a + b,
                    "-" => a - b,
                    "*" => a * b,
                    "/" => a / b,
                    _ => a % b,
                };
                Number::Float(result).held()
            }
        }
    }

    /// Its text with no bracket too many, and how tightly that binds.
    fn text(&self) -> (String, u8) {
        match self {
            Self::Value => ("value".into(), 9),
            Self::Int(n) => (n.to_string(), 9),
            Self::Half(n) => (format!("{:?}", f64::from(*n) / 2.0), 9),
            Self::Negative(inner) => (format!("-{}", bracketed(inner.text(), 7)), 7),
            Self::If(truth, a, b) => (format!("if({}, {}, {})", truth.text().0, a.text().0, b.text().0), 9),
            Self::Sum(operator, a, b) => {
                let power = if matches!(*operator, "+" | "-") { 5 } else { 6 };
                (format!("{} {operator} {}", bracketed(a.text(), power), bracketed(b.text(), power + 1)), power)
            }
        }
    }

    /// Whether some part without `value` cannot be computed: such an expression does not compile.
    fn fails_early(&self) -> bool {
        match self {
            Self::Value | Self::Int(_) | Self::Half(_) => false,
            Self::Negative(inner) => inner.fails_early() || (self.constant() && self.number(0).is_none()),
            Self::Sum(_, a, b) => a.fails_early() || b.fails_early() || (self.constant() && self.number(0).is_none()),
            Self::If(truth, a, b) => truth.fails_early() || a.fails_early() || b.fails_early(),
        }
    }

    fn constant(&self) -> bool {
        match self {
            Self::Value => false,
            Self::Int(_) | Self::Half(_) => true,
            Self::Negative(inner) => inner.constant(),
            Self::Sum(_, a, b) => a.constant() && b.constant(),
            Self::If(truth, a, b) => truth.constant() && a.constant() && b.constant(),
        }
    }
}

impl Truth {
    fn holds(&self, value: i64) -> Option<bool> {
        Some(match self {
            Self::Not(inner) => !inner.holds(value)?,
            Self::Join("and", a, b) => a.holds(value)? && b.holds(value)?,
            Self::Join(_, a, b) => a.holds(value)? || b.holds(value)?,
            Self::Compare(operator, a, b) => {
                let order = match (a.number(value)?, b.number(value)?) {
                    (Number::Int(a), Number::Int(b)) => a.cmp(&b),
                    (Number::Float(a), Number::Float(b)) => a.partial_cmp(&b)?,
                    (Number::Int(a), Number::Float(b)) => exactly(a, b),
                    (Number::Float(a), Number::Int(b)) => exactly(b, a).reverse(),
                };
                match *operator {
                    "==" => order.is_eq(),
                    "!=" => order.is_ne(),
                    "<" => order.is_lt(),
                    _ => order.is_ge(),
                }
            }
        })
    }

    fn text(&self) -> (String, u8) {
        match self {
            Self::Not(inner) => (format!("not {}", bracketed(inner.text(), 3)), 3),
            Self::Compare(operator, a, b) => {
                (format!("{} {operator} {}", bracketed(a.text(), 5), bracketed(b.text(), 5)), 4)
            }
            Self::Join(operator, a, b) => {
                let power = if *operator == "and" { 2 } else { 1 };
                (format!("{} {operator} {}", bracketed(a.text(), power), bracketed(b.text(), power + 1)), power)
            }
        }
    }

    fn fails_early(&self) -> bool {
        match self {
            Self::Not(inner) => inner.fails_early(),
            Self::Compare(_, a, b) => a.fails_early() || b.fails_early(),
            Self::Join(_, a, b) => a.fails_early() || b.fails_early(),
        }
    }

    fn constant(&self) -> bool {
        match self {
            Self::Not(inner) => inner.constant(),
            Self::Compare(_, a, b) => a.constant() && b.constant(),
            Self::Join(_, a, b) => a.constant() && b.constant(),
        }
    }
}

/// How an integer of 65 bits stands to a finite float, without rounding either.
#[allow(clippy::cast_possible_truncation)] // checked to be within 128 bits
fn exactly(a: i128, b: f64) -> Ordering {
    let floor = b.floor();
    if floor.abs() > 1e30 {
        return if b > 0.0 { Ordering::Less } else { Ordering::Greater };
    }
    match a.cmp(&(floor as i128)) {
        Ordering::Equal if b > floor => Ordering::Less,
        order => order,
    }
}

fn bracketed((text, power): (String, u8), least: u8) -> String {
    if power < least { format!("({text})") } else { text }
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        Just(Tree::Value),
        (0_u64..4).prop_map(Tree::Int),
        (0_u32..9).prop_map(Tree::Half),
        any::<u64>().prop_map(Tree::Int),
    ];
    leaf.prop_recursive(5, 40, 3, |inner| {
        let sum = (prop::sample::select(vec!["+", "-", "*", "/", "%"]), inner.clone(), inner.clone());
        prop_oneof![
            4 => sum.prop_map(|(operator, a, b)| Tree::Sum(operator, a.into(), b.into())),
            1 => inner.clone().prop_map(|a| Tree::Negative(a.into())),
            1 => (truth(inner.clone()), inner.clone(), inner).prop_map(|(t, a, b)| Tree::If(t.into(), a.into(), b.into())),
        ]
    })
}

fn truth(inner: impl Strategy<Value = Tree> + Clone + 'static) -> impl Strategy<Value = Truth> {
    let compare = (prop::sample::select(vec!["==", "!=", "<", ">="]), inner.clone(), inner);
    compare.prop_map(|(operator, a, b)| Truth::Compare(operator, a, b)).prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|a| Truth::Not(a.into())),
            (prop::sample::select(vec!["and", "or"]), inner.clone(), inner).prop_map(|(operator, a, b)| Truth::Join(
                operator,
                a.into(),
                b.into()
            )),
        ]
    })
}

proptest! {
    #[test]
    fn the_evaluator_agrees_with_the_naive_interpreter(tree in tree(), value in prop_oneof![-5_i64..5, any::<i64>()]) {
        let got = eval(&tree.text().0, &Value::Int(value), &Nothing);
        if got.starts_with("syntax") {
            prop_assert!(tree.fails_early(), "{}: {got}", tree.text().0);
            return Ok(());
        }
        match tree.number(value) {
            None => prop_assert!(got.starts_with("error"), "{}: {got}", tree.text().0),
            Some(Number::Int(n)) => prop_assert!(got.ends_with(&format!("int {n}")), "{}: {got}", tree.text().0),
            Some(Number::Float(x)) => prop_assert_eq!(got, format!("float {x}"), "{}", tree.text().0),
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,60}") {
        let _ = Expression::compile(&text, &mut Points::default());
    }

    #[test]
    fn no_row_of_words_makes_parser_or_evaluator_panic(
        words in prop::collection::vec(prop::sample::select(vec![
            "value", "previous", "quality", "age", "1", "0", "2.5", "9223372036854775808", "1e308", "\"a\"", "true", "null",
            "+", "-", "*", "/", "%", "==", "!=", "<", ">=", "&&", "||", "!", "not", "in", "and", "(", ")", "[", "]", ",",
            "if(", "min(", "round(", "pow(", "dp(\"a.b\")", "len(", "contains(", "'é'", "60s",
        ]), 0..14),
        value in prop_oneof![Just(Value::Null), any::<i64>().prop_map(Value::Int), any::<f64>().prop_map(Value::Float)],
    ) {
        eval(&words.join(" "), &value, &Nothing);
    }
}
