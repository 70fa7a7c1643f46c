//! Receipts, and what waits for them.

use super::*;

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender};

/// Holds the writer up until something is sent, once it is at it.
fn hold_up(outbox: &Outbox) -> Sender<()> {
    let (go, waits): (Sender<()>, Receiver<()>) = mpsc::channel();
    let (reached, is_there) = mpsc::channel();
    outbox.put(
        Vec::new(),
        Box::new(move |_| {
            reached.send(()).unwrap();
            let _ = waits.recv_timeout(PATIENCE);
        }),
    );
    is_there.recv_timeout(PATIENCE).unwrap();
    go
}

#[test]
fn receipts_come_in_the_order_of_the_puts() {
    let (_folder, path) = folder_and_path();
    let outbox = open(&path);
    let (receipt, receipts) = mpsc::channel();
    for n in 0..5000 {
        let receipt = receipt.clone();
        let entries = numbered("a", (0..n % 3).map(|_| n));
        outbox.put(entries, Box::new(move |stored| receipt.send((n, stored.taken)).unwrap()));
    }
    let got: Vec<_> = (0..5000).map(|_| receipts.recv_timeout(PATIENCE).unwrap()).collect();
    assert!(got.iter().zip(0..).all(|(&(n, taken), want)| n == want && taken.cast_signed() == n % 3), "{got:?}");
    check(&outbox, "a", (0..5000).flat_map(|n| (0..n % 3).map(move |_| n)));
}

#[test]
fn what_waits_while_the_disk_is_busy_is_committed_together() {
    let (_folder, path) = folder_and_path();
    let outbox = open(&path);
    let go = hold_up(&outbox);
    let seen = Arc::new(Mutex::new(Vec::new()));
    for n in 0..100 {
        let (seen, outbox_path) = (seen.clone(), path.clone());
        outbox.put(
            numbered("a", [n]),
            Box::new(move |_| {
                let other = rusqlite::Connection::open(&outbox_path).unwrap();
                let there = other.query_row("SELECT count(*) FROM entry", [], |row| row.get::<_, i64>(0));
                seen.lock().unwrap().push(there.unwrap());
            }),
        );
    }
    go.send(()).unwrap();
    put(&outbox, Vec::new());
    assert_eq!(*seen.lock().unwrap(), [100; 100], "each receipt finds all of the group committed");
}

#[test]
fn what_is_put_beyond_the_bounds_of_what_may_wait_is_refused_as_a_whole_and_told_in_turn() {
    let (_folder, path) = folder_and_path();
    let outbox = open(&path);
    let go = hold_up(&outbox);
    let (receipt, receipts) = mpsc::channel();
    let put = |name: &'static str, entries| {
        let receipt = receipt.clone();
        outbox.put(entries, Box::new(move |stored: Stored| receipt.send((name, stored)).unwrap()));
    };
    // One text, counted as often as it waits.
    let text = Value::text("x".repeat(MAX_WAITING_BYTES / 4));
    let large = || NewEntry { value: text.clone(), ..entry("large", 0) };
    put("fits", numbered("a", 0..10));
    put("too many bytes", vec![large(), large(), large(), large()]);
    put("too many", vec![entry("a", 0); MAX_WAITING_ENTRIES]);
    put("fits as well", numbered("a", 10..20));
    let figures: Vec<_> = outbox.figures().iter().map(|lane| (lane.lane.to_string(), lane.refused)).collect();
    assert_eq!(figures, [("a".into(), MAX_WAITING_ENTRIES as u64), ("large".into(), 4)]);
    go.send(()).unwrap();
    let got: Vec<_> = (0..4).map(|_| receipts.recv_timeout(PATIENCE).unwrap()).collect();
    assert_eq!(
        got,
        [
            ("fits", Stored { taken: 10, refused: 0 }),
            ("too many bytes", Stored { taken: 0, refused: 4 }),
            ("too many", Stored { taken: 0, refused: MAX_WAITING_ENTRIES as u64 }),
            ("fits as well", Stored { taken: 10, refused: 0 }),
        ]
    );
    check(&outbox, "a", 0..20);
    assert_eq!(super::put(&outbox, vec![entry("a", 20); 1000]).taken, 1000, "there is room again");
}

#[test]
fn what_waits_is_committed_when_the_outbox_is_dropped() {
    let (_folder, path) = folder_and_path();
    let outbox = open(&path);
    let (receipt, receipts) = mpsc::channel();
    for n in 0..2000 {
        let receipt = receipt.clone();
        outbox.put(numbered("a", [n]), Box::new(move |_| receipt.send(()).unwrap()));
    }
    outbox.remember("k", vec![1], None).unwrap();
    drop(outbox);
    assert_eq!(receipts.try_iter().count(), 2000);
    let outbox = open(&path);
    check(&outbox, "a", 0..2000);
    assert_eq!(outbox.recall("").unwrap(), [("k".to_string(), vec![1])]);
}

#[test]
fn a_receipt_may_drop_the_outbox_or_panic() {
    let (_folder, path) = folder_and_path();
    let outbox = Arc::new(open(&path));
    outbox.put(numbered("a", [1]), Box::new(|_| panic!("a receipt's own fault, and expected")));
    let last = outbox.clone();
    let (dropped, is_dropped) = mpsc::channel();
    let (go, waits) = mpsc::channel::<()>();
    outbox.put(
        numbered("a", [2]),
        Box::new(move |_| {
            waits.recv_timeout(PATIENCE).unwrap();
            drop(last);
            dropped.send(()).unwrap();
        }),
    );
    outbox.put(numbered("a", [3]), Box::new(|_| ()));
    drop(outbox);
    go.send(()).unwrap();
    is_dropped.recv_timeout(PATIENCE).unwrap();
    // The writer ends by itself; it removes its journal last.
    let journal = path.with_extension("db-wal");
    wait_until("the writer has ended", || !journal.exists());
    check(&open(&path), "a", 1..=3);
}

#[test]
fn a_receipt_may_use_the_outbox() {
    let (_folder, path) = folder_and_path();
    let outbox = Arc::new(open(&path));
    let (receipt, receipts) = mpsc::channel();
    let inner = outbox.clone();
    outbox.put(
        numbered("a", 0..3),
        Box::new(move |_| {
            let seqs = read(&inner, "a").iter().map(|entry| entry.seq).collect();
            inner.done("a", seqs);
            inner.remember("k", vec![], Some(Box::new(move || receipt.send(()).unwrap()))).unwrap();
        }),
    );
    receipts.recv_timeout(PATIENCE).unwrap();
    assert_eq!((read(&outbox, "a").len(), outbox.figures().len()), (0, 0));
}
