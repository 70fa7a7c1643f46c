//! Seplos version 3: Modbus, over Bluetooth and RS485. Unit 0 is the whole, units 1 to 16 are its packs.
//!
//! Registers 2000 and 2100 are the whole, 2200 its bits, 1000 and 1100 a pack. Numbers of 32 bits have the low word first.

use crate::battery::bytes::Bytes;
use crate::battery::heat;
use crate::battery::reading::{MOST_CELLS, MOST_SENSORS, Reading, scaled};
use crate::battery::stream::Look;
use crate::battery::talk::{Protocol, Talk};
use crate::battery::{Ble, Found, Kind, Need, Proof, Question, Setup, Transport, Variant, modbus, rtu};
use crate::fault::Fault;

/// The registry's line.
pub(super) const VARIANT: Variant = Variant {
    name: "v3_ble_modbus",
    aliases: &["v3", "v3_modbus", "v3_rs485"],
    transports: &[(Transport::Ble, Proof::Vector), (Transport::Rs485, Proof::Facts), (Transport::Uart, Proof::Facts)],
    bauds: &[19200],
    ble: Some(&BLE),
    is_passive: false,
    make: |setup| Ok(Talk::boxed(V3::new(setup), setup)),
};

/// What it shows over Bluetooth.
const BLE: Ble = Ble {
    service: "0000fff0-0000-1000-8000-00805f9b34fb",
    notify: "0000fff1-0000-1000-8000-00805f9b34fb",
    write: "0000fff2-0000-1000-8000-00805f9b34fb",
    names: &["SP??B*", "XZHX*", "CSY*", "SP1??B*", "ST*"],
    companies: &[],
};

/// Reads registers, reads bits.
const REGISTERS: u8 = 4;
const BITS: u8 = 1;

/// A block of registers: where it begins, and how many there are.
type Block = (u16, u16);

const WHOLE: Block = (0x2000, 0x1A);
const EXTREMES: Block = (0x2100, 0x16);
const EVENTS: Block = (0x2200, 0x50);
const PACK: Block = (0x1000, 0x11);
const CELLS: Block = (0x1100, 0x1A);
const PACK_BITS: Block = (0x1200, 0x90);

/// Cells and sensors of a pack.
const PACK_CELLS: usize = 16;
const PACK_SENSORS: usize = 6;

/// The most packs of a whole.
const MOST_PACKS: u8 = 16;

/// Tenths of a kelvin at 0 °C.
const ZERO: i64 = 2731;

/// A whole, or one of its packs.
struct V3 {
    /// The pack that is meant; none means the whole.
    pack: Option<u8>,
    /// Packs that the whole says it has.
    packs: u8,
}

impl V3 {
    fn new(setup: &Setup) -> Self {
        Self { pack: setup.address.filter(|address| *address > 0), packs: 0 }
    }

    /// The packs that are asked for.
    fn wanted(&self) -> std::ops::RangeInclusive<u8> {
        self.pack.map_or(1..=self.packs.min(MOST_PACKS), |pack| pack..=pack)
    }

    /// The values of the whole.
    fn whole(&mut self, data: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
        reading.number("voltage", "V", scaled(swapped(data, 0)?, 2));
        reading.number("current", "A", scaled(swapped(data, 4)?.cast_signed(), 1));
        reading.number("remaining", "Ah", scaled(swapped(data, 8)?, 2));
        reading.number("capacity", "Ah", scaled(swapped(data, 20)?, 2));
        reading.number("discharge_limit", "A", scaled(swapped(data, 32)?, 1));
        reading.number("charge_limit", "A", scaled(swapped(data, 36)?, 1));
        reading.count("packs", "", data.u16_be(44)?);
        reading.count("cycles", "", data.u16_be(46)?);
        reading.number("soc", "%", scaled(data.u16_be(48)?, 1));
        reading.number("soh", "%", scaled(data.u16_be(50)?, 1));
        self.packs = u8::try_from(data.u16_be(44)?).unwrap_or(MOST_PACKS).min(MOST_PACKS);
        Ok(())
    }

    /// A name of a pack's value: its own where one pack is meant, else with the pack's number.
    fn name(&self, unit: u8, name: &'static str) -> std::borrow::Cow<'static, str> {
        if self.pack.is_some() { name.into() } else { format!("packs.{unit}.{name}").into() }
    }

    /// The values of a pack.
    fn pack(&self, unit: u8, data: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
        reading.number(self.name(unit, "voltage"), "V", scaled(data.u16_be(0)?, 2));
        reading.number(self.name(unit, "current"), "A", scaled(data.i16_be(2)?, 2));
        reading.number(self.name(unit, "remaining"), "Ah", scaled(data.u16_be(4)?, 2));
        reading.number(self.name(unit, "capacity"), "Ah", scaled(data.u16_be(6)?, 2));
        reading.number(self.name(unit, "soc"), "%", scaled(data.u16_be(10)?, 1));
        reading.number(self.name(unit, "soh"), "%", scaled(data.u16_be(12)?, 1));
        reading.count(self.name(unit, "cycles"), "", data.u16_be(14)?);
        reading.number(self.name(unit, "cell_max"), "V", scaled(data.u16_be(20)?, 3));
        reading.number(self.name(unit, "cell_min"), "V", scaled(data.u16_be(22)?, 3));
        Ok(())
    }

    /// The cells and sensors of a pack. Of the whole, packs follow each other as far as there are names; each pack's lowest and
    /// highest cell is told in any case.
    fn cells(&self, unit: u8, data: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
        let before = if self.pack.is_some() { 0 } else { usize::from(unit).saturating_sub(1) };
        let places: Vec<u16> = (0..PACK_CELLS).map(|cell| data.u16_be(2 * cell)).collect::<Result<_, _>>()?;
        // Places behind the last cell are zero.
        let cells = places.iter().rposition(|millivolt| *millivolt != 0).map_or(0, |last| last + 1);
        for (cell, millivolt) in places.iter().take(cells).enumerate() {
            let number = PACK_CELLS * before + cell + 1;
            if number <= MOST_CELLS {
                reading.cell(number, scaled(*millivolt, 3))?;
            }
        }
        // Of one pack: those of several in parallel do not add up to the voltage.
        reading.count("cell_count", "", i64::try_from(cells).unwrap_or_default());
        // Four at the cells, four without use, the surroundings, the MOSFETs.
        for (sensor, at) in [32, 34, 36, 38, 48, 50].into_iter().enumerate() {
            let number = PACK_SENSORS * before + sensor + 1;
            if number <= MOST_SENSORS {
                heat::kelvin(reading, number, data.u16_be(at)?, ZERO)?;
            }
        }
        Ok(())
    }
}

/// A number of 32 bits with the low word first.
fn swapped(data: Bytes<'_>, at: usize) -> Result<u32, Fault> {
    Ok(u32::from(data.u16_be(at + 2)?) << 16 | u32::from(data.u16_be(at)?))
}

/// The highest and the lowest cell of all packs.
fn extremes(data: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    reading.number("cell_max", "V", scaled(data.u16_be(0)?, 3));
    reading.number("cell_min", "V", scaled(data.u16_be(2)?, 3));
    Ok(())
}

/// The bits of the whole: state, events, switches, hardware.
fn events(data: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    super::layout::state(reading, data.u8(0)?);
    super::layout::switches(reading, data.u8(7)?);
    let bytes = [1, 2, 4, 6, 9];
    let mut bits = 0;
    for (place, at) in bytes.into_iter().enumerate() {
        bits |= u64::from(data.u8(at)?) << (8 * place);
    }
    reading.alarms(bits, &ALARMS);
    Ok(())
}

impl Protocol for V3 {
    fn poll(&self, need: Need) -> Vec<Question> {
        let ask = |name, unit, function, (first, count): Block| {
            Question::new(name, modbus::read(unit, function, first, count))
        };
        let mut questions = Vec::new();
        if self.pack.is_none() {
            questions.push(ask("whole", 0, REGISTERS, WHOLE));
            questions.push(ask("extremes", 0, REGISTERS, EXTREMES));
            questions.push(ask("events", 0, BITS, EVENTS));
        }
        for pack in self.wanted() {
            questions.push(ask("pack", pack, REGISTERS, PACK));
            if need.cells {
                questions.push(ask("cells", pack, REGISTERS, CELLS));
            }
            if self.pack.is_some() {
                questions.push(ask("bits", pack, BITS, PACK_BITS));
            }
        }
        questions
    }

    fn look(&self, bytes: &[u8]) -> Look {
        modbus::look(&(0..=MOST_PACKS), bytes)
    }

    fn answers(&self, frame: &[u8], question: &[u8]) -> bool {
        rtu::answers(frame, question)
    }

    fn read(&mut self, frame: &[u8], question: Option<&[u8]>) -> Result<Found, Fault> {
        let data = rtu::data(frame)?;
        let bytes = Bytes::new("the answer", data);
        let unit = frame[0];
        // Each block of a unit has a length of its own, so an answer tells what it is even without its question.
        let first = question.and_then(rtu::first).or(match (unit, data.len()) {
            (0, 52) => Some(WHOLE.0),
            (0, 44) => Some(EXTREMES.0),
            (0, 10) => Some(EVENTS.0),
            (_, 34) => Some(PACK.0),
            (_, 52) => Some(CELLS.0),
            (_, 18) => Some(PACK_BITS.0),
            _ => None,
        });
        let mut reading = Reading::default();
        match first {
            Some(0x2000) => self.whole(bytes, &mut reading)?,
            Some(0x2100) => extremes(bytes, &mut reading)?,
            Some(0x2200) => events(bytes, &mut reading)?,
            Some(0x1000) => self.pack(unit, bytes, &mut reading)?,
            Some(0x1100) => self.cells(unit, bytes, &mut reading)?,
            // Of the bits of a pack only the switches are known: they begin at bit 78.
            Some(0x1200) => super::layout::switches(&mut reading, bytes.u8(15)?),
            _ => return Ok(Found::other(Kind::Other("registers"))),
        }
        Ok(Found::values(reading))
    }
}

/// Voltage, temperature, current, capacity and hardware events, eight bits each. Those with a number have no published name.
const ALARMS: [(u8, &str); 40] = [
    (0, "alarms.cell_high_voltage"),
    (1, "alarms.cell_overvoltage"),
    (2, "alarms.cell_low_voltage"),
    (3, "alarms.cell_undervoltage"),
    (4, "alarms.pack_high_voltage"),
    (5, "alarms.pack_overvoltage"),
    (6, "alarms.pack_low_voltage"),
    (7, "alarms.pack_undervoltage"),
    (8, "alarms.charge_high_temp"),
    (9, "alarms.charge_overtemp"),
    (10, "alarms.charge_low_temp"),
    (11, "alarms.charge_undertemp"),
    (12, "alarms.discharge_high_temp"),
    (13, "alarms.discharge_overtemp"),
    (14, "alarms.discharge_low_temp"),
    (15, "alarms.discharge_undertemp"),
    (16, "alarms.charge_high_current"),
    (17, "alarms.charge_overcurrent"),
    (18, "alarms.charge_overcurrent_2"),
    (19, "alarms.discharge_high_current"),
    (20, "alarms.discharge_overcurrent"),
    (21, "alarms.discharge_overcurrent_2"),
    (22, "alarms.short_circuit"),
    (23, "alarms.current_event_8"),
    (24, "alarms.capacity_event_1"),
    (25, "alarms.capacity_event_2"),
    (26, "alarms.soc_low"),
    (27, "alarms.soc_protection"),
    (28, "alarms.cell_difference"),
    (29, "alarms.capacity_event_6"),
    (30, "alarms.capacity_event_7"),
    (31, "alarms.capacity_event_8"),
    (32, "alarms.temperature_sensor"),
    (33, "alarms.frontend_error"),
    (34, "alarms.charge_mos_fault"),
    (35, "alarms.discharge_mos_fault"),
    (36, "alarms.cell_fault"),
    (37, "alarms.broken_wire"),
    (38, "alarms.key_switch"),
    (39, "alarms.aerosol"),
];
