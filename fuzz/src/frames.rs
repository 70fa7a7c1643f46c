//! Frames of batteries: those of the golden files, and whether bytes hold one whose sum is right, written anew from the protocols
//! and apart from the decoders, so that a decoder that forgets to look is found.

use std::path::Path;

use serde_json::Value as Json;

use fieldrail_driver_bms::battery::{FAMILIES, Family, Variant};
use fieldrail_driver_bms::decode::{Line, parse};

/// A question, if there was one, and all that came for it.
pub struct Exchange {
    /// The place of its protocol among [`variants`].
    pub variant: usize,
    /// The question.
    pub question: Vec<u8>,
    /// What came, each as it came.
    pub came: Vec<Vec<u8>>,
}

/// Every protocol of every battery.
pub fn variants() -> Vec<(&'static Family, &'static Variant)> {
    FAMILIES.iter().flat_map(|family| family.variants.iter().map(move |variant| (*family, variant))).collect()
}

/// The exchanges of the golden files.
pub fn exchanges() -> Vec<Exchange> {
    let variants = variants();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../drivers/bms/golden");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut exchanges = Vec::new();
    for path in paths {
        let file: Json = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let [device, name] = ["device", "variant"].map(|key| file[key].as_str().unwrap());
        let is_it = |(family, variant): &(&Family, &Variant)| family.device == device && variant.is_called(name);
        let Some(variant) = variants.iter().position(is_it) else { continue };
        for case in file["cases"].as_array().unwrap() {
            let lines: Vec<&str> = case["lines"].as_array().unwrap().iter().filter_map(Json::as_str).collect();
            let mut open = Exchange { variant, question: Vec::new(), came: Vec::new() };
            for line in parse(&lines.join("\n")).unwrap() {
                match line {
                    Line::Asked(question) => {
                        let next = Exchange { variant, question, came: Vec::new() };
                        exchanges.push(std::mem::replace(&mut open, next));
                    }
                    Line::Came(bytes) => open.came.push(bytes),
                }
            }
            exchanges.push(open);
        }
    }
    exchanges.retain(|exchange| !exchange.came.is_empty());
    exchanges
}

/// Whether the bytes hold a frame of this protocol with a right sum; nothing where frames have none.
pub fn has_right_sum(device: &str, variant: &str, bytes: &[u8]) -> Option<bool> {
    let starts = |start: &'static [u8]| (0..bytes.len()).filter(move |at| bytes[*at..].starts_with(start));
    Some(match (device, variant) {
        ("daly", "a5") => {
            starts(b"\xa5").any(|at| bytes.get(at..at + 13).is_some_and(|frame| frame[12] == low_sum(&frame[..12])))
        }
        ("jbd", "dd") | ("daren", _) => {
            let is_answer = |at: usize| {
                let length = usize::from(*bytes.get(at + 3)?);
                let frame = bytes.get(at..at + length + 7)?;
                let sum: u32 = frame[2..].iter().map(|byte| u32::from(*byte)).sum();
                let tail: u32 = frame[length + 4..].iter().map(|byte| u32::from(*byte)).sum();
                let said = u32::from(frame[length + 4]) << 8 | u32::from(frame[length + 5]);
                Some((said + sum - tail).is_multiple_of(0x1_0000))
            };
            let is_login = |at: usize| {
                let length = usize::from(*bytes.get(at + 3)?);
                let frame = bytes.get(at..at + length + 5)?;
                Some(low_sum(&frame[2..length + 4]) == frame[length + 4])
            };
            starts(b"\xdd").any(|at| is_answer(at) == Some(true))
                || starts(b"\xff\xaa").any(|at| is_login(at) == Some(true))
        }
        ("ant", "new_7ea1") => starts(b"\x7e\xa1").any(|at| has_crc(&bytes[at + 1..], 0x8005, true)),
        ("ant", "old_dbdb") => starts(b"\xaa\x55\xaa\xff").any(|at| {
            let Some(frame) = bytes.get(at..at + 140) else { return false };
            let sum: u32 = frame[4..138].iter().map(|byte| u32::from(*byte)).sum();
            sum % 0x1_0000 == u32::from(frame[138]) << 8 | u32::from(frame[139])
        }),
        ("jk", "jk02_ble") => starts(b"\x55\xaa\xeb\x90")
            .any(|at| bytes.get(at..at + 300).is_some_and(|frame| frame[299] == low_sum(&frame[..299]))),
        ("jk", "4e57_tlv") => starts(b"\x4e\x57").any(|at| {
            let mut sum = 0_u32;
            (at + 4..bytes.len()).any(|end| {
                sum = bytes[at..end].iter().map(|byte| u32::from(*byte)).sum();
                bytes.get(end..end + 4).is_some_and(|tail| tail == sum.to_be_bytes())
            })
        }),
        ("redodo_litime", _) => {
            starts(b"\0\0").any(|at| (at + 2..bytes.len()).any(|end| low_sum(&bytes[at..end]) == bytes[end]))
        }
        ("victron", "ve_direct_text") => has_block(bytes) || has_block(&without_hex(bytes)),
        ("victron", "ve_direct_hex") => starts(b":").any(|at| is_hex_frame(&bytes[at..])),
        // No sum of its own, or one over a message of which the bytes are a part.
        ("victron" | "felicity" | "lithionics" | "ogt" | "tianpower" | "dpwrcore", _) | ("daly", "a5_over_can") => {
            return None;
        }
        // Firmware 1 ends its states with one byte by a rule that nobody knows.
        ("tdt", _) if starts(b"\x7e").any(|at| bytes.get(at + 5) == Some(&0x8d)) => return None,
        ("sok_abc", _) => {
            starts(b"\xcc").any(|at| bytes.get(at..at + 20).is_some_and(|frame| dallas(&frame[..19]) == frame[19]))
        }
        ("cbt_power", _) => {
            starts(b"\xaa\x55").any(|at| (at + 4..bytes.len()).any(|end| low_sum(&bytes[at + 2..end]) == bytes[end]))
        }
        ("neey", _) => starts(b"\x55\xaa\x11\x01")
            .any(|at| (at + 8..bytes.len()).any(|end| low_sum(&bytes[at..end]) == bytes[end])),
        ("roypow", _) => starts(b"\xea\xd1\x01").any(|at| {
            (at + 6..bytes.len()).any(|end| bytes[at + 3..end].iter().fold(0, |sum, byte| sum ^ byte) == bytes[end])
        }),
        ("humsienk", _) => starts(b"\xaa").any(|at| {
            (at + 3..bytes.len()).any(|end| {
                let sum: u32 = bytes[at + 1..end].iter().map(|byte| u32::from(*byte)).sum();
                bytes
                    .get(end..end + 2)
                    .is_some_and(|tail| u32::from(tail[0]) | u32::from(tail[1]) << 8 == sum % 0x1_0000)
            })
        }),
        ("ej", _) => starts(b":").any(|at| {
            (at + 11..bytes.len()).any(|end| {
                let said = bytes.get(end..end + 2).and_then(|tail| std::str::from_utf8(tail).ok());
                said.and_then(|said| u8::from_str_radix(said, 16).ok()) == Some(!low_sum(&bytes[at + 1..end]))
            })
        }),
        ("topband", _) => (0..bytes.len()).any(|at| {
            let Some(letters) = bytes.get(at + 1..at + 113).and_then(|letters| std::str::from_utf8(letters).ok())
            else {
                return false;
            };
            let pairs = (0..56)
                .map(|pair| letters.get(2 * pair..2 * pair + 2).and_then(|two| u32::from_str_radix(two, 16).ok()));
            let Some(said) = pairs.collect::<Option<Vec<u32>>>() else { return false };
            said[..54].iter().sum::<u32>() == said[54] << 8 | said[55]
        }),
        ("seplos", "v2_ble") => starts(b"\x7e").any(|at| has_crc(&bytes[at + 1..], 0x1021, false)),
        (_, "v2_rs485" | "rs485_ascii") => starts(b"~").any(|at| {
            (at + 5..bytes.len()).any(|end| {
                let sum = bytes[at + 1..end - 4].iter().fold(0_u16, |sum, letter| sum.wrapping_sub((*letter).into()));
                format!("{sum:04X}").as_bytes().eq_ignore_ascii_case(&bytes[end - 4..end])
            })
        }),
        // Everything else ends with a CRC-16/Modbus.
        _ => (0..bytes.len()).any(|at| has_crc(&bytes[at..], 0x8005, true)),
    })
}

/// The CRC-8 of Dallas, bit by bit: polynomial 31, the lowest bit first.
fn dallas(bytes: &[u8]) -> u8 {
    let mut crc = 0_u8;
    for byte in bytes {
        for bit in 0..8 {
            let carry = (crc ^ byte >> bit) & 1;
            crc = crc >> 1 ^ if carry == 1 { 0x8c } else { 0 };
        }
    }
    crc
}

/// The low byte of the sum.
fn low_sum(bytes: &[u8]) -> u8 {
    (bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>() % 256) as u8
}

/// Whether some of the bytes from the first on are followed by their CRC, in either order of bytes or by one of its bytes, bit by
/// bit as the polynomial says it: reflected from FFFF, or not from 0.
fn has_crc(bytes: &[u8], polynomial: u16, is_reflected: bool) -> bool {
    let mut crc: u16 = if is_reflected { 0xffff } else { 0 };
    for (at, byte) in bytes.iter().enumerate() {
        for bit in 0..8 {
            let shift = if is_reflected { bit } else { 7 - bit };
            let (input, top) = (u16::from(byte >> shift & 1), if is_reflected { crc & 1 } else { crc >> 15 });
            crc = if is_reflected { crc >> 1 } else { crc << 1 };
            if input ^ top == 1 {
                crc ^= if is_reflected { polynomial.reverse_bits() } else { polynomial };
            }
        }
        let Some(tail) = bytes.get(at + 1..at + 3) else { continue };
        if at >= 2 && (tail == crc.to_le_bytes() || tail == crc.to_be_bytes()) {
            return true;
        }
    }
    false
}

/// Whether a block of VE.Direct text adds up to 0.
fn has_block(bytes: &[u8]) -> bool {
    const END: &[u8] = b"\r\nChecksum\t";
    let ends = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(END) && bytes.len() > at + END.len());
    ends.map(|at| at + END.len() + 1)
        .any(|end| (0..end).any(|at| bytes[at..].starts_with(b"\r\n") && low_sum(&bytes[at..end]) == 0))
}

/// The bytes without what stands between a colon and the end of its line, where only digits do.
fn without_hex(bytes: &[u8]) -> Vec<u8> {
    let mut left = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        if bytes[at] == b':' && bytes.get(at + 1 + digits) == Some(&b'\n') {
            at += digits + 2;
        } else {
            left.push(bytes[at]);
            at += 1;
        }
    }
    left
}

/// Whether a VE.Direct HEX frame begins here whose digits add up to 55.
fn is_hex_frame(bytes: &[u8]) -> bool {
    let digits: Vec<u8> = bytes[1..].iter().take_while(|byte| byte.is_ascii_hexdigit()).copied().collect();
    let digit = |letter: u8| char::from(letter).to_digit(16).unwrap_or(0);
    let Some((command, pairs)) = digits.split_first() else { return false };
    let sum: u32 = pairs.chunks_exact(2).map(|pair| digit(pair[0]) * 16 + digit(pair[1])).sum();
    (digit(*command) + sum) % 256 == 0x55
}
