//! What a document said before: each content that was written, with who and when.
//!
//! `versions/NAME/00000012.version` is one line of JSON about the version, then the file as it was. One file, so that a
//! crash cannot part the two, and a person can get an old content back with nothing but `tail -n +2`.

use std::fs::{self, DirBuilder, File};
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use fieldrail_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::atomic::{self, Access};
use crate::error::FileError;
use crate::etag::Etag;
use crate::visible::visible;

/// How many versions of a document are kept at most.
pub const MAX_VERSIONS: usize = 200;
/// How many are kept however large they are.
pub const MIN_VERSIONS: usize = 20;
/// How much all versions of a document take at most, but for [`MIN_VERSIONS`].
pub const MAX_VERSION_BYTES: u64 = 8 << 20;

/// Longest name of who made a version.
const MAX_WHO_BYTES: usize = 128;
/// Longest first line of a version file.
const MAX_HEAD_BYTES: u64 = 4096;

/// One earlier content of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Counts up from 1 for each document.
    pub sequence: u64,
    /// When it was written.
    #[serde(rename = "time_us")]
    pub time: Timestamp,
    /// Who wrote it: a user, a token, `hand edit`.
    pub who: String,
    /// The etag of the document with this content.
    pub etag: Etag,
    /// Size of the content in bytes.
    pub size: u64,
}

/// The earlier contents of one document.
#[derive(Debug, Clone)]
pub struct Versions {
    folder: PathBuf,
    access: Access,
}

impl Versions {
    /// The versions that lie in `folder`, which is created with the first of them.
    pub(crate) fn in_folder(folder: PathBuf, access: Access) -> Self {
        Self { folder, access }
    }

    /// All versions, the newest first. A version file that is damaged is left out.
    pub fn list(&self) -> Result<Vec<Version>, FileError> {
        let mut sequences = self.sequences()?;
        sequences.reverse();
        Ok(sequences.into_iter().filter_map(|sequence| head(&self.path(sequence))).collect())
    }

    /// The content of one version.
    pub fn read(&self, sequence: u64) -> Result<String, FileError> {
        let path = self.path(sequence);
        let damaged = || FileError::at(&path.display().to_string(), None, "", "this version is damaged", None);
        let contents = String::from_utf8(atomic::read(&path, crate::document::LARGE_BYTES + MAX_HEAD_BYTES)?);
        let contents = contents.map_err(|_| damaged())?;
        let (head, content) = contents.split_once('\n').ok_or_else(damaged)?;
        let version: Version = serde_json::from_str(head).map_err(|_| damaged())?;
        if Etag::of_bytes(content.as_bytes()) == version.etag { Ok(content.into()) } else { Err(damaged()) }
    }

    /// Keeps `content` as the newest version, unless it is that already. Only one process may do so at a time.
    pub(crate) fn keep(&self, who: &str, content: &str) -> Result<Kept, FileError> {
        let sequences = self.sequences()?;
        let etag = Etag::of_bytes(content.as_bytes());
        if let Some(newest) = sequences.iter().rev().find_map(|&sequence| head(&self.path(sequence)))
            && newest.etag == etag
        {
            return Ok(Kept { path: None });
        }
        self.create_folder()?;
        let sequence = sequences.last().map_or(1, |last| last.saturating_add(1));
        let (who, size) = (visible(who, MAX_WHO_BYTES), content.len() as u64);
        let version = Version { sequence, time: crate::clock::now(), who, etag, size };
        let head = serde_json::to_string(&version).expect("a version is plain JSON");
        let path = self.path(sequence);
        atomic::write(&path, format!("{head}\n{content}").as_bytes(), self.access)?;
        self.remove_oldest(&sequences, version.size);
        Ok(Kept { path: Some(path) })
    }

    fn create_folder(&self) -> Result<(), FileError> {
        let mode = match self.access {
            Access::Shared => 0o755,
            Access::Private => 0o700,
        };
        if let Some(parent) = self.folder.parent() {
            fs::create_dir_all(parent).map_err(|error| FileError::io("create", parent, error))?;
        }
        let created = DirBuilder::new().recursive(true).mode(mode).create(&self.folder);
        created.map_err(|error| FileError::io("create", &self.folder, error))
    }

    /// Makes room for what was just added to `sequences`.
    fn remove_oldest(&self, sequences: &[u64], added: u64) {
        let mut bytes = added;
        for (nth, &sequence) in sequences.iter().rev().enumerate() {
            let path = self.path(sequence);
            bytes += fs::metadata(&path).map_or(0, |file| file.len());
            // The one just added is not among them.
            let kept = nth + 1;
            if kept >= MAX_VERSIONS || (kept >= MIN_VERSIONS && bytes > MAX_VERSION_BYTES) {
                // What cannot be removed now is tried again at the next edit.
                let _ = fs::remove_file(path);
            }
        }
    }

    /// The numbers of all versions, rising.
    fn sequences(&self) -> Result<Vec<u64>, FileError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(FileError::io("read", &self.folder, error)),
        };
        let number = |name: &str| name.strip_suffix(".version")?.parse().ok();
        let mut sequences: Vec<u64> =
            entries.flatten().filter_map(|entry| entry.file_name().to_str().and_then(number)).collect();
        sequences.sort_unstable();
        Ok(sequences)
    }

    fn path(&self, sequence: u64) -> PathBuf {
        self.folder.join(format!("{sequence:08}.version"))
    }
}

/// What [`Versions::keep`] did.
#[derive(Debug)]
pub(crate) struct Kept {
    path: Option<PathBuf>,
}

impl Kept {
    /// Takes a version back whose content did not make it into the document.
    pub(crate) fn undo(self) {
        if let Some(path) = self.path {
            // A version too many misleads, but harms nothing.
            let _ = fs::remove_file(path);
        }
    }
}

fn head(path: &Path) -> Option<Version> {
    let mut line = String::new();
    BufReader::new(File::open(path).ok()?.take(MAX_HEAD_BYTES)).read_line(&mut line).ok()?;
    serde_json::from_str(&line).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(folder: &tempfile::TempDir) -> Versions {
        Versions::in_folder(folder.path().join("versions/routing"), Access::Private)
    }

    #[test]
    fn versions_are_listed_newest_first_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let versions = versions(&folder);
        assert_eq!(versions.list().unwrap(), []);
        versions.keep("anna", "{\n}\n").unwrap();
        versions.keep("anna", "{\n}\n").unwrap();
        versions.keep("b\nen", "[]").unwrap();
        let list = versions.list().unwrap();
        let told: Vec<_> = list.iter().map(|v| (v.sequence, v.who.as_str(), v.size)).collect();
        assert_eq!(told, [(2, "b\\nen", 2), (1, "anna", 4)]);
        assert_eq!(versions.read(1).unwrap(), "{\n}\n");
        assert_eq!(versions.read(7).unwrap_err().io_kind(), Some(std::io::ErrorKind::NotFound));
    }

    #[test]
    fn versions_of_a_private_document_are_private() {
        use std::os::unix::fs::MetadataExt as _;
        let folder = tempfile::tempdir().unwrap();
        let versions = versions(&folder);
        versions.keep("anna", "{}").unwrap();
        assert_eq!(fs::metadata(versions.path(1)).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&versions.folder).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_damaged_version_is_left_out_and_said_when_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let versions = versions(&folder);
        versions.keep("anna", "{}").unwrap();
        versions.keep("anna", "[]").unwrap();
        fs::write(versions.path(2), b"\xff").unwrap();
        assert_eq!(versions.list().unwrap().len(), 1);
        assert!(versions.read(2).unwrap_err().to_string().ends_with("this version is damaged"));
        versions.keep("anna", "[1]").unwrap();
        assert_eq!(versions.list().unwrap()[0].sequence, 3);
    }

    #[test]
    fn versions_are_bounded_by_number_and_by_size() {
        let folder = tempfile::tempdir().unwrap();
        let versions = versions(&folder);
        versions.create_folder().unwrap();
        for sequence in 1..=230_u64 {
            fs::write(versions.path(sequence), "{}").unwrap();
        }
        versions.keep("anna", "new").unwrap();
        assert_eq!(versions.sequences().unwrap(), (32..=231).collect::<Vec<u64>>());
        for sequence in 32..=231_u64 {
            File::create(versions.path(sequence)).unwrap().set_len(1 << 20).unwrap();
        }
        versions.keep("anna", "newer").unwrap();
        assert_eq!(versions.sequences().unwrap(), (213..=232).collect::<Vec<u64>>());
    }
}
