//! What both Modbus dialects of Daly share: blocks of registers are read, two registers switch the MOSFETs, and units of a line
//! are counted from the first one on. A [`Dialect`] says what one has of its own.

use super::super::modbus::{self, Answer, Body, Modbus};
use super::super::{Battery, Found, Kind, Need, Question, Reading, Setup, Switch};
use super::registers::Registers;
use crate::fault::Fault;

/// Its switches.
const SWITCHES: &[Switch] = &[
    Switch { name: "charge_mos", needs_state: false, needs_password: false },
    Switch { name: "discharge_mos", needs_state: false, needs_password: false },
];

/// Reads registers of a unit.
const READ: u8 = 3;

/// One dialect.
pub(super) struct Dialect {
    /// The unit at which the first battery of a line is asked; the next has one more.
    pub(super) first_unit: u8,
    /// The most batteries of a line.
    pub(super) most_units: u8,
    /// What a question's unit has more than its answer's.
    pub(super) shift: u8,
    /// What is asked each time.
    pub(super) state: &'static [Block],
    /// What never changes.
    pub(super) identity: &'static [Block],
    /// Blocks that others ask for, for who only listens.
    pub(super) others: &'static [Block],
    /// The switches.
    pub(super) charge: u16,
    pub(super) discharge: u16,
    /// What switches the balancer, where that is known; it is only told, never written.
    pub(super) balancer: Option<u16>,
    /// The values of a block; `is_reversed` turns the sign of the current.
    pub(super) read: fn(registers: &Registers<'_>, is_reversed: bool, reading: &mut Reading) -> Result<(), Fault>,
}

/// Registers that are asked for together.
pub(super) struct Block {
    /// What it asks for, for a log.
    pub(super) name: &'static str,
    /// The first register.
    pub(super) first: u16,
    /// How many.
    pub(super) count: u16,
}

impl Block {
    pub(super) const fn new(name: &'static str, first: u16, count: u16) -> Self {
        Self { name, first, count }
    }
}

impl Dialect {
    /// The first register of an answer whose question nobody saw, by its length.
    fn usual(&self, bytes: usize) -> Option<u16> {
        let mut blocks = self.state.iter().chain(self.identity).chain(self.others);
        blocks.find(|block| usize::from(block.count) * 2 == bytes).map(|block| block.first)
    }

    /// What a write does.
    fn meaning(&self, register: u16, value: u16) -> &'static str {
        let [off, on] = match register {
            _ if register == self.charge => ["charge-off", "charge-on"],
            _ if register == self.discharge => ["discharge-off", "discharge-on"],
            _ if Some(register) == self.balancer => ["balancer-off", "balancer-on"],
            _ => return "register",
        };
        if value == 0 { off } else { on }
    }
}

/// One battery.
pub(super) struct Unit {
    dialect: &'static Dialect,
    /// Where it is asked.
    asked_at: u8,
    is_reversed: bool,
    line: Modbus,
}

impl Unit {
    pub(super) fn new(dialect: &'static Dialect, setup: &Setup) -> Self {
        let unit = match setup.address {
            None | Some(0) => dialect.first_unit,
            Some(number) if number <= dialect.most_units => dialect.first_unit - 1 + number,
            Some(unit) => unit,
        };
        let (own, first) = (unit.wrapping_sub(dialect.shift), dialect.first_unit.wrapping_sub(dialect.shift));
        let units = if setup.address.is_some() { own..=own } else { first..=first + dialect.most_units - 1 };
        let line = Modbus::new(units, dialect.shift, setup.transport.may_echo());
        Self { dialect, asked_at: unit, is_reversed: setup.is_reversed, line }
    }

    fn read(&self, answer: &Answer) -> Result<Found, Fault> {
        let (first, data) = match &answer.body {
            Body::Written { register, value } => {
                return Ok(Found::other(Kind::Written(self.dialect.meaning(*register, *value))));
            }
            Body::Read { first, data, .. } => (*first, data),
        };
        let Some(first) = first.or_else(|| self.dialect.usual(data.len())) else {
            return Ok(Found::other(Kind::Other("registers")));
        };
        let mut reading = Reading::default();
        (self.dialect.read)(&Registers::new(first, data), self.is_reversed, &mut reading)?;
        if reading.is_empty() {
            return Ok(Found::other(Kind::Other("registers")));
        }
        Ok(Found::values(reading))
    }
}

impl Battery for Unit {
    fn poll(&self, need: Need) -> Vec<Question> {
        let identity: &[Block] = if need.identity { self.dialect.identity } else { &[] };
        let ask =
            |block: &Block| Question::new(block.name, modbus::read(self.asked_at, READ, block.first, block.count));
        self.dialect.state.iter().chain(identity).map(ask).collect()
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
            "charge_mos" => self.dialect.charge,
            "discharge_mos" => self.dialect.discharge,
            other => return Err(Fault::Unwritable(format!("this battery has no switch `{other}`"))),
        };
        Ok(vec![Question::new("switch", modbus::write(self.asked_at, register, on.into()))])
    }
}
