//! What the outbox promises, in one process. What it promises across a kill is in `tests/outbox.rs`.

mod disk;
mod waiting;

use super::body::tests::any_entry;
use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Longer than anything here takes, however slow the machine is.
const PATIENCE: Duration = Duration::from_mins(1);

fn folder_and_path() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("router.db");
    (folder, path)
}

fn open(path: &Path) -> Outbox {
    Outbox::open(path, OutboxLimits::default()).unwrap()
}

fn entry(lane: &str, value: i64) -> NewEntry {
    let (lane, tag, route) = (lane.into(), "t".into(), "r".into());
    NewEntry { lane, tag, value: value.into(), origin: None, route, expires: None }
}

fn numbered(lane: &str, numbers: impl IntoIterator<Item = i64>) -> Vec<NewEntry> {
    numbers.into_iter().map(|n| entry(lane, n)).collect()
}

/// Puts and waits for the receipt.
fn put(outbox: &Outbox, entries: Vec<NewEntry>) -> Stored {
    let (receipt, receipts) = mpsc::channel();
    outbox.put(entries, Box::new(move |stored| receipt.send(stored).unwrap()));
    receipts.recv_timeout(PATIENCE).unwrap()
}

fn read(outbox: &Outbox, lane: &str) -> Vec<Entry> {
    outbox.read(lane, 0, usize::MAX).unwrap()
}

/// What is read is in rising order, and has these values.
#[track_caller]
fn check(outbox: &Outbox, lane: &str, want: impl IntoIterator<Item = i64>) {
    let entries = read(outbox, lane);
    assert!(entries.is_sorted_by(|a, b| a.seq < b.seq), "{entries:?}");
    let values: Vec<_> = entries.into_iter().map(|entry| entry.value).collect();
    assert_eq!(values, want.into_iter().map(Value::Int).collect::<Vec<_>>());
}

#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[derive(Debug, Clone)]
enum Step {
    Put(usize, usize),
    Done(usize, u8),
    Reopen,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3usize, 0..7usize).prop_map(|(lane, count)| Step::Put(lane, count)),
        3 => (0..3usize, any::<u8>()).prop_map(|(lane, mask)| Step::Done(lane, mask)),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn entries_come_back_bit_for_bit_and_in_order(puts in prop::collection::vec(any_entry(), 0..40)) {
        let (_folder, path) = folder_and_path();
        let outbox = open(&path);
        put(&outbox, puts.clone());
        let before = read(&outbox, "a");
        drop(outbox);
        let after = read(&open(&path), "a");
        prop_assert_eq!(&before, &after);
        let rising = 1..=puts.len() as u64;
        let want: Vec<_> = puts.into_iter().zip(rising).map(|(put, seq)| {
            let NewEntry { tag, value, origin, route, expires, .. } = put;
            Entry { seq, tag, value, origin, route, expires }
        }).collect();
        prop_assert_eq!(after, want);
    }

    #[test]
    fn whatever_is_put_and_done_the_outbox_holds_what_lists_would_hold(
        steps in prop::collection::vec(any_step(), 0..30),
    ) {
        const NAMES: [&str; 3] = ["a", "b", "c"];
        let (_folder, path) = folder_and_path();
        let limits = OutboxLimits { entries: 9, ..OutboxLimits::default() };
        let mut outbox = Outbox::open(&path, limits).unwrap();
        let mut lists: [Vec<Entry>; 3] = Default::default();
        let mut highest = [0; 3];
        let mut number = 0;
        for step in steps {
            match step {
                Step::Put(lane, count) => {
                    let room = 9 - lists[lane].len();
                    let stored = put(&outbox, numbered(NAMES[lane], (number..).take(count)));
                    prop_assert_eq!(stored.taken, count.min(room) as u64);
                    prop_assert_eq!(stored.refused, (count - count.min(room)) as u64);
                    let new = outbox.read(NAMES[lane], highest[lane], 100).unwrap();
                    let values: Vec<_> = new.iter().map(|entry| entry.value.clone()).collect();
                    let want = (number..).map(Value::Int).take(count.min(room));
                    prop_assert_eq!(values, want.collect::<Vec<_>>());
                    highest[lane] = new.iter().map(|entry| entry.seq).fold(highest[lane], u64::max);
                    lists[lane].extend(new);
                    number += i64::try_from(count).unwrap();
                }
                Step::Done(lane, mask) => {
                    let is_done = |seq: u64| mask >> (seq % 8) & 1 == 1;
                    let seqs = lists[lane].iter().map(|entry| entry.seq).filter(|seq| is_done(*seq));
                    outbox.done(NAMES[lane], seqs.chain([1, u64::MAX]).filter(|seq| is_done(*seq)).collect());
                    lists[lane].retain(|entry| !is_done(entry.seq));
                }
                Step::Reopen => {
                    drop(outbox);
                    outbox = Outbox::open(&path, limits).unwrap();
                }
            }
            for (name, list) in NAMES.iter().zip(&lists) {
                prop_assert_eq!(&read(&outbox, name), list);
            }
        }
        put(&outbox, Vec::new());
        let figures = outbox.figures().into_iter().filter(|lane| lane.entries > 0);
        let counts: BTreeMap<_, _> = figures.map(|lane| (lane.lane.to_string(), lane.entries)).collect();
        let want = NAMES.iter().zip(&lists).filter(|(_, list)| !list.is_empty());
        prop_assert_eq!(counts, want.map(|(name, list)| (name.to_string(), list.len() as u64)).collect());
    }
}

#[test]
fn a_lane_is_read_page_by_page() {
    let (_folder, path) = folder_and_path();
    let outbox = open(&path);
    put(&outbox, numbered("a", 0..10).into_iter().chain(numbered("b", [77])).collect());
    let page = outbox.read("a", 0, 4).unwrap();
    assert_eq!(page.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let page = outbox.read("a", 4, 100).unwrap();
    assert_eq!(page.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [5, 6, 7, 8, 9, 10]);
    for (lane, after, most) in [("a", 10, 100), ("a", u64::MAX, 100), ("a", 0, 0), ("nobody", 0, 100)] {
        assert_eq!(outbox.read(lane, after, most).unwrap(), [], "{lane} {after} {most}");
    }
    check(&outbox, "b", [77]);
}

#[test]
fn a_page_of_large_entries_ends_early() {
    let (_folder, path) = folder_and_path();
    let outbox = open(&path);
    let large = Value::bytes(vec![7; MAX_READ_BYTES / 2]);
    put(&outbox, vec![entry("a", 1), entry("a", 2)]);
    for _ in 0..3 {
        put(&outbox, vec![NewEntry { value: large.clone(), ..entry("a", 0) }]);
    }
    assert_eq!(outbox.read("a", 0, 100).unwrap().len(), 4);
    assert_eq!(outbox.read("a", 4, 100).unwrap().len(), 1);
}

#[test]
fn what_is_done_comes_back_neither_in_this_run_nor_in_the_next() {
    let (_folder, path) = folder_and_path();
    let outbox = open(&path);
    put(&outbox, numbered("a", 0..1000));
    outbox.done("a", (1..=400).chain([500, 998]).collect());
    let left: Vec<i64> = (400..499).chain(500..997).chain(998..1000).collect();
    check(&outbox, "a", left.clone());
    put(&outbox, Vec::new());
    check(&outbox, "a", left.clone());
    assert_eq!(outbox.figures()[0].entries, left.len() as u64);
    outbox.done("nobody", vec![1]);
    outbox.done("a", vec![]);
    drop(outbox);
    check(&open(&path), "a", left);
}

#[test]
fn what_is_done_or_remembered_is_written_without_a_put_to_go_along_with() {
    let (_folder, path) = folder_and_path();
    let outbox = open(&path);
    put(&outbox, numbered("a", 0..10));
    outbox.done("a", (1..=10).collect());
    outbox.remember("k", vec![1], None).unwrap();
    wait_until("it is deleted", || outbox.figures().is_empty());
    wait_until("it is remembered", || !outbox.recall("k").unwrap().is_empty());
}

#[test]
fn more_than_one_transaction_deletes_is_deleted_all_the_same() {
    let (_folder, path) = folder_and_path();
    let outbox = open(&path);
    put(&outbox, numbered("a", 0..150_000));
    outbox.done("a", (1..=150_000).rev().collect());
    check(&outbox, "a", []);
    wait_until("all is deleted", || outbox.figures().is_empty());
}

#[test]
fn a_number_is_not_used_twice_even_when_its_lane_was_empty_over_a_restart() {
    let (_folder, path) = folder_and_path();
    let mut used = BTreeSet::new();
    for round in 0..6 {
        let outbox = open(&path);
        // Each time another lane is furthest on, and the others are gone from the file.
        for (lane, count) in [("a", 5), ("b", 2), (["c", "d"][round % 2], 3)] {
            put(&outbox, numbered(lane, (0..).take(count)));
            let seqs: Vec<_> = read(&outbox, lane).iter().map(|entry| entry.seq).collect();
            assert_eq!(seqs.len(), count);
            assert!(seqs.iter().all(|&seq| used.insert((lane, seq))), "{lane} {seqs:?} {used:?}");
            outbox.done(lane, seqs);
        }
        put(&outbox, Vec::new());
        assert_eq!(outbox.figures(), []);
    }
    assert_eq!(used.len(), 60);
}

#[test]
fn a_full_lane_refuses_the_newest_and_counts_them() {
    let (_folder, path) = folder_and_path();
    let outbox = Outbox::open(&path, OutboxLimits { entries: 5, bytes: 1 << 20 }).unwrap();
    assert_eq!(put(&outbox, numbered("a", 0..4)), Stored { taken: 4, refused: 0 });
    let mixed = numbered("a", 4..7).into_iter().chain(numbered("b", 0..2)).collect();
    assert_eq!(put(&outbox, mixed), Stored { taken: 3, refused: 2 });
    check(&outbox, "a", 0..5);
    let large = || NewEntry { value: Value::bytes(vec![0; 700_000]), ..entry("c", 0) };
    assert_eq!(put(&outbox, vec![large(), large()]), Stored { taken: 1, refused: 1 });
    let figures: Vec<_> = outbox.figures().iter().map(|f| (f.lane.to_string(), f.entries, f.refused)).collect();
    assert_eq!(figures, [("a".into(), 5, 2), ("b".into(), 2, 0), ("c".into(), 1, 1)]);
    drop(outbox);
    let outbox = Outbox::open(&path, OutboxLimits { entries: 5, bytes: 1 << 20 }).unwrap();
    assert_eq!(put(&outbox, numbered("a", [9])).refused, 1);
    outbox.done("a", vec![2]);
    assert_eq!(put(&outbox, numbered("a", [10])).taken, 1);
    check(&outbox, "a", [0, 2, 3, 4, 10]);
    assert_eq!(put(&outbox, vec![large()]).refused, 1);
}

#[test]
fn an_entry_or_a_blob_that_is_too_large_is_refused_and_holds_up_nothing() {
    let (_folder, path) = folder_and_path();
    let outbox = open(&path);
    let large = NewEntry { value: Value::bytes(vec![0; MAX_ENTRY_BYTES]), ..entry("a", 0) };
    assert_eq!(put(&outbox, vec![large, entry("a", 1)]), Stored { taken: 1, refused: 1 });
    let error = outbox.remember("key", vec![0; MAX_BLOB_BYTES], None).unwrap_err();
    assert_eq!(error.to_string(), "16777219 bytes are too many to remember under `key`");
    check(&outbox, "a", [1]);
}

#[test]
fn what_is_remembered_last_is_recalled_also_after_a_restart() {
    let (_folder, path) = folder_and_path();
    let outbox = open(&path);
    let (receipt, receipts) = mpsc::channel();
    outbox.forget("never");
    for n in 0..100 {
        let receipt = receipt.clone();
        outbox.remember("point/a", vec![n], Some(Box::new(move || receipt.send(()).unwrap()))).unwrap();
    }
    (0..100).for_each(|_| receipts.recv_timeout(PATIENCE).unwrap());
    assert_eq!(outbox.recall("point/").unwrap(), [("point/a".to_string(), vec![99])]);
    for (key, blob) in [("point/b", "b"), ("point", "p"), ("point/ä", "ä"), ("rule/a", "r"), ("point/c", "c")] {
        outbox.remember(key, blob.into(), None).unwrap();
    }
    outbox.forget("point/a");
    outbox.forget("point/c");
    outbox.remember("point/c", b"again".to_vec(), None).unwrap();
    drop(outbox);
    let found = open(&path).recall("point/").unwrap();
    let found: Vec<_> = found.iter().map(|(key, blob)| (key.as_str(), std::str::from_utf8(blob).unwrap())).collect();
    assert_eq!(found, [("point/b", "b"), ("point/c", "again"), ("point/ä", "ä")]);
}

#[test]
fn an_entry_that_cannot_be_understood_is_named_and_can_be_passed_over() {
    let (_folder, path) = folder_and_path();
    let outbox = open(&path);
    put(&outbox, numbered("a", 0..3));
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute("UPDATE entry SET body = x'C1' WHERE key & 255 = 2", []).unwrap();
    check(&outbox, "a", [0]);
    let error = outbox.read("a", 1, 100).unwrap_err();
    assert_eq!(error.to_string(), "entry 2 for a cannot be understood");
    assert!(error.hint().is_some() && std::error::Error::source(&error).is_some());
    outbox.done("a", vec![2]);
    check(&outbox, "a", [0, 2]);
}
