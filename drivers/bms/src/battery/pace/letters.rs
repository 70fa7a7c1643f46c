//! Pace on RS485 and RS232: frames of letters of version 25. Values by command 42, states by command 44.
//!
//! Facts: published notes on the protocol of the makers' program, with frames of a real pack.

use crate::battery::bytes::Bytes;
use crate::battery::heat;
use crate::battery::letters::{Letters, Maker, PACE, STATES, VALUES};
use crate::battery::reading::{MOST_CELLS, Reading, rounded, scaled};
use crate::battery::{Proof, Transport, Variant};
use crate::fault::Fault;

/// The registry's line.
pub(super) const VARIANT: Variant = Variant {
    name: "rs485_ascii",
    aliases: &["ascii"],
    transports: &[(Transport::Rs485, Proof::Capture), (Transport::Uart, Proof::Facts)],
    bauds: &[9600, 19200],
    ble: None,
    is_passive: false,
    make: |setup| Ok(Letters::boxed(&MAKER, setup)),
};

/// What it has of its own.
const MAKER: Maker = Maker {
    version: PACE,
    first: 1,
    info: None,
    asked: &[("values", VALUES), ("states", STATES)],
    identity: &[],
    guess,
    read: |command, info, reading| match command {
        VALUES => values(info, reading),
        STATES => states(info, reading),
        _ => Ok(()),
    },
};

/// Tenths of a kelvin at 0 °C.
const ZERO: i64 = 2730;

/// What an answer is whose question is not known, by its length.
fn guess(info: Bytes<'_>) -> Option<u8> {
    let cells = usize::from(info.u8(2).ok()?);
    let sensors = info.u8(3 + 2 * cells).map_or(0, usize::from);
    Some(if info.len() >= 4 + 2 * (cells + sensors) + 13 { VALUES } else { STATES })
}

/// A zero, the pack, its cells, temperatures, current, voltage and capacities.
fn values(info: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    let cells = usize::from(info.u8(2)?);
    if cells > MOST_CELLS {
        return Err(Fault::Cells(cells));
    }
    for cell in 0..cells {
        reading.cell(cell + 1, scaled(info.u16_be(3 + 2 * cell)?, 3))?;
    }
    let at = 3 + 2 * cells;
    let sensors = usize::from(info.u8(at)?);
    for sensor in 0..sensors {
        heat::kelvin(reading, sensor + 1, info.u16_be(at + 1 + 2 * sensor)?, ZERO)?;
    }
    let at = at + 1 + 2 * sensors;
    let (remaining, full) = (info.u16_be(at + 4)?, info.u16_be(at + 7)?);
    reading.number("current", "A", scaled(info.i16_be(at)?, 2));
    reading.number("voltage", "V", scaled(info.u16_be(at + 2)?, 3));
    reading.number("remaining", "Ah", scaled(remaining, 2));
    reading.number("full_capacity", "Ah", scaled(full, 2));
    reading.count("cycles", "", info.u16_be(at + 9)?);
    let design = info.u16_be(at + 11)?;
    reading.number("capacity", "Ah", scaled(design, 2));
    if full > 0 {
        reading.number("soc", "%", rounded(f64::from(remaining) * 100.0 / f64::from(full), 1));
    }
    if design > 0 {
        // A pack may hold more than it was made for.
        reading.number("soh", "%", rounded(f64::from(full) * 100.0 / f64::from(design), 1).min(100.0));
    }
    Ok(())
}

/// A byte for each cell and sensor, charge current, voltage, discharge current, then bits.
fn states(info: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    let cells = usize::from(info.u8(2)?);
    let sensors = usize::from(info.u8(3 + cells)?);
    let at = 4 + cells + sensors + 3;
    let protections = u64::from(info.u8(at)?) | u64::from(info.u8(at + 1)?) << 8 | u64::from(info.u8(at + 4)?) << 16;
    reading.alarms(protections, &PROTECTIONS);
    let system = info.u8(at + 2)?;
    reading.flag("charge_mos", system & 0x02 != 0);
    reading.flag("discharge_mos", system & 0x04 != 0);
    reading.flag("alarms.reverse_polarity", system & 0x10 != 0);
    reading.flag("balancing", info.u16_be(at + 5)? != 0);
    let warnings = u64::from(info.u8(at + 7)?) | u64::from(info.u8(at + 8)?) << 8;
    reading.alarms(warnings, &WARNINGS);
    Ok(())
}

/// Bits of both bytes of protections and of the byte of faults.
const PROTECTIONS: [(u8, &str); 20] = [
    (0, "alarms.cell_overvoltage"),
    (1, "alarms.cell_undervoltage"),
    (2, "alarms.pack_overvoltage"),
    (3, "alarms.pack_undervoltage"),
    (4, "alarms.charge_overcurrent"),
    (5, "alarms.discharge_overcurrent"),
    (6, "alarms.short_circuit"),
    (7, "alarms.charger_high_voltage"),
    (8, "alarms.charge_overtemp"),
    (9, "alarms.discharge_overtemp"),
    (10, "alarms.charge_undertemp"),
    (11, "alarms.discharge_undertemp"),
    (12, "alarms.mos_overtemp"),
    (13, "alarms.ambient_overtemp"),
    (14, "alarms.ambient_undertemp"),
    (16, "alarms.charge_mos_fault"),
    (17, "alarms.discharge_mos_fault"),
    (18, "alarms.temperature_sensor"),
    (20, "alarms.cell_fault"),
    (21, "alarms.frontend_error"),
];

/// Bits of both bytes of warnings; they come before a protection strikes.
const WARNINGS: [(u8, &str); 14] = [
    (0, "warnings.cell_overvoltage"),
    (1, "warnings.cell_undervoltage"),
    (2, "warnings.pack_overvoltage"),
    (3, "warnings.pack_undervoltage"),
    (4, "warnings.charge_overcurrent"),
    (5, "warnings.discharge_overcurrent"),
    (8, "warnings.charge_overtemp"),
    (9, "warnings.discharge_overtemp"),
    (10, "warnings.charge_undertemp"),
    (11, "warnings.discharge_undertemp"),
    (12, "warnings.ambient_overtemp"),
    (13, "warnings.ambient_undertemp"),
    (14, "warnings.mos_overtemp"),
    (15, "warnings.soc_low"),
];
