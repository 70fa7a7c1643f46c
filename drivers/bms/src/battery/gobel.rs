//! Gobel Power over Bluetooth: Modbus RTU, unit 1, one block of 59 registers.

use super::bytes::Bytes;
use super::reading::{MOST_CELLS, Reading, scaled};
use super::stream::Look;
use super::talk::{Protocol, Talk, told};
use super::{Ble, Family, Found, Need, Proof, Question, Setup, Transport, Variant, modbus, rtu};
use crate::fault::Fault;

/// The registry's line.
pub const FAMILY: Family = Family {
    device: "gobel",
    title: "Gobel Power",
    variants: &[Variant {
        name: "gobel_ble",
        aliases: &["gobel_modbus"],
        transports: &[(Transport::Ble, Proof::Vector), (Transport::Rs485, Proof::Facts)],
        bauds: &[9600],
        ble: Some(&BLE),
        is_passive: false,
        make: |setup| Ok(Talk::boxed(Gobel::new(setup), setup)),
    }],
};

/// What it shows over Bluetooth.
const BLE: Ble = Ble {
    service: "00002760-08c2-11e1-9073-0e8ac72e1001",
    notify: "00002760-08c2-11e1-9073-0e8ac72e0002",
    write: "00002760-08c2-11e1-9073-0e8ac72e0001",
    names: &["BMS-*"],
    companies: &[],
};

const READ: u8 = 3;

/// Blocks: first register, how many.
const VALUES: (u16, u16) = (0x0000, 0x3B);
const INFO: (u16, u16) = (0x00AA, 0x23);

/// Sensors that the block has room for.
const MOST_SENSORS: usize = 8;

/// A sensor that is not there.
const NO_SENSOR: i16 = -1;

/// One battery.
struct Gobel {
    unit: u8,
}

impl Gobel {
    fn new(setup: &Setup) -> Self {
        Self { unit: setup.address.unwrap_or(1) }
    }
}

impl Protocol for Gobel {
    fn poll(&self, need: Need) -> Vec<Question> {
        let ask = |name, (first, count)| Question::new(name, modbus::read(self.unit, READ, first, count));
        let mut questions = vec![ask("values", VALUES)];
        if need.identity {
            questions.push(ask("info", INFO));
        }
        questions
    }

    fn look(&self, bytes: &[u8]) -> Look {
        modbus::look(&(self.unit..=self.unit), bytes)
    }

    fn answers(&self, frame: &[u8], question: &[u8]) -> bool {
        rtu::answers(frame, question)
    }

    fn read(&mut self, frame: &[u8], question: Option<&[u8]>) -> Result<Found, Fault> {
        let data = rtu::data(frame)?;
        let bytes = Bytes::new("the answer", data);
        let known = [VALUES, INFO];
        let by_length = || known.iter().find(|block| usize::from(block.1) * 2 == data.len()).map(|block| block.0);
        let mut reading = Reading::default();
        match question.and_then(rtu::first).or_else(by_length) {
            Some(0x0000) => values(bytes, &mut reading)?,
            Some(0x00AA) => {
                reading.text("firmware", &bytes.text(0, 18)?);
                reading.text("serial", &bytes.text(20, 20)?);
                reading.text("model", &bytes.text(40, 20)?);
            }
            _ => {}
        }
        Ok(told(reading))
    }
}

/// All of it. The bits of the alarms are not published.
fn values(bytes: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    reading.number("current", "A", scaled(bytes.i16_be(0)?, 2));
    reading.number("voltage", "V", scaled(bytes.u16_be(2)?, 2));
    reading.number("soc", "%", f64::from(bytes.u16_be(4)?));
    reading.number("soh", "%", f64::from(bytes.u16_be(6)?));
    reading.number("remaining", "Ah", scaled(bytes.u16_be(8)?, 2));
    reading.number("capacity", "Ah", scaled(bytes.u16_be(10)?, 2));
    reading.count("cycles", "", bytes.u16_be(14)?);
    for (name, at) in [("alarms.warning", 16), ("alarms.protection", 18), ("alarms.fault", 20)] {
        reading.flag(name, bytes.u16_be(at)? != 0);
    }
    let switches = bytes.u16_be(28)?;
    reading.flag("charge_mos", switches & 0x4000 != 0);
    reading.flag("discharge_mos", switches & 0x8000 != 0);
    let cells = usize::from(bytes.u8(31)?);
    if cells > MOST_CELLS {
        return Err(Fault::Cells(cells));
    }
    reading.count("cell_count", "", bytes.u8(31)?);
    for cell in 0..cells.min(30) {
        reading.cell(cell + 1, scaled(bytes.u16_be(32 + 2 * cell)?, 3))?;
    }
    let sensors = usize::from(bytes.u8(93)?).min(MOST_SENSORS);
    for sensor in 0..sensors {
        reading.temperature(sensor + 1, scaled(bytes.i16_be(94 + 2 * sensor)?, 1))?;
    }
    match bytes.i16_be(114)? {
        NO_SENSOR => {}
        raw => reading.temperature(sensors + 1, scaled(raw, 1))?,
    }
    Ok(())
}
