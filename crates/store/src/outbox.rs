//! What must not be lost on its way: values that wait for their target, and small things the router remembers.
//!
//! One SQLite file, written by one thread and read by another connection. Everything that waits while the disk is busy
//! goes into the next transaction (group commit), so that the price of a sync is shared. Reading order: [`Outbox`],
//! `queue` what waits for the writer, `writer` the thread, `table` the SQL, `lanes` the books of the lanes, `body` an
//! entry as bytes, `ranges`.
//!
//! Invariants: a receipt is called after the sync that makes its entries durable, never before, and in the order of the
//! puts; the numbers of a lane rise and are not used twice, so their order is that of the puts; what was taken leaves
//! only by [`Outbox::done`], or with the whole file when that is found damaged; a commit that fails changes nothing and
//! is tried again.

mod body;
mod error;
mod lanes;
mod queue;
mod ranges;
mod table;
mod writer;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use fieldrail_model::{Origin, Timestamp, Value};

use crate::database::{is_damage, lock};
use queue::Shared;
use writer::Writer;

pub use error::OutboxError;
pub use lanes::MAX_LANES;
pub use queue::{MAX_WAITING_BYTES, MAX_WAITING_ENTRIES};

/// Bytes of one entry at most, as it is stored: 16 MiB. A larger one is refused.
pub const MAX_ENTRY_BYTES: usize = 16 << 20;

/// Bytes of one remembered blob at most: 16 MiB.
pub const MAX_BLOB_BYTES: usize = 16 << 20;

/// Bytes of the entries that one [`Outbox::read`] gives back at most, beyond the first: 16 MiB.
pub const MAX_READ_BYTES: usize = 16 << 20;

/// What to try when the writer has met a fault of its own.
const RESTART: &str = "restart Fieldrail: what was acknowledged is on disk";

/// How much waits in one lane at most. At either bound the newest are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxLimits {
    /// Entries of one lane.
    pub entries: u64,
    /// Bytes of the entries of one lane as they are stored, without what the database adds (about a sixth).
    pub bytes: u64,
}

impl Default for OutboxLimits {
    fn default() -> Self {
        Self { entries: 5_000_000, bytes: 1 << 30 }
    }
}

/// One value that must reach its target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// The target instance; all entries of one lane keep their order.
    pub lane: Arc<str>,
    /// The tag to write, as the target knows it.
    pub tag: Arc<str>,
    /// What to write.
    pub value: Value,
    /// Where the value first came from.
    pub origin: Option<Origin>,
    /// The route that sends it.
    pub route: Arc<str>,
    /// When it is of no use any more. Only kept here: whoever reads it decides.
    pub expires: Option<Timestamp>,
}

/// One value on its way, as it was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number in its lane, from 1 on. Not without gaps.
    pub seq: u64,
    /// The tag to write, as the target knows it.
    pub tag: Arc<str>,
    /// What to write.
    pub value: Value,
    /// Where the value first came from.
    pub origin: Option<Origin>,
    /// The route that sends it.
    pub route: Arc<str>,
    /// When it is of no use any more.
    pub expires: Option<Timestamp>,
}

/// What became of one [`Outbox::put`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stored {
    /// Entries that are on disk now.
    pub taken: u64,
    /// Entries that were not taken: their lane was full, they were too large, or too much was waiting for the disk.
    pub refused: u64,
}

/// Called once, on the writer's thread, which waits for it: keep it short. It may use the outbox.
pub type Receipt = Box<dyn FnOnce(Stored) + Send>;

/// One lane as of the last commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneFigures {
    /// The target instance.
    pub lane: Arc<str>,
    /// Entries on disk, those included that are done and not yet deleted.
    pub entries: u64,
    /// Their bytes, counted as for [`OutboxLimits::bytes`].
    pub bytes: u64,
    /// Entries that were refused since the outbox was opened.
    pub refused: u64,
}

/// The durable memory of the router.
///
/// ```
/// use std::sync::{Arc, mpsc};
/// use fieldrail_store::{NewEntry, Outbox, OutboxLimits};
///
/// # let folder = tempfile::tempdir()?;
/// let outbox = Outbox::open(&folder.path().join("router.db"), OutboxLimits::default())?;
/// let entry = NewEntry {
///     lane: "plc_001".into(),
///     tag: "setpoint".into(),
///     value: 21.5.into(),
///     origin: None,
///     route: "heating".into(),
///     expires: None,
/// };
/// let (receipt, receipts) = mpsc::channel();
/// outbox.put(vec![entry], Box::new(move |stored| receipt.send(stored).unwrap()));
/// assert_eq!(receipts.recv()?.taken, 1);
///
/// let waiting = outbox.read("plc_001", 0, 100)?;
/// // … and when the target has it:
/// outbox.done("plc_001", waiting.iter().map(|entry| entry.seq).collect());
/// assert!(outbox.read("plc_001", 0, 100)?.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Dropping it commits what waits and ends the writer's thread. If that commit fails, what waits was never
/// acknowledged: its receipts are dropped without a call.
pub struct Outbox {
    shared: Arc<Shared>,
    /// There until it is dropped.
    thread: Option<JoinHandle<()>>,
}

impl Outbox {
    /// Opens the file at `path`, or begins one in a folder that is there, and starts the writer's thread. A damaged
    /// file is moved aside first: see [`Outbox::set_aside`].
    pub fn open(path: &Path, limits: OutboxLimits) -> Result<Self, OutboxError> {
        let (writer, shared) = Writer::open(path, limits)?;
        let watched = shared.clone();
        let run = move || {
            if catch_unwind(AssertUnwindSafe(|| writer.run())).is_err() {
                *lock(&watched.trouble) =
                    Some(format!("the writer of {} has failed; {RESTART}", watched.path.display()));
            }
        };
        let thread = thread::Builder::new().name("outbox".into()).spawn(run);
        let thread = thread.map_err(|source| OutboxError::Thread { source })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Takes `entries` in and never waits for the disk. `receipt` is called after the commit that holds them, also when
    /// there are none, in the order of the puts.
    ///
    /// All of one put are committed at once. What finds its lane full is refused: the newest, never what was taken.
    /// When [`MAX_WAITING_ENTRIES`] or [`MAX_WAITING_BYTES`] wait for the disk, the whole put is refused, and only its
    /// receipt waits, to be called in its turn.
    pub fn put(&self, entries: Vec<NewEntry>, receipt: Receipt) {
        self.shared.put(entries, receipt);
    }

    /// These have reached their target: [`Outbox::read`] gives them back no more. They are deleted with the next commit,
    /// within a second; after a crash before that they are there again. Numbers that are not there are passed over.
    pub fn done(&self, lane: &str, seqs: Vec<u64>) {
        self.shared.done(lane, seqs);
    }

    /// The first `most` entries of `lane` with a number above `after`, in rising order: those that are committed and not
    /// done. Fewer when they exceed [`MAX_READ_BYTES`]; none when there are none.
    ///
    /// # Errors
    /// [`OutboxError::Entry`] when the first one cannot be understood; when it is called done, the rest can be read.
    pub fn read(&self, lane: &str, after: u64, most: usize) -> Result<Vec<Entry>, OutboxError> {
        let Some((id, done)) = self.shared.lane_to_read(lane, after) else { return Ok(Vec::new()) };
        let read = self.with_reader(|connection| table::read(connection, id, after, most, &done))?;
        read.map_err(|(seq, source)| OutboxError::Entry { lane: lane.into(), seq, source })
    }

    /// Each lane that holds something or has refused something, by name.
    pub fn figures(&self) -> Vec<LaneFigures> {
        self.shared.figures()
    }

    /// Why the last commit failed, with what to try, while it is tried again every half second. Nothing is lost and
    /// nothing acknowledged meanwhile.
    pub fn trouble(&self) -> Option<String> {
        lock(&self.shared.trouble).clone()
    }

    /// Keeps `blob` under `key` in place of what was there. Written with the next commit, within a second, or at once
    /// when there is a `receipt`, which is called after that commit. What is replaced before it was written is never
    /// written, and its receipt is called with that of its successor. One blob a key waits, so the number of keys
    /// bounds the memory.
    ///
    /// # Errors
    /// [`OutboxError::TooLarge`] above [`MAX_BLOB_BYTES`]; what was there stays, and the receipt is not called.
    pub fn remember(
        &self,
        key: &str,
        blob: Vec<u8>,
        receipt: Option<Box<dyn FnOnce() + Send>>,
    ) -> Result<(), OutboxError> {
        let bytes = key.len() + blob.len();
        if bytes > MAX_BLOB_BYTES {
            return Err(OutboxError::TooLarge { key: key.into(), bytes });
        }
        self.shared.note(key, Some(blob), receipt);
        Ok(())
    }

    /// Keeps nothing under `key` any more, from the next commit on.
    pub fn forget(&self, key: &str) {
        self.shared.note(key, None, None);
    }

    /// All that is remembered under keys that begin with `prefix`, by key, as of the last commit.
    pub fn recall(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, OutboxError> {
        self.with_reader(|connection| table::recall(connection, prefix))
    }

    /// Where the previous file lies now, when it was found damaged and this is a new one.
    pub fn set_aside(&self) -> Option<PathBuf> {
        lock(&self.shared.set_aside).clone()
    }

    /// Reads; when that meets damage, the writer begins a new file.
    fn with_reader<T>(
        &self,
        read: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T>,
    ) -> Result<T, OutboxError> {
        let reader = lock(&self.shared.reader);
        read(reader.as_ref().ok_or(OutboxError::Closed)?).map_err(|error| {
            if is_damage(&error) {
                self.shared.found_damage();
            }
            OutboxError::Database(error)
        })
    }

    /// Runs `what` on the writer's connection before its next commit: how a test fills the disk.
    #[cfg(test)]
    fn on_writer(&self, what: impl FnOnce(&rusqlite::Connection) + Send + 'static) {
        lock(&self.shared.queue).hooks.push(Box::new(what));
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.shared.close();
        if let Some(thread) = self.thread.take() {
            // A receipt may hold the last reference: a thread cannot wait for itself, and ends all the same.
            if thread.thread().id() != thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("path", &self.shared.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
