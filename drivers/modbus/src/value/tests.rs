use fieldrail_model::{Quality, Value};
use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(form: &Form, words: &[u16], want: impl Into<Value>) {
    let reading = form.decode(words, None);
    assert_eq!(reading, Reading::good(want.into()), "{form:?}");
    assert_eq!(form.encode(&reading.value, None), Ok(Written::Registers(words.to_vec())), "{form:?}");
}

fn scaled(kind: Kind, factor: f64, offset: f64) -> Form {
    Form { scale: Scale { factor, offset }, ..Form::plain(kind) }
}

#[test]
fn numbers_of_every_width_come_back() {
    check(&Form::plain(Kind::Int16), &[0xfffe], -2_i64);
    check(&Form::plain(Kind::Uint16), &[0xfffe], 0xfffe_i64);
    check(&Form::plain(Kind::Int32), &[0xffff, 0xfffe], -2_i64);
    check(&Form::plain(Kind::Uint32), &[0x0001, 0x0002], 0x1_0002_i64);
    check(&Form::plain(Kind::Int64), &[0x8000, 0, 0, 1], i64::MIN + 1);
    check(&Form::plain(Kind::Uint64), &[0xffff, 0xffff, 0xffff, 0xfffe], Value::UInt(u64::MAX - 1));
    check(&Form::plain(Kind::Float32), &[0x42f6, 0xe979], f64::from(123.456_f32));
    check(&Form::plain(Kind::Float64), &[0x405e, 0xdd2f, 0x1a9f, 0xbe77], 123.456);
    check(&Form::plain(Kind::Bcd16), &[0x1234], 1234_i64);
    check(&Form::plain(Kind::Bcd32), &[0x1234, 0x5678], 12_345_678_i64);
    check(&Form::plain(Kind::Bcd64), &[0x9999, 0x9999, 0x9999, 0x9999], 9_999_999_999_999_999_i64);
    check(&Form::plain(Kind::Bool), &[1], true);
}

#[test]
fn every_order_of_words_and_bytes_is_read() {
    let orders = [(Order::HighFirst, Order::HighFirst), (Order::LowFirst, Order::HighFirst)];
    let swapped = [(Order::HighFirst, Order::LowFirst), (Order::LowFirst, Order::LowFirst)];
    let words = [[0x0102, 0x0304], [0x0304, 0x0102], [0x0201, 0x0403], [0x0403, 0x0201]];
    for ((word_order, byte_order), words) in orders.into_iter().chain(swapped).zip(words) {
        check(&Form { word_order, byte_order, ..Form::plain(Kind::Uint32) }, &words, 0x0102_0304_i64);
    }
    let low_first = Form { word_order: Order::LowFirst, ..Form::plain(Kind::Uint64) };
    check(&low_first, &[4, 3, 2, 1], 0x0001_0002_0003_0004_i64);
    check(
        &Form { word_order: Order::LowFirst, ..Form::plain(Kind::Float32) },
        &[0xe979, 0x42f6],
        f64::from(123.456_f32),
    );
}

#[test]
fn a_decimal_scale_gives_the_decimal_number_that_a_person_expects() {
    check(&scaled(Kind::Uint16, 0.1, 0.0), &[523], 52.3);
    check(&scaled(Kind::Int16, 0.001, 0.0), &[0xfc19], -0.999);
    check(&scaled(Kind::Uint16, 100.0, 0.0), &[50], 5000_i64);
    check(&scaled(Kind::Uint16, 0.1, -40.0), &[623], 22.3);
    check(&scaled(Kind::Int16, -1.0, 0.0), &[5], -5_i64);
    check(&scaled(Kind::Uint16, 0.25, 0.0), &[3], 0.75);
}

#[test]
fn a_scale_factor_of_the_device_always_gives_a_float() {
    let form = Form::plain(Kind::Int16);
    for (power, want) in [(0, 5.0), (-2, 0.05), (3, 5000.0)] {
        assert_eq!(form.decode(&[5], Some(power)), Reading::good(Value::Float(want)));
        assert_eq!(form.encode(&Value::Float(want), Some(power)), Ok(Written::Registers(vec![5])));
    }
    // 0x8000 is how SunSpec says that there is none.
    assert_eq!(form.decode(&[5], Some(i16::MIN)), Reading::good(Value::Float(5.0)));
    assert_eq!(form.decode(&[5], Some(77)).quality, Quality::Bad);
    assert_eq!(form.encode(&Value::Int(5), Some(77)), Err(Unwritable::NoScale));
}

#[test]
fn what_means_no_value_is_bad_and_no_number() {
    let sma =
        |kind: Kind| Form { not_available: kind.usual_not_available().into_iter().collect(), ..Form::plain(kind) };
    for (form, words) in [
        (sma(Kind::Int16), vec![0x8000]),
        (sma(Kind::Uint32), vec![0xffff, 0xffff]),
        (sma(Kind::Int32), vec![0x8000, 0]),
        (sma(Kind::Uint64), vec![0xffff; 4]),
        (Form { word_order: Order::LowFirst, ..sma(Kind::Int32) }, vec![0, 0x8000]),
        (Form::plain(Kind::Float32), vec![0x7fc0, 0]),
        (Form::plain(Kind::Float64), vec![0x7ff8, 0, 0, 0]),
        (Form::plain(Kind::Bcd16), vec![0x12a4]),
    ] {
        let reading = form.decode(&words, None);
        assert_eq!((reading.value, reading.quality), (Value::Null, Quality::Bad), "{form:?}");
        assert!(reading.note.is_some());
    }
    assert_eq!(Form::plain(Kind::Int16).decode(&[0x8000], None).value, Value::Int(-32_768));
}

#[test]
fn bit_fields_are_read_and_say_which_bits_they_write() {
    let field = |low, high| Form { bits: Some((low, high)), ..Form::plain(Kind::Uint16) };
    assert_eq!(field(3, 3).decode(&[0b1000], None).value, Value::Bool(true));
    assert_eq!(field(4, 6).decode(&[0b0101_0000], None).value, Value::Int(5));
    let written = |mask: u16, bits: u16| Ok(Written::Field { mask: vec![mask], bits: vec![bits] });
    assert_eq!(field(3, 3).encode(&Value::Bool(true), None), written(0b1000, 0b1000));
    assert_eq!(field(4, 6).encode(&Value::Int(2), None), written(0b111_0000, 0b010_0000));
    assert!(matches!(field(4, 6).encode(&Value::Int(8), None), Err(Unwritable::Range { .. })));
    let high = Form { bits: Some((31, 31)), ..Form::plain(Kind::Uint32) };
    assert_eq!(
        high.encode(&Value::Bool(true), None),
        Ok(Written::Field { mask: vec![0x8000, 0], bits: vec![0x8000, 0] })
    );
}

#[test]
fn text_ends_at_nul_and_is_filled_up() {
    let form = Form { registers: 3, ..Form::plain(Kind::String) };
    check(&form, &[0x4142, 0x4300, 0], "ABC");
    assert_eq!(form.decode(&[0x4142, 0x2020, 0x2020], None).value, Value::text("AB"));
    assert_eq!(form.decode(&[0xb043, 0, 0], None).value, Value::text("°C"));
    assert_eq!(
        Form { byte_order: Order::LowFirst, ..form.clone() }.decode(&[0x4241, 0x0043, 0], None).value,
        Value::text("ABC")
    );
    assert_eq!(form.encode(&Value::text("ABCDEFG"), None), Err(Unwritable::Long { got: 7, room: 6 }));
    assert!(matches!(form.encode(&Value::Int(5), None), Err(Unwritable::Kind { .. })));
    check(
        &Form { registers: 2, ..Form::plain(Kind::Bytes) },
        &[0x0001, 0xff00],
        Value::bytes([0, 1, 0xff, 0].as_slice()),
    );
}

#[test]
fn what_does_not_fit_is_refused_with_the_range_in_its_unit() {
    let refused = |form: &Form, value: Value| form.encode(&value, None).unwrap_err().to_string();
    assert_eq!(refused(&scaled(Kind::Uint16, 0.1, 0.0), Value::Int(7000)), "7000 is not within 0 and 6553.5");
    assert_eq!(refused(&Form::plain(Kind::Int16), Value::Int(40_000)), "40000 is not within -32768 and 32767");
    let limited = Form { min: Some(0.0), max: Some(100.0), ..Form::plain(Kind::Uint16) };
    assert_eq!(refused(&limited, Value::Int(101)), "101 is not within 0 and 100");
    assert_eq!(refused(&limited, Value::text("full")), "full (text) is no number");
    assert_eq!(refused(&limited, Value::Float(f64::NAN)), "NaN (float) is no number");
    assert_eq!(refused(&Form::plain(Kind::Uint16), Value::Float(f64::INFINITY)), "inf is not within 0 and 65535");
    assert_eq!(refused(&Form::plain(Kind::Bcd16), Value::Int(10_000)), "10000 is not within 0 and 9999");
    assert!(refused(&Form::plain(Kind::Float32), Value::Float(1e300)).contains("is not within"));
}

#[test]
fn a_value_between_two_steps_is_rounded() {
    let form = scaled(Kind::Uint16, 0.1, 0.0);
    assert_eq!(form.encode(&Value::Float(52.34), None), Ok(Written::Registers(vec![523])));
    assert_eq!(form.encode(&Value::text("52.35"), None), Ok(Written::Registers(vec![524])));
}

fn any_form() -> impl Strategy<Value = Form> {
    let kinds = [
        Kind::Bool,
        Kind::Int16,
        Kind::Uint16,
        Kind::Int32,
        Kind::Uint32,
        Kind::Int64,
        Kind::Uint64,
        Kind::Float32,
        Kind::Float64,
        Kind::Bcd16,
        Kind::Bcd32,
        Kind::Bcd64,
        Kind::String,
        Kind::Bytes,
    ];
    let order = || prop_oneof![Just(Order::HighFirst), Just(Order::LowFirst)];
    let scale = prop_oneof![Just(1.0), Just(0.1), Just(0.01), Just(10.0), Just(-1.0), any::<f64>()];
    (prop::sample::select(kinds.to_vec()), order(), order(), scale, prop::option::of((0_u8..70, 0_u8..70))).prop_map(
        |(kind, word_order, byte_order, factor, bits)| Form {
            word_order,
            byte_order,
            bits: bits.filter(|_| kind.is_integer()),
            scale: Scale { factor, offset: 0.0 },
            ..Form::plain(kind)
        },
    )
}

#[test]
fn many_bits_of_a_wide_number_lose_no_digit_and_keep_their_limit() {
    let form = Form { bits: Some((3, 59)), ..Form::plain(Kind::Uint64) };
    let words = [0x0669_u16, 0x6e2f, 0x001c, 0x0068];
    let value = form.decode(&words, None).value;
    assert_eq!(value, Value::Int(57_752_698_115_817_485));
    let Ok(Written::Field { bits, .. }) = form.encode(&value, None) else { panic!("{value:?} is not written") };
    assert_eq!(bits, words);
    let beyond = 1_u64 << 57;
    assert!(form.encode(&Value::uint(beyond - 1), None).is_ok());
    for value in [Value::uint(beyond), Value::Float(beyond as f64), Value::Int(-1), Value::Float(f64::INFINITY)] {
        assert!(matches!(form.encode(&value, None), Err(Unwritable::Range { .. })), "{value:?}");
    }
}

proptest! {
    #[test]
    fn nothing_makes_decode_and_encode_panic(
        form in any_form(), words in prop::collection::vec(any::<u16>(), 0..6), power in prop::option::of(any::<i16>()),
        number: f64,
    ) {
        let reading = form.decode(&words, power);
        let _ = form.encode(&reading.value, power);
        let _ = form.encode(&Value::Float(number), power);
    }

    #[test]
    fn registers_come_back_bit_for_bit(kind_of in any_form(), words in prop::collection::vec(any::<u16>(), 4)) {
        let form = Form { scale: Scale::default(), bits: None, ..kind_of };
        let words = &words[..usize::from(form.registers)];
        let reading = form.decode(words, None);
        // Bool forgets which number it was, text what stands behind its end.
        if reading.quality.is_good() && !matches!(form.kind, Kind::Bool | Kind::String) {
            prop_assert_eq!(form.encode(&reading.value, None), Ok(Written::Registers(words.to_vec())));
        }
    }

    #[test]
    fn a_scaled_number_comes_back(word: u16, places in 0_i16..4) {
        let form = scaled(Kind::Int16, 10_f64.powi(-i32::from(places)), 0.0);
        let reading = form.decode(&[word], None);
        prop_assert_eq!(form.encode(&reading.value, None), Ok(Written::Registers(vec![word])));
    }
}
