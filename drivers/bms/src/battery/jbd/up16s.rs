//! JBD's UP series on RS485: `ADDRESS 78 FIRST LAST LENGTH DATA CRC`, all 16 bits high byte first but the CRC-16/Modbus.
//!
//! The registers 1000 to 10A0 are the state of one pack; several packs share a line by their addresses. Layout: a capture of
//! two UP16S020 and the published notes on it.

use super::super::bytes::Bytes;
use super::super::reading::{MOST_CELLS, Reading, scaled};
use super::super::stream::{Look, Stream};
use super::super::sums::crc_modbus;
use super::super::{Battery, Found, Kind, Need, Proof, Question, Setup, Switch, Transport, Variant};
use crate::fault::Fault;

/// The registry's line.
pub(super) const VARIANT: Variant = Variant {
    name: "up16s_78",
    aliases: &[],
    transports: &[(Transport::Rs485, Proof::Capture), (Transport::Uart, Proof::Facts)],
    bauds: &[9600],
    ble: None,
    is_passive: false,
    make: |setup| Ok(Box::new(Up16s::new(setup))),
};

const READ: u8 = 0x78;
const WRITE: u8 = 0x79;

/// First and last register of a pack's state.
const STATE: [u16; 2] = [0x1000, 0x10a0];
/// First and last register of the switches.
const SWITCH: [u16; 2] = [0x2902, 0x2904];
/// What a write of the switches begins with.
const SWITCH_HEAD: [u8; 4] = [0x11, 0x4a, 0x42, 0x44];

/// The most data of a frame.
const MOST_DATA: usize = 1024;

/// Bits of the protection word.
const PROTECTIONS: &[(u8, &str)] = &[
    (0, "alarms.cell_overvoltage"),
    (1, "alarms.cell_undervoltage"),
    (2, "alarms.pack_overvoltage"),
    (3, "alarms.pack_undervoltage"),
    (4, "alarms.charge_overcurrent_1"),
    (5, "alarms.charge_overcurrent_2"),
    (6, "alarms.discharge_overcurrent_1"),
    (7, "alarms.discharge_overcurrent_2"),
    (8, "alarms.charge_overtemp"),
    (9, "alarms.charge_undertemp"),
    (10, "alarms.discharge_overtemp"),
    (11, "alarms.discharge_undertemp"),
    (12, "alarms.mos_overtemp"),
    (13, "alarms.ambient_overtemp"),
    (14, "alarms.ambient_undertemp"),
    (15, "alarms.cell_difference"),
    (16, "alarms.temperature_difference"),
    (17, "alarms.soc_low"),
    (18, "alarms.short_circuit"),
    (19, "alarms.cell_offline"),
    (20, "alarms.temperature_drop"),
    (21, "alarms.charge_mos_fault"),
    (22, "alarms.discharge_mos_fault"),
    (23, "alarms.current_limit_fault"),
    (24, "alarms.aerosol"),
    (25, "alarms.full"),
    (26, "alarms.frontend_error"),
];

/// Bits of the warning word; they come before a protection strikes.
const WARNINGS: &[(u8, &str)] = &[
    (0, "warnings.cell_overvoltage"),
    (1, "warnings.cell_undervoltage"),
    (2, "warnings.pack_overvoltage"),
    (3, "warnings.pack_undervoltage"),
    (4, "warnings.charge_overcurrent"),
    (5, "warnings.discharge_overcurrent"),
    (6, "warnings.charge_overtemp"),
    (7, "warnings.charge_undertemp"),
    (8, "warnings.discharge_overtemp"),
    (9, "warnings.discharge_undertemp"),
    (10, "warnings.mos_overtemp"),
    (11, "warnings.ambient_overtemp"),
    (12, "warnings.ambient_undertemp"),
    (13, "warnings.cell_difference"),
    (14, "warnings.temperature_difference"),
    (15, "warnings.soc_low"),
    (16, "warnings.memory_fault"),
    (17, "warnings.clock_fault"),
];

/// Its switches, from the lowest bit of the state.
const SWITCHES: &[Switch] = &[
    Switch { name: "discharge_mos", needs_state: true, needs_password: false },
    Switch { name: "charge_mos", needs_state: true, needs_password: false },
];

/// One pack.
struct Up16s {
    address: Option<u8>,
    may_echo: bool,
    stream: Stream,
    /// What is asked for: the address and the first register.
    open: Vec<(u8, u16)>,
}

impl Up16s {
    fn new(setup: &Setup) -> Self {
        Self {
            address: setup.address,
            may_echo: setup.transport.may_echo(),
            stream: Stream::default(),
            open: Vec::new(),
        }
    }

    fn framed(&self, function: u8, [first, last]: [u16; 2], data: &[u8]) -> Vec<u8> {
        let mut bytes = vec![self.address.unwrap_or(1), function];
        bytes.extend_from_slice(&first.to_be_bytes());
        bytes.extend_from_slice(&last.to_be_bytes());
        bytes.extend_from_slice(&u16::try_from(data.len()).unwrap_or(u16::MAX).to_be_bytes());
        bytes.extend_from_slice(data);
        let crc = crc_modbus(&bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
        bytes
    }

    fn read(&mut self, frame: &[u8]) -> Result<Found, Fault> {
        let head = Bytes::new("the frame", frame);
        let (address, function, first) = (head.u8(0)?, head.u8(1)?, head.u16_be(2)?);
        if self.address.is_some_and(|own| own != address) {
            return Err(Fault::Foreign(format!("it is of address {address}")));
        }
        match self.open.iter().position(|open| *open == (address, first)) {
            Some(index) => drop(self.open.drain(..=index)),
            None if self.open.is_empty() => {}
            None => return Err(Fault::Foreign(format!("address {address}, register {first:04X} was not asked"))),
        }
        match (function, first) {
            (WRITE, _) => Ok(Found::other(Kind::Written("switch"))),
            (_, 0x1000) => state(&frame[8..frame.len() - 2]).map(Found::values),
            _ => Ok(Found::other(Kind::Other("register"))),
        }
    }

    fn all(&mut self, next: impl Fn(&mut Stream) -> Option<Result<Vec<u8>, Fault>>) -> Vec<Result<Found, Fault>> {
        let mut found = Vec::new();
        while let Some(frame) = next(&mut self.stream) {
            found.push(frame.and_then(|frame| self.read(&frame)));
        }
        found
    }
}

/// The state of a pack.
fn state(data: &[u8]) -> Result<Reading, Fault> {
    let data = Bytes::new("the state", data);
    let mut reading = Reading::default();
    reading.number("voltage", "V", scaled(data.u16_be(0)?, 2));
    reading.number("current", "A", scaled(i64::from(data.u32_be(4)?) - 300_000, 2));
    reading.number("soc", "%", scaled(data.u16_be(8)?, 2));
    reading.number("soh", "%", f64::from(data.u16_be(22)?));
    reading.number("remaining", "Ah", scaled(data.u16_be(10)?, 2));
    reading.number("capacity", "Ah", scaled(data.u16_be(12)?, 2));
    reading.count("cycles", "", data.u16_be(36)?);
    let cells = usize::from(data.u16_be(66)?);
    if cells > MOST_CELLS {
        return Err(Fault::Cells(cells));
    }
    reading.count("cell_count", "", data.u16_be(66)?);
    for number in 1..=cells {
        reading.cell(number, scaled(data.u16_be(66 + 2 * number)?, 3))?;
    }
    reading.number("cell_max", "V", scaled(data.u16_be(40)?, 3));
    reading.count("cell_max_number", "", data.u16_be(38)?);
    reading.number("cell_min", "V", scaled(data.u16_be(44)?, 3));
    reading.count("cell_min_number", "", data.u16_be(42)?);
    reading.number("cell_mean", "V", scaled(data.u16_be(46)?, 3));
    let behind = 68 + 2 * cells;
    let sensors = usize::from(data.u16_be(behind)?);
    for number in 1..=sensors {
        reading.temperature(number, tenths(data.u16_be(behind + 2 * number)?))?;
    }
    reading.number("mos_temperature", "°C", tenths(data.u16_be(16)?));
    reading.number("ambient_temperature", "°C", tenths(data.u16_be(18)?));
    let switches = data.u16_be(32)?;
    for (bit, name) in ["discharge_mos", "charge_mos", "precharge_mos", "heater", "fan"].into_iter().enumerate() {
        reading.flag(name, switches >> bit & 1 == 1);
    }
    reading.alarms(data.u32_be(24)?.into(), PROTECTIONS);
    reading.alarms(data.u32_be(28)?.into(), WARNINGS);
    let name = behind + 2 + 2 * sensors + 6;
    if let Ok(model) = data.text(name, 30) {
        reading.text("model", &model);
    }
    Ok(reading)
}

/// Tenths of a degree above −50 °C.
fn tenths(raw: u16) -> f64 {
    scaled(i64::from(raw) - 500, 1)
}

/// What the bytes look like.
fn look(bytes: &[u8]) -> Look {
    match bytes {
        [_] => Look::More(None),
        [_, READ | WRITE, head @ ..] => {
            if head.len() < 6 {
                return Look::More(None);
            }
            let number = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
            let length = usize::from(number(4));
            // No data follows a question; a write has data and its answer none.
            let is_question = bytes[1] == READ && length == 0;
            if length > MOST_DATA || number(0) >= number(2) {
                return Look::Not;
            }
            let whole = length + 10;
            let Some(frame) = bytes.get(..whole) else { return Look::More(Some(whole)) };
            let expected = crc_modbus(&frame[..whole - 2]);
            let found = u16::from_le_bytes([frame[whole - 2], frame[whole - 1]]);
            match expected == found {
                true if is_question => Look::Not,
                true => Look::Good(whole),
                false => Look::Bad(whole, Fault::Checksum { expected: expected.into(), found: found.into() }),
            }
        }
        _ => Look::Not,
    }
}

impl Battery for Up16s {
    fn poll(&self, _need: Need) -> Vec<Question> {
        vec![Question::new("state", self.framed(READ, STATE, &[]))]
    }

    fn asked(&mut self, question: &[u8]) {
        if self.may_echo {
            self.stream.may_echo(question);
        }
        if let [address, READ | WRITE, high, low, ..] = question {
            self.open.truncate(7);
            self.open.push((*address, u16::from_be_bytes([*high, *low])));
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

    fn switches(&self) -> &'static [Switch] {
        SWITCHES
    }

    fn switch(&self, name: &str, on: bool, now: &Reading) -> Result<Vec<Question>, Fault> {
        let mut state = 0_u16;
        for (bit, known) in ["discharge_mos", "charge_mos", "precharge_mos", "heater", "fan"].into_iter().enumerate() {
            let why = || Fault::Unwritable(format!("the state of `{known}` has not been read yet"));
            let is_on = if known == name { on } else { now.is_on(known).ok_or_else(why)? };
            state |= u16::from(is_on) << bit;
        }
        if !SWITCHES.iter().any(|switch| switch.name == name) {
            return Err(Fault::Unwritable(format!("this battery has no switch `{name}`")));
        }
        let data = [&SWITCH_HEAD[..], &state.to_be_bytes()].concat();
        Ok(vec![Question::new("switch", self.framed(WRITE, SWITCH, &data))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_has_the_bytes_of_the_capture() {
        let pack = Up16s::new(&Setup::default());
        let want = [0x01, 0x78, 0x10, 0x00, 0x10, 0xa0, 0x00, 0x00, 0x7f, 0xb2];
        assert_eq!(pack.poll(Need::ALL)[0].bytes, want);
    }
}
