//! What a plugin asks for in its manifest beyond what every plugin has. What is not named, it does not get.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a plugin needs of the machine. Without it a plugin has its own folder to read, `state/instances/ID` to read and write,
/// the libraries of the system, and its pipes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Permissions {
    /// Files and folders that it reads: an absolute path, or `config.KEY` for the path that stands under this key of its
    /// configuration (`config.units[].profile` for each of a list). The folders of the house are never among them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub read: Vec<String>,
    /// Files, folders and devices that it reads and writes, named in the same way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub write: Vec<String>,
    /// Whom it may talk to.
    pub network: Network,
    /// Whether it starts processes of its own; threads are no processes.
    pub children: bool,
    /// Processes and threads together that it needs, if more than 128. `limits.processes` of an instance goes before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub processes: Option<u32>,
    /// Descriptors (files, sockets, pipes) that each of its processes needs, if more than 1024. `limits.open_files` of an
    /// instance goes before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 16, max = 1_000_000))]
    pub open_files: Option<u32>,
}

/// Whom a plugin may talk to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// Nobody: it gets no sockets but pairs within itself.
    #[default]
    None,
    /// Anybody, by TCP, UDP, CAN, Bluetooth and local sockets. Raw frames are nobody's.
    Any,
}

impl Permissions {
    /// Those of a driver that talks over a network and reads the files that are named under these keys of its configuration.
    pub fn networked(read: &[&str]) -> Self {
        Self { network: Network::Any, read: read.iter().map(|&path| path.into()).collect(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_is_not_permitted() {
        let none: Permissions = serde_json::from_str("{}").unwrap();
        assert_eq!(none, Permissions::default());
        assert_eq!((none.network, none.children, none.read.len() + none.write.len()), (Network::None, false, 0));
        let any: Permissions = serde_json::from_str(r#"{"network":"any","write":["config.device"]}"#).unwrap();
        assert_eq!((any.network, any.write), (Network::Any, vec!["config.device".to_owned()]));
        assert!(serde_json::from_str::<Permissions>(r#"{"root":true}"#).is_err());
    }
}
