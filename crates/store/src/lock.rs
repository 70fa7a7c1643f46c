//! One editor at a time: a lock on a file beside the document, seen by the daemon and the command line alike.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::atomic::{belong_as, flags};
use crate::error::FileError;

/// How long an edit waits for another one. Edits take milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// The right to edit; given back when dropped, by the kernel if need be.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "holds the lock for as long as it is open")] File);

impl Lock {
    /// Waits for the lock at `path`, which is created when missing.
    pub(crate) fn wait(path: &Path) -> Result<Self, FileError> {
        Self::within(path, PATIENCE)
    }

    fn within(path: &Path, patience: Duration) -> Result<Self, FileError> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(flags(rustix::fs::OFlags::NOFOLLOW))
            .open(path)
            .map_err(|error| FileError::io("lock", path, error))?;
        belong_as(&file, path.parent().and_then(|folder| fs::metadata(folder).ok()));
        let since = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::WouldBlock) if since.elapsed() < patience => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(error) => return Err(FileError::io("lock", path, error.into())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_editor_waits_and_then_says_who_is_in_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".a.json.lock");
        let first = Lock::wait(&path).unwrap();
        let error = Lock::within(&path, Duration::ZERO).unwrap_err();
        assert_eq!(error.hint(), Some("another Fieldrail process is editing this file: try again"));
        drop(first);
        assert!(Lock::within(&path, Duration::ZERO).is_ok());
    }
}
