//! What the specification says of shapes beyond the golden files: left out parts, names, additions, versions.

#![allow(clippy::unwrap_used)] // a test fails by it

use fieldrail_model::{Quality, Value};
use fieldrail_wire::plugin::{Hello, State};
use fieldrail_wire::{Capabilities, Decoder, FromPlugin, SampleItem, TagRef, WriteItem, negotiate};
use serde::Serialize;

/// The message in a frame whose body is this `MessagePack` value, or what is wrong with it.
fn from_frame(body: &impl Serialize) -> Result<FromPlugin, String> {
    from_bytes(&rmp_serde::to_vec_named(body).unwrap())
}

fn from_bytes(body: &[u8]) -> Result<FromPlugin, String> {
    let mut decoder = Decoder::default();
    decoder.buffer().extend_from_slice(&u32::try_from(body.len()).unwrap().to_be_bytes());
    decoder.buffer().extend_from_slice(body);
    decoder.next().map(Option::unwrap).map_err(|error| error.to_string())
}

fn from_line(line: &str) -> Result<FromPlugin, String> {
    let mut decoder = Decoder::default();
    decoder.buffer().extend_from_slice(line.as_bytes());
    decoder.buffer().extend_from_slice(b"\n");
    decoder.next().map(Option::unwrap).map_err(|error| error.to_string())
}

fn map<const N: usize>(entries: [(&str, serde_json::Value); N]) -> serde_json::Value {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

#[test]
fn trailing_parts_with_a_default_may_be_left_out_of_an_array() {
    let hello = from_frame(&map([("hello", serde_json::json!([[1, 1], "counter"]))]));
    let FromPlugin::Hello(Hello { version, capabilities, .. }) = hello.unwrap() else { panic!() };
    assert_eq!((version.as_str(), capabilities), ("", Capabilities::default()));
    let state = from_frame(&map([("state", serde_json::json!(["connected"]))]));
    assert!(matches!(state, Ok(FromPlugin::State(State { hint: None, .. }))), "{state:?}");
    assert!(from_frame(&map([("hello", serde_json::json!([[1, 1]]))])).is_err(), "a part without a default is missing");
}

#[test]
fn in_message_pack_a_map_with_the_names_is_taken_in_place_of_an_array() {
    let body = serde_json::json!({ "batch": 1, "items": [{ "tag": "a", "value": 5, "quality": 130 }] });
    let samples = from_frame(&map([("samples", body)])).unwrap();
    let FromPlugin::Samples(samples) = samples else { panic!("{samples:?}") };
    let item = &samples.items[0];
    assert_eq!((&item.tag, &item.value, item.quality), (&TagRef::Name("a".into()), &Value::Int(5), Quality::Stale));
}

#[test]
fn an_unknown_key_an_unknown_kind_and_an_element_too_many_are_errors() {
    let check = |got: Result<FromPlugin, String>, want: &str| {
        let error = got.unwrap_err();
        assert!(error.contains(want), "{error}");
    };
    check(from_line(r#"{"progress":{"turns":1,"spins":2}}"#), "unknown field `spins`");
    check(from_line(r#"{"progres":{"turns":1}}"#), "unknown variant `progres`");
    check(from_line(r#"{"progress":{"turns":1},"log":{}}"#), "no message");
    check(from_line(r#"{"samples":{"batch":1,"items":[{"tag":0,"value":1,"quality":"stale"}]}}"#), "no quality");
    check(from_frame(&map([("progress", serde_json::json!([1, 2]))])), "no message");
    check(from_frame(&map([("samples", serde_json::json!([1, [], [[0, 1, 200]]]))])), "unknown quality code 200");
    check(from_frame(&map([("samples", serde_json::json!([1, [], [[-1, 1]]]))])), "a tag number or a tag name");
}

#[test]
fn bytes_behind_a_message_in_its_frame_are_an_error() {
    let mut body = rmp_serde::to_vec(&map([("progress", serde_json::json!([1]))])).unwrap();
    assert!(from_bytes(&body).is_ok());
    body.push(0xc0);
    let error = from_bytes(&body).unwrap_err();
    assert!(error.contains("bytes behind the message"), "{error}");
}

#[track_caller]
fn check_length(item: &impl Serialize, want: usize) {
    let bytes = rmp_serde::to_vec(item).unwrap();
    assert_eq!(bytes[0], 0x90 | u8::try_from(want).unwrap(), "{bytes:02x?}");
}

#[test]
fn samples_and_writes_leave_out_their_trailing_defaults() {
    let bare = SampleItem {
        tag: TagRef::Number(0),
        value: Value::Null,
        quality: Quality::Good,
        time: None,
        note: None,
        origin: None,
    };
    check_length(&bare, 2);
    check_length(&SampleItem { quality: Quality::Bad, ..bare.clone() }, 3);
    check_length(&SampleItem { time: Some(0), ..bare.clone() }, 4);
    check_length(&SampleItem { note: Some("".into()), ..bare.clone() }, 5);
    check_length(&SampleItem { origin: Some(("a".into(), 0)), ..bare }, 6);
    let bare =
        WriteItem { id: 1, tag: TagRef::Number(0), value: Value::Null, ttl_ms: None, pulse_ms: None, origin: None };
    check_length(&bare, 3);
    check_length(&WriteItem { ttl_ms: Some(0), ..bare.clone() }, 4);
    check_length(&WriteItem { pulse_ms: Some(0), ..bare.clone() }, 5);
    check_length(&WriteItem { origin: Some(("a".into(), 0)), ..bare }, 6);
}

#[test]
fn both_sides_speak_the_newest_version_they_share() {
    for (ours, theirs, want) in [
        ((1, 1), (1, 1), Some(1)),
        ((1, 1), (1, 3), Some(1)),
        ((1, 3), (1, 1), Some(1)),
        ((1, 3), (2, 5), Some(3)),
        ((2, 5), (1, 3), Some(3)),
        ((1, 5), (2, 3), Some(3)),
        ((3, 3), (1, 5), Some(3)),
        ((1, 1), (2, 2), None),
        ((2, 2), (1, 1), None),
        ((1, 2), (4, 3), None),
        ((0, u16::MAX), (7, 7), Some(7)),
    ] {
        assert_eq!(negotiate(ours, theirs), want, "{ours:?} with {theirs:?}");
    }
}
