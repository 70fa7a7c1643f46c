//! Arbitrary messages through arbitrary pipes: nothing is changed, and nothing that comes in can hurt.

#![allow(clippy::unwrap_used)] // a test fails by it

mod messages;

use fieldrail_model::{Quality, Value};
use fieldrail_wire::daemon::Write;
use fieldrail_wire::frame::MAX_FRAME_BYTES;
use fieldrail_wire::plugin::Samples;
use fieldrail_wire::{Decoder, Encoding, FrameError, FromPlugin, SampleItem, TagRef, ToPlugin, WriteItem, encode};
use messages::Message;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde::de::DeserializeOwned;

const ENCODINGS: [Encoding; 2] = [Encoding::MessagePack, Encoding::JsonLines];

fn json_text() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        Just("1.50".to_owned()),
        Just(r#""q\" \u00e4""#.to_owned()),
        Just(r#"{"t":"i64","v":"1"}"#.to_owned()),
    ];
    let nested =
        leaf.prop_recursive(4, 16, 4, |inner| vec(inner, 0..4).prop_map(|all| format!("[{}]", all.join(" ,"))));
    nested.prop_map(|text| Value::json(&text).unwrap())
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<u64>().prop_map(Value::uint),
        // All bits, so NaN with every payload too.
        any::<u64>().prop_map(|bits| Value::Float(f64::from_bits(bits))),
        (0..1_u64 << 52).prop_map(|payload| Value::Float(f64::from_bits(0x7ff0_0000_0000_0000 | payload))),
        any::<String>().prop_map(|text| Value::text(text.as_str())),
        vec(any::<u8>(), 0..300).prop_map(Value::bytes),
        json_text(),
    ]
}

fn tag() -> impl Strategy<Value = TagRef> {
    prop_oneof![any::<u32>().prop_map(TagRef::Number), ".{0,20}".prop_map(|name| TagRef::Name(name.into()))]
}

fn origin() -> impl Strategy<Value = Option<(std::sync::Arc<str>, u8)>> {
    option::of((".{0,10}".prop_map(Into::into), any::<u8>()))
}

fn sample() -> impl Strategy<Value = SampleItem> {
    let quality = (0..Quality::ALL.len()).prop_map(|index| Quality::ALL[index]);
    let note = option::of(".{0,10}".prop_map(Into::into));
    let parts = (tag(), value(), quality, option::of(any::<i64>()), note, origin());
    parts.prop_map(|(tag, value, quality, time, note, origin)| SampleItem { tag, value, quality, time, note, origin })
}

fn write_item() -> impl Strategy<Value = WriteItem> {
    let parts = (any::<u64>(), tag(), value(), option::of(any::<u32>()), option::of(any::<u32>()), origin());
    parts.prop_map(|(id, tag, value, ttl_ms, pulse_ms, origin)| WriteItem { id, tag, value, ttl_ms, pulse_ms, origin })
}

fn samples() -> impl Strategy<Value = FromPlugin> {
    let tags = vec((any::<u32>(), ".{0,20}".prop_map(Into::into)), 0..4);
    let parts = (any::<u64>(), tags, vec(sample(), 0..8));
    parts.prop_map(|(batch, tags, items)| FromPlugin::Samples(Samples { batch, tags, items }))
}

fn bytes_of(messages: &[FromPlugin], encoding: Encoding) -> Vec<u8> {
    let mut out = Vec::new();
    for message in messages {
        encode(encoding, message, &mut out).unwrap();
    }
    out
}

/// What the decoder says when the bytes come in pieces of these lengths, over and over.
fn fed<M: DeserializeOwned>(bytes: &[u8], pieces: &[usize]) -> (Vec<M>, Option<FrameError>) {
    let (mut decoder, mut found, mut rest) = (Decoder::default(), Vec::new(), bytes);
    let mut pieces = pieces.iter().cycle();
    while !rest.is_empty() {
        let length = pieces.next().map_or(rest.len(), |length| (*length).min(rest.len()));
        decoder.buffer().extend_from_slice(&rest[..length]);
        rest = &rest[length..];
        loop {
            match decoder.next() {
                Ok(Some(message)) => found.push(message),
                Ok(None) => break,
                Err(error) => return (found, Some(error)),
            }
        }
    }
    (found, None)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn samples_come_back_bit_for_bit_whatever_the_pieces(
        messages in vec(samples(), 1..4),
        pieces in vec(1..40_usize, 1..8),
    ) {
        for encoding in ENCODINGS {
            let (found, error) = fed::<FromPlugin>(&bytes_of(&messages, encoding), &pieces);
            prop_assert!(error.is_none(), "{error:?}");
            prop_assert_eq!(&found, &messages);
        }
    }

    #[test]
    fn writes_come_back_bit_for_bit(items in vec(write_item(), 0..8)) {
        let message = ToPlugin::Write(Write { tags: vec![], items });
        for encoding in ENCODINGS {
            let mut out = Vec::new();
            encode(encoding, &message, &mut out).unwrap();
            let (found, error) = fed::<ToPlugin>(&out, &[]);
            prop_assert!(error.is_none(), "{error:?}");
            prop_assert_eq!(&found, std::slice::from_ref(&message));
        }
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(first in any::<bool>(), bytes in vec(any::<u8>(), 0..200)) {
        let begin: &[u8] = if first { &[0, 0, 0] } else { b"{" };
        let all = [begin, &bytes].concat();
        let _ = fed::<FromPlugin>(&all, &[7]);
        let _ = fed::<ToPlugin>(&all, &[]);
    }

    #[test]
    fn a_flipped_bit_makes_an_error_or_another_message_and_never_a_panic(
        which in any::<prop::sample::Index>(),
        bit in any::<prop::sample::Index>(),
    ) {
        let cases = messages::all();
        for encoding in ENCODINGS {
            let mut out = Vec::new();
            let case = which.get(&cases);
            let from = match &case.message {
                Message::From(message) => encode(encoding, message, &mut out).map(|()| true),
                Message::To(message) => encode(encoding, message, &mut out).map(|()| false),
            };
            let from = from.expect(case.about);
            let bit = bit.index(out.len() * 8);
            out[bit / 8] ^= 1 << (bit % 8);
            if from {
                fed::<FromPlugin>(&out, &[]);
            } else {
                fed::<ToPlugin>(&out, &[]);
            }
        }
    }

    #[test]
    fn a_message_cut_short_is_waited_for(cut in any::<prop::sample::Index>(), message in samples()) {
        for encoding in ENCODINGS {
            let bytes = bytes_of(std::slice::from_ref(&message), encoding);
            let cut = cut.index(bytes.len());
            let mut decoder = Decoder::default();
            decoder.buffer().extend_from_slice(&bytes[..cut]);
            prop_assert!(decoder.next::<FromPlugin>().unwrap().is_none());
            prop_assert_eq!(decoder.waiting(), cut);
            decoder.buffer().extend_from_slice(&bytes[cut..]);
            prop_assert_eq!(decoder.next::<FromPlugin>().unwrap(), Some(message.clone()));
        }
    }
}

#[test]
fn the_first_byte_decides_and_garbage_is_named() {
    let (found, error) = fed::<FromPlugin>(b"Hello, world!\n", &[]);
    assert!(found.is_empty());
    assert!(matches!(error, Some(FrameError::NoFrame(b'H'))), "{error:?}");
    assert!(error.unwrap().hint().contains("stdout"));
}

#[test]
fn blank_lines_and_carriage_returns_between_json_lines_are_passed_over() {
    let (found, error) =
        fed::<FromPlugin>(b"{\"progress\":{\"turns\":1}}\r\n\n  \n{\"progress\":{\"turns\":2}}\n", &[3]);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(found.len(), 2);
}

#[test]
fn a_line_over_the_limit_is_refused_whether_it_comes_whole_or_in_pieces() {
    let mut line = format!("{{\"log\":{{\"level\":\"info\",\"message\":\"{}", "x".repeat(MAX_FRAME_BYTES)).into_bytes();
    line.extend_from_slice(b"\"}}\n");
    for pieces in [&[][..], &[1 << 20]] {
        let (found, error) = fed::<FromPlugin>(&line, pieces);
        assert!(found.is_empty() && matches!(error, Some(FrameError::TooLong(_))), "{error:?}");
    }
}

#[test]
fn the_longest_line_and_the_longest_frame_pass_both_ways() {
    for encoding in ENCODINGS {
        let log = |length| {
            let message = "x".repeat(length);
            FromPlugin::Log(fieldrail_wire::plugin::Log { level: fieldrail_wire::plugin::Level::Info, message })
        };
        let around = if encoding == Encoding::JsonLines { 1 } else { 4 };
        let (mut out, nearly) = (Vec::new(), MAX_FRAME_BYTES - 100);
        encode(encoding, &log(nearly), &mut out).unwrap();
        let longest = nearly + MAX_FRAME_BYTES + around - out.len();
        out.clear();
        let error = encode(encoding, &log(longest + 1), &mut out).unwrap_err();
        assert!(matches!(error, FrameError::TooLong(length) if length == MAX_FRAME_BYTES + 1), "{error}");
        assert!(out.is_empty(), "a message that was refused leaves bytes behind");
        encode(encoding, &log(longest), &mut out).unwrap();
        assert_eq!(out.len(), MAX_FRAME_BYTES + around);
        let (found, error) = fed::<FromPlugin>(&out, &[]);
        assert!(error.is_none() && found == [log(longest)], "{error:?}");
    }
}
