//! The tables of the outbox: every statement there is.

use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior, params};

use super::lanes::{Lane, LaneId, Lanes, MAX_LANES, MAX_SEQ, key, seq_of};
use super::ranges::{Ranges, Run};
use super::{Entry, MAX_READ_BYTES, NewEntry, OutboxError, OutboxLimits, Stored, body};
use crate::database;

/// The format of the file.
const FORMAT: i64 = 1;

/// `FULL` syncs the journal with each commit: what was committed is there after a power cut.
const CREATE: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 2000;
    PRAGMA journal_size_limit = 33554432;
    PRAGMA cache_size = -8192;
    PRAGMA temp_store = MEMORY;
    CREATE TABLE IF NOT EXISTS lane (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        next INTEGER NOT NULL,
        entries INTEGER NOT NULL,
        bytes INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS entry (
        key INTEGER PRIMARY KEY,
        body BLOB NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS memory (
        key TEXT PRIMARY KEY,
        blob BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
";

/// The file is made smaller when so many pages of 4 KiB are free, 64 MiB, and so few are in use that copying them takes
/// no time.
const SHRINK_FREE: i64 = 16_384;
const SHRINK_USED: i64 = 1024;

/// Opens the database at `path` for writing and for reading; it is created when missing.
pub(super) fn open(path: &Path) -> Result<(Table, Connection), OutboxError> {
    let table = Table::open(path)?;
    let reader = database::reader(path)?;
    Ok((table, reader))
}

/// The side that writes.
#[derive(Debug)]
pub(super) struct Table(Connection);

impl Table {
    fn open(path: &Path) -> Result<Self, OutboxError> {
        let connection = database::create::<OutboxError>(path)?;
        let found = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if found > FORMAT {
            return Err(OutboxError::Newer { found, known: FORMAT });
        }
        connection.execute_batch(CREATE)?;
        if found < FORMAT {
            connection.pragma_update(None, "user_version", FORMAT)?;
        }
        Ok(Self(connection))
    }

    /// A table without a file, which refuses everything.
    pub(super) fn nowhere() -> rusqlite::Result<Self> {
        Connection::open_in_memory().map(Self)
    }

    /// All lanes, after those are removed that are empty. The one that is furthest on stays, so that no number is used
    /// twice. Reads both ends of each, which finds a file that is cut or written over without reading all of it.
    pub(super) fn lanes(&self) -> rusqlite::Result<Lanes> {
        let mut statement = self.0.prepare("SELECT id, name, next, entries, bytes FROM lane")?;
        let lanes = statement.query_map([], |row| {
            let name: String = row.get(1)?;
            let (next, entries, bytes) = (number(row, 2)?, number(row, 3)?, number(row, 4)?);
            Ok(Lane { id: row.get(0)?, name: name.into(), next, entries, bytes, refused: 0, changed: false })
        })?;
        let mut lanes = lanes.collect::<rusqlite::Result<Vec<_>>>()?;
        for lane in &mut lanes {
            self.compare(lane)?;
        }
        let furthest = lanes.iter().map(|lane| lane.next).max();
        let (mut kept, empty): (Vec<_>, Vec<_>) =
            lanes.into_iter().partition(|lane| lane.entries > 0 || Some(lane.next) == furthest);
        // A disk without room for that can still be read, and lanes that are empty do no harm.
        if self.remove(&empty).is_err() {
            kept.extend(empty);
        }
        recall(&self.0, "\u{10FFFF}")?;
        Ok(Lanes::new(kept))
    }

    fn remove(&self, lanes: &[Lane]) -> rusqlite::Result<()> {
        let transaction = self.0.unchecked_transaction()?;
        for lane in lanes {
            transaction.execute("DELETE FROM lane WHERE id = ?1", [lane.id])?;
        }
        transaction.commit()
    }

    /// Puts right what the books of `lane` say, should they not agree with what lies there.
    fn compare(&self, lane: &mut Lane) -> rusqlite::Result<()> {
        if !(1..=MAX_LANES).contains(&usize::from(lane.id)) {
            return Err(rusqlite::Error::IntegralValueOutOfRange(0, lane.id.into()));
        }
        let end = |order| {
            let sql = format!("SELECT key, body FROM entry WHERE key BETWEEN ?1 AND ?2 ORDER BY key {order} LIMIT 1");
            let found = self.0.query_row(&sql, params![key(lane.id, 0), key(lane.id, MAX_SEQ)], |row| {
                row.get_ref(1)?;
                row.get(0)
            });
            found.map(seq_of).optional()
        };
        let (first, last) = (end("ASC")?, end("DESC")?);
        if first.is_none() {
            (lane.entries, lane.bytes) = (0, 0);
        }
        lane.entries = lane.entries.max(first.is_some().into());
        lane.next = lane.next.clamp(1, MAX_SEQ + 1).max(last.map_or(1, |last| last + 1));
        Ok(())
    }

    /// Begins a transaction that has the file to itself.
    pub(super) fn begin(&mut self) -> rusqlite::Result<Group<'_>> {
        self.0.transaction_with_behavior(TransactionBehavior::Immediate).map(Group)
    }

    /// Gives back to the disk what a long wait for a target took, once nearly nothing is left. Free pages are used again,
    /// but the file does not become smaller by itself.
    pub(super) fn shrink(&self) -> rusqlite::Result<()> {
        let number = |name| self.0.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let free = number("freelist_count")?;
        if free < SHRINK_FREE || number("page_count")? - free > SHRINK_USED {
            return Ok(());
        }
        self.0.execute_batch("VACUUM; PRAGMA wal_checkpoint(PASSIVE);")
    }

    #[cfg(test)]
    pub(super) fn connection(&self) -> &Connection {
        &self.0
    }
}

/// One transaction. Rolled back when dropped.
pub(super) struct Group<'t>(Transaction<'t>);

impl Group<'_> {
    /// Deletes the entries of `lane` with these numbers, as far as they are there.
    pub(super) fn delete(&self, lane: &mut Lane, runs: &[Run]) -> rusqlite::Result<()> {
        let sql = "SELECT count(*), coalesce(sum(length(body)), 0) FROM entry WHERE key BETWEEN ?1 AND ?2";
        let mut count = self.0.prepare_cached(sql)?;
        let mut delete = self.0.prepare_cached("DELETE FROM entry WHERE key BETWEEN ?1 AND ?2")?;
        for run in runs {
            let ends = [key(lane.id, *run.start()), key(lane.id, *run.end())];
            let (entries, bytes) = count.query_row(ends, |row| Ok((number(row, 0)?, number(row, 1)?)))?;
            delete.execute(ends)?;
            lane.remove(entries, bytes);
        }
        Ok(())
    }

    /// Inserts those of `entries` that there is room for. `bytes` is for the one that is being written.
    pub(super) fn insert(
        &self,
        entries: &[NewEntry],
        lanes: &mut Lanes,
        limits: OutboxLimits,
        bytes: &mut Vec<u8>,
    ) -> rusqlite::Result<Stored> {
        let mut insert = self.0.prepare_cached("INSERT INTO entry (key, body) VALUES (?1, ?2)")?;
        let mut stored = Stored::default();
        for entry in entries {
            let admitted = match (lanes.of(&entry.lane), body::encode(entry, bytes)) {
                (Some(lane), Ok(())) => lane.admit(bytes.len(), limits).map(|seq| key(lane.id, seq)),
                _ => None,
            };
            let Some(key) = admitted else {
                stored.refused += 1;
                continue;
            };
            insert.execute(params![key, &*bytes])?;
            stored.taken += 1;
        }
        Ok(stored)
    }

    /// Keeps `blob` under `key`, or nothing any more.
    pub(super) fn note(&self, key: &str, blob: Option<&[u8]>) -> rusqlite::Result<()> {
        let Some(blob) = blob else {
            return self.0.prepare_cached("DELETE FROM memory WHERE key = ?1")?.execute([key]).map(drop);
        };
        let sql = "INSERT INTO memory (key, blob) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET blob = excluded.blob";
        self.0.prepare_cached(sql)?.execute(params![key, blob]).map(drop)
    }

    /// Writes the books of the lanes that changed, and commits.
    pub(super) fn commit(self, lanes: &mut Lanes) -> rusqlite::Result<()> {
        let sql = "INSERT INTO lane (id, name, next, entries, bytes) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id)
            DO UPDATE SET next = excluded.next, entries = excluded.entries, bytes = excluded.bytes";
        for lane in lanes.list_mut().iter_mut().filter(|lane| lane.changed) {
            let [next, entries, bytes] = [lane.next, lane.entries, lane.bytes].map(stored);
            self.0.prepare_cached(sql)?.execute(params![lane.id, &*lane.name, next, entries, bytes])?;
            lane.changed = false;
        }
        self.0.commit()
    }
}

/// What can be read of a lane, or the number of its first entry when that cannot be understood.
pub(super) type Found = Result<Vec<Entry>, (u64, rmp_serde::decode::Error)>;

/// The first `most` entries of lane `id` after the number `after` that are not in `done`.
pub(super) fn read(
    connection: &Connection,
    id: LaneId,
    after: u64,
    most: usize,
    done: &Ranges,
) -> rusqlite::Result<Found> {
    // What is done lies mostly at the beginning and may be a million rows: step over it at once.
    let first = after.saturating_add(1);
    let first = done.run_with(first).map_or(first, |run| run.end().saturating_add(1));
    let sql = "SELECT key, body FROM entry WHERE key BETWEEN ?1 AND ?2 ORDER BY key";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([key(id, first), key(id, MAX_SEQ)])?;
    let (mut found, mut bytes) = (Vec::new(), 0);
    while found.len() < most && bytes < MAX_READ_BYTES {
        let Some(row) = rows.next()? else { break };
        let seq = seq_of(row.get(0)?);
        if done.contains(seq) {
            continue;
        }
        let body = blob_of(row.get_ref(1)?);
        match body::decode(seq, body) {
            Ok(entry) => found.push(entry),
            Err(error) if found.is_empty() => return Ok(Err((seq, error))),
            Err(_) => break,
        }
        bytes += body.len();
    }
    Ok(Ok(found))
}

fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}

fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The table holds blobs only; what else a damaged file may give cannot be understood.
fn blob_of(value: ValueRef<'_>) -> &[u8] {
    value.as_blob().unwrap_or_default()
}

/// All that is kept under keys that begin with `prefix`, by key.
pub(super) fn recall(connection: &Connection, prefix: &str) -> rusqlite::Result<Vec<(String, Vec<u8>)>> {
    let mut statement = connection.prepare_cached("SELECT key, blob FROM memory WHERE key >= ?1 ORDER BY key")?;
    let mut rows = statement.query([prefix])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let key: String = row.get(0)?;
        if !key.starts_with(prefix) {
            break;
        }
        found.push((key, row.get(1)?));
    }
    Ok(found)
}
