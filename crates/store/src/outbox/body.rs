//! An entry as bytes: one MessagePack array of tag, route, value, origin and expiry. The lane and the number are the
//! key it is stored under.

use std::sync::Arc;

use fieldrail_model::{Origin, Timestamp, Value};
use serde::{Deserialize, Serialize};

use super::{Entry, NewEntry};

#[derive(Serialize)]
struct Outgoing<'a>(&'a str, &'a str, &'a Value, Option<(&'a str, u8)>, Option<Timestamp>);

#[derive(Deserialize)]
struct Incoming(Arc<str>, Arc<str>, Value, Option<(Arc<str>, u8)>, Option<Timestamp>);

/// Writes `entry` into `bytes` in place of what is there.
pub(super) fn encode(entry: &NewEntry, bytes: &mut Vec<u8>) -> Result<(), rmp_serde::encode::Error> {
    bytes.clear();
    let origin = entry.origin.as_ref().map(|origin| (&*origin.address, origin.hops));
    let body = Outgoing(&entry.tag, &entry.route, &entry.value, origin, entry.expires);
    rmp_serde::encode::write(bytes, &body)
}

/// The entry with the number `seq` that `bytes` hold.
pub(super) fn decode(seq: u64, bytes: &[u8]) -> Result<Entry, rmp_serde::decode::Error> {
    let Incoming(tag, route, value, origin, expires) = rmp_serde::from_slice(bytes)?;
    let origin = origin.map(|(address, hops)| Origin { address, hops });
    Ok(Entry { seq, tag, value, origin, route, expires })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let json = prop_oneof![Just("null"), Just(r#"{"t":"i64","v":"1"}"#), Just("[1, 2.50]"), Just(r#""x""#)];
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            any::<u64>().prop_map(Value::uint),
            any::<u64>().prop_map(|bits| Value::Float(f64::from_bits(bits))),
            ".*".prop_map(|text| Value::text(text.as_str())),
            prop::collection::vec(any::<u8>(), 0..64).prop_map(Value::bytes),
            json.prop_map(|text| Value::json(text).unwrap()),
        ]
    }

    /// Any entry for the lane `a`.
    pub(in crate::outbox) fn any_entry() -> impl Strategy<Value = NewEntry> {
        let origin = prop::option::of((".{0,9}", any::<u8>()));
        let expires = prop::option::of(any::<i64>().prop_map(Timestamp));
        (".{0,9}", any_value(), origin, ".{0,9}", expires).prop_map(|(tag, value, origin, route, expires)| {
            let origin = origin.map(|(address, hops)| Origin { address: address.into(), hops });
            NewEntry { lane: "a".into(), tag: tag.into(), value, origin, route: route.into(), expires }
        })
    }

    proptest! {
        #[test]
        fn an_entry_comes_back_from_its_bytes_bit_for_bit(put in any_entry()) {
            let mut bytes = b"left over".to_vec();
            encode(&put, &mut bytes).unwrap();
            let NewEntry { tag, value, origin, route, expires, .. } = put;
            prop_assert_eq!(decode(7, &bytes).unwrap(), Entry { seq: 7, tag, value, origin, route, expires });
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = decode(1, &bytes);
        }
    }
}
