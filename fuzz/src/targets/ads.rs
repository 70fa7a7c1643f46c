//! Bytes of an ADS device or client: the first byte says which part of the codec reads the rest.
//!
//! Promises that are looked at: what is read and written again reads the same; pieces of a stream change nothing; the parts
//! of a sum are as many as were asked for; a place lies within its symbol; a value that was read can be written, and is the
//! same again.

use bytes::Bytes;
use fieldrail_driver_ads::catalog::{Catalog, Program};
use fieldrail_driver_ads::codec::ams::{Decoder, Frame};
use fieldrail_driver_ads::codec::command::{Reply, Request, encode_refusal};
use fieldrail_driver_ads::codec::groups::SUM_READ;
use fieldrail_driver_ads::codec::sums::{self, Exchange, Part, Sum};
use fieldrail_driver_ads::codec::symbols::{self, Symbol};
use fieldrail_driver_ads::codec::text::CodePage;
use fieldrail_driver_ads::codec::types::{self, DataType};
use fieldrail_driver_ads::codec::udp::{Datagram, Found, tag};
use fieldrail_driver_ads::codec::upload::UploadInfo;
use fieldrail_driver_ads::codec::{Malformed, notify};
use serde_json::Value as Json;

use super::places;
use crate::{Target, text};

/// The table's line.
pub const TARGET: Target = Target { name: "ads", run, most_bytes: 4096, seeds, words };

/// What reads the bytes behind the first one.
const PARTS: [fn(&[u8]); 10] =
    [frames, question, answer, notification, sum, symbol_table, type_table, program, upload, datagram];

/// Numbers of parts, for seeds.
const FRAMES: u8 = 0;
const QUESTION: u8 = 1;
const ANSWER: u8 = 2;
const NOTIFICATION: u8 = 3;
const SUM: u8 = 4;
const SYMBOLS: u8 = 5;
const TYPES: u8 = 6;
const PROGRAM: u8 = 7;
const UPLOAD: u8 = 8;
const DATAGRAM: u8 = 9;

fn run(data: &[u8]) {
    let Some((part, rest)) = data.split_first() else { return };
    PARTS[usize::from(*part) % PARTS.len()](rest);
}

fn words() -> Vec<String> {
    const WORDS: &str = "BOOL INT UDINT REAL LREAL STRING(80) WSTRING(20) TIME POINTER REFERENCE BIT OF MAIN. \
                         ARRAY [0..1] [1..3,0..2] E_Mode ST_Room LWORD UXINT XWORD";
    let heads = ["\0\0\u{4}\0", "\0\0\u{5}\0", "\u{3}f\u{14}q", "\u{1e}\0\0\0", "\u{2a}\0\0\0", "ARRAY [0..1] OF "];
    WORDS.split_whitespace().chain(heads).map(Into::into).collect()
}

/// The cases of one golden file.
macro_rules! golden {
    ($name:literal) => {
        text::cases(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../drivers/ads/golden/", $name, ".json")))
    };
}

fn seeds() -> Vec<Vec<u8>> {
    let with = |head: &[u8], bytes: Vec<u8>| [head, &bytes].concat();
    let number = |case: &Json, key: &str| case[key].as_u64().and_then(|number| u8::try_from(number).ok());
    let mut seeds: Vec<Vec<u8>> =
        golden!("frames").iter().map(|case| with(&[FRAMES], text::from_hex(&case["bytes"]))).collect();
    for case in golden!("payloads") {
        let bytes = text::from_hex(&case["bytes"]);
        let head = match (number(&case, "question"), number(&case, "answer_to")) {
            (Some(command), _) => vec![QUESTION, command],
            (None, Some(command)) => vec![ANSWER, command],
            _ => vec![NOTIFICATION],
        };
        seeds.push(with(&head, bytes));
    }
    let tables = golden!("tables");
    let of = |key: &str| tables.iter().filter(|case| !case[key].is_null()).map(first_entries).collect::<Vec<_>>();
    let (all_symbols, all_types) = (of("symbols"), of("types"));
    for (symbols, types) in all_symbols.iter().flat_map(|symbols| all_types.iter().map(move |types| (symbols, types))) {
        seeds.push([&[PROGRAM, 0][..], &length(symbols), symbols, types].concat());
    }
    seeds.extend(all_symbols.into_iter().map(|table| with(&[SYMBOLS, 0], table)));
    seeds.extend(all_types.into_iter().map(|table| with(&[TYPES, 0], table)));
    seeds.push(odd_program());
    seeds.extend(golden!("datagrams").iter().map(|case| with(&[DATAGRAM], text::from_hex(&case["bytes"]))));
    seeds.push(with(&[UPLOAD], UploadInfo { symbols: 1, code_page: CodePage::Utf8, ..UploadInfo::default() }.encode()));
    seeds.extend(sum_seeds());
    seeds
}

/// As many whole entries of a table as make a small seed, at least one.
fn first_entries(case: &Json) -> Vec<u8> {
    const MOST: usize = 1800;
    let bytes = text::from_hex(&case["bytes"]);
    let mut end = 0;
    while let Some(claimed) = bytes[end..].first_chunk::<4>().map(|length| u32::from_le_bytes(*length) as usize) {
        if claimed == 0 || (end > 0 && end + claimed > MOST) {
            break;
        }
        end = (end + claimed).min(bytes.len());
    }
    bytes[..end].to_vec()
}

fn length(bytes: &[u8]) -> [u8; 2] {
    u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_le_bytes()
}

/// One sum of each kind, in the shape that [`sum`] reads.
fn sum_seeds() -> Vec<Vec<u8>> {
    let part = Part { group: 0x4020, offset: 4, length: 2 };
    let data = Bytes::from_static(&[1, 2]);
    let sums = [
        Sum::Read(vec![part; 2]),
        Sum::Write(vec![(part, data.clone()); 2]),
        Sum::ReadWrite(vec![Exchange { part, data }]),
        Sum::Delete(vec![7, 8]),
    ];
    let seed = |sum: &Sum| {
        let (group, count, data) = asked(sum);
        let kind = u8::try_from(group - SUM_READ).unwrap_or(0);
        [&[SUM, kind, u8::try_from(count).unwrap_or(0)][..], &data].concat()
    };
    sums.iter().map(seed).collect()
}

/// A program with a structure, a bit, an array, an enumeration and a text.
fn odd_program() -> Vec<u8> {
    let item = |name: &str, kind: &str, offset, size, flags| DataType {
        name: name.into(),
        type_name: kind.into(),
        offset,
        size,
        type_id: 65,
        flags: types::ITEM | flags,
        ..DataType::default()
    };
    let mode = DataType {
        name: "E_Mode".into(),
        type_name: "INT".into(),
        size: 2,
        flags: types::ENUM_VALUES | types::TYPE_GUID,
        guid: Some([7; 16]),
        values: vec![("Off".into(), vec![0, 0]), ("Fault".into(), vec![0xff, 0xff])],
        ..DataType::default()
    };
    let room = DataType {
        name: "ST_Room".into(),
        size: 32,
        type_id: 65,
        items: vec![
            item("fTemp", "LREAL", 0, 8, 0),
            item("eMode", "E_Mode", 8, 2, 0),
            item("bWarm", "BIT", 81, 1, types::BITS),
            item("aLevel", "ARRAY [1..2] OF INT", 12, 4, 0),
            item("sName", "STRING(15)", 16, 16, 0),
        ],
        ..DataType::default()
    };
    let rooms = Symbol {
        group: 0x4040,
        offset: 16,
        size: 64,
        type_id: 65,
        name: "MAIN.aRoom".into(),
        type_name: "ARRAY [0..1] OF ST_Room".into(),
        ..Symbol::default()
    };
    let symbols = symbols::encode(&[rooms], CodePage::Windows1252);
    let types = types::encode(&[mode, room], CodePage::Windows1252);
    [&[PROGRAM, 0][..], &length(&symbols), &symbols, &types].concat()
}

/// All frames of a stream that comes `piece` bytes at a time, how many packets were skipped, and how it ends.
fn cut(data: &[u8], piece: usize) -> (Vec<Frame>, u64, Result<usize, Malformed>) {
    let (mut decoder, mut frames) = (Decoder::default(), Vec::new());
    for bytes in data.chunks(piece) {
        decoder.buffer().extend_from_slice(bytes);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(malformed) => return (frames, decoder.skipped, Err(malformed)),
            }
        }
    }
    let left = decoder.buffer().len();
    (frames, decoder.skipped, Ok(left))
}

fn frames(data: &[u8]) {
    let whole = cut(data, data.len().max(1));
    assert_eq!(cut(data, 7), whole, "in pieces it is another one");
    let mut again = Vec::new();
    for frame in &whole.0 {
        let begin = again.len();
        frame.encode(&mut again);
        let (head, claimed) = Frame::decode_head(&again[begin + 6..]).unwrap();
        assert_eq!((Frame { data: frame.data.clone(), ..head }, claimed), (frame.clone(), frame.data.len()));
    }
    assert!(again.len() <= data.len(), "a frame out of nothing");
    assert_eq!(cut(&again, usize::MAX), (whole.0, 0, Ok(0)), "written again it is another one");
}

fn question(data: &[u8]) {
    let Some((command, rest)) = data.split_first() else { return };
    let Ok(request) = Request::decode(u16::from(*command), rest) else { return };
    let mut again = Vec::new();
    request.encode(&mut again);
    let is_wish = matches!(request, Request::AddNotification(_));
    assert!(is_wish || rest.starts_with(&again), "it says something else");
    assert_eq!(Request::decode(request.command(), &again), Ok(request));
}

fn answer(data: &[u8]) {
    let Some((command, rest)) = data.split_first() else { return };
    let command = u16::from(*command);
    let Ok(reply) = Reply::decode(command, &Bytes::copy_from_slice(rest)) else { return };
    let mut again = Vec::new();
    match &reply {
        Ok(reply) => reply.encode(&mut again),
        Err(code) => encode_refusal(command, *code, &mut again),
    }
    assert_eq!(Reply::decode(command, &again.into()), Ok(reply));
}

fn notification(data: &[u8]) {
    let Ok(stamps) = notify::decode(&Bytes::copy_from_slice(data)) else { return };
    let again = notify::encode(&stamps);
    assert!(again.len() <= data.len(), "a sample out of nothing");
    for stamp in &stamps {
        assert!(notify::unix_micros(stamp.filetime) >= 0);
    }
    assert_eq!(notify::decode(&again.into()), Ok(stamps));
}

/// Group, count and data of the question that asks this sum.
fn asked(sum: &Sum) -> (u32, u32, Bytes) {
    let request = match sum {
        Sum::Read(parts) => sums::read(parts),
        Sum::Write(parts) => sums::write(parts),
        Sum::ReadWrite(exchanges) => sums::read_write(exchanges),
        Sum::Add(wishes) => sums::add_notifications(wishes),
        Sum::Delete(handles) => sums::delete_notifications(handles),
    };
    let Request::ReadWrite { group, offset, data, .. } = request else { panic!("{request:?}") };
    (group, offset, data)
}

/// The kind, the count, then the data of the question; the same data is taken for the answer too.
fn sum(data: &[u8]) {
    let [kind, count, rest @ ..] = data else { return };
    let rest = Bytes::copy_from_slice(rest);
    let group = SUM_READ + u32::from(kind % 8);
    if let Ok(Some(sum)) = sums::decode(group, u32::from(*count), &rest) {
        let (group, offset, data) = asked(&sum);
        assert!(data.len() <= rest.len(), "a part out of nothing");
        assert_eq!(offset, u32::from(*count));
        if let Sum::Read(parts) = &sum
            && let Ok(outcomes) = sums::read_answer(parts, &rest)
        {
            assert_eq!(outcomes.len(), parts.len());
            let fits = |(outcome, part): (&Result<Bytes, u32>, &Part)| {
                outcome.as_ref().is_ok_and(|data| data.len() == part.length as usize) || outcome.is_err()
            };
            assert!(outcomes.iter().zip(parts).all(fits));
        }
        assert_eq!(sums::decode(group, offset, &data), Ok(Some(sum)));
    }
    let count = usize::from(*count);
    assert!(sums::codes(count, &rest).is_ok_and(|codes| codes.len() == count) || rest.len() < 4 * count);
    assert!(sums::handles(count, &rest).is_ok_and(|handles| handles.len() == count) || rest.len() < 8 * count);
    if let Ok(outcomes) = sums::sized_answer(count, &rest) {
        assert_eq!(outcomes.len(), count);
        let bytes: usize = outcomes.iter().flatten().map(Bytes::len).sum();
        assert!(bytes + 8 * count <= rest.len(), "an outcome out of nothing");
    }
}

/// The code page, and what is left.
fn page(data: &[u8]) -> Option<(CodePage, &[u8])> {
    let (page, rest) = data.split_first()?;
    Some((if page % 2 == 0 { CodePage::Windows1252 } else { CodePage::Utf8 }, rest))
}

/// Texts with a length in one byte: they are cut where they have grown beyond it in another code page.
fn is_short((name, value): &(String, String)) -> bool {
    name.len() <= 255 && value.len() <= 255
}

fn symbol_table(data: &[u8]) {
    let Some((page, rest)) = page(data) else { return };
    let _ = symbols::decode_entry(rest, page);
    let Ok(table) = symbols::decode(rest, page) else { return };
    let again = symbols::decode(&symbols::encode(&table, page), page);
    if table.iter().all(|symbol| symbol.attributes.iter().all(is_short)) {
        assert_eq!(again, Ok(table));
    }
}

fn is_whole(data_type: &DataType) -> bool {
    data_type.attributes.iter().all(is_short)
        && data_type.values.iter().all(|(name, _)| name.len() <= 255)
        && data_type.items.iter().all(is_whole)
}

fn type_table(data: &[u8]) {
    let Some((page, rest)) = page(data) else { return };
    let _ = types::decode_entry(rest, page);
    let Ok(table) = types::decode(rest, page) else { return };
    let again = types::decode(&types::encode(&table, page), page);
    if table.iter().all(is_whole) {
        assert_eq!(again.as_ref(), Ok(&table));
    }
    let symbol = |(nth, t): (usize, &DataType)| Symbol {
        name: format!("MAIN.v{nth}"),
        type_name: t.name.clone(),
        type_id: t.type_id,
        size: t.size,
        ..Symbol::default()
    };
    let symbols = table.iter().enumerate().map(symbol).collect();
    let program = Program { symbols, types: table };
    let symbols = program.symbols.clone();
    places::check(&symbols, &Catalog::new(Some(program), None, page), rest);
}

/// The code page, the length of the symbol table, the symbol table, the type table.
fn program(data: &[u8]) {
    let Some((page, [low, high, rest @ ..])) = page(data) else { return };
    let length = usize::from(u16::from_le_bytes([*low, *high]));
    let Some((symbols, types)) = rest.split_at_checked(length) else { return };
    let (Ok(symbols), Ok(types)) = (symbols::decode(symbols, page), types::decode(types, page)) else { return };
    let program = Program { symbols: symbols.clone(), types };
    places::check(&symbols, &Catalog::new(Some(program), None, page), rest);
}

fn upload(data: &[u8]) {
    let Ok(info) = UploadInfo::decode(data) else { return };
    assert_eq!(UploadInfo::decode(&info.encode()), Ok(info));
    let [wide, narrow] = [CodePage::Utf8, CodePage::Windows1252];
    let begin = &data[..data.iter().position(|&byte| byte == 0).unwrap_or(data.len())];
    assert_eq!(narrow.encode(&narrow.decode(data)).as_deref(), Some(begin), "a byte does not come back");
    let text = wide.decode(data);
    assert_eq!(wide.encode(&text).map(|bytes| wide.decode(&bytes)), Some(text));
}

fn datagram(data: &[u8]) {
    let Ok(datagram) = Datagram::decode(data) else { return };
    let _ = (Found::from(&datagram), datagram.status());
    let again = datagram.encode();
    // An empty status before six last bytes is what a wrong password looks like.
    let is_odd = datagram.tags.iter().any(|(number, bytes)| *number == tag::STATUS && bytes.is_empty());
    if !is_odd {
        assert_eq!(Datagram::decode(&again), Ok(datagram));
    }
}
