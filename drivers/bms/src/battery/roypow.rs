//! `RoyPow` over Bluetooth: `EA D1 01 LENGTH FF COMMAND DATA XOR F5`; the check byte is all from the length on, exclusive or.

use super::bytes::Bytes;
use super::reading::{MOST_CELLS, MOST_SENSORS, Reading, scaled};
use super::stream::Look;
use super::talk::{Protocol, Talk, told};
use super::{Ble, Family, Found, Need, Proof, Question, Transport, Variant};
use crate::fault::Fault;

/// The registry's line.
pub const FAMILY: Family = Family {
    device: "roypow",
    title: "RoyPow",
    variants: &[Variant {
        name: "roypow_ble",
        aliases: &[],
        transports: &[(Transport::Ble, Proof::Vector)],
        bauds: &[],
        ble: Some(&BLE),
        is_passive: false,
        make: |setup| Ok(Talk::boxed(Roypow, setup)),
    }],
};

/// What it shows over Bluetooth; the names begin with a blank.
const BLE: Ble = Ble {
    service: "0000ffe0-0000-1000-8000-00805f9b34fb",
    notify: "0000ffe1-0000-1000-8000-00805f9b34fb",
    write: "0000ffe1-0000-1000-8000-00805f9b34fb",
    names: &[" B12*", " S12*", " B24*", " S24*", " UT*"],
    companies: &[],
};

/// How every frame begins.
const HEAD: [u8; 3] = [0xEA, 0xD1, 0x01];

/// Commands.
const CELLS: u8 = 2;
const STATE: u8 = 3;
const PACK: u8 = 4;

/// The shortest a length can be: a kind, a command, the check byte and the end.
const LEAST: u8 = 4;

/// One battery.
struct Roypow;

fn xor(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum ^ byte)
}

fn question(command: u8) -> Vec<u8> {
    let body = [LEAST, 0xFF, command];
    [&HEAD[..], &body, &[xor(&body), 0xF5]].concat()
}

impl Protocol for Roypow {
    fn poll(&self, need: Need) -> Vec<Question> {
        let mut questions = vec![Question::new("pack", question(PACK)), Question::new("state", question(STATE))];
        if need.cells {
            questions.push(Question::new("cells", question(CELLS)));
        }
        questions
    }

    fn look(&self, bytes: &[u8]) -> Look {
        if !HEAD.starts_with(&bytes[..bytes.len().min(HEAD.len())]) {
            return Look::Not;
        }
        let Some(length) = bytes.get(HEAD.len()) else { return Look::More(None) };
        if *length < LEAST {
            return Look::Not;
        }
        let whole = HEAD.len() + 1 + usize::from(*length);
        let Some(frame) = bytes.get(..whole) else { return Look::More(Some(whole)) };
        let (expected, found) = (xor(&frame[HEAD.len()..whole - 2]), frame[whole - 2]);
        match (frame[whole - 1], expected == found) {
            (0xF5, true) => Look::Good(whole),
            (_, true) => Look::Bad(whole, Fault::Truncated { have: whole, want: None }),
            (_, false) => Look::Bad(whole, Fault::Checksum { expected: expected.into(), found: found.into() }),
        }
    }

    fn answers(&self, frame: &[u8], question: &[u8]) -> bool {
        frame.get(5).is_some() && frame.get(5) == question.get(5)
    }

    fn read(&mut self, frame: &[u8], _question: Option<&[u8]>) -> Result<Found, Fault> {
        let bytes = Bytes::new("the frame", &frame[..frame.len() - 2]);
        let mut reading = Reading::default();
        match bytes.u8(5)? {
            CELLS => cells(bytes, &mut reading)?,
            STATE => state(bytes, &mut reading)?,
            PACK => pack(bytes, &mut reading)?,
            _ => {}
        }
        Ok(told(reading))
    }
}

/// The cells, behind three numbers of them.
fn cells(bytes: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    let count = bytes.len().saturating_sub(9) / 2;
    if count > MOST_CELLS {
        return Err(Fault::Cells(count));
    }
    for cell in 0..count {
        reading.cell(cell + 1, scaled(bytes.u16_be(9 + 2 * cell)?, 3))?;
    }
    Ok(())
}

/// Current, alarms, temperatures and switches. The bits of the alarms are not published.
fn state(bytes: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    let amount = i64::from(bytes.u16_be(7)?);
    let is_drawn = bytes.u8(6)? & 1 == 1;
    reading.number("current", "A", scaled(if is_drawn { -amount } else { amount }, 2));
    reading.flag("alarms.protection", bytes.slice(9, 3)?.iter().any(|byte| *byte != 0));
    let sensors = usize::from(bytes.u8(13)?).min(MOST_SENSORS);
    for (sensor, raw) in bytes.slice(14, sensors)?.iter().enumerate() {
        reading.temperature(sensor + 1, f64::from(*raw) - 40.0)?;
    }
    let switches = bytes.u8(24)?;
    reading.flag("charge_mos", switches & 4 != 0);
    reading.flag("discharge_mos", switches & 2 != 0);
    Ok(())
}

/// The pack: each value behind a number of its own, large ones in two halves.
fn pack(bytes: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    let wide = |at: usize| Ok(u32::from(bytes.u16_be(at)?) << 16 | u32::from(bytes.u16_be(at + 3)?));
    reading.number("soc", "%", f64::from(bytes.u8(7)?));
    reading.count("cycles", "", bytes.u16_be(9)?);
    reading.number("capacity", "Ah", scaled(wide(12)?, 3));
    reading.number("full_capacity", "Ah", scaled(wide(18)?, 3));
    reading.number("remaining", "Ah", scaled(wide(24)?, 3));
    match bytes.u16_be(30)? {
        0xFFFF => {}
        minutes => reading.number("time_to_go", "min", f64::from(minutes)),
    }
    reading.number("voltage", "V", scaled(bytes.u16_be(47)?, 2));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_has_the_bytes_of_a_capture() {
        assert_eq!(question(CELLS), [0xEA, 0xD1, 0x01, 0x04, 0xFF, 0x02, 0xF9, 0xF5]);
    }
}
