//! What a person configures. The doc comments become the schema, the form in the web admin, and the table in the README.

use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::battery::FAMILIES;

/// What finds out by itself which battery it is.
pub const AUTO: &str = "auto";

/// One battery, or several packs. `device`, `host`, `bluetooth` or `file` says where it is.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Whose battery it is. `auto` asks in the manner of each until one answers, which takes some seconds.
    #[serde(default = "auto")]
    #[schemars(schema_with = "batteries")]
    pub battery: String,
    /// Which of its protocols, as the manual lists them; found out unless given.
    #[serde(default)]
    pub variant: Option<String>,
    /// Serial port of this machine, for example `/dev/serial/by-id/usb-FTDI_RS485-if00-port0`.
    #[serde(default)]
    pub device: Option<PathBuf>,
    /// Speed of the serial port; that of the protocol unless given.
    #[serde(default)]
    #[schemars(range(min = 300, max = 4_000_000))]
    pub baud: Option<u32>,
    /// Name or address of a TCP serial server.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub host: Option<String>,
    /// TCP port of the serial server.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// Bluetooth address of the battery, or of a device of Victron's that advertises. `scan` of the driver `bluetooth` finds
    /// it.
    #[serde(default)]
    #[schemars(pattern(r"^([0-9A-Fa-f]{2}[:_-]?){5}[0-9A-Fa-f]{2}$"))]
    pub bluetooth: Option<String>,
    /// The Bluetooth adapter: `hci0`. The first one that is on unless given.
    #[serde(default)]
    #[schemars(length(min = 1, max = 32))]
    pub adapter: Option<String>,
    /// How many links the Bluetooth adapter bears at once, for all instances together. 1 works with each; good ones bear 3
    /// to 5.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 16))]
    pub links: u8,
    /// D-Bus address where Bluetooth's service is, if it is not the system's.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    pub bus: Option<String>,
    /// Key of the advertisements of a device of Victron's, 32 hexadecimal digits: its app shows it under the product's
    /// info. Better as a reference: `{"secret": "name"}`.
    #[serde(default)]
    #[schemars(extend("x-secret" = true))]
    pub key: Option<String>,
    /// A capture that is played in place of a battery: a line a frame, `>` and hex for what was asked, `<` and hex for what
    /// came.
    #[serde(default)]
    pub file: Option<PathBuf>,
    /// Number of the battery on its bus; needed only where several are on one.
    #[serde(default)]
    #[schemars(range(max = 247))]
    pub address: Option<u8>,
    /// Several packs in one instance, each the beginning of its own tags; together they are one battery more, the bank.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub packs: Vec<Pack>,
    /// The beginning of the tags of all packs as one battery. Empty for none.
    #[serde(default = "bank")]
    pub bank: String,
    /// Time between two readings, in milliseconds, of what nobody asks for more often.
    #[serde(default = "poll_ms")]
    #[schemars(range(min = 100, max = 3_600_000), extend("x-unit" = "ms"))]
    pub poll_ms: u32,
    /// How long a battery may take to answer, in milliseconds.
    #[serde(default = "timeout_ms")]
    #[schemars(range(min = 50, max = 30_000), extend("x-unit" = "ms"))]
    pub timeout_ms: u32,
    /// Whether the switches of the battery may be written: `charge_mos` and `discharge_mos`. Off, since a battery that is
    /// switched off leaves the house in the dark.
    #[serde(default)]
    pub writes: bool,
    /// Whether what the battery says is checked: cells against the pack, charge against current, values that freeze. For it
    /// the cells are read along with every second poll.
    #[serde(default = "yes")]
    pub plausibility: bool,
    /// Turns the sign of the current, for a battery that says it the other way round. Positive is charging.
    #[serde(default)]
    pub invert_current: bool,
    /// How many cells it has, where the protocol does not say.
    #[serde(default)]
    #[schemars(range(min = 1, max = 32))]
    pub cells: Option<u8>,
    /// Password of the battery, where it wants one; better as a reference: `{"secret": "name"}`.
    #[serde(default)]
    #[schemars(extend("x-secret" = true))]
    pub password: Option<String>,
}

/// One pack of several. What is not given is as for the whole instance.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// The beginning of its tags: the voltage of `pack1` is `pack1.voltage`.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Its number on the bus.
    #[serde(default)]
    #[schemars(range(max = 247))]
    pub address: Option<u8>,
    /// Its own serial port, if it is not on the bus of the others.
    #[serde(default)]
    pub device: Option<PathBuf>,
    /// Its own TCP serial server.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub host: Option<String>,
    /// TCP port of its serial server.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// Its own Bluetooth address.
    #[serde(default)]
    #[schemars(pattern(r"^([0-9A-Fa-f]{2}[:_-]?){5}[0-9A-Fa-f]{2}$"))]
    pub bluetooth: Option<String>,
    /// Its own capture.
    #[serde(default)]
    pub file: Option<PathBuf>,
}

fn batteries(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<&str> = std::iter::once(AUTO).chain(FAMILIES.iter().map(|family| family.device)).collect();
    json_schema!({ "type": "string", "enum": names })
}

fn auto() -> String {
    AUTO.into()
}

fn bank() -> String {
    "bank".into()
}

fn one() -> u8 {
    1
}

fn poll_ms() -> u32 {
    2000
}

fn timeout_ms() -> u32 {
    1000
}

fn yes() -> bool {
    true
}
