//! Daly's Modbus dialect D2: newer boards over Bluetooth and serial lines. Current above 30000 is a charge.
//!
//! 62 registers from 0 are the state of the battery, 80 on some boards; 80 (hexadecimal) on are the settings, A9 on the versions.

use super::super::bytes::Bytes;
use super::super::modbus::{self, Answer, Body, Modbus};
use super::super::{Battery, Found, Kind, Need, Proof, Question, Reading, Setup, Switch, Transport, Variant};
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
    make: |setup| Ok(Box::new(UnitD2::new(setup))),
};

/// The first battery of a line; the next has one more.
const UNIT: u8 = 0xd2;
/// The last one.
const LAST: u8 = 0xdf;

/// First register and number of registers.
const STATE: (u16, u16) = (0x00, 0x3e);
const MORE: (u16, u16) = (0x3e, 9);
const SETTINGS: (u16, u16) = (0x80, 0x29);
const VERSION: (u16, u16) = (0xa9, 0x20);
/// The switches.
const CHARGE: u16 = 0xa5;
const DISCHARGE: u16 = 0xa6;
const BALANCER: u16 = 0xcf;

/// Its switches.
const SWITCHES: &[Switch] = &[
    Switch { name: "charge_mos", needs_state: false, needs_password: false },
    Switch { name: "discharge_mos", needs_state: false, needs_password: false },
];

/// One battery.
struct UnitD2 {
    unit: u8,
    is_reversed: bool,
    line: Modbus,
}

impl UnitD2 {
    fn new(setup: &Setup) -> Self {
        let unit = match setup.address {
            None | Some(0) => UNIT,
            Some(number @ 1..=14) => UNIT - 1 + number,
            Some(unit) => unit,
        };
        let units = if setup.address.is_some() { unit..=unit } else { UNIT..=LAST };
        let line = Modbus::new(units, 0, setup.transport.may_echo());
        Self { unit, is_reversed: setup.is_reversed, line }
    }

    fn read(&self, answer: &Answer) -> Result<Found, Fault> {
        let (first, data) = match &answer.body {
            Body::Written { register, value } => return Ok(Found::other(Kind::Written(meaning(*register, *value)))),
            Body::Read { first, data, .. } => (*first, data),
        };
        // Whoever only listens takes the usual questions for granted.
        let usual = || match data.len() {
            124 | 160 => Some(STATE.0),
            18 => Some(MORE.0),
            82 => Some(SETTINGS.0),
            64 => Some(VERSION.0),
            _ => None,
        };
        let Some(first) = first.or_else(usual) else { return Ok(Found::other(Kind::Other("registers"))) };
        let registers = Registers::new(first, data);
        let mut reading = Reading::default();
        if first == STATE.0 {
            self.state(&registers, &mut reading)?;
        }
        if first == VERSION.0 {
            let text = Bytes::new("the version", data);
            reading.text("software_version", &text.text(0, 32)?);
            reading.text("hardware_version", &text.text(32, 32)?);
        } else {
            more(&registers, &mut reading);
            settings(&registers, &mut reading);
        }
        if reading.is_empty() {
            return Ok(Found::other(Kind::Other("registers")));
        }
        Ok(Found::values(reading))
    }

    fn state(&self, registers: &Registers<'_>, reading: &mut Reading) -> Result<(), Fault> {
        registers.number(reading, "voltage", "V", 0x28, 1);
        registers.current(reading, "current", 0x29, 1, self.is_reversed);
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

/// What a write does.
fn meaning(register: u16, value: u16) -> &'static str {
    match (register, value) {
        (CHARGE, 0) => "charge-off",
        (CHARGE, _) => "charge-on",
        (DISCHARGE, 0) => "discharge-off",
        (DISCHARGE, _) => "discharge-on",
        (BALANCER, 0) => "balancer-off",
        (BALANCER, _) => "balancer-on",
        _ => "register",
    }
}

impl Battery for UnitD2 {
    fn poll(&self, need: Need) -> Vec<Question> {
        let ask = |name, (first, count)| Question::new(name, modbus::read(self.unit, 3, first, count));
        let mut questions = vec![ask("state", STATE), ask("MOSFET temperature", MORE)];
        if need.identity {
            questions.extend([ask("settings", SETTINGS), ask("versions", VERSION)]);
        }
        questions
    }

    fn asked(&mut self, question: &[u8]) {
        self.line.asked(question);
    }

    fn feed(&mut self, bytes: &[u8]) -> Vec<Result<Found, Fault>> {
        let answers = self.line.feed(bytes);
        answers.into_iter().map(|answer| answer.and_then(|answer| self.read(&answer))).collect()
    }

    fn quiet(&mut self) -> Vec<Result<Found, Fault>> {
        let answers = self.line.quiet();
        answers.into_iter().map(|answer| answer.and_then(|answer| self.read(&answer))).collect()
    }

    fn switches(&self) -> &'static [Switch] {
        SWITCHES
    }

    fn switch(&self, name: &str, on: bool, _now: &Reading) -> Result<Vec<Question>, Fault> {
        let register = match name {
            "charge_mos" => CHARGE,
            "discharge_mos" => DISCHARGE,
            other => return Err(Fault::Unwritable(format!("this battery has no switch `{other}`"))),
        };
        Ok(vec![Question::new("switch", modbus::write(self.unit, register, on.into()))])
    }
}
