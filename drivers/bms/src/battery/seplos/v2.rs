//! Seplos version 2 over Bluetooth: a question is `7E 10 ADDRESS 46 COMMAND LENGTH DATA CRC 0D`, an answer
//! `7E 14 ADDRESS COMMAND CODE LENGTH DATA CRC 0D`; the CRC-16/XMODEM is over all between the first byte and itself.

use crate::battery::bytes::Bytes;
use crate::battery::stream::Look;
use crate::battery::sums::crc_xmodem;
use crate::battery::talk::{Protocol, Talk};
use crate::battery::{Ble, Found, Kind, Need, Proof, Question, Reading, Setup, Transport, Variant};
use crate::fault::Fault;

use super::layout;

/// The registry's line.
pub(super) const VARIANT: Variant = Variant {
    name: "v2_ble",
    aliases: &["v2"],
    transports: &[(Transport::Ble, Proof::Vector)],
    bauds: &[],
    ble: Some(&BLE),
    is_passive: false,
    make: |setup| Ok(Talk::boxed(V2::new(setup), setup)),
};

/// What it shows over Bluetooth.
const BLE: Ble = Ble {
    service: "0000ff00-0000-1000-8000-00805f9b34fb",
    notify: "0000ff01-0000-1000-8000-00805f9b34fb",
    write: "0000ff02-0000-1000-8000-00805f9b34fb",
    names: &["BP0?", "BP1?", "BP2?"],
    companies: &[],
};

/// Commands.
const MAKER: u8 = 0x51;
const MACHINE: u8 = 0x61;

/// Bytes around the data.
const AROUND: usize = 10;

/// Where the data begins.
const DATA: usize = 7;

/// The most data of an answer.
const MOST_DATA: usize = 512;

/// One battery.
struct V2 {
    address: u8,
    /// Whether the address was named, so that others are foreign.
    is_named: bool,
}

impl V2 {
    fn new(setup: &Setup) -> Self {
        Self { address: setup.address.unwrap_or(0), is_named: setup.address.is_some() }
    }

    fn question(&self, command: u8, data: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x7E, 0x10, self.address, 0x46, command];
        bytes.extend(u16::try_from(data.len()).unwrap_or_default().to_be_bytes());
        bytes.extend(data);
        let crc = crc_xmodem(&bytes[1..]);
        bytes.extend(crc.to_be_bytes());
        bytes.push(0x0D);
        bytes
    }
}

impl Protocol for V2 {
    fn poll(&self, need: Need) -> Vec<Question> {
        let mut questions = vec![Question::new("machine", self.question(MACHINE, &[0]))];
        if need.identity {
            questions.insert(0, Question::new("maker", self.question(MAKER, &[])));
        }
        questions
    }

    fn look(&self, bytes: &[u8]) -> Look {
        match bytes {
            [0x7E] => Look::More(None),
            [0x7E, 0x14, head @ ..] => {
                let Some(length) = head.get(3..5).and_then(<[u8]>::first_chunk) else { return Look::More(None) };
                let whole = AROUND + usize::from(u16::from_be_bytes(*length));
                if whole > AROUND + MOST_DATA {
                    return Look::Not;
                }
                bytes.get(..whole).map_or(Look::More(Some(whole)), check)
            }
            _ => Look::Not,
        }
    }

    fn answers(&self, frame: &[u8], question: &[u8]) -> bool {
        frame.get(3) == question.get(4)
    }

    fn read(&mut self, frame: &[u8], _question: Option<&[u8]>) -> Result<Found, Fault> {
        let bytes = Bytes::new("the answer", &frame[..frame.len() - 3]);
        if self.is_named && bytes.u8(2)? != self.address {
            return Err(Fault::Foreign(format!("an answer of address {}", bytes.u8(2)?)));
        }
        match bytes.u8(4)? {
            0 => {}
            code => return Err(Fault::Refused(format!("code {code:02X}"))),
        }
        let mut reading = Reading::default();
        match bytes.u8(3)? {
            MAKER => maker(bytes, &mut reading)?,
            MACHINE => machine(bytes, &mut reading)?,
            _ => return Ok(Found::other(Kind::Other("answer"))),
        }
        Ok(Found::values(reading))
    }
}

/// Whether the end and the sum are right.
fn check(frame: &[u8]) -> Look {
    let whole = frame.len();
    let found = u16::from_be_bytes([frame[whole - 3], frame[whole - 2]]);
    let expected = crc_xmodem(&frame[1..whole - 3]);
    if frame[whole - 1] != 0x0D {
        Look::Bad(whole, Fault::Truncated { have: whole, want: None })
    } else if expected == found {
        Look::Good(whole)
    } else {
        Look::Bad(whole, Fault::Checksum { expected: expected.into(), found: found.into() })
    }
}

/// Who made it, and how many packs there are.
fn maker(bytes: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    reading.text("model", &bytes.text(27, 10)?);
    reading.text("firmware", &format!("{}.{}", bytes.u8(37)?, bytes.u8(38)?));
    reading.count("packs", "", bytes.u8(42)?);
    Ok(())
}

/// The values, then one byte for each cell and sensor, current and voltage, the state, the switches and the events.
fn machine(bytes: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    let counts = layout::values(bytes, DATA + 2, reading)?;
    let at = counts.end + counts.cells + counts.sensors + 2;
    layout::state(reading, bytes.u8(at)?);
    layout::switches(reading, bytes.u8(at + 1)?);
    let events = usize::from(bytes.u8(at + 2)?);
    let bits = bytes.slice(at + 3, events)?.iter().take(8).enumerate();
    layout::events(reading, bits.map(|(event, bits)| u64::from(*bits) << (8 * event)).sum());
    layout::balancing(reading, bytes.slice(at + 3 + events, counts.cells.div_ceil(8))?);
    Ok(())
}
