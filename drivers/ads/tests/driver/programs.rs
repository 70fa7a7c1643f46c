//! Programs for the simulated PLC.

use fieldrail_driver_ads::sim::Program;
use fieldrail_model::Value;

/// All elementary types, with a value for each.
pub(crate) fn elementary() -> Vec<(&'static str, u32, Value)> {
    vec![
        ("BOOL", 1, true.into()),
        ("BYTE", 1, 200_i64.into()),
        ("USINT", 1, 255_i64.into()),
        ("SINT", 1, (-128_i64).into()),
        ("WORD", 2, 0xa5b8_i64.into()),
        ("UINT", 2, 65_535_i64.into()),
        ("INT", 2, (-32_768_i64).into()),
        ("DWORD", 4, 0xfcde_88b8_i64.into()),
        ("UDINT", 4, 4_294_967_295_i64.into()),
        ("DINT", 4, (-2_147_483_648_i64).into()),
        ("LWORD", 8, u64::MAX.into()),
        ("ULINT", 8, (u64::MAX - 1).into()),
        ("LINT", 8, i64::MIN.into()),
        ("REAL", 4, f64::from(21.3_f32).into()),
        ("LREAL", 8, 2.25.into()),
        ("TIME", 4, 1234_i64.into()),
        ("DATE", 4, 86_400_i64.into()),
        ("TOD", 4, 56_190_123_i64.into()),
        ("DT", 4, 1_700_000_000_i64.into()),
        ("LTIME", 8, (-1_i64).into()),
        ("LDATE", 8, 86_400_000_000_000_i64.into()),
        ("LTOD", 8, 1_i64.into()),
        ("LDT", 8, 1_700_000_000_000_000_000_i64.into()),
        ("STRING(20)", 21, "Küche 5 €".into()),
        ("WSTRING(20)", 42, "温度 😀".into()),
    ]
}

/// The name of the variable of a type.
pub(crate) fn name(kind: &str) -> String {
    format!("Types.v{}", kind.split('(').next().unwrap())
}

/// A program with one variable of each elementary type, structures, arrays, an enumeration, and `many` numbers. A gap before
/// all moves every variable.
pub(crate) fn program(many: u32, gap: u32) -> Program {
    let mut p = Program::default();
    p.gap(gap);
    for (kind, size, _) in elementary() {
        p.variable(&name(kind), kind, size, kind);
    }
    p.enumeration("E_Mode", &[("Off", 0), ("Heat", 1), ("Fault", -1)]);
    p.variable("MAIN.eMode", "E_Mode", 2, "");
    let cells = p.array(1, 3, "INT", 2);
    let fields = [("fVoltage", "REAL", 4), ("bOn", "BOOL", 1), ("aCells", &cells, 6), ("eMode", "E_Mode", 2)];
    let battery = p.structure("ST_Battery", &fields);
    p.variable("MAIN.stBattery", "ST_Battery", battery, "the battery");
    let batteries = p.array(0, 2, "ST_Battery", battery);
    p.variable("MAIN.aBatteries", &batteries, 2 * battery, "");
    p.variable("MAIN.fbMystery", "FB_Mystery", 12, "");
    p.variable("MAIN.nA", "INT", 2, "");
    p.variable("MAIN.nB", "INT", 2, "");
    p.input(805, ".bInput5", "an input");
    p.marker(10, ".nMarker", "DINT", 4, "");
    for n in 0..many {
        p.variable(&format!("Many.n{n}"), "INT", 2, "");
    }
    p
}
