//! The tables of the trails.

use std::cmp::Ordering;

use fieldrail_model::Timestamp;
use rusqlite::types::ToSql;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use sha2::{Digest as _, Sha256};

use super::{AuditEntry, AuditFilter, AuditLimits, AuditRecord, BrokenRow, Head, Trail, Verdict};
use crate::logs::table::pattern;

/// Rows of an answer when no number is asked for, and the most there are.
const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1000;

/// Stands before everything that is hashed, so that no other hash can be taken for one of these.
const SEAL: &[u8] = b"fieldrail audit 1";

pub(crate) const CREATE: &str = "
    CREATE TABLE IF NOT EXISTS audit (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        trail INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        time_us INTEGER NOT NULL,
        by TEXT NOT NULL,
        action TEXT NOT NULL,
        target TEXT NOT NULL,
        outcome TEXT NOT NULL,
        detail TEXT NOT NULL,
        hash BLOB NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS audit_in_order ON audit (trail, seq);
    CREATE TABLE IF NOT EXISTS audit_end (
        trail INTEGER NOT NULL,
        newest INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        hash BLOB NOT NULL,
        PRIMARY KEY (trail, newest)
    ) STRICT;
";

/// Number and hash of one row; zeros before the first.
type Link = (i64, [u8; 32]);

/// Which end of what is kept: the row after which the oldest comes, or the newest.
const ANCHOR: i64 = 0;
const HEAD: i64 = 1;

fn hash_of(before: &[u8; 32], seq: i64, entry: &AuditEntry) -> [u8; 32] {
    let mut sha = Sha256::new();
    sha.update(SEAL);
    sha.update(before);
    sha.update(entry.trail.stored().to_be_bytes());
    sha.update(seq.to_be_bytes());
    sha.update(entry.time.0.to_be_bytes());
    for part in [&entry.by, &entry.action, &entry.target, &entry.outcome, &entry.detail] {
        sha.update((part.len() as u64).to_be_bytes());
        sha.update(part.as_bytes());
    }
    sha.finalize().into()
}

fn end(connection: &Connection, trail: Trail, which: i64) -> rusqlite::Result<Link> {
    let mut find = connection.prepare_cached("SELECT seq, hash FROM audit_end WHERE trail = ?1 AND newest = ?2")?;
    let found = find.query_row([trail.stored(), which], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    Ok(found.unwrap_or_default())
}

fn set_end(connection: &Connection, trail: Trail, which: i64, (seq, hash): Link) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO audit_end (trail, newest, seq, hash) VALUES (?1, ?2, ?3, ?4)";
    connection.prepare_cached(sql)?.execute(params![trail.stored(), which, seq, hash]).map(drop)
}

pub(super) fn append(connection: &mut Connection, entries: &[AuditEntry], limits: AuditLimits) -> rusqlite::Result<()> {
    let lasting = entries.iter().any(|entry| entry.trail == Trail::House);
    if !lasting {
        return append_all(connection, entries, limits);
    }
    // What changed the house is on the disk itself before anybody is told that it is done.
    connection.pragma_update(None, "synchronous", "FULL")?;
    let done = append_all(connection, entries, limits);
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    done
}

fn append_all(connection: &mut Connection, entries: &[AuditEntry], limits: AuditLimits) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for trail in Trail::ALL {
        let (mut seq, mut hash) = end(&transaction, trail, HEAD)?;
        let before = seq;
        for entry in entries.iter().filter(|entry| entry.trail == trail) {
            seq += 1;
            hash = hash_of(&hash, seq, entry);
            insert(&transaction, seq, entry, &hash)?;
        }
        if seq > before {
            set_end(&transaction, trail, HEAD, (seq, hash))?;
            make_room(&transaction, trail, seq, limits.of(trail))?;
        }
    }
    transaction.commit()
}

fn insert(transaction: &Transaction<'_>, seq: i64, entry: &AuditEntry, hash: &[u8; 32]) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO audit (trail, seq, time_us, by, action, target, outcome, detail, hash)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    let AuditEntry { time, trail, by, action, target, outcome, detail } = entry;
    insert.execute(params![trail.stored(), seq, time.0, by, action, target, outcome, detail, hash]).map(drop)
}

/// Deletes the oldest rows beyond the limit; the last of them becomes the anchor.
fn make_room(transaction: &Transaction<'_>, trail: Trail, newest: i64, limit: u64) -> rusqlite::Result<()> {
    let last = newest.saturating_sub_unsigned(limit);
    let sql = "SELECT seq, hash FROM audit WHERE trail = ?1 AND seq <= ?2 ORDER BY seq DESC LIMIT 1";
    let gone = transaction.prepare_cached(sql)?.query_row([trail.stored(), last], |row| Ok((row.get(0)?, row.get(1)?)));
    let Some(gone) = gone.optional()? else { return Ok(()) };
    set_end(transaction, trail, ANCHOR, gone)?;
    let mut delete = transaction.prepare_cached("DELETE FROM audit WHERE trail = ?1 AND seq <= ?2")?;
    delete.execute([trail.stored(), last]).map(drop)
}

const COLUMNS: &str = "SELECT id, trail, seq, time_us, by, action, target, outcome, detail, hash FROM audit";

pub(super) fn query(connection: &Connection, filter: &AuditFilter) -> rusqlite::Result<Vec<AuditRecord>> {
    let mut sql = format!("{COLUMNS} WHERE 1");
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    if let Some(trail) = filter.trail {
        sql.push_str(" AND trail = ?");
        values.push(Box::new(trail.stored()));
    }
    if let Some(by) = &filter.by {
        sql.push_str(" AND by = ?");
        values.push(Box::new(by.clone()));
    }
    if let Some(search) = filter.search.as_deref().filter(|search| !search.is_empty()) {
        sql.push_str(" AND (action || ' ' || target || ' ' || detail || ' ' || by) LIKE ? ESCAPE '\\'");
        values.push(Box::new(pattern(search)));
    }
    if let Some(before) = filter.before {
        sql.push_str(" AND id < ?");
        values.push(Box::new(before));
    }
    let limit = if filter.limit == 0 { DEFAULT_LIMIT } else { filter.limit.min(MAX_LIMIT) };
    sql.push_str(" ORDER BY id DESC LIMIT ?");
    values.push(Box::new(i64::try_from(limit).unwrap_or(i64::MAX)));
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(rusqlite::params_from_iter(values), record)?;
    rows.collect()
}

fn record(row: &Row<'_>) -> rusqlite::Result<AuditRecord> {
    let trail = if row.get::<_, i64>(1)? == Trail::House.stored() { Trail::House } else { Trail::Values };
    let entry = AuditEntry {
        trail,
        time: Timestamp(row.get(3)?),
        by: row.get(4)?,
        action: row.get(5)?,
        target: row.get(6)?,
        outcome: row.get(7)?,
        detail: row.get(8)?,
    };
    Ok(AuditRecord { id: row.get(0)?, seq: row.get(2)?, entry, hash: row.get(9)? })
}

/// One look at all rows, as they are at one moment.
pub(super) fn verify(connection: &mut Connection) -> rusqlite::Result<Verdict> {
    let transaction = connection.transaction()?;
    let mut verdict = Verdict { rows: 0, deleted: 0, broken: Vec::new(), heads: Vec::new() };
    for trail in Trail::ALL {
        let head = end(&transaction, trail, HEAD)?;
        verdict.heads.push(Head { trail, seq: head.0, hash: head.1 });
        let (rows, deleted, broken) = walk(&transaction, trail, head)?;
        verdict.rows += rows;
        verdict.deleted += u64::try_from(deleted).unwrap_or(0);
        verdict.broken.extend(broken.map(|(seq, why)| BrokenRow { trail, seq, why }));
    }
    // A row of no trail was put in by hand.
    let strange: Option<i64> =
        transaction.query_row("SELECT min(seq) FROM audit WHERE trail NOT IN (0, 1)", [], |row| row.get(0))?;
    verdict.broken.extend(strange.map(|seq| BrokenRow { trail: Trail::House, seq, why: "belongs to no trail" }));
    Ok(verdict)
}

type Walked = (u64, i64, Option<(i64, &'static str)>);

fn walk(connection: &Connection, trail: Trail, head: Link) -> rusqlite::Result<Walked> {
    let (mut at, mut hash) = end(connection, trail, ANCHOR)?;
    let (deleted, mut count) = (at, 0);
    let mut rows = connection.prepare(&format!("{COLUMNS} WHERE trail = ?1 ORDER BY seq, id"))?;
    for row in rows.query_map([trail.stored()], record)? {
        // A column that holds what no row of ours can hold was changed too.
        let Ok(row) = row else { return Ok((count, deleted, Some((at + 1, "cannot be read")))) };
        count += 1;
        let broken = match row.seq - at {
            1 => {
                hash = hash_of(&hash, row.seq, &row.entry);
                (hash != row.hash).then_some((row.seq, "is not as it was written"))
            }
            2.. => Some((at + 1, "is missing")),
            _ => Some((row.seq, "was put in")),
        };
        if broken.is_some() {
            return Ok((count, deleted, broken));
        }
        at = row.seq;
    }
    let broken = match at.cmp(&head.0) {
        Ordering::Less => Some((at + 1, "is missing")),
        Ordering::Greater => Some((head.0 + 1, "was put in")),
        Ordering::Equal => (hash != head.1).then_some((at, "is not as it was written")),
    };
    Ok((count, deleted, broken))
}
