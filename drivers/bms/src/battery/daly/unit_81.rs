//! Daly's Modbus dialect 81: battery `n` of a line is asked at 80 + n and answers from 50 + n. Current above 30000 is a charge.
//!
//! The registers are those of D2 with room for 48 cells, so most numbers lie higher.

use super::super::bytes::Bytes;
use super::super::modbus::{self, Answer, Body, Modbus};
use super::super::{Battery, Found, Kind, Need, Proof, Question, Reading, Setup, Switch, Transport, Variant};
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
    make: |setup| Ok(Box::new(Unit81::new(setup))),
};

/// The first battery is asked here.
const UNIT: u8 = 0x81;
/// What a question's unit has more than its answer's.
const SHIFT: u8 = 0x30;
/// The most batteries of a line.
const MOST: u8 = 16;

/// First register and number of registers.
const STATE: (u16, u16) = (0x00, 0x40);
const MORE: (u16, u16) = (0x41, 0x3e);
const VERSION: (u16, u16) = (0x178, 0x4a);
/// The switches.
const CHARGE: u16 = 0x121;
const DISCHARGE: u16 = 0x122;
/// The first of seven registers of faults.
const FAULTS: u16 = 0x6d;

/// Its switches.
const SWITCHES: &[Switch] = &[
    Switch { name: "charge_mos", needs_state: false, needs_password: false },
    Switch { name: "discharge_mos", needs_state: false, needs_password: false },
];

/// One battery.
struct Unit81 {
    unit: u8,
    is_reversed: bool,
    line: Modbus,
}

impl Unit81 {
    fn new(setup: &Setup) -> Self {
        let unit = match setup.address {
            None | Some(0) => UNIT,
            Some(number @ 1..=MOST) => UNIT - 1 + number,
            Some(unit) => unit,
        };
        let answers = unit.wrapping_sub(SHIFT);
        let units = if setup.address.is_some() { answers..=answers } else { UNIT - SHIFT..=UNIT - SHIFT + MOST - 1 };
        let line = Modbus::new(units, SHIFT, setup.transport.may_echo());
        Self { unit, is_reversed: setup.is_reversed, line }
    }

    fn read(&self, answer: &Answer) -> Result<Found, Fault> {
        let (first, data) = match &answer.body {
            Body::Written { register, value } => return Ok(Found::other(Kind::Written(meaning(*register, *value)))),
            Body::Read { first, data, .. } => (*first, data),
        };
        let usual = || match data.len() {
            128 => Some(STATE.0),
            124 => Some(MORE.0),
            148 => Some(VERSION.0),
            _ => None,
        };
        let Some(first) = first.or_else(usual) else { return Ok(Found::other(Kind::Other("registers"))) };
        let registers = Registers::new(first, data);
        let mut reading = Reading::default();
        if first == VERSION.0 {
            let text = Bytes::new("the version", data);
            reading.text("hardware_version", &text.text(0, 14)?);
            reading.text("software_version", &text.text(14, 14)?);
            reading.text("serial", &text.text(42, 28)?);
        } else {
            self.state(&registers, &mut reading)?;
            more(&registers, &mut reading);
        }
        if reading.is_empty() {
            return Ok(Found::other(Kind::Other("registers")));
        }
        Ok(Found::values(reading))
    }

    fn state(&self, registers: &Registers<'_>, reading: &mut Reading) -> Result<(), Fault> {
        registers.number(reading, "voltage", "V", 0x38, 1);
        registers.current(reading, "current", 0x39, 1, self.is_reversed);
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

/// What a write does.
fn meaning(register: u16, value: u16) -> &'static str {
    match (register, value) {
        (CHARGE, 0) => "charge-off",
        (CHARGE, _) => "charge-on",
        (DISCHARGE, 0) => "discharge-off",
        (DISCHARGE, _) => "discharge-on",
        _ => "register",
    }
}

impl Battery for Unit81 {
    fn poll(&self, need: Need) -> Vec<Question> {
        let ask = |name, (first, count)| Question::new(name, modbus::read(self.unit, 3, first, count));
        let mut questions = vec![ask("cells and pack", STATE), ask("state", MORE)];
        if need.identity {
            questions.push(ask("versions", VERSION));
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
