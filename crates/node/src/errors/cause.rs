//! What makes two failures equal: their kind, their message without what varies, and the innermost frames.

use std::sync::LazyLock;

use regex::Regex;
use sha2::{Digest as _, Sha256};

use super::event::Raw;

/// Frames that count.
const FRAMES: usize = 4;

/// So much of the message counts, in bytes.
const MESSAGE: usize = 400;

/// Numbers, addresses, hexadecimal digits, UUIDs: what varies from one failure to the next of the same cause.
static VARYING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b0x[0-9a-f]+\b|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b(?:[0-9a-f]*[0-9][0-9a-f]*){6,}\b|[0-9]+(?:[.,:][0-9]+)*")
        .expect("the pattern is right")
});

/// Equal for equal causes.
pub(super) fn fingerprint(raw: &Raw) -> [u8; 16] {
    let mut sha = Sha256::new();
    let mut part = |text: &str| {
        sha.update((text.len() as u64).to_be_bytes());
        sha.update(text.as_bytes());
    };
    part(raw.kind.as_str());
    part(&raw.class);
    part(&steady(&raw.message));
    for frame in raw.frames.iter().take(FRAMES) {
        part(&steady(&frame.function));
    }
    if raw.frames.is_empty() {
        part(&raw.place);
    }
    let mut fingerprint = [0; 16];
    fingerprint.copy_from_slice(&sha.finalize()[..16]);
    fingerprint
}

/// The text without what varies.
fn steady(text: &str) -> String {
    let text = &text[..text.floor_char_boundary(MESSAGE)];
    let text = VARYING.replace_all(text, "#");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::event::{ErrorKind, Frame};

    #[test]
    fn what_varies_does_not_count() {
        for (text, want) in [
            ("index 7 out of 3", "index # out of #"),
            ("no answer from 192.168.1.7:502 within 1,500 ms", "no answer from # within # ms"),
            ("at 0x7ffe12ab", "at #"),
            ("job 123e4567-e89b-12d3-a456-426614174000  failed", "job # failed"),
            ("digest deadbeef01234567", "digest #"),
            ("face the facade", "face the facade"),
        ] {
            assert_eq!(steady(text), want);
        }
    }

    fn raw(message: &str, frames: &[&str]) -> Raw {
        let frame = |name: &&str| Frame { function: (*name).into(), at: "x.rs:1".into() };
        Raw { frames: frames.iter().map(frame).collect(), ..Raw::new(ErrorKind::Panic, "panic", message) }
    }

    #[test]
    fn the_same_message_from_another_function_is_another_cause() {
        let one = fingerprint(&raw("no element 7", &["decode", "run"]));
        assert_eq!(one, fingerprint(&raw("no element 12", &["decode", "run"])));
        assert_ne!(one, fingerprint(&raw("no element 7", &["encode", "run"])));
        assert_ne!(one, fingerprint(&raw("no bytes", &["decode", "run"])));
        assert_ne!(one, fingerprint(&Raw { kind: ErrorKind::Crash, ..raw("no element 7", &["decode", "run"]) }));
        let place = |place: &str| fingerprint(&Raw { place: place.into(), ..raw("x", &[]) });
        assert_ne!(place("a.rs:1:1"), place("a.rs:2:1"));
    }
}
