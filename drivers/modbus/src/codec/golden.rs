//! The golden file: the examples of the specification (V1.1b3, section 6), framed by pymodbus 3.16.1.

use serde::Deserialize;

use super::pdu::{Request, Response};
use super::rtu::{self, Side};
use super::{Frame, ascii, mbap};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    shows: String,
    side: String,
    unit: u8,
    transaction: u16,
    pdu: String,
    tcp: String,
    rtu: String,
    ascii: String,
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[track_caller]
fn check(case: &Case) {
    let pdu = bytes(&case.pdu);
    let mut again = Vec::new();
    let side = if case.side == "question" {
        Request::decode(&pdu).unwrap().encode(&mut again);
        Side::Client
    } else {
        Response::decode(&pdu).unwrap().encode(&mut again);
        Side::Unit
    };
    assert_eq!(again, pdu, "{}", case.shows);
    let (mut tcp, mut rtu, mut letters) = (Vec::new(), Vec::new(), Vec::new());
    mbap::encode(case.transaction, case.unit, &pdu, &mut tcp);
    rtu::encode(case.unit, &pdu, &mut rtu);
    ascii::encode(case.unit, &pdu, &mut letters);
    assert_eq!(tcp, bytes(&case.tcp), "{}", case.shows);
    assert_eq!(rtu, bytes(&case.rtu), "{}", case.shows);
    assert_eq!(letters, format!("{}\r\n", case.ascii).into_bytes(), "{}", case.shows);
    let frame = Frame { unit: case.unit, pdu };
    assert_eq!(mbap::decode(&tcp), Ok(Some((case.transaction, frame.clone(), tcp.len()))), "{}", case.shows);
    assert_eq!(rtu::decode(&rtu, side, None).frame, Some(frame.clone()), "{}", case.shows);
    assert_eq!(ascii::decode(&letters).frame, Some(frame), "{}", case.shows);
}

#[test]
fn the_examples_of_the_specification_have_the_bytes_of_the_golden_file() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../../golden/frames.json")).unwrap();
    assert!(cases.len() > 20);
    cases.iter().for_each(check);
}
