//! Frames in letters (Modbus over Serial Line V1.02, section 2.5.2): a colon, two hexadecimal digits for each byte, LRC, CR LF.

use super::{Found, Frame, MAX_PDU};

/// The most bytes of a frame: colon, unit, PDU and LRC in two digits each, CR LF.
pub const MAX_FRAME: usize = 1 + 2 * (MAX_PDU + 2) + 2;

/// The checksum: what makes the sum of all bytes zero.
fn lrc(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)).wrapping_neg()
}

/// Appends a frame.
pub fn encode(unit: u8, pdu: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut bytes = vec![unit];
    bytes.extend(pdu);
    bytes.push(lrc(&bytes));
    out.push(b':');
    out.extend(bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]));
    out.extend(b"\r\n");
}

/// The first frame in these bytes, how many bytes are dealt with, and how many of them belong to no frame.
pub fn decode(bytes: &[u8]) -> Found {
    let mut begin = 0;
    loop {
        let Some(colon) = bytes[begin..].iter().position(|&byte| byte == b':') else {
            return Found { frame: None, used: bytes.len(), noise: bytes.len() };
        };
        begin += colon;
        let frame = &bytes[begin + 1..];
        // A colon begins a frame wherever it stands.
        let end = frame.iter().position(|&byte| byte == b'\n' || byte == b':');
        match end {
            None if frame.len() < MAX_FRAME => return Found { frame: None, used: begin, noise: begin },
            None => begin += 1,
            Some(end) => {
                let found = (frame[end] == b'\n').then(|| parse(&frame[..end])).flatten();
                let used = begin + 1 + end + usize::from(frame[end] == b'\n');
                match found {
                    Some(frame) => return Found { frame: Some(frame), used, noise: begin },
                    None => begin = used,
                }
            }
        }
    }
}

/// The frame between colon and line feed.
fn parse(digits: &[u8]) -> Option<Frame> {
    let digits = digits.strip_suffix(b"\r")?;
    if digits.len() % 2 == 1 || digits.len() > 2 * (MAX_PDU + 2) {
        return None;
    }
    let pair = |pair: &[u8]| Some(digit(pair[0])? << 4 | digit(pair[1])?);
    let bytes: Vec<u8> = digits.chunks_exact(2).map(pair).collect::<Option<_>>()?;
    let (sum, body) = bytes.split_last()?;
    if body.len() < 2 || lrc(body) != *sum {
        return None;
    }
    Some(Frame { unit: body[0], pdu: body[1..].to_vec() })
}

fn digit(letter: u8) -> Option<u8> {
    char::from(letter).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, want: Option<(u8, &[u8])>, used: usize, noise: usize) {
        let found = decode(text.as_bytes());
        let frame = found.frame.as_ref().map(|frame| (frame.unit, &frame.pdu[..]));
        assert_eq!((frame, found.used, found.noise), (want, used, noise), "{text:?}");
    }

    #[test]
    fn frames_stand_between_colon_and_line_feed() {
        check(":010300000001FB\r\n", Some((1, &[3, 0, 0, 0, 1])), 17, 0);
        check(":010300000001fb\r\n:01", Some((1, &[3, 0, 0, 0, 1])), 17, 0);
        check("noise:010300000001FB\r\n", Some((1, &[3, 0, 0, 0, 1])), 22, 5);
        check(":0103:010300000001FB\r\n", Some((1, &[3, 0, 0, 0, 1])), 22, 5);
        check(":010300000001", None, 0, 0);
        check(":010300000001FA\r\n", None, 17, 17);
        check(":01030000000GFB\r\n", None, 17, 17);
        check(":010300000001FB\n", None, 16, 16);
        check("nothing", None, 7, 7);
    }

    proptest! {
        #[test]
        fn frames_come_back(unit: u8, pdu in prop::collection::vec(any::<u8>(), 1..=MAX_PDU)) {
            let mut bytes = Vec::new();
            encode(unit, &pdu, &mut bytes);
            prop_assert!(bytes.len() <= MAX_FRAME);
            let used = bytes.len();
            prop_assert_eq!(decode(&bytes), Found { frame: Some(Frame { unit, pdu }), used, noise: 0 });
        }

        #[test]
        fn no_bytes_make_the_decoder_panic_or_use_more_than_there_is(bytes in prop::collection::vec(any::<u8>(), 0..1200)) {
            let found = decode(&bytes);
            prop_assert!(found.used <= bytes.len() && found.noise <= found.used);
        }

        #[test]
        fn no_letters_make_the_decoder_panic(text in "[:0-9A-F\r\n]{0,80}") {
            let _ = decode(text.as_bytes());
        }
    }
}
