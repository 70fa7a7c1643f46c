//! A capture in place of a battery, through the whole driver: asked, and playing by itself.

use std::io::Write as _;

use fieldrail_model::{Quality, Value};
use fieldrail_testkit::wire::plugin::Status;
use serde_json::json;

use crate::peers::driver;

/// What a JBD of four cells answered to its three questions.
const JBD: &str = "> dda50300fffd77
< dd03001d0618000001f201f400002c7c0000000000008064
< 0304030b8b0b8a0b84fa8d77
> dda50400fffc77
< dd0400080f450f3d0f370f3dfec677
> dda50500fffb77
< dd0500194a42442d53503034533033342d4c34532d323030412d422d55fa0877
";

fn capture(text: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text).unwrap();
    file
}

/// A block of `VE.Direct` as lines of a capture.
fn block(fields: &str) -> String {
    let mut bytes = format!("{fields}\r\nChecksum\t").into_bytes();
    bytes.push(bytes.iter().fold(0, |sum: u8, byte| sum.wrapping_sub(*byte)));
    let hex = |piece: &[u8]| piece.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    bytes.chunks(20).map(|piece| format!("< {}\n", hex(piece))).collect::<Vec<_>>().concat()
}

#[test]
fn a_capture_answers_as_the_battery_did() {
    let file = capture(JBD.as_bytes());
    for config in [json!({ "file": file.path(), "battery": "jbd" }), json!({ "file": file.path() })] {
        let mut driver = driver(&config, &json!({ "poll_ms": 200, "timeout_ms": 200 }));
        let state = driver.state(Status::Connected);
        assert!(state.text.starts_with("reads jbd (dd) on "), "{}", state.text);
        let tags = ["voltage", "cells.02", "temperatures.3", "model", "remaining"];
        let values: Vec<Value> = driver.read(&tags).into_iter().map(|reading| reading.value).collect();
        let want = [15.6.into(), 3.901.into(), 21.7.into(), "JBD-SP04S034-L4S-200A-B-U".into(), Value::Float(4.98)];
        assert_eq!(values, want);
    }
}

#[test]
fn a_capture_in_which_nothing_was_asked_plays_by_itself() {
    let file = capture(block("\r\nPID\t0xA389\r\nV\t26201\r\nI\t-1500\r\nSOC\t876\r\nTTG\t-1").as_bytes());
    let mut driver = driver(&json!({ "file": file.path(), "battery": "victron" }), &json!({}));
    driver.subscribe(&["voltage", "current", "soc"]);
    for (tag, want) in [("voltage", 26.201), ("current", -1.5), ("soc", 87.6)] {
        let sample = driver.sample(tag);
        assert_eq!((sample.value, sample.quality), (Value::Float(want), Quality::Good), "{tag}");
    }
}

#[test]
fn a_capture_that_is_none_says_its_line() {
    let file = capture(b"< 0102\nnonsense\n");
    let state = driver(&json!({ "file": file.path(), "battery": "jbd" }), &json!({})).state(Status::Degraded);
    assert!(state.text.contains("line 2"), "{}", state.text);
}
