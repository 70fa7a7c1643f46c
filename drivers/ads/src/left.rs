//! What a link may have left at the device, on the disk: so that a driver that was killed gives it back when it runs again,
//! and knows that the device wants its pause. The file is there from when a link opens until one ends in order.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The most handles that are remembered; a device holds no more for us.
const MOST: usize = 20_000;

/// The journal of one instance.
pub(crate) struct Left {
    file: Option<PathBuf>,
    held: Held,
    /// Whether a former run has ended without a word.
    pub(crate) was_killed: bool,
}

/// What is held, and of which program.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) version: Option<u8>,
    pub(crate) handles: Vec<u32>,
}

impl Left {
    /// What a former run has left.
    pub(crate) fn new(folder: Option<&Path>) -> Self {
        let file = folder.map(|folder| folder.join("left.json"));
        let text = file.as_deref().and_then(|file| std::fs::read_to_string(file).ok());
        let mut held: Held = text.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        held.handles.truncate(MOST);
        Self { file, held, was_killed: text.is_some() }
    }

    pub(crate) fn held(&self) -> &Held {
        &self.held
    }

    /// The device holds this for us now.
    pub(crate) fn note(&mut self, mut held: Held, is_new_link: bool) {
        held.handles.sort_unstable();
        held.handles.truncate(MOST);
        if held == self.held && !is_new_link {
            return;
        }
        self.held = held;
        let Some(file) = &self.file else { return };
        let written = serde_json::to_string(&self.held)
            .map_err(std::io::Error::from)
            .and_then(|text| std::fs::write(file.with_extension("new"), text))
            .and_then(|()| std::fs::rename(file.with_extension("new"), file));
        if let Err(error) = written {
            tracing::warn!(%error, "What the PLC holds for us cannot be noted.");
        }
    }

    /// The link has ended in order: nothing is held.
    pub(crate) fn nothing(&mut self) {
        self.held = Held::default();
        if let Some(file) = &self.file {
            let _ = std::fs::remove_file(file);
        }
    }
}
