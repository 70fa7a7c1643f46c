//! A file of facts about one kind of device. An error names the file, the line, and what to try.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::register::{Register, Wrong};
use super::{Entry, Manner, WriteWith};
use crate::codec::pdu::Table;
use crate::value::Order;

/// The version of the format.
const VERSION: &str = "1.0";

/// The largest file that is read.
const MAX_BYTES: u64 = 8 * 1024 * 1024;

/// The most registers in a file.
const MAX_REGISTERS: usize = 20_000;

/// A kind of device.
#[derive(Debug, Clone)]
pub struct Profile {
    /// As configurations name it.
    pub name: String,
    /// For people.
    pub title: String,
    /// How it is to be asked.
    pub device: Device,
    /// Its registers.
    pub entries: Vec<Entry>,
    /// What holds for registers that are added by hand.
    pub manner: Manner,
}

/// How a kind of device is to be asked. What is not given is left to the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    /// The unit that it answers as when it is delivered.
    pub unit: Option<u8>,
    /// Its TCP port, if it is not 502.
    pub port: Option<u16>,
    /// Its speed on a serial line when it is delivered.
    pub baud: Option<u32>,
    /// The most registers that it answers at once.
    pub max_registers: Option<u16>,
    /// How many registers that nobody wants may be read along.
    pub max_gap: Option<u16>,
    /// Registers that must not be read along: first and last.
    pub unreadable: Vec<(Table, u16, u16)>,
}

/// The file. Registers are looked at one by one, so that each error has its line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<'a> {
    version: String,
    name: String,
    title: String,
    #[serde(rename = "source")]
    _source: String,
    #[serde(rename = "licence")]
    _licence: String,
    #[serde(default, rename = "note")]
    _note: Option<String>,
    #[serde(default)]
    unit: Option<u8>,
    #[serde(default)]
    port: Option<u16>,
    #[serde(default)]
    baud: Option<u32>,
    #[serde(default)]
    word_order: Order,
    #[serde(default)]
    byte_order: Order,
    #[serde(default)]
    nan: bool,
    #[serde(default)]
    write: WriteWith,
    #[serde(default)]
    read_back: bool,
    #[serde(default)]
    max_registers: Option<u16>,
    #[serde(default)]
    max_gap: Option<u16>,
    #[serde(default)]
    unreadable: Vec<Span>,
    #[serde(borrow)]
    registers: Vec<&'a RawValue>,
}

/// A row of registers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Span {
    table: Table,
    first: u16,
    last: u16,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {reason}")]
pub struct MapError {
    /// The file, as it was named.
    pub file: String,
    /// The line, counted from 1; 0 if the file could not be read at all.
    pub line: usize,
    /// What is wrong there.
    pub reason: String,
    /// What to try.
    pub hint: &'static str,
}

impl Profile {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or see [`Profile::parse`].
    pub fn read(path: &Path) -> Result<Self, MapError> {
        let file = path.display().to_string();
        let fail = |reason: String| MapError {
            file: file.clone(),
            line: 0,
            reason,
            hint: "is the path right, seen from where the daemon runs, and may it read the file?",
        };
        let length = std::fs::metadata(path).map_err(|error| fail(error.to_string()))?.len();
        if length > MAX_BYTES {
            return Err(fail(format!("{length} bytes are more than {MAX_BYTES}")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
        Self::parse(&text, &file)
    }

    /// The profile that a text holds. `file` names it in errors.
    ///
    /// # Errors
    /// The first thing that is wrong, with its line.
    pub fn parse(text: &str, file: &str) -> Result<Self, MapError> {
        let fail = |line: usize, reason: String, hint: &'static str| MapError { file: file.into(), line, reason, hint };
        let content: File = serde_json::from_str(text).map_err(|error| {
            let hint = "compare it with the profiles that come with the driver; JSON has no comments and no last comma";
            fail(error.line(), without_place(&error), hint)
        })?;
        let whole = |wrong: Wrong| fail(1, wrong.reason, wrong.hint);
        content.check().map_err(whole)?;
        let manner = content.manner();
        let mut entries = Vec::with_capacity(content.registers.len());
        let mut lines = HashMap::new();
        let mut counted = Lines::default();
        for raw in &content.registers {
            let line = counted.line_of(text, raw.get());
            let register: Register = serde_json::from_str(raw.get()).map_err(|error| {
                fail(line + error.line() - 1, without_place(&error), "is each key spelled as in the driver's README?")
            })?;
            let named = |wrong: Wrong| fail(line, format!("`{}`: {}", register.name, wrong.reason), wrong.hint);
            let entry = register.entry(manner).map_err(named)?;
            if let Some(before) = lines.insert(entry.name.clone(), line) {
                let reason = format!("`{}` is there already, in line {before}", entry.name);
                return Err(fail(line, reason, "each name stands once; the same register may have two names"));
            }
            entries.push(entry);
        }
        let File { name, title, unit, port, baud, max_registers, max_gap, unreadable, .. } = content;
        let unreadable = unreadable.into_iter().map(|span| (span.table, span.first, span.last)).collect();
        let device = Device { unit, port, baud, max_registers, max_gap, unreadable };
        Ok(Self { name, title, device, entries, manner })
    }
}

impl File<'_> {
    fn check(&self) -> Result<(), Wrong> {
        let wrong = |reason: String, hint| Err(Wrong { reason, hint });
        if self.version != VERSION {
            return wrong(format!("version {} is not known", self.version), "write \"version\": \"1.0\"");
        }
        if self.registers.len() > MAX_REGISTERS {
            return wrong(
                format!("{} registers are more than {MAX_REGISTERS}", self.registers.len()),
                "split the file",
            );
        }
        if self.max_registers.is_some_and(|most| !(1..=125).contains(&most)) {
            return wrong("`max_registers` is not 1 to 125".into(), "the protocol allows 125");
        }
        if self.unreadable.iter().any(|span| span.first > span.last) {
            return wrong("a span of `unreadable` ends before it begins".into(), "`first` is the smaller address");
        }
        Ok(())
    }

    fn manner(&self) -> Manner {
        Manner {
            word_order: self.word_order,
            byte_order: self.byte_order,
            nan: self.nan,
            write: self.write,
            read_back: self.read_back,
        }
    }
}

/// Counts lines from part to part: each byte of the text is looked at once, however many parts there are.
#[derive(Default)]
struct Lines {
    /// How far it has counted, and how many lines had ended by then.
    offset: usize,
    ended: usize,
    /// Bytes that were looked at.
    looked_at: usize,
}

impl Lines {
    /// The line of the text in which this part of it begins. Parts come in their order.
    fn line_of(&mut self, text: &str, part: &str) -> usize {
        let offset = (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize).max(self.offset);
        let between = text.get(self.offset..offset).unwrap_or_default();
        self.ended += between.matches('\n').count();
        self.looked_at += between.len();
        self.offset = offset;
        1 + self.ended
    }
}

/// The parser's message without its own line and column, which are said in front.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rfind(" at line ").map_or(text.clone(), |at| text[..at].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str = r#"{
  "version": "1.0", "name": "x", "title": "X", "source": "a manual", "licence": "facts",
  "word_order": "low_first", "unreadable": [{ "table": "holding", "first": 5, "last": 9 }],
  "registers": [
    { "name": "a", "table": "holding", "address": 1, "type": "int32" },
    { "name": "b", "table": "holding", "address": 3,
      "scale": 0.1 }
  ]
}"#;

    #[track_caller]
    fn check(from: &str, to: &str, line: usize, reason: &str) {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD);
        let error = Profile::parse(&text, "map.json").unwrap_err();
        assert_eq!((error.line, error.reason.as_str()), (line, reason));
        assert!(error.to_string().starts_with(&format!("map.json:{line}: ")));
        assert!(!error.hint.is_empty());
    }

    #[test]
    fn a_profile_gives_its_registers_their_manner() {
        let profile = Profile::parse(GOOD, "map.json").unwrap();
        assert_eq!(profile.entries.len(), 2);
        assert_eq!(profile.entries[0].form.word_order, Order::LowFirst);
        assert_eq!(profile.device.unreadable, [(Table::Holding, 5, 9)]);
    }

    #[test]
    fn an_error_names_its_line() {
        check("\"int32\" },", "\"int32\" }", 6, "expected `,` or `]`");
        check("\"b\"", "\"a\"", 6, "`a` is there already, in line 5");
        check("\"scale\": 0.1", "\"scale\": 0", 6, "`b`: scale 0 with offset 0");
        check("\"scale\": 0.1", "\"scael\": 0.1", 7, &unknown("scael"));
        check(
            "\"int32\"",
            "\"int33\"",
            5,
            "unknown variant `int33`, expected one of `bool`, `int16`, `uint16`, `int32`, `uint32`, `int64`, `uint64`, `float32`, `float64`, `bcd16`, `bcd32`, `bcd64`, `string`, `bytes`",
        );
        check("\"1.0\"", "\"2.0\"", 1, "version 2.0 is not known");
        check("\"first\": 5", "\"first\": 50", 1, "a span of `unreadable` ends before it begins");
    }

    fn unknown(key: &str) -> String {
        let keys = "`name`, `table`, `address`, `type`, `registers`, `word_order`, `byte_order`, `bit`, `bits`, `scale`, \
            `offset`, `not_available`, `nan`, `unit`, `comment`, `source`, `writable`, `write`, `min`, `max`, `read_back`, `poll_ms`";
        format!("unknown field `{key}`, expected one of {keys}")
    }

    #[test]
    fn the_lines_of_many_registers_are_counted_in_one_pass() {
        let registers: Vec<String> = (0..5000).map(|n| format!("[{n},\n\n0]")).collect();
        let text = format!("[\n{}]", registers.join(",\n"));
        let parts: Vec<&RawValue> = serde_json::from_str(&text).unwrap();
        let mut lines = Lines::default();
        for (n, part) in parts.iter().enumerate() {
            assert_eq!(lines.line_of(&text, part.get()), 2 + 3 * n);
        }
        assert!(lines.looked_at < text.len(), "{} of {}", lines.looked_at, text.len());
    }

    #[test]
    fn a_file_that_is_not_there_is_an_error_with_its_name() {
        let error = Profile::read(Path::new("/does/not/exist.json")).unwrap_err();
        assert!(error.to_string().starts_with("/does/not/exist.json:0: "), "{error}");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(at in 0..GOOD.len(), text in ".{0,6}") {
            let mut broken = GOOD.to_owned();
            broken.replace_range(at..=at, &text);
            let _ = Profile::parse(&broken, "map.json");
        }
    }
}
