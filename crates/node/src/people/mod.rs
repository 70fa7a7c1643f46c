//! Who may do what: users, their sessions, machine tokens, the first set-up.
//!
//! Invariant: nothing here keeps a secret in clear. Passwords are argon2 hashes, sessions and tokens SHA-256 hashes of 32
//! random bytes. A file that is missing, empty or garbled admits nobody.

mod file;
mod kept;
mod limiter;
mod secret;
mod session;

pub use file::{MqttAccess, Scope, TokenEntry, UserEntry, UsersFile};
pub use secret::Secret;
pub(crate) use secret::{hash_password, random, sha256_hex, verify_password};
pub use session::Credential;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fieldrail_store::{Change, Document, Etag};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, watch};

use crate::{Error, Result};
use kept::Keeper;
use limiter::Limiter;
use session::Sessions;

/// What somebody may do; each role may all that the one before may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Writes and pulses datapoints.
    Operator,
    /// Configures everything.
    Admin,
}

/// Somebody who showed a valid session or token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// The user's name, or `token:NAME`.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Narrower than the role, for tokens.
    pub scope: Option<Scope>,
}

impl Who {
    /// Whether this address is within the scope.
    pub fn reaches(&self, address: &str) -> bool {
        self.scope.as_ref().is_none_or(|scope| scope.reaches(address))
    }

    /// Fails unless the role is at least `role`.
    pub fn must_be(&self, role: Role) -> Result<()> {
        if self.role >= role { Ok(()) } else { Err(Error::Forbidden { needs: role, has: self.role }) }
    }
}

/// A fresh log-in: the secret for the cookie, and who it is.
#[derive(Debug)]
pub struct Login {
    /// For the cookie; shown once.
    pub secret: Secret,
    /// Who logged in.
    pub who: Who,
}

/// A one-time code and when it ends.
struct Once {
    code: Secret,
    expires: std::time::Instant,
}

/// Users, sessions and tokens of this house.
pub struct People {
    users: Document<UsersFile>,
    sessions: Mutex<Sessions>,
    limiter: Limiter,
    once: Mutex<Option<Once>>,
    setup: Mutex<Option<Secret>>,
    /// At most two hashes at once: each takes 19 MiB and a good part of a core.
    hashing: Semaphore,
    /// Rises when somebody's rights changed.
    revoked: watch::Sender<u64>,
}

/// The shortest password that is taken, in characters.
const MIN_PASSWORD: usize = 8;

/// The longest password that is hashed, in bytes.
const MAX_PASSWORD: usize = 1024;

/// Who holds what the console handed out: the login link of the demo house, the command line. No user has this name.
const CONSOLE: &str = "console";

/// How long a one-time login link is good.
const ONCE: Duration = Duration::from_mins(15);

impl People {
    /// Opens `users.json`. Without a single user the house waits for its set-up with a fresh one-time code.
    pub fn open(users: Document<UsersFile>) -> Self {
        // A broken file is not an empty one: it admits nobody, and it does not open the set-up either.
        let empty = users.status().is_none() && users.snapshot().is_some_and(|file| file.value.users.is_empty());
        Self {
            users,
            sessions: Mutex::default(),
            limiter: Limiter::default(),
            once: Mutex::default(),
            setup: Mutex::new(empty.then(Secret::short)),
            hashing: Semaphore::new(2),
            revoked: watch::Sender::new(0),
        }
    }

    /// The same, with the sessions that were kept in the folder `state`. Beside it, what is wrong with them.
    pub fn open_with_sessions(users: Document<UsersFile>, state: &std::path::Path) -> (Self, Option<String>) {
        let people = Self::open(users);
        let (keeper, kept, fault) = Keeper::open(state, &people.all());
        *lock(&people.sessions) = Sessions::kept(keeper, kept, crate::clock::wall());
        (people, fault)
    }

    /// Opens `users.json` of a configuration folder, for the command line.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn open_folder(config: &std::path::Path) -> Result<Self> {
        Ok(Self::open(crate::files::open(config, crate::files::FileName::Users)?))
    }

    /// The code that the console shows while nobody has set the house up.
    pub fn setup_code(&self) -> Option<String> {
        lock(&self.setup).as_ref().map(|code| code.reveal().to_owned())
    }

    /// Makes the first administrator; afterwards the set-up is closed for good.
    pub async fn set_up(&self, code: &str, name: &str, password: &str, from: &str) -> Result<Login> {
        self.limiter.allow(from, "set-up")?;
        let wrong = || Error::Unauthorised("the set-up code is wrong".into());
        let matches = match &*lock(&self.setup) {
            None => return Err(Error::Conflict("the set-up is done".into())),
            Some(expected) => expected.matches(code),
        };
        if !matches {
            return Err(wrong());
        }
        let entry = self.new_user(name, password, Role::Admin).await?;
        // Take the code only now: a password that is too short must not close the door.
        lock(&self.setup).take().ok_or_else(wrong)?;
        let who = Who { name: entry.name.clone(), role: Role::Admin, scope: None };
        self.edit("set-up", |file| {
            file.users.push(entry.clone());
            Ok(())
        })?;
        Ok(self.begin_session(who))
    }

    /// A code that logs in as administrator once, for the address that `demo` prints.
    pub fn login_link(&self) -> String {
        let code = Secret::long();
        let shown = code.reveal().to_owned();
        *lock(&self.once) = Some(Once { code, expires: std::time::Instant::now() + ONCE });
        shown
    }

    /// Logs in with the code of [`People::login_link`].
    pub fn log_in_once(&self, code: &str, from: &str) -> Result<Login> {
        self.limiter.allow(from, "one-time code")?;
        let mut once = lock(&self.once);
        let good =
            once.as_ref().is_some_and(|once| once.code.matches(code) && once.expires > std::time::Instant::now());
        if !good {
            return Err(Error::Unauthorised("the login link is used up or too old".into()));
        }
        *once = None;
        drop(once);
        Ok(self.begin_session(Who { name: CONSOLE.into(), role: Role::Admin, scope: None }))
    }

    /// A session for the command line of the same operating system's user. It ends with the daemon.
    pub fn console_session(&self) -> Secret {
        self.begin_session(Who { name: CONSOLE.into(), role: Role::Admin, scope: None }).secret
    }

    /// Logs in with a password. Unknown users and wrong passwords get the same answer after the same work.
    pub async fn log_in(&self, name: &str, password: &str, from: &str) -> Result<Login> {
        self.limiter.allow(from, name)?;
        let entry = self.all().users.iter().find(|user| user.name == name).cloned();
        let hash = entry.as_ref().map_or_else(|| secret::nobody().to_owned(), |user| user.password.clone());
        let password = password.to_owned();
        let permit = self.hashing.acquire().await;
        let verified = tokio::task::spawn_blocking(move || {
            password.len() <= MAX_PASSWORD && secret::verify_password(&hash, &password)
        });
        let verified = verified.await.unwrap_or(false);
        drop(permit);
        match entry {
            Some(user) if verified => Ok(self.begin_session(Who { name: user.name, role: user.role, scope: None })),
            _ => Err(Error::Unauthorised("the name or the password is wrong".into())),
        }
    }

    fn begin_session(&self, who: Who) -> Login {
        let secret = Secret::long();
        // What the console hands out ends with the daemon.
        let password = if who.name == CONSOLE { None } else { kept::fingerprint(&self.all(), &who.name) };
        lock(&self.sessions).begin(&secret, who.clone(), password);
        Login { secret, who }
    }

    /// Ends the session of this credential.
    pub fn log_out(&self, credential: &Credential) {
        lock(&self.sessions).end(credential);
        self.revoke();
    }

    /// Who this credential is, as of now. Ask again whenever [`People::revocations`] changes.
    pub fn who(&self, credential: &Credential) -> Option<Who> {
        match credential {
            Credential::Session(_) => {
                let who = lock(&self.sessions).find(credential)?;
                if who.name == CONSOLE {
                    return Some(who);
                }
                // The role may have changed since the log-in.
                let users = self.all();
                let user = users.users.iter().find(|user| user.name == who.name)?;
                Some(Who { role: user.role, ..who })
            }
            Credential::Token(hash) => {
                let users = self.all();
                let token = users.tokens.iter().find(|token| token.is(hash))?;
                Some(Who { name: format!("token:{}", token.name), role: token.role, scope: Some(token.scope.clone()) })
            }
        }
    }

    /// Changes whenever somebody's right may have ended.
    pub fn revocations(&self) -> watch::Receiver<u64> {
        self.revoked.subscribe()
    }

    /// Says that rights may have changed, for example by a hand edit of `users.json`.
    pub fn revoke(&self) {
        self.revoked.send_modify(|epoch| *epoch += 1);
    }

    /// Everybody with a password, and every token.
    pub fn all(&self) -> UsersFile {
        self.users.snapshot().map(|file| file.value.clone()).unwrap_or_default()
    }

    /// What is wrong with `users.json` on disk.
    pub fn fault(&self) -> Option<fieldrail_store::FileError> {
        self.users.status()
    }

    /// Looks at `users.json` again after a hand edit. A broken file changes nothing; a new one may end sessions.
    pub fn refresh(&self) -> Change<UsersFile> {
        let change = self.users.refresh();
        if matches!(change, Change::New(_)) {
            self.close_set_up();
            self.revoke();
        }
        change
    }

    /// Adds a user.
    pub async fn add_user(&self, by: &Who, name: &str, password: &str, role: Role) -> Result<()> {
        let entry = self.new_user(name, password, role).await?;
        self.edit(&by.name, |file| {
            if file.users.iter().any(|user| user.name == entry.name) {
                return Err(Error::Conflict(format!("there is a user `{}` already", entry.name)));
            }
            file.users.push(entry.clone());
            Ok(())
        })
    }

    /// Changes a user's role, password or both; all sessions of the user end.
    pub async fn change_user(
        &self,
        by: &Who,
        name: &str,
        expected: Option<&Etag>,
        password: Option<&str>,
        role: Option<Role>,
    ) -> Result<()> {
        let hash = match password {
            Some(password) => Some(self.hash(name, password).await?),
            None => None,
        };
        self.edit(&by.name, |file| {
            let admins = file.users.iter().filter(|user| user.role == Role::Admin).count();
            let user = file.users.iter_mut().find(|user| user.name == name).ok_or_else(|| unknown_user(name))?;
            user.must_be(expected)?;
            if role.is_some_and(|role| role < Role::Admin) && user.role == Role::Admin && admins == 1 {
                return Err(last_admin());
            }
            user.role = role.unwrap_or(user.role);
            user.password = hash.clone().unwrap_or_else(|| user.password.clone());
            Ok(())
        })?;
        self.end_sessions_of(name);
        Ok(())
    }

    /// Removes a user and ends their sessions.
    pub fn remove_user(&self, by: &Who, name: &str, expected: Option<&Etag>) -> Result<()> {
        self.edit(&by.name, |file| {
            let at = file.users.iter().position(|user| user.name == name).ok_or_else(|| unknown_user(name))?;
            file.users[at].must_be(expected)?;
            let admins = file.users.iter().filter(|user| user.role == Role::Admin).count();
            if file.users[at].role == Role::Admin && admins == 1 {
                return Err(last_admin());
            }
            file.users.remove(at);
            Ok(())
        })?;
        self.end_sessions_of(name);
        Ok(())
    }

    /// Changes the password of the one who asks, who shows the present one. All sessions end; the new one is theirs.
    pub async fn change_own_password(&self, who: &Who, current: &str, new: &str, from: &str) -> Result<Login> {
        if who.scope.is_some() || who.name == CONSOLE {
            return Err(Error::Conflict("only a user has a password; this is a token or the console".into()));
        }
        // The limiter counts it as a log-in, since it tells whether a password is right.
        let wrong = |error| match error {
            Error::Unauthorised(_) => {
                Error::invalid_at("current", "the present password is wrong", Some("type it again".into()))
            }
            other => other,
        };
        let proof = self.log_in(&who.name, current, from).await.map_err(wrong)?;
        lock(&self.sessions).end(&Credential::session(proof.secret.reveal()));
        self.change_user(who, &who.name, None, Some(new), None).await?;
        Ok(self.begin_session(proof.who))
    }

    /// Ends all sessions of a user, who has to log in again.
    pub fn end_sessions(&self, name: &str) -> Result<()> {
        if !self.all().users.iter().any(|user| user.name == name) {
            return Err(unknown_user(name));
        }
        self.end_sessions_of(name);
        Ok(())
    }

    /// How many sessions a user has.
    pub fn sessions_of(&self, name: &str) -> usize {
        lock(&self.sessions).count_of(name)
    }

    /// Makes a machine token; the secret is shown this once. A token never has a higher role than its maker.
    pub fn add_token(&self, by: &Who, name: &str, role: Role, scope: Scope) -> Result<(String, Secret)> {
        by.must_be(role)?;
        file::check_name(name)?;
        let secret = Secret::long();
        let id = Secret::short().reveal().to_lowercase();
        let entry = TokenEntry::new(id.clone(), name, role, scope, &secret, crate::clock::wall());
        self.edit(&by.name, |file| {
            if file.tokens.iter().any(|token| token.name == entry.name) {
                return Err(Error::Conflict(format!("there is a token `{}` already", entry.name)));
            }
            file.tokens.push(entry.clone());
            Ok(())
        })?;
        self.revoke();
        Ok((id, secret))
    }

    /// Takes a token back; its connections end.
    pub fn remove_token(&self, by: &Who, id: &str) -> Result<()> {
        self.edit(&by.name, |file| {
            let at = file.tokens.iter().position(|token| token.id == id);
            file.tokens.remove(at.ok_or_else(|| Error::NotFound(format!("there is no token `{id}`")))?);
            Ok(())
        })?;
        self.revoke();
        Ok(())
    }

    /// Counts a write against the token's rate.
    pub fn count_write(&self, who: &Who) -> Result<()> {
        match who.scope.as_ref().and_then(|scope| scope.writes_per_second) {
            Some(rate) => self.limiter.allow_write(&who.name, rate),
            None => Ok(()),
        }
    }

    async fn new_user(&self, name: &str, password: &str, role: Role) -> Result<UserEntry> {
        file::check_name(name)?;
        let password = self.hash(name, password).await?;
        Ok(UserEntry { name: name.into(), role, password, created_ms: crate::clock::wall().millis() })
    }

    async fn hash(&self, name: &str, password: &str) -> Result<String> {
        let count = password.chars().count();
        if count < MIN_PASSWORD || password.len() > MAX_PASSWORD {
            return Err(Error::invalid(
                format!("a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters, this one has {count}"),
                "a short sentence is easy to remember and hard to guess",
            ));
        }
        if password.eq_ignore_ascii_case(name) {
            return Err(Error::invalid("the password is the user's name", "choose another one"));
        }
        let password = password.to_owned();
        let _permit = self.hashing.acquire().await;
        let hash = tokio::task::spawn_blocking(move || secret::hash_password(&password)).await;
        hash.map_err(|_| Error::Internal("the password could not be hashed".into()))?
    }

    fn end_sessions_of(&self, name: &str) {
        lock(&self.sessions).end_all_of(name);
        self.revoke();
    }

    fn edit(&self, who: &str, mut change: impl FnMut(&mut UsersFile) -> Result<()>) -> Result<()> {
        self.users.edit(who, None, |file| change(file)).map_err(|error| Error::from_edit("users.json", error))?;
        self.close_set_up();
        Ok(())
    }

    /// Once there is a user, whoever made it, the set-up is over.
    fn close_set_up(&self) {
        if !self.all().users.is_empty() {
            lock(&self.setup).take();
        }
    }
}

fn unknown_user(name: &str) -> Error {
    Error::NotFound(format!("there is no user `{name}`"))
}

fn last_admin() -> Error {
    Error::Conflict("this is the last administrator; nobody could configure the house any more".into())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
