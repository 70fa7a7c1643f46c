//! Who did what: rows that bear the hash of the row before them, in the same database as the log.
//!
//! Each row's hash is SHA-256 over the hash of the row before and over the row itself, each of its parts with its length
//! before it. When old rows are deleted, number and hash of the last deleted one stay as the anchor of the rest; number and
//! hash of the newest one stay as the head, so that rows missing at the end are noticed too.
//!
//! Invariants: rows are deleted from the oldest on only; a row, its head and its anchor are written in one transaction; what
//! [`AuditTrail::append`] has returned for outlives the process. Whoever may write the file can compute all hashes anew:
//! against them only a head that was noted elsewhere helps ([`Verdict::heads`]).

mod table;

use std::sync::Arc;

use fieldrail_model::Timestamp;

use crate::logs::{LogError, Logs};
use crate::visible::visible;

pub(crate) use table::CREATE;

/// Which rows push each other out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trail {
    /// What changes the house: configuration, people, processes, panic. Few rows, kept long.
    House,
    /// What is frequent, or can be made frequent by somebody without rights: values that were written, refused tries.
    Values,
}

impl Trail {
    /// Both.
    pub const ALL: [Self; 2] = [Self::House, Self::Values];

    /// The word in the API: `house` or `values`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::House => "house",
            Self::Values => "values",
        }
    }

    fn stored(self) -> i64 {
        self as i64
    }
}

/// One deed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When it was done.
    pub time: Timestamp,
    /// Which rows it pushes out.
    pub trail: Trail,
    /// Who did it.
    pub by: String,
    /// What was done.
    pub action: String,
    /// To what.
    pub target: String,
    /// How it ended.
    pub outcome: String,
    /// Values, or why it was refused.
    pub detail: String,
}

/// Longest parts that are stored, in bytes.
const MAX_BY: usize = 128;
const MAX_ACTION: usize = 96;
const MAX_TARGET: usize = 256;
const MAX_OUTCOME: usize = 32;
const MAX_DETAIL: usize = 400;

impl AuditEntry {
    /// This entry as it may be stored and shown.
    fn harmless(&self) -> Self {
        Self {
            time: self.time,
            trail: self.trail,
            by: visible(&self.by, MAX_BY),
            action: visible(&self.action, MAX_ACTION),
            target: visible(&self.target, MAX_TARGET),
            outcome: visible(&self.outcome, MAX_OUTCOME),
            detail: visible(&self.detail, MAX_DETAIL),
        }
    }
}

/// A deed as it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// Counts the rows of its trail from 1, without gaps.
    pub seq: i64,
    /// Rises with each row of both trails.
    pub id: i64,
    /// The deed.
    pub entry: AuditEntry,
    /// Over the row before and this one.
    pub hash: [u8; 32],
}

/// How many rows are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditLimits {
    /// Of [`Trail::House`].
    pub house: u64,
    /// Of [`Trail::Values`].
    pub values: u64,
}

impl Default for AuditLimits {
    fn default() -> Self {
        Self { house: 50_000, values: 25_000 }
    }
}

impl AuditLimits {
    fn of(self, trail: Trail) -> u64 {
        match trail {
            Trail::House => self.house,
            Trail::Values => self.values,
        }
    }
}

/// Which rows are asked for; all of them by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Of this trail only.
    pub trail: Option<Trail>,
    /// By exactly this one.
    pub by: Option<String>,
    /// With this text in what was done, to what, or the detail, in upper or lower case.
    pub search: Option<String>,
    /// Older than the row with this id: the next page.
    pub before: Option<i64>,
    /// How many rows at most; 0 stands for 100, and 1,000 is the most there is.
    pub limit: usize,
}

/// The first row of a trail that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenRow {
    /// Its trail.
    pub trail: Trail,
    /// Its number.
    pub seq: i64,
    /// What is wrong.
    pub why: &'static str,
}

/// Where a trail stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Which.
    pub trail: Trail,
    /// The newest row, 0 before the first.
    pub seq: i64,
    /// Its hash.
    pub hash: [u8; 32],
}

/// What the rows prove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Rows that were looked at.
    pub rows: u64,
    /// Rows that were deleted in order before these.
    pub deleted: u64,
    /// The first row of each trail that is not as it was written.
    pub broken: Vec<BrokenRow>,
    /// The newest row of each trail. Who notes them elsewhere can tell later whether the trails were written anew.
    pub heads: Vec<Head>,
}

/// The trails.
#[derive(Debug, Clone)]
pub struct AuditTrail {
    logs: Arc<Logs>,
    limits: AuditLimits,
}

impl AuditTrail {
    /// The trails in this database.
    pub fn new(logs: Arc<Logs>) -> Self {
        Self::with_limits(logs, AuditLimits::default())
    }

    /// [`AuditTrail::new`] with other bounds.
    pub fn with_limits(logs: Arc<Logs>, limits: AuditLimits) -> Self {
        Self { logs, limits }
    }

    /// Writes all `entries`, or none of them. When it returns they outlive the process, and those of [`Trail::House`] a
    /// loss of power too.
    pub fn append(&self, entries: &[AuditEntry]) -> Result<(), LogError> {
        if entries.is_empty() {
            return Ok(());
        }
        let entries: Vec<AuditEntry> = entries.iter().map(AuditEntry::harmless).collect();
        self.logs.write(|connection| table::append(connection, &entries, self.limits))
    }

    /// The rows that pass `filter`, the newest first.
    pub fn query(&self, filter: &AuditFilter) -> Result<Vec<AuditRecord>, LogError> {
        self.logs.read(|connection| table::query(connection, filter))
    }

    /// Computes all hashes anew. It reads beside everything else and holds up nobody.
    pub fn verify(&self) -> Result<Verdict, LogError> {
        let mut connection = self.logs.another_reader()?;
        Ok(table::verify(&mut connection)?)
    }
}

#[cfg(test)]
mod tests;
