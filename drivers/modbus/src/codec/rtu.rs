//! Frames on serial lines (Modbus over Serial Line V1.02, section 2.5.1): unit, PDU, CRC with the low byte first.
//!
//! A frame has no mark of its end but silence, which no operating system reports reliably. So the length is derived from
//! the function and the count inside, and the CRC decides.

use super::{Found, Frame, MAX_PDU};

/// The most bytes of a frame.
pub const MAX_FRAME: usize = MAX_PDU + 3;

/// CRC-16/MODBUS of these bytes.
pub fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |crc, &byte| CRC[usize::from((crc ^ u16::from(byte)) & 0xff)] ^ (crc >> 8))
}

const CRC: [u16; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        #[allow(clippy::cast_possible_truncation)] // below 256
        let mut crc = index as u16;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xa001 } else { crc >> 1 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};

/// Appends a frame.
pub fn encode(unit: u8, pdu: &[u8], out: &mut Vec<u8>) {
    let begin = out.len();
    out.push(unit);
    out.extend(pdu);
    out.extend(crc(&out[begin..]).to_le_bytes());
}

/// Which side of the line speaks: the same function has other lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Questions.
    Client,
    /// Answers.
    Unit,
}

/// How long the frame that begins here is.
enum Length {
    Known(usize),
    /// Not enough bytes to say.
    Later,
    /// No frame begins here.
    Never,
}

fn length(bytes: &[u8], side: Side) -> Length {
    let Some(&function) = bytes.get(1) else { return Length::Later };
    let counted =
        |at: usize| bytes.get(at).map_or(Length::Later, |&count| Length::Known(at + 1 + usize::from(count) + 2));
    match (function, side) {
        (1..=4, Side::Client) | (5 | 6, _) | (15 | 16, Side::Unit) => Length::Known(8),
        (1..=4 | 23, Side::Unit) => counted(2),
        (15 | 16, Side::Client) => counted(6),
        (22, _) => Length::Known(10),
        (23, Side::Client) => counted(10),
        (0x80.., Side::Unit) => Length::Known(5),
        _ => Length::Never,
    }
}

fn frame_at(bytes: &[u8], side: Side) -> Result<(Frame, usize), Length> {
    let size = match length(bytes, side) {
        Length::Known(size) if size <= MAX_FRAME => size,
        Length::Known(_) | Length::Never => return Err(Length::Never),
        Length::Later => return Err(Length::Later),
    };
    let Some((body, sum)) = bytes.get(..size).and_then(<[u8]>::split_last_chunk::<2>) else {
        return Err(Length::Later);
    };
    if crc(body) != u16::from_le_bytes(*sum) {
        return Err(Length::Never);
    }
    Ok((Frame { unit: body[0], pdu: body[1..].to_vec() }, size))
}

/// The first frame in these bytes. What cannot be a frame is skipped.
///
/// A byte of noise may look like the beginning of a long frame and would hide the real one behind it; so where the first
/// frame is not whole yet, a whole one of `expected` (a unit and a function) further on is taken.
pub fn decode(bytes: &[u8], side: Side, expected: Option<(u8, u8)>) -> Found {
    let mut begin = 0;
    while begin < bytes.len() {
        match frame_at(&bytes[begin..], side) {
            Ok((frame, size)) => return Found { frame: Some(frame), used: begin + size, noise: begin },
            Err(Length::Later) => break,
            Err(_) => begin += 1,
        }
    }
    if let Some((unit, function)) = expected {
        for at in begin + 1..bytes.len() {
            let is_expected = bytes[at] == unit && bytes.get(at + 1).is_some_and(|f| f & 0x7f == function);
            if is_expected && let Ok((frame, size)) = frame_at(&bytes[at..], side) {
                return Found { frame: Some(frame), used: at + size, noise: at };
            }
        }
    }
    Found { frame: None, used: begin, noise: begin }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::pdu::{Exception, Request, Response, Table};
    use proptest::prelude::*;

    fn answer(unit: u8, values: &[u16]) -> Vec<u8> {
        let mut pdu = Vec::new();
        Response::Registers { table: Table::Holding, values: values.to_vec() }.encode(&mut pdu);
        let mut bytes = Vec::new();
        encode(unit, &pdu, &mut bytes);
        bytes
    }

    /// All frames of a stream, as hex of their PDUs, and the bytes of noise.
    fn all(mut bytes: &[u8], expected: Option<(u8, u8)>) -> (Vec<(u8, Vec<u8>)>, usize) {
        let (mut frames, mut noise) = (Vec::new(), 0);
        loop {
            let found = decode(bytes, Side::Unit, expected);
            bytes = &bytes[found.used..];
            noise += found.noise;
            match found.frame {
                Some(frame) => frames.push((frame.unit, frame.pdu)),
                None => return (frames, noise),
            }
        }
    }

    #[test]
    fn the_checksum_is_that_of_the_specification() {
        assert_eq!(crc(b"123456789"), 0x4b37);
        assert_eq!(crc(&[2, 7]), 0x1241);
    }

    #[test]
    fn noise_before_a_frame_is_skipped_and_counted() {
        let mut bytes = vec![0xff, 0x00, 0x41];
        bytes.extend(answer(1, &[5]));
        let (frames, noise) = all(&bytes, Some((1, 3)));
        assert_eq!((frames.len(), noise), (1, 3));
    }

    #[test]
    fn noise_that_looks_like_a_long_frame_does_not_hide_the_one_that_is_expected() {
        // Unit 9, function 3, 200 bytes to come.
        let mut bytes = vec![9, 3, 200];
        bytes.extend(answer(1, &[5, 6]));
        assert_eq!(all(&bytes, None).0.len(), 0);
        let (frames, noise) = all(&bytes, Some((1, 3)));
        assert_eq!((frames, noise), (vec![(1, vec![3, 4, 0, 5, 0, 6])], 3));
    }

    #[test]
    fn a_frame_of_another_unit_is_seen_whole_and_what_it_holds_is_not_taken_for_a_frame() {
        // The registers of unit 7 hold the bytes of an answer of unit 1.
        let inner = answer(1, &[5]);
        let words: Vec<u16> =
            inner.chunks(2).map(|pair| u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)])).collect();
        let mut bytes = answer(7, &words);
        bytes.extend(answer(1, &[8]));
        let (frames, noise) = all(&bytes, Some((1, 3)));
        assert_eq!(noise, 0);
        assert_eq!(frames.iter().map(|frame| frame.0).collect::<Vec<_>>(), [7, 1]);
    }

    #[test]
    fn one_flipped_bit_is_noticed() {
        let good = answer(1, &[0x1234, 0xabcd]);
        for bit in 0..8 * good.len() {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(all(&bytes, Some((1, 3))).0, [] as [(u8, Vec<u8>); 0], "bit {bit}");
        }
    }

    #[test]
    fn questions_of_every_function_are_framed() {
        for request in [
            Request::Read { table: Table::Input, start: 1, count: 2 },
            Request::WriteCoil { address: 1, on: true },
            Request::WriteRegister { address: 1, value: 2 },
            Request::WriteCoils { start: 1, values: vec![true; 11] },
            Request::WriteRegisters { start: 1, values: vec![1, 2, 3] },
            Request::Mask { address: 1, and: 2, or: 3 },
            Request::Exchange { read_start: 1, read_count: 2, write_start: 3, values: vec![4] },
        ] {
            let (mut pdu, mut bytes) = (Vec::new(), Vec::new());
            request.encode(&mut pdu);
            encode(9, &pdu, &mut bytes);
            let found = decode(&bytes, Side::Client, None);
            assert_eq!(found, Found { frame: Some(Frame { unit: 9, pdu }), used: bytes.len(), noise: 0 });
        }
    }

    #[test]
    fn a_refusal_has_five_bytes() {
        let (mut pdu, mut bytes) = (Vec::new(), Vec::new());
        Response::Refused { function: 3, exception: Exception::ILLEGAL_ADDRESS }.encode(&mut pdu);
        encode(1, &pdu, &mut bytes);
        assert_eq!(bytes.len(), 5);
        assert_eq!(all(&bytes, None).0, [(1, vec![0x83, 2])]);
    }

    proptest! {
        #[test]
        fn an_answer_is_found_whatever_the_pieces(values in prop::collection::vec(any::<u16>(), 1..=125), cut: u8) {
            let bytes = answer(1, &values);
            let cut = usize::from(cut) % bytes.len();
            let first = decode(&bytes[..cut], Side::Unit, Some((1, 3)));
            prop_assert_eq!(first, Found::default());
            prop_assert_eq!(all(&bytes, Some((1, 3))).0.len(), 1);
        }

        #[test]
        fn no_bytes_make_the_decoder_panic_or_use_more_than_there_is(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            for side in [Side::Client, Side::Unit] {
                let found = decode(&bytes, side, Some((1, 3)));
                prop_assert!(found.used <= bytes.len() && found.noise <= found.used);
            }
        }
    }
}
