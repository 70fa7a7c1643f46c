//! A little room on the disk that is kept for the start and for a panic: a database cannot be opened, nor the door or the
//! latch written, on a disk without a single free block.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::Options;
use crate::machine::disk;

/// The name in the folder.
const NAME: &str = ".reserve";

/// So much is kept, in bytes: some files of the size that the house writes at its start.
const SIZE: u64 = 4 << 20;

/// It is laid in only where so many times its size is free.
const SPARE: u64 = 8;

/// The files that keep the room: one in each folder that the house writes.
pub(crate) struct Reserve(Vec<PathBuf>);

impl Reserve {
    pub(crate) fn of(options: &Options) -> Self {
        Self([&options.config, &options.state].map(|folder| folder.join(NAME)).into())
    }

    /// Gives the room away where there is no other.
    pub(crate) fn give_way(&self) {
        for path in &self.0 {
            if path.exists() && free(path) < SIZE {
                let _ = fs::remove_file(path);
            }
        }
    }

    /// Lays the room in again where there is plenty. What cannot be laid in is not: it is a convenience.
    pub(crate) fn keep(&self) {
        for path in &self.0 {
            let is_there = fs::metadata(path).is_ok_and(|about| about.len() == SIZE);
            if !is_there && free(path) >= SIZE * SPARE && lay_in(path).is_err() {
                let _ = fs::remove_file(path);
            }
        }
    }
}

fn free(path: &Path) -> u64 {
    path.parent().and_then(disk).map_or(u64::MAX, |disk| disk.free)
}

fn lay_in(path: &Path) -> std::io::Result<()> {
    let file = File::create(path)?;
    rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, SIZE)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_is_laid_in_once_where_there_is_plenty() {
        let folder = tempfile::tempdir().unwrap();
        let reserve = Reserve(vec![folder.path().join(NAME)]);
        reserve.keep();
        let about = fs::metadata(folder.path().join(NAME)).unwrap();
        assert_eq!(about.len(), SIZE);
        reserve.give_way();
        assert!(folder.path().join(NAME).exists(), "this disk has room");
    }
}
