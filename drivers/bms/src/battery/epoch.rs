//! Epoch Pro over Bluetooth: `FA F3 16 UNIT LENGTH DATA CRC`, the CRC-16/Modbus low byte first. Unit 1 tells of the whole;
//! each unit tells of its pack.

use std::collections::BTreeMap;

use super::bytes::Bytes;
use super::reading::{MOST_CELLS, MOST_SENSORS, Reading, scaled};
use super::stream::Look;
use super::sums::crc_modbus;
use super::talk::{Protocol, Talk, told};
use super::{Ble, Family, Found, Need, Proof, Question, Transport, Variant};
use crate::fault::Fault;

/// The registry's line.
pub const FAMILY: Family = Family {
    device: "epoch_pro",
    title: "Epoch Pro",
    variants: &[Variant {
        name: "epoch_pro_ble",
        aliases: &[],
        transports: &[(Transport::Ble, Proof::Vector)],
        bauds: &[],
        ble: Some(&BLE),
        is_passive: false,
        make: |setup| Ok(Talk::boxed(Epoch::default(), setup)),
    }],
};

/// What it shows over Bluetooth; it has no name of its own.
const BLE: Ble = Ble {
    service: "0000ffe0-0000-1000-8000-00805f9b34fb",
    notify: "0000ffe4-0000-1000-8000-00805f9b34fb",
    write: "0000ffe1-0000-1000-8000-00805f9b34fb",
    names: &[],
    companies: &[],
};

/// How every frame begins.
const HEAD: [u8; 3] = [0xFA, 0xF3, 0x16];

/// Blocks: first register, how many registers.
const WHOLE: (u16, u16) = (0x7654, 0x37);
const PACK: (u16, u16) = (0x75F8, 0x52);

/// Bytes of the answers.
const WHOLE_DATA: usize = 0x6E;
const PACK_DATA: usize = 0xA4;

/// Bytes around the data, and before it.
const AROUND: usize = 7;
const BEFORE: usize = 5;

/// The most packs.
const MOST_PACKS: u8 = 16;

/// Cells and sensors of a pack have places for 16 each.
const PACK_CELLS: usize = 16;

/// Packs that are one battery.
#[derive(Default)]
struct Epoch {
    packs: u8,
    /// What each pack holds when full, in milliampere hours, by its unit.
    sizes: BTreeMap<u8, u32>,
}

fn question(unit: u8, (first, count): (u16, u16)) -> Vec<u8> {
    let mut bytes = HEAD.to_vec();
    bytes.extend(first.to_be_bytes());
    bytes.push(unit);
    bytes.extend(count.to_be_bytes());
    let crc = crc_modbus(&bytes);
    bytes.extend(crc.to_le_bytes());
    bytes
}

impl Protocol for Epoch {
    fn poll(&self, _need: Need) -> Vec<Question> {
        let packs = (1..=self.packs).map(|unit| Question::new("pack", question(unit, PACK)));
        std::iter::once(Question::new("whole", question(1, WHOLE))).chain(packs).collect()
    }

    fn look(&self, bytes: &[u8]) -> Look {
        if !HEAD.starts_with(&bytes[..bytes.len().min(HEAD.len())]) {
            return Look::Not;
        }
        let Some(length) = bytes.get(BEFORE - 1) else { return Look::More(None) };
        let whole = AROUND + usize::from(*length);
        let Some((head, crc)) = bytes.get(..whole).and_then(<[u8]>::split_last_chunk::<2>) else {
            return Look::More(Some(whole));
        };
        let (expected, found) = (crc_modbus(head), u16::from_le_bytes(*crc));
        if expected == found {
            Look::Good(whole)
        } else {
            Look::Bad(whole, Fault::Checksum { expected: expected.into(), found: found.into() })
        }
    }

    fn answers(&self, frame: &[u8], question: &[u8]) -> bool {
        let ([_, _, _, unit, length, ..], [_, _, _, _, _, asked, high, low, ..]) = (frame, question) else {
            return false;
        };
        unit == asked && usize::from(*length) == 2 * usize::from(u16::from_be_bytes([*high, *low]))
    }

    fn read(&mut self, frame: &[u8], _question: Option<&[u8]>) -> Result<Found, Fault> {
        let data = &frame[BEFORE..frame.len() - 2];
        let bytes = Bytes::new("the answer", data);
        let mut reading = Reading::default();
        match data.len() {
            WHOLE_DATA => {
                self.packs = u8::try_from(bytes.u16_be(42)?).unwrap_or(MOST_PACKS).min(MOST_PACKS);
                whole(bytes, &mut reading)?;
            }
            PACK_DATA => {
                pack(frame[3], bytes, &mut reading)?;
                if (1..=MOST_PACKS).contains(&frame[3]) {
                    self.sizes.insert(frame[3], bytes.u32_be(12)?);
                }
                // Only all of them together are what the battery holds.
                if self.packs > 0 && (1..=self.packs).all(|unit| self.sizes.contains_key(&unit)) {
                    let sizes = self.sizes.iter().filter(|(unit, _)| **unit <= self.packs);
                    let all: i64 = sizes.map(|(_, size)| i64::from(*size)).sum();
                    reading.number("capacity", "Ah", scaled(all, 3));
                }
            }
            _ => {}
        }
        Ok(told(reading))
    }
}

/// All packs together.
fn whole(bytes: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    reading.number("soc", "%", f64::from(bytes.u16_be(8)?));
    reading.number("soh", "%", f64::from(bytes.u16_be(10)?));
    reading.number("voltage", "V", scaled(bytes.u16_be(14)?, 2));
    reading.number("current", "A", f64::from(bytes.i16_be(16)?));
    reading.number("mean_temperature", "°C", scaled(bytes.i16_be(18)?, 1));
    reading.count("packs", "", bytes.u16_be(42)?);
    Ok(())
}

/// One pack; its cells follow those of the packs before it, as far as there are names.
fn pack(unit: u8, bytes: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    reading.count(format!("packs.{unit}.cycles"), "", bytes.u16_be(16)?);
    reading.number(format!("packs.{unit}.voltage"), "V", scaled(bytes.u16_be(46)?, 2));
    reading.number(format!("packs.{unit}.current"), "A", scaled(bytes.i16_be(48)?, 2));
    reading.number(format!("packs.{unit}.capacity"), "Ah", scaled(bytes.u32_be(12)?, 3));
    reading.number(format!("packs.{unit}.soc"), "%", scaled(bytes.u16_be(66)?, 1));
    reading.count("cycles", "", bytes.u16_be(16)?);
    let (cells, sensors) = (usize::from(bytes.u8(50)?), usize::from(bytes.u8(51)?));
    if cells > PACK_CELLS {
        return Err(Fault::Cells(cells));
    }
    // Of one pack: those of several in parallel do not add up to the voltage.
    reading.count("cell_count", "", bytes.u8(50)?);
    let before = usize::from(unit).saturating_sub(1);
    for cell in 0..cells {
        let (number, volt) = (cells * before + cell + 1, scaled(bytes.u16_be(72 + 2 * cell)?, 3));
        if number <= MOST_CELLS {
            reading.cell(number, volt)?;
        }
    }
    for sensor in 0..sensors {
        let (number, celsius) = (sensors * before + sensor + 1, f64::from(bytes.i16_be(104 + 2 * sensor)?));
        if number <= MOST_SENSORS {
            reading.temperature(number, celsius)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_have_the_bytes_of_captures() {
        assert_eq!(question(1, WHOLE), [0xFA, 0xF3, 0x16, 0x76, 0x54, 1, 0, 0x37, 0xC7, 0x24]);
        assert_eq!(question(2, PACK), [0xFA, 0xF3, 0x16, 0x75, 0xF8, 2, 0, 0x52, 0x92, 0x5F]);
    }
}
