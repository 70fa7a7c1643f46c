//! `widgets.json`: the pages of widgets, what stands on them, and what is kept to be used again.
//!
//! What a kind of widget needs stands in its `options`, which nothing here looks into: a kind of another version comes back
//! as it was.

use std::collections::BTreeMap;

use fieldrail_store::FormatVersion;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Map, Value};

use crate::people::Role;

/// The kind whose bindings the house keeps the last values of.
pub(crate) const CHART: &str = "chart";
/// The kind whose picture the house fetches.
pub(crate) const CAMERA: &str = "camera";

/// The kinds of this version. Others are kept, and an import says so.
pub(crate) const KINDS: [&str; 22] = [
    "value",
    "gauge",
    "bar",
    "switch",
    "button",
    "slider",
    "dimmer",
    "shutter",
    "thermostat",
    "lamps",
    "text",
    "input",
    "select",
    CHART,
    "table",
    "energy",
    "battery",
    CAMERA,
    "alarms",
    "clock",
    "weather",
    "frame",
];

/// All dashboards.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WidgetsFile {
    /// Format version, `1.0`.
    pub version: FormatVersion,
    /// The pages, in their order.
    #[serde(default)]
    pub dashboards: Vec<Dashboard>,
    /// What stands on them.
    #[serde(default)]
    pub widgets: Vec<Widget>,
    /// What is kept to be used again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub templates: Vec<Template>,
}

/// A page of widgets.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dashboard {
    /// Lower-case letters, digits, `_` and `-`, at most 64. One is given if it is left out.
    #[serde(default)]
    pub id: String,
    /// What people call it, at most 200 characters.
    pub name: String,
    /// The name of an icon, or an emoji.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub icon: String,
    /// The floor or the part of the house that it belongs to.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The grid by screen size.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub grids: BTreeMap<Size, Grid>,
    /// Who sees it, and who operates what stands on it.
    #[serde(default, skip_serializing_if = "Rights::is_default")]
    pub rights: Rights,
    /// What the pages keep with it, at most 16 kB.
    #[serde(default, skip_serializing_if = "Map::is_empty", deserialize_with = "plain_object")]
    pub options: Map<String, Value>,
}

/// A screen size with a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Size {
    /// In a hand.
    Phone,
    /// On a knee.
    Tablet,
    /// On a wall or a desk. Sizes without cells of their own are derived from it.
    Wall,
}

impl Size {
    /// The word in the file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Tablet => "tablet",
            Self::Wall => "wall",
        }
    }
}

/// The grid of one screen size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// How many columns it has.
    #[schemars(range(min = 1, max = 48))]
    pub columns: u32,
    /// Whether widgets have cells of their own at this size. If not they are derived from `wall`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own: bool,
}

/// Who may, at the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rights {
    /// Sees it. Unless given: viewers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<Role>,
    /// Operates it. Unless given: operators, who are the least that ever may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operate: Option<Role>,
}

impl Rights {
    #[allow(clippy::trivially_copy_pass_by_ref)] // serde hands over a reference
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether this role sees it.
    pub(crate) fn shows(self, role: Role) -> bool {
        self.view.is_none_or(|least| role >= least)
    }

    /// Who operates it, at the least.
    pub(crate) fn operator(self) -> Role {
        self.operate.unwrap_or(Role::Operator).max(Role::Operator)
    }
}

/// One widget on a page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Widget {
    /// Lower-case letters, digits, `_` and `-`, at most 64. One is given if it is left out.
    #[serde(default)]
    pub id: String,
    /// The id of its page.
    pub dashboard: String,
    /// `value`, `switch`, `chart` and so on; one of another version is kept as it is.
    pub kind: String,
    /// At most 200 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// The name of an icon, or an emoji.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub icon: String,
    /// Its datapoints by what they are to it: `value`, `command`, `feedback` and so on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bindings: BTreeMap<String, Binding>,
    /// As its kind says; at most 32 kB.
    #[serde(default, skip_serializing_if = "Map::is_empty", deserialize_with = "plain_object")]
    pub options: Map<String, Value>,
    /// The first that holds says how it looks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// Who sees it, and who operates it; those of its page hold too.
    #[serde(default, skip_serializing_if = "Rights::is_default")]
    pub rights: Rights,
    /// Whether it asks for the PIN of the house before it operates anything.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pin: bool,
    /// Its cell by screen size; a missing one is derived.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub layout: BTreeMap<Size, Cell>,
    /// Widgets of one page with the same word here are moved together.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
}

/// One datapoint of a widget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    /// The full address.
    pub address: String,
    /// What it is called on the widget.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// In the place of the unit that the datapoint has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Digits behind the point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 12))]
    pub decimals: Option<u8>,
    /// What is written here ends after so many milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 50, max = 5_000))]
    pub pulse_ms: Option<u32>,
}

/// Where a widget stands, in columns and rows from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Cell {
    #[schemars(range(max = 47))]
    pub x: u32,
    #[schemars(range(max = 10_000))]
    pub y: u32,
    #[schemars(range(min = 1, max = 48))]
    pub w: u32,
    #[schemars(range(min = 1, max = 200))]
    pub h: u32,
}

/// How a widget looks while a datapoint has some values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The name of the binding that is looked at; `value` if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<String>,
    /// How it compares.
    pub when: Comparison,
    /// With what: a bool, a number or a text; left out for `bad` and `stale`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub than: Option<Scalar>,
    /// The name of a colour, or `#rrggbb`.
    pub colour: String,
    /// Shown in the place of the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// What a value is compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[allow(missing_docs)]
pub enum Scalar {
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
}

/// How a value compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub enum Comparison {
    #[serde(rename = "<")]
    Less,
    #[serde(rename = "<=")]
    AtMost,
    #[serde(rename = "=")]
    Equal,
    #[serde(rename = "!=")]
    Other,
    #[serde(rename = ">=")]
    AtLeast,
    #[serde(rename = ">")]
    More,
    /// Its quality is bad.
    #[serde(rename = "bad")]
    Bad,
    /// It was not renewed in time.
    #[serde(rename = "stale")]
    Stale,
}

/// One or several widgets to be used again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Lower-case letters, digits, `_` and `-`, at most 64. One is given if it is left out.
    #[serde(default)]
    pub id: String,
    /// What people call it, at most 200 characters.
    pub name: String,
    /// The name of an icon, or an emoji.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub icon: String,
    /// Widgets without id and page, at most 50.
    pub widgets: Vec<Pattern>,
}

/// A widget without a place: what a template holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Pattern {
    pub kind: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub icon: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bindings: BTreeMap<String, Binding>,
    #[serde(default, skip_serializing_if = "Map::is_empty", deserialize_with = "plain_object")]
    pub options: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    #[serde(default, skip_serializing_if = "Rights::is_default")]
    pub rights: Rights,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pin: bool,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub layout: BTreeMap<Size, Cell>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
}

/// Free JSON without back doors: docs/decisions/0010.
fn plain_object<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Map<String, Value>, D::Error> {
    match fieldrail_wire::json::plain(deserializer)? {
        Value::Object(map) => Ok(map),
        _ => Err(D::Error::custom("this must be an object")),
    }
}
