use super::*;
use crate::codec::types::{self, DataType};
use crate::error::Error;

fn symbol(name: &str, type_name: &str, group: u32, offset: u32, size: u32) -> Symbol {
    Symbol { name: name.into(), type_name: type_name.into(), group, offset, size, type_id: 65, ..Symbol::default() }
}

fn program() -> Program {
    let item = |name: &str, kind: &str, offset, size| DataType {
        name: name.into(),
        type_name: kind.into(),
        offset,
        size,
        comment: format!("{name} of a battery"),
        ..DataType::default()
    };
    let battery = DataType {
        name: "FB_Battery".into(),
        size: 12,
        items: vec![
            item("fVoltage", "REAL", 0, 4),
            item("aCells", "ARRAY [1..3] OF INT", 4, 6),
            DataType { flags: types::BITS, ..item("bReady", "BIT", 85, 1) },
        ],
        ..DataType::default()
    };
    let symbols = vec![
        symbol("MAIN.VBAUSGANG6", "BOOL", 0x4020, 6, 1),
        symbol("MAIN.fbBattery", "FB_Battery", 0x4020, 100, 12),
        symbol("MAIN.fbBatteries", "ARRAY [0..1] OF FB_Battery", 0x4020, 200, 24),
        symbol(".BAUSGANG6", "BOOL", 0xF031, 77, 1),
        symbol("Light.RM_Light_01", "BOOL", 0x4020, 7, 1),
        symbol("Light.RM_Light_02", "BOOL", 0x4020, 8, 1),
        symbol("MAIN.mystery", "FB_Mystery", 0x4020, 300, 3),
    ];
    Program { symbols, types: vec![battery] }
}

fn catalog() -> Catalog {
    let file = Program {
        symbols: vec![
            Symbol { comment: "switch 6".into(), ..symbol("MAIN.VbAusgang6", "BOOL", 0x4020, 1, 1) },
            symbol("MAIN.bOld", "BOOL", 0x4020, 2, 1),
        ],
        types: Vec::new(),
    };
    Catalog::new(Some(program()), Some(&file), CodePage::Windows1252)
}

#[track_caller]
fn check(tag: &str, want: &str) {
    let said = match catalog().resolve(tag) {
        Ok(p) => format!("{} {:#x}:{}.{} {} {}", p.name, p.group, p.offset, p.bit, p.size, p.type_name),
        Err(error) => error.to_string(),
    };
    assert_eq!(said, want, "{tag}");
}

#[test]
fn names_are_found_in_any_case_and_parts_are_cut_from_their_symbol() {
    check("main.vbausgang6", "MAIN.VbAusgang6 0x4020:6.0 1 BOOL");
    check("MAIN.FBBATTERY", "MAIN.fbBattery 0x4020:100.0 12 FB_Battery");
    check("main.fbBattery.fvoltage", "MAIN.fbBattery.fVoltage 0x4020:100.0 4 REAL");
    check("MAIN.fbBattery.aCells[3]", "MAIN.fbBattery.aCells[3] 0x4020:108.0 2 INT");
    check("MAIN.fbBatteries[1].bReady", "MAIN.fbBatteries[1].bReady 0x4020:222.5 1 BIT");
    check(".bausgang6", ".BAUSGANG6 0xf031:77.0 1 BOOL");
}

#[test]
fn a_wrong_name_comes_with_near_ones() {
    check("MAIN.fbBattery.fVolt", "the PLC has no variable `MAIN.fbBattery.fVolt`; like it: MAIN.fbBattery.fVoltage");
    check("MAIN.VbAusgan6", "the PLC has no variable `MAIN.VbAusgan6`; like it: MAIN.VbAusgang6");
    check("GVL.RM_Light_02", "the PLC has no variable `GVL.RM_Light_02`; like it: Light.RM_Light_02");
    check(
        "MAIN.fbBatteries[2]",
        "the PLC has no variable `MAIN.fbBatteries[2]`; like it: MAIN.fbBatteries[0], MAIN.fbBatteries[1], MAIN.fbBatteries",
    );
    check("quite.different", "the PLC has no variable `quite.different`");
    assert!(matches!(catalog().resolve("MAIN.bOld"), Err(Error::UnknownType { .. })));
    assert!(catalog().resolve(&"x[".repeat(5000)).is_err());
}

#[test]
fn without_a_table_of_the_device_the_file_is_used() {
    let catalog = Catalog::new(None, Some(&program()), CodePage::Windows1252);
    assert_eq!(catalog.resolve("main.fbbattery.acells[1]").unwrap().offset, 104);
}

fn names(path: &str) -> Vec<String> {
    let (nodes, _) = catalog().children(path, None, None, 99).unwrap_or_default();
    nodes.into_iter().map(|node| format!("{}{}", node.name, if node.children { "+" } else { "" })).collect()
}

#[test]
fn the_tree_shows_folders_symbols_parts_and_elements() {
    assert_eq!(names(""), [".+", "Light+", "MAIN+"]);
    assert_eq!(names("."), ["BAUSGANG6"]);
    assert_eq!(names("main"), ["bOld", "fbBatteries+", "fbBattery+", "mystery", "VbAusgang6"]);
    assert_eq!(names("MAIN.fbBatteries"), ["[0]+", "[1]+"]);
    assert_eq!(names("MAIN.fbBatteries[1]"), ["fVoltage", "aCells+", "bReady"]);
    assert!(catalog().children("MAIN.nowhere", None, None, 9).is_none());
    let (nodes, _) = catalog().children("MAIN", Some("AUSGANG"), None, 9).unwrap();
    assert_eq!((nodes[0].tag.as_deref(), nodes[0].comment.as_deref()), (Some("MAIN.VbAusgang6"), Some("switch 6")));
    assert_eq!(nodes[0].location.as_deref(), Some("0x4020:0x6"));
    assert_eq!(nodes[0].source.as_deref(), Some("device and .tpy file"));
}

#[test]
fn pages_go_on_where_they_ended() {
    let catalog = catalog();
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let (nodes, next) = catalog.children("MAIN", None, after.as_deref(), 2).unwrap();
        seen.extend(nodes.into_iter().map(|node| node.name));
        match next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, ["bOld", "fbBatteries", "fbBattery", "mystery", "VbAusgang6"]);
}

#[test]
fn a_search_finds_symbols_parts_and_comments_in_any_case() {
    let found = |text: &str| {
        let (nodes, _) = catalog().search(text, None, 99);
        nodes.into_iter().map(|node| node.path).collect::<Vec<_>>()
    };
    assert_eq!(found("AUSGANG6"), [".BAUSGANG6", "MAIN.VbAusgang6"]);
    assert_eq!(found("switch"), ["MAIN.VbAusgang6"]);
    assert_eq!(found("[1].acells[2"), ["MAIN.fbBatteries[1].aCells[2]"]);
    let (first, next) = catalog().search("light", None, 1);
    assert_eq!((first[0].path.as_str(), next.as_deref()), ("Light.RM_Light_01", Some("Light.RM_Light_01")));
    let (second, next) = catalog().search("light", next.as_deref(), 1);
    assert_eq!((second[0].path.as_str(), next), ("Light.RM_Light_02", None));
}

#[test]
fn a_pattern_finds_values_and_no_structures() {
    let names = catalog().matching(|name| name.starts_with("MAIN.fbBattery."), 99);
    assert_eq!(
        names,
        [
            "MAIN.fbBattery.fVoltage",
            "MAIN.fbBattery.aCells[1]",
            "MAIN.fbBattery.aCells[2]",
            "MAIN.fbBattery.aCells[3]",
            "MAIN.fbBattery.bReady"
        ]
    );
}

#[test]
fn fourteen_thousand_symbols_are_searched_in_less_than_50_ms() {
    let symbols = (0..14_264).map(|n| symbol(&format!("MAIN.fbRoom{n}.bLight_{n}"), "BOOL", 0x4020, n, 1)).collect();
    let catalog = Catalog::new(Some(Program { symbols, types: Vec::new() }), None, CodePage::Windows1252);
    let start = std::time::Instant::now();
    let (nodes, _) = catalog.search("light_14263", None, 50);
    assert_eq!(nodes.len(), 1);
    // Unoptimised and beside other work it takes many times as long as in a release.
    assert!(start.elapsed() < std::time::Duration::from_secs(1), "{:?}", start.elapsed());
}

/// The tables of a real PLC: half of its symbols, half of its types, and two types more.
fn real() -> Catalog {
    let cases: Vec<serde_json::Value> = serde_json::from_str(include_str!("../../golden/tables.json")).unwrap();
    let bytes = |case: &serde_json::Value| {
        let hex = case["bytes"].as_str().unwrap();
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect::<Vec<u8>>()
    };
    let page = CodePage::Windows1252;
    let tables = |key: &'static str| cases.iter().filter(move |case| case.get(key).is_some());
    let symbols = tables("symbols").flat_map(|case| crate::codec::symbols::decode(&bytes(case), page).unwrap());
    let types = tables("types").flat_map(|case| types::decode(&bytes(case), page).unwrap());
    Catalog::new(Some(Program { symbols: symbols.collect(), types: types.collect() }), None, page)
}

#[test]
fn every_symbol_of_a_real_plc_can_be_read_unless_its_type_is_missing() {
    let catalog = real();
    assert_eq!(catalog.len(), 187);
    let place = |entry: &Entry| catalog.resolve(&entry.symbol.name).unwrap();
    let unknown = catalog.entries.iter().map(place).filter(|place| matches!(place.layout, Layout::Unknown(_)));
    let mut unknown: Vec<String> = unknown.map(|place| place.type_name).collect();
    unknown.sort();
    unknown.dedup();
    // None of these is among the types that were kept.
    const MISSING: [&str; 7] = [
        "GUID",
        "PLC.PlcAppSystemInfo",
        "RivianTest",
        "ST_TcGeneralAdsEventClass",
        "Tc2_EtherCAT.Tc2_Utilities.T_ULARGE_INTEGER",
        "Tc2_Standard.TON",
        "VERSION",
    ];
    assert_eq!(unknown, MISSING);
    assert!(MISSING.iter().all(|name| !catalog.knows_type(name)));
    let mut parts = Vec::new();
    for entry in &catalog.entries {
        unreadable(&place(entry), &catalog, &mut parts);
    }
    assert_eq!(parts, [] as [String; 0]);
}

/// Types of parts that cannot be read although the table has them.
fn unreadable(place: &Place, catalog: &Catalog, found: &mut Vec<String>) {
    let parts: Vec<Place> = match &place.layout {
        Layout::Structure(structure) => {
            structure.fields.iter().map(|field| enter(place, |part| part.field(&field.name))).collect()
        }
        Layout::Array(array) => (0..array.count().min(3)).map(|n| enter(place, |part| part.element(n))).collect(),
        Layout::Unknown(why) if catalog.knows_type(&place.type_name) => {
            found.push(format!("{}: {} {why}", place.name, place.type_name));
            return;
        }
        _ => return,
    };
    for part in &parts {
        unreadable(part, catalog, found);
    }
}

fn enter(place: &Place, go: impl FnOnce(&mut Place) -> Option<()>) -> Place {
    let mut part = place.clone();
    go(&mut part).unwrap();
    part
}

#[test]
fn near_names_are_looked_for_only_so_often_in_a_row() {
    let catalog = catalog();
    let has_names = |n: u32| {
        let Err(Error::UnknownSymbol { names, .. }) = catalog.resolve(&format!("MAIN.VbAusgang{n}")) else { panic!() };
        !names.is_empty()
    };
    assert_eq!((10..100).filter(|&n| has_names(n)).count(), 20);
    catalog.refill_near();
    assert!(has_names(7));
}
