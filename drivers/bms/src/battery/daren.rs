//! Daren monitors over Bluetooth: the frames of JBD with a layout of their own.

use super::bytes::Bytes;
use super::jbd::{look, question};
use super::reading::{MOST_CELLS, Reading, scaled};
use super::stream::Look;
use super::talk::{Protocol, Talk, told};
use super::{Ble, Family, Found, Need, Proof, Question, Transport, Variant};
use crate::fault::Fault;

/// The registry's line.
pub const FAMILY: Family = Family {
    device: "daren",
    title: "Daren, Docan",
    variants: &[Variant {
        name: "daren_ble",
        aliases: &[],
        transports: &[(Transport::Ble, Proof::Vector)],
        bauds: &[],
        ble: Some(&BLE),
        is_passive: false,
        make: |setup| Ok(Talk::boxed(Daren, setup)),
    }],
};

/// What it shows over Bluetooth.
const BLE: Ble = Ble {
    service: "0000ff00-0000-1000-8000-00805f9b34fb",
    notify: "0000ff01-0000-1000-8000-00805f9b34fb",
    write: "0000ff02-0000-1000-8000-00805f9b34fb",
    names: &["DWF*"],
    companies: &[],
};

/// Registers.
const INFO: u8 = 0x03;
const CELLS: u8 = 0x04;
const HARDWARE: u8 = 0x05;

/// Tenths of a kelvin at 0 °C.
const ZERO: i64 = 2731;

/// Sensors beside those that are counted: the MOSFETs, the surroundings.
const MORE_SENSORS: usize = 2;

/// One battery.
struct Daren;

impl Protocol for Daren {
    fn poll(&self, need: Need) -> Vec<Question> {
        let mut questions = vec![Question::new("info", question(INFO))];
        if need.cells {
            questions.push(Question::new("cells", question(CELLS)));
        }
        if need.identity {
            questions.push(Question::new("hardware", question(HARDWARE)));
        }
        questions
    }

    fn look(&self, bytes: &[u8]) -> Look {
        if bytes.first() == Some(&0xFF) { Look::Not } else { look(bytes) }
    }

    fn answers(&self, frame: &[u8], question: &[u8]) -> bool {
        frame.get(1) == question.get(2)
    }

    fn comes_unasked(&self, frame: &[u8]) -> bool {
        // It repeats its answers.
        frame.get(1) == Some(&INFO)
    }

    fn read(&mut self, frame: &[u8], _question: Option<&[u8]>) -> Result<Found, Fault> {
        let (register, status) = (frame[1], frame[2]);
        if status != 0 {
            return Err(Fault::Refused(format!("register {register:02X} ({status:02X})")));
        }
        let data = &frame[4..frame.len() - 3];
        let bytes = Bytes::new("the answer", data);
        let mut reading = Reading::default();
        match register {
            INFO => info(bytes, &mut reading)?,
            CELLS => cells(bytes, &mut reading)?,
            HARDWARE => reading.text("model", &bytes.text(0, data.len())?),
            _ => {}
        }
        Ok(told(reading))
    }
}

/// The battery as a whole; newer firmware has more behind the temperatures.
fn info(bytes: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    reading.number("voltage", "V", scaled(bytes.u16_be(0)?, 2));
    reading.number("current", "A", scaled(bytes.i16_be(2)?, 2));
    reading.number("remaining", "Ah", scaled(bytes.u16_be(4)?, 2));
    reading.number("capacity", "Ah", scaled(bytes.u16_be(6)?, 2));
    reading.count("cycles", "", bytes.u16_be(8)?);
    reading.flag("balancing", bytes.u32_be(12)? != 0);
    reading.flag("alarms.protection", bytes.u16_be(16)? != 0);
    reading.number("soc", "%", f64::from(bytes.u8(19)?));
    let switches = bytes.u8(20)?;
    reading.flag("charge_mos", switches & 1 != 0);
    reading.flag("discharge_mos", switches & 2 != 0);
    let cells = usize::from(bytes.u8(21)?);
    if cells > MOST_CELLS {
        return Err(Fault::Cells(cells));
    }
    reading.count("cell_count", "", bytes.u8(21)?);
    let sensors = usize::from(bytes.u8(22)?) + MORE_SENSORS;
    for sensor in 0..sensors {
        let raw = i64::from(bytes.u16_be(23 + 2 * sensor)?);
        reading.temperature(sensor + 1, scaled(raw - ZERO, 1))?;
    }
    let behind = 23 + 2 * sensors;
    reading.number("soh", "%", f64::from(bytes.u8(behind)?));
    if let Ok(current) = bytes.i32_be(behind + 8) {
        reading.number("remaining", "Ah", scaled(bytes.u16_be(behind + 4)?, 1));
        reading.number("capacity", "Ah", scaled(bytes.u16_be(behind + 6)?, 1));
        reading.number("current", "A", scaled(current, 1));
    }
    Ok(())
}

/// All cells.
fn cells(bytes: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    let count = bytes.len() / 2;
    if count > MOST_CELLS {
        return Err(Fault::Cells(count));
    }
    for cell in 0..count {
        reading.cell(cell + 1, scaled(bytes.u16_be(2 * cell)?, 3))?;
    }
    Ok(())
}
