//! Other firmware on Xiaomi's thermometers, under the service Environmental Sensing: the format of ATC1441 (13 bytes, the high
//! byte first) and that of pvvx (15 bytes, the low byte first). Both begin with the address of the device in their own order, by
//! which they are told apart from others under the same service. Source: the descriptions in both projects.

use fieldrail_link_ble::Address;

use crate::measured::{Bytes, Measured};

pub(super) fn decode(data: &[u8], Address(address): Address) -> Option<Vec<Measured>> {
    let mut bytes = Bytes(data);
    let begins = bytes.take(6)?;
    let is_reversed = begins.iter().rev().eq(&address);
    match data.len() {
        13 if begins == address => atc1441(bytes),
        15 if is_reversed => pvvx(bytes),
        _ => None,
    }
}

fn atc1441(mut bytes: Bytes<'_>) -> Option<Vec<Measured>> {
    Some(vec![
        Measured::scaled("temperature", bytes.short()?, (1, 10), "°C"),
        Measured::scaled("humidity", bytes.byte()?.into(), (1, 1), "%"),
        Measured::scaled("battery", bytes.byte()?.into(), (1, 1), "%"),
        Measured::scaled("voltage", bytes.word()?, (1, 1000), "V"),
    ])
}

fn pvvx(mut bytes: Bytes<'_>) -> Option<Vec<Measured>> {
    Some(vec![
        Measured::scaled("temperature", bytes.signed(2)?, (1, 100), "°C"),
        Measured::scaled("humidity", bytes.unsigned(2)?, (1, 100), "%"),
        Measured::scaled("voltage", bytes.unsigned(2)?, (1, 1000), "V"),
        Measured::scaled("battery", bytes.byte()?.into(), (1, 1), "%"),
    ])
}
