//! Bytes of a Modbus device: the first byte says what reads the rest.
//!
//! Promises that are looked at: what is read and written again reads the same; pieces of a stream change nothing; an answer is
//! taken only if its bytes can answer the question; a value that was read can be written, and comes back.

use fieldrail_driver_modbus::ad_hoc;
use fieldrail_driver_modbus::codec::pdu::{Request, Response};
use fieldrail_driver_modbus::codec::rtu::Side;
use fieldrail_driver_modbus::codec::shape::{Shape, distinct_read};
use fieldrail_driver_modbus::codec::{Found, Frame, MAX_PDU, ascii, mbap, rtu};
use fieldrail_driver_modbus::value::{Form, Kind, Order, Scale, Unwritable, Written};

use super::expression::identical;
use crate::{Target, text};

/// The table's line.
pub const TARGET: Target = Target { name: "modbus", run, most_bytes: 1200, seeds, words };

/// What reads the bytes behind the first one.
const PARTS: [fn(&[u8]); 7] = [exchange, tcp, serial, serial_of_client, letters, registers, tag];

/// Numbers of parts, for seeds.
const EXCHANGE: u8 = 0;
const TCP: u8 = 1;
const SERIAL: u8 = 2;
const SERIAL_OF_CLIENT: u8 = 3;
const LETTERS: u8 = 4;
const REGISTERS: u8 = 5;
const TAG: u8 = 6;

/// Every kind of value.
const KINDS: [Kind; 14] = [
    Kind::Bool,
    Kind::Int16,
    Kind::Uint16,
    Kind::Int32,
    Kind::Uint32,
    Kind::Int64,
    Kind::Uint64,
    Kind::Float32,
    Kind::Float64,
    Kind::Bcd16,
    Kind::Bcd32,
    Kind::Bcd64,
    Kind::String,
    Kind::Bytes,
];

/// Factors and offsets; a device's number of at most 32 bits comes back through each of them.
const SCALES: [(f64, f64); 8] =
    [(1.0, 0.0), (0.1, 0.0), (0.01, -40.0), (10.0, 0.0), (-1.0, 0.0), (0.001, 0.5), (3.6, 0.0), (1000.0, 7.0)];

fn run(data: &[u8]) {
    let Some((part, rest)) = data.split_first() else { return };
    PARTS[usize::from(*part) % PARTS.len()](rest);
}

fn words() -> Vec<String> {
    const WORDS: &str = "1/holding/100 /input/ /coil/0 /discrete/ :low_first 65535 255/ :010300000001FB\\r\\n";
    let kinds = KINDS.iter().map(|kind| format!(":{}", kind.name()));
    WORDS.split_whitespace().map(|word| word.replace("\\r\\n", "\r\n")).chain(kinds).collect()
}

fn seeds() -> Vec<Vec<u8>> {
    let golden = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../drivers/modbus/golden/frames.json"));
    let cases = text::cases(golden);
    let mut seeds = Vec::new();
    for case in &cases {
        let [pdu, tcp, rtu] = ["pdu", "tcp", "rtu"].map(|key| text::from_hex(&case[key]));
        let side = if case["side"] == "question" { SERIAL_OF_CLIENT } else { SERIAL };
        let letters = format!("{}\r\n", case["ascii"].as_str().unwrap_or_default());
        seeds.push([&[TCP][..], &tcp, &tcp].concat());
        seeds.push([&[side][..], &rtu, &[9, 3], &rtu].concat());
        seeds.push([&[LETTERS][..], letters.as_bytes(), letters.as_bytes()].concat());
        seeds.push([&[EXCHANGE, u8::try_from(pdu.len()).unwrap_or(0)][..], &pdu, &pdu].concat());
    }
    for pair in cases.windows(2).filter(|pair| pair[0]["side"] == "question" && pair[1]["side"] == "answer") {
        let [question, answer] = [&pair[0], &pair[1]].map(|case| text::from_hex(&case["pdu"]));
        seeds.push([&[EXCHANGE, u8::try_from(question.len()).unwrap_or(0)][..], &question, &answer].concat());
    }
    for kind in 0..14 {
        seeds.push([&[REGISTERS, kind, 1, kind % 8, 0][..], b"\x01\x23\x45\x67\x12\x34ab"].concat());
    }
    let tags = ["1/holding/100", "3/input/30775:int32:low_first", "1/coil/0"];
    seeds.extend(tags.iter().map(|tag| [&[TAG], tag.as_bytes()].concat()));
    seeds
}

/// The length of a question, the question, and what may be its answer.
fn exchange(data: &[u8]) {
    let Some((length, rest)) = data.split_first() else { return };
    let (question, answer) = rest.split_at(usize::from(*length).min(rest.len()));
    let response = Response::decode(answer).ok();
    if let Some(response) = &response {
        let mut again = Vec::new();
        response.encode(&mut again);
        assert_eq!(again, answer, "the answer is another one");
    }
    let Ok(request) = Request::decode(question) else { return };
    let mut again = Vec::new();
    request.encode(&mut again);
    assert!(again.len() <= MAX_PDU && again.len() == question.len());
    // The last byte of coils is filled up with what the device ignores.
    assert!(request.function() == 15 || again == question, "the question is another one");
    assert_eq!(Request::decode(&again).as_ref(), Ok(&request));
    let shape = Shape::of(&request);
    if let Some(response) = response {
        assert_eq!(shape.fits(&response), can_answer(&request, &again, answer), "{request:?} and {response:?}");
    }
    if let Some(other) = distinct_read(&request, &[shape]) {
        assert!(Shape::of(&other) != shape && !other.writes());
        let mut asked = Vec::new();
        other.encode(&mut asked);
        assert_eq!(Request::decode(&asked), Ok(other));
    }
}

/// The same as the specification says it, from the bytes: a refusal has the function alone, a read as many bytes as were
/// asked for, a write repeats its head.
fn can_answer(request: &Request, question: &[u8], answer: &[u8]) -> bool {
    let function = request.function();
    if answer[0] == function | 0x80 {
        return true;
    }
    let want = match *request {
        Request::Read { table, count, .. } if table.is_bits() => usize::from(count).div_ceil(8),
        Request::Read { count, .. } | Request::Exchange { read_count: count, .. } => 2 * usize::from(count),
        Request::Mask { .. } => return answer == question,
        _ => return answer == &question[..5],
    };
    answer[0] == function && answer.len() == want + 2
}

/// All frames of a stream that comes `piece` bytes at a time, and whether it is still good.
fn all<T>(data: &[u8], piece: usize, next: impl Fn(&[u8]) -> Option<(Option<T>, usize)>) -> (Vec<T>, bool) {
    let (mut frames, mut waiting) = (Vec::new(), Vec::new());
    for bytes in data.chunks(piece) {
        waiting.extend_from_slice(bytes);
        loop {
            let Some((frame, used)) = next(&waiting) else { return (frames, false) };
            assert!(used <= waiting.len(), "it uses more than there is");
            waiting.drain(..used);
            let Some(frame) = frame else { break };
            assert!(used > 0, "a frame of no bytes");
            frames.push(frame);
        }
    }
    (frames, true)
}

fn tcp(data: &[u8]) {
    let next = |bytes: &[u8]| match mbap::decode(bytes) {
        Ok(Some((transaction, frame, used))) => Some((Some((transaction, frame)), used)),
        Ok(None) => Some((None, 0)),
        Err(_) => None,
    };
    let whole = all(data, data.len().max(1), next);
    assert_eq!(all(data, 5, next), whole, "in pieces it is another one");
    let mut again = Vec::new();
    for (transaction, frame) in &whole.0 {
        assert!((1..=MAX_PDU).contains(&frame.pdu.len()));
        mbap::encode(*transaction, frame.unit, &frame.pdu, &mut again);
    }
    assert!(data.starts_with(&again), "written again it is another one");
}

fn serial(data: &[u8]) {
    check_serial(data, Side::Unit);
}

fn serial_of_client(data: &[u8]) {
    check_serial(data, Side::Client);
}

fn found(found: Found) -> (Option<Frame>, usize) {
    assert!(found.noise <= found.used, "more noise than bytes");
    (found.frame, found.used)
}

fn check_serial(data: &[u8], side: Side) {
    let next = |bytes: &[u8]| Some(found(rtu::decode(bytes, side, None)));
    let whole = all(data, data.len().max(1), next);
    assert_eq!(all(data, 3, next), whole, "in pieces it is another one");
    // A frame that is expected may be found within a longer one that is not whole.
    let expected = data.first_chunk::<2>().map(|[unit, function]| (*unit, *function & 0x7f));
    let hasty = all(data, data.len().max(1), |bytes| Some(found(rtu::decode(bytes, side, expected))));
    for frame in whole.0.iter().chain(&hasty.0) {
        let mut again = Vec::new();
        rtu::encode(frame.unit, &frame.pdu, &mut again);
        assert!(data.windows(again.len()).any(|bytes| bytes == again), "a frame out of nothing");
        let want = Found { frame: Some(frame.clone()), used: again.len(), noise: 0 };
        assert_eq!(rtu::decode(&again, side, None), want, "written again it is another one");
    }
}

fn letters(data: &[u8]) {
    let next = |bytes: &[u8]| Some(found(ascii::decode(bytes)));
    let whole = all(data, data.len().max(1), next);
    assert_eq!(all(data, 3, next), whole, "in pieces it is another one");
    for frame in whole.0 {
        let mut again = Vec::new();
        ascii::encode(frame.unit, &frame.pdu, &mut again);
        assert!(again.len() <= ascii::MAX_FRAME);
        let want = Found { frame: Some(frame), used: again.len(), noise: 0 };
        assert_eq!(ascii::decode(&again), want, "written again it is another one");
    }
}

/// Kind, orders and registers, scale, power and bits; then the registers.
fn registers(data: &[u8]) {
    let [kind, manner, scale, more, rest @ ..] = data else { return };
    let kind = KINDS[usize::from(*kind) % KINDS.len()];
    let order = |bit: u8| if manner >> bit & 1 == 1 { Order::LowFirst } else { Order::HighFirst };
    let (factor, offset) = SCALES[usize::from(*scale) % SCALES.len()];
    let mut form = Form::plain(kind);
    form.registers = kind.registers().unwrap_or(u16::from(manner >> 2) + 1);
    form.word_order = order(0);
    form.byte_order = order(1);
    form.scale = Scale { factor, offset };
    form.not_available = kind.usual_not_available().filter(|_| scale & 0x80 != 0).into_iter().collect();
    let width = 16 * form.registers.min(4);
    if *more >= 0x80 && kind.is_integer() {
        let low = u16::from(more & 0x3f) % width;
        let high = (low + u16::from(scale >> 3)) % width;
        form.bits = u8::try_from(low.min(high)).ok().zip(u8::try_from(low.max(high)).ok());
    }
    // No text has a scale factor.
    let is_number = !matches!(kind, Kind::String | Kind::Bytes);
    let power = (is_number && more & 0xc0 == 0x40).then(|| i16::from(more & 0x3f) - 32);
    let words: Vec<u16> = rest.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    check_form(&form, &words, power);
    for value in text::values() {
        let Ok(Written::Registers(words)) = form.encode(&value, power) else { continue };
        assert_eq!(words.len(), usize::from(form.registers), "{form:?} of {value:?}");
        check_form(&form, &words, power);
    }
}

/// A value that was read can be written, and comes back.
pub(super) fn check_form(form: &Form, words: &[u16], power: Option<i16>) {
    let reading = form.decode(words, power);
    if !reading.quality.is_good() {
        assert!(reading.note.is_some(), "{form:?} does not say why");
        return;
    }
    let written = match form.encode(&reading.value, power) {
        Ok(written) => written,
        // Text of one byte a character may grow; what was rounded may lie beyond the last step, or beyond the bounds of
        // what may be written.
        Err(Unwritable::Long { .. }) if form.kind == Kind::String => return,
        Err(Unwritable::Range { .. }) if !is_exact(form, power) => return,
        Err(why) => panic!("{form:?} reads {:?} and does not write it: {why}", reading.value),
    };
    let words = match written {
        Written::Registers(words) => words,
        Written::Field { mask, bits } => {
            assert!(bits.iter().zip(&mask).all(|(bits, mask)| bits & !mask == 0), "{form:?} writes beyond its bits");
            words.iter().zip(mask).zip(bits).map(|((old, mask), bits)| old & !mask | bits).collect()
        }
        Written::Bit(_) => panic!("registers are no coil"),
    };
    // A mark for no value is what a device says, never what is meant.
    let again = form.decode(&words, power);
    if is_exact(form, power) {
        assert!(identical(&again.value, &reading.value), "{form:?}: {:?} becomes {again:?}", reading.value);
    }
}

/// Whether each number of the device has a value of its own that leads back to it.
fn is_exact(form: &Form, power: Option<i16>) -> bool {
    let is_plain = form.scale == Scale::default() && power.is_none();
    let is_bounded = form.min.is_some() || form.max.is_some();
    let is_small = matches!(form.kind, Kind::Bool | Kind::Int16 | Kind::Uint16 | Kind::Int32 | Kind::Uint32)
        || matches!(form.kind, Kind::Bcd16 | Kind::Bcd32);
    let is_usual = SCALES.contains(&(form.scale.factor, form.scale.offset)) && power.is_none();
    let is_other = matches!(form.kind, Kind::Bool | Kind::String | Kind::Bytes) || form.bits.is_some();
    !is_bounded && (is_other || is_plain || (is_small && is_usual))
}

fn tag(data: &[u8]) {
    let Ok(tag) = std::str::from_utf8(data) else { return };
    let Some((unit, entry)) = ad_hoc::parse(tag) else { return };
    assert_eq!(entry.name, tag);
    assert!(tag.starts_with(&format!("{unit}/{}/{}", entry.table.name(), entry.address)), "{tag}");
    assert!(entry.write.is_none() && entry.last() == entry.address + (entry.count() - 1));
}
