//! The table the lines lie in.

use std::path::Path;

use fieldrail_model::Timestamp;
use rusqlite::types::ToSql;
use rusqlite::{Connection, Row, params};

use super::line::{LogLine, LogRecord, from_stored, stored};
use super::{Filter, LogError, LogLimits};
use crate::database;

/// How many lines are deleted at once, beyond as many as were just added.
const SLICE: u64 = 256;
/// Lines of an answer when no number is asked for, and the most there are.
const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1000;
/// Longest text that is searched for, in characters.
const MAX_SEARCH: usize = 256;

const CREATE: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA journal_size_limit = 4194304;
    PRAGMA cache_size = -1024;
    CREATE TABLE IF NOT EXISTS line (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        time_us INTEGER NOT NULL,
        level INTEGER NOT NULL,
        instance TEXT,
        message TEXT NOT NULL,
        fields TEXT
    ) STRICT;
    CREATE INDEX IF NOT EXISTS line_by_instance ON line (instance, id);
";

/// Opens the database at `path` for writing and for reading; it is created when missing.
pub(super) fn open(path: &Path) -> Result<(Table, Connection), LogError> {
    let table = Table::open(path)?;
    let reader = database::reader(path)?;
    Ok((table, reader))
}

/// The side that writes.
#[derive(Debug)]
pub(super) struct Table(pub(super) Connection);

impl Table {
    fn open(path: &Path) -> Result<Self, LogError> {
        let connection = database::create::<LogError>(path)?;
        connection.execute_batch(CREATE)?;
        connection.execute_batch(crate::errors::CREATE)?;
        connection.execute_batch(crate::audit::CREATE)?;
        let table = Self(connection);
        table.probe()?;
        Ok(table)
    }

    /// A table without a file, which refuses every line.
    pub(super) fn nowhere() -> rusqlite::Result<Self> {
        Connection::open_in_memory().map(Self)
    }

    /// Reads both ends of the table, which finds a file that is cut or written over without reading all of it: a start
    /// must not take longer with a long log.
    fn probe(&self) -> rusqlite::Result<()> {
        query(&self.0, &Filter::default())?;
        ends(&self.0).map(drop)
    }
}

pub(super) fn append(connection: &mut Connection, lines: &[LogLine]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    {
        let mut insert = transaction.prepare_cached(
            "INSERT INTO line (time_us, level, instance, message, fields) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        for line in lines.iter().map(LogLine::harmless) {
            insert.execute(params![line.time.0, stored(line.level), line.instance, line.message, line.fields])?;
        }
    }
    transaction.commit()
}

/// Deletes one slice of the oldest lines when there are too many, or too many bytes.
pub(super) fn make_room(connection: &Connection, limits: LogLimits, added: usize) -> rusqlite::Result<()> {
    let (oldest, newest) = ends(connection)?;
    let rows = u64::try_from(newest - oldest + 1).unwrap_or(0);
    let used = used_bytes(connection)?;
    // As large a part of the lines as the surplus is of the bytes.
    let too_large = u128::from(rows) * u128::from(used.saturating_sub(limits.bytes)) / u128::from(used.max(1));
    let surplus = rows.saturating_sub(limits.rows).max(u64::try_from(too_large).unwrap_or(rows));
    let first_kept = oldest.saturating_add_unsigned(surplus.min(SLICE + added as u64));
    if surplus > 0 {
        connection.prepare_cached("DELETE FROM line WHERE id < ?1")?.execute([first_kept])?;
    }
    Ok(())
}

/// The ids of the oldest and the newest line. There are no gaps between them.
fn ends(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    let mut ends = connection.prepare_cached("SELECT (SELECT min(id) FROM line), (SELECT max(id) FROM line)")?;
    ends.query_row([], |row| {
        Ok((row.get::<_, Option<i64>>(0)?.unwrap_or(1), row.get::<_, Option<i64>>(1)?.unwrap_or(0)))
    })
}

/// Pages that hold something, in bytes; free ones are used again before the file grows.
fn used_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let used = (number("page_count")? - number("freelist_count")?) * number("page_size")?;
    Ok(u64::try_from(used).unwrap_or(0))
}

/// The lines that pass `filter`, the newest first. The statement is put together from fixed parts only.
pub(super) fn query(connection: &Connection, filter: &Filter) -> rusqlite::Result<Vec<LogRecord>> {
    let mut sql = String::from("SELECT id, time_us, level, instance, message, fields FROM line WHERE 1");
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    let mut also = |part: &str, value: Box<dyn ToSql>| {
        sql.push_str(part);
        values.push(value);
    };
    if let Some(instance) = &filter.instance {
        also(" AND instance = ?", Box::new(instance.clone()));
    }
    if let Some(level) = filter.level {
        also(" AND level >= ?", Box::new(stored(level)));
    }
    if let Some(search) = filter.search.as_deref().filter(|search| !search.is_empty()) {
        also(" AND (message LIKE ? ESCAPE '\\'", Box::new(pattern(search)));
        also(" OR fields LIKE ? ESCAPE '\\')", Box::new(pattern(search)));
    }
    if let Some(since) = filter.since {
        also(" AND time_us >= ?", Box::new(since.0));
    }
    if let Some(until) = filter.until {
        also(" AND time_us <= ?", Box::new(until.0));
    }
    if let Some(before) = filter.before {
        also(" AND id < ?", Box::new(before));
    }
    if let Some(after) = filter.after {
        also(" AND id > ?", Box::new(after));
    }
    let limit = if filter.limit == 0 { DEFAULT_LIMIT } else { filter.limit.min(MAX_LIMIT) };
    also(" ORDER BY id DESC LIMIT ?", Box::new(i64::try_from(limit).unwrap_or(i64::MAX)));
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(rusqlite::params_from_iter(values), record)?;
    rows.collect()
}

/// `text` anywhere in the message, with the wildcards of LIKE taken literally.
pub(crate) fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars().take(MAX_SEARCH) {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern + "%"
}

fn record(row: &Row<'_>) -> rusqlite::Result<LogRecord> {
    Ok(LogRecord {
        id: row.get(0)?,
        line: LogLine {
            time: Timestamp(row.get(1)?),
            level: from_stored(row.get(2)?),
            instance: row.get(3)?,
            message: row.get(4)?,
            fields: row.get(5)?,
        },
    })
}
