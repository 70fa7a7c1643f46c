//! CBT Power and Creabest over Bluetooth: `AA 55 COMMAND LENGTH DATA SUM 0D 0A`, little endian; a question ends `0A 0D`.

use super::bytes::Bytes;
use super::reading::{Reading, rounded, scaled};
use super::stream::Look;
use super::sums::sum8;
use super::talk::{Protocol, Talk, told};
use super::{Ble, Family, Found, Need, Proof, Question, Transport, Variant};
use crate::fault::Fault;

/// The registry's line.
pub const FAMILY: Family = Family {
    device: "cbt_power",
    title: "CBT Power, Creabest",
    variants: &[Variant {
        name: "cbtpwr_ble",
        aliases: &[],
        transports: &[(Transport::Ble, Proof::Vector)],
        bauds: &[],
        ble: Some(&BLE),
        is_passive: false,
        make: |setup| Ok(Talk::boxed(Cbt { is_charging: false }, setup)),
    }],
};

/// What it shows over Bluetooth; it has no name of its own.
const BLE: Ble = Ble {
    service: "0000ffe5-0000-1000-8000-00805f9b34fb",
    notify: "0000ffe4-0000-1000-8000-00805f9b34fb",
    write: "0000ffe9-0000-1000-8000-00805f9b34fb",
    names: &[],
    companies: &[0x5352],
};

/// Commands.
const PACK: u8 = 0x0B;
const TEMPERATURE: u8 = 0x09;
const SOC: u8 = 0x0A;
const TIME: u8 = 0x0C;
const SIZE: u8 = 0x15;
const FAULTS: u8 = 0x21;
/// Four commands for five cells each.
const CELLS: std::ops::RangeInclusive<u8> = 0x05..=0x08;
const CELLS_EACH: usize = 5;

/// Bytes around the data.
const AROUND: usize = 7;

/// One battery.
struct Cbt {
    /// Whether the last current charged: then the time left means nothing.
    is_charging: bool,
}

fn question(command: u8) -> Vec<u8> {
    vec![0xAA, 0x55, command, 0, command, 0x0A, 0x0D]
}

impl Protocol for Cbt {
    fn poll(&self, need: Need) -> Vec<Question> {
        let ask = |command| Question::new("values", question(command));
        let mut questions: Vec<Question> = [PACK, TEMPERATURE, SOC, TIME, SIZE, FAULTS].map(ask).into();
        if need.cells {
            questions.extend(CELLS.map(ask));
        }
        questions
    }

    fn look(&self, bytes: &[u8]) -> Look {
        match bytes {
            [0xAA] | [0xAA, 0x55] | [0xAA, 0x55, _] => Look::More(None),
            [0xAA, 0x55, _, length, ..] => {
                let whole = AROUND + usize::from(*length);
                let Some(frame) = bytes.get(..whole) else { return Look::More(Some(whole)) };
                let (expected, found) = (sum8(&frame[2..whole - 3]), frame[whole - 3]);
                // What ends the other way round is a question.
                match (&frame[whole - 2..], expected == found) {
                    ([0x0D, 0x0A], true) => Look::Good(whole),
                    ([0x0A, 0x0D], true) => Look::Not,
                    (_, true) => Look::Bad(whole, Fault::Truncated { have: whole, want: None }),
                    (_, false) => Look::Bad(whole, Fault::Checksum { expected: expected.into(), found: found.into() }),
                }
            }
            _ => Look::Not,
        }
    }

    fn answers(&self, frame: &[u8], question: &[u8]) -> bool {
        frame.get(2) == question.get(2)
    }

    fn read(&mut self, frame: &[u8], _question: Option<&[u8]>) -> Result<Found, Fault> {
        let bytes = Bytes::new("the answer", &frame[4..frame.len() - 3]);
        let mut reading = Reading::default();
        match frame[2] {
            PACK => {
                let current = bytes.i32_le(4)?;
                self.is_charging = current >= 0;
                reading.number("voltage", "V", scaled(bytes.u32_le(0)?, 3));
                reading.number("current", "A", scaled(current, 3));
            }
            TEMPERATURE => reading.temperature(1, f64::from(bytes.i16_le(0)?))?,
            SOC => reading.number("soc", "%", f64::from(bytes.u8(0)?)),
            // Hundredths of an hour.
            TIME if !self.is_charging => {
                reading.number("time_to_go", "min", rounded(f64::from(bytes.u16_le(10)?) * 0.6, 1));
            }
            SIZE => {
                reading.number("capacity", "Ah", f64::from(bytes.u16_le(0)?));
                reading.count("cycles", "", bytes.u16_le(2)?);
            }
            FAULTS => {
                for (number, byte) in bytes.slice(0, 4)?.iter().enumerate() {
                    reading.flag(format!("alarms.faults_{}", number + 1), *byte != 0);
                }
            }
            command if CELLS.contains(&command) => cells(bytes, command, &mut reading)?,
            _ => {}
        }
        Ok(told(reading))
    }
}

/// Five cells; a place without one is zero.
fn cells(bytes: Bytes<'_>, command: u8, reading: &mut Reading) -> Result<(), Fault> {
    let before = usize::from(command - CELLS.start()) * CELLS_EACH;
    for cell in 0..CELLS_EACH {
        match bytes.u16_le(2 * cell)? {
            0 => {}
            millivolt => reading.cell(before + cell + 1, scaled(millivolt, 3))?,
        }
    }
    Ok(())
}
