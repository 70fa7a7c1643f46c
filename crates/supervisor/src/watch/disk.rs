//! The thread that measures what the folders of instances hold. A folder may be large and a disk slow, so it is none of the
//! other thread's turns.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::Instances;
use crate::instance::Shared;
use crate::process::tree;

/// Between two rounds, if they are short.
const ROUND: Duration = Duration::from_secs(2);

/// A round may take this part of the time at most: one of 20.
const PART: u32 = 20;

/// The longest time between two rounds.
const LONGEST: Duration = Duration::from_secs(3);

/// Files and folders that an instance may keep; with more it counts as over its limit.
const MOST_FILES: usize = 20_000;

/// What an empty file counts: its name and its inode take room too.
const LEAST_BYTES: u64 = 4096;

/// A unit of `st_blocks`.
const BLOCK: u64 = 512;

/// Goes round until the sender is dropped or the house is gone.
pub(super) fn go_on(instances: &Weak<Instances>, ended: &Receiver<()>) {
    loop {
        let begun = Instant::now();
        let Some(instances) = instances.upgrade() else { return };
        let all: Vec<Arc<Shared>> =
            instances.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        drop(instances);
        for shared in &all {
            look(shared);
        }
        let wait = (begun.elapsed() * PART).clamp(ROUND, LONGEST);
        if !matches!(ended.recv_timeout(wait), Err(RecvTimeoutError::Timeout)) {
            return;
        }
    }
}

fn look(shared: &Shared) {
    let Some(subject) = shared.subject() else { return };
    let (Some(limit), Some(folder)) = (subject.limits.disk_bytes, shared.state_dir()) else { return };
    match held(&folder) {
        Some(bytes) => shared.fill(subject.generation, bytes + unlinked(subject.pid), limit),
        None => shared.too_many_files(subject.generation, MOST_FILES),
    }
}

/// What lies below a folder, in bytes of the disk; links are not followed. None if there is too much to count.
fn held(folder: &Path) -> Option<u64> {
    let (mut bytes, mut files) = (0, 0);
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            files += 1;
            if files > MOST_FILES {
                return None;
            }
            // That of the entry itself, not of what it leads to.
            let Ok(of) = entry.metadata() else { continue };
            let size = (of.blocks() * BLOCK).max(LEAST_BYTES);
            if of.is_dir() {
                bytes += size;
                waiting.push(entry.path());
            } else {
                bytes += size / of.nlink().max(1);
            }
        }
    }
    Some(bytes)
}

/// What its processes keep open of files that have no name any more, in bytes.
fn unlinked(pid: u32) -> u64 {
    let of_process = |pid: u32| {
        let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let nameless = entries.filter(|entry| {
            fs::read_link(entry.path()).is_ok_and(|to| {
                let to = to.to_string_lossy();
                to.ends_with(" (deleted)") && !to.starts_with("/memfd:") && !to.starts_with("/dev/")
            })
        });
        let of = nameless.filter_map(|entry| fs::metadata(entry.path()).ok());
        of.filter(|of| of.is_file() && of.nlink() == 0).map(|of| (of.dev(), of.ino(), of.blocks() * BLOCK)).collect()
    };
    let mut files: Vec<(u64, u64, u64)> =
        tree::grown(&[pid]).into_iter().flat_map(|pid| -> Vec<_> { of_process(pid) }).collect();
    files.sort_unstable();
    files.dedup_by_key(|(device, inode, _)| (*device, *inode));
    files.into_iter().map(|(.., bytes)| bytes).sum()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn what_a_folder_holds_is_counted_without_following_links() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("deep")).unwrap();
        fs::write(folder.path().join("deep/a"), vec![7; 1 << 20]).unwrap();
        std::os::unix::fs::symlink("/usr", folder.path().join("usr")).unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("round")).unwrap();
        let bytes = held(folder.path()).unwrap();
        assert!((1 << 20..2 << 20).contains(&bytes), "{bytes}");
        fs::hard_link(folder.path().join("deep/a"), folder.path().join("b")).unwrap();
        let bytes = held(folder.path()).unwrap();
        assert!((1 << 20..2 << 20).contains(&bytes), "one file with two names counts once: {bytes}");
    }

    #[test]
    fn empty_files_count_too() {
        let folder = tempfile::tempdir().unwrap();
        (0..500).for_each(|n| fs::write(folder.path().join(n.to_string()), "").unwrap());
        assert_eq!(held(folder.path()), Some(500 * LEAST_BYTES));
    }

    #[test]
    fn a_file_that_was_unlinked_and_is_held_open_counts() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![7; 1 << 20]).unwrap();
        file.sync_all().unwrap();
        assert!(unlinked(std::process::id()) >= 1 << 20);
    }
}
