//! What failed, grouped by cause and counted, in the same database as the log; and what of it waits to be forwarded.
//!
//! Ten thousand equal failures are one row with a count, and the newest few of them in full. All of it is bounded: when
//! there are too many causes, those of the same source go first, then of all; resolved ones before open ones, and the one
//! that was quiet for longest before others. What waits to be forwarded lies here until it was taken; when there is too much,
//! the oldest is dropped and counted.

mod outgoing;
mod table;

use std::sync::Arc;
use std::time::Duration;

use fieldrail_model::Timestamp;
use rusqlite::Connection;

use crate::logs::{LogError, Logs};

pub(crate) use table::CREATE;

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorLimits {
    /// Causes.
    pub causes: usize,
    /// Causes of one source: so many different ones that a source that makes them up does not push out those of others.
    pub per_source: usize,
    /// Occurrences in full of one cause.
    pub occurrences: usize,
    /// Bytes of all occurrences.
    pub bytes: u64,
    /// Events that wait to be forwarded.
    pub outgoing: usize,
    /// Their bytes.
    pub outgoing_bytes: u64,
}

impl Default for ErrorLimits {
    fn default() -> Self {
        Self { causes: 500, per_source: 100, occurrences: 20, bytes: 24 << 20, outgoing: 500, outgoing_bytes: 8 << 20 }
    }
}

/// The largest event that is kept, in bytes of JSON; a larger one is only counted.
pub(crate) const MAX_EVENT: usize = 64 << 10;

/// One cause that made itself felt since the last time.
#[derive(Debug, Clone, PartialEq)]
pub struct Happened {
    /// Equal for equal causes.
    pub fingerprint: [u8; 16],
    /// What kind of failure, one word.
    pub kind: String,
    /// What failed, one line.
    pub title: String,
    /// Where: the innermost frame of its own code, or nothing.
    pub place: String,
    /// The instance, or nothing for the daemon itself.
    pub source: String,
    /// The driver, or nothing.
    pub driver: String,
    /// How often, since it was last taken.
    pub count: u64,
    /// The newest of them, the oldest first.
    pub occurrences: Vec<Occurrence>,
    /// What to forward of it.
    pub forward: Option<Forward>,
}

/// One failure in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// When.
    pub time: Timestamp,
    /// The event as JSON, free of secrets.
    pub event: String,
}

/// An event for another server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// The event as JSON, free of secrets.
    pub event: String,
    /// Not again for the same cause within this.
    pub pause: Duration,
}

/// What became of one [`Happened`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Its cause's row.
    pub id: i64,
    /// It is there for the first time, or again after it was resolved.
    pub is_new: bool,
    /// It waits to be forwarded.
    pub forwarded: bool,
}

/// One cause with its count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorGroup {
    /// Its row.
    pub id: i64,
    /// Equal for equal causes, in hexadecimal digits.
    pub fingerprint: String,
    /// What kind of failure, one word.
    pub kind: String,
    /// What failed, one line.
    pub title: String,
    /// Where, or nothing.
    pub place: String,
    /// The instance that had it last, or nothing for the daemon itself.
    pub source: String,
    /// Its driver, or nothing.
    pub driver: String,
    /// When it was first seen.
    pub first: Timestamp,
    /// When it was last seen.
    pub last: Timestamp,
    /// How often.
    pub count: u64,
    /// When and by whom it was resolved; a new one of the same cause opens it again.
    pub resolved: Option<(Timestamp, String)>,
}

/// Which causes are asked for; all of them by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ErrorFilter {
    /// Of this instance only; an empty text stands for the daemon itself.
    pub source: Option<String>,
    /// Of this kind only.
    pub kind: Option<String>,
    /// Only resolved ones, or only open ones.
    pub resolved: Option<bool>,
    /// With this text in what failed or where, in upper or lower case.
    pub search: Option<String>,
    /// Behind this one in the order of the list, by its last time and id: the next page.
    pub after: Option<(Timestamp, i64)>,
    /// How many at most; 0 stands for 100, and 500 is the most there is.
    pub limit: usize,
}

/// An event that waits to be forwarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Its row.
    pub id: i64,
    /// When it was queued.
    pub since: Timestamp,
    /// The event as JSON.
    pub event: String,
}

/// How much waits to be forwarded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutgoingFigures {
    /// Events that wait.
    pub waiting: u64,
    /// Events that were dropped because too many waited, since the database was made.
    pub dropped: u64,
}

/// What failed.
#[derive(Debug, Clone)]
pub struct Errors {
    logs: Arc<Logs>,
    limits: ErrorLimits,
}

impl Errors {
    /// The errors in this database.
    pub fn new(logs: Arc<Logs>) -> Self {
        Self::with_limits(logs, ErrorLimits::default())
    }

    /// [`Errors::new`] with other bounds.
    pub fn with_limits(logs: Arc<Logs>, limits: ErrorLimits) -> Self {
        Self { logs, limits }
    }

    /// Takes what happened, all of it or nothing, in its order. Then makes room if there is too much.
    pub fn take(&self, happened: &[Happened]) -> Result<Vec<Taken>, LogError> {
        if happened.is_empty() {
            return Ok(Vec::new());
        }
        self.logs.write(|connection| {
            let transaction = connection.transaction()?;
            let taken = happened.iter().map(|one| table::take(&transaction, one, self.limits)).collect();
            table::make_room(&transaction, self.limits)?;
            outgoing::make_room(&transaction, self.limits)?;
            transaction.commit()?;
            taken
        })
    }

    /// The causes that pass `filter`, the one that was seen last first.
    pub fn query(&self, filter: &ErrorFilter) -> Result<Vec<ErrorGroup>, LogError> {
        self.logs.read(|connection| table::query(connection, filter))
    }

    /// One cause and its newest occurrences, the newest first.
    pub fn one(&self, id: i64) -> Result<Option<(ErrorGroup, Vec<Occurrence>)>, LogError> {
        self.logs.read(|connection| table::one(connection, id))
    }

    /// Marks a cause as resolved, until it makes itself felt again. False if it is not there.
    pub fn resolve(&self, id: i64, at: Timestamp, by: &str) -> Result<bool, LogError> {
        self.logs.write(|connection| table::resolve(connection, id, at, by))
    }

    /// Forgets a cause with everything of it. False if it is not there.
    pub fn remove(&self, id: i64) -> Result<bool, LogError> {
        self.logs.write(|connection| table::remove(connection, id))
    }

    /// The event that has waited longest to be forwarded.
    pub fn next_outgoing(&self) -> Result<Option<Outgoing>, LogError> {
        self.logs.read(outgoing::next)
    }

    /// It was forwarded, or nobody will ever take it.
    pub fn forget_outgoing(&self, id: i64) -> Result<(), LogError> {
        self.logs.write(|connection: &mut Connection| outgoing::forget(connection, id))
    }

    /// Nothing is to be forwarded any more.
    pub fn clear_outgoing(&self) -> Result<(), LogError> {
        self.logs.write(|connection: &mut Connection| outgoing::clear(connection))
    }

    /// How much waits.
    pub fn outgoing(&self) -> Result<OutgoingFigures, LogError> {
        self.logs.read(outgoing::figures)
    }
}

#[cfg(test)]
mod tests;
