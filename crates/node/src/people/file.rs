//! `users.json`: hashes of passwords and tokens, and what each may do. Mode 0600.

use fieldrail_model::Timestamp;
use fieldrail_store::{Etag, FormatVersion, etag_of};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use super::{Role, Secret, secret};
use crate::{Error, Result};

/// Users and machine tokens.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UsersFile {
    /// Format version, `1.0`.
    pub version: FormatVersion,
    /// People, who log in with a password.
    #[serde(default)]
    pub users: Vec<UserEntry>,
    /// Machines, which show a token.
    #[serde(default)]
    pub tokens: Vec<TokenEntry>,
}

/// One person.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserEntry {
    /// The login name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The password's argon2id hash, as a PHC string.
    pub password: String,
    /// When the user was made, in milliseconds since 1970 UTC.
    pub created_ms: i64,
}

/// One machine.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenEntry {
    /// Names the token where the secret must not appear.
    pub id: String,
    /// What a person calls it; also the user name at the embedded broker.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Where it may do it.
    #[serde(default)]
    pub scope: Scope,
    /// SHA-256 of the secret, in hexadecimal.
    pub sha256: String,
    /// The secret as an argon2id PHC string, for the embedded broker.
    #[serde(default)]
    pub phc: Option<String>,
    /// When the token was made, in milliseconds since 1970 UTC.
    pub created_ms: i64,
}

/// Where a token may act. Empty lists and missing keys do not narrow.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Only addresses that begin with one of these, whole segments: `mqtt.broker_local` does not reach `mqtt.broker_local2`.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// At most so many writes per second.
    #[serde(default)]
    pub writes_per_second: Option<u32>,
    /// Rights at the embedded broker; none means no log-in there.
    #[serde(default)]
    pub mqtt: Option<MqttAccess>,
}

/// What a token may do at the embedded broker.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MqttAccess {
    /// Topic filters that it may publish to.
    #[serde(default)]
    pub publish: Vec<String>,
    /// Topic filters that it may subscribe to.
    #[serde(default)]
    pub subscribe: Vec<String>,
}

impl Scope {
    /// Whether the address is within the scope.
    pub fn reaches(&self, address: &str) -> bool {
        let begins = |prefix: &String| {
            let rest = address.strip_prefix(prefix.as_str());
            rest.is_some_and(|rest| rest.is_empty() || prefix.ends_with(['.', '/']) || rest.starts_with(['.', '/']))
        };
        self.addresses.is_empty() || self.addresses.iter().any(begins)
    }
}

impl UserEntry {
    /// Which state of this user a caller has seen. Says nothing of the password but that it is another one.
    pub fn etag(&self) -> Etag {
        etag_of(self)
    }

    /// Fails if it is not the one that the caller has seen.
    pub(super) fn must_be(&self, expected: Option<&Etag>) -> Result<()> {
        match expected {
            Some(expected) if self.etag() != *expected => Err(Error::Changed(format!("the user `{}`", self.name))),
            _ => Ok(()),
        }
    }
}

impl TokenEntry {
    pub(super) fn new(id: String, name: &str, role: Role, scope: Scope, secret: &Secret, now: Timestamp) -> Self {
        Self {
            id,
            name: name.into(),
            role,
            sha256: secret.sha256(),
            phc: scope.mqtt.is_some().then(|| secret::hash_token(secret)).flatten(),
            scope,
            created_ms: now.millis(),
        }
    }

    /// Whether this SHA-256 is the token's; takes the same time whatever differs.
    pub(super) fn is(&self, sha256: &str) -> bool {
        self.sha256.as_bytes().ct_eq(sha256.as_bytes()).into()
    }
}

/// Names of users and tokens: short, and harmless wherever they are shown.
pub(super) fn check_name(name: &str) -> Result<()> {
    let harmless = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | ' ');
    let count = name.chars().count();
    if (1..=64).contains(&count) && name.trim() == name && name.chars().all(harmless) && name != super::CONSOLE {
        return Ok(());
    }
    Err(Error::invalid(
        "a name has 1 to 64 letters, digits, blanks or . _ - @ and is not `console`",
        "the name is shown in logs and lists; choose a plain one",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_reaches_whole_segments_only() {
        let scope = Scope { addresses: vec!["mqtt.broker_local".into(), "plc_001.MAIN.".into()], ..Scope::default() };
        assert!(scope.reaches("mqtt.broker_local.a/b"));
        assert!(scope.reaches("plc_001.MAIN.x"));
        assert!(!scope.reaches("mqtt.broker_local2.a"));
        assert!(!scope.reaches("plc_001.OTHER"));
        assert!(Scope::default().reaches("anything"));
    }

    #[test]
    fn names_that_could_do_harm_are_refused() {
        for bad in ["", " a", "a\nb", "<b>", "console", "a/b", &"x".repeat(65)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
        assert!(check_name("Jürgen Müller").is_ok());
    }
}
