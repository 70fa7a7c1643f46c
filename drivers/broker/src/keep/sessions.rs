//! Sessions of absent clients on disk, with the messages that wait for them.

use std::fs;
use std::io;
use std::path::Path;

use mqtt5::broker::storage::{ClientSession, InflightMessage, QueuedMessage};
use mqtt5::broker::{DynamicStorage, StorageBackend as _};
use serde::{Deserialize, Serialize};

use crate::access::Access;
use crate::error::Error;

const FILE: &str = "sessions.json";

/// The most bytes of waiting payloads that are kept over a restart; those of further clients are left out.
const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;

/// All sessions at one moment.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Snapshot {
    sessions: Vec<ClientSession>,
    queued: Vec<QueuedMessage>,
    inflight: Vec<InflightMessage>,
}

/// What the broker's memory holds.
pub(super) async fn collect(storage: &DynamicStorage) -> Snapshot {
    let mut snapshot = Snapshot::default();
    let mut waiting = 0;
    for client in storage.session_client_ids().await.unwrap_or_default() {
        let Ok(Some(session)) = storage.get_session(&client).await else { continue };
        snapshot.sessions.push(session);
        let queued = storage.get_queued_messages(&client).await.unwrap_or_default();
        let inflight = storage.get_inflight_messages(&client).await.unwrap_or_default();
        waiting += queued.iter().map(|message| message.payload.len()).sum::<usize>();
        if waiting <= MAX_WAITING_BYTES {
            snapshot.queued.extend(queued);
            snapshot.inflight.extend(inflight);
        } else {
            tracing::warn!(
                ?client,
                "Too much waits for absent clients; a restart would lose the messages of this one."
            );
        }
    }
    snapshot
}

/// Replaces the file, unless it says the same already.
pub(super) fn save(folder: &Path, snapshot: &Snapshot) -> io::Result<()> {
    let bytes = serde_json::to_vec(snapshot)?;
    if fs::read(folder.join(FILE)).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    super::replace(folder, FILE, |file| file.write_all(&bytes)).map(drop)
}

/// Fills the broker's memory, but for the sessions of users who are gone. A file that cannot be understood is put aside.
pub(super) async fn restore(folder: &Path, storage: &DynamicStorage, access: &Access) -> Result<(), Error> {
    let path = folder.join(FILE);
    let snapshot: Snapshot = match fs::read(&path) {
        Ok(bytes) => match serde_json::from_slice(&bytes) {
            Ok(snapshot) => snapshot,
            Err(error) => {
                tracing::warn!(file = ?path, %error, "The sessions could not be read; the file is put aside.");
                fs::rename(&path, folder.join(format!("damaged-{FILE}"))).map_err(Error::Folder)?;
                return Ok(());
            }
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::Folder(error)),
    };
    let mut known = std::collections::HashSet::new();
    for session in snapshot.sessions {
        if access.knows(session.user_id.as_deref()) {
            known.insert(session.client_id.clone());
            storage.store_session(session).await.map_err(Error::Start)?;
        }
    }
    for mut message in snapshot.queued {
        if known.contains(&message.client_id) {
            message.recompute_expiry();
            storage.queue_message(message).await.map_err(Error::Start)?;
        }
    }
    for message in snapshot.inflight {
        if known.contains(&message.client_id) {
            storage.store_inflight_message(message).await.map_err(Error::Start)?;
        }
    }
    Ok(())
}
