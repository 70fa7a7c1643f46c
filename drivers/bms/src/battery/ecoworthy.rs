//! Eco-Worthy and others over Bluetooth: two frames that come by themselves after they were asked for once,
//! `A1` (values) and `A2` (cells), `HEAD … 01 03 LENGTH DATA CRC`. Newer batteries put their address before the head, and
//! count current in tenths.

use super::bytes::Bytes;
use super::reading::{MOST_CELLS, MOST_SENSORS, Reading, scaled};
use super::stream::Look;
use super::sums::crc_modbus;
use super::talk::{Protocol, Talk, told};
use super::{Ble, Family, Found, Need, Proof, Question, Transport, Variant};
use crate::fault::Fault;

/// The registry's line.
pub const FAMILY: Family = Family {
    device: "ecoworthy",
    title: "Eco-Worthy, DCHouse",
    variants: &[Variant {
        name: "ecoworthy_ble",
        aliases: &[],
        transports: &[(Transport::Ble, Proof::Vector)],
        bauds: &[],
        ble: Some(&BLE),
        is_passive: false,
        make: |setup| Ok(Talk::boxed(Ecoworthy, setup)),
    }],
};

/// What it shows over Bluetooth.
const BLE: Ble = Ble {
    service: "0000fff0-0000-1000-8000-00805f9b34fb",
    notify: "0000fff1-0000-1000-8000-00805f9b34fb",
    write: "0000fff2-0000-1000-8000-00805f9b34fb",
    names: &["ECO-WORTHY 02_*", "DCHOUSE*", "ECO-WORTHY*"],
    companies: &[],
};

/// Ask for everything, each once a second or so.
const QUESTIONS: [[u8; 18]; 2] = [
    [0xFF, 8, 2, 0, 0x0B, 1, 0, 0x64, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x2D],
    [0xFF, 8, 2, 0, 0x0B, 1, 0, 0x14, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x65, 0xEF],
];

/// The heads.
const VALUES: u8 = 0xA1;
const CELLS: u8 = 0xA2;

/// Where the head stands in a newer frame; all behind it is two bytes nearer.
const NEWER_HEAD: usize = 6;

/// Where `01 03` stands in an older frame, and where the data begins.
const MODBUS: usize = 11;
const DATA: usize = 14;

/// One battery.
struct Ecoworthy;

/// How many bytes a newer frame is nearer: 0 or 2; nothing if this is no frame, as far as it goes.
fn nearer(bytes: &[u8]) -> Option<usize> {
    let is_head = |at: usize| bytes.get(at).is_none_or(|head| [VALUES, CELLS].contains(head));
    let is_modbus = |at: usize| bytes.get(at).is_none_or(|is| *is == 1) && bytes.get(at + 1).is_none_or(|is| *is == 3);
    if is_head(0) && is_modbus(MODBUS) {
        Some(0)
    } else if is_head(NEWER_HEAD) && is_modbus(MODBUS - 2) {
        Some(2)
    } else {
        None
    }
}

impl Protocol for Ecoworthy {
    fn poll(&self, _need: Need) -> Vec<Question> {
        QUESTIONS.map(|question| Question::new("values", question)).into()
    }

    fn look(&self, bytes: &[u8]) -> Look {
        let Some(nearer) = nearer(bytes) else { return Look::Not };
        let Some(length) = bytes.get(DATA - 1 - nearer) else { return Look::More(None) };
        let whole = DATA - nearer + usize::from(*length) + 2;
        let Some((head, crc)) = bytes.get(..whole).and_then(<[u8]>::split_last_chunk::<2>) else {
            return Look::More(Some(whole));
        };
        let (expected, found) = (crc_modbus(head), u16::from_le_bytes(*crc));
        if expected == found {
            Look::Good(whole)
        } else {
            Look::Bad(whole, Fault::Checksum { expected: expected.into(), found: found.into() })
        }
    }

    fn answers(&self, _frame: &[u8], _question: &[u8]) -> bool {
        true
    }

    fn comes_unasked(&self, _frame: &[u8]) -> bool {
        true
    }

    fn read(&mut self, frame: &[u8], _question: Option<&[u8]>) -> Result<Found, Fault> {
        let nearer = nearer(frame).ok_or(Fault::Nothing(frame.len()))?;
        let bytes = Bytes::new("the frame", &frame[DATA - nearer..frame.len() - 2]);
        let mut reading = Reading::default();
        match frame[if nearer == 0 { 0 } else { NEWER_HEAD }] {
            VALUES => values(bytes, if nearer == 0 { 2 } else { 1 }, &mut reading)?,
            CELLS => cells(bytes, &mut reading)?,
            _ => {}
        }
        Ok(told(reading))
    }
}

/// The battery as a whole. The bits of the alarms are not published.
fn values(bytes: Bytes<'_>, places: u8, reading: &mut Reading) -> Result<(), Fault> {
    let (soc, capacity) = (bytes.u16_be(2)?, bytes.u16_be(12)?);
    reading.number("soc", "%", f64::from(soc));
    reading.number("soh", "%", f64::from(bytes.u16_be(4)?));
    reading.number("voltage", "V", scaled(bytes.u16_be(6)?, 2));
    reading.number("current", "A", scaled(bytes.i16_be(8)?, places));
    reading.number("capacity", "Ah", scaled(capacity, 2));
    reading.number("remaining", "Ah", scaled(i64::from(capacity) * i64::from(soc), 4));
    reading.flag("alarms.protection", bytes.u16_be(37)? != 0);
    Ok(())
}

/// The cells and the temperatures, each behind its number.
fn cells(bytes: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    let cells = usize::from(bytes.u16_be(0)?);
    if cells > MOST_CELLS {
        return Err(Fault::Cells(cells));
    }
    for cell in 0..cells {
        reading.cell(cell + 1, scaled(bytes.u16_be(2 + 2 * cell)?, 3))?;
    }
    let sensors = usize::from(bytes.u16_be(66)?).min(MOST_SENSORS);
    for sensor in 0..sensors {
        reading.temperature(sensor + 1, scaled(bytes.i16_be(68 + 2 * sensor)?, 1))?;
    }
    reading.count("cell_count", "", i64::try_from(cells).unwrap_or_default());
    Ok(())
}
