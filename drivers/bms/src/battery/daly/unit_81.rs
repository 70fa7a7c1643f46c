//! Daly's Modbus dialect 81: battery `n` of a line is asked at 80 + n and answers from 50 + n. Current above 30000 is a charge.
//!
//! The registers are those of D2 with room for 48 cells, so most numbers lie higher.

use super::super::{Proof, Reading, Transport, Variant};
use super::dialect::{Block, Dialect, Unit};
use super::registers::Registers;
use super::{BLE, alarms, state_name};
use crate::fault::Fault;

/// The registry's line.
pub(super) const VARIANT: Variant = Variant {
    name: "modbus_81",
    aliases: &[],
    transports: &[(Transport::Ble, Proof::Capture), (Transport::Rs485, Proof::Facts), (Transport::Uart, Proof::Facts)],
    bauds: &[9600],
    ble: Some(&BLE),
    is_passive: false,
    make: |setup| Ok(Box::new(Unit::new(&DIALECT, setup))),
};

/// What it has of its own.
const DIALECT: Dialect = Dialect {
    first_unit: 0x81,
    most_units: 16,
    shift: 0x30,
    state: &[Block::new("cells and pack", 0x00, 0x40), Block::new("state", 0x41, 0x3e)],
    identity: &[Block::new("versions", VERSION, 0x4a)],
    others: &[],
    charge: 0x121,
    discharge: 0x122,
    balancer: None,
    read,
};

/// Where the versions begin.
const VERSION: u16 = 0x178;
/// The first of seven registers of faults.
const FAULTS: u16 = 0x6d;

fn read(registers: &Registers<'_>, is_reversed: bool, reading: &mut Reading) -> Result<(), Fault> {
    if registers.first() == VERSION {
        let text = registers.bytes("the version");
        reading.text("hardware_version", &text.text(0, 14)?);
        reading.text("software_version", &text.text(14, 14)?);
        reading.text("serial", &text.text(42, 28)?);
        return Ok(());
    }
    state(registers, is_reversed, reading)?;
    more(registers, reading);
    Ok(())
}

/// The pack and its cells.
fn state(registers: &Registers<'_>, is_reversed: bool, reading: &mut Reading) -> Result<(), Fault> {
    registers.number(reading, "voltage", "V", 0x38, 1);
    registers.current(reading, "current", 0x39, 1, is_reversed);
    registers.number(reading, "soc", "%", 0x3a, 1);
    if let (Some(count), Some(_)) = (registers.get(0x3c), registers.get(0)) {
        registers.cells(reading, count)?;
    }
    if let (Some(count), Some(_)) = (registers.get(0x3d), registers.get(0x30)) {
        registers.temperatures(reading, 0x30, count)?;
    }
    registers.number(reading, "cell_max", "V", 0x3e, 3);
    registers.count(reading, "cell_max_number", 0x3f);
    registers.number(reading, "cell_min", "V", 0x40, 3);
    registers.count(reading, "cell_min_number", 0x41);
    Ok(())
}

/// The second half.
fn more(registers: &Registers<'_>, reading: &mut Reading) {
    registers.number(reading, "cell_delta", "V", 0x42, 3);
    registers.celsius(reading, "temperature_max", 0x43);
    registers.celsius(reading, "temperature_min", 0x45);
    if let Some(state) = registers.get(0x48) {
        reading.text("state", state_name(state));
    }
    registers.number(reading, "remaining", "Ah", 0x4b, 1);
    registers.count(reading, "cycles", 0x4c);
    registers.flag(reading, "balancing", 0x4d);
    registers.current(reading, "balance_current", 0x4e, 3, false);
    if let (Some(low), Some(high)) = (registers.get(0x4f), registers.get(0x50)) {
        reading.count("balancing_mask", "", u32::from(low) | u32::from(high) << 16);
    }
    let switches =
        [(0x52, "charge_mos"), (0x53, "discharge_mos"), (0x54, "precharge_mos"), (0x55, "heater"), (0x56, "fan")];
    for (at, name) in switches {
        registers.flag(reading, name, at);
    }
    registers.number(reading, "cell_mean", "V", 0x57, 3);
    registers.celsius(reading, "mos_temperature", 0x5a);
    registers.celsius(reading, "board_temperature", 0x5b);
    let words: Option<Vec<u16>> = (FAULTS..FAULTS + 7).map(|at| registers.get(at)).collect();
    if let Some(words) = words {
        let bits = words.iter().rev().fold(0_u128, |bits, word| bits << 16 | u128::from(*word));
        for (bit, width, name) in alarms::LEVELS {
            reading.flag(*name, bits >> bit & ((1 << width) - 1) != 0);
        }
    }
}
