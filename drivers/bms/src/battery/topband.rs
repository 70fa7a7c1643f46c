//! Topband over Bluetooth: one byte, then 112 letters that are 56 bytes, little endian, the last two their sum, high byte
//! first. It speaks by itself.

use super::bytes::Bytes;
use super::reading::{Reading, scaled};
use super::stream::Look;
use super::sums::sum16;
use super::talk::{Protocol, Talk, told};
use super::{Ble, Family, Found, Need, Proof, Question, Transport, Variant};
use crate::fault::Fault;

/// The registry's line.
pub const FAMILY: Family = Family {
    device: "topband",
    title: "Topband",
    variants: &[Variant {
        name: "topband_ble",
        aliases: &[],
        transports: &[(Transport::Ble, Proof::Vector)],
        bauds: &[],
        ble: Some(&BLE),
        is_passive: true,
        make: |setup| Ok(Talk::boxed(Topband, setup)),
    }],
};

/// What it shows over Bluetooth; it has no name of its own, and nothing is written to it.
const BLE: Ble = Ble {
    service: "0000ffe0-0000-1000-8000-00805f9b34fb",
    notify: "0000ffe4-0000-1000-8000-00805f9b34fb",
    write: "",
    names: &[],
    companies: &[],
};

/// Bytes of a frame.
const FRAME: usize = 113;

/// What the first byte is, by the product.
const HEADS: [u8; 5] = [0x5E, 0x83, 0xAF, 0xB0, 0xE8];

/// Places for cells.
const CELLS: usize = 16;

/// Tenths of a kelvin at 0 °C, in hundredths.
const ZERO: i64 = 27_315;

/// One battery.
struct Topband;

/// The bytes that letters are.
fn bytes_of(letters: &[u8]) -> Option<Vec<u8>> {
    let digit = |letter: u8| char::from(letter).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    letters.chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect()
}

impl Protocol for Topband {
    fn poll(&self, _need: Need) -> Vec<Question> {
        Vec::new()
    }

    fn look(&self, bytes: &[u8]) -> Look {
        if !bytes.first().is_some_and(|first| HEADS.contains(first)) {
            return Look::Not;
        }
        let letters = bytes[1..].iter().take(FRAME - 1).take_while(|letter| letter.is_ascii_hexdigit()).count();
        if letters + 1 < FRAME {
            return if letters + 1 == bytes.len() { Look::More(Some(FRAME)) } else { Look::Not };
        }
        let said = bytes_of(&bytes[1..FRAME]).unwrap_or_default();
        let Some((data, sum)) = said.split_last_chunk::<2>() else { return Look::Not };
        let (expected, found) = (sum16(data), u16::from_be_bytes(*sum));
        if expected == found {
            Look::Good(FRAME)
        } else {
            Look::Bad(FRAME, Fault::Checksum { expected: expected.into(), found: found.into() })
        }
    }

    fn answers(&self, _frame: &[u8], _question: &[u8]) -> bool {
        false
    }

    fn comes_unasked(&self, _frame: &[u8]) -> bool {
        true
    }

    fn read(&mut self, frame: &[u8], _question: Option<&[u8]>) -> Result<Found, Fault> {
        let data = bytes_of(&frame[1..]).ok_or(Fault::Nothing(frame.len()))?;
        let bytes = Bytes::new("the frame", &data);
        let mut reading = Reading::default();
        reading.number("voltage", "V", scaled(bytes.u32_le(0)?, 3));
        reading.number("current", "A", scaled(bytes.i32_le(4)?, 3));
        reading.number("remaining", "Ah", scaled(bytes.u32_le(8)?, 3));
        reading.count("cycles", "", bytes.u16_le(12)?);
        reading.number("soc", "%", f64::from(bytes.u16_le(14)?));
        reading.temperature(1, scaled(i64::from(bytes.u16_le(16)?) * 10 - ZERO, 2))?;
        // The bits of the alarms are not published.
        reading.flag("alarms.protection", bytes.u8(18)? != 0);
        for cell in 0..CELLS {
            match bytes.u16_le(22 + 2 * cell)? {
                0 => {}
                millivolt => reading.cell(cell + 1, scaled(millivolt, 3))?,
            }
        }
        Ok(told(reading))
    }
}
