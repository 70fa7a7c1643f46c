//! Who may log in, publish and subscribe.
//!
//! Whatever is missing, garbled or doubled in the list of users denies. An unknown name takes as long as a wrong password.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use fieldrail_link_mqtt::topic::{covers, is_valid_filter, matches, without_share};
use mqtt5::broker::{AuthProvider, AuthResult, PasswordAuthProvider};
use mqtt5::packet::connect::ConnectPacket;
use mqtt5::protocol::v5::reason_codes::ReasonCode;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::config::{Config, User};

/// Passwords that are checked at once: each check takes memory and a core for a while, on purpose.
const CHECKS_AT_ONCE: usize = 2;

/// How long a log-in may wait for its check.
const CHECK_PATIENCE: Duration = Duration::from_secs(5);

/// Wrong passwords for one name from one address before further ones are refused unread.
const MAX_FAILURES: u32 = 10;

/// How long failures are remembered.
const MEMORY: Duration = Duration::from_mins(1);

/// The most pairs of name and address that are remembered; when full, all are forgotten but the lock of none is longer
/// than [`MEMORY`] anyway.
const MAX_REMEMBERED: usize = 4096;

/// The most memory that a hash may ask for, in KiB.
const MAX_HASH_KIB: u32 = 256 * 1024;

/// Checked in place of the hash of an unknown name where there are no users at all. Nobody knows its password.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5$PAd7Gcb3mT0HVZ2pHaOdK9GfvhOBvVnHLUEvKIL0x3k";

/// The list of users, as the broker asks it.
pub(crate) struct Access {
    users: HashMap<String, User>,
    /// Checked in place of the hash of an unknown name, so that the answer takes as long.
    decoy: String,
    anonymous: bool,
    checks: Semaphore,
    failures: Mutex<HashMap<(IpAddr, String), (u32, Instant)>>,
}

impl Access {
    pub(crate) fn new(config: &Config) -> Self {
        let mut seen = HashSet::new();
        let doubled: HashSet<&str> =
            config.users.iter().map(|user| user.name.as_str()).filter(|name| !seen.insert(*name)).collect();
        let sound = config.users.iter().filter(|user| {
            let reason = if user.name.is_empty() || user.name.contains('\0') {
                "the name is empty or garbled"
            } else if doubled.contains(user.name.as_str()) {
                "the name is there twice"
            } else if !is_sound(&user.password_hash) {
                "the hash is garbled or asks for too much memory"
            } else {
                return true;
            };
            tracing::warn!(user = ?user.name, reason, "A user cannot log in.");
            false
        });
        let users: HashMap<String, User> = sound.map(|user| (user.name.clone(), user.clone())).collect();
        Self {
            decoy: users.values().next().map_or(NOBODY, |user| &user.password_hash).to_owned(),
            users,
            anonymous: config.anonymous,
            checks: Semaphore::new(CHECKS_AT_ONCE),
            failures: Mutex::default(),
        }
    }

    /// Whether nobody at all can log in.
    pub(crate) fn is_closed(&self) -> bool {
        self.users.is_empty() && !self.anonymous
    }

    /// Whether `user` (none: not logged in) can log in at all.
    pub(crate) fn knows(&self, user: Option<&str>) -> bool {
        user.map_or(self.anonymous, |name| self.users.contains_key(name))
    }

    /// Whether `user` (none: not logged in) may publish to `topic`. Nobody publishes to the broker's own `$` topics.
    pub(crate) fn may_publish(&self, user: Option<&str>, topic: &str) -> bool {
        if topic.starts_with('$') {
            return false;
        }
        match user {
            None => self.anonymous,
            Some(name) => self
                .users
                .get(name)
                .is_some_and(|user| user.publish.iter().any(|rule| is_valid_filter(rule) && matches(rule, topic))),
        }
    }

    /// Whether `user` may subscribe `filter`: one of its rules covers it wholly.
    pub(crate) fn may_subscribe(&self, user: Option<&str>, filter: &str) -> bool {
        let filter = without_share(filter);
        match user {
            None => self.anonymous && !filter.starts_with('$'),
            Some(name) => self
                .users
                .get(name)
                .is_some_and(|user| user.subscribe.iter().any(|rule| is_valid_filter(rule) && covers(rule, filter))),
        }
    }

    async fn log_in(&self, connect: &ConnectPacket, address: IpAddr) -> AuthResult {
        let Some(name) = connect.username.as_deref() else {
            let nothing_claimed = self.anonymous && connect.password.is_none();
            return if nothing_claimed { AuthResult::success() } else { AuthResult::fail(ReasonCode::NotAuthorized) };
        };
        let key = (address, name.to_owned());
        if self.is_locked(&key) {
            return AuthResult::fail(ReasonCode::BadUsernameOrPassword);
        }
        let Ok(Ok(_permit)) = timeout(CHECK_PATIENCE, self.checks.acquire()).await else {
            return AuthResult::fail(ReasonCode::ServerBusy);
        };
        let user = self.users.get(name);
        let hash = user.map_or(&self.decoy, |user| &user.password_hash).clone();
        let password = connect.password.clone().and_then(|password| String::from_utf8(password).ok());
        let password = password.unwrap_or_default();
        let fits = tokio::task::spawn_blocking(move || PasswordAuthProvider::verify_password(&password, &hash)).await;
        if user.is_some() && fits.unwrap_or(false) {
            self.remembered().remove(&key);
            return AuthResult::success_with_user(name);
        }
        self.remember(key);
        AuthResult::fail(ReasonCode::BadUsernameOrPassword)
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, HashMap<(IpAddr, String), (u32, Instant)>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_locked(&self, key: &(IpAddr, String)) -> bool {
        self.remembered().get(key).is_some_and(|(count, first)| *count >= MAX_FAILURES && first.elapsed() < MEMORY)
    }

    /// Counts a failure; logs the first of a name and address, and the one that locks it.
    fn remember(&self, key: (IpAddr, String)) {
        let mut remembered = self.remembered();
        remembered.retain(|_, (_, first)| first.elapsed() < MEMORY);
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        let (address, name) = key.clone();
        let (count, _) = remembered.entry(key).or_insert((0, Instant::now()));
        *count += 1;
        if *count == 1 {
            tracing::warn!(user = ?name, %address, "A log-in was refused: unknown user or wrong password.");
        } else if *count == MAX_FAILURES {
            tracing::warn!(user = ?name, %address, "Too many wrong passwords: locked for a minute.");
        }
    }
}

/// Whether a hash is spelled like one of Argon2 (PHC string format) and asks for a bearable amount of memory.
fn is_sound(hash: &str) -> bool {
    let parts: Vec<&str> = hash.split('$').collect();
    let ["", "argon2id" | "argon2i" | "argon2d", version, parameters, salt, digest] = parts[..] else { return false };
    let value = |name: &str| {
        parameters.split(',').find_map(|parameter| parameter.strip_prefix(name)?.strip_prefix('=')?.parse::<u32>().ok())
    };
    version.starts_with("v=")
        && value("m").is_some_and(|kib| kib <= MAX_HASH_KIB)
        && value("t").is_some_and(|passes| passes <= 16)
        && value("p").is_some_and(|lanes| lanes <= 16)
        && !salt.is_empty()
        && digest.len() >= 16
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl AuthProvider for Access {
    fn authenticate<'a>(
        &'a self,
        connect: &'a ConnectPacket,
        client_addr: SocketAddr,
    ) -> Answer<'a, mqtt5::Result<AuthResult>> {
        Box::pin(async move { Ok(self.log_in(connect, client_addr.ip().to_canonical()).await) })
    }

    fn authorize_publish<'a>(&'a self, _: &str, user_id: Option<&'a str>, topic: &'a str) -> Answer<'a, bool> {
        Box::pin(std::future::ready(self.may_publish(user_id, topic)))
    }

    fn authorize_subscribe<'a>(&'a self, _: &str, user_id: Option<&'a str>, filter: &'a str) -> Answer<'a, bool> {
        Box::pin(std::future::ready(self.may_subscribe(user_id, filter)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA";

    fn access(users: &serde_json::Value) -> Access {
        Access::new(&serde_json::from_value(serde_json::json!({ "users": users })).unwrap())
    }

    #[test]
    fn a_user_may_what_a_rule_says_and_nothing_else() {
        let access = access(&serde_json::json!([
            { "name": "panel", "password_hash": HASH, "publish": ["panel/#"], "subscribe": ["house/+/power", "alarms/#"] },
            { "name": "mute", "password_hash": HASH },
        ]));
        assert!(access.may_publish(Some("panel"), "panel/x"));
        assert!(!access.may_publish(Some("panel"), "house/x"));
        assert!(!access.may_publish(Some("panel"), "$SYS/x"));
        assert!(access.may_subscribe(Some("panel"), "house/kitchen/power"));
        assert!(access.may_subscribe(Some("panel"), "$share/g/alarms/+"));
        assert!(!access.may_subscribe(Some("panel"), "#"));
        assert!(!access.may_subscribe(Some("panel"), "$share/g/#"));
        assert!(!access.may_subscribe(Some("panel"), "house/#"));
        for user in [Some("mute"), Some("stranger"), None] {
            assert!(!access.may_publish(user, "panel/x") && !access.may_subscribe(user, "alarms/x"));
        }
    }

    #[test]
    fn an_empty_or_garbled_list_lets_nobody_in() {
        assert!(access(&serde_json::json!([])).is_closed());
        let long = format!("$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHQ${}", "A".repeat(22));
        for hash in ["", "secret", "$2b$12$abc", "$argon2id$v=19$m=64,t=1$c2FsdA$AAAAAAAAAAAAAAAA", &long] {
            let access = access(&serde_json::json!([{ "name": "a", "password_hash": hash, "publish": ["#"] }]));
            assert!(access.is_closed() && !access.may_publish(Some("a"), "x"), "{hash}");
        }
        let twice = serde_json::json!([{ "name": "a", "password_hash": HASH }, { "name": "a", "password_hash": HASH }]);
        assert!(access(&twice).is_closed());
        let wrong_rule = serde_json::json!([{ "name": "a", "password_hash": HASH, "publish": ["a/#/b", ""] }]);
        assert!(!access(&wrong_rule).may_publish(Some("a"), "a/x/b"));
    }
}
