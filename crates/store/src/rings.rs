//! Figures over thirty days in a file of fixed size: finer for the last hours, coarser before.
//!
//! Three rings in one file. The place of a bucket follows from its time, so nothing but the bucket itself is written, and a
//! write that broke off costs that bucket alone: each carries its number and a checksum. The last minutes are kept in memory
//! second by second. Reading order: [`Rings`], `slot` a bucket as bytes.
//!
//! Invariants: the file never grows; what is not there is a gap and no zero; a write that fails is a gap and nothing else.

mod slot;

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::error::FileError;

pub use slot::Bucket;

/// Seconds that are kept one by one in memory.
pub const RECENT_S: i64 = 600;

/// Buckets that one [`Rings::query`] gives back at most.
pub const MAX_BUCKETS: usize = 2000;

/// Finished buckets that wait for [`Rings::write`], at the most; the oldest are lost.
const MAX_DUE: usize = 64;

/// The length of a bucket in seconds, and how many there are.
const TIERS: [(i64, i64); 3] = [(10, 6 * 360), (60, 2 * 1440), (900, 30 * 96)];

/// What the file begins with; its end changes with the layout.
const MAGIC: &[u8; 8] = b"FRRINGS1";

/// Bytes before the first bucket: the magic, a hash of the names of the figures.
const HEAD: u64 = 16;

/// The figures of one subject.
#[derive(Debug)]
pub struct Rings {
    path: PathBuf,
    file: File,
    fields: usize,
    recent: VecDeque<(i64, Box<[f32]>)>,
    open: [Option<(i64, Bucket)>; TIERS.len()],
    /// Finished and not on disk yet: tier, number, bucket.
    due: VecDeque<(usize, i64, Bucket)>,
}

/// What was found of a time.
#[derive(Debug, Clone, PartialEq)]
pub struct Buckets {
    /// The length of each bucket in seconds.
    pub step_s: i64,
    /// The beginning of each, in seconds since 1970 UTC, rising; those without anything are left out.
    pub buckets: Vec<(i64, Bucket)>,
}

impl Rings {
    /// Opens the file at `path`, or begins one; a file of other figures, or of another layout, is begun anew. A figure that
    /// cannot be measured is `NaN`.
    pub fn open(path: &Path, fields: &[&str], now_s: i64) -> Result<Self, FileError> {
        let fault = |error| FileError::io("open", path, error);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(fault)?;
        }
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
        let file = file.map_err(fault)?;
        let mut head = MAGIC.to_vec();
        head.extend(slot::hash(fields.join("\n").as_bytes()).to_le_bytes());
        head.resize(usize::try_from(HEAD).unwrap_or(0), 0);
        let mut found = vec![0; head.len()];
        if file.read_exact_at(&mut found, 0).is_err() || found != head {
            file.set_len(0).and_then(|()| file.write_all_at(&head, 0)).map_err(fault)?;
        }
        let (recent, due) = (VecDeque::new(), VecDeque::new());
        let mut rings =
            Self { path: path.into(), file, fields: fields.len(), recent, open: std::array::from_fn(|_| None), due };
        // Of a bucket that had begun, the finer ring has what was on disk.
        for tier in 1..TIERS.len() {
            rings.open[tier] = rings.begun(tier, now_s);
        }
        Ok(rings)
    }

    /// The bucket that the time is in, from those of the next finer ring.
    fn begun(&self, tier: usize, now_s: i64) -> Option<(i64, Bucket)> {
        let (step, _) = TIERS[tier];
        let number = now_s.div_euclid(step);
        let mut bucket = Bucket::new(self.fields);
        for (_, part) in self.read(tier - 1, number * step, now_s + 1) {
            bucket.merge(&part);
        }
        (bucket.count > 0).then_some((number, bucket))
    }

    /// Takes the figures of one second, since 1970 UTC. The disk is not touched.
    pub fn push(&mut self, second: i64, figures: &[f32]) {
        debug_assert_eq!(figures.len(), self.fields);
        if self.recent.back().is_some_and(|(last, _)| *last >= second) {
            // The clock was set back.
            self.recent.clear();
        }
        while self.recent.front().is_some_and(|(first, _)| *first <= second - RECENT_S) {
            self.recent.pop_front();
        }
        self.recent.push_back((second, figures.into()));
        for (tier, (step, _)) in TIERS.into_iter().enumerate() {
            let number = second.div_euclid(step);
            let open = &mut self.open[tier];
            if let Some((finished, bucket)) = open.take_if(|(open, _)| *open != number) {
                self.due.push_back((tier, finished, bucket));
            }
            open.get_or_insert_with(|| (number, Bucket::new(self.fields))).1.add(figures);
        }
        while self.due.len() > MAX_DUE {
            self.due.pop_front();
        }
    }

    /// Whether a bucket is finished and not on disk.
    pub fn has_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// Writes what is finished. What cannot be written waits for the next time.
    pub fn write(&mut self) -> Result<(), FileError> {
        while let Some((tier, number, bucket)) = self.due.front() {
            let bytes = bucket.bytes(*number);
            let written = self.file.write_all_at(&bytes, self.place(*tier, *number));
            written.map_err(|error| FileError::io("write", &self.path, error))?;
            self.due.pop_front();
        }
        Ok(())
    }

    /// Writes everything, buckets that are not finished too: for the end.
    pub fn close(mut self) -> Result<(), FileError> {
        for (tier, open) in self.open.iter_mut().enumerate() {
            self.due.extend(open.take().map(|(number, bucket)| (tier, number, bucket)));
        }
        self.write()
    }

    /// What was between two times, both in seconds since 1970 UTC, in at most `most` buckets: from the finest ring that
    /// reaches so far back.
    pub fn query(&self, from: i64, to: i64, most: usize, now_s: i64) -> Buckets {
        let most = i64::try_from(most.clamp(1, MAX_BUCKETS)).unwrap_or(1);
        let from = from.max(now_s - TIERS[2].0 * TIERS[2].1);
        let to = to.max(from);
        let is_recent = self.recent.front().is_some_and(|(first, _)| *first <= from);
        let reaches = |(step, count): &(i64, i64)| from >= now_s - step * count;
        let tier = TIERS.iter().position(reaches).unwrap_or(TIERS.len() - 1);
        let (finest, found) =
            if is_recent { (1, self.seconds(from, to)) } else { (TIERS[tier].0, self.all(tier, from, to)) };
        // Whole buckets of the ring, so that each value counts once.
        let parts = ((to - from) / finest + 1).div_euclid(most) + i64::from(((to - from) / finest + 1) % most > 0);
        let step_s = finest * parts.max(1);
        let mut buckets: Vec<(i64, Bucket)> = Vec::new();
        for (time, bucket) in found {
            let begin = time - (time - from).rem_euclid(step_s);
            match buckets.last_mut().filter(|(last, _)| *last == begin) {
                Some((_, last)) => last.merge(&bucket),
                None => buckets.push((begin, bucket)),
            }
        }
        Buckets { step_s, buckets }
    }

    fn seconds(&self, from: i64, to: i64) -> Vec<(i64, Bucket)> {
        let within = self.recent.iter().filter(|(second, _)| (from..=to).contains(second));
        let bucket = |(second, figures): &(i64, Box<[f32]>)| {
            let mut bucket = Bucket::new(self.fields);
            bucket.add(figures);
            (*second, bucket)
        };
        within.map(bucket).collect()
    }

    /// What is on disk and what is not there yet, by the beginnings of the buckets in seconds.
    fn all(&self, tier: usize, from: i64, to: i64) -> Vec<(i64, Bucket)> {
        let step = TIERS[tier].0;
        let mut found = self.read(tier, from, to + 1);
        let due = self.due.iter().filter(|(of, ..)| *of == tier).map(|(_, number, bucket)| (number * step, bucket));
        let open = self.open[tier].iter().map(|(number, bucket)| (number * step, bucket));
        for (time, bucket) in due.chain(open).filter(|(time, _)| time + step > from && *time <= to) {
            match found.binary_search_by_key(&time, |(time, _)| *time) {
                Ok(at) => found[at].1 = bucket.clone(),
                Err(at) => found.insert(at, (time, bucket.clone())),
            }
        }
        found
    }

    /// What is on disk of the buckets that touch this time; the end does not count.
    fn read(&self, tier: usize, from: i64, end: i64) -> Vec<(i64, Bucket)> {
        let (step, count) = TIERS[tier];
        let last = (end - 1).div_euclid(step);
        let first = from.div_euclid(step).max(last - count + 1);
        let size = slot::size(self.fields);
        let mut bytes = vec![0; size];
        let mut found = Vec::new();
        for number in first..=last {
            // A part of the file that was never written is a hole or behind its end.
            if self.file.read_exact_at(&mut bytes, self.place(tier, number)).is_ok() {
                found.extend(Bucket::read(&bytes, number, self.fields).map(|bucket| (number * step, bucket)));
            }
        }
        found
    }

    fn place(&self, tier: usize, number: i64) -> u64 {
        let before: i64 = TIERS[..tier].iter().map(|(_, count)| count).sum();
        let slot = before + number.rem_euclid(TIERS[tier].1);
        HEAD + u64::try_from(slot).unwrap_or(0) * slot::size(self.fields) as u64
    }
}

#[cfg(test)]
mod tests;
