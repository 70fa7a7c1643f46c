//! Random secrets and their hashes.

use std::fmt;
use std::sync::OnceLock;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::{Error, Result};

/// A secret in clear, on its way to the one who asked for it. It never shows in a log.
#[derive(Clone)]
pub struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// 32 random bytes in base64.
    pub(crate) fn long() -> Self {
        Self(URL_SAFE_NO_PAD.encode(random::<32>()))
    }

    /// Twelve letters and digits that are hard to mistake, in groups of four: 59 bits, for a person to type.
    pub(crate) fn short() -> Self {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
        let letters = random::<12>().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
        let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
        Self(groups.join("-"))
    }

    /// The secret itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether somebody showed this secret; takes the same time whatever differs.
    pub(crate) fn matches(&self, shown: &str) -> bool {
        self.0.as_bytes().ct_eq(shown.trim().as_bytes()).into()
    }

    /// What is kept of it, in hexadecimal.
    pub(crate) fn sha256(&self) -> String {
        sha256_hex(&self.0)
    }
}

/// SHA-256 in hexadecimal.
pub(crate) fn sha256_hex(text: &str) -> String {
    use fmt::Write as _;
    Sha256::digest(text.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system has random numbers");
    bytes
}

/// The hash of a password: argon2id, 19 MiB, two passes (OWASP password storage cheat sheet).
pub(crate) fn hash_password(password: &str) -> Result<String> {
    hash(&Argon2::default(), password).ok_or_else(|| Error::Internal("the password could not be hashed".into()))
}

/// The hash of a token for the embedded broker. A token is random, so a cheap hash is as good as a dear one.
pub(crate) fn hash_token(token: &Secret) -> Option<String> {
    let cheap = Params::new(64, 1, 1, None).ok()?;
    hash(&Argon2::new(Algorithm::Argon2id, Version::V0x13, cheap), token.reveal())
}

fn hash(argon2: &Argon2<'_>, password: &str) -> Option<String> {
    argon2.hash_password(password.as_bytes()).ok().map(|hash| hash.to_string())
}

/// Whether the password has this hash. A garbled hash is no password's.
pub(crate) fn verify_password(phc: &str, password: &str) -> bool {
    PasswordHash::new(phc).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

/// The hash that stands in for users that do not exist, so that asking for them takes as long.
pub(crate) fn nobody() -> &'static str {
    static NOBODY: OnceLock<String> = OnceLock::new();
    NOBODY.get_or_init(|| hash_password(Secret::long().reveal()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_has_its_own_hash_only() {
        let hash = hash_password("Schaltschrank 7").unwrap();
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        assert!(verify_password(&hash, "Schaltschrank 7"));
        assert!(!verify_password(&hash, "Schaltschrank 8"));
        assert!(!verify_password("", ""));
        assert!(!verify_password("$argon2id$garbled", ""));
    }

    #[test]
    fn two_secrets_differ_and_do_not_show() {
        assert_ne!(Secret::long().reveal(), Secret::long().reveal());
        assert_eq!(format!("{:?}", Secret::short()), "Secret(…)");
    }
}
