//! One configuration file: read strictly, edited safely, never written over when it could not be read.
//!
//! Three ways to see a [`Document`]: [`read`](Document::read) looks at the disk and changes nothing,
//! [`refresh`](Document::refresh) picks up what changed on the disk, [`snapshot`](Document::snapshot) is the last
//! content that was good. Invariant: contents that do not parse never replace a snapshot, and are never replaced.

use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::atomic::{self, Access, Staged};
use crate::error::{EditError, FileError};
use crate::etag::Etag;
use crate::lock::Lock;
use crate::parse;
use crate::scan;
use crate::versions::Versions;

/// Largest document, but for those that may be [`Options::large`].
pub const MAX_BYTES: u64 = 16 << 20;
/// Largest document that may be large: the routes.
pub const LARGE_BYTES: u64 = 64 << 20;
/// Who a version belongs to that was found on the disk.
pub const HAND_EDIT: &str = "hand edit";
/// Who a version belongs to that Fieldrail began with.
pub const FIRST_START: &str = "first start";

/// What a document may be, and who may read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Who may read the file and its versions. What is private never appears in an error either.
    pub access: Access,
    /// A file larger than this is refused.
    pub max_bytes: u64,
}

impl Options {
    /// A configuration file that everybody on the machine may read.
    pub const fn shared() -> Self {
        Self { access: Access::Shared, max_bytes: MAX_BYTES }
    }

    /// A file with secrets: 0600, and so are its versions.
    pub const fn private() -> Self {
        Self { access: Access::Private, max_bytes: MAX_BYTES }
    }

    /// The same, but up to [`LARGE_BYTES`].
    #[must_use]
    pub const fn large(self) -> Self {
        Self { max_bytes: LARGE_BYTES, ..self }
    }
}

/// A content of a document that was read without fault.
#[derive(Debug)]
pub struct Snapshot<T> {
    /// What the file says.
    pub value: T,
    /// Which content this is.
    pub etag: Etag,
    /// The file itself, so that layers above can point into it.
    pub text: String,
    file: String,
}

impl<T> Snapshot<T> {
    /// An error about the value at `key` (`connections[2].config.port`, or a JSON pointer), with its place in the file.
    pub fn error_at(&self, key: &str, what: &str, hint: Option<String>) -> FileError {
        let place = scan::locate(&self.text, key).map(|(line, column)| scan::Place { line, column });
        let shown = crate::key_path::KeyPath::parse(key).map_or_else(|| key.to_string(), |path| path.to_string());
        FileError::at(&self.file, place, &shown, what, hint)
    }
}

/// What [`Document::refresh`] found.
#[derive(Debug)]
pub enum Change<T> {
    /// The file is as it was when last looked at, broken or not.
    Same,
    /// The file has another content, or is good again after it was broken.
    New(Arc<Snapshot<T>>),
    /// The file has become broken, or broken in another way; the last snapshot stays in force.
    Broken(FileError),
}

/// What a configuration file must be able to do; every type that can, does.
pub trait Format: DeserializeOwned + Serialize + JsonSchema + Default {}
impl<T: DeserializeOwned + Serialize + JsonSchema + Default> Format for T {}

/// One JSON file of the configuration folder.
#[derive(Debug)]
pub struct Document<T> {
    name: String,
    path: PathBuf,
    lock: PathBuf,
    options: Options,
    versions: Versions,
    created: bool,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    good: Option<Arc<Snapshot<T>>>,
    trouble: Option<FileError>,
}

/// Reads the document at `path` once, without touching the disk. For checks from the command line.
pub fn read_file<T: DeserializeOwned>(path: &Path, options: Options) -> Result<Snapshot<T>, FileError> {
    let file = path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    let bytes = atomic::read(path, options.max_bytes)?;
    snapshot_of(&file, &bytes, options)
}

fn snapshot_of<T: DeserializeOwned>(file: &str, bytes: &[u8], options: Options) -> Result<Snapshot<T>, FileError> {
    let text = parse::text_of(file, bytes)?;
    let value = parse::parse(file, text, options.access == Access::Private)?;
    Ok(Snapshot { value, etag: Etag::of_bytes(bytes), text: text.into(), file: file.into() })
}

impl<T: Format> Document<T> {
    /// The document `name` (`connections.json`) in `folder`; both are created when missing, the document with its
    /// default. A document that is broken opens too: it then has no snapshot, and [`Document::status`] says why.
    pub fn open(folder: &Path, name: &str, options: Options) -> Result<Self, FileError> {
        let stem = stem(name)?;
        let created = DirBuilder::new().recursive(true).mode(0o755).create(folder);
        created.map_err(|error| FileError::io("create", folder, error))?;
        let mut document = Self {
            name: name.into(),
            path: folder.join(name),
            lock: folder.join(format!(".{name}.lock")),
            options,
            versions: Versions::in_folder(folder.join("versions").join(stem), options.access),
            created: false,
            state: Mutex::new(State { good: None, trouble: None }),
        };
        let lock = Lock::wait(&document.lock);
        if lock.is_ok() {
            atomic::remove_leftovers(folder, name);
        }
        if matches!(fs::symlink_metadata(&document.path), Err(error) if error.kind() == std::io::ErrorKind::NotFound) {
            let _lock = lock?;
            document.create()?;
        } else {
            document.pick_up();
        }
        Ok(document)
    }

    fn create(&mut self) -> Result<(), FileError> {
        let text = self.pretty(&T::default())?;
        atomic::write(&self.path, text.as_bytes(), self.options.access)?;
        self.versions.keep(FIRST_START, &text)?;
        self.created = true;
        self.state().good = Some(Arc::new(snapshot_of(&self.name, text.as_bytes(), self.options)?));
        Ok(())
    }

    /// The file name, for example `connections.json`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether opening it has created it: the first start, or somebody took it away.
    pub fn created(&self) -> bool {
        self.created
    }

    /// The earlier contents.
    pub fn versions(&self) -> &Versions {
        &self.versions
    }

    /// The last content that was good; nothing when there was none since it was opened.
    pub fn snapshot(&self) -> Option<Arc<Snapshot<T>>> {
        self.state().good.clone()
    }

    /// What is wrong with the file on disk, as of the last [`Document::refresh`]; nothing when it is fine.
    pub fn status(&self) -> Option<FileError> {
        self.state().trouble.clone()
    }

    /// What the file says at this moment. Changes nothing: neither the snapshot nor what `refresh` will find.
    pub fn read(&self) -> Result<Arc<Snapshot<T>>, FileError> {
        let bytes = self.bytes()?;
        let known = self.snapshot().filter(|known| known.etag == Etag::of_bytes(&bytes));
        known.map_or_else(|| snapshot_of(&self.name, &bytes, self.options).map(Arc::new), Ok)
    }

    /// Looks whether the file was changed by somebody else, and takes its new content as the snapshot if it is good.
    pub fn refresh(&self) -> Change<T> {
        // Without the lock (a folder that cannot be written) nobody else edits either.
        let _lock = Lock::wait(&self.lock);
        self.pick_up()
    }

    fn pick_up(&self) -> Change<T> {
        let read = self.read();
        let mut state = self.state();
        match read {
            Ok(found) => {
                let was_broken = state.trouble.take().is_some();
                let same = state.good.as_ref().is_some_and(|good| good.etag == found.etag);
                if same && !was_broken {
                    return Change::Same;
                }
                state.good = Some(Arc::clone(&found));
                drop(state);
                // A version that cannot be kept now is kept by the next edit, before its own.
                let _ = self.versions.keep(HAND_EDIT, &found.text);
                Change::New(found)
            }
            Err(error) => {
                let told = state.trouble.as_ref().is_some_and(|known| known.to_string() == error.to_string());
                state.trouble = Some(error.clone());
                if told { Change::Same } else { Change::Broken(error) }
            }
        }
    }

    /// Changes the document as it is on disk at this moment, and returns what `change` returned with the new etag.
    ///
    /// `who` is kept with the version. With `expected`, the document must still be the one the caller has seen.
    /// `change` may run twice, when somebody saves the file by hand meanwhile. The snapshot is then the new content,
    /// which may include a hand edit that no `refresh` has told of: compare it with what is in force, not with the edit.
    pub fn edit<R, E>(
        &self,
        who: &str,
        expected: Option<&Etag>,
        mut change: impl FnMut(&mut T) -> Result<R, E>,
    ) -> Result<(R, Etag), EditError<E>> {
        let _lock = Lock::wait(&self.lock).map_err(EditError::Write)?;
        for _ in 0..ATTEMPTS {
            let before = self.read().map_err(EditError::Broken)?;
            if let Some(done) = self.attempt(who, expected, Some(&before), &mut change)? {
                return Ok(done);
            }
        }
        Err(EditError::Changed)
    }

    /// Makes the document say again what it said in the version `sequence`. Also works when the file is gone; a file
    /// that is there and broken is not written over.
    pub fn restore(&self, who: &str, sequence: u64, expected: Option<&Etag>) -> Result<Etag, EditError<FileError>> {
        self.restore_if(who, sequence, expected, |_| Ok(()))
    }

    /// The same, if the old content passes `check`: what was right once may no longer fit what is around it.
    pub fn restore_if<E: From<FileError>>(
        &self,
        who: &str,
        sequence: u64,
        expected: Option<&Etag>,
        check: impl Fn(&T) -> Result<(), E>,
    ) -> Result<Etag, EditError<E>> {
        let text = self.versions.read(sequence).map_err(|error| EditError::Refused(error.into()))?;
        let restored = self.edit_or_make(who, expected, |value: &mut T| {
            *value = parse::parse(&self.name, &text, self.options.access == Access::Private)?;
            check(value)
        });
        restored.map(|((), etag)| etag)
    }

    /// As [`Document::edit`], and where the file is gone it is made anew from the default.
    pub fn edit_or_make<R, E>(
        &self,
        who: &str,
        expected: Option<&Etag>,
        mut change: impl FnMut(&mut T) -> Result<R, E>,
    ) -> Result<(R, Etag), EditError<E>> {
        let gone = matches!(self.read(), Err(error) if error.io_kind() == Some(std::io::ErrorKind::NotFound));
        if !gone {
            return self.edit(who, expected, change);
        }
        let _lock = Lock::wait(&self.lock).map_err(EditError::Write)?;
        self.attempt(who, None, None, &mut change)?.ok_or(EditError::Changed)
    }

    /// One try of an edit; nothing when the file on disk became another one meanwhile. `before` is nothing when there
    /// is no file. The caller holds the lock.
    fn attempt<R, E>(
        &self,
        who: &str,
        expected: Option<&Etag>,
        before: Option<&Snapshot<T>>,
        change: &mut impl FnMut(&mut T) -> Result<R, E>,
    ) -> Result<Option<(R, Etag)>, EditError<E>> {
        if let (Some(expected), Some(before)) = (expected, before)
            && *expected != before.etag
        {
            return Err(EditError::Outdated { current: before.etag.clone() });
        }
        let mut value = match before {
            Some(before) => parse::parse_str(&self.name, &before.text).map_err(EditError::Broken)?,
            None => T::default(),
        };
        let result = change(&mut value).map_err(EditError::Refused)?;
        let text = self.pretty(&value).map_err(EditError::Invalid)?;
        if let Some(before) = before
            && self.pretty(&before.value).is_ok_and(|unchanged| unchanged == text)
        {
            // Nothing to write: the file keeps the form its author gave it.
            return Ok(Some((result, before.etag.clone())));
        }
        let after = snapshot_of(&self.name, text.as_bytes(), self.options).map_err(EditError::Invalid)?;
        let staged = Staged::new(&self.path, text.as_bytes(), self.options.access).map_err(EditError::Write)?;
        if self.on_disk() != before.map(|before| before.etag.clone()) {
            return Ok(None);
        }
        self.put_in_place(who, staged, before, &text).map_err(EditError::Write)?;
        let etag = after.etag.clone();
        *self.state() = State { good: Some(Arc::new(after)), trouble: None };
        Ok(Some((result, etag)))
    }

    /// The version first: a disk too full for it must not leave a content without one.
    fn put_in_place(
        &self,
        who: &str,
        staged: Staged,
        before: Option<&Snapshot<T>>,
        text: &str,
    ) -> Result<(), FileError> {
        if let Some(before) = before {
            self.versions.keep(HAND_EDIT, &before.text)?;
        }
        let kept = self.versions.keep(who, text)?;
        staged.commit().inspect_err(|_| kept.undo())
    }

    /// The etag of what is on disk, be it good or not; nothing when there is no file.
    fn on_disk(&self) -> Option<Etag> {
        self.bytes().ok().map(|bytes| Etag::of_bytes(&bytes))
    }

    fn bytes(&self) -> Result<Vec<u8>, FileError> {
        if self.options.access == Access::Private {
            self.close_to_others();
        }
        atomic::read(&self.path, self.options.max_bytes)
    }

    /// An editor may have left a file with secrets readable for everybody.
    fn close_to_others(&self) {
        if let Ok(file) = fs::metadata(&self.path)
            && file.is_file()
            && file.mode() & 0o077 != 0
        {
            // Refused only when the file is somebody else's, who then decides about it.
            let _ = fs::set_permissions(&self.path, Permissions::from_mode(0o600));
        }
    }

    /// The etag that the document would have with this content.
    pub fn etag_with(&self, value: &T) -> Result<Etag, FileError> {
        self.pretty(value).map(|text| Etag::of_bytes(text.as_bytes()))
    }

    fn pretty(&self, value: &T) -> Result<String, FileError> {
        let text = serde_json::to_string_pretty(value).map_err(|error| {
            FileError::at(&self.name, None, "", &format!("cannot be written as JSON: {error}"), None)
        })?;
        if text.len() as u64 >= self.options.max_bytes {
            let what = format!("larger than {} MiB", self.options.max_bytes >> 20);
            return Err(FileError::at(&self.name, None, "", &what, None));
        }
        Ok(text + "\n")
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        // Each change of the state is one assignment, so a panic elsewhere cannot leave half of one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How often an edit is tried when the file is changed by hand meanwhile.
const ATTEMPTS: usize = 2;

/// `connections` of `connections.json`; anything that could lead out of the folder is refused.
pub(crate) fn stem(name: &str) -> Result<&str, FileError> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    let stem = name.strip_suffix(".json").filter(|stem| !stem.is_empty() && stem.chars().all(plain));
    stem.ok_or_else(|| FileError::at(name, None, "", "a document is named like `connections.json`", None))
}
