//! An SQLite database as a file: private, opened for one side that writes and one that reads, set aside when damaged.

use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::error::FileError;
use crate::state::set_aside;

/// How long another program may hold the database before an error is returned.
const BUSY: Duration = Duration::from_secs(2);

/// The side that writes. The file is created when missing; it and its journal are for the owner only.
pub(crate) fn create<E: From<FileError> + From<rusqlite::Error>>(path: &Path) -> Result<Connection, E> {
    create_private(path)?;
    Ok(connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?)
}

/// The side that reads, in a file that is there.
pub(crate) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.pragma_update(None, "cache_size", -1024)?;
    Ok(connection)
}

fn connect(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

/// SQLite gives its journal the mode of the database, so this makes all files private.
fn create_private(path: &Path) -> Result<(), FileError> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    let closed = file.and_then(|file| file.set_permissions(Permissions::from_mode(0o600)));
    closed.map_err(|error| FileError::io("open", path, error))
}

/// Gives all files of the database at `path` names that nothing uses, and says that of the database. All connections
/// are closed first: the last one removes its journal by name, which must not be that of the next database.
pub(crate) fn move_aside(path: &Path) -> Result<Option<PathBuf>, FileError> {
    let files = files(path).into_iter().filter(|file| file.exists());
    let moved = files.map(|file| set_aside(&file)).collect::<Result<Vec<_>, _>>()?;
    Ok(moved.into_iter().next())
}

/// The files that a database at `path` consists of, the database first.
fn files(path: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|end| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        name.into()
    })
}

/// Whether the file does not hold what was once written.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::Error as E;
    match error {
        // No table of ours takes such a value in.
        E::InvalidColumnType(..) | E::IntegralValueOutOfRange(..) | E::FromSqlConversionFailure(..) => true,
        _ => matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)),
    }
}

/// What to try when the database refuses, unless it is damaged: that is for its owner to say.
pub(crate) fn hint(error: &rusqlite::Error) -> Option<&'static str> {
    Some(match error.sqlite_error_code()? {
        ErrorCode::DiskFull => "the disk is full: free some space",
        ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied => {
            "may the user that Fieldrail runs as write this file and its folder?"
        }
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => "another program has the file open: close it",
        ErrorCode::SystemIoFailure => "is the disk full or failing? `dmesg` may tell",
        _ => return None,
    })
}

/// A panic while one of them was held leaves a connection that rolls back by itself.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
