//! What survives a restart: configuration files, their versions, secrets, small states, logs, and values on their way.
//!
//! Synchronous code on plain files. Read in this order: [`Document`] one configuration file, [`FileError`] what can be
//! wrong with it, [`Versions`] what it said before, [`Changes`] the same entry by entry, [`Watcher`] edits by hand, [`Secrets`], [`state`], [`Logs`],
//! [`Errors`] what failed, [`AuditTrail`] who did what, [`Outbox`] what must not be lost on its way, [`Rings`] figures over
//! thirty days. Beneath them: [`atomic`] writing, `database` an SQLite file, and the
//! scanner that knows where in a text a key stands ([`locate`]).
//!
//! Invariants: a file that could not be read is never written over; nothing in a file makes this crate panic; every
//! fault in a document is told with line, column and key; nothing here knows what a driver or a route is; what the
//! outbox acknowledged is on disk.

mod audit;
mod changes;
mod database;
mod document;
mod error;
mod errors;
mod etag;
mod format_version;
mod key_path;
mod logs;
mod outbox;
mod parse;
mod rings;
mod scan;
mod schema;
mod secrets;
mod shape;
mod versions;
mod visible;
mod watch;

pub mod atomic;
pub mod state;

mod clock;
mod lock;

pub use atomic::Access;
pub use audit::{AuditEntry, AuditFilter, AuditLimits, AuditRecord, AuditTrail, BrokenRow, Head, Trail, Verdict};
pub use changes::{ChangeHead, Changes, EntryChange, Mark};
pub use document::{
    Change, Document, FIRST_START, Format, HAND_EDIT, LARGE_BYTES, MAX_BYTES, Options, Snapshot, read_file,
};
pub use error::{EditError, FileError};
pub use errors::{
    ErrorFilter, ErrorGroup, ErrorLimits, Errors, Forward, Happened, Occurrence, Outgoing, OutgoingFigures, Taken,
};
pub use etag::{Etag, etag_of};
pub use format_version::FormatVersion;
pub use key_path::{KeyPath, Step};
pub use logs::{Filter, LogError, LogLimits, LogLine, LogRecord, Logs};
pub use outbox::{
    Entry, LaneFigures, MAX_BLOB_BYTES, MAX_ENTRY_BYTES, MAX_LANES, MAX_READ_BYTES, MAX_WAITING_BYTES,
    MAX_WAITING_ENTRIES, NewEntry, Outbox, OutboxError, OutboxLimits, Receipt, Stored,
};
pub use parse::parse_str;
pub use rings::{Bucket, Buckets, MAX_BUCKETS, RECENT_S, Rings};
pub use scan::{MAX_DEPTH, Place, locate};
pub use schema::schema_of;
pub use secrets::{MissingSecret, Secret, Secrets, references};
pub use shape::Shape;
pub use versions::{MAX_VERSION_BYTES, MAX_VERSIONS, MIN_VERSIONS, Version, Versions};
pub use visible::visible;
pub use watch::Watcher;
