//! Pipelines as data: text and value in, value or reason out.

use fieldrail_model::{Sample, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::expression::Lookup;

struct Nothing;

impl Lookup for Nothing {
    fn point(&self, _: usize) -> Result<&Sample, EvalError> {
        Err(EvalError::Missing("x.y".into()))
    }
}

#[track_caller]
fn check(text: &str, value: impl Into<Value>, want: &str) {
    let value = value.into();
    let worst = Cell::new(Quality::Good);
    let input = Input {
        value: &value,
        quality: Quality::Good,
        previous: &Value::Null,
        source: "bt.bms_001",
        tag: "voltage",
        source_time: Timestamp::from_millis(1_000),
        now: Timestamp::from_millis(1_000),
        points: &Nothing,
        worst: &worst,
    };
    let got = match Pipeline::compile(text, &mut Points::default()).map(|pipeline| pipeline.apply(&input, None)) {
        Ok(Ok((value, _))) => format!("{} {value}", value.kind()),
        Ok(Err(error)) => format!("{}: {error}", error.quality()),
        Err(error) => format!("syntax: {error}"),
    };
    assert_eq!(got, want, "{text}");
}

#[test]
fn numbers_are_scaled_shifted_rounded_and_bounded() {
    check("scale(0.001)", 52_400_i64, "float 52.4");
    check("scale(0.001)", 53_120_i64, "float 53.12");
    check("scale(0.1)", 3_i64, "float 0.3");
    check("scale(0.003)", 2_i64, "float 0.006");
    check("scale(2)", i64::MAX, "uint 18446744073709551614");
    check("scale(2)", u64::MAX, "bad:calculation_error: `*` overflows");
    check("scale(1)", "warm", "bad:type_mismatch: scale is not defined for a text");
    check("offset(-273.15) | round(1)", 300.0, "float 26.9");
    check("round", 2.5, "float 3");
    check("clamp(0, 100)", 120_i64, "int 100");
    check("clamp(0, 100)", -0.5, "int 0");
    check("clamp(0, 100)", 55.5, "float 55.5");
    check("clamp(0, 100)", f64::NAN, "bad:calculation_error: NaN is within no bounds");
    check("invert", true, "bool false");
    check("invert", 5_i64, "int -5");
    check("bit(3)", 8_i64, "bool true");
    check("bit(63)", u64::MAX, "bool true");
    check("bit(0)", 1.0, "bad:type_mismatch: bit is not defined for float");
}

#[test]
fn values_change_their_kind_only_without_loss() {
    check("int", "12", "int 12");
    check("int", 5.0, "int 5");
    check("int", 5.5, "bad:type_mismatch: 5.5 is no whole number; round it first");
    check("int", u64::MAX, "uint 18446744073709551615");
    check("float", "nan", "bad:type_mismatch: `nan` (text) is no number");
    check("float", "-inf", "bad:type_mismatch: `-inf` (text) is no number");
    check("float", f64::INFINITY, "float inf");
    check("int", "warm", "bad:type_mismatch: `warm` (text) is no whole number of 64 bits");
    check("float", Value::bytes(b"1.5".as_slice()), "float 1.5");
    check("bool", "on", "bool true");
    check("bool", 2_i64, "bad:type_mismatch: `2` (int) is no Bool");
    check("text", 1.5, "text 1.5");
    check("text", Value::bytes([0xff].as_slice()), "bad:type_mismatch: the bytes are no UTF-8 text");
    check("text", Value::Null, "bad:type_mismatch: text is not defined for null");
}

#[test]
fn a_map_gives_what_is_written_for_the_value() {
    let map = r#"map(0 = "off", 1 = "on", "x" = true, else = "?")"#;
    check(map, 1_i64, "text on");
    check(map, 1.0, "text on");
    check(map, "x", "bool true");
    check(map, true, "text ?");
    check("map(-1 = 1)", -1_i64, "int 1");
    check("map(1 = 2)", 5_i64, "bad:type_mismatch: `5` is not in the map, which has no `else`");
}

#[test]
fn a_pointer_finds_its_place_in_json() {
    check(r#"json("/a/1") | scale(2)"#, r#"{"a":[1,21]}"#, "int 42");
    check(r#"json("/a")"#, Value::json(r#"{"a":{"b":null}}"#).unwrap(), r#"json {"b":null}"#);
    check(r#"json("/n")"#, r#"{"n":18446744073709551615}"#, "uint 18446744073709551615");
    check(r#"json("/x")"#, "{}", "bad:type_mismatch: nothing is at `/x`");
    check(r#"json("")"#, "{", "bad:type_mismatch: no JSON: EOF while parsing an object at line 1 column 1");
    check(r#"json("")"#, 5_i64, "bad:type_mismatch: json is not defined for int");
    check(
        r#"json("")"#,
        "[".repeat(200).as_str(),
        "bad:type_mismatch: no JSON: recursion limit exceeded at line 1 column 128",
    );
}

#[test]
fn expressions_see_the_value_of_the_step_before() {
    check("scale(2) | expr(value + 1)", 3_i64, "int 7");
    check("expr(if(value > 1 || false, 'a|b', 'c'))", 3_i64, "text a|b");
    check("expr(1 / value)", 0_i64, "bad:calculation_error: division by zero");
    check("expr(dp(\"x.y\"))", 0_i64, "bad:calculation_error: `x.y` has no value yet");
}

#[test]
fn a_template_makes_a_text() {
    check(
        r#"template("{source}.{tag} = {value} V {{{quality}}} {time}{reason}")"#,
        1.5,
        "text bt.bms_001.voltage = 1.5 V {good} 1000",
    );
    check(
        r#"template("{vale}")"#,
        1.5,
        "syntax: unknown placeholder `{vale}`; did you mean `value`? (at character 10)",
    );
    check(r#"template("}")"#, 1.5, "syntax: a single `}`; write it twice for the bracket itself (at character 10)");
    check(
        r#"template("{value}")"#,
        "x".repeat(70_000).as_str(),
        "bad:calculation_error: the text would be longer than 65536 bytes",
    );
}

#[test]
fn a_wrong_pipeline_is_refused_with_the_place() {
    check("skale(2)", 1_i64, "syntax: unknown step `skale`; did you mean `scale`? (at character 1)");
    check("avg(60)", 1_i64, "syntax: `60` is a number; which unit of time? (at character 5)");
    check("avg(60s, every=7s)", 1_i64, "syntax: the stretch is no whole number of `every` (at character 5)");
    check("avg(1h, every=1s)", 1_i64, "syntax: the stretch has more than 1000 times `every` (at character 5)");
    check("throttle(1ms)", 1_i64, "syntax: a time is between 10ms and 31d (at character 10)");
    check("avg(60s, evry=7s)", 1_i64, "syntax: expected `every`, found `evry` (at character 10)");
    check("hysteresis(5, 2)", 1_i64, "syntax: the lower bound is not below the upper one (at character 12)");
    check("deadband('a')", 1_i64, "syntax: expected a width, found the text \"a\" (at character 10)");
    check("scale(0)", 1_i64, "syntax: `scale(0)` makes everything 0 (at character 7)");
    check("text | scale(2)", 1_i64, "syntax: this step takes a number, and gets a text (at character 8)");
    check("scale(2) round(1)", 1_i64, "syntax: expected `|` between two steps, found `round` (at character 10)");
    check("scale", 1_i64, "syntax: `scale`: its arguments are missing (at character 1)");
    check("scale(\"2\")", 1_i64, "syntax: `scale`: these are not its arguments (at character 1)");
    check("scale(value)", 1_i64, "syntax: expected a constant (at character 7)");
    check("clamp(2, 1)", 1_i64, "syntax: the lower bound is above the upper one (at character 7)");
    check("bit(64)", 1_i64, "syntax: bits count from 0 to 63 (at character 5)");
    check("json(\"a\")", 1_i64, "syntax: the path begins with `/` (at character 6)");
    check("scale(2) |", 1_i64, "syntax: expected a step, found the end (at character 11)");
    check("", 1_i64, "syntax: expected a step, found the end (at character 1)");
    check(&"round|".repeat(80), 1_i64, "syntax: more than 64 steps (at character 390)");
}

proptest! {
    #[test]
    fn no_row_of_words_makes_a_pipeline_panic(
        words in prop::collection::vec(prop::sample::select(vec![
            "scale(", "round(", "map(", "else", "=", "json(", "expr(", "template(", "clamp(", "bit(", "int", "text", "bool",
            "|", ")", ",", "1", "-1", "1e300", "\"/a\"", "\"{value}\"", "value", "invert",
        ]), 0..12),
    ) {
        let _ = Pipeline::compile(&words.join(" "), &mut Points::default());
    }
}
