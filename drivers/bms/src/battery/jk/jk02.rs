//! JK over Bluetooth: `55 AA EB 90 TYPE COUNTER`, values with their low byte first, and the low byte of the sum at 299. Type 1 holds
//! settings, 2 the cells, 3 names the device.
//!
//! A question is `AA 55 90 EB COMMAND LENGTH`, 13 bytes and their sum. After the first one for cells the board sends them about
//! twice a second. The radio module says `AT` between frames, and the board says that it is ready; both are noise here. Software
//! before 11 has room for 24 cells, from 11 for 32, which moves all that follows. Facts: published notes and captures.

use super::super::bytes::Bytes;
use super::super::reading::{MOST_CELLS, Reading, scaled};
use super::super::stream::{Look, Stream};
use super::super::sums::sum8;
use super::super::{Battery, Ble, Found, Kind, Need, Proof, Question, Setup, Switch, Transport, Variant};
use crate::fault::Fault;

/// The registry's line.
pub(super) const VARIANT: Variant = Variant {
    name: "jk02_ble",
    aliases: &["jk02_ble_jk02-24s*", "jk02_ble_jk02-32s*"],
    transports: &[(Transport::Ble, Proof::Vector)],
    bauds: &[],
    ble: Some(&BLE),
    is_passive: false,
    make: |setup| Ok(Box::new(Jk02::new(setup))),
};

/// What it shows over Bluetooth. Some modules have the characteristic twice; one of them notifies, one takes questions.
const BLE: Ble = Ble {
    service: "0000ffe0-0000-1000-8000-00805f9b34fb",
    notify: "0000ffe1-0000-1000-8000-00805f9b34fb",
    write: "0000ffe1-0000-1000-8000-00805f9b34fb",
    names: &["JK-*", "JK_*"],
    companies: &[0x0b65, 0x4b4a],
};

const START: [u8; 4] = [0x55, 0xaa, 0xeb, 0x90];
/// The length of a frame.
const FRAME: usize = 300;
const SETTINGS: u8 = 1;
const CELLS: u8 = 2;
const DEVICE: u8 = 3;

const ASK_DEVICE: u8 = 0x97;
const ASK_CELLS: u8 = 0x96;
const CHARGE: u8 = 0x1d;
const DISCHARGE: u8 = 0x1e;

/// No cell has more; what claims to is another layout.
const MOST_MILLIVOLT: u16 = 10_000;
/// Where a sensor says that it is not there, in tenths of a degree.
const ABSENT: i16 = -2000;

/// Its switches.
const SWITCHES: &[Switch] = &[
    Switch { name: "charge_mos", needs_state: false, needs_password: false },
    Switch { name: "discharge_mos", needs_state: false, needs_password: false },
];

/// Bits of the errors.
const ALARMS: &[(u8, &str)] = &[
    (0, "alarms.wire_resistance"),
    (1, "alarms.mos_overtemp"),
    (2, "alarms.cell_count"),
    (4, "alarms.cell_overvoltage"),
    (5, "alarms.pack_overvoltage"),
    (6, "alarms.charge_overcurrent"),
    (7, "alarms.charge_short_circuit"),
    (8, "alarms.charge_overtemp"),
    (9, "alarms.charge_undertemp"),
    (10, "alarms.coprocessor_fault"),
    (11, "alarms.cell_undervoltage"),
    (12, "alarms.pack_undervoltage"),
    (13, "alarms.discharge_overcurrent"),
    (14, "alarms.discharge_short_circuit"),
    (15, "alarms.discharge_overtemp"),
    (16, "alarms.charge_mos_fault"),
    (17, "alarms.discharge_mos_fault"),
    (21, "alarms.battery_overtemp"),
    (22, "alarms.sensor_fault"),
    (25, "alarms.overcurrent_2"),
    (26, "alarms.overcurrent_3"),
    (27, "alarms.discharge_undertemp"),
];

/// Where the fields of a frame of cells lie.
struct Layout {
    /// What is added to places behind the cells.
    cells: usize,
    /// What is added to places behind the resistances of the wires.
    rest: usize,
    /// The temperature sensors in their order: the bit that says that one is fitted, and its place.
    sensors: &'static [(u8, usize)],
    /// Where the MOSFETs' own temperature stands.
    mos: usize,
}

/// For 24 cells.
const FOR_24: Layout = Layout { cells: 0, rest: 0, sensors: &[(0, 130), (1, 132), (2, 134)], mos: 134 };
/// For 32 cells, software 11 to 13.
const FOR_32: Layout = Layout { cells: 16, rest: 32, sensors: &[(0, 144), (1, 162), (2, 164), (3, 254)], mos: 144 };
/// For 32 cells, software from 14.
const FOR_32_LATE: Layout =
    Layout { cells: 16, rest: 32, sensors: &[(0, 144), (1, 162), (2, 164), (3, 254), (4, 256), (5, 258)], mos: 144 };

/// One JK battery.
struct Jk02 {
    is_reversed: bool,
    stream: Stream,
    /// The first number of the software's version, once it is known.
    software: Option<u32>,
    /// The command of the open question.
    open: Option<u8>,
}

impl Jk02 {
    fn new(setup: &Setup) -> Self {
        let software = software_of(&setup.variant);
        Self { is_reversed: setup.is_reversed, stream: Stream::default(), software, open: None }
    }

    fn read(&mut self, frame: &[u8]) -> Result<Found, Fault> {
        let all = Bytes::new("the frame", frame);
        match all.u8(4)? {
            CELLS => self.cells(all).map(|reading| self.answer(ASK_CELLS, reading)),
            DEVICE => {
                let version = all.text(30, 8)?;
                self.software = version.split('.').next().and_then(|number| number.parse().ok()).or(self.software);
                let mut reading = Reading::default();
                reading.text("model", &all.text(6, 16)?);
                reading.text("hardware_version", &all.text(22, 8)?);
                reading.text("software_version", &version);
                reading.text("name", &all.text(46, 16)?);
                reading.text("serial", &all.text(86, 16)?);
                Ok(self.answer(ASK_DEVICE, reading))
            }
            SETTINGS => Ok(Found { done: false, ..Found::other(Kind::Other("settings")) }),
            other => Err(Fault::Foreign(format!("there is no type {other:02X}"))),
        }
    }

    /// Values, which end the question for them; cells also come unasked while another question is open.
    fn answer(&mut self, command: u8, reading: Reading) -> Found {
        let done = self.open.is_none_or(|open| open == command);
        self.open = self.open.filter(|_| !done);
        Found { done, ..Found::values(reading) }
    }

    /// The layout of a frame: by the software, or by which one has the cells add up to the pack.
    fn layout(&self, all: Bytes<'_>) -> Result<&'static Layout, Fault> {
        match self.software {
            Some(0..11) => return Ok(&FOR_24),
            Some(11..14) => return Ok(&FOR_32),
            Some(_) => return Ok(&FOR_32_LATE),
            None => {}
        }
        let off = |layout: &Layout| -> Result<i64, Fault> {
            let mut sum = 0;
            for place in 0..MOST_CELLS - if layout.rest == 0 { 8 } else { 0 } {
                sum += i64::from(all.u16_le(6 + 2 * place)?);
            }
            Ok((i64::from(all.u32_le(118 + layout.rest)?) - sum).abs())
        };
        Ok(if off(&FOR_24)? < off(&FOR_32)? {
            &FOR_24
        } else if all.u32_le(256)? == 0 {
            &FOR_32
        } else {
            &FOR_32_LATE
        })
    }

    fn cells(&self, all: Bytes<'_>) -> Result<Reading, Fault> {
        let layout = self.layout(all)?;
        let at = |place: usize| place + layout.rest;
        let mut reading = Reading::default();
        let milliampere = i64::from(all.i32_le(at(126))?);
        reading.number("voltage", "V", scaled(all.u32_le(at(118))?, 3));
        reading.number("current", "A", scaled(if self.is_reversed { -milliampere } else { milliampere }, 3));
        reading.number("soc", "%", f64::from(all.u8(at(141))?));
        reading.number("soh", "%", f64::from(all.u8(at(158))?));
        reading.number("capacity", "Ah", scaled(all.u32_le(at(146))?, 3));
        reading.number("remaining", "Ah", scaled(all.u32_le(at(142))?, 3));
        reading.count("cycles", "", all.u32_le(at(150))?);
        reading.number("throughput", "Ah", scaled(all.u32_le(at(154))?, 3));
        reading.count("uptime", "s", all.u32_le(at(162))?);
        voltages(all, layout, &mut reading)?;
        temperatures(all, layout, &mut reading)?;
        reading.flag("charge_mos", all.u8(at(166))? != 0);
        reading.flag("discharge_mos", all.u8(at(167))? != 0);
        // 1 moves charge into a cell, 2 out of one.
        reading.flag("balancing", all.u8(at(140))? != 0);
        reading.number("balance_current", "A", scaled(all.i16_le(at(138))?, 3));
        reading.flag("heater", all.u8(at(183))? != 0);
        let bits = if layout.rest == 0 { all.u16_le(136)?.into() } else { all.u32_le(166)? };
        reading.alarms(bits.into(), ALARMS);
        reading.count("alarm_bits", "", bits);
        Ok(reading)
    }

    fn all(&mut self, next: impl Fn(&mut Stream) -> Option<Result<Vec<u8>, Fault>>) -> Vec<Result<Found, Fault>> {
        let mut found = Vec::new();
        while let Some(frame) = next(&mut self.stream) {
            found.push(frame.and_then(|frame| self.read(&frame)));
        }
        found
    }
}

/// The cells that the mask says are there.
fn voltages(all: Bytes<'_>, layout: &Layout, reading: &mut Reading) -> Result<(), Fault> {
    let mask = all.u32_le(54 + layout.cells)?;
    let mask = if layout.rest == 0 { mask & 0x00ff_ffff } else { mask };
    reading.count("cell_count", "", mask.count_ones());
    for place in (0..MOST_CELLS).filter(|place| mask >> place & 1 == 1) {
        let millivolt = all.u16_le(6 + 2 * place)?;
        if millivolt > MOST_MILLIVOLT {
            return Err(Fault::Impossible { what: "a cell of millivolt", value: millivolt.into() });
        }
        reading.cell(place + 1, scaled(millivolt, 3))?;
    }
    Ok(())
}

/// The sensors that are fitted, counted without gaps; the first of 32-cell boards is that of the MOSFETs.
fn temperatures(all: Bytes<'_>, layout: &Layout, reading: &mut Reading) -> Result<(), Fault> {
    let fitted = all.u16_le(182 + layout.rest)?;
    let mut number = 0;
    for (bit, place) in layout.sensors {
        let tenths = all.i16_le(*place)?;
        // Older boards leave the mask at zero.
        if tenths == ABSENT || (fitted != 0 && fitted >> bit & 1 == 0) {
            continue;
        }
        number += 1;
        reading.temperature(number, scaled(tenths, 1))?;
        if *place == layout.mos {
            reading.number("mos_temperature", "°C", scaled(tenths, 1));
        }
    }
    Ok(())
}

/// The first number of the version that a variant's name tells: `jk02_ble_jk02-32s-v19.27`.
fn software_of(variant: &str) -> Option<u32> {
    let rest = variant.strip_prefix("jk02_ble_jk02-")?;
    match rest.split_once("-v") {
        Some((_, version)) => version.split('.').next()?.parse().ok(),
        None if rest.starts_with("24s") => Some(10),
        None => Some(11),
    }
}

/// A question.
fn framed(command: u8, value: &[u8]) -> Vec<u8> {
    let length = u8::try_from(value.len()).unwrap_or(u8::MAX);
    let mut bytes = vec![0xaa, 0x55, 0x90, 0xeb, command, length];
    bytes.extend_from_slice(value);
    bytes.resize(19, 0);
    bytes.push(sum8(&bytes));
    bytes
}

/// What the bytes look like.
fn look(bytes: &[u8]) -> Look {
    let common = bytes.len().min(START.len());
    if bytes[..common] != START[..common] {
        return Look::Not;
    }
    let Some(frame) = bytes.get(..FRAME) else { return Look::More(Some(FRAME)) };
    let expected = sum8(&frame[..FRAME - 1]);
    let found = frame[FRAME - 1];
    if expected == found {
        Look::Good(FRAME)
    } else {
        Look::Bad(FRAME, Fault::Checksum { expected: expected.into(), found: found.into() })
    }
}

impl Battery for Jk02 {
    fn opening(&self) -> Vec<Question> {
        vec![Question::new("device", framed(ASK_DEVICE, &[]))]
    }

    fn poll(&self, _need: Need) -> Vec<Question> {
        vec![Question::new("cells", framed(ASK_CELLS, &[]))]
    }

    fn asked(&mut self, question: &[u8]) {
        self.open = question.get(4).copied().filter(|command| [ASK_CELLS, ASK_DEVICE].contains(command));
    }

    fn feed(&mut self, bytes: &[u8]) -> Vec<Result<Found, Fault>> {
        self.stream.push(bytes);
        self.all(|stream| stream.next(look))
    }

    fn quiet(&mut self) -> Vec<Result<Found, Fault>> {
        let found = self.all(|stream| stream.end(look));
        self.open = None;
        found
    }

    fn switches(&self) -> &'static [Switch] {
        SWITCHES
    }

    fn switch(&self, name: &str, on: bool, _now: &Reading) -> Result<Vec<Question>, Fault> {
        let command = match name {
            "charge_mos" => CHARGE,
            "discharge_mos" => DISCHARGE,
            other => return Err(Fault::Unwritable(format!("this battery has no switch `{other}`"))),
        };
        // Writes are not answered; only the next cells tell whether they worked.
        let bytes = framed(command, &[on.into(), 0, 0, 0]);
        Ok(vec![Question { is_answered: false, ..Question::new("switch", bytes) }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_have_the_bytes_of_captures() {
        let jk = Jk02::new(&Setup::default());
        let zeros = [0; 13];
        assert_eq!(jk.opening()[0].bytes, [&[0xaa, 0x55, 0x90, 0xeb, 0x97, 0][..], &zeros, &[0x11]].concat());
        assert_eq!(jk.poll(Need::ALL)[0].bytes, [&[0xaa, 0x55, 0x90, 0xeb, 0x96, 0][..], &zeros, &[0x10]].concat());
    }

    #[test]
    fn a_variant_may_name_the_software() {
        assert_eq!(software_of("jk02_ble_jk02-24s"), Some(10));
        assert_eq!(software_of("jk02_ble_jk02-32s"), Some(11));
        assert_eq!(software_of("jk02_ble_jk02-32s-v19.27"), Some(19));
        assert_eq!(software_of("jk02_ble"), None);
    }
}
