//! `connections.json`: every configured connection and plugin of the house.

use fieldrail_model::InstanceId;
use fieldrail_store::FormatVersion;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::health::Health;
use crate::limits::Limits;
use crate::{Error, Result};

/// The driver name of an instance without a process: its datapoints come in by `route_data`, a write sets them.
pub const VIRTUAL: &str = "virtual";

/// `/api/connections/test` is no connection.
const TEST: &str = "test";

/// All instances.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectionsFile {
    /// Format version, `1.0`.
    pub version: FormatVersion,
    /// One entry for each instance.
    #[serde(default)]
    pub connections: Vec<Connection>,
}

/// One configured connection or plugin, run as one process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// The instance id: addresses begin with it. No id may be a dot-prefix of another.
    pub id: InstanceId,
    /// What people call it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The driver's or plugin's name, or `virtual` for an instance without a process.
    pub driver: String,
    /// Whether it runs. Stopping an instance by hand sets this to false, and it stays so.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Cut from the router: it runs, and nothing goes in or out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub detached: bool,
    /// What the driver needs, as its own schema says. A secret is `{"secret": "name"}`.
    #[serde(default = "empty")]
    pub config: serde_json::Value,
    /// Against a simulated device of the driver's own, for demonstrations.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub simulated: bool,
    /// What is expected of it, and what happens when it fails.
    #[serde(default, skip_serializing_if = "Health::is_default")]
    pub health: Health,
    /// What it may take.
    #[serde(default, skip_serializing_if = "Limits::is_default")]
    pub limits: Limits,
}

fn yes() -> bool {
    true
}

fn empty() -> serde_json::Value {
    serde_json::Value::Object(serde_json::Map::new())
}

impl ConnectionsFile {
    /// The entry with this id, and where it stands.
    pub fn find(&self, id: &str) -> Option<(usize, &Connection)> {
        self.connections.iter().enumerate().find(|(_, connection)| connection.id.as_str() == id)
    }

    /// Fails if two ids could claim the same address, or a limit makes no sense.
    pub fn check(&self) -> Result<()> {
        for (at, connection) in self.connections.iter().enumerate() {
            connection.limits.check(&format!("connections[{at}].limits"))?;
            connection.health.check(&format!("connections[{at}].health"))?;
        }
        self.check_ids()
    }

    fn check_ids(&self) -> Result<()> {
        if let Some((at, _)) = self.find(TEST) {
            let message = format!("the id `{TEST}` is taken by the end point that tests connections");
            return Err(Error::invalid_at(format!("connections[{at}].id"), message, Some("choose another id".into())));
        }
        let mut ids: Vec<(usize, &InstanceId)> = self.connections.iter().map(|c| &c.id).enumerate().collect();
        // Sorted by segments, an id stands right before those that it is a prefix of.
        ids.sort_by(|(_, a), (_, b)| a.as_str().split('.').cmp(b.as_str().split('.')));
        for pair in ids.windows(2) {
            let [(first, a), (second, b)] = pair else { continue };
            if a.overlaps(b) {
                let later = first.max(second);
                let message = if a == b {
                    format!("the id `{a}` is used twice")
                } else {
                    format!("`{a}` is a dot-prefix of `{b}`, so an address could belong to both")
                };
                let hint = Some("rename one of the two".into());
                return Err(Error::invalid_at(format!("connections[{later}].id"), message, hint));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ids: &[&str], want: Option<(&str, &str)>) {
        let connections = ids.iter().map(|id| serde_json::json!({ "id": id, "driver": "x" })).collect::<Vec<_>>();
        let file = serde_json::json!({ "version": "1.0", "connections": connections });
        let file: ConnectionsFile = serde_json::from_value(file).unwrap();
        match (file.check_ids(), want) {
            (Ok(()), None) => {}
            (Err(Error::Invalid { message, key, .. }), Some((place, words))) => {
                assert_eq!(key.as_deref(), Some(place));
                assert!(message.contains(words), "{message}");
            }
            (got, want) => panic!("got {got:?}, want {want:?}"),
        }
    }

    #[test]
    fn ids_that_could_claim_the_same_address_are_refused_at_the_later_one() {
        check(&["a.b", "c", "a"], Some(("connections[2].id", "dot-prefix")));
        check(&["a", "b", "a"], Some(("connections[2].id", "twice")));
        check(&["a-b", "a", "a-b.c"], Some(("connections[2].id", "dot-prefix")));
        check(&["a", "a_b", "ab"], None);
        check(&["a", "test"], Some(("connections[1].id", "taken")));
    }
}
