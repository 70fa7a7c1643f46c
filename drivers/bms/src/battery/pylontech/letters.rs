//! Pylontech modules on RS485: frames of letters. Addresses begin with 2, the master.
//!
//! Facts: Pylontech's RS485 protocol 3.3 for low voltage, with its example.

use crate::battery::ascii;
use crate::battery::bytes::Bytes;
use crate::battery::reading::{MOST_CELLS, Reading, rounded, scaled};
use crate::battery::stream::Look;
use crate::battery::talk::{Protocol, Talk};
use crate::battery::{Found, Kind, Need, Proof, Question, Transport, Variant};
use crate::fault::Fault;

/// The registry's line.
pub(super) const VARIANT: Variant = Variant {
    name: "rs485_ascii",
    aliases: &["ascii", "us"],
    transports: &[(Transport::Rs485, Proof::Vector), (Transport::Uart, Proof::Facts)],
    bauds: &[115_200, 9600],
    ble: None,
    is_passive: false,
    make: |setup| Ok(Talk::boxed(Letters { address: setup.address }, setup)),
};

/// The version in questions; modules ignore it.
const VERSION: u8 = 0x20;

/// The version of Pace, which otherwise frames alike.
const PACE: u8 = 0x25;

/// The address of the first module.
const MASTER: u8 = 2;

/// Commands.
const VALUES: u8 = 0x42;
const ALARMS: u8 = 0x44;
const LIMITS: u8 = 0x92;
const SERIAL: u8 = 0x93;

/// Tenths of a kelvin at 0 °C.
const ZERO: i64 = 2731;

/// Bytes of values behind the temperatures.
const SMALL_VALUES: usize = 11;
const LARGE_VALUES: usize = 17;

/// User defined items of a module that counts beyond 65 Ah.
const LARGE: u8 = 4;

/// One module.
struct Letters {
    address: Option<u8>,
}

impl Letters {
    fn ask(&self, name: &'static str, command: u8) -> Question {
        let address = self.address.unwrap_or(MASTER);
        Question::new(name, ascii::question(VERSION, address, command, &[address]))
    }
}

impl Protocol for Letters {
    fn poll(&self, need: Need) -> Vec<Question> {
        let mut questions = vec![self.ask("values", VALUES), self.ask("alarms", ALARMS), self.ask("limits", LIMITS)];
        if need.identity {
            questions.push(self.ask("serial", SERIAL));
        }
        questions
    }

    fn look(&self, bytes: &[u8]) -> Look {
        ascii::look(bytes)
    }

    fn answers(&self, frame: &[u8], question: &[u8]) -> bool {
        ascii::answers(frame, question)
    }

    fn read(&mut self, frame: &[u8], question: Option<&[u8]>) -> Result<Found, Fault> {
        let answer = ascii::answer(frame)?;
        if self.address.is_some_and(|own| own != answer.address) {
            return Err(Fault::Foreign(format!("an answer of address {}", answer.address)));
        }
        if answer.version == PACE {
            return Err(Fault::Foreign("a frame of Pace, version 25".to_owned()));
        }
        let info = Bytes::new("the answer", &answer.info);
        let mut reading = Reading::default();
        match question.and_then(ascii::command).or_else(|| guess(info)) {
            Some(VALUES) => values(info, &mut reading)?,
            Some(ALARMS) => alarms(info, &mut reading)?,
            Some(LIMITS) => limits(info, &mut reading)?,
            Some(SERIAL) => reading.text("serial", &info.text(1, 16)?),
            _ => return Ok(Found::other(Kind::Other("answer"))),
        }
        Ok(Found::values(reading))
    }
}

/// What an answer is whose question is not known, by its length.
fn guess(info: Bytes<'_>) -> Option<u8> {
    let cells = usize::from(info.u8(2).ok()?);
    let with = |size: usize| {
        let sensors = usize::from(info.u8(3 + size * cells).ok()?);
        Some(4 + size * (cells + sensors))
    };
    if with(2).is_some_and(|end| [end + SMALL_VALUES, end + LARGE_VALUES].contains(&info.len())) {
        Some(VALUES)
    } else if with(1).is_some_and(|end| info.len() == end + 8) {
        Some(ALARMS)
    } else {
        None
    }
}

/// Command 42: a flag, the module, its cells, temperatures, current, voltage and capacities.
fn values(info: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    let cells = usize::from(info.u8(2)?);
    if cells > MOST_CELLS {
        return Err(Fault::Cells(cells));
    }
    for cell in 0..cells {
        reading.cell(cell + 1, scaled(info.i16_be(3 + 2 * cell)?, 3))?;
    }
    let at = 3 + 2 * cells;
    let sensors = usize::from(info.u8(at)?);
    for sensor in 0..sensors {
        let raw = i64::from(info.i16_be(at + 1 + 2 * sensor)?);
        reading.temperature(sensor + 1, scaled(raw - ZERO, 1))?;
    }
    let at = at + 1 + 2 * sensors;
    // Others speak like this too, with other values behind the temperatures.
    if ![at + SMALL_VALUES, at + LARGE_VALUES].contains(&info.len()) {
        return Err(Fault::Foreign(format!("{} bytes of values", info.len().saturating_sub(at))));
    }
    reading.number("current", "A", scaled(info.i16_be(at)?, 1));
    reading.number("voltage", "V", scaled(info.u16_be(at + 2)?, 3));
    reading.count("cycles", "", info.u16_be(at + 9)?);
    let is_large = info.u8(at + 6)? >= LARGE;
    let three = |at: usize| Ok(u32::from(info.u8(at)?) << 16 | u32::from(info.u16_be(at + 1)?));
    let (remaining, capacity) = if is_large {
        (three(at + 11)?, three(at + 14)?)
    } else {
        (info.u16_be(at + 4)?.into(), info.u16_be(at + 7)?.into())
    };
    reading.number("remaining", "Ah", scaled(remaining, 3));
    reading.number("capacity", "Ah", scaled(capacity, 3));
    if capacity > 0 {
        reading.number("soc", "%", rounded(f64::from(remaining) * 100.0 / f64::from(capacity), 1));
    }
    Ok(())
}

/// Command 44: a byte for each cell and sensor, charge current, voltage, discharge current, and five bytes of bits.
fn alarms(info: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    let cells = usize::from(info.u8(2)?);
    let states = info.slice(3, cells)?;
    let sensors = usize::from(info.u8(3 + cells)?);
    let at = 4 + cells;
    let heat = info.slice(at, sensors)?;
    let at = at + sensors;
    let is = |bytes: &[u8], state: u8| bytes.contains(&state);
    reading.flag("alarms.cell_low_voltage", is(states, 1));
    reading.flag("alarms.cell_high_voltage", is(states, 2));
    reading.flag("alarms.low_temp", is(heat, 1));
    reading.flag("alarms.high_temp", is(heat, 2));
    reading.flag("alarms.charge_high_current", info.u8(at)? != 0);
    reading.flag("alarms.pack_voltage", info.u8(at + 1)? != 0);
    reading.flag("alarms.discharge_high_current", info.u8(at + 2)? != 0);
    reading.alarms(info.u8(at + 3)?.into(), &PROTECTIONS);
    let switches = info.u8(at + 4)?;
    reading.flag("charge_mos", switches & 2 != 0);
    reading.flag("discharge_mos", switches & 4 != 0);
    let state = info.u8(at + 5)?;
    reading.flag("full", state & 8 != 0);
    reading.flag("buzzer", state & 1 != 0);
    reading.flag("alarms.cell_fault", info.u16_be(at + 6)? != 0);
    Ok(())
}

/// Command 92: what the module wants of the inverter.
fn limits(info: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    reading.number("charge_voltage_limit", "V", scaled(info.u16_be(1)?, 3));
    reading.number("discharge_voltage_limit", "V", scaled(info.u16_be(3)?, 3));
    reading.number("charge_limit", "A", scaled(info.i16_be(5)?, 1));
    reading.number("discharge_limit", "A", scaled(info.i16_be(7)?.saturating_abs(), 1));
    let bits = info.u8(9)?;
    reading.flag("charge_allowed", bits & 0x80 != 0);
    reading.flag("discharge_allowed", bits & 0x40 != 0);
    reading.flag("charge_requested", bits & 0x30 != 0);
    reading.flag("full_charge_requested", bits & 0x08 != 0);
    Ok(())
}

/// Bits of the first byte of bits.
const PROTECTIONS: [(u8, &str); 7] = [
    (0, "alarms.pack_overvoltage"),
    (1, "alarms.cell_undervoltage"),
    (2, "alarms.charge_overcurrent"),
    (4, "alarms.discharge_overcurrent"),
    (5, "alarms.discharge_overtemp"),
    (6, "alarms.charge_overtemp"),
    (7, "alarms.pack_undervoltage"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_has_the_letters_of_the_document() {
        let module = Letters { address: Some(2) };
        assert_eq!(module.poll(Need::ALL)[0].bytes, b"~20024642E00202FD33\r");
    }
}
