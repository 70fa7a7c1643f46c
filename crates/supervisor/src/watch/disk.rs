//! The thread that measures what the folders of instances hold. A folder may be large and a disk slow, so it is none of the
//! other thread's turns.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, PoisonError, Weak};
use std::time::{Duration, Instant};

use fieldrail_model::InstanceId;

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

/// After so long a folder is looked at even if its instance has done nothing: others may write there too.
const RESTED: Duration = Duration::from_secs(30);

/// What was found at the last look at an instance that is alone in its processes.
struct Found {
    pid: u32,
    ticks: u64,
    limit: u64,
    at: Instant,
}

impl Found {
    /// Whether nothing can have changed: a folder is filled by whoever uses the processor. In the part of a tick that does not
    /// show yet (10 ms) no disk takes more than some megabytes.
    fn holds(&self, pid: u32, ticks: u64, limit: u64) -> bool {
        (self.pid, self.ticks, self.limit) == (pid, ticks, limit) && self.at.elapsed() < RESTED
    }
}

/// Goes round until the sender is dropped or the house is gone.
pub(super) fn go_on(instances: &Weak<Instances>, ended: &Receiver<()>) {
    let mut found: HashMap<InstanceId, Found> = HashMap::new();
    loop {
        let begun = Instant::now();
        let Some(instances) = instances.upgrade() else { return };
        let all: Vec<Arc<Shared>> =
            instances.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        drop(instances);
        found.retain(|id, _| all.iter().any(|shared| shared.id == *id));
        for shared in &all {
            look(shared, &mut found);
        }
        let wait = (begun.elapsed() * PART).clamp(ROUND, LONGEST);
        if !matches!(ended.recv_timeout(wait), Err(RecvTimeoutError::Timeout)) {
            return;
        }
    }
}

fn look(shared: &Shared, found: &mut HashMap<InstanceId, Found>) {
    let Some(subject) = shared.subject() else { return };
    let (Some(limit), Some(folder)) = (subject.limits.disk_bytes, shared.state_dir()) else { return };
    let ticks = if subject.alone { tree::ticks_of(subject.pid) } else { None };
    if let Some(ticks) = ticks {
        if found.get(&shared.id).is_some_and(|found| found.holds(subject.pid, ticks, limit)) {
            return;
        }
        found.insert(shared.id.clone(), Found { pid: subject.pid, ticks, limit, at: Instant::now() });
    }
    let pids = if subject.alone { vec![subject.pid] } else { tree::grown(&[subject.pid]) };
    match held(&folder) {
        Some(bytes) => shared.fill(subject.generation, bytes + unlinked(&pids), limit),
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

/// What these processes keep open of files that have no name any more, in bytes.
fn unlinked(pids: &[u32]) -> u64 {
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
    let mut files: Vec<(u64, u64, u64)> = pids.iter().flat_map(|&pid| -> Vec<_> { of_process(pid) }).collect();
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
        assert!(unlinked(&[std::process::id()]) >= 1 << 20);
    }
}
