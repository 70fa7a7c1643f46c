//! Frames of hexadecimal letters, which several makers share on RS485:
//! `~ VERSION ADDRESS CID1 CID2 LENGTH INFO SUM CR`, all but both ends as two letters a byte.
//!
//! The upper four bits of LENGTH are a checksum of the number of letters of INFO; SUM is 0 less the sum of all letters before
//! it. In an answer CID2 is 00 or says why there is none. Facts: Pylontech's RS485 protocol 3.3, chapter “Basic frame format”.

use super::stream::Look;
use crate::fault::Fault;

/// A battery.
const CID1: u8 = 0x46;

/// Letters before INFO, with the first sign.
const HEAD: usize = 13;

/// Letters behind INFO, with the last sign.
const TAIL: usize = 5;

/// An answer that is whole.
pub(super) struct Answer {
    /// Of the protocol.
    pub(super) version: u8,
    /// Whose it is.
    pub(super) address: u8,
    /// What it holds.
    pub(super) info: Vec<u8>,
}

/// A question.
pub(super) fn question(version: u8, address: u8, command: u8, info: &[u8]) -> Vec<u8> {
    let letters = 2 * info.len();
    let digits = (letters & 0xF) + (letters >> 4 & 0xF) + (letters >> 8 & 0xF);
    let length = (digits.wrapping_neg() & 0xF) << 12 | letters & 0xFFF;
    let mut text = format!("{version:02X}{address:02X}{CID1:02X}{command:02X}{length:04X}");
    text.extend(info.iter().map(|byte| format!("{byte:02X}")));
    format!("~{text}{:04X}\r", sum(text.as_bytes())).into_bytes()
}

/// 0 less the sum of the letters.
fn sum(letters: &[u8]) -> u16 {
    letters.iter().fold(0_u16, |sum, letter| sum.wrapping_sub(u16::from(*letter)))
}

/// The number that letters are.
fn number(letters: &[u8]) -> Option<usize> {
    letters.iter().try_fold(0, |value, letter| Some(value << 4 | digit(*letter)?))
}

/// The value of a letter. Small ones are none: whoever sends them was hit by noise.
fn digit(letter: u8) -> Option<usize> {
    let digit = char::from(letter).to_digit(16).filter(|_| !letter.is_ascii_lowercase());
    digit.and_then(|value| value.try_into().ok())
}

/// Whether a frame begins here. A question, ours or another's, is none.
pub(super) fn look(bytes: &[u8]) -> Look {
    if bytes.first() != Some(&b'~') {
        return Look::Not;
    }
    let letters = bytes[1..].iter().take(HEAD - 1).take_while(|letter| digit(**letter).is_some()).count();
    if letters < HEAD - 1 {
        return if bytes.len() == 1 + letters { Look::More(None) } else { Look::Not };
    }
    let (Some(command), Some(length)) = (number(&bytes[7..9]), number(&bytes[9..HEAD])) else { return Look::Not };
    if (0x40..0x90).contains(&command) {
        return Look::Not;
    }
    let count = length & 0xFFF;
    let whole = HEAD + count + TAIL;
    let digits = (count & 0xF) + (count >> 4 & 0xF) + (count >> 8 & 0xF) + (length >> 12);
    if digits % 16 != 0 || count % 2 != 0 {
        return Look::Bad(HEAD, Fault::Foreign(format!("a length of {length:04X}, whose own checksum is wrong")));
    }
    let Some(frame) = bytes.get(..whole) else {
        let is_text = bytes[HEAD..].iter().all(|letter| digit(*letter).is_some());
        return if is_text { Look::More(Some(whole)) } else { Look::Bad(bytes.len(), cut(bytes.len(), whole)) };
    };
    let (text, tail) = frame.split_at(whole - TAIL);
    let (Some(found), b'\r') = (number(&tail[..4]), tail[4]) else { return Look::Bad(whole, cut(whole, whole)) };
    let expected = usize::from(sum(&text[1..]));
    let is_text = text[1..].iter().all(|letter| digit(*letter).is_some());
    if expected == found && is_text { Look::Good(whole) } else { Look::Bad(whole, checksum(expected, found)) }
}

/// A frame whose end is not where it has to be.
fn cut(have: usize, want: usize) -> Fault {
    Fault::Truncated { have, want: Some(want) }
}

/// A wrong sum.
fn checksum(expected: usize, found: usize) -> Fault {
    let small = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    Fault::Checksum { expected: small(expected), found: small(found) }
}

/// What a whole frame holds.
///
/// # Errors
/// The battery says why it does not answer, or it is no battery.
pub(super) fn answer(frame: &[u8]) -> Result<Answer, Fault> {
    let text = frame.get(1..frame.len().saturating_sub(TAIL)).unwrap_or_default();
    let bytes: Option<Vec<u8>> = text.chunks(2).map(|pair| number(pair)?.try_into().ok()).collect();
    let Some([version, address, cid1, code, _, _, info @ ..]) = bytes.as_deref() else {
        return Err(Fault::Nothing(frame.len()));
    };
    if *cid1 != CID1 {
        return Err(Fault::Foreign(format!("a device of kind {cid1:02X} instead of 46, a battery")));
    }
    match code {
        0 => Ok(Answer { version: *version, address: *address, info: info.to_vec() }),
        code => Err(Fault::Refused(format!("{} ({code:02X})", reason(*code)))),
    }
}

/// Why there is no answer.
fn reason(code: u8) -> &'static str {
    match code {
        0x01 => "another version",
        0x02 => "it saw a wrong checksum",
        0x03 => "it saw a wrong length",
        0x04 => "it does not know the command",
        0x05 => "the command has another form",
        0x06 => "it takes no such data",
        0x90 => "another address",
        0x91 => "it cannot reach its parts",
        _ => "a reason of its own",
    }
}

/// Whether a frame may answer a question: by the address, since an answer does not say what it answers.
pub(super) fn answers(frame: &[u8], question: &[u8]) -> bool {
    frame.len() > 5 && frame.get(3..5) == question.get(3..5)
}

/// The command of a question.
pub(super) fn command(question: &[u8]) -> Option<u8> {
    number(question.get(7..9)?)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_has_the_letters_of_the_document() {
        assert_eq!(question(0x20, 2, 0x42, &[2]), b"~20024642E00202FD33\r");
        assert_eq!(question(0x25, 1, 0x44, &[1]), b"~25014644E00201FD2E\r");
        assert_eq!(look(&question(0x20, 2, 0x42, &[2])), Look::Not, "it is no answer");
    }

    #[test]
    fn each_bit_is_noticed() {
        let frame = b"~25014600E00202FD35\r";
        assert_eq!(look(frame), Look::Good(frame.len()));
        for at in 0..frame.len() {
            for bit in 0..8 {
                let mut broken = *frame;
                broken[at] ^= 1 << bit;
                assert!(!matches!(look(&broken), Look::Good(_)), "byte {at}, bit {bit}");
            }
        }
    }
}
