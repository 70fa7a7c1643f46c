//! A file that is either the old one or the new one, whatever happens in between.
//!
//! Written beside its target, brought to the disk, renamed over it, and the folder brought to the disk too. What a
//! crash leaves behind is a `.NAME.*.tmp` that nothing reads; [`remove_leftovers`] takes it away.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::FileError;

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody on this machine (0644), unless the file that is there says otherwise.
    Shared,
    /// Its owner alone (0600): passwords, keys, logs.
    Private,
}

/// Replaces the file at `path` by one with these contents, or leaves it as it is.
pub fn write(path: &Path, contents: &[u8], access: Access) -> Result<(), FileError> {
    Staged::new(path, contents, access)?.commit()
}

/// The contents of the plain file at `path`, at most `max_bytes` of them.
pub fn read(path: &Path, max_bytes: u64) -> Result<Vec<u8>, FileError> {
    let file = open(path).map_err(|error| FileError::io("read", path, error))?;
    let size = file.metadata().map_err(|error| FileError::io("read", path, error))?;
    let refuse = |what: &str| Err(FileError::at(&path.display().to_string(), None, "", what, None));
    if !size.is_file() {
        return refuse("this is no plain file");
    }
    let mut contents = Vec::new();
    file.take(max_bytes + 1).read_to_end(&mut contents).map_err(|error| FileError::io("read", path, error))?;
    if contents.len() as u64 > max_bytes {
        return refuse(&format!("larger than {} MiB", max_bytes >> 20));
    }
    Ok(contents)
}

/// Opens without waiting, so that a pipe under the name of a file cannot stop the daemon.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(flags(rustix::fs::OFlags::NONBLOCK)).open(path)
}

pub(crate) fn flags(flags: rustix::fs::OFlags) -> i32 {
    flags.bits().cast_signed()
}

/// New contents on the disk, beside the file they are to replace. Dropped without [`Staged::commit`], they are gone.
#[derive(Debug)]
pub(crate) struct Staged {
    temporary: PathBuf,
    target: PathBuf,
}

impl Staged {
    pub(crate) fn new(path: &Path, contents: &[u8], access: Access) -> Result<Self, FileError> {
        // A link stays a link: people keep their configuration in a repository elsewhere.
        let target = if path.is_symlink() { fs::canonicalize(path) } else { Ok(path.to_path_buf()) };
        target
            .and_then(|target| Self::stage(target, contents, access))
            .map_err(|error| FileError::io("write", path, error))
    }

    fn stage(target: PathBuf, contents: &[u8], access: Access) -> io::Result<Self> {
        let (mut file, temporary) = create_beside(&target)?;
        let staged = Self { temporary, target };
        let existing = fs::metadata(&staged.target).ok();
        let mode = match (access, &existing) {
            (Access::Private, _) => 0o600,
            (Access::Shared, Some(existing)) => existing.mode() & 0o777,
            (Access::Shared, None) => 0o644,
        };
        belong_as(&file, existing.or_else(|| fs::metadata(folder_of(&staged.target)).ok()));
        file.set_permissions(Permissions::from_mode(mode))?;
        file.write_all(contents)?;
        file.sync_all()?;
        Ok(staged)
    }

    /// Puts the new contents in place.
    pub(crate) fn commit(self) -> Result<(), FileError> {
        let folder = folder_of(&self.target);
        let renamed = fs::rename(&self.temporary, &self.target).and_then(|()| File::open(folder)?.sync_all());
        renamed.map_err(|error| FileError::io("write", &self.target, error))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // After a commit there is nothing under this name; if it cannot be removed, the next start does it.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// An edit by `root` on the command line must not take the file away from the user the daemon runs as.
pub(crate) fn belong_as(file: &File, like: Option<fs::Metadata>) {
    if let (Some(like), Ok(own)) = (like, file.metadata())
        && (like.uid(), like.gid()) != (own.uid(), own.gid())
    {
        // Only `root` may give files away; for everybody else the file stays theirs.
        let _ = std::os::unix::fs::fchown(file, Some(like.uid()), Some(like.gid()));
    }
}

fn create_beside(target: &Path) -> io::Result<(File, PathBuf)> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let name = target.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy().into_owned();
    for _ in 0..MAX_NAMES {
        let nth = COUNTER.fetch_add(1, Ordering::Relaxed);
        let path = folder_of(target).join(format!(".{name}.{}-{nth}.tmp", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// How many leftovers of an earlier process with the same number are stepped over.
const MAX_NAMES: usize = 1000;

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Removes what writing the file `name` left in `folder` when it was killed. Nobody may be writing it just now.
pub fn remove_leftovers(folder: &Path, name: &str) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let begin = format!(".{name}.");
    for entry in entries.flatten() {
        let file = entry.file_name();
        let middle = file.to_str().and_then(|file| file.strip_prefix(&begin)?.strip_suffix(".tmp"));
        if middle.is_some_and(|middle| middle.bytes().all(|b| b.is_ascii_digit() || b == b'-')) {
            // One that cannot be removed is never read either.
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn a_new_file_is_shared_a_private_one_is_not_and_a_chosen_mode_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (shared, private) = (folder.path().join("a.json"), folder.path().join("b.json"));
        write(&shared, b"1", Access::Shared).unwrap();
        assert_eq!(mode(&shared), 0o644);
        fs::set_permissions(&shared, Permissions::from_mode(0o640)).unwrap();
        write(&shared, b"2", Access::Shared).unwrap();
        assert_eq!(mode(&shared), 0o640);
        fs::write(&private, b"open").unwrap();
        fs::set_permissions(&private, Permissions::from_mode(0o644)).unwrap();
        write(&private, b"3", Access::Private).unwrap();
        assert_eq!(mode(&private), 0o600);
        assert_eq!(names(folder.path()), ["a.json", "b.json"]);
    }

    #[test]
    fn a_write_that_is_not_committed_leaves_the_old_file_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write(&path, b"old", Access::Shared).unwrap();
        drop(Staged::new(&path, b"new", Access::Shared).unwrap());
        assert_eq!(
            (fs::read(&path).unwrap().as_slice(), names(folder.path())),
            (b"old".as_slice(), vec!["a.json".into()])
        );
    }

    #[test]
    fn a_failed_rename_leaves_no_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("a.json/x")).unwrap();
        let error = write(&folder.path().join("a.json"), b"new", Access::Shared).unwrap_err();
        assert!(error.hint().is_some(), "{error:?}");
        assert_eq!(names(folder.path()), ["a.json"]);
    }

    #[test]
    fn leftovers_of_a_crash_are_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".a.json.17-0.tmp", ".a.json.mine.tmp", ".b.json.17-0.tmp", "a.json"] {
            fs::write(folder.path().join(name), b"half").unwrap();
        }
        remove_leftovers(folder.path(), "a.json");
        assert_eq!(names(folder.path()), [".a.json.mine.tmp", ".b.json.17-0.tmp", "a.json"]);
    }

    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real.json"), folder.path().join("a.json"));
        fs::write(&real, b"old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write(&link, b"new", Access::Shared).unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"new");
    }

    #[test]
    fn neither_a_folder_nor_a_pipe_nor_too_much_is_read() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path(), 10).unwrap_err().to_string().ends_with("no plain file"));
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
        assert!(read(&pipe, 10).unwrap_err().to_string().ends_with("no plain file"));
        let large = folder.path().join("large");
        fs::write(&large, vec![b'x'; (1 << 20) + 1]).unwrap();
        assert!(read(&large, 1 << 20).unwrap_err().to_string().ends_with("larger than 1 MiB"));
    }

    #[test]
    fn a_folder_that_cannot_be_written_says_what_to_try() {
        // Nobody, not even root, creates files there.
        let error = write(Path::new("/proc/self/fieldrail.json"), b"", Access::Shared).unwrap_err();
        assert!(error.io_kind().is_some() && error.hint().is_some(), "{error:?}");
    }
}
