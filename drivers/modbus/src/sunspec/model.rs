//! What the models say: `models.json`, a shortened form of the SunSpec information models.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::value::RawValue;

/// A model, or a group in it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Its name.
    pub name: String,
    /// What it is, for people.
    #[serde(default)]
    pub label: String,
    /// How often a group is there.
    #[serde(default)]
    pub(super) count: Option<Count>,
    pub(super) points: Vec<Point>,
    #[serde(default)]
    pub(super) groups: Vec<Model>,
}

/// How often a group is there.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Count {
    /// So often; 0 means until the model ends.
    Fixed(u16),
    /// As often as this point says.
    Point(String),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Point {
    pub(super) name: String,
    pub(super) r#type: Type,
    /// Length of text in registers.
    #[serde(default)]
    pub(super) size: Option<u16>,
    #[serde(default)]
    pub(super) sf: Option<Factor>,
    #[serde(default)]
    pub(super) unit: Option<String>,
    #[serde(default)]
    pub(super) rw: bool,
    #[serde(default)]
    pub(super) label: String,
}

/// The power of ten of a point.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Factor {
    /// Always this.
    Fixed(i16),
    /// As this point says.
    Point(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Type {
    Int16,
    Uint16,
    Count,
    Acc16,
    Enum16,
    Bitfield16,
    Pad,
    Sunssf,
    Int32,
    Uint32,
    Acc32,
    Enum32,
    Bitfield32,
    Float32,
    Ipaddr,
    Int64,
    Uint64,
    Acc64,
    Eui48,
    Ipv6addr,
    String,
}

impl Point {
    /// How many registers it takes.
    pub(super) fn registers(&self) -> u16 {
        use Type::{
            Acc16, Acc32, Acc64, Bitfield16, Bitfield32, Count, Enum16, Enum32, Eui48, Float32, Int16, Int32, Int64,
            Ipaddr, Ipv6addr, Pad, Sunssf, Uint16, Uint32, Uint64,
        };
        match self.r#type {
            Int16 | Uint16 | Count | Acc16 | Enum16 | Bitfield16 | Pad | Sunssf => 1,
            Int32 | Uint32 | Acc32 | Enum32 | Bitfield32 | Float32 | Ipaddr => 2,
            Int64 | Uint64 | Acc64 | Eui48 => 4,
            Ipv6addr => 8,
            Type::String => self.size.unwrap_or(1),
        }
    }
}

/// The models, by number; each is parsed when a device has it.
fn texts() -> &'static BTreeMap<u16, Box<RawValue>> {
    static TEXTS: OnceLock<BTreeMap<u16, Box<RawValue>>> = OnceLock::new();
    TEXTS.get_or_init(|| serde_json::from_str(include_str!("models.json")).unwrap_or_default())
}

impl Model {
    /// The model of this number. None if it is not known.
    pub fn find(number: u16) -> Option<Self> {
        serde_json::from_str(texts().get(&number)?.get()).ok()
    }

    /// How many registers it has behind its length, without groups that are repeated.
    pub fn length(&self) -> u16 {
        let own: u16 = self.points.iter().map(Point::registers).sum();
        own.saturating_sub(2)
    }

    /// The numbers that are known.
    pub fn numbers() -> impl Iterator<Item = u16> {
        texts().keys().copied()
    }
}
