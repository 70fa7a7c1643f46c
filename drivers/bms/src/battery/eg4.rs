//! EG4 LL batteries: Modbus RTU, unit 1, one block of 39 registers.

use super::bytes::Bytes;
use super::reading::{MOST_CELLS, Reading, scaled};
use super::stream::Look;
use super::talk::{Protocol, Talk, told};
use super::{Ble, Family, Found, Kind, Need, Proof, Question, Setup, Transport, Variant, modbus, rtu};
use crate::fault::Fault;

/// The registry's line.
pub const FAMILY: Family = Family {
    device: "eg4",
    title: "EG4",
    variants: &[Variant {
        name: "eg4_ble",
        aliases: &["eg4_modbus"],
        transports: &[(Transport::Ble, Proof::Vector), (Transport::Rs485, Proof::Facts)],
        bauds: &[9600],
        ble: Some(&BLE),
        is_passive: false,
        make: |setup| Ok(Talk::boxed(Eg4::new(setup), setup)),
    }],
};

/// What it shows over Bluetooth; it has no name of its own.
const BLE: Ble = Ble {
    service: "00001000-0000-1000-8000-00805f9b34fb",
    notify: "00001002-0000-1000-8000-00805f9b34fb",
    write: "00001001-0000-1000-8000-00805f9b34fb",
    names: &[],
    companies: &[0x6F80, 0x45CC],
};

const READ: u8 = 3;

/// First register, how many.
const VALUES: (u16, u16) = (0x0000, 0x27);

/// Cells that the block has room for.
const MOST_IN_BLOCK: usize = 16;

/// Sensors of one byte each.
const SENSORS: usize = 6;

/// One battery.
struct Eg4 {
    unit: u8,
}

impl Eg4 {
    fn new(setup: &Setup) -> Self {
        Self { unit: setup.address.unwrap_or(1) }
    }
}

impl Protocol for Eg4 {
    fn poll(&self, _need: Need) -> Vec<Question> {
        vec![Question::new("values", modbus::read(self.unit, READ, VALUES.0, VALUES.1))]
    }

    fn look(&self, bytes: &[u8]) -> Look {
        modbus::look(&(self.unit..=self.unit), bytes)
    }

    fn answers(&self, frame: &[u8], question: &[u8]) -> bool {
        rtu::answers(frame, question)
    }

    fn read(&mut self, frame: &[u8], question: Option<&[u8]>) -> Result<Found, Fault> {
        let data = rtu::data(frame)?;
        if data.len() != usize::from(VALUES.1) * 2
            || question.and_then(rtu::first).is_some_and(|first| first != VALUES.0)
        {
            return Ok(Found::other(Kind::Other("registers")));
        }
        let mut reading = Reading::default();
        values(Bytes::new("the answer", data), &mut reading)?;
        Ok(told(reading))
    }
}

/// All of it. What some firmwares leave zero is left out.
fn values(bytes: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    reading.number("voltage", "V", scaled(bytes.u16_be(0)?, 2));
    reading.number("current", "A", scaled(bytes.i16_be(2)?, 1));
    reading.number("soh", "%", f64::from(bytes.u16_be(46)?));
    reading.number("soc", "%", f64::from(bytes.u16_be(48)?));
    for (name, at) in [("remaining", 42), ("capacity", 74)] {
        match bytes.u16_be(at)? {
            0 => {}
            raw => reading.number(name, "Ah", scaled(raw, 1)),
        }
    }
    match bytes.u32_be(58)? {
        0 => {}
        cycles => reading.count("cycles", "", cycles),
    }
    let cells = usize::from(bytes.u16_be(72)?);
    if cells > MOST_CELLS {
        return Err(Fault::Cells(cells));
    }
    for cell in 0..cells.min(MOST_IN_BLOCK) {
        reading.cell(cell + 1, scaled(bytes.u16_be(4 + 2 * cell)?, 3))?;
    }
    reading.temperature(1, f64::from(bytes.i16_be(36)?))?;
    for (sensor, celsius) in bytes.slice(66, SENSORS)?.iter().enumerate() {
        reading.temperature(sensor + 2, f64::from(celsius.cast_signed()))?;
    }
    reading.flag("balancing", bytes.u16_be(76)? != 0);
    let faults = bytes.slice(52, 6)?;
    for (number, byte) in faults.iter().enumerate() {
        reading.flag(format!("alarms.faults_{}", number + 1), *byte != 0);
    }
    Ok(())
}
