//! Panics of the daemon itself: written to a small file at once, by the thread that panicked, and taken up from there, by
//! this daemon if it lives on and by the next one if not.
//!
//! Bounds: one file for each place in the code, [`MOST_FILES`] of them; the same panic again only counts up.

use std::backtrace::Backtrace;
use std::collections::HashMap;
use std::panic::PanicHookInfo;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, TryLockError};

use serde::{Deserialize, Serialize};

use super::event::{ErrorKind, MAX_MESSAGE, MAX_STACK, Raw, clip};
use super::stderr::rust_frames;

/// Files in the folder, at the most.
const MOST_FILES: usize = 50;

/// A file that is larger is none of ours.
const MOST_BYTES: u64 = 64 << 10;

/// Rises with each panic of this process.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// What each place in the code has done so far, by the name of its file.
static COUNTS: Mutex<Option<HashMap<String, u64>>> = Mutex::new(None);

/// A panic as the file has it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Panicked {
    time_ms: i64,
    version: String,
    message: String,
    thread: String,
    place: String,
    stack: String,
    /// How often, since the file was begun.
    count: u64,
}

/// The folder for these files.
pub(super) fn folder(state: &Path) -> PathBuf {
    state.join("panics")
}

/// How many panics this process has seen.
pub(super) fn count() -> u64 {
    PANICS.load(Ordering::Acquire)
}

/// Has every panic of this process written down in the state folder, and then told as before.
pub fn write_down_panics(state: &Path) {
    let folder = folder(state);
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        write_down(&folder, panic);
        before(panic);
    }));
}

fn write_down(folder: &Path, panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let name = file_name(&place);
    // A thread that panics while it holds this waits for nobody.
    let count = match COUNTS.try_lock() {
        Ok(mut counts) => count_up(&mut counts, &name),
        Err(TryLockError::Poisoned(poisoned)) => count_up(&mut poisoned.into_inner(), &name),
        Err(TryLockError::WouldBlock) => Some(1),
    };
    let Some(count) = count else { return };
    let thread = std::thread::current();
    let panicked = Panicked {
        time_ms: crate::clock::wall().millis(),
        version: env!("CARGO_PKG_VERSION").into(),
        message: clip(panic.payload_as_str().unwrap_or("a value that is no text"), MAX_MESSAGE),
        thread: thread.name().unwrap_or("unnamed").to_owned(),
        place,
        stack: clip(&Backtrace::force_capture().to_string(), MAX_STACK),
        count,
    };
    if fieldrail_store::state::save(&folder.join(name), &panicked).is_ok() {
        PANICS.fetch_add(1, Ordering::Release);
    }
}

fn count_up(counts: &mut Option<HashMap<String, u64>>, name: &str) -> Option<u64> {
    let counts = counts.get_or_insert_default();
    if counts.len() >= MOST_FILES && !counts.contains_key(name) {
        return None;
    }
    let count = counts.entry(name.to_owned()).or_default();
    *count += 1;
    Some(*count)
}

/// `src/node.rs:7:5` as the name of a file.
fn file_name(place: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let tail: String = place.chars().rev().take(80).collect::<Vec<_>>().into_iter().rev().map(plain).collect();
    format!("{tail}.json")
}

/// The panics that were written down, each with its count. Their files are gone afterwards.
pub(super) fn take_up(state: &Path) -> Vec<(Raw, u64)> {
    let Ok(files) = std::fs::read_dir(folder(state)) else { return Vec::new() };
    // Held so that no count is lost between reading and removing.
    let mut counts = COUNTS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut found = Vec::new();
    for file in files.flatten().take(2 * MOST_FILES) {
        let path = file.path();
        let fits = file.metadata().is_ok_and(|about| about.is_file() && about.len() <= MOST_BYTES);
        let panicked = fits.then(|| std::fs::read(&path).ok()).flatten();
        let panicked = panicked.and_then(|bytes| serde_json::from_slice::<Panicked>(&bytes).ok());
        found.extend(panicked.map(|panicked| (raw(&panicked), panicked.count)));
        let _ = std::fs::remove_file(&path);
        if let (Some(counts), Some(name)) = (counts.as_mut(), path.file_name().and_then(|name| name.to_str())) {
            counts.remove(name);
        }
    }
    found
}

fn raw(panicked: &Panicked) -> Raw {
    Raw {
        time_ms: panicked.time_ms,
        thread: Some(panicked.thread.clone()),
        place: panicked.place.clone(),
        frames: rust_frames(&panicked.stack),
        stack: panicked.stack.clone(),
        version: Some(panicked.version.clone()),
        ..Raw::new(ErrorKind::DaemonPanic, "panic", &panicked.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(never)]
    fn falls(n: usize) {
        panic!("own panic number {n} of the test");
    }

    #[test]
    fn a_panic_of_the_daemon_is_on_the_disk_at_once_and_is_taken_up_once() {
        let state = tempfile::tempdir().unwrap();
        write_down_panics(state.path());
        for n in 0..3 {
            std::panic::catch_unwind(|| falls(n)).unwrap_err();
        }
        let files: Vec<_> = std::fs::read_dir(folder(state.path())).unwrap().flatten().collect();
        assert!(files.iter().any(|file| file.file_name().to_string_lossy().contains("own_rs")), "{files:?}");
        let of_this_test = |(raw, _): &(Raw, u64)| raw.message.starts_with("own panic");
        let found: Vec<_> = take_up(state.path()).into_iter().filter(of_this_test).collect();
        let [(raw, 3)] = &found[..] else { panic!("{found:?}") };
        assert_eq!(raw.message, "own panic number 2 of the test");
        assert!(raw.place.contains("own.rs"), "{}", raw.place);
        assert!(raw.frames[0].function.contains("falls"), "{:?}", raw.frames);
        assert_eq!(take_up(state.path()).into_iter().filter(of_this_test).count(), 0);
    }

    #[test]
    fn a_file_that_is_none_of_ours_harms_nothing() {
        let state = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder(state.path())).unwrap();
        for (name, text) in [("a.json", "{"), ("b.json", "[]"), ("c", "")] {
            std::fs::write(folder(state.path()).join(name), text).unwrap();
        }
        assert!(take_up(state.path()).is_empty());
        assert!(take_up(&state.path().join("nowhere")).is_empty());
    }
}
