//! Where a value lives: `{instance id}.{tag}`.
//!
//! Invariant: no instance id is a dot-prefix of another, so an address belongs to exactly one instance; what follows,
//! verbatim, is the tag. A tag may hold `/`, `.`, `[1]`, blanks and a leading dot (`TwinCAT` 2 globals have one).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest address that is accepted anywhere, in bytes. MQTT topics may have 65,535; real ones stay far below.
pub const MAX_ADDRESS_BYTES: usize = 4096;

/// First segments that belong to Fieldrail itself, so no instance may use them.
pub const RESERVED: [&str; 4] = ["log", "calc", "system", "history"];

/// One configured connection or plugin, for example `plc_001` or `mqtt.broker_local`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId(Arc<str>);

/// Why a text is no instance id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidInstanceId {
    /// A character outside of the alphabet, or an empty segment.
    #[error("`{0}` is no instance id: use lower-case letters, digits, `_` and `-`, with dots between segments")]
    Spelling(String),
    /// Longer than 64 bytes.
    #[error("the instance id `{0}` is longer than 64 characters")]
    TooLong(String),
    /// `log`, `calc`, `system` and `history` are Fieldrail's own.
    #[error("`{0}` begins with a reserved word (log, calc, system, history)")]
    Reserved(String),
}

impl InstanceId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this id and `other` could claim the same address: one is the other, or its dot-prefix.
    pub fn overlaps(&self, other: &Self) -> bool {
        let (short, long) = if self.0.len() <= other.0.len() { (self, other) } else { (other, self) };
        long.0.strip_prefix(&*short.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// The address of `tag` in this instance; the empty tag is the instance's default target.
    pub fn address(&self, tag: &str) -> Address {
        if tag.is_empty() { Address(Arc::clone(&self.0)) } else { Address(format!("{}.{tag}", self.0).into()) }
    }
}

impl FromStr for InstanceId {
    type Err = InvalidInstanceId;

    fn from_str(text: &str) -> Result<Self, InvalidInstanceId> {
        if text.len() > 64 {
            return Err(InvalidInstanceId::TooLong(text.chars().take(64).collect()));
        }
        let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
        if text.split('.').any(|segment| segment.is_empty() || !segment.chars().all(letter)) {
            return Err(InvalidInstanceId::Spelling(text.into()));
        }
        if text.split('.').next().is_some_and(|first| RESERVED.contains(&first)) {
            return Err(InvalidInstanceId::Reserved(text.into()));
        }
        Ok(Self(text.into()))
    }
}

impl std::borrow::Borrow<str> for InstanceId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for InstanceId {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for InstanceId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for InstanceId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "InstanceId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string", "maxLength": 64, "pattern": r"^[a-z0-9_-]+(\.[a-z0-9_-]+)*$",
            "description": "Lower-case letters, digits, `_` and `-`; dots separate namespaces (`bt.bms_001`)."
        })
    }
}

/// The full name of one datapoint. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(Arc<str>);

impl Address {
    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The shared text itself.
    pub fn shared(&self) -> &Arc<str> {
        &self.0
    }

    /// The instance and the tag, given a test for "this is an instance". The instance is the dot-prefix that passes;
    /// there is at most one.
    pub fn split(&self, is_instance: impl Fn(&str) -> bool) -> Option<(&str, &str)> {
        split(&self.0, is_instance)
    }
}

/// [`Address::split`] for a text that is not an [`Address`] yet.
pub fn split(address: &str, is_instance: impl Fn(&str) -> bool) -> Option<(&str, &str)> {
    let ends = address.char_indices().filter(|&(_, c)| c == '.').map(|(at, _)| at);
    let found = ends.chain([address.len()]).find(|&end| is_instance(&address[..end]))?;
    Some((&address[..found], address.get(found + 1..).unwrap_or("")))
}

impl From<&str> for Address {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl std::borrow::Borrow<str> for Address {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Self(String::deserialize(d)?.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_split(address: &str, want: Option<(&str, &str)>) {
        let known = ["plc_001", "mqtt.broker_local", "webhook.alert_service"];
        assert_eq!(split(address, |id| known.contains(&id)), want);
    }

    #[test]
    fn an_address_belongs_to_one_instance_and_the_rest_is_the_tag() {
        check_split("plc_001.MAIN.fbBattery.fVoltage", Some(("plc_001", "MAIN.fbBattery.fVoltage")));
        check_split("plc_001..bAusgang6", Some(("plc_001", ".bAusgang6")));
        check_split("mqtt.broker_local.alarms/critical", Some(("mqtt.broker_local", "alarms/critical")));
        check_split("webhook.alert_service", Some(("webhook.alert_service", "")));
        check_split("plc_01.x", None);
        check_split("", None);
    }

    #[test]
    fn ids_that_could_claim_the_same_address_overlap() {
        let id = |s: &str| s.parse::<InstanceId>().unwrap();
        assert!(id("mqtt").overlaps(&id("mqtt.local")));
        assert!(id("mqtt.local").overlaps(&id("mqtt.local")));
        assert!(!id("mqtt").overlaps(&id("mqtt2")));
    }

    #[test]
    fn wrong_ids_are_refused_with_the_reason() {
        for bad in ["", ".", "a..b", "Plc", "a b", "ä", "a/b"] {
            assert!(matches!(bad.parse::<InstanceId>(), Err(InvalidInstanceId::Spelling(_))), "{bad}");
        }
        assert!(matches!("log.x".parse::<InstanceId>(), Err(InvalidInstanceId::Reserved(_))));
        assert!(matches!("a".repeat(65).parse::<InstanceId>(), Err(InvalidInstanceId::TooLong(_))));
    }
}
