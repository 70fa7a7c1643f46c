//! ANT's older answer: always 140 bytes, `AA 55 AA FF`, the values with their high byte first, and the sum of all between as 16
//! bits. The question is `DB DB 00 00 00 00` over Bluetooth, `5A 5A` over wires. Facts: captures.

use super::super::bytes::Bytes;
use super::super::reading::{MOST_CELLS, Reading, scaled};
use super::super::stream::{Look, Stream};
use super::super::sums::sum16;
use super::super::{Battery, Found, Need, Proof, Question, Setup, Switch, Transport, Variant};
use super::{OLD_BLE, states};
use crate::fault::Fault;

/// The registry's line.
pub(super) const VARIANT: Variant = Variant {
    name: "old_dbdb",
    aliases: &[],
    transports: &[
        (Transport::Ble, Proof::Capture),
        (Transport::Uart, Proof::Capture),
        (Transport::Rs485, Proof::Facts),
    ],
    bauds: &[19200, 9600],
    ble: Some(&OLD_BLE),
    is_passive: false,
    make: |setup| Ok(Box::new(Ant::new(setup))),
};

/// The length of an answer.
const FRAME: usize = 140;
const START: [u8; 4] = [0xaa, 0x55, 0xaa, 0xff];
/// Where the sum stands.
const SUM_AT: usize = FRAME - 2;

/// Registers that are written.
const DISCHARGE: u8 = 249;
const CHARGE: u8 = 250;
const APPLY: u8 = 255;

/// Its switches.
const SWITCHES: &[Switch] = &[
    Switch { name: "charge_mos", needs_state: false, needs_password: false },
    Switch { name: "discharge_mos", needs_state: false, needs_password: false },
];

/// One older ANT battery.
struct Ant {
    transport: Transport,
    is_reversed: bool,
    stream: Stream,
}

impl Ant {
    fn new(setup: &Setup) -> Self {
        Self { transport: setup.transport, is_reversed: setup.is_reversed, stream: Stream::default() }
    }

    fn read(&self, frame: &[u8]) -> Result<Found, Fault> {
        let all = Bytes::new("the answer", frame);
        let cells = usize::from(all.u8(123)?);
        if cells > MOST_CELLS {
            return Err(Fault::Cells(cells));
        }
        let mut reading = Reading::default();
        let turned = |raw: i32| if self.is_reversed { i64::from(raw) } else { -i64::from(raw) };
        reading.number("voltage", "V", scaled(all.u16_be(4)?, 1));
        reading.number("current", "A", scaled(turned(all.i32_be(70)?), 1));
        reading.number("power", "W", scaled(turned(all.i32_be(111)?), 0));
        reading.number("soc", "%", f64::from(all.u8(74)?));
        reading.number("capacity", "Ah", scaled(all.u32_be(75)?, 6));
        reading.number("remaining", "Ah", scaled(all.u32_be(79)?, 6));
        reading.number("throughput", "Ah", scaled(all.u32_be(83)?, 3));
        reading.count("uptime", "s", all.u32_be(87)?);
        reading.count("cell_count", "", all.u8(123)?);
        for number in 1..=cells {
            reading.cell(number, scaled(all.u16_be(4 + 2 * number)?, 3))?;
        }
        for number in 1..=6 {
            let celsius = all.i16_be(89 + 2 * number)?;
            if celsius != states::ABSENT {
                reading.temperature(number, celsius.into())?;
            }
        }
        states::tell(all.u8(103)?, all.u8(104)?, &mut reading);
        states::balancer(all.u8(105)?, all.u32_be(132)?, &mut reading);
        reading.number("cell_max", "V", scaled(all.u16_be(116)?, 3));
        reading.count("cell_max_number", "", all.u8(115)?);
        reading.number("cell_min", "V", scaled(all.u16_be(119)?, 3));
        reading.count("cell_min_number", "", all.u8(118)?);
        reading.number("cell_mean", "V", scaled(all.u16_be(121)?, 3));
        Ok(Found::values(reading))
    }

    fn all(&mut self, next: impl Fn(&mut Stream) -> Option<Result<Vec<u8>, Fault>>) -> Vec<Result<Found, Fault>> {
        let mut found = Vec::new();
        while let Some(frame) = next(&mut self.stream) {
            found.push(frame.and_then(|frame| self.read(&frame)));
        }
        found
    }
}

/// A frame of six bytes.
fn short(start: u8, register: u8, value: u16) -> Vec<u8> {
    let [high, low] = value.to_be_bytes();
    vec![start, start, register, high, low, register.wrapping_add(high).wrapping_add(low)]
}

/// What the bytes look like.
fn look(bytes: &[u8]) -> Look {
    let common = bytes.len().min(START.len());
    if bytes[..common] != START[..common] {
        return Look::Not;
    }
    let Some(frame) = bytes.get(..FRAME) else { return Look::More(Some(FRAME)) };
    let expected = sum16(&frame[START.len()..SUM_AT]);
    let found = u16::from_be_bytes([frame[SUM_AT], frame[SUM_AT + 1]]);
    if expected == found {
        Look::Good(FRAME)
    } else {
        Look::Bad(FRAME, Fault::Checksum { expected: expected.into(), found: found.into() })
    }
}

impl Battery for Ant {
    fn poll(&self, _need: Need) -> Vec<Question> {
        let start = if self.transport == Transport::Ble { 0xdb } else { 0x5a };
        vec![Question::new("status", short(start, 0, 0))]
    }

    fn asked(&mut self, question: &[u8]) {
        if self.transport.may_echo() {
            self.stream.may_echo(question);
        }
    }

    fn feed(&mut self, bytes: &[u8]) -> Vec<Result<Found, Fault>> {
        self.stream.push(bytes);
        self.all(|stream| stream.next(look))
    }

    fn quiet(&mut self) -> Vec<Result<Found, Fault>> {
        self.all(|stream| stream.end(look))
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
        // Writes are not answered; only the next status tells whether they worked.
        let write = |name, bytes| Question { is_answered: false, ..Question::new(name, bytes) };
        Ok(vec![write("switch", short(0xa5, register, on.into())), write("apply", short(0xa5, APPLY, 0))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_those_of_captures() {
        let over = |transport| Ant::new(&Setup { transport, ..Setup::default() }).poll(Need::ALL).remove(0).bytes;
        assert_eq!(over(Transport::Ble), [0xdb, 0xdb, 0, 0, 0, 0]);
        assert_eq!(over(Transport::Uart), [0x5a, 0x5a, 0, 0, 0, 0]);
    }

    #[test]
    fn more_than_32_cells_are_an_error_with_their_number() {
        let mut frame = [0; FRAME];
        frame[..4].copy_from_slice(&START);
        frame[123] = 40;
        frame[SUM_AT + 1] = 40;
        assert_eq!(Ant::new(&Setup::default()).feed(&frame), [Err(Fault::Cells(40))]);
    }
}
