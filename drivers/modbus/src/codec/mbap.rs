//! Frames on TCP: a header of seven bytes (Modbus Messaging on TCP/IP V1.0b, section 3.1.3), then the PDU.

use super::{Frame, MAX_PDU};

/// Bytes before the PDU.
const HEADER: usize = 7;

/// The most bytes of a frame.
pub const MAX_FRAME: usize = HEADER + MAX_PDU;

/// Why a stream of bytes is no Modbus TCP. Nothing behind it can be trusted: the connection has to begin anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The protocol identifier is not 0.
    #[error("the protocol identifier is {0}, not 0")]
    Protocol(u16),
    /// The length is not 2 to 254.
    #[error("the length {0} is not 2 to 254")]
    Length(u16),
}

/// Appends a frame.
pub fn encode(transaction: u16, unit: u8, pdu: &[u8], out: &mut Vec<u8>) {
    let length = u16::try_from(pdu.len() + 1).unwrap_or(u16::MAX);
    out.extend(transaction.to_be_bytes());
    out.extend([0, 0]);
    out.extend(length.to_be_bytes());
    out.push(unit);
    out.extend(pdu);
}

/// The first frame in these bytes: its transaction, what it says, and how many bytes it takes. None until it is whole.
///
/// # Errors
/// See [`Broken`].
pub fn decode(bytes: &[u8]) -> Result<Option<(u16, Frame, usize)>, Broken> {
    let Some(header) = bytes.first_chunk::<HEADER>() else { return Ok(None) };
    let [t1, t2, p1, p2, l1, l2, unit] = *header;
    let protocol = u16::from_be_bytes([p1, p2]);
    if protocol != 0 {
        return Err(Broken::Protocol(protocol));
    }
    let length = u16::from_be_bytes([l1, l2]);
    let size = usize::from(length);
    if !(2..=MAX_PDU + 1).contains(&size) {
        return Err(Broken::Length(length));
    }
    let end = HEADER - 1 + size;
    let Some(pdu) = bytes.get(HEADER..end) else { return Ok(None) };
    Ok(Some((u16::from_be_bytes([t1, t2]), Frame { unit, pdu: pdu.to_vec() }, end)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn frames_come_back_whatever_the_pieces(
            transaction: u16, unit: u8, pdu in prop::collection::vec(any::<u8>(), 1..=MAX_PDU), cut in 0..300_usize,
        ) {
            let mut bytes = Vec::new();
            encode(transaction, unit, &pdu, &mut bytes);
            prop_assert!(bytes.len() <= MAX_FRAME);
            let whole = bytes.len();
            bytes.extend([1, 2, 3]);
            prop_assert_eq!(decode(&bytes), Ok(Some((transaction, Frame { unit, pdu }, whole))));
            prop_assert_eq!(decode(&bytes[..cut.min(whole - 1)]), Ok(None));
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode(&bytes);
        }
    }

    #[test]
    fn what_is_no_modbus_is_named() {
        assert_eq!(decode(b"HTTP/1.1 400"), Err(Broken::Protocol(0x5450)));
        assert_eq!(decode(&[0, 1, 0, 0, 0, 1, 1]), Err(Broken::Length(1)));
        assert_eq!(decode(&[0, 1, 0, 0, 0, 255, 1]), Err(Broken::Length(255)));
    }
}
