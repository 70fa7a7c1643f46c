//! What a plugin may have of the machine, as the node decided from its manifest and its configuration.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// What a plugin may have beyond its own folders.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Permissions {
    /// Files and folders to read.
    pub read: Vec<PathBuf>,
    /// Files, folders and devices to read and write.
    pub write: Vec<PathBuf>,
    /// Whether it gets sockets.
    pub network: bool,
    /// Whether it may start processes of its own.
    pub children: bool,
    /// What it asked for and does not get, in words.
    pub refused: Vec<String>,
}

/// Which file a path leads to: device and number of the inode; none if there is no such file.
pub(crate) type Identity = Option<(u64, u64)>;

/// Paths that a plugin may use, each with the file that it led to when the plugin was started. The kernel opens the file and
/// not the path: what takes its place later (an adapter plugged in anew, a renewed certificate) stays shut to the plugin.
#[derive(Debug, Clone, Default)]
pub(crate) struct Opened(Vec<(PathBuf, Identity)>);

impl Opened {
    pub(crate) fn now(permissions: &Permissions) -> Self {
        let all = permissions.read.iter().chain(&permissions.write);
        Self(all.map(|path| (path.clone(), identity(path))).collect())
    }

    /// A path that leads to another file by now; one that leads nowhere does not count.
    pub(crate) fn replaced(&self) -> Option<&Path> {
        let found = self.0.iter().find(|(path, then)| identity(path).is_some_and(|now| Some(now) != *then));
        found.map(|(path, _)| path.as_path())
    }
}

fn identity(path: &Path) -> Identity {
    fs::metadata(path).ok().map(|of| (of.dev(), of.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_took_the_place_of_another_is_noticed_and_one_that_is_gone_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let permissions = Permissions { read: vec![path.clone()], ..Permissions::default() };
        let before = Opened::now(&permissions);
        assert_eq!(before.replaced(), None, "neither was there nor is");
        fs::write(&path, "one").unwrap();
        assert_eq!(before.replaced(), Some(path.as_path()), "it came");
        let opened = Opened::now(&permissions);
        fs::write(folder.path().join("new"), "two").unwrap();
        fs::rename(folder.path().join("new"), &path).unwrap();
        assert_eq!(opened.replaced(), Some(path.as_path()), "another took its place");
        let opened = Opened::now(&permissions);
        fs::write(&path, "three").unwrap();
        assert_eq!(opened.replaced(), None, "the same file with another content");
        fs::remove_file(&path).unwrap();
        assert_eq!(opened.replaced(), None, "it is gone");
    }
}
