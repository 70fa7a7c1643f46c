//! E&J monitors over Bluetooth, in Fliteboard, Lithtech, Volthium, Chins and some Li Time batteries: frames of letters,
//! `: ADDRESS COMMAND VERSION LENGTH DATA SUM ~`. The length counts all letters; the sum is over the letters, inverted.

use super::bytes::Bytes;
use super::reading::{Reading, scaled};
use super::stream::Look;
use super::sums::sum8;
use super::talk::{Protocol, Talk, told};
use super::{Ble, Family, Found, Need, Proof, Question, Transport, Variant};
use crate::fault::Fault;

/// The registry's line.
pub const FAMILY: Family = Family {
    device: "ej",
    title: "E&J",
    variants: &[Variant {
        name: "ej_ble",
        aliases: &[],
        transports: &[(Transport::Ble, Proof::Vector)],
        bauds: &[],
        ble: Some(&BLE),
        is_passive: false,
        make: |setup| Ok(Talk::boxed(Ej, setup)),
    }],
};

/// What it shows over Bluetooth.
const BLE: Ble = Ble {
    service: "6e400001-b5a3-f393-e0a9-e50e24dcca9e",
    notify: "6e400003-b5a3-f393-e0a9-e50e24dcca9e",
    write: "6e400002-b5a3-f393-e0a9-e50e24dcca9e",
    names: &["L-12V???AH-*", "LT-12V-*", "V-12V???Ah-*", "libatt*", "SV12V*"],
    companies: &[],
};

/// Questions as the makers' program sends them.
const STATE: &[u8] = b":000250000E03~";
const CAPACITY: &[u8] = b":001031000E05~";

/// Letters before the data, with the colon, and behind it.
const HEAD: usize = 11;
const TAIL: usize = 3;

/// The most letters of a frame.
const MOST: usize = 512;

/// Bytes of an answer that holds both.
const BOTH: usize = 0x45;

/// Places for cells.
const CELLS: usize = 16;

/// One battery.
struct Ej;

/// The number that letters are.
fn number(letters: &[u8]) -> Option<usize> {
    letters.iter().try_fold(0, |value, letter| {
        let digit = char::from(*letter).to_digit(16)?;
        Some(value << 4 | usize::try_from(digit).ok()?)
    })
}

impl Protocol for Ej {
    fn poll(&self, _need: Need) -> Vec<Question> {
        // Batteries that tell all with the first answer do not answer the second question.
        let capacity = Question::new("capacity", CAPACITY);
        vec![Question::new("state", STATE), Question { is_answered: false, ..capacity }]
    }

    fn look(&self, bytes: &[u8]) -> Look {
        if bytes.first() != Some(&b':') {
            return Look::Not;
        }
        let letters = bytes[1..].iter().take_while(|letter| letter.is_ascii_hexdigit()).count();
        if letters + 1 < HEAD {
            return if letters + 1 == bytes.len() { Look::More(None) } else { Look::Not };
        }
        let Some(whole) =
            number(&bytes[7..HEAD]).filter(|whole| (HEAD + TAIL..=MOST).contains(whole) && whole % 2 == 0)
        else {
            return Look::Not;
        };
        let cut = Fault::Truncated { have: letters + 1, want: Some(whole) };
        match (bytes.get(..whole), letters + 2 == whole) {
            (None, _) if letters + 1 == bytes.len() => Look::More(Some(whole)),
            (None, _) => Look::Bad(letters + 1, cut),
            (Some(frame), true) if frame[whole - 1] == b'~' => {
                let expected = !sum8(&frame[1..whole - TAIL]);
                match number(&frame[whole - TAIL..whole - 1]) {
                    Some(found) if found == usize::from(expected) => Look::Good(whole),
                    found => {
                        let found = u32::try_from(found.unwrap_or_default()).unwrap_or_default();
                        Look::Bad(whole, Fault::Checksum { expected: expected.into(), found })
                    }
                }
            }
            (Some(_), _) => Look::Bad(whole, cut),
        }
    }

    fn answers(&self, frame: &[u8], question: &[u8]) -> bool {
        let command = |letters: &[u8]| letters.get(3..5).and_then(number).map(|command| command & 0x7F);
        command(frame).is_some() && command(frame) == command(question)
    }

    fn read(&mut self, frame: &[u8], _question: Option<&[u8]>) -> Result<Found, Fault> {
        let pairs = frame[1..frame.len() - 1].chunks(2);
        let data: Option<Vec<u8>> = pairs.map(|pair| number(pair)?.try_into().ok()).collect();
        let data = data.ok_or(Fault::Nothing(frame.len()))?;
        let bytes = Bytes::new("the answer", &data);
        let mut reading = Reading::default();
        match bytes.u8(1)? & 0x7F {
            0x02 => state(bytes, &mut reading)?,
            0x10 => reading.number("remaining", "Ah", scaled(bytes.u16_be(7)?, 1)),
            _ => {}
        }
        Ok(told(reading))
    }
}

/// Everything but the charge; the voltage is the sum of the cells.
fn state(bytes: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    let mut sum = 0;
    for cell in 0..CELLS {
        match bytes.u16_be(12 + 2 * cell)? {
            0 => {}
            millivolt => {
                sum += i64::from(millivolt);
                reading.cell(cell + 1, scaled(millivolt, 3))?;
            }
        }
    }
    reading.number("voltage", "V", scaled(sum, 3));
    let current = i64::from(bytes.u16_be(44)?) - i64::from(bytes.u16_be(46)?);
    reading.number("current", "A", scaled(current, 2));
    reading.temperature(1, f64::from(bytes.u8(48)?) - 40.0)?;
    let bits = bytes.u16_be(52)?;
    for bit in 2..12 {
        // Bits 4 and 5 of the high byte are the MOSFETs, and above.
        reading.flag(format!("alarms.protection_{}", bit - 1), bits >> bit & 1 == 1);
    }
    reading.flag("discharge_mos", bits & 0x1000 != 0);
    reading.flag("charge_mos", bits & 0x2000 != 0);
    reading.flag("heater", bytes.u8(54)? != 0);
    reading.flag("balancing", bytes.u16_be(55)? != 0);
    reading.count("cycles", "", bytes.u16_be(57)?);
    reading.number("soc", "%", f64::from(bytes.u8(61)?));
    if bytes.len() == BOTH {
        reading.number("remaining", "Ah", scaled(bytes.u16_be(62)?, 1));
        reading.number("capacity", "Ah", scaled(bytes.u16_be(66)?, 1));
    }
    Ok(())
}
