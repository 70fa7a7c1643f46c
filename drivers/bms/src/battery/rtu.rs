//! Modbus answers beside their questions, for batteries that ask for blocks of registers one by one.

use crate::fault::Fault;

/// The bit of a function in an answer that refuses.
const REFUSED: u8 = 0x80;

/// The function that reads bits and not registers.
const COILS: u8 = 1;

/// Whether an answer has the unit, the function and the length that a question wants.
pub(super) fn answers(answer: &[u8], question: &[u8]) -> bool {
    let ([unit, function, count, ..], [asked, wanted, _, _, high, low, ..]) = (answer, question) else { return false };
    let wants = usize::from(u16::from_be_bytes([*high, *low]));
    let bytes = if *wanted == COILS { wants.div_ceil(8) } else { 2 * wants };
    let fits = function & REFUSED != 0 || usize::from(*count) == bytes;
    unit == asked && function & !REFUSED == *wanted && fits
}

/// The first register of a question.
pub(super) fn first(question: &[u8]) -> Option<u16> {
    question.get(2..4).and_then(<[u8]>::first_chunk).map(|bytes| u16::from_be_bytes(*bytes))
}

/// The data of an answer that is whole.
///
/// # Errors
/// The battery refuses.
pub(super) fn data(answer: &[u8]) -> Result<&[u8], Fault> {
    match answer {
        [_, function, code, ..] if function & REFUSED != 0 => Err(Fault::Refused(format!("exception {code:02X}"))),
        [_, _, count, rest @ ..] => rest.get(..usize::from(*count)).ok_or(Fault::Nothing(answer.len())),
        _ => Err(Fault::Nothing(answer.len())),
    }
}
