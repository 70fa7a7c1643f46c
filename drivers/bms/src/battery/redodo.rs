//! Redodo, Li Time, Power Queen and Starry Sea over Bluetooth: `00 00 LENGTH 01 COMMAND 55 AA DATA SUM`, little endian.

use super::bytes::Bytes;
use super::reading::{Reading, scaled};
use super::stream::Look;
use super::sums::sum8;
use super::talk::{Protocol, Talk};
use super::{Ble, Family, Found, Kind, Need, Proof, Question, Transport, Variant};
use crate::fault::Fault;

/// The registry's line.
pub const FAMILY: Family = Family {
    device: "redodo_litime",
    title: "Redodo, LiTime, Power Queen, Starry Sea",
    variants: &[Variant {
        name: "redodo_ble",
        aliases: &[],
        transports: &[(Transport::Ble, Proof::Vector)],
        bauds: &[],
        ble: Some(&BLE),
        is_passive: false,
        make: |setup| Ok(Talk::boxed(Redodo, setup)),
    }],
};

/// What it shows over Bluetooth.
const BLE: Ble = Ble {
    service: "0000ffe0-0000-1000-8000-00805f9b34fb",
    notify: "0000ffe1-0000-1000-8000-00805f9b34fb",
    write: "0000ffe2-0000-1000-8000-00805f9b34fb",
    names: &[
        "P-12*", "P-24*", "PQ-12*", "PQ-24*", "R-12*", "R-24*", "RO-12*", "RO-24*", "L-12*", "L-24*", "L-51*", "LT-*",
        "SS-*",
    ],
    companies: &[],
};

/// The question for everything.
const QUESTION: [u8; 8] = [0x00, 0x00, 0x04, 0x01, 0x13, 0x55, 0xAA, 0x17];

/// The command of its answer.
const VALUES: u8 = 0x93;

/// Cells and sensors that an answer has room for.
const CELLS: usize = 16;
const SENSORS: usize = 5;

/// One battery.
struct Redodo;

impl Protocol for Redodo {
    fn poll(&self, _need: Need) -> Vec<Question> {
        vec![Question::new("values", QUESTION)]
    }

    fn look(&self, bytes: &[u8]) -> Look {
        match bytes {
            [0] | [0, 0] | [0, 0, _] | [0, 0, _, 1] | [0, 0, _, 1, 0x80..=0xFF] | [0, 0, _, 1, 0x80..=0xFF, 0x55] => {
                Look::More(None)
            }
            [0, 0, length, 1, 0x80..=0xFF, 0x55, 0xAA, ..] => {
                let whole = usize::from(*length) + 4;
                let Some((sum, head)) = bytes.get(..whole).and_then(<[u8]>::split_last) else {
                    return Look::More(Some(whole));
                };
                let expected = sum8(head);
                if expected == *sum {
                    Look::Good(whole)
                } else {
                    Look::Bad(whole, Fault::Checksum { expected: expected.into(), found: (*sum).into() })
                }
            }
            _ => Look::Not,
        }
    }

    fn answers(&self, frame: &[u8], question: &[u8]) -> bool {
        matches!((frame.get(4), question.get(4)), (Some(answer), Some(asked)) if *answer == asked | 0x80)
    }

    fn read(&mut self, frame: &[u8], _question: Option<&[u8]>) -> Result<Found, Fault> {
        if frame.get(4) != Some(&VALUES) {
            return Ok(Found::other(Kind::Other("answer")));
        }
        let mut reading = Reading::default();
        values(Bytes::new("the answer", &frame[..frame.len() - 1]), &mut reading)?;
        Ok(Found::values(reading))
    }
}

/// Places count from the first byte of the frame.
fn values(bytes: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    reading.number("voltage", "V", scaled(bytes.u32_le(12)?, 3));
    reading.number("current", "A", scaled(bytes.i32_le(48)?, 3));
    reading.number("remaining", "Ah", scaled(bytes.u16_le(62)?, 2));
    reading.number("capacity", "Ah", scaled(bytes.u32_le(64)?, 2));
    reading.number("soc", "%", f64::from(bytes.u16_le(90)?));
    reading.number("soh", "%", f64::from(bytes.u32_le(92)?));
    reading.count("cycles", "", bytes.u32_le(96)?);
    for cell in 0..CELLS {
        // A place without a cell is zero.
        match bytes.u16_le(16 + 2 * cell)? {
            0 => {}
            millivolt => reading.cell(cell + 1, scaled(millivolt, 3))?,
        }
    }
    // Places behind the last sensor are zero; one between two others may be 0 °C.
    let heat: Vec<i16> = (0..SENSORS).map(|sensor| bytes.i16_le(52 + 2 * sensor)).collect::<Result<_, _>>()?;
    let last = heat.iter().rposition(|celsius| *celsius != 0).unwrap_or(0);
    for (sensor, celsius) in heat.iter().take(last + 1).enumerate() {
        reading.temperature(sensor + 1, f64::from(*celsius))?;
    }
    reading.flag("heater", bytes.u32_le(68)? != 0);
    reading.flag("balancing", bytes.u32_le(84)? != 0);
    let protections = bytes.u32_le(76)?;
    reading.alarms(protections.into(), &PROTECTIONS);
    let known: u32 = PROTECTIONS.iter().map(|(bit, _)| 1 << bit).sum();
    reading.flag("alarms.protection", protections & !known != 0);
    reading.flag("alarms.failure", bytes.u32_le(80)? != 0);
    Ok(())
}

/// Bits of the protections; the others have no published meaning.
const PROTECTIONS: [(u8, &str); 9] = [
    (2, "alarms.pack_overvoltage"),
    (5, "alarms.pack_undervoltage"),
    (6, "alarms.charge_overcurrent"),
    (7, "alarms.discharge_overcurrent"),
    (8, "alarms.charge_overtemp"),
    (9, "alarms.discharge_overtemp"),
    (10, "alarms.charge_undertemp"),
    (11, "alarms.discharge_undertemp"),
    (14, "alarms.short_circuit"),
];
