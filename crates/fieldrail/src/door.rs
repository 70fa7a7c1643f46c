//! The door for the command line of the same user: `state/door.json`, mode 0600, with the daemon's address and a session
//! that ends with the daemon. Whoever may read the house's state folder may use it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use fieldrail_node::Node;
use serde::{Deserialize, Serialize};

/// What the file holds.
#[derive(Serialize, Deserialize)]
pub(crate) struct Key {
    /// Where the daemon listens.
    pub(crate) address: SocketAddr,
    /// The session cookie.
    pub(crate) session: String,
}

/// The file, as long as the daemon lives.
pub(crate) struct Door(PathBuf);

impl Door {
    /// Writes the file.
    pub(crate) fn open(state: &Path, address: SocketAddr, node: &Node) -> Result<Self> {
        let path = state.join("door.json");
        let key = Key { address, session: node.people().console_session().reveal().to_owned() };
        node.save_private(&path, &key).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self(path))
    }

    /// Reads the file of a running daemon.
    pub(crate) fn key(state: &Path) -> Result<Key> {
        let path = state.join("door.json");
        let text = std::fs::read_to_string(&path).with_context(|| {
            format!("no running Fieldrail was found ({} is not there); is --state right?", path.display())
        })?;
        serde_json::from_str(&text).with_context(|| format!("{} is damaged; restart the daemon", path.display()))
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
