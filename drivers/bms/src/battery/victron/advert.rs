//! Instant Readout: what Victron devices advertise over Bluetooth, encrypted with the device's own key.
//!
//! Layout of the manufacturer data of company 0x02E1: `10`, a byte that differs between firmwares, the product id (little
//! endian), the record type, the nonce (little endian), the first byte of the key, then the record in AES-128-CTR. The
//! counter starts with the nonce as a little-endian number of 128 bits.

use aes::Aes128;
use ctr::Ctr128LE;
use ctr::cipher::{KeyIvInit, StreamCipher};

use crate::battery::bytes::Bytes;
use crate::battery::reading::Reading;
use crate::fault::Fault;

use super::{names, records};

/// The company id in the advertisement.
pub(crate) const COMPANY: u16 = 0x02E1;

/// Bytes before the record.
const HEADER: usize = 8;

/// The most bytes of a record: an advertisement has room for no more.
const MOST_RECORD: usize = 64;

/// What an advertisement says.
///
/// # Errors
/// It is no product advertisement, is cut off, has a type that is not known, or the key does not fit.
pub(super) fn decode(data: &[u8], key: Option<&[u8]>) -> Result<Reading, Fault> {
    // Some captures have the company's number in front.
    let data = data.strip_prefix(&COMPANY.to_le_bytes()).unwrap_or(data);
    let header = Bytes::new("the advertisement", data);
    if data.is_empty() {
        return Err(Fault::Nothing(0));
    }
    if header.u8(0)? != 0x10 {
        let text = format!(
            "an advertisement of kind {:02X} instead of 10, a product; a record in plain needs its variant, \
             `instant_readout_0x02_decrypted`",
            data[0]
        );
        return Err(Fault::Foreign(text));
    }
    if data.len() <= HEADER {
        return Err(Fault::Truncated { have: data.len(), want: Some(HEADER + 1) });
    }
    let key: [u8; 16] = key.ok_or(Fault::Key(0)).and_then(|key| key.try_into().map_err(|_| Fault::Key(key.len())))?;
    let check = header.u8(7)?;
    if check != key[0] {
        return Err(Fault::WrongKey { expected: check, found: key[0] });
    }
    let mut record = data[HEADER..].to_vec();
    record.truncate(MOST_RECORD);
    decrypt(&mut record, key, header.u16_le(5)?);
    let mut reading = Reading::default();
    names::family(&mut reading, header.u16_le(2)?);
    records::decode(header.u8(4)?, &record, &mut reading)?;
    Ok(reading)
}

/// What a record says that somebody decrypted already.
///
/// # Errors
/// The type is not known, or the record is cut off.
pub(super) fn decode_plain(kind: u8, record: &[u8]) -> Result<Reading, Fault> {
    let mut reading = Reading::default();
    records::decode(kind, record, &mut reading)?;
    Ok(reading)
}

/// The record in place.
fn decrypt(record: &mut [u8], key: [u8; 16], nonce: u16) {
    let mut start = [0; 16];
    start[..2].copy_from_slice(&nonce.to_le_bytes());
    Ctr128LE::<Aes128>::new(&key.into(), &start.into()).apply_keystream(record);
}
