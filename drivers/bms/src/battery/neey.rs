//! Neey and Heltec balancers over Bluetooth: `55 AA 11 01 KIND REGISTER LENGTH DATA SUM FF`, floats, little endian. The
//! length is that of the frame.

use super::bytes::Bytes;
use super::reading::{Reading, rounded};
use super::stream::Look;
use super::sums::sum8;
use super::talk::{Protocol, Talk, told};
use super::{Ble, Family, Found, Need, Proof, Question, Transport, Variant};
use crate::fault::Fault;

/// The registry's line.
pub const FAMILY: Family = Family {
    device: "neey",
    title: "Neey, Heltec balancer",
    variants: &[Variant {
        name: "neey_ble",
        aliases: &[],
        transports: &[(Transport::Ble, Proof::Vector)],
        bauds: &[],
        ble: Some(&BLE),
        is_passive: false,
        make: |setup| Ok(Talk::boxed(Neey, setup)),
    }],
};

/// What it shows over Bluetooth.
const BLE: Ble = Ble {
    service: "0000ffe0-0000-1000-8000-00805f9b34fb",
    notify: "0000ffe1-0000-1000-8000-00805f9b34fb",
    write: "0000ffe1-0000-1000-8000-00805f9b34fb",
    names: &["EK-*", "GW-*"],
    companies: &[],
};

/// How an answer begins.
const HEAD: [u8; 4] = [0x55, 0xAA, 0x11, 0x01];

/// Kinds.
const INFO: u8 = 1;
const VALUES: u8 = 2;

/// Lengths of a frame.
const LEAST: usize = 12;
const MOST: usize = 512;

/// Places for cells.
const CELLS: usize = 24;

/// One balancer.
struct Neey;

fn question(kind: u8) -> Vec<u8> {
    let mut bytes = vec![0xAA, 0x55, 0x11, 0x01, kind, 0, 0x14];
    bytes.extend([0; 11]);
    let sum = sum8(&bytes);
    bytes.extend([sum, 0xFF]);
    bytes
}

impl Protocol for Neey {
    fn poll(&self, need: Need) -> Vec<Question> {
        let mut questions = vec![Question::new("values", question(VALUES))];
        if need.identity {
            questions.insert(0, Question::new("info", question(INFO)));
        }
        questions
    }

    fn look(&self, bytes: &[u8]) -> Look {
        if !HEAD.starts_with(&bytes[..bytes.len().min(HEAD.len())]) {
            return Look::Not;
        }
        let Some(length) = bytes.get(6..8).and_then(<[u8]>::first_chunk) else { return Look::More(None) };
        let whole = usize::from(u16::from_le_bytes(*length));
        if !(LEAST..=MOST).contains(&whole) {
            return Look::Not;
        }
        let Some(frame) = bytes.get(..whole) else { return Look::More(Some(whole)) };
        let (expected, found) = (sum8(&frame[..whole - 2]), frame[whole - 2]);
        match (frame[whole - 1], expected == found) {
            (0xFF, true) => Look::Good(whole),
            (_, true) => Look::Bad(whole, Fault::Truncated { have: whole, want: None }),
            (_, false) => Look::Bad(whole, Fault::Checksum { expected: expected.into(), found: found.into() }),
        }
    }

    fn answers(&self, frame: &[u8], question: &[u8]) -> bool {
        frame.get(4) == question.get(4)
    }

    fn comes_unasked(&self, frame: &[u8]) -> bool {
        frame.get(4) == Some(&VALUES)
    }

    fn read(&mut self, frame: &[u8], _question: Option<&[u8]>) -> Result<Found, Fault> {
        let bytes = Bytes::new("the frame", &frame[..frame.len() - 2]);
        let mut reading = Reading::default();
        match frame[4] {
            INFO => {
                reading.text("model", &bytes.text(8, 16)?);
                reading.text("firmware", &bytes.text(32, 8)?);
            }
            VALUES => values(bytes, &mut reading)?,
            _ => {}
        }
        Ok(told(reading))
    }
}

/// A number of 32 bits that is one: no infinity and no not-a-number.
fn float(bytes: Bytes<'_>, what: &'static str, at: usize) -> Result<f64, Fault> {
    let value = f32::from_bits(bytes.u32_le(at)?);
    if value.is_finite() { Ok(f64::from(value)) } else { Err(Fault::Impossible { what, value: 0 }) }
}

/// All of it.
fn values(bytes: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    for cell in 0..CELLS {
        let volt = float(bytes, "a cell's voltage of", 9 + 4 * cell)?;
        if volt != 0.0 {
            reading.cell(cell + 1, rounded(volt, 3))?;
        }
    }
    reading.number("voltage", "V", rounded(float(bytes, "a voltage of", 201)?, 3));
    reading.number("balance_current", "A", rounded(float(bytes, "a current of", 217)?, 3));
    for sensor in 0..2 {
        reading.temperature(sensor + 1, rounded(float(bytes, "a temperature of", 221 + 4 * sensor)?, 2))?;
    }
    let state = bytes.u8(216)?;
    reading.flag("balancing", state == 5);
    for (code, name) in ALARMS {
        reading.flag(name, state == code);
    }
    Ok(())
}

/// States that are alarms.
const ALARMS: [(u8, &str); 7] = [
    (1, "alarms.cell_count"),
    (3, "alarms.wire_resistance"),
    (7, "alarms.cell_undervoltage"),
    (8, "alarms.overtemp"),
    (9, "alarms.host"),
    (10, "alarms.pack_undervoltage"),
    (11, "alarms.balancing_overtemp"),
];
