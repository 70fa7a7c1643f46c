//! A recording of what came into the router: pure bytes in, pure bytes out.
//!
//! Layout: the eight bytes of [`MAGIC`], then entries without frames. An entry begins with its kind (one byte); numbers are
//! LEB128, signed ones zigzag; times are microseconds since the entry before, the first since 1970. A datapoint's address
//! stands once, in the entry that gives it a number. What is cut off in the middle of an entry is lost, and nothing before.

use std::sync::Arc;

use fieldrail_model::{Origin, Quality, Sample, Timestamp, Value};

/// How a recording begins; the last digits are the version of its layout.
pub const MAGIC: [u8; 8] = *b"FRREC001";

/// The longest text of an entry, in bytes; a longer one is damage.
const MAX_TEXT: u64 = 16 << 20;
/// The largest number of a datapoint.
const MAX_POINT: u64 = 8_000_000;

/// One thing that came in.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// From here on the datapoint goes by this number.
    Name(u32, Arc<str>),
    /// What the datapoint said when the recording began; no route ran for it.
    Stands(u32, Sample),
    /// How old the datapoint may grow, in microseconds; 0 for any age.
    Deadline(u32, u64),
    /// A sample.
    Sample(u32, Sample),
    /// The last sample still holds; with the time of the renewal.
    Renewal(u32, Timestamp),
}

const NAME: u8 = 1;
const STANDS: u8 = 2;
const DEADLINE: u8 = 3;
const SAMPLE: u8 = 4;
const RENEWAL: u8 = 5;

/// Beside the value: a quality that is not good, a note, another time of the source, an origin.
const HAS_QUALITY: u8 = 1;
const HAS_NOTE: u8 = 2;
const HAS_SOURCE_TIME: u8 = 4;
const HAS_ORIGIN: u8 = 8;

/// Writes entries, one after the other.
#[derive(Debug, Default)]
pub struct Encoder {
    last: i64,
}

impl Encoder {
    /// Adds an entry to `out`.
    pub fn encode(&mut self, entry: &Entry, out: &mut Vec<u8>) {
        match entry {
            Entry::Name(point, address) => {
                out.push(NAME);
                number(u64::from(*point), out);
                text(address.as_bytes(), out);
            }
            Entry::Deadline(point, deadline_us) => {
                out.push(DEADLINE);
                number(u64::from(*point), out);
                number(*deadline_us, out);
            }
            Entry::Stands(point, sample) => self.sample(STANDS, *point, sample, out),
            Entry::Sample(point, sample) => self.sample(SAMPLE, *point, sample, out),
            Entry::Renewal(point, time) => {
                out.push(RENEWAL);
                number(u64::from(*point), out);
                self.time(*time, out);
            }
        }
    }

    fn time(&mut self, time: Timestamp, out: &mut Vec<u8>) {
        signed(time.0.wrapping_sub(self.last), out);
        self.last = time.0;
    }

    fn sample(&mut self, kind: u8, point: u32, sample: &Sample, out: &mut Vec<u8>) {
        out.push(kind);
        number(u64::from(point), out);
        self.time(sample.receive_time, out);
        let flag = |is: bool, flag: u8| if is { flag } else { 0 };
        let flags = flag(sample.quality != Quality::Good, HAS_QUALITY)
            | flag(sample.note.is_some(), HAS_NOTE)
            | flag(sample.source_time != sample.receive_time, HAS_SOURCE_TIME)
            | flag(sample.origin.is_some(), HAS_ORIGIN);
        out.push(flags);
        value(&sample.value, out);
        if flags & HAS_QUALITY != 0 {
            out.push(sample.quality.code());
        }
        if let Some(note) = &sample.note {
            text(note.as_bytes(), out);
        }
        if flags & HAS_SOURCE_TIME != 0 {
            signed(sample.source_time.0.wrapping_sub(sample.receive_time.0), out);
        }
        if let Some(origin) = &sample.origin {
            out.push(origin.hops);
            text(origin.address.as_bytes(), out);
        }
    }
}

fn number(mut n: u64, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push(n.to_le_bytes()[0] | 0x80);
        n >>= 7;
    }
    out.push(n.to_le_bytes()[0]);
}

fn signed(n: i64, out: &mut Vec<u8>) {
    number(((n << 1) ^ (n >> 63)).cast_unsigned(), out);
}

fn text(bytes: &[u8], out: &mut Vec<u8>) {
    number(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(0),
        Value::Bool(b) => out.push(1 + u8::from(*b)),
        Value::Int(n) => {
            out.push(3);
            signed(*n, out);
        }
        Value::UInt(n) => {
            out.push(4);
            number(*n, out);
        }
        Value::Float(x) => {
            out.push(5);
            out.extend_from_slice(&x.to_bits().to_le_bytes());
        }
        Value::Text(t) => {
            out.push(6);
            text(t.as_bytes(), out);
        }
        Value::Bytes(b) => {
            out.push(7);
            text(b, out);
        }
        Value::Json(t) => {
            out.push(8);
            text(t.as_bytes(), out);
        }
    }
}

/// What is no recording, or no longer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the recording is damaged at byte {at}")]
pub struct Damaged {
    /// Bytes before the entry that cannot be read.
    pub at: u64,
}

/// Why the next entry cannot be read from the bytes at hand.
enum Short {
    /// More bytes are needed.
    More,
    /// It never will be.
    Never,
}

/// Reads entries from pieces of any size.
#[derive(Debug, Default)]
pub struct Decoder {
    last: i64,
    /// Bytes read so far.
    at: u64,
}

impl Decoder {
    /// The next entry and how many bytes it took; `None` if the bytes end in the middle of it.
    ///
    /// # Errors
    /// The bytes are no entry.
    pub fn next(&mut self, bytes: &[u8]) -> Result<Option<(Entry, usize)>, Damaged> {
        let mut reader = Reader { bytes, at: 0 };
        match self.entry(&mut reader) {
            Ok((entry, last)) => {
                self.last = last;
                self.at += reader.at as u64;
                Ok(Some((entry, reader.at)))
            }
            Err(Short::More) => Ok(None),
            Err(Short::Never) => Err(Damaged { at: self.at }),
        }
    }

    fn entry(&self, reader: &mut Reader<'_>) -> Result<(Entry, i64), Short> {
        let kind = reader.byte()?;
        let point = u32::try_from(reader.number()?).ok().filter(|point| u64::from(*point) <= MAX_POINT);
        let point = point.ok_or(Short::Never)?;
        Ok(match kind {
            NAME => (Entry::Name(point, reader.str()?.into()), self.last),
            DEADLINE => (Entry::Deadline(point, reader.number()?), self.last),
            RENEWAL => {
                let time = self.last.wrapping_add(reader.signed()?);
                (Entry::Renewal(point, Timestamp(time)), time)
            }
            STANDS | SAMPLE => {
                let time = self.last.wrapping_add(reader.signed()?);
                let sample = reader.sample(Timestamp(time))?;
                (if kind == SAMPLE { Entry::Sample(point, sample) } else { Entry::Stands(point, sample) }, time)
            }
            _ => return Err(Short::Never),
        })
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Result<u8, Short> {
        let byte = *self.bytes.get(self.at).ok_or(Short::More)?;
        self.at += 1;
        Ok(byte)
    }

    fn number(&mut self) -> Result<u64, Short> {
        let (mut n, mut shift) = (0_u64, 0);
        loop {
            let byte = self.byte()?;
            if shift == 63 && byte > 1 {
                return Err(Short::Never);
            }
            n |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(n);
            }
            shift += 7;
        }
    }

    fn signed(&mut self) -> Result<i64, Short> {
        let n = self.number()?;
        Ok((n >> 1).cast_signed() ^ -(n & 1).cast_signed())
    }

    fn take(&mut self) -> Result<&'a [u8], Short> {
        let length = self.number()?;
        if length > MAX_TEXT {
            return Err(Short::Never);
        }
        let length = usize::try_from(length).map_err(|_| Short::Never)?;
        let taken = self.bytes.get(self.at..self.at + length).ok_or(Short::More)?;
        self.at += length;
        Ok(taken)
    }

    fn str(&mut self) -> Result<&'a str, Short> {
        std::str::from_utf8(self.take()?).map_err(|_| Short::Never)
    }

    fn value(&mut self) -> Result<Value, Short> {
        Ok(match self.byte()? {
            0 => Value::Null,
            kind @ (1 | 2) => Value::Bool(kind == 2),
            3 => Value::Int(self.signed()?),
            4 => Value::uint(self.number()?),
            5 => {
                let bytes = self.bytes.get(self.at..self.at + 8).ok_or(Short::More)?;
                self.at += 8;
                Value::Float(f64::from_bits(u64::from_le_bytes(bytes.try_into().map_err(|_| Short::Never)?)))
            }
            6 => Value::text(self.str()?),
            7 => Value::bytes(self.take()?),
            8 => Value::Json(self.str()?.into()),
            _ => return Err(Short::Never),
        })
    }

    fn sample(&mut self, receive_time: Timestamp) -> Result<Sample, Short> {
        let flags = self.byte()?;
        let value = self.value()?;
        let mut sample = Sample { receive_time, ..Sample::good(value, receive_time) };
        if flags & HAS_QUALITY != 0 {
            sample.quality = Quality::from_code(self.byte()?).ok_or(Short::Never)?;
        }
        if flags & HAS_NOTE != 0 {
            sample.note = Some(self.str()?.into());
        }
        if flags & HAS_SOURCE_TIME != 0 {
            sample.source_time = Timestamp(receive_time.0.wrapping_add(self.signed()?));
        }
        if flags & HAS_ORIGIN != 0 {
            let hops = self.byte()?;
            sample.origin = Some(Origin { address: self.str()?.into(), hops });
        }
        Ok(sample)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_sample() -> impl Strategy<Value = Sample> {
        let value = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            any::<u64>().prop_map(Value::uint),
            any::<u64>().prop_map(|bits| Value::Float(f64::from_bits(bits))),
            ".{0,9}".prop_map(|text| Value::text(text.as_str())),
            prop::collection::vec(any::<u8>(), 0..9).prop_map(Value::bytes),
            Just(Value::Json("{\"a\":1}".into())),
        ];
        let origin = prop::option::of((".{0,9}", any::<u8>()));
        (value, prop::sample::select(Quality::ALL), prop::option::of(".{0,9}"), any::<[i64; 2]>(), origin).prop_map(
            |(value, quality, note, [source, receive], origin)| Sample {
                value,
                quality,
                note: note.map(Into::into),
                source_time: Timestamp(source),
                receive_time: Timestamp(receive),
                origin: origin.map(|(address, hops)| Origin { address: address.into(), hops }),
            },
        )
    }

    fn any_entry() -> impl Strategy<Value = Entry> {
        let point = 0_u32..=8_000_000;
        prop_oneof![
            (point.clone(), ".{0,20}").prop_map(|(point, address)| Entry::Name(point, address.into())),
            (point.clone(), any::<u64>()).prop_map(|(point, us)| Entry::Deadline(point, us)),
            (point.clone(), any_sample()).prop_map(|(point, sample)| Entry::Stands(point, sample)),
            (point.clone(), any_sample()).prop_map(|(point, sample)| Entry::Sample(point, sample)),
            (point, any::<i64>()).prop_map(|(point, time)| Entry::Renewal(point, Timestamp(time))),
        ]
    }

    proptest! {
        #[test]
        fn a_recording_gives_back_what_came_in(entries in prop::collection::vec(any_entry(), 0..20), cut in 0_usize..40) {
            let (mut encoder, mut bytes) = (Encoder::default(), Vec::new());
            for entry in &entries {
                encoder.encode(entry, &mut bytes);
            }
            let read = |mut bytes: &[u8]| {
                let (mut decoder, mut read) = (Decoder::default(), Vec::new());
                while let Some((entry, length)) = decoder.next(bytes).unwrap() {
                    read.push(entry);
                    bytes = &bytes[length..];
                }
                read
            };
            prop_assert_eq!(read(&bytes), entries.clone());
            // A tail that is torn off takes only its own entry with it.
            let torn = read(&bytes[..bytes.len().saturating_sub(cut)]);
            prop_assert!(entries.starts_with(&torn));
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let (mut decoder, mut rest) = (Decoder::default(), bytes.as_slice());
            while let Ok(Some((_, length))) = decoder.next(rest) {
                rest = &rest[length..];
            }
        }
    }
}
