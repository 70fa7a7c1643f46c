//! Which state of something a caller has seen.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The first 12 bytes of a SHA-256, in hexadecimal digits: equal only when the contents are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Etag(String);

impl Etag {
    /// The etag of these bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let digit = |half: u8| char::from(b"0123456789abcdef"[usize::from(half)]);
        let digest = Sha256::digest(bytes);
        Self(digest.iter().take(12).flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect())
    }

    /// An etag as a caller gave it back, with or without the quotes of an `If-Match` header.
    pub fn given(text: &str) -> Self {
        Self(text.trim().trim_start_matches("W/").trim_matches('"').into())
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Etag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The etag of one entry of a document: of the JSON text it is stored as.
///
/// # Panics
/// When `entry` cannot be JSON at all (a map whose keys are no texts), which is a mistake in its type.
pub fn etag_of(entry: &impl Serialize) -> Etag {
    Etag::of_bytes(&serde_json::to_vec(entry).expect("an entry of a document is JSON"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_comes_back_from_a_header() {
        let etag = etag_of(&["plc_001"]);
        assert_eq!(etag.as_str().len(), 24);
        assert_eq!(Etag::given(&format!(" \"{etag}\"")), etag);
        assert_ne!(etag, etag_of(&["plc_002"]));
    }
}
