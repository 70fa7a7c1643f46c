//! The latch on the disk, `state/panic.json`. A latch that cannot be read counts as a panic: there is a file only in a house
//! that has panicked before.

use std::fs;
use std::path::Path;

use fieldrail_store::{FileError, state};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::machine::{Latch, Stage};

/// The largest latch that is read, in bytes.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// What the file holds.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Record {
    #[serde(flatten)]
    pub(crate) latch: Latch,
    /// When it was asked for, in milliseconds since 1970 UTC.
    pub(crate) since_ms: i64,
    /// By whom.
    pub(crate) by: String,
    /// What was written, and what could not be.
    pub(crate) written: Vec<SafeWrite>,
}

/// A safe value, and whether it reached its device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SafeWrite {
    /// The address.
    pub address: String,
    /// What was written.
    #[schemars(with = "serde_json::Value")]
    pub value: fieldrail_model::Value,
    /// `pulse`: the end of a running pulse; `on_panic`: what datapoints.json says.
    pub cause: String,
    /// `confirmed`, or `not_reached`.
    pub outcome: String,
    /// Why it did not reach its device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Reads the latch; none if the house has never panicked. What cannot be read is a panic, beside why it cannot.
pub(crate) fn read(path: &Path) -> (Record, Option<String>) {
    let bytes = match fs::metadata(path).and_then(|about| {
        if about.len() > MOST_BYTES { Err(std::io::ErrorKind::FileTooLarge.into()) } else { fs::read(path) }
    }) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return (Record::default(), None),
        Err(error) => return (unreadable(), Some(format!("{} cannot be read: {error}", path.display()))),
    };
    match serde_json::from_slice(&bytes) {
        Ok(record) => (record, None),
        Err(error) => {
            // A copy for whoever wants to know; the file itself stays, so that the house stays panicked whatever happens.
            let _ = fs::write(path.with_extension("json.broken"), &bytes);
            (unreadable(), Some(format!("{} is damaged: {error}", path.display())))
        }
    }
}

fn unreadable() -> Record {
    // A number that no screen has, so that nobody re-arms what they have not seen.
    let number = u64::try_from(crate::clock::wall().millis()).unwrap_or(1);
    let latch = Latch { number, stage: Stage::Latched, ..Latch::default() };
    Record { latch, since_ms: crate::clock::wall().millis(), by: "an unreadable latch".into(), written: Vec::new() }
}

/// Puts the latch on the disk: when this returns, it survives a power cut.
pub(crate) fn save(path: &Path, record: &Record) -> Result<(), FileError> {
    state::save(path, record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latch_that_cannot_be_read_is_a_panic_and_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("panic.json");
        assert_eq!(read(&path), (Record::default(), None));
        let whole = Record { latch: Latch { number: 7, ..Latch::default() }, by: "x".into(), ..Record::default() };
        save(&path, &whole).unwrap();
        assert_eq!(read(&path), (whole, None));
        let text = fs::read(&path).unwrap();
        for cut in 0..text.len() {
            // The last byte is a line's end.
            if serde_json::from_slice::<Record>(&text[..cut]).is_ok() {
                continue;
            }
            fs::write(&path, &text[..cut]).unwrap();
            for _ in 0..2 {
                let (record, fault) = read(&path);
                assert_eq!(record.latch.stage, Stage::Latched, "cut at {cut}");
                assert!(fault.is_some());
            }
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(read(&path).0.latch.stage, Stage::Latched);
    }
}
