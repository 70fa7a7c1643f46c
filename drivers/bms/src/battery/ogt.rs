//! Offgridtec Smart Pro over Bluetooth: text whose every byte is mixed with a key of one byte, `+RD,REGISTER VALUE\r\n`.
//!
//! The key follows from the battery's Bluetooth name, for questions; an answer betrays it, since its first letters are known.
//! There is no checksum.

use super::reading::{Reading, scaled};
use super::stream::Look;
use super::talk::{Protocol, Talk, told};
use super::{Ble, Family, Found, Need, Proof, Question, Setup, Transport, Variant};
use crate::fault::Fault;

/// The registry's line.
pub const FAMILY: Family = Family {
    device: "ogt",
    title: "Offgridtec Smart Pro",
    variants: &[Variant {
        name: "ogt_ble",
        aliases: &[],
        transports: &[(Transport::Ble, Proof::Vector)],
        bauds: &[],
        ble: Some(&BLE),
        is_passive: false,
        make: |setup| Ok(Talk::boxed(Ogt::new(setup), setup)),
    }],
};

/// What it shows over Bluetooth.
const BLE: Ble = Ble {
    service: "0000fff0-0000-1000-8000-00805f9b34fb",
    notify: "0000fff4-0000-1000-8000-00805f9b34fb",
    write: "0000fff6-0000-1000-8000-00805f9b34fb",
    names: &["SmartBat-A*", "SmartBat-B*"],
    companies: &[],
};

/// How an answer begins and ends.
const START: &[u8; 4] = b"+RD,";
const END: &[u8; 2] = b"\r\n";

/// The most letters of an answer.
const MOST: usize = 20;

/// What each digit of the name adds to the key.
const MIXED: [u8; 16] = [2, 5, 4, 3, 1, 4, 1, 6, 8, 3, 7, 2, 5, 8, 9, 3];

/// Register, letters of the question's length, name, unit, decimal places.
type Row = (u8, u8, &'static str, &'static str, u8);

/// Registers of type A.
const TYPE_A: [Row; 8] = [
    (0x02, 1, "soc", "%", 0),
    (0x04, 3, "remaining", "Ah", 3),
    (0x08, 2, "voltage", "V", 3),
    (0x0C, 2, "temperatures.1", "°C", 1),
    (0x10, 3, "current", "A", 2),
    (0x18, 2, "time_to_go", "min", 0),
    (0x2C, 2, "cycles", "", 0),
    (0x3C, 3, "capacity", "Ah", 3),
];

/// Registers of type B; its cells stand below.
const TYPE_B: [Row; 7] = [
    (0x08, 2, "temperatures.1", "°C", 1),
    (0x09, 2, "voltage", "V", 3),
    (0x0A, 3, "current", "A", 3),
    (0x0D, 1, "soc", "%", 0),
    (0x0F, 3, "remaining", "Ah", 3),
    (0x12, 2, "time_to_go", "min", 0),
    (0x17, 2, "cycles", "", 0),
];

/// The register of the first cell of type B; the others go down.
const FIRST_CELL: u8 = 63;
const CELLS: u8 = 16;

/// No end in sight.
const ENDLESS: i64 = 0xFFFF;

/// One battery.
struct Ogt {
    /// The type and the key, if the name is known.
    name: Option<(char, u8)>,
}

impl Ogt {
    /// The name, as `SmartBat-A12345`, stands where others have a password.
    fn new(setup: &Setup) -> Self {
        Self { name: setup.password.as_deref().and_then(key) }
    }

    fn question(kind: char, key: u8, register: u8, length: u8) -> Vec<u8> {
        let head = if kind == 'A' { "+RAA" } else { "+R16" };
        format!("{head}{register:02X}{length:02X}").bytes().map(|letter| letter ^ key).collect()
    }
}

/// The type and the key of a name.
fn key(name: &str) -> Option<(char, u8)> {
    let rest = name.strip_prefix("SmartBat-")?;
    let kind = rest.chars().next().filter(|kind| matches!(kind, 'A' | 'B'))?;
    let number: u32 = rest[1..].parse().ok()?;
    let digits = format!("{number:04X}");
    let mixed: u8 =
        digits.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| MIXED[digit as usize & 0xF]).sum();
    Some((kind, mixed + if kind == 'A' { 5 } else { 8 }))
}

/// The letters that bytes are.
fn plain(bytes: &[u8]) -> Vec<u8> {
    let key = bytes.first().map_or(0, |first| first ^ START[0]);
    bytes.iter().map(|byte| byte ^ key).collect()
}

impl Protocol for Ogt {
    fn poll(&self, need: Need) -> Vec<Question> {
        let Some((kind, key)) = self.name else { return Vec::new() };
        let rows: &[Row] = if kind == 'A' { &TYPE_A } else { &TYPE_B };
        let ask = |register, length| Question::new("register", Self::question(kind, key, register, length));
        let mut questions: Vec<Question> = rows.iter().map(|(register, length, ..)| ask(*register, *length)).collect();
        if need.cells && kind == 'B' {
            questions.extend((0..CELLS).map(|cell| ask(FIRST_CELL - cell, 2)));
        }
        questions
    }

    fn look(&self, bytes: &[u8]) -> Look {
        let text = plain(&bytes[..bytes.len().min(MOST)]);
        if !START.starts_with(&text[..text.len().min(START.len())]) {
            return Look::Not;
        }
        match text.windows(END.len()).position(|letters| letters == END) {
            Some(end) if text[START.len()..end].iter().all(u8::is_ascii_alphanumeric) => Look::Good(end + END.len()),
            None if text.len() < MOST => Look::More(None),
            Some(_) | None => Look::Not,
        }
    }

    fn answers(&self, frame: &[u8], question: &[u8]) -> bool {
        let (answer, asked) = (plain(frame), plain(question));
        let is_refused = answer.get(4..7) == Some(b"Err");
        asked.starts_with(b"+R") && (is_refused || answer.get(4..6) == asked.get(4..6))
    }

    fn read(&mut self, frame: &[u8], question: Option<&[u8]>) -> Result<Found, Fault> {
        let text = plain(frame);
        let letters = &text[START.len()..text.len() - END.len()];
        let mut reading = Reading::default();
        if letters.starts_with(b"Err") {
            return Ok(told(reading));
        }
        let is_b = question.is_some_and(|question| plain(question).starts_with(b"+R16"));
        let (register, value) = value(letters).ok_or(Fault::Nothing(frame.len()))?;
        put(&mut reading, if is_b { &TYPE_B } else { &TYPE_A }, is_b, register, value)?;
        Ok(told(reading))
    }
}

/// The register and its value: one byte, two bytes low first, or two bytes with a sign and a factor behind them.
fn value(letters: &[u8]) -> Option<(u8, i64)> {
    let text = std::str::from_utf8(letters).ok()?;
    let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    let register = byte(0)?;
    let value = match text.len() {
        4 => i64::from(byte(2)?),
        6 => i64::from(u16::from_le_bytes([byte(2)?, byte(4)?])),
        8 => i64::from(i16::from_le_bytes([byte(2)?, byte(4)?])) * i64::from(byte(6)?.max(1)),
        _ => return None,
    };
    Some((register, value))
}

/// Takes the value of a register.
fn put(reading: &mut Reading, rows: &[Row], is_b: bool, register: u8, value: i64) -> Result<(), Fault> {
    if is_b && (FIRST_CELL - CELLS + 1..=FIRST_CELL).contains(&register) {
        return reading.cell(usize::from(FIRST_CELL - register) + 1, scaled(value, 3));
    }
    match rows.iter().find(|(known, ..)| *known == register) {
        Some((_, _, "time_to_go", ..)) if value == ENDLESS => {}
        // Tenths of a kelvin.
        Some((_, _, "temperatures.1", ..)) => reading.temperature(1, scaled(value * 10 - 27_315, 2))?,
        Some((_, _, name, "", _)) => reading.count(*name, "", value),
        Some((_, _, name, unit, places)) => reading.number(*name, unit, scaled(value, *places)),
        None => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_name_is_that_of_a_capture() {
        let (kind, key) = key("SmartBat-A12345").unwrap();
        let want = [0x3B, 0x42, 0x51, 0x51, 0x20, 0x22, 0x20, 0x21];
        assert_eq!(Ogt::question(kind, key, 0x02, 1), want);
    }
}
