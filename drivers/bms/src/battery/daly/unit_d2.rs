//! Daly's Modbus dialect D2: newer boards over Bluetooth and serial lines. Current above 30000 is a charge.
//!
//! 62 registers from 0 are the state of the battery, 80 on some boards; 80 (hexadecimal) on are the settings, A9 on the versions.

use super::super::{Proof, Reading, Transport, Variant};
use super::dialect::{Block, Dialect, Unit};
use super::registers::Registers;
use super::{BLE, alarms, state_name};
use crate::fault::Fault;

/// The registry's line.
pub(super) const VARIANT: Variant = Variant {
    name: "modbus_d2",
    aliases: &[],
    transports: &[(Transport::Ble, Proof::Capture), (Transport::Uart, Proof::Facts), (Transport::Rs485, Proof::Facts)],
    bauds: &[9600],
    ble: Some(&BLE),
    is_passive: false,
    make: |setup| Ok(Box::new(Unit::new(&DIALECT, setup))),
};

/// What it has of its own.
const DIALECT: Dialect = Dialect {
    first_unit: 0xd2,
    most_units: 14,
    shift: 0,
    state: &[Block::new("state", STATE, 0x3e), Block::new("MOSFET temperature", 0x3e, 9)],
    identity: &[Block::new("settings", 0x80, 0x29), Block::new("versions", VERSION, 0x20)],
    // Some boards are asked for more of the state at once.
    others: &[Block::new("state", STATE, 0x50)],
    charge: CHARGE,
    discharge: DISCHARGE,
    balancer: Some(0xcf),
    read,
};

/// Where the state and the versions begin.
const STATE: u16 = 0x00;
const VERSION: u16 = 0xa9;
/// The switches.
const CHARGE: u16 = 0xa5;
const DISCHARGE: u16 = 0xa6;

fn read(registers: &Registers<'_>, is_reversed: bool, reading: &mut Reading) -> Result<(), Fault> {
    if registers.first() == VERSION {
        let text = registers.bytes("the version");
        reading.text("software_version", &text.text(0, 32)?);
        reading.text("hardware_version", &text.text(32, 32)?);
        return Ok(());
    }
    if registers.first() == STATE {
        state(registers, is_reversed, reading)?;
    }
    more(registers, reading);
    settings(registers, reading);
    Ok(())
}

/// The state of the battery.
fn state(registers: &Registers<'_>, is_reversed: bool, reading: &mut Reading) -> Result<(), Fault> {
    registers.number(reading, "voltage", "V", 0x28, 1);
    registers.current(reading, "current", 0x29, 1, is_reversed);
    // The device's own figure, which has no sign.
    registers.number(reading, "power", "W", 0x39, 0);
    registers.number(reading, "soc", "%", 0x2a, 1);
    registers.number(reading, "remaining", "Ah", 0x30, 1);
    registers.count(reading, "cycles", 0x33);
    registers.cells(reading, registers.need(0x31)?)?;
    registers.temperatures(reading, 0x20, registers.need(0x32)?)?;
    registers.number(reading, "cell_max", "V", 0x2b, 3);
    registers.number(reading, "cell_min", "V", 0x2c, 3);
    registers.number(reading, "cell_mean", "V", 0x37, 3);
    registers.number(reading, "cell_delta", "V", 0x38, 3);
    registers.celsius(reading, "temperature_max", 0x2d);
    registers.celsius(reading, "temperature_min", 0x2e);
    reading.text("state", state_name(registers.need(0x2f)?));
    registers.flag(reading, "charge_mos", 0x35);
    registers.flag(reading, "discharge_mos", 0x36);
    registers.flag(reading, "balancing", 0x34);
    let word = |at| registers.need(at).map(u64::from);
    let bits = word(0x3a)? | word(0x3b)? << 16 | word(0x3c)? << 32 | word(0x3d)? << 48;
    reading.alarms(bits, alarms::ALARMS);
    Ok(())
}

/// What only some boards send with the rest.
fn more(registers: &Registers<'_>, reading: &mut Reading) {
    if let (Some(low), Some(high)) = (registers.get(0x3e), registers.get(0x3f)) {
        reading.count("balancing_mask", "", u32::from(low) | u32::from(high) << 16);
    }
    registers.current(reading, "balance_current", 0x40, 3, false);
    registers.celsius(reading, "mos_temperature", 0x42);
}

/// The settings that are worth a datapoint.
fn settings(registers: &Registers<'_>, reading: &mut Reading) {
    registers.number(reading, "capacity", "Ah", 0x80, 1);
    registers.number(reading, "limits.cell_overvoltage", "V", 0x8c, 3);
    registers.number(reading, "limits.cell_undervoltage", "V", 0x8e, 3);
    registers.flag(reading, "charge_mos_switch", CHARGE);
    registers.flag(reading, "discharge_mos_switch", DISCHARGE);
    registers.celsius(reading, "limits.mos_overtemp", 0xa8);
}
