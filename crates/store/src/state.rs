//! What the box remembers in a small JSON file: written atomically, set aside when it cannot be read.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::atomic::{self, Access};
use crate::document::MAX_BYTES;
use crate::error::FileError;
use crate::parse;

/// What was found under the name of a state file.
#[derive(Debug)]
pub enum Loaded<T> {
    /// There is no such file.
    Missing,
    /// The state as it was saved.
    Found(T),
    /// There was a file that could not be understood. Whoever loads it decides what an unknown state means.
    SetAside {
        /// Where the file lies now.
        to: PathBuf,
        /// What is wrong with it.
        error: FileError,
    },
}

/// Loads the state in the file at `path`. A file that is broken is moved aside, so that a later [`save`] cannot
/// destroy what it held.
pub fn load<T: DeserializeOwned>(path: &Path) -> Result<Loaded<T>, FileError> {
    if let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) {
        atomic::remove_leftovers(folder, name);
    }
    let bytes = match atomic::read(path, MAX_BYTES) {
        Ok(bytes) => bytes,
        Err(error) if error.io_kind() == Some(std::io::ErrorKind::NotFound) => return Ok(Loaded::Missing),
        Err(error) => return Err(error),
    };
    let file = path.display().to_string();
    match parse::text_of(&file, &bytes).and_then(|text| parse::parse(&file, text, true)) {
        Ok(state) => Ok(Loaded::Found(state)),
        Err(error) => Ok(Loaded::SetAside { to: set_aside(path)?, error }),
    }
}

/// Saves `state` in the file at `path`, for its owner only; the folder is created when missing.
pub fn save<T: Serialize>(path: &Path, state: &T) -> Result<(), FileError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| FileError::io("create", folder, error))?;
    }
    let text = serde_json::to_string_pretty(state).map_err(|error| {
        FileError::at(&path.display().to_string(), None, "", &format!("cannot be written as JSON: {error}"), None)
    })?;
    atomic::write(path, text.as_bytes(), Access::Private)
}

/// Gives the file at `path` a name that nothing uses, and says which.
pub(crate) fn set_aside(path: &Path) -> Result<PathBuf, FileError> {
    let stamp = crate::clock::now().millis();
    let free = (0..).map(|nth| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".broken-{}", stamp + nth));
        PathBuf::from(name)
    });
    let to = free.into_iter().find(|name| fs::symlink_metadata(name).is_err()).unwrap_or_default();
    fs::rename(path, &to).map_err(|error| FileError::io("set aside", path, error))?;
    Ok(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_comes_back_and_a_missing_one_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/panic.json");
        assert!(matches!(load::<Vec<u8>>(&path), Ok(Loaded::Missing)));
        save(&path, &[1, 2, 3]).unwrap();
        fs::write(path.with_file_name(".panic.json.5-1.tmp"), "[1,").unwrap();
        assert!(matches!(load::<Vec<u8>>(&path), Ok(Loaded::Found(state)) if state == [1, 2, 3]));
        assert!(!path.with_file_name(".panic.json.5-1.tmp").exists());
    }

    #[test]
    fn a_broken_state_is_set_aside_and_not_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("panic.json");
        for half in ["[1, 2", "{}"] {
            fs::write(&path, half).unwrap();
            let Ok(Loaded::SetAside { to, error }) = load::<Vec<u8>>(&path) else { panic!("not set aside") };
            assert_eq!(fs::read_to_string(to).unwrap(), half);
            assert!(error.line().is_some());
            assert!(!path.exists());
        }
    }
}
