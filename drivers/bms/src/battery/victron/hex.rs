//! VE.Direct HEX: `:`, the digit of a command, bytes as two digits each, a check byte, `\n`; the digit and all bytes add up
//! to 55.
//!
//! Facts of Victron's VE.Direct HEX protocol documents for BMV and MPPT.

use std::fmt::Write as _;

use crate::battery::bytes::Bytes;
use crate::battery::reading::Reading;
use crate::battery::stream::Look;
use crate::fault::Fault;

use super::{names, registers};

/// The most characters of a frame: a value of 34 bytes is the longest that is known.
const MOST_FRAME: usize = 160;

/// The shortest frame has a command, a check byte and the two ends.
const LEAST_FRAME: usize = 5;

/// What the digit and all bytes of a frame add up to.
const SUM: u8 = 0x55;

/// Asks for a register.
const GET: u8 = 7;

/// Whether a frame begins here.
pub(super) fn look(bytes: &[u8]) -> Look {
    if bytes.first() != Some(&b':') {
        return Look::Not;
    }
    let digits = bytes[1..].iter().take(MOST_FRAME).take_while(|byte| byte.is_ascii_hexdigit()).count();
    match bytes.get(1 + digits) {
        None if digits < MOST_FRAME => Look::More(None),
        // A frame of ours or of theirs that another one cut off.
        Some(b':') if digits > 0 => Look::Bad(1 + digits, Fault::Truncated { have: 1 + digits, want: None }),
        Some(b'\n') => whole(&bytes[..digits + 2]),
        _ => Look::Not,
    }
}

/// What the frame between `:` and `\n` looks like.
fn whole(frame: &[u8]) -> Look {
    let length = frame.len();
    let Some((_, data, found)) = parts(frame) else {
        return Look::Bad(length, Fault::Truncated { have: length, want: Some(length.max(LEAST_FRAME - 1) + 1) });
    };
    let expected = check(frame[1], &data);
    if expected == found {
        Look::Good(length)
    } else {
        Look::Bad(length, Fault::Checksum { expected: expected.into(), found: found.into() })
    }
}

/// The command, the bytes behind it and the check byte; nothing if digits are missing.
fn parts(frame: &[u8]) -> Option<(u8, Vec<u8>, u8)> {
    let digits = frame.strip_prefix(b":")?.strip_suffix(b"\n")?;
    let (command, pairs) = digits.split_first()?;
    let (pairs, odd) = pairs.as_chunks::<2>();
    let mut data: Vec<u8> =
        pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect::<Option<_>>()?;
    let found = data.pop().filter(|_| odd.is_empty())?;
    Some((digit(*command)?, data, found))
}

/// The byte that makes the sum right.
fn check(command: u8, data: &[u8]) -> u8 {
    data.iter().fold(SUM.wrapping_sub(digit(command).unwrap_or_default()), |left, byte| left.wrapping_sub(*byte))
}

/// The value of a hexadecimal digit.
fn digit(letter: u8) -> Option<u8> {
    char::from(letter).to_digit(16).and_then(|value| value.try_into().ok())
}

/// A frame of ours.
fn frame(command: u8, data: &[u8]) -> Vec<u8> {
    let letter = char::from_digit(command.into(), 16).unwrap_or('0').to_ascii_uppercase();
    let check = check(letter as u8, data);
    let mut text = format!(":{letter}");
    for byte in data.iter().chain([&check]) {
        let _ = write!(text, "{byte:02X}");
    }
    text.push('\n');
    text.into_bytes()
}

/// The question for a register.
pub(super) fn get(register: u16) -> Vec<u8> {
    let [low, high] = register.to_le_bytes();
    frame(GET, &[low, high, 0])
}

/// The command and the register of a question.
fn asked(question: &[u8]) -> Option<(u8, Option<u16>)> {
    let (command, data, _) = parts(question)?;
    Some((command, data.first_chunk().map(|id| u16::from_le_bytes(*id))))
}

/// Whether a frame may answer a question.
pub(super) fn answers(frame: &[u8], question: &[u8]) -> bool {
    let (Some((kind, id)), Some((command, wanted))) = (asked(frame), asked(question)) else { return false };
    match kind {
        // Done, unknown command, error in the frame: of any question.
        1 => matches!(command, 3 | 4 | 6),
        3 | 4 => true,
        5 => command == 1,
        7 | 8 => kind == command && id == wanted,
        _ => false,
    }
}

/// The product id that an answer tells.
pub(super) fn product(frame: &[u8]) -> Option<u16> {
    match parts(frame)? {
        (7, data, _) if data.starts_with(&[0x00, 0x01, 0x00]) => {
            data.get(4..6)?.first_chunk().map(|id| u16::from_le_bytes(*id))
        }
        (1, data, _) => data.first_chunk().map(|id| u16::from_le_bytes(*id)),
        _ => None,
    }
}

/// What a frame says that answers `question`, or that came by itself.
///
/// # Errors
/// It refuses, or is too short.
pub(super) fn decode(answer: &[u8], question: Option<&[u8]>) -> Result<Reading, Fault> {
    let Some((command, data, _)) = parts(answer) else { return Err(Fault::Nothing(answer.len())) };
    let bytes = Bytes::new("the HEX answer", &data);
    let asked = question.and_then(asked);
    let mut reading = Reading::default();
    match command {
        1 => done(bytes, asked, &mut reading)?,
        3 => return Err(Fault::Refused("it does not know this command".to_owned())),
        4 => return Err(Fault::Refused("it found an error in the frame".to_owned())),
        5 => firmware(bytes.u16_le(0)?, &mut reading),
        7 | 8 | 0xA => register(bytes, bytes.u16_le(0)?, &mut reading)?,
        other => return Err(Fault::Foreign(format!("an answer of kind {other:X}"))),
    }
    Ok(reading)
}

/// The answer to a question without a register: what it means depends on the question.
fn done(bytes: Bytes<'_>, asked: Option<(u8, Option<u16>)>, reading: &mut Reading) -> Result<(), Fault> {
    match asked {
        Some((3, _)) => firmware(bytes.u16_le(0)?, reading),
        Some((4, _)) | None => names::product_id(reading, bytes.u16_le(0)?),
        Some((other, _)) => return Err(Fault::Foreign(format!("an answer to no question of kind {other:X}"))),
    }
    Ok(())
}

/// The firmware: the lower 14 bits, decimal digits, the last two behind the point.
fn firmware(raw: u16, reading: &mut Reading) {
    let version = raw & 0x3FFF;
    reading.text("firmware", &format!("{:X}.{:02X}", version >> 8, version & 0xFF));
}

/// A register with its flags and its value.
fn register(bytes: Bytes<'_>, id: u16, reading: &mut Reading) -> Result<(), Fault> {
    let refused = match bytes.u8(2)? {
        0 => return registers::put(reading, id, bytes.slice(3, bytes.len() - 3)?),
        flags if flags & 1 != 0 => "unknown id",
        flags if flags & 2 != 0 => "not supported",
        flags if flags & 4 != 0 => "parameter error",
        _ => "refused",
    };
    reading.text(format!("register.{id:04x}"), refused);
    Ok(())
}
