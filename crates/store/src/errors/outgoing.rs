//! The queue of events that wait to be forwarded.

use fieldrail_model::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{ErrorLimits, Outgoing, OutgoingFigures};

/// How many events are dropped at once at the most.
const SLICE: i64 = 64;

pub(super) fn put(connection: &Connection, since: Timestamp, event: &str) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached("INSERT INTO outgoing (since_us, bytes, event) VALUES (?1, ?2, ?3)")?;
    insert.execute(params![since.0, i64::try_from(event.len()).unwrap_or(i64::MAX), event]).map(drop)
}

pub(super) fn next(connection: &Connection) -> rusqlite::Result<Option<Outgoing>> {
    let mut find = connection.prepare_cached("SELECT id, since_us, event FROM outgoing ORDER BY id LIMIT 1")?;
    find.query_row([], |row| Ok(Outgoing { id: row.get(0)?, since: Timestamp(row.get(1)?), event: row.get(2)? }))
        .optional()
}

pub(super) fn forget(connection: &Connection, id: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM outgoing WHERE id = ?1")?.execute([id]).map(drop)
}

pub(super) fn clear(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM outgoing", []).map(drop)
}

pub(super) fn figures(connection: &Connection) -> rusqlite::Result<OutgoingFigures> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, Option<i64>>(0)).optional();
    let count = |found: Option<Option<i64>>| u64::try_from(found.flatten().unwrap_or(0)).unwrap_or(0);
    Ok(OutgoingFigures {
        waiting: count(number("SELECT count(*) FROM outgoing")?),
        dropped: count(number("SELECT value FROM error_count WHERE name = 'outgoing_dropped'")?),
    })
}

/// Drops and counts the oldest while there are too many, or too many bytes.
pub(super) fn make_room(connection: &Connection, limits: ErrorLimits) -> rusqlite::Result<()> {
    let (count, bytes): (i64, i64) =
        connection.query_row("SELECT count(*), coalesce(sum(bytes), 0) FROM outgoing", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let many = count.saturating_sub_unsigned(limits.outgoing as u64);
    let large = u64::try_from(bytes).unwrap_or(0) > limits.outgoing_bytes;
    let drop = many.max(i64::from(large)).min(SLICE);
    if drop <= 0 {
        return Ok(());
    }
    let sql = "DELETE FROM outgoing WHERE id IN (SELECT id FROM outgoing ORDER BY id LIMIT ?1)";
    let dropped = i64::try_from(connection.execute(sql, [drop])?).unwrap_or(0);
    let sql = "INSERT INTO error_count (name, value) VALUES ('outgoing_dropped', ?1)
               ON CONFLICT (name) DO UPDATE SET value = value + ?1";
    connection.execute(sql, [dropped]).map(std::mem::drop)
}
