//! Files of `/proc` and of control groups that are read again and again: kept open, since finding one costs the kernel more
//! than reading it.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::Resource;

/// As much as is read of a file.
pub(super) const PAGE: usize = 4096;

/// How many are open now.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// How many may be: a quarter of the descriptors of this process. What comes after that is opened for each reading.
static MOST: LazyLock<usize> = LazyLock::new(|| {
    let limit = rustix::process::getrlimit(Resource::Nofile).current.unwrap_or(4096);
    usize::try_from(limit / 4).unwrap_or(usize::MAX)
});

/// A file that fits into one page.
#[derive(Debug)]
pub(crate) struct Page {
    path: PathBuf,
    file: Option<Kept>,
}

impl Page {
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), file: None }
    }

    /// What stands in it now; none if it is not there or is no text.
    pub(crate) fn read(&mut self) -> Option<String> {
        if let Some(Kept(file)) = &self.file {
            if let Some(text) = read(file) {
                return Some(text);
            }
            // It was that of a process that is gone; there may be another of the same name.
            self.file = None;
        }
        let file = File::open(&self.path).ok()?;
        let text = read(&file);
        self.file = text.is_some().then(|| Kept::new(file)).flatten();
        text
    }
}

fn read(file: &File) -> Option<String> {
    let mut page = [0; PAGE];
    let count = file.read_at(&mut page, 0).ok()?;
    std::str::from_utf8(&page[..count]).ok().map(str::to_owned)
}

/// A file that counts among the open ones.
#[derive(Debug)]
struct Kept(File);

impl Kept {
    fn new(file: File) -> Option<Self> {
        let room = OPEN.fetch_add(1, Ordering::Relaxed) < *MOST;
        let kept = Self(file);
        room.then_some(kept)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_what_stands_in_it_now_and_not_what_stood_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("usage");
        let mut page = Page::new(&path);
        assert_eq!(page.read(), None);
        std::fs::write(&path, "17\n").unwrap();
        assert_eq!(page.read().as_deref(), Some("17\n"));
        std::fs::write(&path, "9\n").unwrap();
        assert_eq!(page.read().as_deref(), Some("9\n"));
    }

    #[test]
    fn the_page_of_a_process_that_is_gone_is_gone() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let mut page = Page::new(format!("/proc/{}/stat", child.id()));
        assert!(page.read().is_some_and(|text| text.contains("(sleep)")));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(page.read(), None);
    }
}
