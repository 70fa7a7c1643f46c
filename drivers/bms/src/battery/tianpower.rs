//! Tianpower and Basen over Bluetooth: frames of 20 bytes, `55 14 COMMAND DATA AA`, high byte first, without a checksum.

use super::bytes::Bytes;
use super::reading::{MOST_CELLS, Reading, scaled};
use super::stream::Look;
use super::talk::{Protocol, Talk, told};
use super::{Ble, Family, Found, Need, Proof, Question, Transport, Variant};
use crate::fault::Fault;

/// The registry's line.
pub const FAMILY: Family = Family {
    device: "tianpower",
    title: "Tianpower, Basen",
    variants: &[Variant {
        name: "tianpwr_ble",
        aliases: &[],
        transports: &[(Transport::Ble, Proof::Vector)],
        bauds: &[],
        ble: Some(&BLE),
        is_passive: false,
        make: |setup| Ok(Talk::boxed(Tianpower::default(), setup)),
    }],
};

/// What it shows over Bluetooth.
const BLE: Ble = Ble {
    service: "0000ff00-0000-1000-8000-00805f9b34fb",
    notify: "0000ff01-0000-1000-8000-00805f9b34fb",
    write: "0000ff02-0000-1000-8000-00805f9b34fb",
    names: &["TP_*"],
    companies: &[],
};

/// Bytes of a frame.
const FRAME: usize = 20;

/// Commands.
const PACK: u8 = 0x83;
const COUNTS: u8 = 0x84;
const SWITCHES: u8 = 0x85;
const HEAT: u8 = 0x87;
/// Eight cells each.
const CELLS: std::ops::RangeInclusive<u8> = 0x88..=0x8A;
const CELLS_EACH: usize = 8;

/// One battery.
#[derive(Default)]
struct Tianpower {
    /// Cells and sensors, once they are known.
    cells: Option<usize>,
    sensors: Option<usize>,
    /// The surroundings and the MOSFETs, which come before the sensors and are told behind them.
    more: [i16; 2],
}

impl Protocol for Tianpower {
    fn poll(&self, need: Need) -> Vec<Question> {
        let ask = |command| Question::new("values", [0x55, 0x04, command, 0xAA]);
        let mut questions: Vec<Question> = [PACK, COUNTS, SWITCHES, HEAT].map(ask).into();
        if need.cells {
            let blocks = self.cells.map_or(3, |cells| cells.div_ceil(CELLS_EACH));
            questions.extend(CELLS.take(blocks).map(ask));
        }
        questions
    }

    fn look(&self, bytes: &[u8]) -> Look {
        match bytes {
            [0x55] | [0x55, 0x14] => Look::More(Some(FRAME)),
            [0x55, 0x14, 0x81..=0x8A, ..] => match bytes.get(FRAME - 1) {
                None => Look::More(Some(FRAME)),
                Some(0xAA) => Look::Good(FRAME),
                Some(_) => Look::Bad(FRAME, Fault::Truncated { have: FRAME, want: None }),
            },
            _ => Look::Not,
        }
    }

    fn answers(&self, frame: &[u8], question: &[u8]) -> bool {
        frame.get(2) == question.get(2)
    }

    fn read(&mut self, frame: &[u8], _question: Option<&[u8]>) -> Result<Found, Fault> {
        let bytes = Bytes::new("the frame", &frame[..FRAME - 1]);
        let mut reading = Reading::default();
        match bytes.u8(2)? {
            PACK => self.pack(bytes, &mut reading)?,
            COUNTS => self.counts(bytes, &mut reading)?,
            SWITCHES => {
                let switches = bytes.u8(4)?;
                reading.flag("charge_mos", switches & 2 != 0);
                reading.flag("discharge_mos", switches & 1 != 0);
                reading.flag("balancing", bytes.u16_be(13)? != 0);
            }
            HEAT => self.heat(bytes, &mut reading)?,
            command if CELLS.contains(&command) => self.block(bytes, command, &mut reading)?,
            _ => {}
        }
        Ok(told(reading))
    }
}

impl Tianpower {
    fn pack(&mut self, bytes: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
        reading.number("soc", "%", f64::from(bytes.u16_be(3)?));
        reading.number("voltage", "V", scaled(bytes.u16_be(5)?, 2));
        reading.number("current", "A", scaled(bytes.i16_be(13)?, 2));
        reading.number("soh", "%", f64::from(bytes.u16_be(17)?));
        self.more = [bytes.i16_be(9)?, bytes.i16_be(11)?];
        Ok(())
    }

    fn counts(&mut self, bytes: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
        let cells = usize::from(bytes.u8(3)?);
        if cells > MOST_CELLS {
            return Err(Fault::Cells(cells));
        }
        self.cells = Some(cells);
        self.sensors = Some(usize::from(bytes.u8(4)?));
        reading.count("cell_count", "", bytes.u8(3)?);
        reading.number("capacity", "Ah", scaled(bytes.u16_be(5)?, 2));
        reading.number("remaining", "Ah", scaled(bytes.u16_be(7)?, 2));
        reading.count("cycles", "", bytes.u16_be(9)?);
        // The bits of the alarms are not published.
        for (number, byte) in bytes.slice(11, 8)?.iter().enumerate() {
            reading.flag(format!("alarms.faults_{}", number + 1), *byte != 0);
        }
        Ok(())
    }

    fn heat(&self, bytes: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
        let sensors = self.sensors.unwrap_or(4).min(8);
        for sensor in 0..sensors {
            reading.temperature(sensor + 1, scaled(bytes.i16_be(3 + 2 * sensor)?, 1))?;
        }
        for (place, raw) in self.more.into_iter().enumerate() {
            reading.temperature(sensors + place + 1, scaled(raw, 1))?;
        }
        Ok(())
    }

    fn block(&self, bytes: Bytes<'_>, command: u8, reading: &mut Reading) -> Result<(), Fault> {
        let before = usize::from(command - CELLS.start()) * CELLS_EACH;
        for cell in 0..CELLS_EACH {
            let number = before + cell + 1;
            match bytes.u16_be(3 + 2 * cell)? {
                0 => {}
                millivolt if self.cells.is_none_or(|cells| number <= cells) => {
                    reading.cell(number, scaled(millivolt, 3))?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}
