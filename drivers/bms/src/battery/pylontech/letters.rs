//! Pylontech modules on RS485: frames of letters. Addresses begin with 2, the master.
//!
//! Facts: Pylontech's RS485 protocol 3.3 for low voltage, with its example.

use crate::battery::bytes::Bytes;
use crate::battery::heat;
use crate::battery::letters::{Letters, Maker, STATES, VALUES};
use crate::battery::reading::{MOST_CELLS, Reading, rounded, scaled};
use crate::battery::{Proof, Transport, Variant};
use crate::fault::Fault;

/// The registry's line.
pub(super) const VARIANT: Variant = Variant {
    name: "rs485_ascii",
    aliases: &["ascii", "us"],
    transports: &[(Transport::Rs485, Proof::Vector), (Transport::Uart, Proof::Facts)],
    bauds: &[115_200, 9600],
    ble: None,
    is_passive: false,
    make: |setup| Ok(Letters::boxed(&MAKER, setup)),
};

/// What it has of its own. Modules ignore the version in questions.
const MAKER: Maker = Maker {
    version: 0x20,
    first: 2,
    info: None,
    asked: &[("values", VALUES), ("alarms", STATES), ("limits", LIMITS)],
    identity: &[("serial", SERIAL)],
    guess,
    read: |command, info, reading| {
        match command {
            VALUES => values(info, reading)?,
            STATES => alarms(info, reading)?,
            LIMITS => limits(info, reading)?,
            SERIAL => reading.text("serial", &info.text(1, 16)?),
            _ => {}
        }
        Ok(())
    },
};

/// Commands of its own.
const LIMITS: u8 = 0x92;
const SERIAL: u8 = 0x93;

/// Tenths of a kelvin at 0 °C.
const ZERO: i64 = 2731;

/// Bytes of values behind the temperatures.
const SMALL_VALUES: usize = 11;
const LARGE_VALUES: usize = 17;

/// User defined items of a module that counts beyond 65 Ah.
const LARGE: u8 = 4;

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
        Some(STATES)
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
        heat::kelvin(reading, sensor + 1, info.u16_be(at + 1 + 2 * sensor)?, ZERO)?;
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
    use crate::battery::letters::questions;

    #[test]
    fn a_question_has_the_letters_of_the_document() {
        assert_eq!(questions(&MAKER, 2)[0], b"~20024642E00202FD33\r");
    }
}
