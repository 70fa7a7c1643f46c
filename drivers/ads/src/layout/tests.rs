use super::*;
use crate::codec::text::CodePage;

#[track_caller]
fn check(type_name: &str, type_id: u32, size: u32, want: &str) {
    let layout = TypeTable::default().layout(Declared { type_name, type_id, size, dimensions: &[] });
    let said = format!("{layout:?}");
    assert!(said.starts_with(want), "{type_name}: {said}");
}

#[test]
fn names_of_both_generations_are_understood() {
    for (name, size, want) in [
        ("BOOL", 1, "Elementary(Bool)"),
        ("INT16", 2, "Elementary(Int)"),
        ("UINT16", 2, "Elementary(Uint)"),
        ("int (0..100)", 2, "Elementary(Int)"),
        ("DATE_AND_TIME", 4, "Elementary(Dt)"),
        ("LTIME", 8, "Elementary(Ltime)"),
        ("STRING", 81, "Text(81)"),
        ("STRING(20)", 21, "Text(21)"),
        ("WSTRING(80)", 162, "WideText(162)"),
        ("POINTER TO REAL", 8, "Pointer(8)"),
        ("ARRAY [1..8] OF REAL", 32, "Array"),
        ("array[0..1,1..3] of INT", 12, "Array"),
        ("INT", 4, "Unknown"),
        ("ARRAY [1..3] OF INT", 7, "Unknown"),
    ] {
        check(name, 65, size, want);
    }
}

#[test]
fn an_unknown_type_is_no_byte() {
    check("FB_Mystery", 65, 1, "Unknown");
    check("E_Mode", 2, 2, "Elementary(Int)");
    check("E_Mode", 2, 4, "Unknown");
}

#[test]
fn elements_are_numbered_with_the_last_index_fastest() {
    let (dimensions, name) = array_of("ARRAY [0..1,-1..1] OF X").unwrap();
    let array = Array { dimensions, type_name: name.into(), stride: 1, element: Layout::Bit };
    assert_eq!(array.count(), 6);
    for number in 0..6 {
        let text = array.indices(number);
        let indices: Vec<i64> = text[1..text.len() - 1].split(',').map(|n| n.parse().unwrap()).collect();
        assert_eq!(array.number(&indices), Some(number), "{text}");
    }
    assert_eq!(array.indices(4), "[1,0]");
    assert_eq!((array.number(&[2, 0]), array.number(&[0]), array.number(&[0, -2])), (None, None, None));
}

#[test]
fn a_type_that_holds_itself_ends() {
    let item = DataType { name: "x".into(), type_name: "T".into(), size: 4, type_id: 65, ..DataType::default() };
    let t = DataType { name: "T".into(), size: 4, type_id: 65, items: vec![item], ..DataType::default() };
    let bytes = types::encode(&[t], CodePage::Utf8);
    let table = TypeTable::new(types::decode(&bytes, CodePage::Utf8).unwrap());
    let declared = Declared { type_name: "T", type_id: 65, size: 4, dimensions: &[] };
    assert!(matches!(table.layout(declared), Layout::Structure(_)));
}

#[test]
fn types_that_use_each_other_many_times_over_are_worked_out_once() {
    // Each item gives bounds beside a type of its own size: 20 to the power of 16 ways through the table.
    let dimensions = vec![Dimension { lower: 0, count: 1 }];
    let item =
        DataType { name: "x".into(), type_name: "T".into(), size: 4, type_id: 65, dimensions, ..DataType::default() };
    let t = DataType { name: "T".into(), size: 4, type_id: 65, items: vec![item; 20], ..DataType::default() };
    let declared = Declared { type_name: "T", type_id: 65, size: 4, dimensions: &[] };
    assert!(matches!(TypeTable::new([t]).layout(declared), Layout::Structure(_)));
}

#[test]
fn an_array_with_bounds_without_end_is_unknown() {
    let dimensions = &vec![Dimension { lower: 0, count: 1 }; 60_000];
    let layout = TypeTable::default().layout(Declared { type_name: "INT", type_id: 2, size: 2, dimensions });
    assert!(matches!(layout, Layout::Unknown(why) if why.contains("too many bounds")));
    check(&format!("ARRAY [{}0..0] OF INT", "0..0,".repeat(5)), 65, 2, "Array");
    check(&format!("ARRAY [{}0..0] OF INT", "0..0,".repeat(6)), 65, 2, "Unknown");
}
