//! The system's log on disk: what instances and the daemon said, bounded, and searchable from the web admin.
//!
//! One SQLite file, written by one connection and read by another, so that a search does not hold up the writing. In it lie
//! also what failed ([`crate::Errors`]) and who did what ([`crate::AuditTrail`]), each with bounds of its own.
//! Invariants: every value reaches SQL as a bound parameter; no stored text can break a line or move a cursor; deleting
//! goes in slices from the oldest on, so the ids that are there have no gaps.

mod line;
pub(crate) mod table;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;

use crate::database::{self, lock, move_aside};
use crate::error::FileError;
use table::Table;

use fieldrail_model::{Level, Timestamp};

pub use line::{LogLine, LogRecord};

/// How much log is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLimits {
    /// Lines at most.
    pub rows: u64,
    /// Bytes on disk at most, as the database counts its pages, with what failed and who did what; exceeded by what one
    /// `append` brings.
    pub bytes: u64,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self { rows: 200_000, bytes: 128 << 20 }
    }
}

/// Which lines are asked for; all of them by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this instance only.
    pub instance: Option<String>,
    /// Of this level or a graver one.
    pub level: Option<Level>,
    /// With this text in the message or its fields, in upper or lower case; the first 256 characters count.
    pub search: Option<String>,
    /// Said then or later.
    pub since: Option<Timestamp>,
    /// Said then or earlier.
    pub until: Option<Timestamp>,
    /// Older than the line with this id: the next page.
    pub before: Option<i64>,
    /// Newer than the line with this id: what was said since.
    pub after: Option<i64>,
    /// How many lines at most; 0 stands for 100, and 1,000 is the most there is.
    pub limit: usize,
}

/// The log cannot be opened, written or read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file itself is the trouble.
    #[error("the log file cannot be used")]
    File(#[from] FileError),
    /// The database refused.
    #[error("the log database refused")]
    Database(#[from] rusqlite::Error),
}

impl LogError {
    /// What to try, shown under the message.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::File(error) => error.hint(),
            Self::Database(error) if database::is_damage(error) => {
                Some("the log is damaged: it is set aside with the next line, and a new one is begun")
            }
            Self::Database(error) => database::hint(error),
        }
    }

    fn is_damage(&self) -> bool {
        matches!(self, Self::Database(error) if database::is_damage(error))
    }
}

/// The log.
#[derive(Debug)]
pub struct Logs {
    path: PathBuf,
    limits: LogLimits,
    /// Closed before the writer, which, being the last, then empties the journal into the database. Locked after it.
    reader: Mutex<Connection>,
    writer: Mutex<Table>,
    /// A query has met damage: the next `append` begins anew.
    damaged: AtomicBool,
    set_aside: Mutex<Option<PathBuf>>,
}

impl Logs {
    /// Opens the log at `path`, or begins one. A damaged one is moved aside first: see [`Logs::set_aside`].
    pub fn open(path: &Path) -> Result<Self, LogError> {
        Self::with_limits(path, LogLimits::default())
    }

    /// [`Logs::open`] with other bounds.
    pub fn with_limits(path: &Path, limits: LogLimits) -> Result<Self, LogError> {
        let mut moved = None;
        let (writer, reader) = match table::open(path) {
            Err(error) if error.is_damage() => {
                moved = move_aside(path)?;
                table::open(path)?
            }
            opened => opened?,
        };
        let (reader, writer, set_aside) = (Mutex::new(reader), Mutex::new(writer), Mutex::new(moved));
        Ok(Self { path: path.into(), limits, reader, writer, damaged: AtomicBool::new(false), set_aside })
    }

    /// Where the previous log lies now, when it was found damaged and this is a new one.
    pub fn set_aside(&self) -> Option<PathBuf> {
        lock(&self.set_aside).clone()
    }

    /// Writes all `lines`, or none of them when the database refuses; then makes room if there is too much. When the
    /// log turns out to be damaged, it is moved aside and the lines are the first of a new one.
    pub fn append(&self, lines: &[LogLine]) -> Result<(), LogError> {
        if lines.is_empty() {
            return Ok(());
        }
        self.write(|connection| {
            table::append(connection, lines)?;
            table::make_room(connection, self.limits, lines.len())
        })
    }

    /// Does this in the database, all of it or nothing; anew in an empty one when the database turns out to be damaged.
    pub(crate) fn write<T>(&self, work: impl Fn(&mut Connection) -> rusqlite::Result<T>) -> Result<T, LogError> {
        let mut writer = lock(&self.writer);
        if !self.damaged.load(Ordering::Relaxed) {
            match work(&mut writer.0).map_err(LogError::from) {
                Err(error) if error.is_damage() => {}
                done => return done,
            }
        }
        self.begin_anew(&mut writer)?;
        Ok(work(&mut writer.0)?)
    }

    /// Looks something up in the database.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, LogError> {
        let found = look(&lock(&self.reader)).map_err(LogError::from);
        found.inspect_err(|error| {
            self.damaged.fetch_or(error.is_damage(), Ordering::Relaxed);
        })
    }

    /// Another connection that reads, for what takes long: it holds up nobody, and sees what is there when it begins.
    pub(crate) fn another_reader(&self) -> Result<Connection, LogError> {
        Ok(database::reader(&self.path)?)
    }

    fn begin_anew(&self, writer: &mut Table) -> Result<(), LogError> {
        self.damaged.store(true, Ordering::Relaxed);
        let mut reader = lock(&self.reader);
        // Closed first: the last connection removes its journal by name, which must not be that of the new log.
        *reader = Connection::open_in_memory()?;
        *writer = Table::nowhere()?;
        if let Some(moved) = move_aside(&self.path)? {
            *lock(&self.set_aside) = Some(moved);
        }
        (*writer, *reader) = table::open(&self.path)?;
        self.damaged.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// The lines that pass `filter`, the newest first.
    pub fn query(&self, filter: &Filter) -> Result<Vec<LogRecord>, LogError> {
        self.read(|connection| table::query(connection, filter))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::MetadataExt as _;

    fn line(n: i64, level: Level, instance: &str, message: &str) -> LogLine {
        LogLine { time: Timestamp(n), level, instance: Some(instance.into()), message: message.into(), fields: None }
    }

    fn opened(limits: LogLimits) -> (tempfile::TempDir, Logs) {
        let folder = tempfile::tempdir().unwrap();
        let logs = Logs::with_limits(&folder.path().join("system_logs.db"), limits).unwrap();
        (folder, logs)
    }

    #[track_caller]
    fn check(logs: &Logs, filter: &Filter, want: &[&str]) {
        let found = logs.query(filter).unwrap();
        let messages: Vec<_> = found.iter().map(|record| record.line.message.as_str()).collect();
        assert_eq!(messages, want, "{filter:?}");
    }

    #[test]
    fn lines_are_found_by_instance_level_text_and_page() {
        let (_folder, logs) = opened(LogLimits::default());
        logs.append(&[
            line(1, Level::Info, "plc_001", "Connected."),
            line(2, Level::Warn, "mqtt.broker_local", "50% lost_link"),
            line(3, Level::Error, "plc_001", "Lost the LINK."),
        ])
        .unwrap();
        let all = Filter::default();
        check(&logs, &all, &["Lost the LINK.", "50% lost_link", "Connected."]);
        check(&logs, &Filter { instance: Some("plc_001".into()), ..all.clone() }, &["Lost the LINK.", "Connected."]);
        check(&logs, &Filter { level: Some(Level::Warn), ..all.clone() }, &["Lost the LINK.", "50% lost_link"]);
        check(&logs, &Filter { search: Some("link".into()), limit: 1, ..all.clone() }, &["Lost the LINK."]);
        check(&logs, &Filter { search: Some("%".into()), ..all.clone() }, &["50% lost_link"]);
        check(&logs, &Filter { search: Some("t_l".into()), ..all.clone() }, &["50% lost_link"]);
        check(&logs, &Filter { search: Some("' OR 1=1 --".into()), ..all.clone() }, &[]);
        let newest = logs.query(&Filter { limit: 1, ..all.clone() }).unwrap()[0].id;
        check(&logs, &Filter { before: Some(newest), ..all.clone() }, &["50% lost_link", "Connected."]);
        check(&logs, &Filter { after: Some(newest - 1), ..all.clone() }, &["Lost the LINK."]);
        check(&logs, &Filter { since: Some(Timestamp(2)), until: Some(Timestamp(2)), ..all }, &["50% lost_link"]);
    }

    #[test]
    fn a_line_is_found_by_the_text_of_its_fields() {
        let (_folder, logs) = opened(LogLimits::default());
        let fields = Some(r#"{"error":"refused by peer"}"#.to_string());
        logs.append(&[LogLine { fields, ..line(1, Level::Info, "a", "Lost it.") }, line(2, Level::Info, "a", "x")])
            .unwrap();
        check(&logs, &Filter { search: Some("BY PEER".into()), ..Filter::default() }, &["Lost it."]);
        let other = Filter { search: Some("by peer".into()), instance: Some("b".into()), ..Filter::default() };
        check(&logs, &other, &[]);
    }

    #[test]
    fn a_line_comes_back_as_it_was_and_survives_a_restart() {
        let (folder, logs) = opened(LogLimits::default());
        let fields = Some(r#"{"error":"refused"}"#.to_string());
        let written = LogLine { fields, instance: None, ..line(5, Level::Debug, "", "A sentence with ä.") };
        logs.append(std::slice::from_ref(&written)).unwrap();
        drop(logs);
        let logs = Logs::open(&folder.path().join("system_logs.db")).unwrap();
        assert_eq!(logs.query(&Filter::default()).unwrap()[0].line, written);
        assert_eq!(logs.set_aside(), None);
    }

    #[test]
    fn a_forged_line_break_or_a_terminal_escape_does_not_get_in() {
        let (_folder, logs) = opened(LogLimits::default());
        let mut evil = line(1, Level::Info, "a\nb", "x\r\n2026-01-01 ERROR forged\u{1b}[2J");
        evil.fields = Some("not json\n".into());
        logs.append(&[evil]).unwrap();
        let found = &logs.query(&Filter::default()).unwrap()[0].line;
        assert_eq!(found.message, "x\\r\\n2026-01-01 ERROR forged\\u{1b}[2J");
        assert_eq!(found.instance.as_deref(), Some("a\\nb"));
        assert_eq!(found.fields.as_deref(), Some(r#""not json\\n""#));
    }

    #[test]
    fn a_message_is_cut_at_8_kib_and_says_so() {
        let (_folder, logs) = opened(LogLimits::default());
        logs.append(&[line(1, Level::Info, "a", &"ä".repeat(100_000))]).unwrap();
        let found = &logs.query(&Filter::default()).unwrap()[0].line.message;
        assert!(found.len() < 8192 + 64 && found.ends_with("… [cut, 200000 bytes in all]"));
    }

    #[test]
    fn the_number_of_lines_is_bounded_and_the_oldest_go() {
        let (_folder, logs) = opened(LogLimits { rows: 50, ..LogLimits::default() });
        for block in 0..20 {
            let lines: Vec<_> = (0..10).map(|n| line(n, Level::Info, "a", &format!("{block}.{n}"))).collect();
            logs.append(&lines).unwrap();
        }
        let found = logs.query(&Filter { limit: 1000, ..Filter::default() }).unwrap();
        assert_eq!((found.len(), found[0].line.message.as_str()), (50, "19.9"));
        assert_eq!(found[49].line.message, "15.0");
    }

    #[test]
    fn a_log_flood_does_not_fill_the_disk() {
        let bytes = 1 << 20;
        let (folder, logs) = opened(LogLimits { bytes, ..LogLimits::default() });
        let lines: Vec<_> = (0..100).map(|n| line(n, Level::Info, "flood", &"x".repeat(8000))).collect();
        for _ in 0..20 {
            logs.append(&lines).unwrap();
        }
        let on_disk: u64 = fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().metadata().unwrap().len()).sum();
        assert!(on_disk < 8 * bytes, "{on_disk}");
        assert!(logs.query(&Filter::default()).unwrap().len() >= 50);
    }

    #[test]
    fn the_log_and_its_journal_are_for_the_owner_only() {
        let (folder, logs) = opened(LogLimits::default());
        logs.append(&[line(1, Level::Info, "a", "x")]).unwrap();
        for file in fs::read_dir(folder.path()).unwrap() {
            let file = file.unwrap();
            assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600, "{:?}", file.path());
        }
    }

    #[test]
    fn a_damaged_log_is_set_aside_and_a_new_one_is_begun() {
        let (folder, logs) = opened(LogLimits::default());
        let path = folder.path().join("system_logs.db");
        let lines: Vec<_> = (0..500).map(|n| line(n, Level::Info, "a", &"x".repeat(500))).collect();
        logs.append(&lines).unwrap();
        drop(logs);
        let whole = fs::read(&path).unwrap();
        let mut scribbled = whole.clone();
        scribbled[1024..].fill(0xA5);
        for damaged in
            [b"not a database at all, but long enough to look at".repeat(50), scribbled, whole[..5000].to_vec()]
        {
            fs::write(&path, &damaged).unwrap();
            let logs = Logs::open(&path).unwrap();
            assert_eq!(fs::read(logs.set_aside().expect("moved aside")).unwrap(), damaged);
            logs.append(&[line(1, Level::Info, "a", "again")]).unwrap();
            check(&logs, &Filter::default(), &["again"]);
        }
    }

    #[test]
    fn a_log_that_is_damaged_while_it_is_open_is_set_aside_with_the_next_line() {
        let (folder, logs) = opened(LogLimits::default());
        let path = folder.path().join("system_logs.db");
        let lines: Vec<_> = (0..5000).map(|n| line(n, Level::Info, "a", &"x".repeat(500))).collect();
        logs.append(&lines).unwrap();
        drop(logs);
        let logs = Logs::open(&path).unwrap();
        let mut damaged = fs::read(&path).unwrap();
        damaged[4096..].fill(0xA5);
        fs::write(&path, &damaged).unwrap();
        let everything = Filter { search: Some("not there".into()), ..Filter::default() };
        assert!(logs.query(&everything).unwrap_err().is_damage());
        logs.append(&[line(1, Level::Info, "a", "again")]).unwrap();
        check(&logs, &Filter::default(), &["again"]);
        assert_eq!(fs::read(logs.set_aside().unwrap()).unwrap(), damaged);
    }

    #[test]
    fn a_folder_that_is_missing_says_what_to_try() {
        let error = Logs::open(Path::new("/nonexistent/fieldrail/system_logs.db")).unwrap_err();
        assert!(error.hint().is_some(), "{error:?}");
    }
}
