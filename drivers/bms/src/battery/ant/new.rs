//! ANT's newer frames: `7E A1 FUNCTION ADDRESS LENGTH DATA CRC AA 55`, low byte first, the CRC-16/Modbus over all between `7E`
//! and itself. An answer's function is that of the question and 10 (hexadecimal).
//!
//! The answer that names the device has six bytes behind its CRC that its length does not count. Facts: captures of the maker's
//! app, in which the switches and the counters of ampere hours show what is what.

use super::super::bytes::Bytes;
use super::super::reading::{MOST_CELLS, Reading, scaled};
use super::super::stream::{Look, Stream};
use super::super::sums::crc_modbus;
use super::super::{Battery, Found, Kind, Need, Proof, Question, Setup, Switch, Transport, Variant};
use super::{NEW_BLE, states};
use crate::fault::Fault;

/// The registry's line.
pub(super) const VARIANT: Variant = Variant {
    name: "new_7ea1",
    aliases: &[],
    transports: &[(Transport::Ble, Proof::Capture), (Transport::Uart, Proof::Facts), (Transport::Rs485, Proof::Facts)],
    bauds: &[19200, 9600],
    ble: Some(&NEW_BLE),
    is_passive: false,
    make: |setup| Ok(Box::new(Ant::new(setup))),
};

/// Around the data: 6 bytes before, 4 behind.
const AROUND: usize = 10;
/// What the name's answer has more behind its CRC.
const TAIL: usize = 6;

const STATUS: u8 = 0x11;
const SETTINGS: u8 = 0x12;
const LOGIN: u8 = 0x33;
const WRITTEN: u8 = 0x61;
/// The address of the device's name.
const NAME: u16 = 0x026c;
/// The address of the password.
const PASSWORD: u16 = 0x016a;
/// Answers that hold nothing we know.
const OTHERS: [u8; 6] = [0x13, 0x14, 0x15, 0x16, 0x42, 0x43];

/// The password of a board whose password was never changed.
const DEFAULT_PASSWORD: &str = "123456789abc";

/// Its switches, each with the registers that switch on and off.
const SWITCHES: &[Switch] = &[
    Switch { name: "charge_mos", needs_state: false, needs_password: true },
    Switch { name: "discharge_mos", needs_state: false, needs_password: true },
];

/// What was switched by hand, in the bits of protections; it is no alarm.
const BY_HAND: u64 = 1 << 17 | 1 << 21;

/// One ANT battery.
struct Ant {
    is_reversed: bool,
    may_echo: bool,
    password: String,
    stream: Stream,
    /// Functions and addresses that were asked for and not answered.
    open: Vec<(u8, u16)>,
}

impl Ant {
    fn new(setup: &Setup) -> Self {
        Self {
            is_reversed: setup.is_reversed,
            may_echo: setup.transport.may_echo(),
            password: setup.password.clone().unwrap_or_else(|| DEFAULT_PASSWORD.into()),
            stream: Stream::default(),
            open: Vec::new(),
        }
    }

    /// What a whole frame says.
    fn read(&mut self, frame: &[u8]) -> Result<Found, Fault> {
        let head = Bytes::new("the frame", frame);
        let (function, address) = (head.u8(2)?, head.u16_le(3)?);
        // An answer to a write repeats another address on some boards.
        let is_it = |open: &(u8, u16)| open.0 == function && (function > SETTINGS || open.1 == address);
        match self.open.iter().position(is_it) {
            Some(index) => drop(self.open.drain(..=index)),
            None if self.open.is_empty() => {}
            None => return Err(Fault::Foreign(format!("function {function:02X} of {address:04X} was not asked"))),
        }
        match function {
            STATUS => self.status(Bytes::new("the status", frame)).map(Found::values),
            SETTINGS if address == NAME => {
                let mut reading = Reading::default();
                reading.text("model", &head.text(6, 16)?);
                reading.text("hardware_version", &head.text(6, 16)?);
                reading.text("software_version", &head.text(22, 16)?);
                Ok(Found::values(reading))
            }
            LOGIN => Ok(Found::other(Kind::Login("password"))),
            WRITTEN => Ok(Found::other(Kind::Written("switch"))),
            SETTINGS => Ok(Found::other(Kind::Other("setting"))),
            _ => Ok(Found::other(Kind::Other("frame"))),
        }
    }

    /// The status; places count from the start of the frame.
    fn status(&self, all: Bytes<'_>) -> Result<Reading, Fault> {
        let (sensors, cells) = (usize::from(all.u8(8)?), usize::from(all.u8(9)?));
        if cells > MOST_CELLS {
            return Err(Fault::Cells(cells));
        }
        if sensors > 8 {
            return Err(Fault::Impossible { what: "a number of sensors of", value: all.u8(8)?.into() });
        }
        let mut reading = Reading::default();
        // Behind the cells, and behind the sensors.
        let first = 34 + 2 * cells;
        let at = first + 2 * sensors;
        let turned = |raw: i64| if self.is_reversed { raw } else { -raw };
        reading.number("voltage", "V", scaled(all.u16_le(at + 4)?, 2));
        reading.number("current", "A", scaled(turned(all.i16_le(at + 6)?.into()), 1));
        reading.number("power", "W", scaled(turned(all.i32_le(at + 28)?.into()), 0));
        reading.number("soc", "%", f64::from(all.u16_le(at + 8)?));
        reading.number("soh", "%", f64::from(all.u16_le(at + 10)?));
        reading.number("capacity", "Ah", scaled(all.u32_le(at + 16)?, 6));
        reading.number("remaining", "Ah", scaled(all.u32_le(at + 20)?, 6));
        reading.number("throughput", "Ah", scaled(all.u32_le(at + 24)?, 3));
        reading.count("uptime", "s", all.u32_le(at + 32)?);
        reading.count("cell_count", "", all.u8(9)?);
        for number in 1..=cells {
            reading.cell(number, scaled(all.u16_le(32 + 2 * number)?, 3))?;
        }
        for number in 1..=sensors {
            let celsius = all.i16_le(first + 2 * number - 2)?;
            if celsius != states::ABSENT {
                reading.temperature(number, celsius.into())?;
            }
        }
        for (at, name) in [(at, "mos_temperature"), (at + 2, "balancer_temperature")] {
            let celsius = all.i16_le(at)?;
            if celsius != states::ABSENT {
                reading.number(name, "°C", celsius.into());
            }
        }
        reading.text("state", state_name(all.u8(7)?));
        states::tell(all.u8(at + 13)?, all.u8(at + 12)?, &mut reading);
        states::balancer(all.u8(at + 14)?, all.u32_le(at + 36)?, &mut reading);
        protections(all.u64_le(10)?, all.u64_le(18)?, &mut reading);
        figures(all, at, &mut reading)?;
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

/// The words of protections and warnings; only three bits are known.
fn protections(protections: u64, warnings: u64, reading: &mut Reading) {
    if protections & 1 << 1 != 0 {
        reading.flag("alarms.cell_overvoltage", true);
    }
    reading.flag("alarms.protection", protections & !BY_HAND != 0);
    reading.text("protection_bits", &format!("{protections:016x}"));
    reading.text("warning_bits", &format!("{warnings:016x}"));
}

/// What follows the states: highest and lowest cell, and counters.
fn figures(all: Bytes<'_>, at: usize, reading: &mut Reading) -> Result<(), Fault> {
    // Older firmwares end here.
    if all.len() < at + 82 {
        return Ok(());
    }
    reading.number("cell_max", "V", scaled(all.u16_le(at + 40)?, 3));
    reading.count("cell_max_number", "", all.u16_le(at + 42)?);
    reading.number("cell_min", "V", scaled(all.u16_le(at + 44)?, 3));
    reading.count("cell_min_number", "", all.u16_le(at + 46)?);
    reading.number("cell_delta", "V", scaled(all.u16_le(at + 48)?, 3));
    reading.number("cell_mean", "V", scaled(all.u16_le(at + 50)?, 3));
    let chemistry = match all.u16_le(at + 60)? {
        0xfaf1 => "NMC",
        0xfaf2 => "LFP",
        0xfaf3 => "LTO",
        0xfaf4 => "custom",
        _ => "",
    };
    reading.text("cell_type", chemistry);
    reading.number("total_discharged", "Ah", scaled(all.u32_le(at + 62)?, 3));
    reading.number("total_charged", "Ah", scaled(all.u32_le(at + 66)?, 3));
    reading.count("discharge_time", "s", all.u32_le(at + 70)?);
    reading.count("charge_time", "s", all.u32_le(at + 74)?);
    Ok(())
}

fn state_name(code: u8) -> &'static str {
    match code {
        1 => "idle",
        2 => "charging",
        3 => "discharging",
        4 => "standby",
        5 => "error",
        _ => "",
    }
}

/// A frame with a value in place of its length and no data: a question, or a write.
fn short(function: u8, address: u16, value: u8) -> Vec<u8> {
    framed(function, address, value, &[])
}

fn framed(function: u8, address: u16, length: u8, data: &[u8]) -> Vec<u8> {
    let [low, high] = address.to_le_bytes();
    let mut bytes = [&[0x7e, 0xa1, function, low, high, length][..], data].concat();
    let crc = crc_modbus(&bytes[1..]);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes.extend_from_slice(&[0xaa, 0x55]);
    bytes
}

/// What the bytes look like.
fn look(bytes: &[u8]) -> Look {
    match bytes {
        [0x7e] | [0x7e, 0xa1] => Look::More(None),
        // Questions, ours or another's.
        [0x7e, 0xa1, 0x01..=0x0f | 0x23 | 0x51, ..] => Look::Not,
        [0x7e, 0xa1, function, rest @ ..] => {
            let [low, high, length, ..] = *rest else { return Look::More(None) };
            let sum_at = usize::from(length) + 6;
            let has_tail = (*function, u16::from_le_bytes([low, high])) == (SETTINGS, NAME);
            let whole = usize::from(length) + AROUND + if has_tail { TAIL } else { 0 };
            let Some(frame) = bytes.get(..whole) else { return Look::More(Some(whole)) };
            let expected = crc_modbus(&frame[1..sum_at]);
            let found = u16::from_le_bytes([frame[sum_at], frame[sum_at + 1]]);
            if expected != found {
                Look::Bad(whole, Fault::Checksum { expected: expected.into(), found: found.into() })
            } else if !frame.ends_with(&[0xaa, 0x55]) {
                Look::Bad(whole, Fault::Foreign("it does not end with AA 55".into()))
            } else if [STATUS, SETTINGS, LOGIN, WRITTEN].contains(function) || OTHERS.contains(function) {
                Look::Good(whole)
            } else {
                Look::Bad(whole, Fault::Foreign(format!("there is no function {function:02X}")))
            }
        }
        _ => Look::Not,
    }
}

impl Battery for Ant {
    fn poll(&self, need: Need) -> Vec<Question> {
        let mut questions = vec![Question::new("status", short(STATUS - 0x10, 0, 0xbe))];
        if need.identity {
            questions.push(Question::new("name", short(SETTINGS - 0x10, NAME, 0x20)));
        }
        questions
    }

    fn asked(&mut self, question: &[u8]) {
        if self.may_echo {
            self.stream.may_echo(question);
        }
        if let [0x7e, 0xa1, function, low, high, ..] = question {
            self.open.truncate(7);
            self.open.push((function.wrapping_add(0x10), u16::from_le_bytes([*low, *high])));
        }
    }

    fn feed(&mut self, bytes: &[u8]) -> Vec<Result<Found, Fault>> {
        self.stream.push(bytes);
        self.all(|stream| stream.next(look))
    }

    fn quiet(&mut self) -> Vec<Result<Found, Fault>> {
        let found = self.all(|stream| stream.end(look));
        self.open.clear();
        found
    }

    fn meaning(&self, question: &[u8]) -> Option<&'static str> {
        match question {
            [0x7e, 0xa1, 0x51, 1, 0, ..] => Some("discharge-off"),
            [0x7e, 0xa1, 0x51, 3, 0, ..] => Some("discharge-on"),
            [0x7e, 0xa1, 0x51, 4, 0, ..] => Some("charge-off"),
            [0x7e, 0xa1, 0x51, 6, 0, ..] => Some("charge-on"),
            _ => None,
        }
    }

    fn switches(&self) -> &'static [Switch] {
        SWITCHES
    }

    fn switch(&self, name: &str, on: bool, _now: &Reading) -> Result<Vec<Question>, Fault> {
        let register = match (name, on) {
            ("discharge_mos", false) => 0x0001,
            ("discharge_mos", true) => 0x0003,
            ("charge_mos", false) => 0x0004,
            ("charge_mos", true) => 0x0006,
            (other, _) => return Err(Fault::Unwritable(format!("this battery has no switch `{other}`"))),
        };
        let Ok(length) = u8::try_from(self.password.len()) else {
            return Err(Fault::Unwritable("the password is too long".into()));
        };
        // Boards answer a log-in on some firmwares only.
        let login = Question {
            is_answered: false,
            ..Question::new("log-in", framed(LOGIN - 0x10, PASSWORD, length, self.password.as_bytes()))
        };
        Ok(vec![login, Question::new("switch", short(WRITTEN - 0x10, register, 0))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_and_writes_have_the_bytes_of_captures() {
        let ant = Ant::new(&Setup::default());
        let questions = ant.poll(Need::ALL);
        assert_eq!(questions[0].bytes, [0x7e, 0xa1, 0x01, 0, 0, 0xbe, 0x18, 0x55, 0xaa, 0x55]);
        assert_eq!(questions[1].bytes, [0x7e, 0xa1, 0x02, 0x6c, 0x02, 0x20, 0x58, 0xc4, 0xaa, 0x55]);
        let write = |name, on| ant.switch(name, on, &Reading::default()).unwrap().remove(1).bytes;
        assert_eq!(write("charge_mos", true), [0x7e, 0xa1, 0x51, 0x06, 0, 0, 0x69, 0x24, 0xaa, 0x55]);
        assert_eq!(write("charge_mos", false), [0x7e, 0xa1, 0x51, 0x04, 0, 0, 0xc8, 0xe4, 0xaa, 0x55]);
        assert_eq!(write("discharge_mos", true), [0x7e, 0xa1, 0x51, 0x03, 0, 0, 0x79, 0x25, 0xaa, 0x55]);
    }

    #[test]
    fn more_than_32_cells_are_an_error_with_their_number() {
        let mut data = [0; 180];
        (data[2], data[3]) = (2, 33);
        let frame = framed(STATUS, 0, 180, &data);
        assert_eq!(Ant::new(&Setup::default()).feed(&frame), [Err(Fault::Cells(33))]);
    }
}
