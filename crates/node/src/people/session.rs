//! Sessions of people: opaque, ended by log-out, by age and by a change of the user; those of users outlive the daemon.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use fieldrail_model::Timestamp;

use super::kept::{Keeper, KeptSession};
use super::secret::{Secret, sha256_hex};
use super::{Role, Who};

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

/// How long the last use of a session may stay unsaved: the disk is not to be written for each request.
const UNSAVED: Duration = Duration::from_hours(24);

struct Session {
    who: Who,
    used: Instant,
    saved: Instant,
    /// What its user's password looked like, of a session that outlives the daemon.
    password: Option<String>,
}

#[derive(Default)]
pub(super) struct Sessions {
    by_hash: HashMap<String, Session>,
    keeper: Option<Keeper>,
}

impl Sessions {
    /// Those that were kept, as old as they are at `now`.
    pub(super) fn kept(keeper: Keeper, kept: Vec<KeptSession>, now: Timestamp) -> Self {
        let here = Instant::now();
        let session = |kept: KeptSession| {
            let age = Duration::from_millis(u64::try_from(now.millis() - kept.used.millis()).unwrap_or(0));
            if age >= IDLE {
                return None;
            }
            let used = here.checked_sub(age).unwrap_or(here);
            // Who it is was looked up, and its role is looked up at each use.
            let who = Who { name: kept.user, role: Role::Viewer, scope: None };
            Some((kept.hash, Session { who, used, saved: used, password: Some(kept.password) }))
        };
        let by_hash = kept.into_iter().take(MOST).filter_map(session).collect();
        Self { by_hash, keeper: Some(keeper) }
    }

    /// Begins one. With what its user's password looks like it outlives the daemon.
    pub(super) fn begin(&mut self, secret: &Secret, who: Who, password: Option<String>) {
        let now = Instant::now();
        self.by_hash.retain(|_, session| now.duration_since(session.used) < IDLE);
        if self.by_hash.len() >= MOST {
            let idlest = self.by_hash.iter().min_by_key(|(_, session)| session.used).map(|(hash, _)| hash.clone());
            idlest.and_then(|hash| self.by_hash.remove(&hash));
        }
        let lasts = password.is_some();
        self.by_hash.insert(secret.sha256(), Session { who, used: now, saved: now, password });
        if lasts {
            self.save();
        }
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
        let who = session.who.clone();
        if session.password.is_some() && now.duration_since(session.saved) >= UNSAVED {
            self.save();
        }
        Some(who)
    }

    pub(super) fn end(&mut self, credential: &Credential) {
        if let Credential::Session(hash) = credential
            && self.by_hash.remove(hash).is_some_and(|session| session.password.is_some())
        {
            self.save();
        }
    }

    pub(super) fn end_all_of(&mut self, name: &str) {
        let before = self.by_hash.len();
        self.by_hash.retain(|_, session| session.who.name != name);
        if self.by_hash.len() < before {
            self.save();
        }
    }

    fn save(&mut self) {
        let Some(keeper) = &self.keeper else { return };
        let (now, wall) = (Instant::now(), crate::clock::wall());
        let kept = self.by_hash.iter_mut().filter_map(|(hash, session)| {
            let password = session.password.clone()?;
            session.saved = now;
            let age = i64::try_from(now.duration_since(session.used).as_millis()).unwrap_or(i64::MAX);
            let used = Timestamp::from_millis(wall.millis().saturating_sub(age));
            Some(KeptSession { hash: hash.clone(), user: session.who.name.clone(), password, used })
        });
        keeper.save(kept.collect());
    }

    pub(super) fn count_of(&self, name: &str) -> usize {
        let now = Instant::now();
        let lives = |session: &&Session| session.who.name == name && now.duration_since(session.used) < IDLE;
        self.by_hash.values().filter(lives).count()
    }
}
