//! Daly's `A5` frames: `A5 ADDRESS ID 08`, eight bytes of data, and the low byte of the sum of all before it. Numbers are high
//! byte first. Over CAN the same eight bytes come under the identifier `18 ID 40 ADDRESS`.
//!
//! Voltages of cells (95) and temperatures (96) come in several frames, numbered from 1 on most units and from 0 on some. Some
//! firmwares always send sixteen of them; what lies beyond the number of cells is left over from before. Behind what a frame
//! holds there may be rubbish from the frame before it. Facts: the maker's UART document and captures.

use super::super::bytes::Bytes;
use super::super::reading::{MOST_CELLS, MOST_SENSORS, Reading, scaled};
use super::super::stream::{Look, Stream};
use super::super::sums::sum8;
use super::super::{Battery, Found, Kind, Need, Proof, Question, Setup, Switch, Transport, Variant};
use super::several::{MOST_FRAMES, Placed, Several};
use super::{BLE, alarms, state_name};
use crate::fault::Fault;

/// The registry's line.
pub(super) const VARIANT: Variant = Variant {
    name: "a5",
    aliases: &[],
    transports: &[(Transport::Uart, Proof::Capture), (Transport::Rs485, Proof::Facts), (Transport::Ble, Proof::Facts)],
    bauds: &[9600],
    ble: Some(&BLE),
    is_passive: false,
    make: |setup| Ok(Box::new(A5::new(setup))),
};

/// The registry's line of the same over CAN.
pub(super) const CAN: Variant = Variant {
    name: "a5_over_can",
    aliases: &[],
    transports: &[(Transport::Can, Proof::Capture)],
    bauds: &[],
    ble: None,
    is_passive: false,
    make: |setup| Ok(Box::new(A5::new(&Setup { transport: Transport::Can, ..setup.clone() }))),
};

/// A frame of a serial line.
const FRAME: usize = 13;
/// The highest address of a battery; above it are those who ask.
const MOST_ADDRESS: u8 = 0x1f;
/// Who asks: over wires and over Bluetooth, of the first battery; of the next it is one more.
const ASKS: [u8; 2] = [0x40, 0x80];

const PACK: u8 = 0x90;
const CELL_RANGE: u8 = 0x91;
const TEMPERATURE_RANGE: u8 = 0x92;
const MOS: u8 = 0x93;
const STATUS: u8 = 0x94;
const CELLS: u8 = 0x95;
const TEMPERATURES: u8 = 0x96;
const BALANCING: u8 = 0x97;
const ALARMS: u8 = 0x98;
const RATED: u8 = 0x50;
const DISCHARGE: u8 = 0xd9;
const CHARGE: u8 = 0xda;

/// Voltages in a frame of cells.
const CELLS_A_FRAME: usize = 3;
/// Temperatures in a frame of sensors.
const SENSORS_A_FRAME: usize = 7;

/// Its switches.
const SWITCHES: &[Switch] = &[
    Switch { name: "charge_mos", needs_state: false, needs_password: false },
    Switch { name: "discharge_mos", needs_state: false, needs_password: false },
];

/// One Daly battery.
struct A5 {
    transport: Transport,
    address: Option<u8>,
    is_reversed: bool,
    stream: Stream,
    /// The question that is open.
    open: Option<u8>,
    cells: Several,
    sensors: Several,
    /// The noise of the line when the last frame came.
    noise: u64,
}

impl A5 {
    fn new(setup: &Setup) -> Self {
        let cells = Several::new(CELLS_A_FRAME, setup.cells.map(usize::from));
        Self {
            transport: setup.transport,
            address: setup.address,
            is_reversed: setup.is_reversed,
            stream: Stream::default(),
            open: None,
            cells,
            sensors: Several::new(SENSORS_A_FRAME, None),
            noise: 0,
        }
    }

    /// A question or a write.
    fn framed(&self, id: u8, data: [u8; 8]) -> Vec<u8> {
        let address = self.address.unwrap_or(1);
        if self.transport == Transport::Can {
            return [&[0x18, id, address, ASKS[0]][..], &data].concat();
        }
        let asks = ASKS[usize::from(self.transport == Transport::Ble)].wrapping_add(address.saturating_sub(1));
        let mut bytes = [&[0xa5, asks, id, 8][..], &data].concat();
        bytes.push(sum8(&bytes));
        bytes
    }

    /// What a frame says; nothing if it is for somebody else.
    fn read(&mut self, address: u8, id: u8, data: &[u8]) -> Option<Result<Found, Fault>> {
        // Who asks has a high address: our own echo, or another master.
        if address > MOST_ADDRESS {
            return None;
        }
        if self.address.is_some_and(|own| own != address) {
            return Some(Err(Fault::Foreign(format!("it is of address {address}"))));
        }
        let mut found = self.values(id, Bytes::new("the frame", data));
        if let Ok(found) = &mut found
            && found.kind == Kind::Values
        {
            // Firmwares that always send sixteen frames still send them when the next question is out.
            found.done &= self.open.is_none_or(|open| open == id);
            self.open = self.open.filter(|_| !found.done);
        }
        Some(found)
    }

    fn values(&mut self, id: u8, data: Bytes<'_>) -> Result<Found, Fault> {
        let mut reading = Reading::default();
        let mut done = true;
        match id {
            PACK => self.pack(data, &mut reading)?,
            CELL_RANGE => {
                reading.number("cell_max", "V", scaled(data.u16_be(0)?, 3));
                reading.count("cell_max_number", "", data.u8(2)?);
                reading.number("cell_min", "V", scaled(data.u16_be(3)?, 3));
                reading.count("cell_min_number", "", data.u8(5)?);
            }
            TEMPERATURE_RANGE => {
                reading.number("temperature_max", "°C", celsius(data.u8(0)?));
                reading.count("temperature_max_number", "", data.u8(1)?);
                reading.number("temperature_min", "°C", celsius(data.u8(2)?));
                reading.count("temperature_min_number", "", data.u8(3)?);
            }
            MOS => {
                reading.text("state", state_name(data.u8(0)?.into()));
                reading.flag("charge_mos", data.u8(1)? != 0);
                reading.flag("discharge_mos", data.u8(2)? != 0);
                reading.count("life", "", data.u8(3)?);
                reading.number("remaining", "Ah", scaled(data.u32_be(4)?, 3));
            }
            STATUS => self.status(data, &mut reading)?,
            CELLS | TEMPERATURES => done = self.several(id, data, &mut reading)?,
            BALANCING => {
                let mask = (0..6).try_fold(0_u64, |mask, at| Ok(mask | u64::from(data.u8(at)?) << (8 * at)))?;
                reading.flag("balancing", mask != 0);
                reading.count("balancing_mask", "", i64::try_from(mask).unwrap_or(i64::MAX));
            }
            ALARMS => {
                let bits = data.u64_le(0)?;
                reading.alarms(bits, alarms::ALARMS);
                reading.count("fault_code", "", data.u8(7)?);
            }
            RATED => {
                let milliampere_hours = data.u32_be(0)?;
                if milliampere_hours > 0 {
                    reading.number("capacity", "Ah", scaled(milliampere_hours, 3));
                }
            }
            DISCHARGE => return Ok(Found::other(Kind::Written("discharge_mos"))),
            CHARGE => return Ok(Found::other(Kind::Written("charge_mos"))),
            _ => return Ok(Found::other(Kind::Other("register"))),
        }
        Ok(Found { kind: Kind::Values, reading, done })
    }

    /// 90: a raw current above 30000 is a discharge.
    fn pack(&self, data: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
        let raw = 30_000 - i64::from(data.u16_be(4)?);
        reading.number("voltage", "V", scaled(data.u16_be(0)?, 1));
        reading.number("gather_voltage", "V", scaled(data.u16_be(2)?, 1));
        reading.number("current", "A", scaled(if self.is_reversed { -raw } else { raw }, 1));
        reading.number("soc", "%", scaled(data.u16_be(6)?, 1));
        Ok(())
    }

    /// 94, which says how many cells and sensors there are.
    fn status(&mut self, data: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
        let (cells, sensors) = (usize::from(data.u8(0)?), usize::from(data.u8(1)?));
        if cells > MOST_CELLS {
            return Err(Fault::Cells(cells));
        }
        if sensors > MOST_SENSORS {
            return Err(Fault::Impossible { what: "a number of sensors of", value: data.u8(1)?.into() });
        }
        reading.count("cell_count", "", data.u8(0)?);
        reading.count("temperature_count", "", data.u8(1)?);
        reading.flag("charger_connected", data.u8(2)? != 0);
        reading.flag("load_connected", data.u8(3)? != 0);
        reading.count("io_bits", "", data.u8(4)?);
        reading.count("cycles", "", data.u16_be(5)?);
        (self.cells.count, self.sensors.count) = (Some(cells), Some(sensors));
        tell(CELLS, &self.cells.placed(), reading)?;
        tell(TEMPERATURES, &self.sensors.placed(), reading)
    }

    /// One of several frames; whether it is the last. Cells and temperatures are numbered alike.
    fn several(&mut self, id: u8, data: Bytes<'_>, reading: &mut Reading) -> Result<bool, Fault> {
        let is_next = self.stream.noise() == self.noise;
        let number = usize::from(data.u8(0)?);
        let (told, is_last) = if id == CELLS {
            let values: Result<Vec<i64>, Fault> =
                (0..CELLS_A_FRAME).map(|index| data.u16_be(1 + 2 * index).map(i64::from)).collect();
            self.cells.take(number, &values?, is_next)?
        } else {
            let values: Result<Vec<i64>, Fault> =
                (0..SENSORS_A_FRAME).map(|index| data.u8(1 + index).map(i64::from)).collect();
            self.sensors.take(number, &values?, is_next)?
        };
        self.sensors.base = self.sensors.base.or(self.cells.base);
        tell(id, &told, reading)?;
        Ok(is_last || number == MOST_FRAMES)
    }

    fn all(&mut self, next: impl Fn(&mut Stream) -> Option<Result<Vec<u8>, Fault>>) -> Vec<Result<Found, Fault>> {
        let mut found = Vec::new();
        while let Some(frame) = next(&mut self.stream) {
            match frame {
                Ok(frame) => {
                    found.extend(self.read(frame[1], frame[2], &frame[4..12]));
                    self.noise = self.stream.noise();
                }
                Err(fault) => found.push(Err(fault)),
            }
        }
        found
    }
}

/// Cells or temperatures with their places from 0.
fn tell(id: u8, told: &[Placed], reading: &mut Reading) -> Result<(), Fault> {
    for (place, raw) in told {
        if id == CELLS {
            reading.cell(place + 1, scaled(*raw, 3))?;
        } else {
            reading.temperature(place + 1, scaled(raw - 40, 0))?;
        }
    }
    Ok(())
}

/// Degrees above −40 °C.
fn celsius(raw: u8) -> f64 {
    f64::from(i16::from(raw) - 40)
}

/// What the bytes look like.
fn look(bytes: &[u8]) -> Look {
    match bytes {
        [0xa5] | [0xa5, _] | [0xa5, _, _] => Look::More(Some(FRAME)),
        [0xa5, _, _, 8, ..] => {
            let Some(frame) = bytes.first_chunk::<FRAME>() else { return Look::More(Some(FRAME)) };
            let expected = sum8(&frame[..FRAME - 1]);
            let found = frame[FRAME - 1];
            if expected == found {
                Look::Good(FRAME)
            } else {
                Look::Bad(FRAME, Fault::Checksum { expected: expected.into(), found: found.into() })
            }
        }
        _ => Look::Not,
    }
}

impl Battery for A5 {
    fn poll(&self, need: Need) -> Vec<Question> {
        let asked: &[(bool, u8, &'static str)] = &[
            // First, since it says how many cells and sensors there are.
            (true, STATUS, "status"),
            (true, PACK, "pack"),
            (true, CELL_RANGE, "lowest and highest cell"),
            (true, TEMPERATURE_RANGE, "lowest and highest temperature"),
            (true, MOS, "switches"),
            (need.cells, CELLS, "cells"),
            (true, TEMPERATURES, "temperatures"),
            (true, BALANCING, "balancing"),
            (true, ALARMS, "alarms"),
            (need.identity, RATED, "capacity"),
        ];
        let wanted = asked.iter().filter(|(is_wanted, ..)| *is_wanted);
        wanted.map(|(_, id, name)| Question::new(name, self.framed(*id, [0; 8]))).collect()
    }

    fn asked(&mut self, question: &[u8]) {
        self.open = question.get(if self.transport == Transport::Can { 1 } else { 2 }).copied();
    }

    fn feed(&mut self, bytes: &[u8]) -> Vec<Result<Found, Fault>> {
        if self.transport == Transport::Can {
            return match bytes {
                [0x18, id, asks, address, data @ ..] if *asks == ASKS[0] => {
                    self.read(*address, *id, data).into_iter().collect()
                }
                _ => Vec::new(),
            };
        }
        self.stream.push(bytes);
        self.all(|stream| stream.next(look))
    }

    fn quiet(&mut self) -> Vec<Result<Found, Fault>> {
        let mut found = self.all(|stream| stream.end(look));
        let mut reading = Reading::default();
        let (cells, has_count) = (self.cells.rest(), self.cells.count.is_some());
        if let Some((last, _)) = cells.last().filter(|_| !has_count) {
            reading.count("cell_count", "", i64::try_from(last + 1).unwrap_or(i64::MAX));
        }
        // Sensors that are not there are zero, but for rubbish in the last byte: the first zero ends them.
        let (mut sensors, has_count) = (self.sensors.rest(), self.sensors.count.is_some());
        let fitted = sensors.iter().take_while(|(_, raw)| has_count || *raw != 0).count();
        sensors.truncate(fitted);
        let told = tell(CELLS, &cells, &mut reading).and_then(|()| tell(TEMPERATURES, &sensors, &mut reading));
        match told {
            Ok(()) if reading.is_empty() => {}
            Ok(()) => found.push(Ok(Found::values(reading))),
            Err(fault) => found.push(Err(fault)),
        }
        self.open = None;
        found
    }

    fn switches(&self) -> &'static [Switch] {
        SWITCHES
    }

    fn switch(&self, name: &str, on: bool, _now: &Reading) -> Result<Vec<Question>, Fault> {
        let id = match name {
            "charge_mos" => CHARGE,
            "discharge_mos" => DISCHARGE,
            other => return Err(Fault::Unwritable(format!("this battery has no switch `{other}`"))),
        };
        Ok(vec![Question::new("switch", self.framed(id, [u8::from(on), 0, 0, 0, 0, 0, 0, 0]))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(id: u8, data: [u8; 8]) -> Vec<u8> {
        let mut bytes = [&[0xa5, 1, id, 8][..], &data].concat();
        bytes.push(sum8(&bytes));
        bytes
    }

    /// The cells that `frames` tell, in millivolt.
    fn cells(frames: &[Vec<u8>]) -> Vec<(String, f64)> {
        let mut battery = A5::new(&Setup::default());
        let mut found: Vec<_> = frames.iter().flat_map(|frame| battery.feed(frame)).collect();
        found.extend(battery.quiet());
        let mut all = Reading::default();
        for found in found {
            all.merge(found.unwrap().reading);
        }
        let cells = all.iter().filter(|(name, _)| name.starts_with("cells."));
        cells.map(|(name, _)| (name.to_owned(), all.real(name).unwrap())).collect()
    }

    #[test]
    fn questions_have_the_bytes_of_captures() {
        let over = |transport, address| A5::new(&Setup { transport, address, ..Setup::default() });
        let first = |battery: A5| battery.poll(Need::ALL)[1].bytes.clone();
        assert_eq!(first(over(Transport::Uart, None)), [0xa5, 0x40, 0x90, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0x7d]);
        assert_eq!(first(over(Transport::Ble, None))[1], 0x80);
        assert_eq!(first(over(Transport::Rs485, Some(2)))[1], 0x41, "the second battery of a line");
        assert_eq!(first(over(Transport::Can, Some(2))), [0x18, 0x90, 2, 0x40, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn frames_may_be_numbered_from_0_or_1_and_may_go_on_behind_the_last_cell() {
        let status = frame(STATUS, [5, 1, 0, 0, 0, 0, 3, 0]);
        let cell = |number, raw: [u8; 3]| frame(CELLS, [number, 12, raw[0], 12, raw[1], 12, raw[2], 0]);
        let want: Vec<(String, f64)> =
            (1..=5).map(|n| (format!("cells.0{n}"), scaled(3072 + i64::from(n), 3))).collect();
        for from in [0, 1] {
            let frames = [status.clone(), cell(from, [1, 2, 3]), cell(from + 1, [4, 5, 3]), cell(from + 2, [0, 0, 0])];
            assert_eq!(cells(&frames), want, "from {from}");
            let late = [&frames[1..], &frames[..1]].concat();
            assert_eq!(cells(&late), want, "the number of cells comes last, from {from}");
        }
        // Without it, what repeats the frame before is left over from it.
        assert_eq!(cells(&[cell(1, [1, 2, 3]), cell(2, [4, 5, 3])]), want);
    }

    #[test]
    fn frames_behind_the_last_cell_answer_no_later_question() {
        let mut battery = A5::new(&Setup::default());
        let done = |battery: &mut A5, bytes: &[u8]| battery.feed(bytes).remove(0).unwrap().done;
        battery.feed(&frame(STATUS, [3, 1, 0, 0, 0, 0, 3, 0]));
        let cells = |number| frame(CELLS, [number, 12, 1, 12, 2, 12, 3, 0]);
        battery.asked(&battery.framed(CELLS, [0; 8]));
        assert!(done(&mut battery, &cells(1)), "three cells are all");
        battery.asked(&battery.framed(BALANCING, [0; 8]));
        assert!(!done(&mut battery, &cells(2)));
        assert!(done(&mut battery, &frame(BALANCING, [0; 8])));
    }

    #[test]
    fn an_echo_is_no_answer_and_another_battery_is_foreign() {
        let mut battery = A5::new(&Setup { address: Some(1), ..Setup::default() });
        let echo = battery.poll(Need::ALL)[0].bytes.clone();
        assert_eq!(battery.feed(&echo), []);
        let mut other = [&[0xa5, 2, PACK, 8][..], &[1, 2, 3, 4, 5, 6, 7, 8]].concat();
        other.push(sum8(&other));
        assert!(matches!(battery.feed(&other)[0], Err(Fault::Foreign(_))));
    }

    #[test]
    fn more_than_32_cells_are_an_error_with_their_number() {
        let mut battery = A5::new(&Setup::default());
        assert_eq!(battery.feed(&frame(STATUS, [33, 1, 0, 0, 0, 0, 3, 0])), [Err(Fault::Cells(33))]);
    }
}
