//! Values over a Bluetooth connection: the own service of Victron's app, and the one that is published for battery monitors.
//!
//! The own service (`306b0002-b081-4037-83dc-e59fcc3cdfd0`) streams items of CBOR: `08 03`, the register as an unsigned
//! number, its value as a byte string. The published one has a characteristic `6597XXXX-4bda-4c1e-af4b-551c4cf74769` for
//! each register XXXX, whose value is the register's.

use crate::battery::reading::Reading;
use crate::battery::stream::Look;
use crate::fault::Fault;

use super::registers;

/// How an item begins: a value of a register.
const ITEM: [u8; 2] = [0x08, 0x03];

/// The tail of the characteristics' UUIDs, from the third byte group.
const UUID_TAIL: [u8; 12] = [0x4b, 0xda, 0x4c, 0x1e, 0xaf, 0x4b, 0x55, 0x1c, 0x4c, 0xf7, 0x47, 0x69];

/// The head of the characteristics' UUIDs.
const UUID_HEAD: [u8; 2] = [0x65, 0x97];

/// Whether an item begins here.
pub(super) fn look(bytes: &[u8]) -> Look {
    match item(bytes) {
        Item::Not => Look::Not,
        Item::More => Look::More(None),
        Item::Value { length, .. } => Look::Good(length),
    }
}

/// What the bytes are.
enum Item<'a> {
    /// No value of a register.
    Not,
    /// The rest is missing.
    More,
    /// The value of a register.
    Value { id: u16, value: &'a [u8], length: usize },
}

/// Reads an item of CBOR (RFC 8949 section 3.1, major types 0 and 2).
fn item(bytes: &[u8]) -> Item<'_> {
    let head = &bytes[..bytes.len().min(ITEM.len())];
    if !ITEM.starts_with(head) {
        return Item::Not;
    }
    let Some(rest) = bytes.get(ITEM.len()..).filter(|rest| !rest.is_empty()) else { return Item::More };
    let (id, at) = match rest {
        [0x19, high, low, ..] => (u16::from_be_bytes([*high, *low]), 3),
        [0x18, low, ..] => (u16::from(*low), 2),
        [0x18 | 0x19, ..] => return Item::More,
        _ => return Item::Not,
    };
    let (size, at) = match &rest[at..] {
        [] | [0x58] => return Item::More,
        [0x58, size, ..] => (usize::from(*size), at + 2),
        [head @ 0x40..=0x57, ..] => (usize::from(head - 0x40), at + 1),
        _ => return Item::Not,
    };
    match rest.get(at..at + size) {
        Some(value) => Item::Value { id, value, length: ITEM.len() + at + size },
        None => Item::More,
    }
}

/// The value of an item.
///
/// # Errors
/// It is none, or its value has a size that the register cannot have.
pub(super) fn decode(bytes: &[u8]) -> Result<Reading, Fault> {
    let Item::Value { id, value, .. } = item(bytes) else { return Err(Fault::Nothing(bytes.len())) };
    let mut reading = Reading::default();
    registers::put(&mut reading, id, value)?;
    Ok(reading)
}

/// The register of a characteristic: its UUID, or the two bytes of it that differ.
fn register(characteristic: &[u8]) -> Option<u16> {
    let id = match characteristic {
        [high, low] => [*high, *low],
        [a, b, high, low, tail @ ..] if [*a, *b] == UUID_HEAD && *tail == UUID_TAIL => [*high, *low],
        _ => return None,
    };
    Some(u16::from_be_bytes(id))
}

/// What a characteristic says that was read.
///
/// # Errors
/// It is none of Victron's, or its value has a size that the register cannot have.
pub(super) fn decode_read(characteristic: &[u8], value: &[u8]) -> Result<Reading, Fault> {
    let id = register(characteristic)
        .ok_or_else(|| Fault::Foreign("a characteristic that is none of Victron's".to_owned()))?;
    let mut reading = Reading::default();
    registers::put(&mut reading, id, value)?;
    Ok(reading)
}
