//! `secrets.json` as people see it: which names there are and what refers to each. The texts go in and never come out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use fieldrail_store::{Etag, Secret, Secrets, references};
use schemars::JsonSchema;
use serde::Serialize;

use crate::files::FileName;
use crate::people::{Role, Who};
use crate::settings::Dsn;
use crate::{Error, Node, Result};

/// Secrets in the file, at the most.
const MOST: usize = 1_000;

/// The longest name, in bytes.
const LONGEST_NAME: usize = 64;

/// The longest secret, in bytes: a private key with its chain fits.
const LONGEST: usize = 64 * 1024;

/// References that are listed for one secret, at the most.
const MOST_USES: usize = 200;

/// A secret without what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SecretView {
    /// What configurations call it.
    pub name: String,
    /// Whether there is one; without it what refers to it cannot work.
    pub set: bool,
    /// For `If-Match` when it is changed or removed. Another one after a restart; it says nothing of the secret.
    pub etag: String,
    /// What refers to it, at most 200.
    pub used_by: Vec<SecretUse>,
}

/// Something that refers to a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SecretUse {
    /// The file in which it stands.
    pub file: &'static str,
    /// The connection, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// What people call the connection.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Where in it, for example `config.password`.
    pub key: String,
}

/// An etag that nobody can hold guesses of the secret against.
fn etag(name: &str, secret: Option<&Secret>) -> Etag {
    static SALT: OnceLock<[u8; 16]> = OnceLock::new();
    let salt = SALT.get_or_init(crate::people::random);
    let said = secret.map(Secret::reveal);
    Etag::of_bytes(format!("{salt:?}\n{name}\n{said:?}").as_bytes())
}

fn check_name(name: &str) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if !name.is_empty() && name.len() <= LONGEST_NAME && name.bytes().all(plain) {
        return Ok(());
    }
    let hint = format!("a name has 1 to {LONGEST_NAME} letters a–z, digits and . _ -");
    Err(Error::invalid_at("name", "this is no name for a secret", Some(hint)))
}

fn check_text(text: &str) -> Result<()> {
    let wrong = match text.len() {
        0 => "the secret is empty".to_owned(),
        length if length > LONGEST => format!("the secret has {length} bytes, more than {LONGEST}"),
        _ => return Ok(()),
    };
    Err(Error::invalid_at("value", wrong, Some(format!("give 1 to {LONGEST} bytes"))))
}

fn none_of(name: &str) -> Error {
    let shown: String = name.chars().take(LONGEST_NAME).collect();
    Error::NotFound(format!("there is no secret `{shown}`"))
}

impl Node {
    /// The names of all secrets, those that are referred to and missing too.
    pub fn secrets(&self, who: &Who) -> Result<Vec<SecretView>> {
        who.must_be(Role::Admin)?;
        let file = self.secrets_file()?;
        let mut uses = self.secret_uses();
        let names: BTreeSet<String> = file.secrets.keys().chain(uses.keys()).cloned().collect();
        let view = |name: String| {
            let secret = file.secrets.get(&name);
            let used_by = uses.remove(&name).unwrap_or_default();
            SecretView { set: secret.is_some(), etag: etag(&name, secret).to_string(), used_by, name }
        };
        Ok(names.into_iter().map(view).collect())
    }

    /// One secret, without what it says.
    pub fn secret(&self, who: &Who, name: &str) -> Result<SecretView> {
        self.secrets(who)?.into_iter().find(|one| one.name == name).ok_or_else(|| none_of(name))
    }

    /// Makes a secret; what refers to it already begins to work.
    pub fn add_secret(&self, who: &Who, name: &str, text: &str) -> Result<SecretView> {
        check_name(name)?;
        self.edit_secrets(who, |file| {
            if file.secrets.contains_key(name) {
                return Err(Error::Conflict(format!("there is a secret `{name}` already")));
            }
            if file.secrets.len() >= MOST {
                return Err(Error::Conflict(format!("there are {MOST} secrets; remove some that nothing refers to")));
            }
            check_text(text)?;
            file.secrets.insert(name.into(), Secret::new(text));
            Ok(())
        })?;
        self.secret(who, name)
    }

    /// Gives a secret another text. The instances that use it take it at once.
    pub fn put_secret(&self, who: &Who, name: &str, text: &str, expected: Option<&Etag>) -> Result<SecretView> {
        self.edit_secrets(who, |file| {
            let secret = file.secrets.get_mut(name).ok_or_else(|| none_of(name))?;
            unchanged(name, secret, expected)?;
            check_text(text)?;
            *secret = Secret::new(text);
            Ok(())
        })?;
        self.secret(who, name)
    }

    /// Removes a secret. One that something refers to only if that is wanted all the same: what refers to it stops working.
    pub fn remove_secret(&self, who: &Who, name: &str, expected: Option<&Etag>, anyway: bool) -> Result<()> {
        who.must_be(Role::Admin)?;
        let uses = self.secret_uses().remove(name).unwrap_or_default();
        self.edit_secrets(who, |file| {
            let secret = file.secrets.get(name).ok_or_else(|| none_of(name))?;
            unchanged(name, secret, expected)?;
            if let (Some(first), false) = (uses.first(), anyway) {
                let place = first.connection.as_deref().unwrap_or(first.file);
                let message = format!("`{place}` refers to the secret `{name}` at {}", first.key);
                return Err(Error::Conflict(message));
            }
            file.secrets.remove(name);
            Ok(())
        })
    }

    fn secrets_file(&self) -> Result<Secrets> {
        match (self.files.secrets.snapshot(), self.files.secrets.status()) {
            (Some(file), _) => Ok(file.value.clone()),
            (None, Some(fault)) => Err(Error::Broken(fault)),
            (None, None) => Err(Error::Internal("secrets.json was never read".into())),
        }
    }

    fn edit_secrets(&self, who: &Who, change: impl Fn(&mut Secrets) -> Result<()>) -> Result<()> {
        who.must_be(Role::Admin)?;
        let edited = self.files.secrets.edit(&who.name, None, |file| change(file));
        edited.map_err(|error| Error::from_edit(FileName::Secrets.as_str(), error))?;
        self.apply_connections();
        Ok(())
    }

    /// What refers to each secret.
    fn secret_uses(&self) -> BTreeMap<String, Vec<SecretUse>> {
        let mut uses: BTreeMap<String, Vec<SecretUse>> = BTreeMap::new();
        let mut add = |secret: String, one: SecretUse| {
            let all = uses.entry(secret).or_default();
            if all.len() < MOST_USES {
                all.push(one);
            }
        };
        if let Some(Dsn::Secret { secret }) = self.settings().error_tracking.dsn {
            let key = "error_tracking.dsn".into();
            add(secret, SecretUse { file: FileName::Settings.as_str(), connection: None, name: String::new(), key });
        }
        for (connection, _) in self.connections().unwrap_or_default() {
            // Of a driver that is not at hand nobody knows where names of secrets stand.
            let Ok(Some(plugin)) = self.plugin_of(&connection) else { continue };
            for (secret, key) in references(&connection.config, &plugin.shape()) {
                add(
                    secret,
                    SecretUse {
                        file: FileName::Connections.as_str(),
                        connection: Some(connection.id.to_string()),
                        name: connection.name.clone(),
                        key: format!("config.{key}"),
                    },
                );
            }
        }
        uses
    }
}

fn unchanged(name: &str, secret: &Secret, expected: Option<&Etag>) -> Result<()> {
    match expected {
        Some(expected) if *expected != etag(name, Some(secret)) => Err(Error::Changed(format!("`{name}`"))),
        _ => Ok(()),
    }
}
