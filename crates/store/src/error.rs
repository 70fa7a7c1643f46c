//! What can be wrong with a file, said so that a person finds the place.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::etag::Etag;
use crate::scan::Place;
use crate::visible::visible;

/// A file that cannot be read, understood or written.
///
/// Shown as `connections.json:12:20: connections[2].config.port: invalid type: string "x", expected u16`.
#[derive(Debug, Clone)]
pub struct FileError {
    /// The file as a person knows it: its name for a document, its path for everything else.
    pub file: String,
    /// Where in the file; nothing when the file as a whole is meant.
    pub place: Option<Place>,
    /// Which value, for example `connections[2].config.port`; empty for the document itself.
    pub key: String,
    /// What is wrong with it, on one line.
    pub what: String,
    more: Box<More>,
}

/// What is asked for after the message; apart, so that a result with such an error stays small.
#[derive(Debug, Clone)]
struct More {
    hint: Option<String>,
    source: Option<Arc<io::Error>>,
}

impl FileError {
    /// Something that is wrong with the contents at `place`. For the layers above: a driver's own schema, a route
    /// that does not compile.
    pub fn at(file: &str, place: Option<Place>, key: &str, what: &str, hint: Option<String>) -> Self {
        let hint = hint.map(|hint| visible(&hint, MAX_TEXT));
        let more = Box::new(More { hint, source: None });
        Self { file: file.into(), place, key: key.into(), what: visible(what, MAX_TEXT), more }
    }

    /// The operating system refused `doing` (`read`, `write`) on `path`.
    pub(crate) fn io(doing: &str, path: &Path, source: io::Error) -> Self {
        let more = Box::new(More { hint: hint_for(&source).map(Into::into), source: Some(Arc::new(source)) });
        let (file, what) = (path.display().to_string(), format!("cannot {doing} it"));
        Self { file, place: None, key: String::new(), what, more }
    }

    /// Line, counted from 1.
    pub fn line(&self) -> Option<usize> {
        self.place.map(|place| place.line)
    }

    /// Column in characters, counted from 1.
    pub fn column(&self) -> Option<usize> {
        self.place.map(|place| place.column)
    }

    /// What to try, shown under the message.
    pub fn hint(&self) -> Option<&str> {
        self.more.hint.as_deref()
    }

    /// The operating system's reason, when it was one.
    pub fn io_kind(&self) -> Option<io::ErrorKind> {
        self.more.source.as_ref().map(|error| error.kind())
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(place) = self.place {
            write!(f, ":{}:{}", place.line, place.column)?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", visible(&self.key, MAX_TEXT))?;
        }
        write!(f, ": {}", self.what)
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.more.source.as_ref().map(|error| error as _)
    }
}

/// The longest message about a file, in bytes: a wrong value may be megabytes long.
const MAX_TEXT: usize = 600;

/// What to try when the operating system refuses.
fn hint_for(error: &io::Error) -> Option<&'static str> {
    use io::ErrorKind as Kind;
    Some(match error.kind() {
        Kind::NotFound => "does the folder exist, and is the name spelled as on disk?",
        Kind::PermissionDenied => "does this file, and the folder it is in, belong to the user that Fieldrail runs as?",
        Kind::StorageFull | Kind::QuotaExceeded => "the disk is full: free some space; nothing was changed",
        Kind::ReadOnlyFilesystem => "the file system is read-only: is the disk failing, or mounted without `rw`?",
        Kind::NotADirectory | Kind::IsADirectory => {
            "a folder and a file have been mixed up: compare the path with the disk"
        }
        Kind::WouldBlock | Kind::TimedOut => "another Fieldrail process is editing this file: try again",
        _ => return None,
    })
}

/// Why an edit was not made. Whatever it is, the file on disk is as it was.
#[derive(Debug, thiserror::Error)]
pub enum EditError<E> {
    /// The file on disk cannot be read; it is never written over.
    #[error("the file on disk cannot be read, so it is not written over")]
    Broken(#[source] FileError),
    /// The document is no longer the one the caller has seen.
    #[error("it has been changed since it was read; it is `{current}` now")]
    Outdated {
        /// The etag of what is on disk.
        current: Etag,
    },
    /// The file was changed by hand twice while the edit was being made.
    #[error("somebody else keeps changing the file")]
    Changed,
    /// The change itself was refused by whoever asked for it.
    #[error(transparent)]
    Refused(E),
    /// What would be written could not be read back.
    #[error("the changed document would be broken")]
    Invalid(#[source] FileError),
    /// The file cannot be locked or written.
    #[error("the change cannot be saved")]
    Write(#[source] FileError),
}

impl<E> EditError<E> {
    /// What to try, shown under the message.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Broken(error) => error.hint().or(Some("mend the file by hand; the change can then be made again")),
            Self::Write(error) | Self::Invalid(error) => error.hint(),
            Self::Outdated { .. } => Some("read it again and make the change on what is there now"),
            Self::Changed => Some("save and close the file in the editor, then try again"),
            Self::Refused(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_and_a_read_only_one_say_what_to_try() {
        for errno in
            [rustix::io::Errno::NOSPC, rustix::io::Errno::DQUOT, rustix::io::Errno::ROFS, rustix::io::Errno::ACCESS]
        {
            let error = FileError::io("write", Path::new("/etc/fieldrail/routing.json"), errno.into());
            assert_eq!(error.to_string(), "/etc/fieldrail/routing.json: cannot write it");
            assert!(error.hint().is_some(), "{errno:?}");
            assert!(std::error::Error::source(&error).is_some());
        }
    }

    #[test]
    fn a_message_is_one_line_of_bounded_length() {
        let error = FileError::at("x.json", Some(Place { line: 1, column: 2 }), "a\nb", &"y\n".repeat(10_000), None);
        assert!(error.to_string().starts_with("x.json:1:2: a\\nb: y\\ny"));
        assert!(error.to_string().len() < 1000 && !error.to_string().contains('\n'));
    }
}
