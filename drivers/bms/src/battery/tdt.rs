//! TDT monitors, sold as Humsienk and under other names: `7E VERSION ADDRESS 03 CODE COMMAND LENGTH DATA CRC 0D`, the
//! CRC-16/Modbus high byte first. Some take questions only with `1E` in front.
//!
//! Facts: captures and published notes on the makers' program. Firmware 1 counts current and capacities in whole units, and
//! sends one byte of checksum in place of two with its states, whose rule is not known.

use super::bytes::Bytes;
use super::reading::{MOST_CELLS, Reading, scaled};
use super::stream::Look;
use super::sums::crc_modbus;
use super::talk::{Protocol, Talk, told};
use super::{Ble, Family, Found, Need, Proof, Question, Transport, Variant};
use crate::fault::Fault;

/// The registry's line.
pub const FAMILY: Family = Family {
    device: "tdt",
    title: "TDT, Humsienk, WattCycle",
    variants: &[Variant {
        name: "tdt_7e",
        aliases: &[],
        transports: &[(Transport::Ble, Proof::Vector)],
        bauds: &[],
        ble: Some(&BLE),
        is_passive: false,
        make: |setup| Ok(Talk::boxed(Tdt { head: 0x7E, is_first: false, is_unsure: false }, setup)),
    }],
};

/// What it shows over Bluetooth.
const BLE: Ble = Ble {
    service: "0000fff0-0000-1000-8000-00805f9b34fb",
    notify: "0000fff1-0000-1000-8000-00805f9b34fb",
    write: "0000fff2-0000-1000-8000-00805f9b34fb",
    names: &["WTDH*", "WT???AZ*", "WT???BG*"],
    companies: &[0xD6C0],
};

/// What unlocks it, and where that is written.
const UNLOCK: &[u8] = b"HiLink";
const UNLOCK_AT: &str = "0000fffa-0000-1000-8000-00805f9b34fb";

/// Commands.
const VALUES: u8 = 0x8C;
const STATES: u8 = 0x8D;
const INFO: u8 = 0x92;

/// Where the data begins.
const DATA: usize = 8;

/// Bytes around the data.
const AROUND: usize = 11;

/// The most data of an answer.
const MOST_DATA: usize = 512;

/// Tenths of a kelvin at 0 °C.
const ZERO: i64 = 2730;

/// One battery.
struct Tdt {
    /// What questions begin with.
    head: u8,
    /// Whether its firmware is version 1.
    is_first: bool,
    /// Whether the answer that tells the firmware came broken, so that numbers may mean tenths or not.
    is_unsure: bool,
}

impl Tdt {
    fn question(&self, command: u8) -> Vec<u8> {
        let mut bytes = vec![self.head, 0, 1, 3, 0, command, 0, 0];
        let crc = crc_modbus(&bytes);
        bytes.extend(crc.to_be_bytes());
        bytes.push(0x0D);
        bytes
    }

    /// Whether the end and the sum of a frame are right.
    fn check(&self, frame: &[u8]) -> Look {
        let whole = frame.len();
        let found = u16::from_be_bytes([frame[whole - 3], frame[whole - 2]]);
        let expected = crc_modbus(&frame[..whole - 3]);
        let has_short_sum = self.is_first && frame[5] == STATES && found <= 0xFF;
        if frame[whole - 1] != 0x0D {
            Look::Bad(whole, Fault::Truncated { have: whole, want: None })
        } else if expected == found || has_short_sum {
            Look::Good(whole)
        } else {
            Look::Bad(whole, Fault::Checksum { expected: expected.into(), found: found.into() })
        }
    }

    /// The cells, the temperatures and the values.
    fn values(&self, bytes: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
        let cells = usize::from(bytes.u8(0)?);
        if cells > MOST_CELLS {
            return Err(Fault::Cells(cells));
        }
        for cell in 0..cells {
            reading.cell(cell + 1, scaled(bytes.u16_be(1 + 2 * cell)?, 3))?;
        }
        let at = 1 + 2 * cells;
        let sensors = usize::from(bytes.u8(at)?);
        for sensor in 0..sensors {
            let raw = i64::from(bytes.u16_be(at + 1 + 2 * sensor)?);
            reading.temperature(sensor + 1, scaled(raw - ZERO, 1))?;
        }
        let at = at + 1 + 2 * sensors;
        let tenths = u8::from(!self.is_first);
        reading.number("current", "A", self.current(bytes.u16_be(at)?));
        reading.number("voltage", "V", scaled(bytes.u16_be(at + 2)?, 2));
        reading.number("remaining", "Ah", scaled(bytes.u16_be(at + 4)?, tenths));
        reading.number("full_capacity", "Ah", scaled(bytes.u16_be(at + 6)?, tenths));
        reading.count("cycles", "", bytes.u16_be(at + 8)?);
        reading.number("capacity", "Ah", scaled(bytes.u16_be(at + 10)?, tenths));
        reading.number("soc", "%", f64::from(bytes.u16_be(at + 12)?));
        if let Ok(soh) = bytes.u16_be(at + 14) {
            reading.number("soh", "%", f64::from(soh));
        }
        Ok(())
    }

    /// Bit 15 discharges, bit 14 says that the rest is tenths of an ampere.
    fn current(&self, raw: u16) -> f64 {
        let amount = i64::from(raw & 0x3FFF);
        let signed = if raw & 0x8000 == 0 { amount } else { -amount };
        scaled(signed, u8::from(raw & 0x4000 != 0 && !self.is_first))
    }
}

impl Protocol for Tdt {
    fn opening(&self) -> Vec<Question> {
        let unlock = Question::new("unlock", UNLOCK);
        vec![
            Question { is_answered: false, characteristic: Some(UNLOCK_AT), ..unlock },
            Question::new("info", self.question(INFO)),
        ]
    }

    fn poll(&self, need: Need) -> Vec<Question> {
        let mut questions =
            vec![Question::new("values", self.question(VALUES)), Question::new("states", self.question(STATES))];
        if need.identity || self.is_unsure {
            questions.insert(0, Question::new("info", self.question(INFO)));
        }
        questions
    }

    fn look(&self, bytes: &[u8]) -> Look {
        match bytes {
            [0x7E] | [0x7E, 0 | 4] | [0x7E, 0 | 4, _] => Look::More(None),
            [0x7E, 0 | 4, _, 3, head @ ..] => {
                let Some(length) = head.get(2..4).and_then(<[u8]>::first_chunk) else { return Look::More(None) };
                let length = usize::from(u16::from_be_bytes(*length));
                if length > MOST_DATA {
                    return Look::Not;
                }
                let whole = AROUND + length;
                bytes.get(..whole).map_or(Look::More(Some(whole)), |frame| self.check(frame))
            }
            _ => Look::Not,
        }
    }

    fn answers(&self, frame: &[u8], question: &[u8]) -> bool {
        question.len() >= AROUND && frame.get(5) == question.get(5)
    }

    fn lost(&mut self, question: &[u8]) {
        self.is_unsure |= question.get(5) == Some(&INFO);
    }

    fn unheard(&mut self) {
        self.head = if self.head == 0x7E { 0x1E } else { 0x7E };
    }

    fn read(&mut self, frame: &[u8], _question: Option<&[u8]>) -> Result<Found, Fault> {
        let (code, command) = (frame[4], frame[5]);
        if code != 0 {
            return Err(Fault::Refused(format!("command {command:02X}, code {code:02X}")));
        }
        let bytes = Bytes::new("the answer", &frame[DATA..frame.len() - 3]);
        let mut reading = Reading::default();
        match command {
            VALUES if self.is_unsure => {
                return Err(Fault::Foreign("values of a firmware that is not known yet".to_owned()));
            }
            VALUES => self.values(bytes, &mut reading)?,
            STATES => states(bytes, &mut reading)?,
            INFO => {
                let model = bytes.text(0, 20)?;
                self.is_first = is_first(&model);
                self.is_unsure = false;
                reading.text("firmware", &model);
                reading.text("maker", &bytes.text(20, 20)?);
                reading.text("serial", &bytes.text(40, 20)?);
            }
            _ => {}
        }
        Ok(told(reading))
    }
}

/// Whether a firmware ends with a version 1 and one more digit, as `CLY-567-V1.3`.
fn is_first(firmware: &str) -> bool {
    let mut letters = firmware.chars();
    letters.next_back().is_some_and(|last| last.is_ascii_digit()) && letters.as_str().ends_with("1.")
}

/// A byte for each cell and sensor, six more, then bits.
fn states(bytes: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    let cells = usize::from(bytes.u8(0)?);
    let sensors = usize::from(bytes.u8(1 + cells)?);
    let at = cells + sensors;
    reading.alarms(bytes.u16_be(at + 6)?.into(), &ALARMS);
    let switches = bytes.u8(at + 8)?;
    reading.flag("charge_mos", switches & 2 != 0);
    reading.flag("discharge_mos", switches & 4 != 0);
    if let Ok(mask) = bytes.slice(at + 15, cells.div_ceil(8)) {
        reading.flag("balancing", mask.iter().any(|byte| *byte != 0));
    }
    Ok(())
}

/// Bits of both bytes of protections, which no published list names.
const ALARMS: [(u8, &str); 16] = [
    (0, "alarms.protection_1"),
    (1, "alarms.protection_2"),
    (2, "alarms.protection_3"),
    (3, "alarms.protection_4"),
    (4, "alarms.protection_5"),
    (5, "alarms.protection_6"),
    (6, "alarms.protection_7"),
    (7, "alarms.protection_8"),
    (8, "alarms.protection_9"),
    (9, "alarms.protection_10"),
    (10, "alarms.protection_11"),
    (11, "alarms.protection_12"),
    (12, "alarms.protection_13"),
    (13, "alarms.protection_14"),
    (14, "alarms.protection_15"),
    (15, "alarms.protection_16"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_have_the_bytes_of_captures() {
        let mut tdt = Tdt { head: 0x7E, is_first: false, is_unsure: false };
        assert_eq!(tdt.question(INFO), [0x7E, 0, 1, 3, 0, 0x92, 0, 0, 0x9F, 0x22, 0x0D]);
        tdt.unheard();
        assert_eq!(tdt.question(VALUES), [0x1E, 0, 1, 3, 0, 0x8C, 0, 0, 0xB1, 0x44, 0x0D]);
    }

    #[test]
    fn the_current_has_its_sign_and_its_point_in_two_bits() {
        let tdt = |is_first| Tdt { head: 0x7E, is_first, is_unsure: false };
        let shown = |is_first, raw| format!("{:?}", tdt(is_first).current(raw));
        assert_eq!([0xC039, 0x4039, 0x0039].map(|raw| shown(false, raw)), ["-5.7", "5.7", "57.0"]);
        assert_eq!([0xC039, 0x4000].map(|raw| shown(true, raw)), ["-57.0", "0.0"]);
    }
}
