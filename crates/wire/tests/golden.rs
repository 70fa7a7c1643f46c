//! Every message in both encodings, byte for byte. `UPDATE_GOLDEN=1` writes the files anew: a change of them is a change of
//! the protocol, so look at the difference before you keep it.

#![allow(clippy::unwrap_used)] // a test fails by it

mod messages;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use fieldrail_wire::{Decoder, Encoding, FromPlugin, ToPlugin, encode};
use messages::{Case, Message, all};
use serde::Serialize;
use serde::de::DeserializeOwned;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden")
}

fn encoded(message: &Message, encoding: Encoding) -> Vec<u8> {
    fn bytes(message: &impl Serialize, encoding: Encoding) -> Vec<u8> {
        let mut out = Vec::new();
        encode(encoding, message, &mut out).unwrap();
        out
    }
    match message {
        Message::From(message) => bytes(message, encoding),
        Message::To(message) => bytes(message, encoding),
    }
}

/// The one message in `bytes`, and the encoding that the decoder took it for.
fn decoded<M: DeserializeOwned>(bytes: &[u8]) -> (M, Encoding) {
    let mut decoder = Decoder::default();
    decoder.buffer().extend_from_slice(bytes);
    let message = decoder.next().unwrap().unwrap();
    assert_eq!(decoder.waiting(), 0, "something is left behind the message");
    (message, decoder.encoding().unwrap())
}

/// The message's name on the wire.
fn kind(case: &Case) -> String {
    let line = encoded(&case.message, Encoding::JsonLines);
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&line).unwrap();
    assert_eq!(object.len(), 1, "a message is a map with one entry");
    object.into_iter().next().unwrap().0
}

/// The length, then the body, in hexadecimal.
fn hex(frame: &[u8]) -> String {
    let digits = |bytes: &[u8]| bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    format!("{} {}", digits(&frame[..4]), digits(&frame[4..]))
}

/// Each golden file by its name.
fn files() -> BTreeMap<String, String> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for case in all() {
        let text = files.entry(format!("{}.txt", kind(&case))).or_default();
        if !text.is_empty() {
            text.push('\n');
        }
        let line = encoded(&case.message, Encoding::JsonLines);
        let line = String::from_utf8(line).unwrap();
        let frame = encoded(&case.message, Encoding::MessagePack);
        write!(text, "# {}\n{line}{}\n", case.about, hex(&frame)).unwrap();
    }
    files
}

#[test]
fn every_message_has_the_bytes_of_its_golden_file() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    for (name, text) in files() {
        let path = folder().join(&name);
        if update {
            std::fs::write(&path, &text).unwrap();
        }
        let golden = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(golden, text, "golden/{name} differs");
    }
}

#[test]
fn every_golden_file_has_a_case() {
    let cases = files();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(cases.contains_key(&name), "golden/{name} has no case in tests/messages");
    }
}

/// The kinds that the enum knows, from what it says of a kind that it does not know.
fn kinds<M: DeserializeOwned + std::fmt::Debug>() -> Vec<String> {
    let error = serde_json::from_str::<M>(r#"{"":{}}"#).unwrap_err().to_string();
    let (_, known) = error.split_once("expected one of ").unwrap();
    known.split('`').skip(1).step_by(2).map(Into::into).collect()
}

#[test]
fn every_kind_of_message_has_a_golden_file() {
    let (from, to) = (kinds::<FromPlugin>(), kinds::<ToPlugin>());
    assert_eq!((from.len(), to.len()), (15, 15));
    let files = files();
    for kind in from.iter().chain(&to) {
        assert!(files.contains_key(&format!("{kind}.txt")), "`{kind}` has no case in tests/messages");
    }
    assert_eq!(files.len(), from.len() + to.len());
}

#[test]
fn every_message_comes_back_from_both_encodings() {
    for case in all() {
        for encoding in [Encoding::JsonLines, Encoding::MessagePack] {
            let bytes = encoded(&case.message, encoding);
            let (back, found) = match &case.message {
                Message::From(_) => {
                    let (message, found) = decoded(&bytes);
                    (Message::From(message), found)
                }
                Message::To(_) => {
                    let (message, found) = decoded(&bytes);
                    (Message::To(message), found)
                }
            };
            assert_eq!((back, found), (case.message.clone(), encoding), "{}", case.about);
        }
    }
}
