//! The notification stream: stamps, and in each the samples of one moment.

use bytes::Bytes;

use super::Malformed;
use super::bytes::{Cursor, Put as _};

/// One moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// When, in units of 100 ns since 1601-01-01 UTC.
    pub filetime: u64,
    /// What was so then.
    pub samples: Vec<Sample>,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The number that the device gave when the notification was added.
    pub handle: u32,
    /// The value; empty if the device could not read it any more.
    pub data: Bytes,
}

/// Units of 100 ns between 1601-01-01 and 1970-01-01.
const EPOCH: u64 = 116_444_736_000_000_000;

/// Microseconds since 1970-01-01 UTC; 0 if it was before.
pub fn unix_micros(filetime: u64) -> i64 {
    i64::try_from(filetime.saturating_sub(EPOCH) / 10).unwrap_or(i64::MAX)
}

/// The FILETIME of so many microseconds since 1970-01-01 UTC.
pub fn filetime(unix_micros: u64) -> u64 {
    unix_micros.saturating_mul(10).saturating_add(EPOCH)
}

/// Reads the data of a notification frame.
///
/// The length counts what follows it; a server that counts the length field too is understood.
///
/// # Errors
/// A count or a size goes beyond the stream. No list grows beyond what the bytes can hold.
pub fn decode(data: &Bytes) -> Result<Vec<Stamp>, Malformed> {
    let mut cursor = Cursor::new(data, "a notification");
    let length = cursor.u32()? as usize;
    let holds = cursor.rest().len();
    if length != holds && length != holds + 4 {
        return Err(Malformed::Contradiction { what: "a notification", claimed: length, holds });
    }
    let mut stamps = Vec::new();
    for _ in 0..cursor.u32()? {
        let (filetime, count) = (cursor.u64()?, cursor.u32()?);
        let mut samples = Vec::new();
        for _ in 0..count {
            let handle = cursor.u32()?;
            samples.push(Sample { handle, data: data.slice_ref(cursor.block()?) });
        }
        stamps.push(Stamp { filetime, samples });
    }
    Ok(stamps)
}

/// The data of a notification frame.
pub fn encode(stamps: &[Stamp]) -> Vec<u8> {
    let mut out = vec![0; 4];
    out.put_length(stamps.len());
    for stamp in stamps {
        out.put64(stamp.filetime);
        out.put_length(stamp.samples.len());
        for sample in &stamp.samples {
            out.put32(sample.handle);
            out.put_length(sample.data.len());
            out.extend_from_slice(&sample.data);
        }
    }
    let length = u32::try_from(out.len() - 4).unwrap_or(u32::MAX);
    out[..4].copy_from_slice(&length.to_le_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stamps() -> impl Strategy<Value = Vec<Stamp>> {
        let sample = (any::<u32>(), prop::collection::vec(any::<u8>(), 0..12))
            .prop_map(|(handle, data)| Sample { handle, data: data.into() });
        let stamp = (any::<u64>(), prop::collection::vec(sample, 0..4))
            .prop_map(|(filetime, samples)| Stamp { filetime, samples });
        prop::collection::vec(stamp, 0..4)
    }

    proptest! {
        #[test]
        fn stamps_come_back_also_with_a_length_that_counts_itself(stamps in stamps()) {
            let mut bytes = encode(&stamps);
            prop_assert_eq!(decode(&bytes.clone().into()), Ok(stamps.clone()));
            let length = u32::try_from(bytes.len()).unwrap();
            bytes[..4].copy_from_slice(&length.to_le_bytes());
            prop_assert_eq!(decode(&bytes.into()), Ok(stamps));
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = decode(&bytes.into());
        }
    }

    #[test]
    fn a_filetime_is_a_moment() {
        assert_eq!(unix_micros(133_519_238_331_750_000), 1_707_450_233_175_000);
        assert_eq!(filetime(1_707_450_233_175_000), 133_519_238_331_750_000);
        assert_eq!(unix_micros(0), 0);
    }
}
