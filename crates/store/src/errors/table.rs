//! The tables of causes and their occurrences.

use fieldrail_model::Timestamp;
use rusqlite::types::ToSql;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::{ErrorFilter, ErrorGroup, ErrorLimits, Happened, MAX_EVENT, Occurrence, Taken, outgoing};
use crate::logs::table::pattern;
use crate::visible::visible;

/// Causes of an answer when no number is asked for, and the most there are.
const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 500;

/// Longest title and other texts, in bytes.
const MAX_TITLE: usize = 1024;
const MAX_WORD: usize = 256;

/// Causes that go at once at the most, when there are too many.
const SLICE: usize = 64;

pub(crate) const CREATE: &str = "
    CREATE TABLE IF NOT EXISTS error (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        fingerprint BLOB NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        title TEXT NOT NULL,
        place TEXT NOT NULL,
        source TEXT NOT NULL,
        driver TEXT NOT NULL,
        first_us INTEGER NOT NULL,
        last_us INTEGER NOT NULL,
        count INTEGER NOT NULL,
        resolved_us INTEGER,
        resolved_by TEXT,
        forwarded_us INTEGER
    ) STRICT;
    CREATE INDEX IF NOT EXISTS error_by_last ON error (last_us, id);
    CREATE TABLE IF NOT EXISTS error_occurrence (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        error INTEGER NOT NULL,
        time_us INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        event TEXT NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS error_occurrence_of ON error_occurrence (error, id, bytes);
    CREATE TABLE IF NOT EXISTS outgoing (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        since_us INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        event TEXT NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS error_count (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
";

/// What is known of a cause that makes itself felt again.
struct Known {
    id: i64,
    resolved: bool,
    forwarded: Option<i64>,
}

pub(super) fn take(transaction: &Transaction<'_>, happened: &Happened, limits: ErrorLimits) -> rusqlite::Result<Taken> {
    let times = || happened.occurrences.iter().map(|one| one.time.0);
    let (first, last) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
    let known = find(transaction, &happened.fingerprint)?;
    let id = if let Some(known) = &known {
        let mut update = transaction.prepare_cached(
            "UPDATE error SET last_us = max(last_us, ?2), count = count + ?3, title = ?4, place = ?5, source = ?6,
                    driver = ?7, resolved_us = NULL, resolved_by = NULL WHERE id = ?1",
        )?;
        let count = i64::try_from(happened.count).unwrap_or(i64::MAX);
        let [title, place, source, driver] = texts(happened);
        update.execute(params![known.id, last, count, title, place, source, driver])?;
        known.id
    } else {
        make_room_of(transaction, &happened.source, limits.per_source)?;
        insert(transaction, happened, first, last)?
    };
    keep(transaction, id, happened, limits.occurrences)?;
    let is_new = known.as_ref().is_none_or(|known| known.resolved);
    let quiet_since = known.and_then(|known| known.forwarded).filter(|_| !is_new);
    let mut forwarded = false;
    if let Some(forward) = &happened.forward {
        let pause = i64::try_from(forward.pause.as_micros()).unwrap_or(i64::MAX);
        forwarded = quiet_since.is_none_or(|at| last.saturating_sub(at) >= pause) && forward.event.len() <= MAX_EVENT;
        if forwarded {
            outgoing::put(transaction, Timestamp(last), &forward.event)?;
            transaction.execute("UPDATE error SET forwarded_us = ?2 WHERE id = ?1", [id, last])?;
        }
    }
    Ok(Taken { id, is_new, forwarded })
}

fn find(transaction: &Transaction<'_>, fingerprint: &[u8; 16]) -> rusqlite::Result<Option<Known>> {
    let sql = "SELECT id, resolved_us IS NOT NULL, forwarded_us FROM error WHERE fingerprint = ?1";
    let known = |row: &Row<'_>| Ok(Known { id: row.get(0)?, resolved: row.get(1)?, forwarded: row.get(2)? });
    transaction.prepare_cached(sql)?.query_row([fingerprint], known).optional()
}

fn texts(happened: &Happened) -> [String; 4] {
    let Happened { title, place, source, driver, .. } = happened;
    [visible(title, MAX_TITLE), visible(place, MAX_WORD), visible(source, MAX_WORD), visible(driver, MAX_WORD)]
}

fn insert(transaction: &Transaction<'_>, happened: &Happened, first: i64, last: i64) -> rusqlite::Result<i64> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO error (fingerprint, kind, title, place, source, driver, first_us, last_us, count)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    let [title, place, source, driver] = texts(happened);
    let (kind, count) = (visible(&happened.kind, MAX_WORD), i64::try_from(happened.count).unwrap_or(i64::MAX));
    insert.insert(params![happened.fingerprint, kind, title, place, source, driver, first, last, count])
}

/// Keeps the newest occurrences.
fn keep(transaction: &Transaction<'_>, error: i64, happened: &Happened, most: usize) -> rusqlite::Result<()> {
    let mut insert = transaction
        .prepare_cached("INSERT INTO error_occurrence (error, time_us, bytes, event) VALUES (?1, ?2, ?3, ?4)")?;
    let newest = &happened.occurrences[happened.occurrences.len().saturating_sub(most)..];
    for one in newest.iter().filter(|one| one.event.len() <= MAX_EVENT) {
        let bytes = i64::try_from(one.event.len()).unwrap_or(i64::MAX);
        insert.execute(params![error, one.time.0, bytes, one.event])?;
    }
    let mut delete = transaction.prepare_cached(
        "DELETE FROM error_occurrence WHERE error = ?1 AND id NOT IN
         (SELECT id FROM error_occurrence WHERE error = ?1 ORDER BY id DESC LIMIT ?2)",
    )?;
    delete.execute(params![error, i64::try_from(most).unwrap_or(i64::MAX)]).map(drop)
}

/// Resolved ones first, then those that were quiet for longest.
const FIRST_TO_GO: &str = "ORDER BY resolved_us IS NULL, last_us, id LIMIT ?1";

/// A source that has its share of causes loses one of its own for the next.
fn make_room_of(transaction: &Transaction<'_>, source: &str, most: usize) -> rusqlite::Result<()> {
    let source = visible(source, MAX_WORD);
    let sql = "SELECT count(*) FROM error WHERE source = ?1";
    let count: i64 = transaction.prepare_cached(sql)?.query_row([&source], |row| row.get(0))?;
    let surplus = count.saturating_add(1).saturating_sub_unsigned(most as u64);
    if surplus > 0 {
        let sql = format!("SELECT id FROM error WHERE source = ?2 {FIRST_TO_GO}");
        let mut oldest = transaction.prepare_cached(&sql)?;
        let gone: Vec<i64> =
            oldest.query_map(params![surplus, source], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        gone.into_iter().try_for_each(|id| remove(transaction, id).map(drop))?;
    }
    Ok(())
}

/// Deletes causes while there are too many of them, or too many bytes.
pub(super) fn make_room(transaction: &Transaction<'_>, limits: ErrorLimits) -> rusqlite::Result<()> {
    for _ in 0..SLICE {
        let count: i64 = transaction.query_row("SELECT count(*) FROM error", [], |row| row.get(0))?;
        let sql = "SELECT coalesce(sum(bytes), 0) FROM error_occurrence";
        let bytes: i64 = transaction.query_row(sql, [], |row| row.get(0))?;
        let fits =
            usize::try_from(count).unwrap_or(0) <= limits.causes && u64::try_from(bytes).unwrap_or(0) <= limits.bytes;
        if fits {
            break;
        }
        let sql = format!("SELECT id FROM error {FIRST_TO_GO}");
        let gone: Option<i64> = transaction.prepare_cached(&sql)?.query_row([1], |row| row.get(0)).optional()?;
        let Some(gone) = gone else { break };
        remove(transaction, gone)?;
    }
    Ok(())
}

pub(super) fn remove(connection: &Connection, id: i64) -> rusqlite::Result<bool> {
    connection.prepare_cached("DELETE FROM error_occurrence WHERE error = ?1")?.execute([id])?;
    Ok(connection.prepare_cached("DELETE FROM error WHERE id = ?1")?.execute([id])? > 0)
}

pub(super) fn resolve(connection: &Connection, id: i64, at: Timestamp, by: &str) -> rusqlite::Result<bool> {
    let sql = "UPDATE error SET resolved_us = ?2, resolved_by = ?3 WHERE id = ?1";
    Ok(connection.execute(sql, params![id, at.0, visible(by, MAX_WORD)])? > 0)
}

const COLUMNS: &str = "SELECT id, fingerprint, kind, title, place, source, driver, first_us, last_us, count,
                              resolved_us, resolved_by FROM error";

pub(super) fn query(connection: &Connection, filter: &ErrorFilter) -> rusqlite::Result<Vec<ErrorGroup>> {
    let mut sql = format!("{COLUMNS} WHERE 1");
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    if let Some(source) = &filter.source {
        sql.push_str(" AND source = ?");
        values.push(Box::new(source.clone()));
    }
    if let Some(kind) = &filter.kind {
        sql.push_str(" AND kind = ?");
        values.push(Box::new(kind.clone()));
    }
    match filter.resolved {
        Some(true) => sql.push_str(" AND resolved_us IS NOT NULL"),
        Some(false) => sql.push_str(" AND resolved_us IS NULL"),
        None => {}
    }
    if let Some(search) = filter.search.as_deref().filter(|search| !search.is_empty()) {
        sql.push_str(" AND (title || ' ' || place || ' ' || driver) LIKE ? ESCAPE '\\'");
        values.push(Box::new(pattern(search)));
    }
    if let Some((last, id)) = filter.after {
        sql.push_str(" AND (last_us, id) < (?, ?)");
        values.push(Box::new(last.0));
        values.push(Box::new(id));
    }
    let limit = if filter.limit == 0 { DEFAULT_LIMIT } else { filter.limit.min(MAX_LIMIT) };
    sql.push_str(" ORDER BY last_us DESC, id DESC LIMIT ?");
    values.push(Box::new(i64::try_from(limit).unwrap_or(i64::MAX)));
    let mut statement = connection.prepare_cached(&sql)?;
    statement.query_map(rusqlite::params_from_iter(values), group)?.collect()
}

pub(super) fn one(connection: &Connection, id: i64) -> rusqlite::Result<Option<(ErrorGroup, Vec<Occurrence>)>> {
    let sql = format!("{COLUMNS} WHERE id = ?1");
    let Some(found) = connection.prepare_cached(&sql)?.query_row([id], group).optional()? else { return Ok(None) };
    let sql = "SELECT time_us, event FROM error_occurrence WHERE error = ?1 ORDER BY id DESC";
    let mut newest = connection.prepare_cached(sql)?;
    let occurrence = |row: &Row<'_>| Ok(Occurrence { time: Timestamp(row.get(0)?), event: row.get(1)? });
    let occurrences = newest.query_map([id], occurrence)?.collect::<rusqlite::Result<_>>()?;
    Ok(Some((found, occurrences)))
}

fn group(row: &Row<'_>) -> rusqlite::Result<ErrorGroup> {
    use std::fmt::Write as _;
    let fingerprint: [u8; 16] = row.get(1)?;
    let hex = fingerprint.iter().fold(String::new(), |mut hex, byte| {
        // Writing into a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let resolved: Option<i64> = row.get(10)?;
    let by: Option<String> = row.get(11)?;
    Ok(ErrorGroup {
        id: row.get(0)?,
        fingerprint: hex,
        kind: row.get(2)?,
        title: row.get(3)?,
        place: row.get(4)?,
        source: row.get(5)?,
        driver: row.get(6)?,
        first: Timestamp(row.get(7)?),
        last: Timestamp(row.get(8)?),
        count: u64::try_from(row.get::<_, i64>(9)?).unwrap_or(0),
        resolved: resolved.map(|at| (Timestamp(at), by.unwrap_or_default())),
    })
}
