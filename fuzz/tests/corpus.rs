//! Every file of the corpus through its target, on any toolchain: what was found once is not there again.
#![allow(clippy::unwrap_used)] // in what only tests call, a panic is how a test fails

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fieldrail_fuzz::{TARGETS, Target, target};

/// Files of one corpus, and bytes of all of them together.
const MOST_FILES: usize = 500;
const MOST_BYTES: u64 = 2 << 20;
/// How long one input may take, with the checks of a debug build and tests beside it. The engine allows two seconds.
const LONGEST: Duration = Duration::from_secs(10);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// The files of one target's corpus, by name.
fn corpus(name: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder().join(name)).unwrap_or_else(|error| panic!("no corpus of {name}: {error}"));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[track_caller]
fn check(target: &Target, input: &[u8], what: &str) {
    let begun = Instant::now();
    assert!(catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_ok(), "{}: {what}", target.name);
    assert!(begun.elapsed() < LONGEST, "{}: {what} takes {} ms", target.name, begun.elapsed().as_millis());
}

#[track_caller]
fn check_all(name: &str) {
    let target = target(name).unwrap();
    for file in corpus(name) {
        check(target, &fs::read(&file).unwrap(), &file.display().to_string());
    }
    for (nth, seed) in (target.seeds)().iter().enumerate() {
        check(target, seed, &format!("seed {nth}"));
    }
}

#[test]
fn no_expression_of_the_corpus_breaks_a_promise() {
    check_all("expression");
}

#[test]
fn no_pipeline_of_the_corpus_breaks_a_promise() {
    check_all("transform");
}

#[test]
fn no_routing_file_of_the_corpus_breaks_a_promise() {
    check_all("routing");
}

#[test]
fn no_recording_of_the_corpus_breaks_a_promise() {
    check_all("recording");
}

#[test]
fn no_bytes_of_an_ads_device_in_the_corpus_break_a_promise() {
    check_all("ads");
}

#[test]
fn no_tpy_file_of_the_corpus_breaks_a_promise() {
    check_all("tpy");
}

#[test]
fn no_bytes_of_a_modbus_device_in_the_corpus_break_a_promise() {
    check_all("modbus");
}

#[test]
fn no_register_map_of_the_corpus_breaks_a_promise() {
    check_all("modbus_map");
}

#[test]
fn no_bytes_of_a_battery_in_the_corpus_break_a_promise() {
    check_all("batteries");
}

#[test]
fn every_target_has_seeds_words_and_a_small_corpus() {
    let mut bytes = 0;
    for target in TARGETS {
        let files = corpus(target.name);
        assert!((10..=MOST_FILES).contains(&files.len()), "{} files of {}", files.len(), target.name);
        bytes += files.iter().map(|file| fs::metadata(file).unwrap().len()).sum::<u64>();
        assert!((target.seeds)().len() > 1 && (target.words)().len() > 5, "{}", target.name);
    }
    assert!(bytes <= MOST_BYTES, "the corpus has {bytes} bytes");
    let folders = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name());
    for name in folders {
        assert!(target(name.to_str().unwrap()).is_some(), "corpus of no target: {}", name.display());
    }
}
