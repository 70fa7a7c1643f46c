//! D-powercore, DXB and TBA over Bluetooth: messages in pages of 20 bytes, `LENGTH PAGE/PAGES DATA`, each of which is
//! acknowledged by the same bytes with the highest bit set. A message is `3A 05 03 COMMAND 00 LENGTH DATA SUM 0D 0A`, a question has `03 05`.

use super::bytes::Bytes;
use super::reading::{MOST_CELLS, Reading, scaled};
use super::stream::Look;
use super::talk::{Protocol, Talk, told};
use super::{Ble, Family, Found, Kind, Need, Proof, Question, Transport, Variant};
use crate::fault::Fault;

/// The registry's line.
pub const FAMILY: Family = Family {
    device: "dpwrcore",
    title: "D-powercore",
    variants: &[Variant {
        name: "dpwrcore_ble",
        aliases: &[],
        transports: &[(Transport::Ble, Proof::Vector)],
        bauds: &[],
        ble: Some(&BLE),
        is_passive: false,
        make: |setup| Ok(Talk::boxed(Dpwrcore::default(), setup)),
    }],
};

/// What it shows over Bluetooth. A `DXB-` battery wants to be unlocked, which is not done here.
const BLE: Ble = Ble {
    service: "0000fff0-0000-1000-8000-00805f9b34fb",
    notify: "0000fff4-0000-1000-8000-00805f9b34fb",
    write: "0000fff3-0000-1000-8000-00805f9b34fb",
    names: &["TBA-*"],
    companies: &[],
};

/// Bytes of a page, and of its data.
const PAGE: usize = 20;
const PAGE_DATA: u8 = 18;

/// The most pages of a message.
const MOST_PAGES: u8 = 15;

/// The bit of a page that acknowledges.
const ACKNOWLEDGED: u8 = 0x80;

/// Commands.
const PACK: u8 = 0x60;
const STATE: u8 = 0x61;
const CELLS: u8 = 0x62;

/// What the sum counts beside the bytes.
const SUM_START: u16 = 8;

/// Hundredths of a kelvin at 0 °C.
const ZERO: i64 = 27_315;

/// One battery.
#[derive(Default)]
struct Dpwrcore {
    /// The message so far, and the page that comes next.
    message: Vec<u8>,
    next: u8,
    /// The page to acknowledge.
    page: Option<Vec<u8>>,
    /// Whether nothing came since it was quiet the last time.
    was_quiet: bool,
}

/// A question; it always fits on one page.
fn question(command: u8) -> Vec<u8> {
    let [high, low] = (u16::from(command) + SUM_START).to_be_bytes();
    let mut page = vec![0x0C, 0x11, 0x3A, 3, 5, command, 0, 0, high, low, 0x0D, 0x0A];
    page.resize(PAGE, 0);
    page
}

/// The sum of a message, without its start, its sum and its end.
fn sum(message: &[u8]) -> u16 {
    message.iter().fold(SUM_START, |sum, byte| sum.wrapping_add(u16::from(*byte)))
}

impl Protocol for Dpwrcore {
    fn poll(&self, need: Need) -> Vec<Question> {
        let ask = |name, command| Question::new(name, question(command));
        let mut questions = vec![ask("pack", PACK), ask("state", STATE)];
        if need.cells {
            questions.push(ask("cells", CELLS));
        }
        questions
    }

    fn look(&self, bytes: &[u8]) -> Look {
        let [length, rest @ ..] = bytes else { return Look::Not };
        if length & !ACKNOWLEDGED > PAGE_DATA {
            return Look::Not;
        }
        match rest.first().map(|numbers| (numbers >> 4, numbers & 0xF)) {
            None => Look::More(Some(PAGE)),
            Some((page, pages)) if page == 0 || page > pages || pages > MOST_PAGES => Look::Not,
            Some(_) if bytes.len() < PAGE => Look::More(Some(PAGE)),
            Some(_) => Look::Good(PAGE),
        }
    }

    fn answers(&self, frame: &[u8], question: &[u8]) -> bool {
        let ([first, rest @ ..], [asked, said @ ..]) = (frame, question) else { return false };
        *first == asked | ACKNOWLEDGED && rest == said
    }

    fn comes_unasked(&self, frame: &[u8]) -> bool {
        frame[0] & ACKNOWLEDGED == 0
    }

    fn reply(&mut self) -> Option<Question> {
        let page = self.page.take()?;
        Some(Question { is_answered: false, ..Question::new("acknowledge", page) })
    }

    fn unfinished(&mut self) -> Option<Fault> {
        let is_lost = self.was_quiet && !self.message.is_empty();
        self.was_quiet = true;
        if !is_lost {
            return None;
        }
        let have = self.message.len();
        self.message.clear();
        Some(Fault::Truncated { have, want: None })
    }

    fn read(&mut self, frame: &[u8], _question: Option<&[u8]>) -> Result<Found, Fault> {
        let unfinished = Found { done: false, ..Found::other(Kind::Other("page")) };
        let (length, page, pages) = (frame[0], frame[1] >> 4, frame[1] & 0xF);
        if length & ACKNOWLEDGED != 0 {
            return Ok(unfinished);
        }
        self.was_quiet = false;
        let mut acknowledged = frame.to_vec();
        acknowledged[0] |= ACKNOWLEDGED;
        self.page = Some(acknowledged);
        if page == 1 {
            self.message.clear();
        } else if page != self.next {
            self.message.clear();
            return Err(Fault::Foreign(format!("page {page} where page {} belongs", self.next)));
        }
        self.message.extend(&frame[2..2 + usize::from(length)]);
        self.next = page + 1;
        if page < pages { Ok(unfinished) } else { message(&std::mem::take(&mut self.message)).map(told) }
    }
}

/// What a whole message says.
fn message(message: &[u8]) -> Result<Reading, Fault> {
    let Some(([0x3A, 5, 3, body @ ..], tail)) = message.split_last_chunk::<4>() else {
        return Err(Fault::Truncated { have: message.len(), want: None });
    };
    let (expected, found) = (sum(body), u16::from_be_bytes([tail[0], tail[1]]));
    if expected != found || tail[2..] != [0x0D, 0x0A] {
        return Err(Fault::Checksum { expected: expected.into(), found: found.into() });
    }
    let bytes = Bytes::new("the message", message);
    let mut reading = Reading::default();
    match bytes.u8(3)? {
        PACK => {
            reading.number("voltage", "V", scaled(bytes.u16_be(6)?, 1));
            reading.number("current", "A", scaled(bytes.i16_be(8)?, 1));
            reading.number("remaining", "Ah", scaled(bytes.u16_be(12)?, 3));
            reading.number("soc", "%", f64::from(bytes.u8(14)?));
            reading.flag("alarms.protection", bytes.u8(15)? != 0);
        }
        STATE => {
            reading.count("cycles", "", bytes.u16_be(8)?);
            reading.temperature(1, scaled(i64::from(bytes.u16_be(12)?) * 10 - ZERO, 2))?;
        }
        CELLS => {
            let cells = usize::from(bytes.u8(6)?);
            if cells > MOST_CELLS {
                return Err(Fault::Cells(cells));
            }
            for cell in 0..cells {
                reading.cell(cell + 1, scaled(bytes.u16_be(7 + 2 * cell)?, 3))?;
            }
        }
        _ => {}
    }
    Ok(reading)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_has_the_bytes_of_a_capture() {
        let want = [0x0C, 0x11, 0x3A, 3, 5, 0x60, 0, 0, 0, 0x68, 0x0D, 0x0A, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(question(PACK), want);
    }
}
