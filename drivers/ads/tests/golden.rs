//! The codec against real captures, kept in `golden/` as data.
#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use fieldrail_driver_ads::codec::ams::{self, Frame};
use fieldrail_driver_ads::codec::command::{READ, READ_WRITE, Reply, Request};
use fieldrail_driver_ads::codec::sums::{self, Sum};
use fieldrail_driver_ads::codec::symbols::{self, Dimension, Symbol};
use fieldrail_driver_ads::codec::text::CodePage::Windows1252;
use fieldrail_driver_ads::codec::types::{self, DataType};
use fieldrail_driver_ads::codec::udp::{Datagram, Found, tag};
use fieldrail_driver_ads::codec::{Malformed, notify};
use fieldrail_driver_ads::layout::{Declared, TypeTable};
use fieldrail_driver_ads::value;
use serde_json::{Map, Value, json};

/// The cases of one golden file.
fn cases(text: &str) -> Vec<Map<String, Value>> {
    let cases: Vec<Map<String, Value>> = serde_json::from_str(text).unwrap();
    assert!(!cases.is_empty());
    cases
}

fn bytes(hex: &Value) -> Bytes {
    let hex = hex.as_str().unwrap().as_bytes();
    hex.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    fieldrail_model::Value::bytes(bytes).to_string()
}

/// What a question says, in the words of the golden files.
fn question(request: &Request) -> Value {
    match request {
        Request::Info | Request::State => json!({}),
        Request::Read { group, offset, length } => json!({ "group": group, "offset": offset, "length": length }),
        Request::Write { group, offset, data } => json!({ "group": group, "offset": offset, "data": hex(data) }),
        Request::Control { ads, device, data } => json!({ "ads": ads, "device": device, "data": hex(data) }),
        Request::AddNotification(wish) => json!({
            "group": wish.group, "offset": wish.offset, "length": wish.length, "mode": u32::from(wish.mode),
            "max_delay": wish.max_delay, "cycle": wish.cycle }),
        Request::DeleteNotification { handle } => json!({ "handle": handle }),
        Request::ReadWrite { group, offset, length, data } => {
            json!({ "group": group, "offset": offset, "length": length, "data": hex(data) })
        }
    }
}

fn answer(reply: &Result<Reply, u32>) -> Value {
    match reply {
        Err(code) => json!({ "refused": code }),
        Ok(Reply::Info(info)) => {
            json!({ "major": info.major, "minor": info.minor, "build": info.build, "name": info.name })
        }
        Ok(Reply::Data(data)) => json!({ "data": hex(data) }),
        Ok(Reply::Done) => json!({}),
        Ok(Reply::State(state)) => json!({ "ads": state.ads, "device": state.device }),
        Ok(Reply::Handle(handle)) => json!({ "handle": handle }),
    }
}

fn stamps(data: &Bytes) -> Result<Value, Malformed> {
    let sample = |sample: &notify::Sample| json!({ "handle": sample.handle, "data": hex(&sample.data) });
    let stamp = |stamp: &notify::Stamp| json!({ "filetime": stamp.filetime, "samples": stamp.samples.iter().map(sample).collect::<Vec<_>>() });
    Ok(json!({ "stamps": notify::decode(data)?.iter().map(stamp).collect::<Vec<_>>() }))
}

fn head(frame: &Frame, length: usize) -> Value {
    json!({
        "target": frame.target.to_string(), "source": frame.source.to_string(), "command": frame.command,
        "answer": frame.is_answer(), "error": frame.error, "invoke": frame.invoke, "data_bytes": length })
}

fn describe(frame: &Frame) -> Result<Value, Malformed> {
    let mut said = head(frame, frame.data.len());
    let body = match frame.command {
        8 => stamps(&frame.data)?,
        command if frame.is_answer() => answer(&Reply::decode(command, &frame.data)?),
        command => question(&Request::decode(command, &frame.data)?),
    };
    said.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    Ok(said)
}

#[track_caller]
fn compare(case: &Map<String, Value>, said: Result<Value, Malformed>) {
    let shows = &case["shows"];
    match (said, case.get("error")) {
        (Ok(said), None) => assert_eq!(said, case["want"], "{shows}"),
        (Err(error), Some(want)) => assert_eq!(error.to_string(), want.as_str().unwrap(), "{shows}"),
        (said, want) => panic!("{shows}: {said:?}, want {want:?}"),
    }
}

#[test]
fn every_frame_says_what_was_meant_and_comes_back_byte_for_byte() {
    for case in cases(include_str!("../golden/frames.json")) {
        let wire = bytes(&case["bytes"]);
        if case.contains_key("head") {
            let (frame, length) = Frame::decode_head(&wire).unwrap();
            compare(&case, Ok(head(&frame, length)));
            continue;
        }
        let frames = ams::decode(&wire);
        compare(&case, frames.clone().and_then(|frames| frames.first().map_or(Ok(Value::Null), describe)));
        for frame in frames.into_iter().flatten() {
            let mut again = Vec::new();
            frame.encode(&mut again);
            assert_eq!(hex(&again), hex(&wire), "{}", case["shows"]);
            let mut data = Vec::new();
            if frame.is_answer() {
                Reply::decode(frame.command, &frame.data).unwrap().unwrap().encode(&mut data);
            } else if frame.command == 8 {
                data = notify::encode(&notify::decode(&frame.data).unwrap());
            } else {
                Request::decode(frame.command, &frame.data).unwrap().encode(&mut data);
            }
            assert_eq!(hex(&data), hex(&frame.data), "{}", case["shows"]);
        }
    }
}

#[test]
fn frames_come_out_of_a_stream_whole_however_it_is_cut() {
    let mut stream = Vec::new();
    let mut want = Vec::new();
    for case in cases(include_str!("../golden/frames.json")) {
        if !case.contains_key("head") && case.get("want").is_some_and(Value::is_object) {
            stream.extend(bytes(&case["bytes"]));
            want.extend(ams::decode(&bytes(&case["bytes"])).unwrap());
        }
    }
    assert_eq!(ams::decode(&stream), Ok(want.clone()));
    for piece in [1, 7, 37, 38, 39, 1000] {
        let mut decoder = ams::Decoder::default();
        let mut frames = Vec::new();
        for piece in stream.chunks(piece) {
            decoder.buffer().extend_from_slice(piece);
            while let Some(frame) = decoder.next_frame().unwrap() {
                frames.push(frame);
            }
        }
        assert_eq!(frames, want, "in pieces of {piece}");
    }
}

#[test]
fn a_length_over_the_limit_is_refused_before_anything_is_allocated() {
    let error = ams::decode(&[0, 0, 0xff, 0xff, 0xff, 0xff]).unwrap_err();
    assert_eq!(error.to_string(), "an AMS/TCP packet claims 4294967295 bytes, at most 33554432 are taken");
    assert_eq!(ams::decode(&[0, 0, 31, 0, 0, 0]).unwrap_err().to_string(), "an AMS header needs 32 bytes, 31 are left");
}

#[test]
fn words_between_routers_are_stepped_over() {
    let mut stream = vec![2, 0x10, 4, 0, 0, 0, 1, 2, 3, 4];
    let frame = bytes(&cases(include_str!("../golden/frames.json"))[0]["bytes"]);
    stream.extend(&frame);
    assert_eq!(ams::decode(&stream), ams::decode(&frame));
}

#[test]
fn payloads_say_what_was_meant() {
    for case in cases(include_str!("../golden/payloads.json")) {
        let data = bytes(&case["bytes"]);
        let number = |key: &str| case.get(key).map(|n| u16::try_from(n.as_u64().unwrap()).unwrap());
        let said = match (number("question"), number("answer_to")) {
            (Some(command), _) => Request::decode(command, &data).map(|request| question(&request)),
            (_, Some(command)) => Reply::decode(command, &data).map(|reply| answer(&reply)),
            _ => stamps(&data),
        };
        compare(&case, said);
    }
}

#[test]
fn sum_answers_hold_their_values_in_order() {
    for case in cases(include_str!("../golden/sums.json")) {
        let frame = |key: &str| ams::decode(&bytes(&case[key])).unwrap().remove(0);
        let Ok(Request::ReadWrite { group, offset, length, data }) =
            Request::decode(READ_WRITE, &frame("question").data)
        else {
            panic!("{} is no read-write", case["shows"]);
        };
        let Ok(Some(Sum::Read(parts))) = sums::decode(group, offset, &data) else {
            panic!("{} is no sum", case["shows"])
        };
        assert_eq!(sums::read(&parts), Request::ReadWrite { group, offset, length, data });
        let Ok(Ok(Reply::Data(answer))) = Reply::decode(READ, &frame("answer").data) else { panic!("no data") };
        let outcomes = sums::read_answer(&parts, &answer).unwrap();
        let want = case["want"].as_array().unwrap();
        assert_eq!(outcomes.len(), want.len());
        for ((part, outcome), want) in parts.iter().zip(outcomes).zip(want) {
            let type_name = want["type"].as_str().unwrap();
            let declared = Declared { type_name, type_id: 65, size: part.length, dimensions: &[] };
            let layout = TypeTable::default().layout(declared);
            let said = value::decode(&layout, 0, &outcome.unwrap(), Windows1252).unwrap();
            assert_eq!(said, serde_json::from_value(want["value"].clone()).unwrap(), "{type_name}");
            assert_eq!(want["error"], 0);
        }
    }
}

fn dimensions(list: &[Dimension], said: &mut Value) {
    if !list.is_empty() {
        said["dimensions"] = list.iter().map(|d| json!([d.lower, d.count])).collect();
    }
}

fn guid(guid: Option<[u8; 16]>) -> String {
    guid.map(|guid| hex(&guid)).unwrap_or_default()
}

fn symbol(symbol: &Symbol) -> Value {
    let mut said = json!({
        "group": symbol.group, "offset": symbol.offset, "size": symbol.size, "type_id": symbol.type_id,
        "flags": symbol.flags, "name": symbol.name, "type": symbol.type_name, "comment": symbol.comment,
        "guid": guid(symbol.guid) });
    dimensions(&symbol.dimensions, &mut said);
    if !symbol.attributes.is_empty() {
        said["attributes"] = json!(symbol.attributes);
    }
    said
}

fn number(bytes: &[u8]) -> i64 {
    let filled: Vec<u8> = bytes.iter().copied().chain([0; 8]).take(8).collect();
    i64::from_le_bytes(filled.try_into().unwrap())
}

fn data_type(t: &DataType) -> Value {
    let mut said = json!({
        "size": t.size, "offset": t.offset, "type_id": t.type_id, "flags": t.flags, "name": t.name,
        "type": t.type_name, "comment": t.comment, "guid": guid(t.guid) });
    dimensions(&t.dimensions, &mut said);
    if !t.attributes.is_empty() {
        said["attributes"] = json!(t.attributes);
    }
    if !t.values.is_empty() {
        said["values"] = t.values.iter().map(|(name, value)| json!([name, number(value)])).collect();
    }
    if !t.methods.is_empty() {
        said["methods"] = t.methods.len().into();
    }
    if !t.items.is_empty() {
        said["items"] = t.items.iter().map(data_type).collect();
    }
    said
}

#[test]
fn every_entry_of_the_real_tables_says_what_was_meant() {
    for case in cases(include_str!("../golden/tables.json")) {
        let (table, shows) = (bytes(&case["bytes"]), &case["shows"]);
        if let Some(want) = case.get("symbols") {
            let symbols = symbols::decode(&table, Windows1252).unwrap();
            assert_eq!(symbols.len(), want.as_array().unwrap().len(), "{shows}");
            for (found, want) in symbols.iter().zip(want.as_array().unwrap()) {
                assert_eq!(&symbol(found), want, "{shows}");
            }
            assert_eq!(hex(&symbols::encode(&symbols, Windows1252)), hex(&table), "{shows}");
        }
        if let Some(want) = case.get("types") {
            let types = types::decode(&table, Windows1252).unwrap();
            assert_eq!(types.len(), want.as_array().unwrap().len(), "{shows}");
            for (found, want) in types.iter().zip(want.as_array().unwrap()) {
                assert_eq!(&data_type(found), want, "{shows}");
            }
        }
        if let Some(want) = case.get("symbols_error") {
            assert_eq!(symbols::decode(&table, Windows1252).unwrap_err().to_string(), want.as_str().unwrap());
        }
    }
}

#[test]
fn datagrams_say_what_was_meant() {
    for case in cases(include_str!("../golden/datagrams.json")) {
        let wire = bytes(&case["bytes"]);
        let datagram = Datagram::decode(&wire).unwrap();
        let mut said = json!({ "operation": datagram.operation, "source": datagram.source.to_string() });
        if let Some(found) = Found::from(&datagram) {
            let (a, b, c) = found.twincat.unwrap();
            let (major, minor, build, platform) = found.system.unwrap();
            said["name"] = found.name.into();
            said["twincat"] = json!([a, b, c]);
            said["system"] = json!([major, minor, build, platform]);
        } else if let Some(status) = datagram.status() {
            said["status"] = status.into();
        } else {
            let text = |(number, bytes): &(u16, Vec<u8>)| {
                let is_id = *number == tag::NET_ID;
                let id = || fieldrail_driver_ads::codec::ams::NetId(bytes[..6].try_into().unwrap()).to_string();
                (number.to_string(), Value::from(if is_id { id() } else { Windows1252.decode(bytes) }))
            };
            said["tags"] = datagram.tags.iter().map(text).collect::<Map<_, _>>().into();
            assert_eq!(hex(&datagram.encode()), hex(&wire), "{}", case["shows"]);
        }
        assert_eq!(said, case["want"], "{}", case["shows"]);
    }
}
