//! Modbus RTU as batteries speak it, over serial lines and Bluetooth: answers out of a stream, each with what was asked.
//!
//! An answer to a read does not say which registers it holds; the question does. An answer that fits no open question is foreign
//! if any is open, and has no first register if none is.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use super::stream::{Look, Stream};
use super::sums::crc_modbus;
use crate::fault::Fault;

/// Open questions that are remembered; of more the oldest is given up.
const MOST_OPEN: usize = 16;

/// A read of bits or registers.
fn is_read(function: u8) -> bool {
    (1..=4).contains(&function)
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The unit that answers.
    pub unit: u8,
    /// What it holds.
    pub body: Body,
}

/// What an answer holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// What was read.
    Read {
        /// 1 and 2 are bits, 3 and 4 registers.
        function: u8,
        /// The first register, if a question says it.
        first: Option<u16>,
        /// Its bytes, high byte of a register first.
        data: Vec<u8>,
    },
    /// What was written: register and value, or the number of registers.
    Written {
        /// The first register.
        register: u16,
        /// The value, or how many.
        value: u16,
    },
}

/// A question that reads.
pub fn read(unit: u8, function: u8, first: u16, count: u16) -> Vec<u8> {
    framed(unit, function, first, count)
}

/// A question that writes one register.
pub fn write(unit: u8, register: u16, value: u16) -> Vec<u8> {
    framed(unit, 6, register, value)
}

fn framed(unit: u8, function: u8, first: u16, second: u16) -> Vec<u8> {
    let [a, b] = first.to_be_bytes();
    let [c, d] = second.to_be_bytes();
    let mut bytes = vec![unit, function, a, b, c, d];
    let crc = crc_modbus(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

/// A question that waits for its answer.
struct Open {
    unit: u8,
    function: u8,
    first: u16,
    second: u16,
}

impl Open {
    /// Whether an answer with these bytes behind the function can be its.
    fn fits(&self, unit: u8, function: u8, data: &[u8]) -> bool {
        let count = usize::from(self.second);
        let want = if self.function <= 2 { count.div_ceil(8) } else { 2 * count };
        self.unit == unit && self.function == function & 0x7f && (!is_read(function) || data.len() == want)
    }
}

/// The answers of a line.
pub struct Modbus {
    units: RangeInclusive<u8>,
    /// What the unit of a question has more than the unit of its answer.
    shift: u8,
    may_echo: bool,
    stream: Stream,
    open: VecDeque<Open>,
}

impl Modbus {
    /// Takes answers of these units; some answer by another number than they are asked by, `shift` below it.
    pub fn new(units: RangeInclusive<u8>, shift: u8, may_echo: bool) -> Self {
        Self { units, shift, may_echo, stream: Stream::default(), open: VecDeque::new() }
    }

    /// A question goes out.
    pub fn asked(&mut self, question: &[u8]) {
        let [unit, function, a, b, c, d, ..] = *question else { return };
        // The answer to a write repeats it and cannot be told from an echo.
        if self.may_echo && is_read(function) {
            self.stream.may_echo(question);
        }
        if self.open.len() == MOST_OPEN {
            self.open.pop_front();
        }
        let [first, second] = [[a, b], [c, d]].map(u16::from_be_bytes);
        self.open.push_back(Open { unit: unit.wrapping_sub(self.shift), function, first, second });
    }

    /// Takes bytes.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Result<Answer, Fault>> {
        self.stream.push(bytes);
        let units = self.units.clone();
        self.all(|stream| stream.next(|bytes| look(&units, bytes)))
    }

    /// Nothing more comes for now; open questions are given up.
    pub fn quiet(&mut self) -> Vec<Result<Answer, Fault>> {
        let units = self.units.clone();
        let found = self.all(|stream| stream.end(|bytes| look(&units, bytes)));
        self.open.clear();
        found
    }

    /// Whether a question has no answer yet.
    pub fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    fn all(&mut self, next: impl Fn(&mut Stream) -> Option<Result<Vec<u8>, Fault>>) -> Vec<Result<Answer, Fault>> {
        let mut found = Vec::new();
        while let Some(frame) = next(&mut self.stream) {
            found.push(frame.and_then(|frame| self.answer(&frame)));
        }
        found
    }

    fn answer(&mut self, frame: &[u8]) -> Result<Answer, Fault> {
        let [unit, function, body @ .., _, _] = frame else { return Err(Fault::Nothing(frame.len())) };
        let data = if is_read(*function) { body.get(1..).unwrap_or_default() } else { body };
        let open = self.open.iter().position(|open| open.fits(*unit, *function, data));
        let open = match open {
            // What was asked before it and has no answer gets none any more.
            Some(index) => self.open.drain(..=index).next_back(),
            None if self.open.is_empty() => None,
            None => {
                let text = format!("unit {unit}, function {function:02X}, {} bytes answer no question", data.len());
                return Err(Fault::Foreign(text));
            }
        };
        let body = match data {
            [code] if function & 0x80 != 0 => {
                return Err(Fault::Refused(format!("function {:02X}, code {code:02X}", function & 0x7f)));
            }
            _ if is_read(*function) => {
                Body::Read { function: *function, first: open.map(|open| open.first), data: data.to_vec() }
            }
            [a, b, c, d] => {
                let (register, value) = (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
                if open.is_some_and(|open| (open.first, open.second) != (register, value)) {
                    return Err(Fault::Foreign(format!(
                        "register {register:04X} is {value:04X}, which was not written"
                    )));
                }
                Body::Written { register, value }
            }
            _ => return Err(Fault::Nothing(frame.len())),
        };
        Ok(Answer { unit: *unit, body })
    }
}

/// What the bytes look like.
pub(super) fn look(units: &RangeInclusive<u8>, bytes: &[u8]) -> Look {
    let whole = match bytes {
        [unit, ..] if !units.contains(unit) => return Look::Not,
        [_] | [_, 1..=4] => return Look::More(None),
        // No answer is empty, and registers have two bytes each.
        [_, 3 | 4, length, ..] if !length.is_multiple_of(2) => return Look::Not,
        [_, 1..=4, length, ..] if *length > 0 => usize::from(*length) + 5,
        [_, 6 | 16, ..] => 8,
        [_, 0x81..=0x84 | 0x86 | 0x90, ..] => 5,
        _ => return Look::Not,
    };
    let Some(frame) = bytes.get(..whole) else { return Look::More(Some(whole)) };
    let expected = crc_modbus(&frame[..whole - 2]);
    let found = u16::from_le_bytes([frame[whole - 2], frame[whole - 1]]);
    if expected == found {
        Look::Good(whole)
    } else {
        Look::Bad(whole, Fault::Checksum { expected: expected.into(), found: found.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `D2 03` with these bytes.
    fn answer(data: &[u8]) -> Vec<u8> {
        let mut bytes = [&[0xd2, 3, u8::try_from(data.len()).unwrap()], data].concat();
        let crc = crc_modbus(&bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
        bytes
    }

    fn body(found: &[Result<Answer, Fault>]) -> Vec<(Option<u16>, usize)> {
        let one = |found: &Result<Answer, Fault>| match &found.as_ref().unwrap().body {
            Body::Read { first, data, .. } => (*first, data.len()),
            Body::Written { register, .. } => (Some(*register), 0),
        };
        found.iter().map(one).collect()
    }

    #[test]
    fn questions_have_the_bytes_of_captures() {
        assert_eq!(read(0xd2, 3, 0, 62), [0xd2, 0x03, 0, 0, 0, 0x3e, 0xd7, 0xb9]);
        assert_eq!(write(0xd2, 0xa5, 1), [0xd2, 0x06, 0, 0xa5, 0, 1, 0x4b, 0x8a]);
    }

    #[test]
    fn joined_answers_find_their_questions_by_their_length() {
        let mut line = Modbus::new(0xd2..=0xd2, 0, false);
        for (first, count) in [(0x3e, 9), (0xdf, 17), (0x57, 12)] {
            line.asked(&read(0xd2, 3, first, count));
        }
        let joined = [answer(&[1; 18]), answer(&[2; 34]), answer(&[3; 24])].concat();
        assert_eq!(body(&line.feed(&joined)), [(Some(0x3e), 18), (Some(0xdf), 34), (Some(0x57), 24)]);
        line.asked(&read(0xd2, 3, 0, 62));
        assert!(matches!(line.feed(&answer(&[1; 18]))[0], Err(Fault::Foreign(_))), "it was not asked");
    }

    #[test]
    fn an_echo_before_the_answer_is_none() {
        let mut line = Modbus::new(0xd2..=0xd2, 0, true);
        let question = read(0xd2, 3, 0x1000, 2);
        line.asked(&question);
        let bytes = [question, answer(&[0, 1, 0, 2])].concat();
        let mut found = Vec::new();
        for byte in bytes {
            found.extend(line.feed(&[byte]));
        }
        assert_eq!(body(&found), [(Some(0x1000), 4)]);
        assert_eq!(line.quiet(), []);
    }

    #[test]
    fn a_unit_may_answer_by_another_number() {
        let mut line = Modbus::new(0x51..=0x60, 0x30, false);
        line.asked(&read(0x81, 3, 0x41, 1));
        let mut bytes = vec![0x51, 3, 2, 0, 7];
        let crc = crc_modbus(&bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
        assert_eq!(body(&line.feed(&bytes)), [(Some(0x41), 2)]);
    }
}
