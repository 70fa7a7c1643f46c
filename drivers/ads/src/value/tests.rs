use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::codec::symbols::Dimension;
use crate::codec::text::CodePage::{Utf8, Windows1252};
use crate::codec::types::{self, DataType};
use crate::layout::{Declared, TypeTable};

fn layout(name: &str, size: u32) -> Layout {
    table().layout(Declared { type_name: name, type_id: 65, size, dimensions: &[] })
}

/// Types as a program has them: an enumeration, a structure with a gap and an array, a pointer, a bit.
fn table() -> TypeTable {
    let item = |name: &str, kind: &str, offset, size| DataType {
        name: name.into(),
        type_name: kind.into(),
        offset,
        size,
        flags: types::ITEM,
        type_id: 65,
        ..DataType::default()
    };
    let mode = DataType {
        name: "E_Mode".into(),
        type_name: "INT".into(),
        size: 2,
        flags: types::ENUM_VALUES,
        values: vec![("Off".into(), vec![0, 0]), ("Heat".into(), vec![1, 0]), ("Fault".into(), vec![0xff, 0xff])],
        ..DataType::default()
    };
    let bit = DataType { flags: types::ITEM | types::BITS, ..item("bReady", "BIT", 8 * 9 + 3, 1) };
    let block = DataType {
        name: "ST_Block".into(),
        size: 32,
        type_id: 65,
        items: vec![
            item("bOn", "BOOL", 0, 1),
            item("nPower", "INT", 2, 2),
            item("fTemp", "REAL", 4, 4),
            item("eMode", "E_Mode", 10, 2),
            bit,
            item("aLevel", "ARRAY [1..2] OF UINT", 12, 4),
            item("pNext", "POINTER TO ST_Block", 16, 8),
            item("sName", "STRING(7)", 24, 8),
        ],
        ..DataType::default()
    };
    TypeTable::new([mode, block])
}

#[track_caller]
fn check(name: &str, bytes: &[u8], value: impl Into<Value>) {
    let (layout, value) = (layout(name, u32::try_from(bytes.len()).unwrap()), value.into());
    assert_eq!(decode(&layout, 0, bytes, Windows1252), Ok(value.clone()), "{name}");
    let run = Run { offset: 0, bytes: bytes.to_vec() };
    assert_eq!(encode(&layout, &value, Windows1252), Ok(vec![run]), "{name}");
}

#[test]
fn every_elementary_type_holds_its_ends() {
    check("BOOL", &[1], true);
    check("SINT", &[0x80], -128_i64);
    check("USINT", &[0xff], 255_i64);
    check("BYTE", &[0x2a], 42_i64);
    check("INT", &[0, 0x80], -32768_i64);
    check("UINT", &[0xff, 0xff], 65535_i64);
    check("WORD", &[0xb8, 0xa5], 42424_i64);
    check("DINT", &[0, 0, 0, 0x80], i64::from(i32::MIN));
    check("UDINT", &[0xff; 4], i64::from(u32::MAX));
    check("DWORD", &[0xb8, 0x88, 0xde, 0xfc], 4_242_442_424_i64);
    check("LINT", &[0, 0, 0, 0, 0, 0, 0, 0x80], i64::MIN);
    check("ULINT", &[0xff; 8], u64::MAX);
    check("LWORD", &[0xff; 8], u64::MAX);
    check("REAL", &3.5_f32.to_le_bytes(), 3.5);
    check("LREAL", &2.25_f64.to_le_bytes(), 2.25);
    check("TIME", &1234_u32.to_le_bytes(), 1234_i64);
    check("LTIME", &(-5_i64).to_le_bytes(), -5_i64);
    check("DATE", &86400_u32.to_le_bytes(), 86400_i64);
    check("LDATE", &1_u64.to_le_bytes(), 1_i64);
    check("TOD", &56_190_123_u32.to_le_bytes(), 56_190_123_i64);
    check("LTOD", &7_u64.to_le_bytes(), 7_i64);
    check("DT", &u32::MAX.to_le_bytes(), i64::from(u32::MAX));
    check("LDT", &u64::MAX.to_le_bytes(), u64::MAX);
    check("STRING(4)", b"K\xfcr\0\0", "Kür");
    check("WSTRING(3)", &[0x3d, 0xd8, 0, 0xde, 0x41, 0, 0, 0], "😀A");
    check("E_Mode", &[0xff, 0xff], -1_i64);
}

#[test]
fn values_of_a_real_plc_are_read_as_it_declares_them() {
    let cases: Vec<serde_json::Map<String, Json>> =
        serde_json::from_str(include_str!("../../golden/values.json")).unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let hex = case["bytes"].as_str().unwrap();
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        let kind = case["type"].as_str().unwrap();
        let layout = layout(kind, u32::try_from(bytes.len()).unwrap());
        let want: Value = serde_json::from_value(case["value"].clone()).unwrap();
        assert_eq!(decode(&layout, 0, &bytes, Windows1252), Ok(want), "{}", case["shows"]);
    }
}

fn block() -> Vec<u8> {
    let mut bytes = vec![1, 0xee, 0x9c, 0xff];
    bytes.extend(21.5_f32.to_le_bytes());
    bytes.extend([0xaa, 0b1000, 1, 0, 3, 0, 4, 0]);
    bytes.extend(0x1234_u64.to_le_bytes());
    bytes.extend(b"hall\0xyz");
    bytes
}

#[test]
fn a_structure_is_a_document_and_writing_it_touches_only_the_parts_that_are_named() {
    let layout = layout("ST_Block", 32);
    let want = json!({ "bOn": true, "nPower": -100, "fTemp": 21.5, "eMode": 1, "bReady": true, "aLevel": [3, 4],
        "pNext": 0x1234, "sName": "hall" });
    assert_eq!(decode(&layout, 0, &block(), Windows1252), Ok(Value::Json(want.to_string().into())));
    let part = Value::json(r#"{ "NPOWER": 5, "eMode": "heat", "fTemp": 1 }"#).unwrap();
    let runs = encode(&layout, &part, Windows1252).unwrap();
    let offsets: Vec<(u32, usize)> = runs.iter().map(|run| (run.offset, run.bytes.len())).collect();
    assert_eq!(offsets, [(2, 6), (10, 2)]);
}

#[test]
fn what_does_not_fit_is_refused_with_its_place() {
    let block = layout("ST_Block", 32);
    for (layout, value, want) in [
        (layout("INT", 2), Value::Int(40_000), "40000 is outside of Int"),
        (layout("INT", 2), Value::text("warm"), "`warm` (text) is no Int"),
        (layout("STRING(3)", 4), Value::text("four"), "the text has 4 characters, it holds 3"),
        (
            layout("STRING(3)", 4),
            Value::text("日"),
            "a character has no place in Windows-1252; only a WSTRING holds it",
        ),
        (layout("WSTRING(1)", 4), Value::text("ab"), "the text has 2 characters, it holds 1"),
        (layout("E_Mode", 2), Value::text("Cool"), "there is no value `Cool`; there are Off, Heat, Fault"),
        (layout("REAL", 4), Value::Float(1e39), "1000000000000000000000000000000000000000 is outside of Real"),
        (block.clone(), Value::json(r#"{"x": 1}"#).unwrap(), "there is no part `x`"),
        (block.clone(), Value::json(r#"{"aLevel": [1]}"#).unwrap(), "`aLevel` has 2 elements, the list has 1"),
        (block.clone(), Value::json(r#"{"aLevel": [1, -1]}"#).unwrap(), "`aLevel[2]`: -1 is outside of Uint"),
        (
            block.clone(),
            Value::json(r#"{"bReady": true}"#).unwrap(),
            "`bReady` is a bit, which is written by its own name only",
        ),
        (block.clone(), Value::json(r#"{"pNext": 1}"#).unwrap(), "`pNext`: it is an address inside the PLC"),
        (block, Value::json("[1]").unwrap(), "it is a structure and wants an object"),
        (layout("FB_X", 3), Value::Int(1), "the program's type table does not have it"),
    ] {
        assert_eq!(encode(&layout, &value, Windows1252).unwrap_err().to_string(), want);
    }
}

#[test]
fn arrays_of_several_dimensions_are_lists_of_lists() {
    let layout = layout("ARRAY [0..1,1..3] OF SINT", 6);
    let bytes = [1, 2, 3, 4, 5, 0xff];
    let value = decode(&layout, 0, &bytes, Utf8).unwrap();
    assert_eq!(value.to_string(), "[[1,2,3],[4,5,-1]]");
    assert_eq!(encode(&layout, &value, Utf8), Ok(vec![Run { offset: 0, bytes: bytes.to_vec() }]));
}

#[test]
fn a_document_has_a_bound() {
    let dimensions = &[Dimension { lower: 0, count: 30_000 }];
    let declared = Declared { type_name: "BYTE", type_id: 17, size: 30_000, dimensions };
    let array = table().layout(declared);
    assert_eq!(decode(&array, 0, &vec![0; 30_000], Utf8).unwrap_err().to_string(), "it has more than 20000 parts");
}

/// Types from `T0` to the last one, each with 20 parts that are the next, all over each other.
fn nested(last: DataType, size: u32) -> Layout {
    let part = |n: usize| DataType { name: "x".into(), type_name: format!("T{n}"), size, ..DataType::default() };
    let parts =
        |n: usize| DataType { name: format!("T{n}"), items: vec![part(n + 1); 20], size, ..DataType::default() };
    let types = (0..8).map(parts).chain([DataType { name: "T8".into(), size, ..last }]);
    TypeTable::new(types).layout(Declared { type_name: "T0", type_id: 65, size, dimensions: &[] })
}

#[test]
fn a_document_of_structures_without_parts_has_a_bound() {
    let property = DataType { name: "p".into(), flags: types::PROPERTY, ..DataType::default() };
    let layout = nested(DataType { items: vec![property], ..DataType::default() }, 4);
    assert_eq!(decode(&layout, 0, &[0; 4], Utf8).unwrap_err().to_string(), "it has more than 20000 parts");
}

#[test]
fn a_document_of_long_texts_over_each_other_has_a_bound() {
    let part = DataType { name: "x".into(), type_name: "STRING(99999)".into(), size: 100_000, ..DataType::default() };
    let t = DataType { name: "T".into(), size: 100_000, items: vec![part; 5000], ..DataType::default() };
    let layout = TypeTable::new([t]).layout(Declared { type_name: "T", type_id: 65, size: 100_000, dimensions: &[] });
    assert_eq!(decode(&layout, 0, &vec![65; 100_000], Utf8).unwrap_err().to_string(), "it has more than 20000 parts");
}

proptest! {
    #[test]
    fn whatever_bits_an_elementary_variable_has_it_comes_back(bytes in any::<[u8; 8]>(), kind in 0_usize..21) {
        const KINDS: [(&str, usize); 21] = [
            ("SINT", 1), ("USINT", 1), ("BYTE", 1), ("INT", 2), ("UINT", 2), ("WORD", 2), ("DINT", 4), ("UDINT", 4),
            ("DWORD", 4), ("LINT", 8), ("ULINT", 8), ("LWORD", 8), ("REAL", 4), ("LREAL", 8), ("TIME", 4), ("DATE", 4),
            ("TOD", 4), ("DT", 4), ("LTIME", 8), ("LDT", 8), ("LTOD", 8),
        ];
        let (name, size) = KINDS[kind];
        let (layout, bytes) = (layout(name, u32::try_from(size).unwrap()), &bytes[..size]);
        let value = decode(&layout, 0, bytes, Utf8).unwrap();
        // A signalling NaN of 32 bits becomes a quiet one on its way through 64 bits.
        let is_nan = matches!(value, Value::Float(x) if x.is_nan());
        if !is_nan {
            prop_assert_eq!(&encode(&layout, &value, Utf8).unwrap()[0].bytes[..], bytes);
        }
    }

    #[test]
    fn texts_come_back(text in "[ -~äöüß€]{0,20}", wide_text in "\\PC{0,10}") {
        let layout_of = |name: &str, size| layout(name, size);
        for (layout, text, page) in [
            (layout_of("STRING(20)", 21), &text, Windows1252),
            (layout_of("STRING(255)", 256), &wide_text, Utf8),
            (layout_of("WSTRING(40)", 82), &wide_text, Windows1252),
        ] {
            let runs = encode(&layout, &Value::text(text.as_str()), page).unwrap();
            prop_assert_eq!(decode(&layout, 0, &runs[0].bytes, page), Ok(Value::text(text.as_str())));
        }
    }

    #[test]
    fn no_bytes_and_no_document_make_it_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..40), text in ".{0,40}", n in any::<i64>(),
    ) {
        for layout in [layout("ST_Block", 32), layout("STRING(7)", 8), layout("E_Mode", 2), layout("FB_X", 1)] {
            let _ = decode(&layout, 9, &bytes, Utf8);
            for value in [Value::text(text.as_str()), Value::Int(n), Value::Float(n as f64), Value::Null] {
                let _ = encode(&layout, &value, Windows1252);
            }
        }
    }
}
