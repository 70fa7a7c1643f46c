//! Full disks, damaged files, other people's files.

use super::*;

use std::os::unix::fs::MetadataExt as _;

/// Lets the file grow by no more than `pages` from now on.
fn fill_disk(outbox: &Outbox, pages: i64) {
    outbox.on_writer(move |connection| {
        let count: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        let max: i64 =
            connection.pragma_update_and_check(None, "max_page_count", count + pages, |row| row.get(0)).unwrap();
        assert_eq!(max, count + pages);
    });
}

fn make_room(outbox: &Outbox) {
    outbox.on_writer(|connection| {
        connection.pragma_update_and_check(None, "max_page_count", 1_000_000, |_| Ok(())).unwrap();
    });
}

/// Puts one entry of 1000 bytes each, and hands over the numbers whose receipts come.
fn put_each(outbox: &Outbox, numbers: std::ops::Range<i64>) -> mpsc::Receiver<i64> {
    let (receipt, receipts) = mpsc::channel();
    for n in numbers {
        let receipt = receipt.clone();
        let mut entry = entry("a", n);
        entry.route = "r".repeat(1000).into();
        outbox.put(vec![entry], Box::new(move |stored| receipt.send(if stored.taken == 1 { n } else { -1 }).unwrap()));
    }
    receipts
}

#[test]
fn on_a_full_disk_nothing_is_acknowledged_and_with_room_all_arrives_once_and_in_order() {
    let (_folder, path) = folder_and_path();
    let outbox = open(&path);
    put(&outbox, numbered("a", [-1]));
    fill_disk(&outbox, 8);
    let receipts = put_each(&outbox, 0..500);
    wait_until("there is trouble", || outbox.trouble().is_some());
    let trouble = outbox.trouble().unwrap();
    let (file, cause) = (path.display().to_string(), ": the router's database refused: ");
    assert!(trouble.starts_with(&format!("cannot write {file}{cause}")), "{trouble}");
    assert!(trouble.ends_with("; the disk is full: free some space"), "{trouble}");
    // Some may fit. What does not is not acknowledged, and what is acknowledged can be read.
    let mut got: Vec<_> = receipts.try_iter().collect();
    assert!(got.len() < 100, "{got:?}");
    let there: Vec<_> = read(&outbox, "a").into_iter().map(|entry| entry.value).collect();
    assert!(there.len() > got.len() && there.iter().zip(-1..).all(|(value, n)| *value == Value::Int(n)), "{there:?}");
    make_room(&outbox);
    got.extend((got.len()..500).map(|_| receipts.recv_timeout(PATIENCE).unwrap()));
    assert_eq!(got, (0..500).collect::<Vec<_>>());
    assert_eq!(outbox.trouble(), None);
    check(&outbox, "a", -1..500);
    drop(outbox);
    check(&open(&path), "a", -1..500);
}

#[test]
fn on_a_full_disk_what_is_done_makes_room_for_what_waits() {
    let (_folder, path) = folder_and_path();
    let outbox = open(&path);
    put_each(&outbox, 0..200).iter().for_each(drop);
    fill_disk(&outbox, 0);
    let receipts = put_each(&outbox, 200..380);
    wait_until("there is trouble", || outbox.trouble().is_some());
    outbox.done("a", (1..=200).collect());
    let more: Vec<_> = receipts.iter().collect();
    assert_eq!(more, (200..380).collect::<Vec<_>>());
    assert_eq!(outbox.trouble(), None);
    check(&outbox, "a", 200..380);
}

#[test]
fn a_file_that_was_large_gives_the_disk_back_when_nearly_all_is_done() {
    let (_folder, path) = folder_and_path();
    let outbox = open(&path);
    for n in 0..10 {
        put(&outbox, vec![NewEntry { value: Value::bytes(vec![n; 8 << 20]), ..entry("a", 0) }, entry("b", n.into())]);
    }
    outbox.done("a", (1..10).collect());
    put(&outbox, Vec::new());
    let size = || fs::metadata(&path).unwrap().len();
    assert!(size() > 64 << 20, "{}", size());
    outbox.done("a", vec![10]);
    wait_until("the file is small", || size() < 1 << 20);
    check(&outbox, "b", 0..10);
    put(&outbox, numbered("b", [10]));
    drop(outbox);
    check(&open(&path), "b", 0..11);
}

#[test]
fn a_writer_that_fails_says_so() {
    let (_folder, path) = folder_and_path();
    let outbox = open(&path);
    put(&outbox, numbered("a", [1]));
    outbox.on_writer(|_| panic!("a fault of the writer's own, and expected"));
    outbox.put(numbered("a", [2]), Box::new(|_| ()));
    wait_until("it says so", || outbox.trouble().is_some_and(|trouble| trouble.ends_with(RESTART)));
    drop(outbox);
    check(&open(&path), "a", [1]);
}

#[test]
fn a_damaged_file_that_cannot_be_set_aside_is_tried_again() {
    let (folder, path) = folder_and_path();
    let outbox = open(&path);
    put(&outbox, numbered("a", 0..50_000));
    drop(outbox);
    let outbox = open(&path);
    let damaged = vec![0xA5; 1 << 20];
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &damaged, 4096).unwrap();
    // The folder goes by another name for a while, as after a disk was pulled.
    let away = folder.path().with_extension("away");
    fs::rename(folder.path(), &away).unwrap();
    assert!(outbox.read("a", 10_000, 100_000).is_err());
    wait_until("there is trouble", || outbox.trouble().is_some());
    assert!(matches!(outbox.read("a", 0, 1), Err(OutboxError::Closed)));
    let receipts = put_each(&outbox, 7..9);
    fs::rename(&away, folder.path()).unwrap();
    assert_eq!(receipts.iter().collect::<Vec<_>>(), [7, 8]);
    check(&outbox, "a", 7..9);
    assert_eq!((outbox.trouble(), outbox.set_aside().is_some()), (None, true));
}

#[test]
fn an_outbox_with_a_full_disk_can_be_dropped_and_keeps_what_it_acknowledged() {
    let (_folder, path) = folder_and_path();
    let outbox = open(&path);
    put(&outbox, numbered("a", 0..10));
    fill_disk(&outbox, 0);
    let receipts = put_each(&outbox, 10..500);
    wait_until("there is trouble", || outbox.trouble().is_some());
    let since = Instant::now();
    drop(outbox);
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
    // They ended without a call, but for what fitted into a page that was half empty.
    let fitted: Vec<_> = receipts.iter().collect();
    assert!(fitted.len() < 10, "{fitted:?}");
    check(&open(&path), "a", (0..).take(10 + fitted.len()));
}

#[test]
fn the_file_and_its_journal_are_for_the_owner_only() {
    let (folder, path) = folder_and_path();
    fs::write(&path, "").unwrap();
    let outbox = open(&path);
    put(&outbox, numbered("a", [1]));
    let files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(Result::unwrap).collect();
    assert_eq!(files.len(), 3, "{files:?}");
    for file in files {
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600, "{:?}", file.path());
    }
}

#[test]
fn a_commit_is_synced() {
    let (_folder, path) = folder_and_path();
    let outbox = open(&path);
    let (send, settings) = mpsc::channel();
    outbox.on_writer(move |connection| {
        for name in ["synchronous", "journal_mode"] {
            let value: rusqlite::types::Value = connection.pragma_query_value(None, name, |row| row.get(0)).unwrap();
            send.send(value).unwrap();
        }
    });
    put(&outbox, Vec::new());
    let settings: Vec<_> = settings.try_iter().collect();
    assert_eq!(settings, [rusqlite::types::Value::Integer(2), rusqlite::types::Value::Text("wal".into())]);
}

#[test]
fn a_damaged_file_is_set_aside_and_a_new_one_is_begun() {
    let (_folder, path) = folder_and_path();
    let outbox = open(&path);
    assert_eq!(outbox.set_aside(), None);
    put(&outbox, numbered("a", 0..5000));
    drop(outbox);
    let whole = fs::read(&path).unwrap();
    let mut scribbled = whole.clone();
    scribbled[1024..].fill(0xA5);
    for damaged in [b"not a database at all, but long enough to look at".repeat(50), scribbled, whole[..5000].to_vec()]
    {
        fs::write(&path, &damaged).unwrap();
        let outbox = open(&path);
        assert_eq!(fs::read(outbox.set_aside().expect("moved aside")).unwrap(), damaged);
        put(&outbox, numbered("a", 7..9));
        check(&outbox, "a", 7..9);
    }
    assert_eq!(open(&path).set_aside(), None);
}

#[test]
fn a_file_that_is_damaged_while_it_is_open_is_set_aside_and_the_numbers_go_on() {
    let (_folder, path) = folder_and_path();
    let outbox = open(&path);
    put(&outbox, numbered("a", 0..50_000));
    put(&outbox, numbered("b", 0..10));
    let last_of_b = read(&outbox, "b")[9].seq;
    drop(outbox);
    let outbox = open(&path);
    let mut damaged = fs::read(&path).unwrap();
    damaged[4096..].fill(0xA5);
    fs::write(&path, &damaged).unwrap();
    let error = outbox.read("a", 10_000, 100_000).unwrap_err();
    assert_eq!(error.hint(), Some("the file is damaged: it is set aside, and a new one is begun"));
    wait_until("it is set aside", || outbox.set_aside().is_some());
    outbox.done("a", vec![10_000]);
    assert_eq!(put(&outbox, numbered("a", [7])).taken, 1);
    let entries = read(&outbox, "a");
    assert_eq!((entries.len(), entries[0].seq, entries[0].value.clone()), (1, 50_001, Value::Int(7)));
    assert_eq!(fs::read(outbox.set_aside().unwrap()).unwrap(), damaged);
    assert_eq!(outbox.figures()[0].entries, 1);
    drop(outbox);
    let outbox = open(&path);
    check(&outbox, "a", [7]);
    put(&outbox, numbered("b", [8]));
    assert!(read(&outbox, "b")[0].seq > last_of_b);
}

#[test]
fn a_file_of_a_later_version_is_refused_and_not_touched() {
    let (_folder, path) = folder_and_path();
    drop(open(&path));
    let other = rusqlite::Connection::open(&path).unwrap();
    other.pragma_update(None, "user_version", 2).unwrap();
    drop(other);
    let before = fs::read(&path).unwrap();
    let error = Outbox::open(&path, OutboxLimits::default()).unwrap_err();
    assert_eq!(error.to_string(), "the router's file has format 2, and this version reads up to 1");
    assert!(error.hint().is_some());
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_folder_that_is_missing_says_what_to_try() {
    let error = Outbox::open(Path::new("/nonexistent/fieldrail/router.db"), OutboxLimits::default()).unwrap_err();
    assert!(error.hint().is_some(), "{error:?}");
}
