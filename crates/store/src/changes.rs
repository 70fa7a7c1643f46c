//! The history of a document that is made of entries: each change with its author, and what each entry said before and after.
//!
//! An SQLite file. A change is on the disk, whole and with its checksum, before [`Changes::append`] returns. Whoever knows
//! the present state goes back in time by the `before`s, and forward by the `after`s.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use fieldrail_model::Timestamp;
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, Row, params};
use sha2::{Digest as _, Sha256};

use crate::database::{self, lock, move_aside};
use crate::error::FileError;
use crate::etag::Etag;

/// How many changes are kept, and how many bytes of what entries said, but for the newest [`LEAST`].
const MOST: u64 = 20_000;
const MOST_BYTES: u64 = 64 << 20;
const LEAST: u64 = 50;
/// How many are deleted beyond what is too much, so that it need not be done for each change.
const SLICE: u64 = 200;

const CREATE: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA journal_size_limit = 4194304;
    PRAGMA cache_size = -1024;
    CREATE TABLE IF NOT EXISTS changes (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        time_us INTEGER NOT NULL,
        who TEXT NOT NULL,
        deed TEXT NOT NULL,
        of_number INTEGER,
        entries INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        sum BLOB NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS entries (
        number INTEGER NOT NULL,
        nth INTEGER NOT NULL,
        kind TEXT NOT NULL,
        id TEXT NOT NULL,
        before TEXT,
        after TEXT,
        PRIMARY KEY (number, nth)
    ) STRICT;
    CREATE INDEX IF NOT EXISTS entries_by_id ON entries (kind, id, number);
    CREATE TABLE IF NOT EXISTS marks (
        mark TEXT PRIMARY KEY,
        etag TEXT NOT NULL,
        number INTEGER NOT NULL
    ) STRICT;
";

/// What one entry said before a change and after it; nothing on a side means that it was not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryChange {
    /// What sort of entry it is.
    pub kind: String,
    /// Which one.
    pub id: String,
    /// Its JSON text before.
    pub before: Option<String>,
    /// Its JSON text after.
    pub after: Option<String>,
}

/// What is known of a change without its entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeHead {
    /// Counts up from 1.
    pub number: u64,
    /// When it was made.
    pub time: Timestamp,
    /// Who made it.
    pub who: String,
    /// In one word, what they did.
    pub deed: String,
    /// The change that it is about, if it is about one.
    pub of: Option<u64>,
    /// How many entries it touched.
    pub entries: u64,
}

/// Which content of the document is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// What is on the disk.
    Written,
    /// What is about to be.
    Next,
}

impl Mark {
    fn stored(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Next => "next",
        }
    }
}

/// The changes of one document.
pub struct Changes {
    path: PathBuf,
    kept: Mutex<Kept>,
}

struct Kept {
    connection: Connection,
    last: u64,
    count: u64,
    bytes: u64,
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Changes {
    /// Opens the history at `path`, or begins one. A damaged one is moved aside first; then the second says where to.
    pub fn open(path: &Path) -> Result<(Self, Option<PathBuf>), FileError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| FileError::io("create", folder, error))?;
        }
        let (kept, moved) = match Kept::open(path) {
            Err(Fault::Sql(error)) if database::is_damage(&error) => {
                let moved = move_aside(path)?;
                (Kept::open(path).map_err(|fault| fault.at(path))?, moved)
            }
            opened => (opened.map_err(|fault| fault.at(path))?, None),
        };
        Ok((Self { path: path.into(), kept: Mutex::new(kept) }, moved))
    }

    /// The number of the last change; 0 before the first.
    pub fn last(&self) -> u64 {
        lock(&self.kept).last
    }

    /// Keeps a change, and returns its number. It is on the disk then, all of it.
    pub fn append(
        &self,
        who: &str,
        deed: &str,
        of: Option<u64>,
        entries: &[EntryChange],
    ) -> Result<ChangeHead, FileError> {
        let mut kept = lock(&self.kept);
        let (time, who) = (crate::clock::now(), crate::visible::visible(who, 128));
        let head =
            ChangeHead { number: kept.last + 1, time, who, deed: deed.into(), of, entries: entries.len() as u64 };
        let bytes = size_of(entries);
        kept.write(|connection| {
            let transaction = connection.transaction()?;
            let sql = "INSERT INTO changes (number, time_us, who, deed, of_number, entries, bytes, sum)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
            let ChangeHead { number, time, who, deed, of, entries: count } = &head;
            let sum = sum_of(&head, entries);
            transaction.prepare_cached(sql)?.execute(params![
                sql_of(*number),
                time.0,
                who,
                deed,
                of.map(sql_of),
                sql_of(*count),
                sql_of(bytes),
                sum
            ])?;
            insert_entries(&transaction, *number, entries)?;
            transaction.commit()
        })
        .map_err(|error| Fault::Sql(error).at(&self.path))?;
        kept.last = head.number;
        kept.count += 1;
        kept.bytes += bytes;
        // What cannot be deleted now is too much only; the next change tries again.
        let _ = kept.make_room();
        Ok(head)
    }

    /// Changes before the number `before` (or the newest), the newest first; `of` leaves only those that touched this entry.
    pub fn list(
        &self,
        before: Option<u64>,
        limit: usize,
        of: Option<(&str, &str)>,
    ) -> Result<Vec<ChangeHead>, FileError> {
        let (before, limit) = (sql_of(before.unwrap_or(u64::MAX)), sql_of(limit as u64));
        self.read(|connection| {
            let (kind, id) = of.unwrap_or_default();
            let touched = "AND number IN (SELECT number FROM entries WHERE kind = ?3 AND id = ?4)";
            let narrow = if of.is_some() { touched } else { "AND ?3 = ?4" };
            let sql = format!("{HEAD} WHERE number < ?1 {narrow} ORDER BY number DESC LIMIT ?2");
            connection.prepare_cached(&sql)?.query_map(params![before, limit, kind, id], head)?.collect()
        })
    }

    /// One change; none if it is not kept (any more).
    pub fn head(&self, number: u64) -> Result<Option<ChangeHead>, FileError> {
        let sql = format!("{HEAD} WHERE number = ?1");
        self.read(|connection| connection.prepare_cached(&sql)?.query_row([sql_of(number)], head).optional())
    }

    /// The number of the oldest change that is kept; 0 if none is.
    pub fn oldest(&self) -> Result<u64, FileError> {
        let sql = "SELECT coalesce(min(number), 0) FROM changes";
        self.read(|connection| connection.query_row(sql, [], |row| number_at(row, 0)))
    }

    /// What a change did to each entry, the first `most` of them. All of them are proven by their checksum.
    pub fn entries(&self, number: u64, most: usize) -> Result<Vec<EntryChange>, FileError> {
        let Some(head) = self.head(number)? else { return Ok(Vec::new()) };
        let (this, most_rows) = (sql_of(number), sql_of(most as u64));
        let (entries, sum) = self.read(|connection| {
            let sql = "SELECT kind, id, before, after FROM entries WHERE number = ?1 ORDER BY nth LIMIT ?2";
            let mut rows = connection.prepare_cached(sql)?;
            let entries = rows.query_map([this, most_rows], entry)?.collect::<rusqlite::Result<Vec<_>>>()?;
            let sql = "SELECT sum FROM changes WHERE number = ?1";
            let sum: Vec<u8> = connection.prepare_cached(sql)?.query_row([this], |row| row.get(0))?;
            Ok((entries, sum))
        })?;
        if head.entries <= most as u64 && sum_of(&head, &entries).as_slice() != sum {
            let what = format!("the change {number} is not as it was written");
            let hint = "is the disk failing? The versions of the whole file are unharmed";
            return Err(FileError::at(&self.path.display().to_string(), None, "", &what, Some(hint.into())));
        }
        Ok(entries)
    }

    /// Says that the document with this etag is the state after the change `number`: as it is on the disk, or as it is about
    /// to be.
    pub fn mark(&self, mark: Mark, etag: &Etag, number: u64) -> Result<(), FileError> {
        lock(&self.kept)
            .write(|connection| {
                let sql = "INSERT OR REPLACE INTO marks (mark, etag, number) VALUES (?1, ?2, ?3)";
                connection.prepare_cached(sql)?.execute(params![mark.stored(), etag.as_str(), sql_of(number)])
            })
            .map(drop)
            .map_err(|error| Fault::Sql(error).at(&self.path))
    }

    /// After which change the document had this etag, if that is what is on the disk, or what was about to be.
    pub fn marked(&self, etag: &Etag) -> Result<Option<u64>, FileError> {
        let sql = "SELECT max(number) FROM marks WHERE etag = ?1";
        let number: Option<i64> =
            self.read(|connection| connection.prepare_cached(sql)?.query_row([etag.as_str()], |row| row.get(0)))?;
        Ok(number.map(|number| number.try_into().unwrap_or(0)))
    }

    /// Forgets all changes, since what is there now does not come of them. Numbers go on.
    pub fn forget(&self) -> Result<(), FileError> {
        let mut kept = lock(&self.kept);
        kept.write(|connection| {
            connection.execute_batch("BEGIN; DELETE FROM entries; DELETE FROM changes; DELETE FROM marks; COMMIT;")
        })
        .map_err(|error| Fault::Sql(error).at(&self.path))?;
        (kept.count, kept.bytes) = (0, 0);
        Ok(())
    }

    fn read<T>(&self, look: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, FileError> {
        look(&lock(&self.kept).connection).map_err(|error| Fault::Sql(error).at(&self.path))
    }
}

impl Kept {
    fn open(path: &Path) -> Result<Self, Fault> {
        let connection = database::create::<Fault>(path)?;
        connection.execute_batch(CREATE)?;
        let (count, bytes) =
            connection.query_row("SELECT count(*), coalesce(sum(bytes), 0) FROM changes", [], |row| {
                Ok((number_at(row, 0)?, number_at(row, 1)?))
            })?;
        let sql = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 0)";
        let last = connection.query_row(sql, [], |row| number_at(row, 0))?;
        // Damage in the tables shows when they are read.
        connection.query_row("SELECT count(*) FROM entries", [], |row| row.get::<_, i64>(0))?;
        connection.query_row("SELECT count(*) FROM marks", [], |row| row.get::<_, i64>(0))?;
        Ok(Self { connection, last, count, bytes })
    }

    fn write<T>(&mut self, work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let done = work(&mut self.connection);
        if done.is_err() && !self.connection.is_autocommit() {
            // Left over from a batch that broke off.
            self.connection.execute_batch("ROLLBACK")?;
        }
        done
    }

    /// Deletes the oldest changes, if there are too many or they take too much.
    fn make_room(&mut self) -> rusqlite::Result<()> {
        if self.count <= MOST && (self.bytes <= MOST_BYTES || self.count <= LEAST) {
            return Ok(());
        }
        let (count, bytes) = (self.count, self.bytes);
        let mut gone: (u64, u64, u64) = (0, 0, 0);
        {
            let mut rows = self.connection.prepare_cached("SELECT number, bytes FROM changes ORDER BY number")?;
            let mut rows = rows.query([])?;
            while let Some(row) = rows.next()? {
                let (left, weight) = (count - gone.1, bytes - gone.2);
                let fits = left <= MOST - SLICE && weight <= MOST_BYTES - MOST_BYTES / 8;
                if fits || left <= LEAST {
                    break;
                }
                gone = (number_at(row, 0)?, gone.1 + 1, gone.2 + number_at(row, 1)?);
            }
        }
        let transaction = self.connection.transaction()?;
        transaction.execute("DELETE FROM entries WHERE number <= ?1", [sql_of(gone.0)])?;
        transaction.execute("DELETE FROM changes WHERE number <= ?1", [sql_of(gone.0)])?;
        transaction.commit()?;
        (self.count, self.bytes) = (count - gone.1, bytes - gone.2);
        Ok(())
    }
}

fn insert_entries(connection: &Connection, number: u64, entries: &[EntryChange]) -> rusqlite::Result<()> {
    let sql = "INSERT INTO entries (number, nth, kind, id, before, after) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let mut insert = connection.prepare_cached(sql)?;
    for (nth, EntryChange { kind, id, before, after }) in entries.iter().enumerate() {
        insert.execute(params![sql_of(number), sql_of(nth as u64), kind, id, before, after])?;
    }
    Ok(())
}

const HEAD: &str = "SELECT number, time_us, who, deed, of_number, entries FROM changes";

fn head(row: &Row<'_>) -> rusqlite::Result<ChangeHead> {
    Ok(ChangeHead {
        number: number_at(row, 0)?,
        time: Timestamp(row.get(1)?),
        who: row.get(2)?,
        deed: row.get(3)?,
        of: row.get::<_, Option<i64>>(4)?.map(|of| of.try_into().unwrap_or(0)),
        entries: number_at(row, 5)?,
    })
}

/// A number as SQLite keeps it; none of ours is as large as would be cut.
fn sql_of(number: u64) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// A number that is never negative.
fn number_at(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    number.try_into().map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}

fn entry(row: &Row<'_>) -> rusqlite::Result<EntryChange> {
    Ok(EntryChange { kind: row.get(0)?, id: row.get(1)?, before: row.get(2)?, after: row.get(3)? })
}

fn size_of(entries: &[EntryChange]) -> u64 {
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    entries.iter().map(|entry| (entry.id.len() + text(&entry.before) + text(&entry.after)) as u64 + 64).sum()
}

fn sum_of(head: &ChangeHead, entries: &[EntryChange]) -> [u8; 16] {
    let mut sha = Sha256::new();
    for number in [head.number, head.time.0.cast_unsigned(), head.of.unwrap_or(0)] {
        sha.update(number.to_be_bytes());
    }
    let texts = entries.iter().flat_map(|entry| {
        [Some(&entry.kind), Some(&entry.id), entry.before.as_ref(), entry.after.as_ref()].into_iter()
    });
    for text in [Some(&head.who), Some(&head.deed)].into_iter().chain(texts) {
        // A text that is not there differs from an empty one.
        sha.update(text.map_or(u64::MAX, |text| text.len() as u64).to_be_bytes());
        sha.update(text.map_or(&b""[..], |text| text.as_bytes()));
    }
    let digest = sha.finalize();
    let mut sum = [0; 16];
    sum.copy_from_slice(&digest[..16]);
    sum
}

/// Why the database did not do it.
enum Fault {
    File(FileError),
    Sql(rusqlite::Error),
}

impl From<FileError> for Fault {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl Fault {
    fn at(self, path: &Path) -> FileError {
        match self {
            Self::File(error) => error,
            Self::Sql(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
                FileError::io("write", path, std::io::ErrorKind::StorageFull.into())
            }
            Self::Sql(error) => {
                let hint = database::hint(&error).map(Into::into);
                FileError::at(&path.display().to_string(), None, "", &format!("the history: {error}"), hint)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(id: &str, before: Option<&str>, after: Option<&str>) -> EntryChange {
        let text = |text: Option<&str>| text.map(Into::into);
        EntryChange { kind: "widget".into(), id: id.into(), before: text(before), after: text(after) }
    }

    #[test]
    fn changes_are_there_again_after_the_file_was_closed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/widgets.db");
        let (changes, moved) = Changes::open(&path).unwrap();
        assert_eq!((changes.last(), moved), (0, None));
        changes.append("anna", "edit", None, &[changed("a", None, Some("{}"))]).unwrap();
        changes
            .append("ben", "undo", Some(1), &[changed("a", Some("{}"), None), changed("b", None, Some(""))])
            .unwrap();
        changes.mark(Mark::Next, &Etag::of_bytes(b"w"), 1).unwrap();
        changes.mark(Mark::Next, &Etag::of_bytes(b"x"), 2).unwrap();
        drop(changes);
        let (changes, _) = Changes::open(&path).unwrap();
        assert_eq!(changes.last(), 2);
        assert_eq!(changes.entries(2, 10).unwrap(), [changed("a", Some("{}"), None), changed("b", None, Some(""))]);
        let told: Vec<_> = changes.list(None, 10, None).unwrap();
        let told: Vec<_> = told.iter().map(|c| (c.number, c.who.as_str(), c.deed.as_str(), c.of, c.entries)).collect();
        assert_eq!(told, [(2, "ben", "undo", Some(1), 2), (1, "anna", "edit", None, 1)]);
        let of_b = changes.list(None, 10, Some(("widget", "b"))).unwrap();
        assert_eq!(of_b.iter().map(|change| change.number).collect::<Vec<_>>(), [2]);
        assert_eq!(changes.list(Some(2), 10, None).unwrap().len(), 1);
        assert_eq!(changes.marked(&Etag::of_bytes(b"x")).unwrap(), Some(2));
        assert_eq!(changes.marked(&Etag::of_bytes(b"w")).unwrap(), None, "it never came to be");
        changes.forget().unwrap();
        assert_eq!(changes.append("anna", "edit", None, &[]).unwrap().number, 3, "numbers go on");
    }

    #[test]
    fn a_change_that_was_altered_on_the_disk_is_named_and_a_damaged_file_moved_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("widgets.db");
        let (changes, _) = Changes::open(&path).unwrap();
        changes.append("anna", "edit", None, &[changed("a", None, Some("{}"))]).unwrap();
        lock(&changes.kept).connection.execute("UPDATE entries SET after = '[]'", []).unwrap();
        assert!(changes.entries(1, 10).unwrap_err().to_string().contains("is not as it was written"));
        drop(changes);
        fs::write(&path, vec![7; 5000]).unwrap();
        let (changes, moved) = Changes::open(&path).unwrap();
        assert_eq!(fs::read(moved.unwrap()).unwrap(), vec![7; 5000]);
        assert_eq!(changes.last(), 0);
    }

    #[test]
    fn the_oldest_make_room_when_they_take_too_much() {
        let folder = tempfile::tempdir().unwrap();
        let (changes, _) = Changes::open(&folder.path().join("widgets.db")).unwrap();
        let large = "x".repeat(1 << 20);
        for _ in 0..80 {
            changes.append("anna", "edit", None, &[changed("a", None, Some(&large))]).unwrap();
        }
        let kept = changes.list(None, 100, None).unwrap();
        assert!((LEAST..=64).contains(&(kept.len() as u64)), "{}", kept.len());
        assert_eq!(kept[0].number, 80);
        assert_eq!(changes.oldest().unwrap(), kept.last().unwrap().number);
        assert_eq!(changes.entries(80, 10).unwrap().len(), 1);
    }
}
