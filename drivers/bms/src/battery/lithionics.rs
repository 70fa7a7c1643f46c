//! Lithionics over Bluetooth: lines of text that come by themselves, without a checksum. Temperatures are in Fahrenheit.

use super::reading::{Reading, rounded, scaled};
use super::stream::Look;
use super::talk::{Protocol, Talk, told};
use super::{Ble, Family, Found, Need, Proof, Question, Transport, Variant};
use crate::fault::Fault;

/// The registry's line.
pub const FAMILY: Family = Family {
    device: "lithionics",
    title: "Lithionics",
    variants: &[Variant {
        name: "lithionics_ble",
        aliases: &[],
        transports: &[(Transport::Ble, Proof::Vector)],
        bauds: &[],
        ble: Some(&BLE),
        is_passive: true,
        make: |setup| Ok(Talk::boxed(Lithionics, setup)),
    }],
};

/// What it shows over Bluetooth; nothing is written to it.
const BLE: Ble = Ble {
    service: "0000ffe0-0000-1000-8000-00805f9b34fb",
    notify: "0000ffe1-0000-1000-8000-00805f9b34fb",
    write: "",
    names: &["Li?-*"],
    companies: &[0x4D48],
};

/// The most letters of a line.
const MOST: usize = 128;

/// Values of the line that tells of the battery, and of the one that tells of its charge.
const VALUES: usize = 10;
const CHARGE: usize = 4;

/// Cells of a battery.
const CELLS: usize = 4;

/// One battery.
struct Lithionics;

impl Protocol for Lithionics {
    fn poll(&self, _need: Need) -> Vec<Question> {
        Vec::new()
    }

    fn look(&self, bytes: &[u8]) -> Look {
        let is_known = |letter: &u8| letter.is_ascii_hexdigit() || matches!(letter, b',' | b'-' | b'&');
        if !matches!(bytes.first(), Some(b'0'..=b'9' | b'-' | b'&')) {
            return Look::Not;
        }
        let letters = bytes.iter().take(MOST).take_while(|letter| is_known(letter)).count();
        match &bytes[letters..] {
            [] | [b'\r'] if letters < MOST => Look::More(None),
            [b'\r', b'\n', ..] if is_whole(&bytes[..letters]) => Look::Good(letters + 2),
            _ => Look::Not,
        }
    }

    fn answers(&self, _frame: &[u8], _question: &[u8]) -> bool {
        false
    }

    fn comes_unasked(&self, _frame: &[u8]) -> bool {
        true
    }

    fn read(&mut self, frame: &[u8], _question: Option<&[u8]>) -> Result<Found, Fault> {
        let text = String::from_utf8_lossy(frame);
        let parts: Vec<&str> = text.trim_end().split(',').collect();
        let mut reading = Reading::default();
        // The charge comes behind the values and ends a set.
        let done = parts.first() == Some(&"&");
        if done {
            charge(&parts, &mut reading)?;
        } else {
            values(&parts, &mut reading)?;
        }
        Ok(Found { done, ..told(reading) })
    }
}

/// Whether a line has as many parts as one of the two that are known.
fn is_whole(line: &[u8]) -> bool {
    let parts = line.split(|letter| *letter == b',').count();
    if line.starts_with(b"&,") { parts >= CHARGE } else { parts >= VALUES }
}

/// A whole number.
fn number(parts: &[&str], at: usize) -> Result<i64, Fault> {
    let text = parts.get(at).copied().unwrap_or_default();
    text.parse::<i32>().map(i64::from).map_err(|_| Fault::Foreign(format!("`{text}` where a number belongs")))
}

/// Voltage, four cells, two temperatures, current, charge, bits.
fn values(parts: &[&str], reading: &mut Reading) -> Result<(), Fault> {
    reading.number("voltage", "V", scaled(number(parts, 0)?, 2));
    for cell in 1..=CELLS {
        reading.cell(cell, scaled(number(parts, cell)?, 2))?;
    }
    for sensor in 1..=2 {
        let fahrenheit = scaled(number(parts, CELLS + sensor)?, 0);
        reading.temperature(sensor, rounded((fahrenheit - 32.0) * 5.0 / 9.0, 3))?;
    }
    reading.number("current", "A", scaled(number(parts, 7)?, 0));
    reading.number("soc", "%", scaled(number(parts, 8)?, 0));
    let bits =
        u32::from_str_radix(parts[9], 16).map_err(|_| Fault::Foreign(format!("`{}` where bits belong", parts[9])))?;
    // The meaning of the bits is not published.
    reading.flag("alarms.status", bits != 0);
    Ok(())
}

/// What is left, and what was ever taken out.
fn charge(parts: &[&str], reading: &mut Reading) -> Result<(), Fault> {
    reading.number("remaining", "Ah", scaled(number(parts, 2)?, 0));
    reading.number("throughput", "Ah", scaled(number(parts, 3)?, 0));
    Ok(())
}
