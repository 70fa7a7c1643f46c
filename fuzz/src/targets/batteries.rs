//! Bytes of a battery: which protocol (two bytes of its name's hash), in what pieces, how long the question is, the question,
//! and what came.
//!
//! Promises that are looked at: nothing is told of bytes in which no frame has a right sum, by a rule of its own; pieces change
//! nothing; there are 32 cells at most; every number is one.

use fieldrail_driver_bms::battery::reading::MOST_CELLS;
use fieldrail_driver_bms::battery::{Battery, Reading, Setup, Transport, Variant};
use fieldrail_model::Value;

use crate::Target;
use crate::frames::{exchanges, has_right_sum, variants};

/// The table's line.
pub const TARGET: Target = Target { name: "batteries", run, most_bytes: 1200, seeds, words };

fn words() -> Vec<String> {
    const WORDS: &str = "\u{7e} ~ : \r\n \t Checksum\t PID\t H1\t AT\r\n";
    WORDS.split(' ').map(Into::into).collect()
}

fn seeds() -> Vec<Vec<u8>> {
    let seed = |exchange: crate::frames::Exchange| {
        let [high, low] = hash(exchange.variant).to_be_bytes();
        let head = [high, low, 7, u8::try_from(exchange.question.len()).unwrap_or(0)];
        [&head[..], &exchange.question, &exchange.came.concat()].concat()
    };
    exchanges().into_iter().map(seed).filter(|seed| seed.len() <= TARGET.most_bytes).collect()
}

/// A decoder as it is used over the first transport of its protocol.
pub fn decoder(variant: &Variant) -> (Box<dyn Battery>, Transport) {
    let transport = variant.transports[0].0;
    // Advertisements are refused without a key; this one fits the golden ones as little as any other.
    let setup = Setup { transport, key: Some(vec![0xaf; 16]), ..Setup::default() };
    ((variant.make)(&setup).unwrap(), transport)
}

/// The number of a protocol: FNV-1a of its name, folded to 16 bits.
fn hash(place: usize) -> u16 {
    let (family, variant) = variants()[place];
    let bytes = family.device.bytes().chain(variant.name.bytes());
    let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (hash >> 16 ^ hash & 0xffff) as u16
}

fn run(data: &[u8]) {
    let [high, low, size, length, rest @ ..] = data else { return };
    let variants = variants();
    let which = u16::from_be_bytes([*high, *low]);
    // By its hash, so that an input keeps its meaning when the registry grows; any other number means one too.
    let place = (0..variants.len()).find(|place| hash(*place) == which);
    let (family, variant) = variants[place.unwrap_or(usize::from(which) % variants.len())];
    let (question, bytes) = rest.split_at(usize::from(*length).min(rest.len()));
    let (battery, transport) = decoder(variant);
    let whole = told(battery, question, &[bytes]);
    check(&whole);
    if !whole.is_empty() {
        assert_ne!(
            has_right_sum(family.device, variant.name, bytes),
            Some(false),
            "{} takes a wrong sum",
            variant.name
        );
    }
    if !matches!(transport, Transport::Advert | Transport::Can) {
        let pieces: Vec<&[u8]> = bytes.chunks(usize::from(*size).max(1)).collect();
        assert_eq!(told(decoder(variant).0, question, &pieces), whole, "{}: in pieces it is another one", variant.name);
    }
}

/// What a decoder tells of pieces.
fn told(mut battery: Box<dyn Battery>, question: &[u8], pieces: &[&[u8]]) -> Reading {
    let mut reading = Reading::default();
    if !question.is_empty() {
        battery.asked(question);
    }
    let mut found = Vec::new();
    for piece in pieces {
        found.extend(battery.feed(piece));
    }
    found.extend(battery.quiet());
    for part in found.into_iter().flatten() {
        reading.merge(part.reading);
    }
    reading
}

/// What every reading promises.
pub fn check(reading: &Reading) {
    let cells = reading.iter().filter(|(name, _)| name.starts_with("cells.")).count();
    assert!(cells <= MOST_CELLS, "{cells} cells");
    for (name, datum) in reading.iter() {
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_');
        assert!(!name.is_empty() && name.chars().all(is_name), "{name:?}");
        match &datum.value {
            Value::Float(number) => assert!(number.is_finite(), "{name} is {number}"),
            Value::Bool(_) | Value::Int(_) | Value::UInt(_) => {}
            Value::Text(text) => assert!(text.len() <= 300, "{name} has {} bytes", text.len()),
            other => panic!("{name} is {other:?}"),
        }
    }
}
