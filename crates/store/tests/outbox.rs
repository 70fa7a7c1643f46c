//! The outbox across what a house does to it: the power goes, the process is killed, the disk fails.
//!
//! What has to happen to a whole process happens to a child: this same program, told by [`CHILD`] to take the other part.

#![allow(clippy::unwrap_used, reason = "a test may stop where it fails")]

use std::collections::BTreeSet;
use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use fieldrail_model::Value;
use fieldrail_store::{Entry, NewEntry, Outbox, OutboxLimits};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Set in a child: the path of its outbox, and the first number it puts.
const CHILD: &str = "FIELDRAIL_OUTBOX_CHILD";

/// Longer than anything here takes, however slow the machine is.
const PATIENCE: Duration = Duration::from_mins(1);

fn open(path: &Path) -> Outbox {
    Outbox::open(path, OutboxLimits::default()).unwrap()
}

fn numbered(lane: &str, numbers: impl IntoIterator<Item = i64>) -> Vec<NewEntry> {
    let entry = |n| {
        let (lane, tag, route) = (lane.into(), format!("tag_{}", n % 50).into(), "route".into());
        NewEntry { lane, tag, value: Value::Int(n), origin: None, route, expires: None }
    };
    numbers.into_iter().map(entry).collect()
}

fn number(entry: &Entry) -> i64 {
    let Value::Int(n) = entry.value else { panic!("{entry:?}") };
    n
}

fn numbers(outbox: &Outbox, lane: &str) -> Vec<i64> {
    let entries = outbox.read(lane, 0, usize::MAX).unwrap();
    assert!(entries.is_sorted_by(|a, b| a.seq < b.seq));
    entries.iter().map(number).collect()
}

/// The test `name` of this program once more, in the part of the child.
fn child(program: &mut Command, name: &str, path: &Path, first: i64) -> std::process::Child {
    program.args([name, "--exact", "--nocapture"]).env(CHILD, format!("{first} {}", path.display()));
    program.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap()
}

fn this_program() -> PathBuf {
    std::env::current_exe().unwrap()
}

/// What a child was told: the first number and the path.
fn told() -> Option<(i64, PathBuf)> {
    let told = std::env::var(CHILD).ok()?;
    let (first, path) = told.split_once(' ').unwrap();
    Some((first.parse().unwrap(), path.into()))
}

/// A word for the parent; without a parent there is nothing to do any more.
fn say(word: char, n: i64) {
    if writeln!(std::io::stdout(), "{word} {n}").is_err() {
        std::process::exit(1);
    }
}

/// Puts numbers into the lanes `kept` and `drained` as fast as it can, and drains the latter, until it is killed. Says
/// `k` for each receipt with the number that comes next, `r` likewise for what is remembered, and `o` before it calls a
/// number of `drained` done.
fn put_until_killed(first: i64, path: &Path) {
    /// Puts on their way at most, as a daemon has its credit. So few that most of the time goes into commits: that is
    /// where the kill is to find the child.
    const WINDOW: usize = 8;
    let outbox = Arc::new(open(path));
    let drain = outbox.clone();
    std::thread::spawn(move || {
        loop {
            let entries = drain.read("drained", 0, 100).unwrap();
            for entry in &entries {
                say('o', number(entry));
            }
            drain.done("drained", entries.iter().map(|entry| entry.seq).collect());
        }
    });
    let (permit, permits) = mpsc::sync_channel(WINDOW);
    (0..WINDOW).for_each(|_| permit.send(()).unwrap());
    let mut next = first;
    loop {
        permits.recv().unwrap();
        let after = next + 1 + next % 40;
        let mut entries = numbered("kept", next..after);
        entries.extend(numbered("drained", next..after));
        let permit = permit.clone();
        outbox.put(
            entries,
            Box::new(move |stored| {
                assert_eq!(stored.refused, 0);
                say('k', after);
                let _ = permit.send(());
            }),
        );
        let blob = after.to_le_bytes().to_vec();
        outbox.remember("next", blob, Some(Box::new(move || say('r', after)))).unwrap();
        next = after;
    }
}

#[test]
fn what_was_acknowledged_before_a_kill_is_there_in_order_and_once() {
    const ROUNDS: i64 = 10;
    if let Some((first, path)) = told() {
        return put_until_killed(first, &path);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("router.db");
    let (mut kept, mut handed_over) = (Vec::new(), BTreeSet::new());
    let mut first = 0;
    for round in 0..ROUNDS {
        let name = "what_was_acknowledged_before_a_kill_is_there_in_order_and_once";
        let mut child = child(&mut Command::new(this_program()), name, &path, first);
        let random = RandomState::new().hash_one(round);
        let (lines, then) = (random % 8000, Duration::from_micros(random % 997));
        let (mut acknowledged, mut remembered) = (first, first);
        for (nth, line) in BufReader::new(child.stdout.take().unwrap()).lines().enumerate() {
            // The words of the test harness, or the last one, torn by the kill.
            let line = line.unwrap();
            let Some((word, Ok(n))) = line.split_once(' ').map(|(word, n)| (word, n.parse::<i64>())) else { continue };
            match word {
                "k" => acknowledged = acknowledged.max(n),
                "r" => remembered = remembered.max(n),
                "o" => drop(handed_over.insert(n)),
                _ => {}
            }
            if nth as u64 == lines {
                std::thread::sleep(then);
                child.kill().unwrap();
            }
        }
        assert!(!child.wait().unwrap().success(), "it was killed");

        let outbox = open(&path);
        assert_eq!(outbox.set_aside(), None);
        let now = numbers(&outbox, "kept");
        assert!(now.starts_with(&kept), "round {round}: what was there before is there");
        let end = now.last().map_or(first, |last| last + 1);
        assert!(now[kept.len()..].iter().copied().eq(first..end), "round {round}: all from {first} on, in order, once");
        assert!(end >= acknowledged, "round {round}: all below {acknowledged} were acknowledged, {end} are there");
        let drained = numbers(&outbox, "drained");
        assert!(drained.is_sorted_by(|a, b| a < b), "round {round}: in order, once");
        let known: BTreeSet<i64> = handed_over.iter().copied().chain(drained).collect();
        assert!((0..end).all(|n| known.contains(&n)), "round {round}: what is not there was handed over");
        let blob = outbox
            .recall("next")
            .unwrap()
            .first()
            .map_or(0, |(_, blob)| i64::from_le_bytes(blob.as_slice().try_into().unwrap()));
        assert!(blob >= remembered && blob <= end, "round {round}: {remembered} <= {blob} <= {end}");
        (kept, first) = (now, end);
    }
    assert!(first > 0, "no child got as far as a receipt");
}

#[test]
fn a_journal_with_a_torn_tail_gives_back_all_that_was_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("router.db");
    let outbox = open(&path);
    let journal = |path: &Path| path.with_extension("db-wal");
    let mut ends = Vec::new();
    for n in 0..20 {
        let (receipt, receipts) = mpsc::channel();
        outbox.put(numbered("a", n * 10..n * 10 + 10), Box::new(move |_| receipt.send(()).unwrap()));
        receipts.recv_timeout(PATIENCE).unwrap();
        ends.push(fs::metadata(journal(&path)).unwrap().len());
    }
    assert!(ends.is_sorted_by(|a, b| a < b), "each commit makes the journal longer: {ends:?}");
    let whole = fs::read(journal(&path)).unwrap();
    let copy = folder.path().join("copy.db");
    let check = |torn: &[u8], commits: i64| {
        fs::copy(&path, &copy).unwrap();
        fs::write(journal(&copy), torn).unwrap();
        let outbox = open(&copy);
        assert_eq!(outbox.set_aside(), None);
        assert!(numbers(&outbox, "a").into_iter().eq(0..commits * 10), "{commits} commits");
        // It goes on from there.
        let (receipt, receipts) = mpsc::channel();
        outbox.put(numbered("a", commits * 10..commits * 10 + 5), Box::new(move |_| receipt.send(()).unwrap()));
        receipts.recv_timeout(PATIENCE).unwrap();
        drop(outbox);
        assert!(numbers(&open(&copy), "a").into_iter().eq(0..commits * 10 + 5));
    };
    check(&whole, 20);
    for cut in [1, 24, 4096, 5000] {
        check(&whole[..whole.len() - cut], 19);
    }
    let at = |commits: i64| usize::try_from(ends[usize::try_from(commits).unwrap() - 1]).unwrap();
    for commits in [3, 10, 19] {
        check(&whole[..at(commits)], commits);
        check(&whole[..at(commits) + 1000], commits);
        let mut scribbled = whole.clone();
        scribbled[at(commits) + 100..].fill(0xA5);
        check(&scribbled, commits);
        let mut zeroed = whole.clone();
        zeroed[at(commits)..].fill(0);
        check(&zeroed, commits);
    }
}

/// Takes away the right to write large files while the outbox is open, as a failing disk does, and gives it back.
fn lose_the_disk_for_a_while(path: &Path) {
    let outbox = open(path);
    let (receipt, receipts) = mpsc::channel();
    let put = |numbers: std::ops::Range<i64>| {
        for n in numbers {
            let receipt = receipt.clone();
            let mut entries = numbered("a", [n]);
            entries[0].route = "r".repeat(2000).into();
            outbox.put(entries, Box::new(move |stored| receipt.send((n, stored.taken)).unwrap()));
        }
    };
    put(0..10);
    (0..10).for_each(|n| assert_eq!(receipts.recv_timeout(PATIENCE).unwrap(), (n, 1)));
    let before = getrlimit(Resource::Fsize);
    setrlimit(Resource::Fsize, Rlimit { current: Some(100_000), ..before }).unwrap();
    put(10..300);
    let since = Instant::now();
    let trouble = loop {
        assert!(since.elapsed() < PATIENCE, "no trouble is told");
        let Some(trouble) = outbox.trouble() else { continue };
        break trouble;
    };
    assert!(trouble.contains("disk I/O error") && trouble.contains("`dmesg` may tell"), "{trouble}");
    std::thread::sleep(Duration::from_millis(1200));
    let early: Vec<_> = receipts.try_iter().collect();
    assert!(early.len() < 50, "{early:?}");
    setrlimit(Resource::Fsize, before).unwrap();
    let late = (early.len()..290).map(|_| receipts.recv_timeout(PATIENCE).unwrap());
    assert!(early.clone().into_iter().chain(late).eq((10..300).map(|n| (n, 1))));
    assert!(numbers(&outbox, "a").into_iter().eq(0..300));
    assert_eq!(outbox.trouble(), None);
}

#[test]
fn a_disk_that_fails_for_a_while_loses_nothing() {
    if let Some((_, path)) = told() {
        return lose_the_disk_for_a_while(&path);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("router.db");
    // The signal that comes with the error would end the child; what is ignored stays so in what the shell becomes.
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"trap "" XFSZ; exec "$0" "$@""#]).arg(this_program());
    let child = child(&mut shell, "a_disk_that_fails_for_a_while_loses_nothing", &path, 0);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(numbers(&open(&path), "a").into_iter().eq(0..300));
}
