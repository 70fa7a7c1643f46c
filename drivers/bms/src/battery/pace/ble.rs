//! Pace over Bluetooth: `9A COMMAND(6) LENGTH DATA CRC 9D`, the CRC-16/Modbus high byte first, one notification a frame.

use crate::battery::bytes::Bytes;
use crate::battery::reading::{MOST_CELLS, Reading, scaled};
use crate::battery::stream::Look;
use crate::battery::sums::crc_modbus;
use crate::battery::talk::{Protocol, Talk, told};
use crate::battery::{Ble, Found, Need, Proof, Question, Transport, Variant};
use crate::fault::Fault;

/// The registry's line.
pub(super) const VARIANT: Variant = Variant {
    name: "pace_ble",
    aliases: &[],
    transports: &[(Transport::Ble, Proof::Vector)],
    bauds: &[],
    ble: Some(&BLE),
    is_passive: false,
    make: |setup| Ok(Talk::boxed(Pace::default(), setup)),
};

/// What it shows over Bluetooth.
const BLE: Ble = Ble {
    service: "0000fff0-0000-1000-8000-00805f9b34fb",
    notify: "0000fff1-0000-1000-8000-00805f9b34fb",
    write: "0000fff2-0000-1000-8000-00805f9b34fb",
    names: &["PC-????"],
    companies: &[],
};

/// Commands, by the four bytes of their six that differ.
const SYSTEM: [u8; 4] = [0, 0, 0x0A, 0];
const PACK: [u8; 4] = [0, 0, 0x0A, 1];
const CELLS: [u8; 4] = [0, 0, 0x0A, 2];
const SERIAL: [u8; 4] = [0, 0, 0, 2];

/// Where the data begins.
const DATA: usize = 8;

/// Bytes around the data.
const AROUND: usize = 11;

/// Tenths of a kelvin at 0 °C.
const ZERO: i64 = 2731;

/// One pack.
#[derive(Default)]
struct Pace {
    /// What the pack said, until it is known whether it speaks for others too.
    pack: Option<Reading>,
}

fn question(command: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x9A];
    bytes.extend(command);
    bytes.extend([0, 0, u8::try_from(data.len()).unwrap_or_default()]);
    bytes.extend(data);
    let crc = crc_modbus(&bytes);
    bytes.extend(crc.to_be_bytes());
    bytes.push(0x9D);
    bytes
}

impl Protocol for Pace {
    fn poll(&self, need: Need) -> Vec<Question> {
        let mut questions = vec![Question::new("pack", question(PACK, &[1, 1]))];
        if need.cells {
            questions.push(Question::new("cells", question(CELLS, &[1, 1])));
        }
        questions.push(Question::new("system", question(SYSTEM, &[])));
        if need.identity {
            questions.push(Question::new("serial", question(SERIAL, &[])));
        }
        questions
    }

    fn look(&self, bytes: &[u8]) -> Look {
        if bytes.first() != Some(&0x9A) {
            return Look::Not;
        }
        let Some(length) = bytes.get(DATA - 1) else { return Look::More(None) };
        let whole = AROUND + usize::from(*length);
        let Some(frame) = bytes.get(..whole) else { return Look::More(Some(whole)) };
        let found = u16::from_be_bytes([frame[whole - 3], frame[whole - 2]]);
        let expected = crc_modbus(&frame[..whole - 3]);
        if expected != found {
            Look::Bad(whole, Fault::Checksum { expected: expected.into(), found: found.into() })
        } else if frame[whole - 1] == 0x9D {
            Look::Good(whole)
        } else {
            Look::Bad(whole, Fault::Truncated { have: whole, want: None })
        }
    }

    fn answers(&self, frame: &[u8], question: &[u8]) -> bool {
        frame.get(1..7).is_some() && frame.get(1..7) == question.get(1..7)
    }

    fn has_to_answer(&self) -> bool {
        true
    }

    fn read(&mut self, frame: &[u8], _question: Option<&[u8]>) -> Result<Found, Fault> {
        let data = frame.get(DATA..frame.len() - 3).unwrap_or_default();
        let bytes = Bytes::new("the answer", data);
        let mut reading = Reading::default();
        match frame.get(1..5).and_then(<[u8]>::first_chunk) {
            Some(&PACK) => {
                pack(bytes, &mut reading)?;
                self.pack = Some(std::mem::take(&mut reading));
            }
            Some(&CELLS) => cells(bytes, &mut reading)?,
            Some(&SYSTEM) => {
                let pack = self.pack.take().unwrap_or_default();
                reading = if bytes.u8(0)? == 0 { pack } else { as_first(&pack) };
                system(bytes, &mut reading)?;
            }
            Some(&SERIAL) => reading.text("serial", &bytes.text(1, usize::from(bytes.u8(0)?))?),
            _ => {}
        }
        Ok(told(reading))
    }
}

/// The pack that was asked.
fn pack(bytes: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    reading.number("current", "A", scaled(bytes.i16_be(1)?, 2));
    reading.number("voltage", "V", scaled(bytes.u16_be(3)?, 2));
    reading.number("remaining", "Ah", scaled(bytes.u16_be(5)?, 2));
    reading.number("full_capacity", "Ah", scaled(bytes.u16_be(7)?, 2));
    reading.number("capacity", "Ah", scaled(bytes.u16_be(9)?, 2));
    reading.number("soc", "%", f64::from(bytes.u8(11)?));
    reading.number("soh", "%", f64::from(bytes.u8(12)?));
    reading.count("cycles", "", bytes.u16_be(13)?);
    Ok(())
}

/// Its cells and temperatures, side by side: the sensors come first, the rest of their places is empty.
fn cells(bytes: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    let cells = usize::from(bytes.u8(3)?);
    if cells > MOST_CELLS {
        return Err(Fault::Cells(cells));
    }
    let mut sensors = 0;
    for cell in 0..cells {
        reading.cell(cell + 1, scaled(bytes.u16_be(4 + 4 * cell)?, 3))?;
        let raw = bytes.u16_be(6 + 4 * cell)?;
        if raw != 0 {
            sensors += 1;
            reading.temperature(sensors, scaled(i64::from(raw) - ZERO, 1))?;
        }
    }
    reading.count("cell_count", "", i64::try_from(cells).unwrap_or_default());
    Ok(())
}

/// The same values under the name of the first pack.
fn as_first(pack: &Reading) -> Reading {
    let mut first = Reading::default();
    for (name, datum) in pack.iter() {
        first.set(format!("packs.1.{name}"), datum.unit, datum.value.clone());
    }
    first
}

/// All packs together; only the main pack knows, the others send zeros.
fn system(bytes: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    let packs = bytes.u8(0)?;
    let end = bytes.u32_be(23)?;
    if packs == 0 {
        return Ok(());
    }
    reading.count("packs", "", packs);
    reading.number("current", "A", scaled(bytes.i32_be(1)?, 2));
    reading.number("voltage", "V", scaled(bytes.u32_be(5)?, 2));
    reading.number("remaining", "Ah", scaled(bytes.u32_be(9)?, 2));
    reading.number("full_capacity", "Ah", scaled(bytes.u32_be(13)?, 2));
    reading.number("capacity", "Ah", scaled(bytes.u32_be(17)?, 2));
    reading.number("soc", "%", f64::from(bytes.u8(21)?));
    reading.number("soh", "%", f64::from(bytes.u8(22)?));
    reading.count("cycles", "", end);
    Ok(())
}
