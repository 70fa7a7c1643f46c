//! `state/sessions.json`: the sessions of people over a restart of the daemon. It holds hashes only.
//!
//! Invariant: whoever lost the session while the daemon was away is out. A session comes back only for a user who is still
//! there with the password of then.

use std::path::{Path, PathBuf};

use fieldrail_model::Timestamp;
use fieldrail_store::state::{self, Loaded};
use serde::{Deserialize, Serialize};

use super::UsersFile;
use super::secret::sha256_hex;

/// What the file holds.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    sessions: Vec<KeptSession>,
}

/// One session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptSession {
    /// The SHA-256 of its cookie.
    pub(super) hash: String,
    pub(super) user: String,
    /// See [`fingerprint`].
    pub(super) password: String,
    /// When it was used last, to a day.
    pub(super) used: Timestamp,
}

/// Where sessions are kept.
pub(super) struct Keeper(PathBuf);

impl Keeper {
    /// The sessions that are still good. Beside them, what is wrong with the file.
    pub(super) fn open(state: &Path, users: &UsersFile) -> (Self, Vec<KeptSession>, Option<String>) {
        let path = state.join("sessions.json");
        let (kept, fault) = match state::load::<Kept>(&path) {
            Ok(Loaded::Found(kept)) => (kept, None),
            Ok(Loaded::Missing) => (Kept::default(), None),
            Ok(Loaded::SetAside { error, .. }) | Err(error) => (Kept::default(), Some(error.to_string())),
        };
        let is_good = |session: &KeptSession| fingerprint(users, &session.user).as_ref() == Some(&session.password);
        (Self(path), kept.sessions.into_iter().filter(is_good).collect(), fault)
    }

    /// Keeps these sessions and no others. Where that does not work none is kept: one that ended must not come back.
    pub(super) fn save(&self, sessions: Vec<KeptSession>) {
        if let Err(error) = state::save(&self.0, &Kept { sessions }) {
            tracing::warn!(%error, "The sessions cannot be kept; after a restart everybody logs in again.");
            let _ = std::fs::remove_file(&self.0);
        }
    }
}

/// Differs when the user's password does; none if there is no such user.
pub(super) fn fingerprint(users: &UsersFile, name: &str) -> Option<String> {
    users.users.iter().find(|user| user.name == name).map(|user| sha256_hex(&user.password))
}
