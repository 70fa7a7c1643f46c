//! Noticing that somebody edits the configuration by hand.
//!
//! The folder is watched, not the files: editors replace a file rather than writing into it. What changed is told by
//! name; whether its content is new is for [`Document::refresh`](crate::Document::refresh) to find, which knows its own
//! writes again.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify_debouncer_full::notify::{self, EventKind, RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};

use crate::document::stem;
use crate::error::FileError;

/// How long a file must be left alone before its change is told: editors save in several steps.
const QUIET: Duration = Duration::from_millis(150);

/// Between two looks whether that time is over. The library's own choice is a quarter of it, which wakes an idle box 27 times a
/// second.
const TICK: Duration = QUIET;

/// Tells of changes until it is dropped.
#[must_use = "a watcher that is dropped watches nothing"]
pub struct Watcher {
    _debouncer: Debouncer<RecommendedWatcher, RecommendedCache>,
}

impl std::fmt::Debug for Watcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watcher")
    }
}

impl Watcher {
    /// Calls `changed` from a thread of its own with the names of the `.json` files in `folder` that were written,
    /// replaced or removed, own writes among them. When the kernel has lost events, all names in the folder are told.
    pub fn start(folder: &Path, changed: impl Fn(&[String]) + Send + 'static) -> Result<Self, FileError> {
        let watched = folder.to_path_buf();
        let tell = move |result: DebounceEventResult| {
            let names = match result {
                Ok(events) if !events.iter().any(|event| event.need_rescan()) => {
                    let written = events.iter().filter(|event| !matches!(event.kind, EventKind::Access(_)));
                    document_names(written.flat_map(|event| event.paths.iter().cloned()))
                }
                _ => all_names(&watched),
            };
            if !names.is_empty() {
                changed(&names);
            }
        };
        let debouncer = new_debouncer(QUIET, Some(TICK), tell).and_then(|mut debouncer| {
            debouncer.watch(folder, RecursiveMode::NonRecursive)?;
            Ok(debouncer)
        });
        let refused = |error: notify::Error| match error.kind {
            notify::ErrorKind::Io(error) => FileError::io("watch", folder, error),
            kind => FileError::at(&folder.display().to_string(), None, "", &format!("cannot watch it: {kind:?}"), None),
        };
        debouncer.map(|debouncer| Self { _debouncer: debouncer }).map_err(refused)
    }
}

fn all_names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    document_names(entries.map(|entry| entry.path()))
}

/// The names of documents among these files, each once; temporary and lock files are called otherwise.
fn document_names(paths: impl Iterator<Item = PathBuf>) -> Vec<String> {
    let name = |path: PathBuf| path.file_name()?.to_str().filter(|name| stem(name).is_ok()).map(String::from);
    paths.filter_map(name).collect::<BTreeSet<_>>().into_iter().collect()
}
