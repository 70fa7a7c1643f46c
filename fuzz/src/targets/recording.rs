//! A recording of a stranger: read whole and in pieces, written again, and run through two sets of rules.
//!
//! Promises that are looked at: pieces change nothing; what is read and written again reads the same; any recording can be
//! compared, however its times jump.

use fieldrail_model::{Origin, Quality, Sample, Timestamp};
use fieldrail_router::recording::{Damaged, Decoder, Encoder, Entry};
use fieldrail_router::{Comparison, RoutingFile, Rules};

use crate::house::House;
use crate::{Target, text};

/// The table's line.
pub const TARGET: Target = Target { name: "recording", run, most_bytes: 4096, seeds, words };

/// Two sets of rules that differ in each of their routes.
const RULES: [&str; 2] = [
    r#"{"version":"1.0","routes":[
        {"id":"a","from":"plc_002.x","to":"calc.a","transform":"avg(60s, every=10s) | round(1)"},
        {"id":"b","from":"plc_002.**","to":"mqtt.broker_local.out/{rest}","transform":"on_change | debounce(1s)"},
        {"id":"c","from":"calc.a","to":"plc_001.speed","transform":"scale(2)","priority":1,"lease_ms":1000},
        {"id":"d","from":"plc_002.y","to":"plc_001.speed","priority":2,"condition":"value > previous or age > 5s"},
        {"id":"e","from":"plc_002.lamp","to":"mqtt.broker_local.lamp","bidirectional":true}]}"#,
    r#"{"version":"1.0","routes":[
        {"id":"a","from":"plc_002.x","to":"calc.a","transform":"median(60s) | rate(1h)"},
        {"id":"b","from":"plc_002.**","to":"mqtt.broker_local.out/{rest}","transform":"throttle(1s)"},
        {"id":"c","from":"calc.a","to":"plc_001.speed","transform":"integrate(1h, every=60s)"},
        {"id":"e","from":"plc_002.lamp","to":"mqtt.broker_local.lamp","transform":"invert","bidirectional":true}]}"#,
];

/// Entries that are run through both, at the most.
const MOST_COMPARED: usize = 100;
/// Leaps in time among them, at the most: each may wake thousands of windows.
const MOST_LEAPS: usize = 1;
/// What is a leap, in microseconds.
const LEAP_US: u64 = 600_000_000;

fn rules(nth: usize) -> Rules {
    let file: RoutingFile = serde_json::from_str(RULES[nth]).unwrap();
    Rules::compile(&file, &House::default()).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn words() -> Vec<String> {
    let names =
        ["plc_002.x", "plc_002.y", "plc_002.lamp", "mqtt.broker_local.lamp", "calc.a", "\u{1}\u{1}\u{9}plc_002.x"];
    names.map(Into::into).into()
}

fn seeds() -> Vec<Vec<u8>> {
    let at = |nth: usize| Timestamp(1_700_000_000_000_000 + i64::try_from(nth).unwrap() * 700_000);
    let plain = |nth: usize, value| Entry::Sample(u32::try_from(nth % 3).unwrap(), Sample::good(value, at(nth)));
    let names = ["plc_002.x", "plc_002.y", "plc_002.lamp"];
    let named = (0..).zip(names).map(|(number, name)| Entry::Name(number, name.into()));
    let mut whole: Vec<Entry> = named.chain([Entry::Deadline(0, 2_000_000)]).collect();
    whole.extend(text::values().into_iter().enumerate().map(|(nth, value)| plain(nth, value)));
    whole.push(Entry::Renewal(0, at(90)));
    let mut odd = Sample::good(5_u64, at(1));
    odd.quality = Quality::DeviceFailure;
    odd.note = Some("no answer".into());
    odd.source_time = at(0);
    odd.origin = Some(Origin { address: "plc_001.b".into(), hops: 3 });
    let few = vec![Entry::Name(7, "plc_002.x".into()), Entry::Stands(7, odd.clone()), Entry::Sample(7, odd)];
    vec![encoded(&whole), encoded(&few)]
}

fn encoded(entries: &[Entry]) -> Vec<u8> {
    let (mut encoder, mut bytes) = (Encoder::default(), Vec::new());
    for entry in entries {
        encoder.encode(entry, &mut bytes);
    }
    bytes
}

/// All entries of the bytes, which come `piece` at a time, and how they end.
fn decoded(data: &[u8], piece: usize) -> (Vec<Entry>, Result<usize, Damaged>) {
    let (mut decoder, mut entries, mut waiting) = (Decoder::default(), Vec::new(), Vec::new());
    for bytes in data.chunks(piece) {
        waiting.extend_from_slice(bytes);
        let mut at = 0;
        loop {
            match decoder.next(&waiting[at..]) {
                Ok(Some((entry, length))) => {
                    assert!(length > 0, "an entry of no bytes");
                    entries.push(entry);
                    at += length;
                }
                Ok(None) => break,
                Err(damaged) => return (entries, Err(damaged)),
            }
        }
        waiting.drain(..at);
    }
    (entries, Ok(waiting.len()))
}

/// Bit by bit: NaN is itself.
fn shown(entries: &[Entry]) -> Vec<String> {
    let bits = |entry: &Entry| match entry {
        Entry::Sample(_, sample) | Entry::Stands(_, sample) => sample.value.as_f64().map(f64::to_bits),
        _ => None,
    };
    entries.iter().map(|entry| format!("{entry:?} {:?}", bits(entry))).collect()
}

/// The first entries, as many as are compared.
fn few(entries: &[Entry]) -> &[Entry] {
    let (mut last, mut leaps) = (None, 0);
    let mut is_far = |entry: &Entry| {
        let (Entry::Sample(_, Sample { receive_time: time, .. }) | Entry::Renewal(_, time)) = entry else {
            return false;
        };
        let from = last.replace(time.0).unwrap_or(time.0);
        leaps += usize::from(from.abs_diff(time.0) > LEAP_US);
        leaps > MOST_LEAPS
    };
    let end = entries.iter().position(&mut is_far).unwrap_or(entries.len());
    &entries[..end.min(MOST_COMPARED)]
}

fn run(data: &[u8]) {
    let (entries, end) = decoded(data, data.len().max(1));
    let (in_pieces, end_in_pieces) = decoded(data, 7);
    assert_eq!(shown(&in_pieces), shown(&entries), "in pieces it is another one");
    assert_eq!(end_in_pieces, end, "in pieces it ends in another way");
    let (again, end) = decoded(&encoded(&entries), usize::MAX);
    assert_eq!((shown(&again), end), (shown(&entries), Ok(0)), "written again it is another one");
    let few = few(&entries);
    let count = few.iter().filter(|entry| matches!(entry, Entry::Sample(..))).count() as u64;
    let mut comparison = Comparison::new(rules(0), rules(1));
    for entry in few.iter().cloned() {
        comparison.take(entry);
    }
    assert_eq!(comparison.samples(), count);
    for (address, change) in comparison.finish() {
        let both = change.before - change.gone;
        assert_eq!(change.after - change.new, both, "{address}: {change:?}");
        assert!(change.changed <= both, "{address}: {change:?}");
    }
}
