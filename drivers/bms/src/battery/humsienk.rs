//! Humsienk batteries with a BMC monitor over Bluetooth: `AA COMMAND LENGTH DATA SUM16`, little endian.

use super::bytes::Bytes;
use super::reading::{Reading, scaled};
use super::stream::Look;
use super::sums::sum16;
use super::talk::{Protocol, Talk, told};
use super::{Ble, Family, Found, Need, Proof, Question, Transport, Variant};
use crate::fault::Fault;

/// The registry's line.
pub const FAMILY: Family = Family {
    device: "humsienk",
    title: "Humsienk",
    variants: &[Variant {
        name: "humsienk_ble",
        aliases: &[],
        transports: &[(Transport::Ble, Proof::Vector)],
        bauds: &[],
        ble: Some(&BLE),
        is_passive: false,
        make: |setup| Ok(Talk::boxed(Humsienk, setup)),
    }],
};

/// What it shows over Bluetooth.
const BLE: Ble = Ble {
    service: "00000001-0000-1000-8000-00805f9b34fb",
    notify: "00000003-0000-1000-8000-00805f9b34fb",
    write: "00000002-0000-1000-8000-00805f9b34fb",
    names: &["HS*"],
    companies: &[],
};

/// Commands.
const START: u8 = 0x00;
const MODEL: u8 = 0x11;
const STATE: u8 = 0x20;
const PACK: u8 = 0x21;
const CELLS: u8 = 0x22;

/// Bytes around the data.
const AROUND: usize = 5;

/// Places for cells and for sensors.
const MOST_IN_FRAME: usize = 24;
const SENSORS: usize = 6;

/// Bits of the state that are no alarms: both MOSFETs and the heater.
const NO_ALARMS: u32 = 0x0080_8080;

/// One battery.
struct Humsienk;

fn question(command: u8) -> Vec<u8> {
    let [low, high] = sum16(&[command, 0]).to_le_bytes();
    vec![0xAA, command, 0, low, high]
}

impl Protocol for Humsienk {
    fn opening(&self) -> Vec<Question> {
        vec![Question::new("start", question(START))]
    }

    fn poll(&self, need: Need) -> Vec<Question> {
        let mut commands = vec![("pack", PACK), ("state", STATE)];
        if need.cells {
            commands.push(("cells", CELLS));
        }
        if need.identity {
            commands.push(("model", MODEL));
        }
        commands.into_iter().map(|(name, command)| Question::new(name, question(command))).collect()
    }

    fn look(&self, bytes: &[u8]) -> Look {
        if bytes.first() != Some(&0xAA) {
            return Look::Not;
        }
        let Some(length) = bytes.get(2) else { return Look::More(None) };
        let whole = AROUND + usize::from(*length);
        let Some((head, sum)) = bytes.get(..whole).and_then(<[u8]>::split_last_chunk::<2>) else {
            return Look::More(Some(whole));
        };
        let (expected, found) = (sum16(&head[1..]), u16::from_le_bytes(*sum));
        if expected == found {
            Look::Good(whole)
        } else {
            Look::Bad(whole, Fault::Checksum { expected: expected.into(), found: found.into() })
        }
    }

    fn answers(&self, frame: &[u8], question: &[u8]) -> bool {
        frame.get(1) == question.get(1)
    }

    fn read(&mut self, frame: &[u8], _question: Option<&[u8]>) -> Result<Found, Fault> {
        let data = &frame[3..frame.len() - 2];
        let bytes = Bytes::new("the answer", data);
        let mut reading = Reading::default();
        match frame[1] {
            PACK => pack(bytes, &mut reading)?,
            STATE => state(bytes, &mut reading)?,
            CELLS => {
                for cell in 0..MOST_IN_FRAME {
                    match bytes.u16_le(2 * cell)? {
                        0 => {}
                        millivolt => reading.cell(cell + 1, scaled(millivolt, 3))?,
                    }
                }
            }
            MODEL => reading.text("model", &bytes.text(0, data.len())?),
            _ => {}
        }
        Ok(told(reading))
    }
}

/// The pack as a whole.
fn pack(bytes: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    reading.number("voltage", "V", scaled(bytes.u32_le(0)?, 3));
    reading.number("current", "A", scaled(bytes.i32_le(4)?, 3));
    reading.number("soc", "%", f64::from(bytes.u8(8)?));
    reading.number("soh", "%", f64::from(bytes.u8(9)?));
    reading.number("remaining", "Ah", scaled(bytes.u32_le(10)?, 3));
    reading.number("capacity", "Ah", scaled(bytes.u32_le(14)?, 3));
    reading.count("cycles", "", bytes.u16_le(18)?);
    for (sensor, celsius) in bytes.slice(20, SENSORS)?.iter().enumerate() {
        reading.temperature(sensor + 1, f64::from(celsius.cast_signed()))?;
    }
    Ok(())
}

/// The switches and the alarms. The bits of the alarms are not published.
fn state(bytes: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    let bits = bytes.u32_le(4)?;
    reading.flag("charge_mos", bits & 0x0000_0080 != 0);
    reading.flag("heater", bits & 0x0000_8000 != 0);
    reading.flag("discharge_mos", bits & 0x0080_0000 != 0);
    // A bit for each cell.
    reading.flag("balancing", bytes.slice(8, 3)?.iter().any(|byte| *byte != 0));
    reading.flag("alarms.protection", bits & !NO_ALARMS != 0);
    reading.flag("alarms.broken_wire", bytes.slice(11, 3)?.iter().any(|byte| *byte != 0));
    Ok(())
}
