//! Puts the sums of spoilt frames of batteries right again, so that what lies behind the sum is fuzzed too. Written apart from the
//! decoders, as the rules of `frames` are.

/// A sum of two bytes, as it stands in a frame.
type Sum = fn(&[u8]) -> [u8; 2];

/// Puts the sum of one frame right, where its protocol's rule is known and the frame has the form. Whether it did.
pub fn repair(device: &str, variant: &str, frame: &mut [u8]) -> bool {
    let size = frame.len();
    let (from, end, sum): (usize, usize, Sum) = match (device, variant) {
        ("daly", "a5") => {
            let frames = frame.as_chunks_mut::<13>().0;
            for frame in &mut *frames {
                frame[12] = add(&frame[..12]).to_le_bytes()[0];
            }
            return !frames.is_empty();
        }
        ("jk", "jk02_ble") => {
            let Some(frame) = frame.get_mut(..300) else { return false };
            frame[299] = add(&frame[..299]).to_le_bytes()[0];
            return true;
        }
        ("jbd", "dd") | ("daren", _) => (2, size.saturating_sub(3), |bytes| add(bytes).wrapping_neg().to_be_bytes()),
        ("ant", "new_7ea1") => (1, size.saturating_sub(4), |bytes| crc(bytes, 0xa001, 0xffff).to_le_bytes()),
        ("ant", "old_dbdb") => (4, 138, |bytes| add(bytes).to_be_bytes()),
        ("seplos", "v2_ble") => (1, size.saturating_sub(3), |bytes| xmodem(bytes).to_be_bytes()),
        ("tdt", _) | ("pace", "pace_ble") => {
            (0, size.saturating_sub(3), |bytes| crc(bytes, 0xa001, 0xffff).to_be_bytes())
        }
        ("daly", "modbus_d2" | "modbus_81")
        | ("seplos", "v3_ble_modbus")
        | ("pylontech", "rt_ble_modbus")
        | ("renogy" | "gobel" | "eg4", _) => {
            (0, size.saturating_sub(2), |bytes| crc(bytes, 0xa001, 0xffff).to_le_bytes())
        }
        _ => return false,
    };
    let Some(body) = frame.get(from..end) else { return false };
    let right = sum(body);
    match frame.get_mut(end..end + 2) {
        Some(said) => said.copy_from_slice(&right),
        None => return false,
    }
    true
}

/// The low 16 bits of the sum.
fn add(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum: u16, byte| sum.wrapping_add(u16::from(*byte)))
}

/// A CRC of 16 bits, the lowest bit first.
fn crc(bytes: &[u8], polynomial: u16, start: u16) -> u16 {
    bytes.iter().fold(start, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ polynomial } else { crc >> 1 })
    })
}

/// CRC-16/XMODEM, the highest bit first.
fn xmodem(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| if crc >> 15 == 1 { crc << 1 ^ 0x1021 } else { crc << 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::{exchanges, has_right_sum, variants};

    /// Golden answers of one frame, spoilt in the middle.
    #[test]
    fn a_frame_that_is_put_right_has_a_right_sum() {
        let variants = variants();
        let mut repaired = std::collections::BTreeSet::new();
        for exchange in exchanges() {
            let (family, variant) = variants[exchange.variant];
            let mut frame = exchange.came.concat();
            let whole = frame.clone();
            if has_right_sum(family.device, variant.name, &frame) != Some(true)
                || !repair(family.device, variant.name, &mut frame)
            {
                continue;
            }
            // Answers of several frames have more than one sum, and in the middle of a short one its length stands.
            if frame != whole || frame.len() < 16 {
                continue;
            }
            let at = frame.len() / 2;
            frame[at] ^= 0x55;
            assert!(repair(family.device, variant.name, &mut frame));
            assert_eq!(has_right_sum(family.device, variant.name, &frame), Some(true), "{} {frame:02x?}", variant.name);
            repaired.insert((family.device, variant.name));
        }
        assert!(repaired.len() >= 15, "{repaired:?}");
    }
}
