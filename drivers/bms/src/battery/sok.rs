//! SOK and other batteries with an ABC monitor over Bluetooth: frames of 20 bytes, `CC KIND DATA SUM`, little endian; a
//! question is `EE COMMAND 00 00 00 SUM`. The sum is the CRC-8 of Dallas, now Maxim.

use super::bytes::Bytes;
use super::reading::{Reading, scaled};
use super::stream::Look;
use super::talk::{Protocol, Talk, told};
use super::{Ble, Family, Found, Need, Proof, Question, Transport, Variant};
use crate::fault::Fault;

/// The registry's line.
pub const FAMILY: Family = Family {
    device: "sok_abc",
    title: "SOK, ABC",
    variants: &[Variant {
        name: "abc_ble",
        aliases: &[],
        transports: &[(Transport::Ble, Proof::Vector)],
        bauds: &[],
        ble: Some(&BLE),
        is_passive: false,
        make: |setup| Ok(Talk::boxed(Sok, setup)),
    }],
};

/// What it shows over Bluetooth.
const BLE: Ble = Ble {
    service: "0000ffe0-0000-1000-8000-00805f9b34fb",
    notify: "0000ffe1-0000-1000-8000-00805f9b34fb",
    write: "0000ffe2-0000-1000-8000-00805f9b34fb",
    names: &["ABC-*", "SOK-*", "NB-*"],
    companies: &[],
};

/// Bytes of a frame.
const FRAME: usize = 20;

/// Commands: cells, state, faults.
const CELLS: u8 = 0xC2;
const STATE: u8 = 0xC1;
const FAULTS: u8 = 0xC4;

/// One battery.
struct Sok;

/// CRC-8 with polynomial 31, reflected, from 00.
fn crc8(bytes: &[u8]) -> u8 {
    bytes
        .iter()
        .fold(0, |crc, byte| (0..8).fold(crc ^ byte, |crc, _| if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ 0x8C }))
}

fn question(command: u8) -> Vec<u8> {
    let head = [0xEE, command, 0, 0, 0];
    [&head[..], &[crc8(&head)]].concat()
}

impl Protocol for Sok {
    fn poll(&self, need: Need) -> Vec<Question> {
        let mut questions = vec![Question::new("state", question(STATE))];
        if need.cells {
            // First, so that what comes late still belongs to this poll.
            questions.insert(0, Question::new("cells", question(CELLS)));
        }
        // Not every battery answers it.
        questions.push(Question { is_answered: false, ..Question::new("faults", question(FAULTS)) });
        questions
    }

    fn look(&self, bytes: &[u8]) -> Look {
        match bytes {
            [0xCC] => Look::More(Some(FRAME)),
            [0xCC, 0xF0..=0xFF, ..] => {
                let Some((sum, head)) = bytes.get(..FRAME).and_then(<[u8]>::split_last) else {
                    return Look::More(Some(FRAME));
                };
                let expected = crc8(head);
                if expected == *sum {
                    Look::Good(FRAME)
                } else {
                    Look::Bad(FRAME, Fault::Checksum { expected: expected.into(), found: (*sum).into() })
                }
            }
            _ => Look::Not,
        }
    }

    fn answers(&self, frame: &[u8], question: &[u8]) -> bool {
        let kinds: &[u8] = match question.get(1) {
            Some(&STATE) => &[0xF0, 0xF2],
            Some(&CELLS) => &[0xF0, 0xF3, 0xF4],
            Some(&FAULTS) => &[0xF9],
            _ => &[],
        };
        frame.get(1).is_some_and(|kind| kinds.contains(kind))
    }

    fn comes_unasked(&self, _frame: &[u8]) -> bool {
        true
    }

    fn read(&mut self, frame: &[u8], _question: Option<&[u8]>) -> Result<Found, Fault> {
        let bytes = Bytes::new("the frame", &frame[..FRAME - 1]);
        let mut reading = Reading::default();
        let kind = bytes.u8(1)?;
        match kind {
            0xF0 => pack(bytes, &mut reading)?,
            0xF2 => state(bytes, &mut reading)?,
            0xF3 => {
                reading.flag("heater", bytes.u8(8)? != 0);
                reading.flag("balancing", bytes.u8(10)? != 0);
            }
            0xF4 => cells(bytes, &mut reading)?,
            0xF9 => faults(bytes, &mut reading)?,
            _ => {}
        }
        Ok(Found { done: matches!(kind, 0xF2 | 0xF4 | 0xF9), ..told(reading) })
    }
}

/// Three bytes without a sign.
fn three(bytes: Bytes<'_>, at: usize) -> Result<u32, Fault> {
    Ok(u32::from(bytes.u16_le(at)?) | u32::from(bytes.u8(at + 2)?) << 16)
}

/// The pack as a whole.
fn pack(bytes: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    let current = (three(bytes, 5)? << 8).cast_signed() >> 8;
    reading.number("voltage", "V", scaled(three(bytes, 2)?, 3));
    reading.number("current", "A", scaled(current, 3));
    reading.number("capacity", "Ah", scaled(three(bytes, 8)?, 3));
    reading.number("remaining", "Ah", scaled(three(bytes, 11)?, 3));
    reading.count("cycles", "", bytes.u16_le(14)?);
    reading.number("soc", "%", f64::from(bytes.u8(16)?));
    Ok(())
}

/// The switches and the temperatures.
fn state(bytes: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    reading.flag("charge_mos", bytes.u8(2)? != 0);
    reading.flag("discharge_mos", bytes.u8(3)? != 0);
    for sensor in 0..usize::from(bytes.u8(4)?) {
        reading.temperature(sensor + 1, f64::from(bytes.i16_le(5 + 2 * sensor)?))?;
    }
    Ok(())
}

/// Four cells, each with its number.
fn cells(bytes: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    for place in 0..4 {
        match usize::from(bytes.u8(2 + 4 * place)?) {
            0 => {}
            number => reading.cell(number, scaled(bytes.u16_le(3 + 4 * place)?, 3))?,
        }
    }
    Ok(())
}

/// The lowest bit of each byte is a fault; which one, no published list says.
fn faults(bytes: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    for (number, byte) in bytes.slice(2, 16)?.iter().enumerate() {
        reading.flag(format!("alarms.fault_{}", number + 1), byte & 1 == 1);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_has_the_bytes_of_a_capture() {
        assert_eq!(question(STATE), [0xEE, 0xC1, 0, 0, 0, 0xCE]);
    }
}
