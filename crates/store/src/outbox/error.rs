//! What can go wrong with the outbox.

use std::io;
use std::sync::Arc;

use crate::database;
use crate::error::FileError;

/// The outbox cannot be opened, read or told to keep something.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The file itself is the trouble.
    #[error("the router's file cannot be used")]
    File(#[from] FileError),
    /// The database refused.
    #[error("the router's database refused")]
    Database(#[from] rusqlite::Error),
    /// A later version of Fieldrail has written the file. It is not touched.
    #[error("the router's file has format {found}, and this version reads up to {known}")]
    Newer {
        /// The format of the file.
        found: i64,
        /// The latest format that this version knows.
        known: i64,
    },
    /// A damaged file is being replaced, and there is no new one yet.
    #[error("the router's file is not open")]
    Closed,
    /// The thread that writes cannot be started.
    #[error("the thread that writes the router's file cannot be started")]
    Thread {
        /// The operating system's reason.
        source: io::Error,
    },
    /// An entry is not what was once stored.
    #[error("entry {seq} for {lane} cannot be understood")]
    Entry {
        /// The lane of the entry.
        lane: Arc<str>,
        /// The number of the entry. Call it done to go on.
        seq: u64,
        /// What is wrong with its bytes.
        source: rmp_serde::decode::Error,
    },
    /// What is to be remembered is too large.
    #[error("{bytes} bytes are too many to remember under `{key}`")]
    TooLarge {
        /// Under which key.
        key: String,
        /// Bytes of key and blob.
        bytes: usize,
    },
}

impl OutboxError {
    /// What to try, shown under the message.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::File(error) => error.hint(),
            Self::Database(error) if database::is_damage(error) => {
                Some("the file is damaged: it is set aside, and a new one is begun")
            }
            Self::Database(error) => database::hint(error),
            Self::Newer { .. } => Some("install that version again, or move the file away and lose what waits in it"),
            Self::Thread { .. } => Some("are there too many threads or too little memory for this user?"),
            Self::Entry { .. } => Some("is the disk failing? `dmesg` may tell"),
            Self::Closed => Some("is the disk full or failing? a new file is begun as soon as it can be"),
            Self::TooLarge { .. } => None,
        }
    }

    pub(super) fn is_damage(&self) -> bool {
        matches!(self, Self::Database(error) if database::is_damage(error))
    }
}
