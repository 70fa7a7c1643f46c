//! A register map of a stranger.
//!
//! Promises that are looked at: an error has a line of the file and a hint; every register lies within its table and takes no
//! more than one question can ask for; its values come back.

use fieldrail_driver_modbus::map::{Profile, builtin};

use super::modbus::check_form;
use crate::Target;

/// The table's line.
pub const TARGET: Target = Target { name: "modbus_map", run, most_bytes: 4096, seeds, words };

/// Registers of one map whose values are looked at.
const MOST_REGISTERS: usize = 30;

const HEAD: &str = r#"{"version":"1.0","name":"x","title":"X","source":"a manual","licence":"facts","nan":true,"word_order":"low_first",
"unreadable":[{"table":"holding","first":5,"last":9}],"max_registers":60,"registers":["#;

/// Facts of every sort.
const FACTS: [&str; 5] = [
    r#"{"name":"a","table":"holding","address":1,"type":"int32","bits":[4,7],"writable":true,"write":"mask"}"#,
    r#"{"name":"b.c","table":"input","address":65535,"scale":0.1,"offset":-4,"not_available":[-1,7],"unit":"W"}"#,
    r#"{"name":"d","table":"coil","address":5,"writable":true,"read_back":true,"poll_ms":500}"#,
    r#"{"name":"e","table":"holding","address":9,"type":"string","registers":8,"byte_order":"low_first"}"#,
    r#"{"name":"f","table":"holding","address":90,"type":"float32","min":-5,"max":1e3,"writable":true,"write":"exchange"}"#,
];

fn seeds() -> Vec<Vec<u8>> {
    let one = FACTS.iter().map(|fact| format!("{HEAD}{fact}]}}"));
    let all = format!("{HEAD}{}]}}", FACTS.join(",\n"));
    let shipped = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../drivers/modbus/profiles/eastron_sdm120.json"));
    one.chain([all, shipped.into()]).map(Into::into).collect()
}

fn words() -> Vec<String> {
    const KEYS: &str = "version name title source licence note unit port baud word_order byte_order nan write read_back \
                        max_registers max_gap unreadable registers table first last address type bit bits scale offset \
                        not_available comment writable min max poll_ms";
    const WORDS: &str = "low_first high_first coil discrete holding input single multiple exchange mask bool int16 uint16 int32 \
                         uint32 int64 uint64 float32 float64 bcd16 bcd32 bcd64 string bytes";
    let keys = KEYS.split_whitespace().map(|key| format!("\"{key}\":"));
    let words = WORDS.split_whitespace().map(|word| format!("\"{word}\""));
    keys.chain(words).chain(["65535", "1e-9", "-9223372036854775808", "true", "125"].map(Into::into)).collect()
}

fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let profile = match Profile::parse(text, "map.json") {
        Ok(profile) => profile,
        Err(wrong) => {
            // The parser counts the line that a last line feed begins.
            let lines = text.bytes().filter(|&byte| byte == b'\n').count() + 1;
            assert!((1..=lines).contains(&wrong.line), "{wrong} of {lines} lines");
            assert!(!wrong.reason.is_empty() && !wrong.hint.is_empty(), "{wrong}");
            return;
        }
    };
    assert!(builtin::find(&profile.name).is_none_or(|shipped| shipped.is_ok()));
    for entry in profile.entries.iter().take(MOST_REGISTERS) {
        assert!((1..=125).contains(&entry.count()) && entry.last() == entry.address + (entry.count() - 1), "{entry:?}");
        assert!(entry.form.registers == 1 || !entry.table.is_bits(), "{entry:?}");
        assert!(!entry.location().is_empty());
        for filling in [0, 0x1234, 0x8000, 0xffff] {
            check_form(&entry.form, &vec![filling; usize::from(entry.form.registers)], None);
        }
    }
}
