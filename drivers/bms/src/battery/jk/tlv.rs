//! JK's older serial protocol: `4E 57`, the length of all that follows, four bytes of terminal, command, source, kind, then tags with
//! values, four bytes of record, `68`, and the sum of all before it as 32 bits. Numbers are high byte first.
//!
//! What a tag is long is fixed by the tag, but for the cells, which say it. Facts: the maker's document and a capture.

use super::super::bytes::Bytes;
use super::super::reading::{MOST_CELLS, Reading, scaled};
use super::super::stream::{Look, Stream};
use super::super::{Battery, Found, Kind, Need, Proof, Question, Setup, Transport, Variant};
use crate::fault::Fault;

/// The registry's line.
pub(super) const VARIANT: Variant = Variant {
    name: "4e57_tlv",
    aliases: &[],
    transports: &[(Transport::Uart, Proof::Capture), (Transport::Rs485, Proof::Facts)],
    bauds: &[115_200],
    ble: None,
    is_passive: false,
    make: |setup| Ok(Box::new(Tlv::new(setup))),
};

/// Before the tags, and behind them.
const HEAD: usize = 11;
const BEHIND: usize = 9;
/// The longest frame; the longest that is known has 300 bytes.
const MOST_FRAME: usize = 1024;

/// The question for everything.
const READ_ALL: [u8; 21] =
    [0x4e, 0x57, 0x00, 0x13, 0, 0, 0, 0, 0x06, 0x03, 0x00, 0x00, 0, 0, 0, 0, 0x68, 0x00, 0x00, 0x01, 0x29];

const CELLS: u8 = 0x79;

/// Bits of the warnings.
const ALARMS: &[(u8, &str)] = &[
    (0, "alarms.low_capacity"),
    (1, "alarms.mos_overtemp"),
    (2, "alarms.charge_overvoltage"),
    (3, "alarms.discharge_undervoltage"),
    (4, "alarms.battery_overtemp"),
    (5, "alarms.charge_overcurrent"),
    (6, "alarms.discharge_overcurrent"),
    (7, "alarms.cell_difference"),
    (8, "alarms.box_overtemp"),
    (9, "alarms.battery_undertemp"),
    (10, "alarms.cell_overvoltage"),
    (11, "alarms.cell_undervoltage"),
    (12, "alarms.protection_ic_a"),
    (13, "alarms.protection_ic_b"),
];

/// How many bytes the value of a tag has.
fn length_of(tag: u8) -> Option<usize> {
    Some(match tag {
        0x85 | 0x86 | 0x9d | 0xa9 | 0xab | 0xac | 0xae | 0xaf | 0xb1 | 0xb3 | 0xb8 | 0xbb..=0xc0 => 1,
        0x89 | 0xaa | 0xb5 | 0xb6 | 0xb9 => 4,
        0xb4 => 8,
        0xb2 => 10,
        0xb7 => 15,
        0xba => 24,
        0x80..=0xb0 => 2,
        _ => return None,
    })
}

/// One battery.
struct Tlv {
    may_echo: bool,
    is_reversed: bool,
    stream: Stream,
}

impl Tlv {
    fn new(setup: &Setup) -> Self {
        Self { may_echo: setup.transport.may_echo(), is_reversed: setup.is_reversed, stream: Stream::default() }
    }

    fn read(&self, frame: &[u8]) -> Result<Found, Fault> {
        let tags = frame.get(HEAD..frame.len().saturating_sub(BEHIND)).unwrap_or_default();
        let mut reading = Reading::default();
        // The raw current, and whether its highest bit is the sign; that is told last.
        let (mut ampere, mut is_signed) = (None, false);
        let mut at = 0;
        while let Some(tag) = tags.get(at).copied() {
            let (length, start) = match tag {
                CELLS => (usize::from(tags.get(at + 1).copied().unwrap_or(0)), at + 2),
                // A tag of a newer firmware: what comes behind it cannot be told apart.
                _ => match length_of(tag) {
                    Some(length) => (length, at + 1),
                    None => break,
                },
            };
            let end = start + length;
            let Some(value) = tags.get(start..end) else {
                return Err(Fault::Short { what: "the last tag", have: tags.len() - at, want: end - at });
            };
            match tag {
                0x84 => ampere = Some(Bytes::new("the current", value).u16_be(0)?),
                0xc0 => is_signed = value == [1],
                _ => tell(tag, value, &mut reading)?,
            }
            at = end;
        }
        if let Some(raw) = ampere {
            let hundredths = match (is_signed, i64::from(raw)) {
                (false, raw) => 10_000 - raw,
                (true, raw @ 0x8000..) => raw - 0x8000,
                (true, raw) => -raw,
            };
            reading.number("current", "A", scaled(if self.is_reversed { -hundredths } else { hundredths }, 2));
        }
        if reading.is_empty() {
            return Ok(Found::other(Kind::Other("frame")));
        }
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

/// What a tag says.
fn tell(tag: u8, value: &[u8], reading: &mut Reading) -> Result<(), Fault> {
    let value = Bytes::new("the tag", value);
    match tag {
        CELLS => {
            let cells = value.len() / 3;
            if cells > MOST_CELLS {
                return Err(Fault::Cells(cells));
            }
            for index in 0..cells {
                reading.cell(value.u8(3 * index)?.into(), scaled(value.u16_be(3 * index + 1)?, 3))?;
            }
        }
        0x80 => reading.number("mos_temperature", "°C", celsius(value.u16_be(0)?)),
        0x81 => reading.temperature(1, celsius(value.u16_be(0)?))?,
        0x82 => reading.temperature(2, celsius(value.u16_be(0)?))?,
        0x83 => reading.number("voltage", "V", scaled(value.u16_be(0)?, 2)),
        0x85 => reading.number("soc", "%", f64::from(value.u8(0)?)),
        0x86 => reading.count("temperature_count", "", value.u8(0)?),
        0x87 => reading.count("cycles", "", value.u16_be(0)?),
        0x89 => reading.number("throughput", "Ah", f64::from(value.u32_be(0)?)),
        0x8a => reading.count("cell_count", "", value.u16_be(0)?),
        0x8b => {
            let bits = value.u16_be(0)?;
            reading.alarms(bits.into(), ALARMS);
            reading.count("alarm_bits", "", bits);
        }
        0x8c => {
            let bits = value.u16_be(0)?;
            reading.flag("charge_mos", bits & 1 != 0);
            reading.flag("discharge_mos", bits & 2 != 0);
            reading.flag("balancing", bits & 4 != 0);
        }
        0xaa => reading.number("capacity", "Ah", f64::from(value.u32_be(0)?)),
        0xb4 => reading.text("serial", &value.text(0, 8)?),
        0xb7 => reading.text("software_version", &value.text(0, 15)?),
        0xba => reading.text("model", &value.text(0, 24)?),
        _ => {}
    }
    Ok(())
}

/// Above 100 it is below zero.
fn celsius(raw: u16) -> f64 {
    let raw = i64::from(raw);
    scaled(if raw > 100 { 100 - raw } else { raw }, 0)
}

/// What the bytes look like.
fn look(bytes: &[u8]) -> Look {
    match bytes {
        [0x4e] => Look::More(None),
        [0x4e, 0x57, rest @ ..] => {
            let [high, low, ..] = *rest else { return Look::More(None) };
            let whole = usize::from(u16::from_be_bytes([high, low])) + 2;
            if !(HEAD + BEHIND..=MOST_FRAME).contains(&whole) {
                return Look::Not;
            }
            let Some(frame) = bytes.get(..whole) else { return Look::More(Some(whole)) };
            let (before, sum) = frame.split_at(whole - 4);
            let expected = before.iter().map(|byte| u32::from(*byte)).sum::<u32>();
            let found = sum.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
            match expected == found {
                // Sources other than 0 are those who ask.
                true if frame[9] != 0 => Look::Not,
                true if frame[whole - 5] == 0x68 => Look::Good(whole),
                true => Look::Bad(whole, Fault::Foreign("it does not end with 68".into())),
                false => Look::Bad(whole, Fault::Checksum { expected, found }),
            }
        }
        _ => Look::Not,
    }
}

impl Battery for Tlv {
    fn poll(&self, _need: Need) -> Vec<Question> {
        vec![Question::new("everything", READ_ALL)]
    }

    fn asked(&mut self, question: &[u8]) {
        if self.may_echo {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer with these tags.
    fn answer(tags: &[u8]) -> Vec<u8> {
        let length = u16::try_from(HEAD + tags.len() + BEHIND - 2).unwrap().to_be_bytes();
        let mut bytes = [&[0x4e, 0x57][..], &length, &[0, 0, 0, 0, 6, 0, 1], tags, &[0, 0, 0, 0, 0x68]].concat();
        let sum: u32 = bytes.iter().map(|byte| u32::from(*byte)).sum();
        bytes.extend_from_slice(&sum.to_be_bytes());
        bytes
    }

    fn current(tags: &[u8]) -> Option<f64> {
        Tlv::new(&Setup::default()).feed(&answer(tags))[0].as_ref().unwrap().reading.real("current")
    }

    #[test]
    fn the_sign_of_the_current_depends_on_the_version_of_the_protocol() {
        assert_eq!(current(&[0x84, 0x81, 0xc5, 0xc0, 1]), Some(4.53));
        assert_eq!(current(&[0x84, 0x01, 0xc5, 0xc0, 1]), Some(-4.53));
        assert_eq!(current(&[0x84, 0x27, 0x10]), Some(0.0));
        assert_eq!(current(&[0x84, 0x27, 0x74, 0xc0, 0]), Some(-1.0));
    }

    #[test]
    fn an_echo_is_no_answer_and_33_cells_are_an_error() {
        let mut battery = Tlv::new(&Setup { transport: Transport::Ble, ..Setup::default() });
        assert_eq!(battery.feed(&READ_ALL), []);
        let cells: Vec<u8> = (1..=33).flat_map(|number| [number, 0x0c, 0xe4]).collect();
        let tags = [&[CELLS, 99][..], &cells].concat();
        assert_eq!(battery.feed(&answer(&tags)), [Err(Fault::Cells(33))]);
    }

    #[test]
    fn above_100_a_temperature_is_below_zero() {
        let told = [0, 33, 100, 101, 140].map(|raw| celsius(raw).to_string());
        assert_eq!(told, ["0", "33", "100", "-1", "-40"]);
    }
}
