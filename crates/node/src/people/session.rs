//! Sessions of people: opaque, in memory, ended by log-out, by age and by a change of the user.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::Who;
use super::secret::{Secret, sha256_hex};

/// What somebody shows: hashed on the way in, so that nothing behind this point holds the secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Credential {
    /// The SHA-256 of a session cookie.
    Session(String),
    /// The SHA-256 of a bearer token.
    Token(String),
}

impl Credential {
    /// From the value of the session cookie.
    pub fn session(secret: &str) -> Self {
        Self::Session(sha256_hex(secret))
    }

    /// From the value behind `Bearer`.
    pub fn token(secret: &str) -> Self {
        Self::Token(sha256_hex(secret))
    }
}

/// A session that nobody used for so long has ended: a wall panel survives a holiday.
const IDLE: Duration = Duration::from_hours(30 * 24);

/// So many sessions at the most; the one that was idle longest makes room.
const MOST: usize = 1000;

struct Session {
    who: Who,
    used: Instant,
}

#[derive(Default)]
pub(super) struct Sessions {
    by_hash: HashMap<String, Session>,
}

impl Sessions {
    pub(super) fn begin(&mut self, secret: &Secret, who: Who) {
        let now = Instant::now();
        self.by_hash.retain(|_, session| now.duration_since(session.used) < IDLE);
        if self.by_hash.len() >= MOST {
            let idlest = self.by_hash.iter().min_by_key(|(_, session)| session.used).map(|(hash, _)| hash.clone());
            idlest.and_then(|hash| self.by_hash.remove(&hash));
        }
        self.by_hash.insert(secret.sha256(), Session { who, used: now });
    }

    pub(super) fn find(&mut self, credential: &Credential) -> Option<Who> {
        let Credential::Session(hash) = credential else { return None };
        let session = self.by_hash.get_mut(hash)?;
        let now = Instant::now();
        if now.duration_since(session.used) >= IDLE {
            self.by_hash.remove(hash);
            return None;
        }
        session.used = now;
        Some(session.who.clone())
    }

    pub(super) fn end(&mut self, credential: &Credential) {
        if let Credential::Session(hash) = credential {
            self.by_hash.remove(hash);
        }
    }

    pub(super) fn end_all_of(&mut self, name: &str) {
        self.by_hash.retain(|_, session| session.who.name != name);
    }

    pub(super) fn count_of(&self, name: &str) -> usize {
        let now = Instant::now();
        let lives = |session: &&Session| session.who.name == name && now.duration_since(session.used) < IDLE;
        self.by_hash.values().filter(lives).count()
    }
}
