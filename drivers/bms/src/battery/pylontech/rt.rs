//! Pylontech RT packs over Bluetooth: Modbus RTU, unit 1. It tells two of its cells: 1 is the highest at the moment, 2 the
//! lowest.
//!
//! Registers were found out on one RT12100; there is no published list.

use crate::battery::bytes::Bytes;
use crate::battery::reading::{Reading, scaled};
use crate::battery::stream::Look;
use crate::battery::talk::{Protocol, Talk};
use crate::battery::{Ble, Found, Kind, Need, Proof, Question, Transport, Variant, modbus, rtu};
use crate::fault::Fault;

/// The registry's line.
pub(super) const VARIANT: Variant = Variant {
    name: "rt_ble_modbus",
    aliases: &["rt"],
    transports: &[(Transport::Ble, Proof::Vector)],
    bauds: &[],
    ble: Some(&BLE),
    is_passive: false,
    make: |setup| Ok(Talk::boxed(Rt, setup)),
};

/// What it shows over Bluetooth.
const BLE: Ble = Ble {
    service: "00010203-0405-0607-0809-0a0b0c0d1910",
    notify: "00010203-0405-0607-0809-0a0b0c0d2b10",
    write: "00010203-0405-0607-0809-0a0b0c0d2b11",
    names: &["RT12*", "RT24*", "RT36*", "RT48*", "GModule", "GMod"],
    companies: &[],
};

const UNIT: u8 = 1;
const READ: u8 = 3;

/// The values: first register, how many.
const VALUES: (u16, u16) = (0x1016, 13);

/// The serial number.
const SERIAL: (u16, u16) = (0x2000, 8);

/// One pack.
struct Rt;

impl Protocol for Rt {
    fn poll(&self, need: Need) -> Vec<Question> {
        let mut questions = vec![Question::new("values", modbus::read(UNIT, READ, VALUES.0, VALUES.1))];
        if need.identity {
            questions.push(Question::new("serial", modbus::read(UNIT, READ, SERIAL.0, SERIAL.1)));
        }
        questions
    }

    fn look(&self, bytes: &[u8]) -> Look {
        modbus::look(&(UNIT..=UNIT), bytes)
    }

    fn answers(&self, frame: &[u8], question: &[u8]) -> bool {
        rtu::answers(frame, question)
    }

    fn read(&mut self, frame: &[u8], question: Option<&[u8]>) -> Result<Found, Fault> {
        let data = rtu::data(frame)?;
        let bytes = Bytes::new("the answer", data);
        let mut reading = Reading::default();
        match question.and_then(rtu::first).or((data.len() == 26).then_some(VALUES.0)) {
            Some(0x1016) => values(bytes, &mut reading)?,
            Some(0x2000) => reading.text("serial", &bytes.text(0, data.len())?),
            _ => return Ok(Found::other(Kind::Other("registers"))),
        }
        Ok(Found::values(reading))
    }
}

/// The registers 1016 to 1022.
fn values(bytes: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    reading.number("voltage", "V", scaled(bytes.u16_be(0)?, 2));
    reading.number("current", "A", scaled(bytes.i16_be(2)?, 1));
    reading.cell(1, scaled(bytes.u16_be(4)?, 3))?;
    reading.cell(2, scaled(bytes.u16_be(6)?, 3))?;
    reading.has_further_cells();
    reading.temperature(1, scaled(bytes.i16_be(8)?, 1))?;
    reading.temperature(2, scaled(bytes.i16_be(10)?, 1))?;
    reading.number("soc", "%", f64::from(bytes.u16_be(12)?));
    reading.number("soh", "%", f64::from(bytes.u16_be(14)?));
    reading.number("energy_total", "kWh", scaled(bytes.u16_be(20)?, 1));
    reading.number("current_limit", "A", scaled(bytes.u16_be(22)?, 1));
    reading.number("capacity", "Ah", scaled(bytes.u16_be(24)?, 1));
    Ok(())
}
