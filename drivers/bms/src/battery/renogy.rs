//! Renogy batteries over Bluetooth: Modbus RTU. The Pro batteries count current in tenths, the others in hundredths; the
//! capacity is told in whole ampere hours, and the charge is a share of that.

use super::bytes::Bytes;
use super::reading::{MOST_CELLS, Reading, rounded, scaled};
use super::stream::Look;
use super::talk::{Protocol, Talk, told};
use super::{Ble, Family, Found, Need, Proof, Question, Setup, Transport, Variant, modbus, rtu};
use crate::fault::Fault;

/// The registry's line.
pub const FAMILY: Family = Family {
    device: "renogy",
    title: "Renogy",
    variants: &[
        Variant {
            name: "renogy_modbus_ble",
            aliases: &["renogy"],
            transports: &[(Transport::Ble, Proof::Vector), (Transport::Rs485, Proof::Facts)],
            bauds: &[9600],
            ble: Some(&BLE),
            is_passive: false,
            make: |setup| Ok(Talk::boxed(Renogy::new(setup, 0x30, 2), setup)),
        },
        Variant {
            name: "renogy_pro_modbus_ble",
            aliases: &["renogy_pro"],
            transports: &[(Transport::Ble, Proof::Vector)],
            bauds: &[],
            ble: Some(&PRO),
            is_passive: false,
            make: |setup| Ok(Talk::boxed(Renogy::new(setup, 0xFF, 1), setup)),
        },
    ],
};

/// What it shows over Bluetooth; it notifies from another service than it is written to.
const BLE: Ble = Ble {
    service: "0000ffd0-0000-1000-8000-00805f9b34fb",
    notify: "0000fff1-0000-1000-8000-00805f9b34fb",
    write: "0000ffd1-0000-1000-8000-00805f9b34fb",
    names: &["BT-TH-*"],
    companies: &[],
};

/// The same of a Pro.
const PRO: Ble = Ble { names: &["RNGRBP*", "RNGC*"], companies: &[0xE14C], ..BLE };

const READ: u8 = 3;

/// Blocks of registers: where each begins, and how many there are.
const VALUES: (u16, u16) = (0x13B2, 7);
const CELLS: (u16, u16) = (0x1388, 34);
const STATES: (u16, u16) = (0x13EC, 8);
const INFO: (u16, u16) = (0x13F0, 28);

/// Cells and sensors that a block has room for.
const MOST_IN_BLOCK: usize = 16;

/// Where the number of sensors stands.
const SENSORS: usize = 34;

/// One battery.
struct Renogy {
    unit: u8,
    /// The only unit whose answers are taken, if it was named.
    only: Option<u8>,
    /// Decimal places of the current.
    places: u8,
}

impl Renogy {
    fn new(setup: &Setup, unit: u8, places: u8) -> Self {
        Self { unit: setup.address.unwrap_or(unit), only: setup.address, places }
    }

    fn values(&self, bytes: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
        let (remaining_mah, capacity_ah) = (bytes.u32_be(4)?, bytes.u32_be(8)? / 1000);
        reading.number("current", "A", scaled(bytes.i16_be(0)?, self.places));
        reading.number("voltage", "V", scaled(bytes.u16_be(2)?, 1));
        reading.number("remaining", "Ah", scaled(remaining_mah, 3));
        reading.number("capacity", "Ah", f64::from(capacity_ah));
        reading.count("cycles", "", bytes.u16_be(12)?);
        if capacity_ah > 0 {
            reading.number("soc", "%", rounded(f64::from(remaining_mah) / 10.0 / f64::from(capacity_ah), 1));
        }
        Ok(())
    }
}

impl Protocol for Renogy {
    fn poll(&self, need: Need) -> Vec<Question> {
        let ask = |name, (first, count)| Question::new(name, modbus::read(self.unit, READ, first, count));
        let mut questions = vec![ask("values", VALUES), ask("states", STATES)];
        if need.cells {
            questions.push(ask("cells", CELLS));
        }
        if need.identity {
            questions.push(ask("info", INFO));
        }
        questions
    }

    fn look(&self, bytes: &[u8]) -> Look {
        let is_ours = |unit: u8| self.only.map_or(matches!(unit, 0x30 | 0xFF), |only| only == unit);
        match bytes.first() {
            Some(unit) if is_ours(*unit) => modbus::look(&(*unit..=*unit), bytes),
            _ => Look::Not,
        }
    }

    fn answers(&self, frame: &[u8], question: &[u8]) -> bool {
        rtu::answers(frame, question)
    }

    fn read(&mut self, frame: &[u8], question: Option<&[u8]>) -> Result<Found, Fault> {
        let data = rtu::data(frame)?;
        let bytes = Bytes::new("the answer", data);
        let known = [VALUES, CELLS, STATES, INFO];
        let by_length = || known.iter().find(|block| usize::from(block.1) * 2 == data.len()).map(|block| block.0);
        let mut reading = Reading::default();
        match question.and_then(rtu::first).or_else(by_length) {
            Some(0x13B2) => self.values(bytes, &mut reading)?,
            Some(0x1388) => cells(bytes, &mut reading)?,
            Some(0x13EC) => states(bytes, &mut reading)?,
            Some(0x13F0) => {
                reading.text("serial", &bytes.text(12, 16)?);
                reading.text("model", &bytes.text(36, 16)?);
                reading.text("firmware", &bytes.text(52, 4)?);
            }
            _ => {}
        }
        Ok(told(reading))
    }
}

/// The cells and the temperatures, each behind its number, each in a block of 16.
fn cells(bytes: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    let cells = usize::from(bytes.u16_be(0)?);
    if cells > MOST_CELLS {
        return Err(Fault::Cells(cells));
    }
    let sensors = usize::from(bytes.u16_be(SENSORS)?);
    for (what, number) in [("a number of cells of", cells), ("a number of sensors of", sensors)] {
        if number > MOST_IN_BLOCK {
            return Err(Fault::Impossible { what, value: i64::try_from(number).unwrap_or(i64::MAX) });
        }
    }
    for cell in 0..cells {
        reading.cell(cell + 1, scaled(bytes.u16_be(2 + 2 * cell)?, 1))?;
    }
    for sensor in 0..sensors {
        reading.temperature(sensor + 1, scaled(bytes.i16_be(SENSORS + 2 + 2 * sensor)?, 1))?;
    }
    reading.count("cell_count", "", i64::try_from(cells).unwrap_or_default());
    Ok(())
}

/// Alarms of cells, of temperatures and others, two bits each, then bits of state.
fn states(bytes: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    reading.flag("alarms.cells", bytes.u32_be(0)? != 0);
    reading.flag("alarms.temperatures", bytes.u32_be(4)? != 0);
    reading.flag("alarms.others", bytes.u32_be(8)? != 0);
    let (first, second) = (bytes.u16_be(12)?, bytes.u16_be(14)?);
    // Bits 1 to 3 are no alarms: both MOSFETs, and whether the battery feeds itself.
    reading.flag("alarms.protection", first & !0x000E != 0);
    reading.flag("charge_mos", first & 0x0002 != 0);
    reading.flag("discharge_mos", first & 0x0004 != 0);
    reading.flag("heater", second & 0x2000 != 0);
    Ok(())
}
