//! What outlives a restart: retained messages and sessions.
//!
//! The library's own file store syncs the disk once per retained message, which no memory card bears and which holds up
//! every publisher. Here the library keeps all in memory; [`journal`] writes retained messages at once (so they survive
//! `kill -9`) and syncs once a second (so a power cut costs at most that), and [`sessions`] writes sessions with what
//! waits for them once a minute and at the end.

mod journal;
mod sessions;

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mqtt5::broker::{DynamicStorage, StorageBackend as _};
use tokio::task::spawn_blocking;
use tokio::time::interval;

use crate::access::Access;
use crate::error::Error;
use journal::Journal;

/// Set by the broker on what a client publishes, and never by the link.
pub(crate) const CLIENT_PROPERTY: &str = "x-mqtt-client-id";

/// Set by the broker on what a logged-in client publishes: its user name.
const SENDER_PROPERTY: &str = "x-mqtt-sender";

/// Time between two syncs of the disk.
const SYNC: Duration = Duration::from_secs(1);

/// Syncs between two snapshots of the sessions.
const SYNCS_PER_SNAPSHOT: u32 = 60;

/// The folder of one broker.
pub(crate) struct Keep {
    folder: PathBuf,
    journal: Mutex<Journal>,
    storage: Arc<DynamicStorage>,
    /// Held for as long as this process uses the folder.
    _lock: File,
}

impl Keep {
    /// Fills the broker's memory from the folder, without what was kept from or for those who have lost the right, and
    /// keeps the folder in step from now on.
    pub(crate) async fn open(folder: &Path, storage: Arc<DynamicStorage>, access: &Access) -> Result<Self, Error> {
        let folder = folder.join("mqtt");
        DirBuilder::new().mode(0o700).recursive(true).create(&folder).map_err(Error::Folder)?;
        let lock = File::create(folder.join("lock")).map_err(Error::Folder)?;
        lock.try_lock().map_err(|error| Error::Folder(error.into()))?;

        let mut loaded = journal::load(&folder).map_err(Error::Folder)?;
        let found = loaded.messages.len();
        loaded.messages.retain(|topic, message| {
            let property =
                |name: &str| message.user_properties.iter().find(|(key, _)| key == name).map(|(_, value)| &**value);
            let by_client = property(CLIENT_PROPERTY).is_some();
            !by_client || access.may_publish(property(SENDER_PROPERTY), topic)
        });
        let revoked = found - loaded.messages.len();
        if revoked > 0 {
            tracing::info!(messages = revoked, "Retained messages were removed: their publishers have lost the right.");
        }
        for (topic, message) in &loaded.messages {
            storage.store_retained_message(topic, message.clone()).await.map_err(Error::Start)?;
        }
        let journal = Journal::start(&folder, &loaded).map_err(Error::Folder)?;
        sessions::restore(&folder, &storage, access).await?;
        Ok(Self { folder, journal: Mutex::new(journal), storage, _lock: lock })
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what is retained for a topic now.
    pub(crate) async fn note(&self, topic: &str) {
        let message = self.storage.get_retained_message(topic).await.ok().flatten();
        self.journal().append(topic, message.as_ref());
    }

    /// Syncs, rewrites and takes snapshots until it is dropped.
    pub(crate) async fn attend(self: Arc<Self>) {
        let mut tick = interval(SYNC);
        let mut syncs = 0;
        loop {
            tick.tick().await;
            self.sync().await;
            if self.journal().is_wasteful() {
                self.rewrite().await;
            }
            syncs += 1;
            if syncs % SYNCS_PER_SNAPSHOT == 0 {
                self.snapshot().await;
            }
        }
    }

    /// Brings everything to disk; for the end.
    pub(crate) async fn finish(&self) {
        self.sync().await;
        self.snapshot().await;
    }

    async fn sync(&self) {
        let unsynced = self.journal().take_unsynced();
        if let Some(file) = unsynced {
            report("synced", spawn_blocking(move || file.sync_data()).await);
        }
    }

    /// Begins a new journal, then writes what is retained as its base: a message in between is in both.
    async fn rewrite(&self) {
        let begun = self.journal().begin_next();
        let Ok(generation) = begun.inspect_err(|error| tracing::error!(%error, "The journal cannot be begun anew."))
        else {
            return;
        };
        let Ok(messages) = self.storage.get_retained_messages("#").await else { return };
        let folder = self.folder.clone();
        let written =
            spawn_blocking(move || journal::write_base(&folder, generation, messages.iter().map(|(t, m)| (&**t, m))));
        if let Some(bytes) = report("rewritten", written.await) {
            self.journal().set_base(bytes);
        }
    }

    async fn snapshot(&self) {
        let snapshot = sessions::collect(&self.storage).await;
        let folder = self.folder.clone();
        report("saved", spawn_blocking(move || sessions::save(&folder, &snapshot)).await);
    }
}

fn report<T>(what: &str, ended: Result<io::Result<T>, tokio::task::JoinError>) -> Option<T> {
    let ended = ended.unwrap_or_else(|error| Err(io::Error::other(error)));
    ended
        .inspect_err(|error| tracing::error!(%error, "What the broker keeps could not be {what}. Is the disk full?"))
        .ok()
}

/// Replaces a file so that it is whole at every moment: the old one or the new one.
fn replace(folder: &Path, name: &str, write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> io::Result<u64> {
    let temporary = folder.join(format!("{name}.tmp"));
    let mut file = io::BufWriter::new(File::create(&temporary)?);
    write(&mut file)?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_data()?;
    let bytes = file.metadata()?.len();
    std::fs::rename(&temporary, folder.join(name))?;
    File::open(folder)?.sync_all()?;
    Ok(bytes)
}
