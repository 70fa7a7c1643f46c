//! Xiaomi's `MiBeacon` (Mijia documents "`MiBeacon` protocol" and "BLE Object definition"): two bytes of frame control, product,
//! counter, then what the control bits name, then objects. The low byte first. What is encrypted gives no value.

use crate::measured::{Bytes, Measured};

const ENCRYPTED: i64 = 1 << 3;
const HAS_ADDRESS: i64 = 1 << 4;
const HAS_CAPABILITY: i64 = 1 << 5;
const HAS_OBJECTS: i64 = 1 << 6;

/// A capability that says that two more bytes follow.
const HAS_MORE: u8 = 1 << 5;

pub(super) fn is_encrypted(data: &[u8]) -> bool {
    Bytes(data).unsigned(2).is_some_and(|control| control & ENCRYPTED != 0)
}

pub(super) fn decode(data: &[u8]) -> Option<Vec<Measured>> {
    let mut bytes = Bytes(data);
    let control = bytes.unsigned(2)?;
    bytes.take(3)?;
    if control & ENCRYPTED != 0 || control & HAS_OBJECTS == 0 {
        return None;
    }
    if control & HAS_ADDRESS != 0 {
        bytes.take(6)?;
    }
    if control & HAS_CAPABILITY != 0 && bytes.byte()? & HAS_MORE != 0 {
        bytes.take(2)?;
    }
    let mut found = Vec::new();
    while let Some(kind) = bytes.unsigned(2) {
        let Some(length) = bytes.byte() else { break };
        let Some(object) = bytes.take(length.into()) else { break };
        found.extend(values(kind, Bytes(object)).unwrap_or_default());
    }
    Some(found)
}

/// The values of one object; none if it is not known or has another length.
fn values(kind: i64, mut bytes: Bytes<'_>) -> Option<Vec<Measured>> {
    let found = match (kind, bytes.0.len()) {
        (0x1004, 2) => vec![Measured::scaled("temperature", bytes.signed(2)?, (1, 10), "°C")],
        (0x1006, 2) => vec![Measured::scaled("humidity", bytes.unsigned(2)?, (1, 10), "%")],
        (0x1007, 3) => vec![Measured::scaled("illuminance", bytes.unsigned(3)?, (1, 1), "lx")],
        (0x1008, 1) => vec![Measured::scaled("moisture", bytes.unsigned(1)?, (1, 1), "%")],
        (0x1009, 2) => vec![Measured::scaled("conductivity", bytes.unsigned(2)?, (1, 1), "µS/cm")],
        (0x100a, 1) => vec![Measured::scaled("battery", bytes.unsigned(1)?, (1, 1), "%")],
        (0x100d, 4) => vec![
            Measured::scaled("temperature", bytes.signed(2)?, (1, 10), "°C"),
            Measured::scaled("humidity", bytes.unsigned(2)?, (1, 10), "%"),
        ],
        (0x1010, 2) => vec![Measured::scaled("formaldehyde", bytes.unsigned(2)?, (1, 100), "mg/m³")],
        (0x1012, 1) => vec![Measured::new("switch", bytes.byte()? != 0, None)],
        (0x1014, 1) => vec![Measured::new("wet", bytes.byte()? != 0, None)],
        (0x1015, 1) => vec![Measured::new("smoke", bytes.byte()? != 0, None)],
        (0x1017, 4) => vec![Measured::scaled("idle", bytes.unsigned(4)?, (1, 1), "s")],
        (0x1018, 1) => vec![Measured::new("light", bytes.byte()? != 0, None)],
        // 0 is open, 1 closed, 2 left open.
        (0x1019, 1) => vec![Measured::new("open", bytes.byte()? != 1, None)],
        _ => return None,
    };
    Some(found)
}
