//! VE.Direct text: blocks of `\r\nLABEL\tVALUE` that end with `\r\nChecksum\t` and one byte; all bytes of a block add up to 0.
//!
//! A HEX frame (`:` … `\n`) may come in between and is no part of the sum. Facts of Victron's VE.Direct protocol document.

use crate::battery::reading::{Reading, scaled};
use crate::battery::stream::Look;
use crate::battery::sums::sum8;
use crate::fault::Fault;

use super::{hex, names};

/// What stands before the checksum byte.
const END: &[u8] = b"\r\nChecksum\t";

/// How a block begins: the main block and the history.
const STARTS: [&[u8]; 2] = [b"\r\nPID\t", b"\r\nH1\t"];

/// The most bytes of a block, with HEX frames in it. Real ones have some 200.
const MOST_BLOCK: usize = 1536;

/// Whether a block begins here.
pub(super) fn look(bytes: &[u8]) -> Look {
    let Some(start) = STARTS.iter().find(|start| begins(bytes, start)) else { return Look::Not };
    if bytes.len() < start.len() {
        return Look::More(None);
    }
    let damaged = !bytes.starts_with(start);
    let Some(length) = length(bytes) else {
        return if bytes.len() < MOST_BLOCK { Look::More(None) } else { Look::Not };
    };
    let Length::Whole(length) = length else {
        let Length::Cut(have) = length else { return Look::Not };
        return Look::Bad(have, Fault::Truncated { have, want: None });
    };
    let sum = sum8(&without_frames(&bytes[..length]).0);
    if sum == 0 && !damaged {
        return Look::Good(length);
    }
    let found = bytes[length - 1];
    Look::Bad(length, Fault::Checksum { expected: found.wrapping_sub(sum).into(), found: found.into() })
}

/// Whether `bytes` are the start, a part of it, or the start with one bit flipped: so a block whose first bytes were hit is
/// said to be broken, and not taken for noise.
fn begins(bytes: &[u8], start: &[u8]) -> bool {
    let part = &bytes[..bytes.len().min(start.len())];
    let flipped: u32 = part.iter().zip(start).map(|(is, want)| (is ^ want).count_ones()).sum();
    flipped == 0 || part.len() == start.len() && flipped == 1
}

/// How long a block is.
enum Length {
    /// To its checksum.
    Whole(usize),
    /// Another block begins before it ends.
    Cut(usize),
}

/// Where the block ends, if that is there yet.
fn length(bytes: &[u8]) -> Option<Length> {
    let mut at = 2;
    while at < bytes.len() && at < MOST_BLOCK {
        let rest = &bytes[at..];
        if let Some(frame) = frame(rest) {
            at += frame;
        } else if rest.starts_with(END) {
            return (rest.len() > END.len()).then_some(Length::Whole(at + END.len() + 1));
        } else if STARTS.iter().any(|start| rest.starts_with(start)) {
            return Some(Length::Cut(at));
        } else {
            at += 1;
        }
    }
    None
}

/// The length of the HEX frame that begins here, if it does.
fn frame(bytes: &[u8]) -> Option<usize> {
    match hex::look(bytes) {
        Look::Good(length) | Look::Bad(length, _) => Some(length),
        Look::Not | Look::More(_) => None,
    }
}

/// The block without the HEX frames in it, and they.
fn without_frames(block: &[u8]) -> (Vec<u8>, Vec<&[u8]>) {
    let mut text = Vec::with_capacity(block.len());
    let mut frames = Vec::new();
    let mut at = 0;
    // The checksum may be any byte, even a colon.
    let last = block.len().saturating_sub(1);
    while at < last {
        if let Some(length) = frame(&block[at..last]) {
            frames.push(&block[at..at + length]);
            at += length;
        } else {
            text.push(block[at]);
            at += 1;
        }
    }
    text.extend(&block[last..]);
    (text, frames)
}

/// The values of a whole block.
///
/// # Errors
/// A value is no number where it has to be one.
pub(super) fn decode(block: &[u8]) -> Result<Reading, Fault> {
    let (text, frames) = without_frames(block);
    let mut reading = Reading::default();
    for line in String::from_utf8_lossy(&text).split("\r\n") {
        let Some((label, value)) = line.split_once('\t') else { continue };
        if label != "Checksum" && value != "---" {
            field(label, value, &mut reading)?;
        }
    }
    for frame in frames {
        if let Ok(said) = hex::decode(frame, None) {
            reading.merge(said);
        }
    }
    Ok(reading)
}

/// A number: label, name, unit, decimal places.
const NUMBERS: [(&str, &str, &str, u8); 45] = [
    ("V", "voltage", "V", 3),
    ("V2", "voltage_2", "V", 3),
    ("V3", "voltage_3", "V", 3),
    ("VS", "aux_voltage", "V", 3),
    ("VM", "midpoint_voltage", "V", 3),
    ("DM", "midpoint_deviation", "%", 1),
    ("VPV", "pv_voltage", "V", 3),
    ("PPV", "pv_power", "W", 0),
    ("I", "current", "A", 3),
    ("I2", "current_2", "A", 3),
    ("I3", "current_3", "A", 3),
    ("IL", "load_current", "A", 3),
    ("P", "power", "W", 0),
    ("CE", "consumed", "Ah", 3),
    ("SOC", "soc", "%", 1),
    ("H1", "deepest_discharge", "Ah", 3),
    ("H2", "last_discharge", "Ah", 3),
    ("H3", "average_discharge", "Ah", 3),
    ("H4", "cycles", "", 0),
    ("H5", "full_discharges", "", 0),
    ("H6", "drawn_total", "Ah", 3),
    ("H7", "lowest_voltage", "V", 3),
    ("H8", "highest_voltage", "V", 3),
    ("H9", "since_full", "s", 0),
    ("H10", "synchronisations", "", 0),
    ("H11", "low_voltage_alarms", "", 0),
    ("H12", "high_voltage_alarms", "", 0),
    ("H13", "low_aux_alarms", "", 0),
    ("H14", "high_aux_alarms", "", 0),
    ("H15", "lowest_aux_voltage", "V", 3),
    ("H16", "highest_aux_voltage", "V", 3),
    ("H17", "discharged_total", "kWh", 2),
    ("H18", "charged_total", "kWh", 2),
    ("H19", "yield_total", "kWh", 2),
    ("H20", "yield_today", "kWh", 2),
    ("H21", "highest_power_today", "W", 0),
    ("H22", "yield_yesterday", "kWh", 2),
    ("H23", "highest_power_yesterday", "W", 0),
    ("HSDS", "day", "", 0),
    ("AC_OUT_V", "ac_voltage", "V", 2),
    ("AC_OUT_I", "ac_current", "A", 1),
    ("AC_OUT_S", "ac_apparent_power", "VA", 0),
    ("DC_IN_V", "input_voltage", "V", 2),
    ("DC_IN_I", "input_current", "A", 1),
    ("DC_IN_P", "input_power", "W", 0),
];

/// Takes one line. A label that is not known is no fault: newer firmware adds some.
fn field(label: &str, value: &str, reading: &mut Reading) -> Result<(), Fault> {
    if let Some((_, name, unit, places)) = NUMBERS.iter().find(|(known, ..)| *known == label) {
        let raw = number(value)?;
        if *places == 0 && unit.is_empty() {
            reading.count(*name, unit, raw);
        } else {
            reading.number(*name, unit, scaled(raw, *places));
        }
        return Ok(());
    }
    match label {
        "T" => reading.temperature(1, scaled(number(value)?, 0))?,
        // -1 is endless.
        "TTG" if value == "-1" => {}
        "TTG" => reading.number("time_to_go", "min", scaled(number(value)?, 0)),
        "CS" => names::state(reading, number(value)?),
        "ERR" => names::error(reading, number(value)?),
        "AR" => reading.alarms(bits(value)?.into(), &names::ALARMS),
        "WARN" => reading.alarms(bits(value)?.into(), &names::WARNINGS),
        "OR" => names::off_reason(reading, bits(value)?),
        "MPPT" => tracker(reading, number(value)?),
        "Alarm" => reading.flag("alarm", value == "ON"),
        "Relay" => reading.flag("relay", value == "ON"),
        "LOAD" => reading.flag("load", value == "ON"),
        "PID" => names::product(reading, u16::try_from(bits(value)?).map_err(|_| unreadable("PID", value))?),
        // The product id names it better, where it is known.
        "BMV" if reading.get("model").is_none() => reading.text("model", value),
        "SER#" => reading.text("serial", value),
        "FW" | "FWE" => reading.text("firmware", value),
        "MODE" => mode(reading, number(value)?),
        _ => {}
    }
    Ok(())
}

/// What the tracker of a solar charger does.
fn tracker(reading: &mut Reading, code: i64) {
    let name = usize::try_from(code).ok().and_then(|code| ["off", "limited", "active"].get(code));
    reading.text("tracker", name.unwrap_or(&"unknown"));
}

/// Whether an inverter is switched on.
fn mode(reading: &mut Reading, code: i64) {
    reading.text(
        "mode",
        match code {
            2 => "on",
            4 => "off",
            5 => "eco",
            _ => "unknown",
        },
    );
}

/// A whole number.
fn number(value: &str) -> Result<i64, Fault> {
    value.trim().parse::<i32>().map(i64::from).map_err(|_| unreadable("a number", value))
}

/// A number that may be written with `0x`.
fn bits(value: &str) -> Result<u32, Fault> {
    let value = value.trim();
    let parsed = value.strip_prefix("0x").map_or_else(|| value.parse(), |digits| u32::from_str_radix(digits, 16));
    parsed.map_err(|_| unreadable("a number", value))
}

/// A value that cannot be read, although its sum is right.
fn unreadable(what: &str, value: &str) -> Fault {
    let value: String = value.chars().take(16).collect();
    Fault::Foreign(format!("`{value}` where {what} belongs"))
}
