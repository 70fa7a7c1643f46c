//! What a person configures. The doc comments become the schema, the form in the web admin, and the table in the README.

use std::path::PathBuf;

use fieldrail_link_serial::Parity;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::line::Framing;
use crate::map::Register;
use crate::value::Order;

/// One Modbus device, or one line with several. Either `host` or `device` says where it is.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Name or address of the device, the gateway or the serial server, for example `192.168.2.70`.
    #[serde(default)]
    pub host: Option<String>,
    /// TCP port; 502, or that of the profile, unless given.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// A second way to the same device, taken when the first fails: another gateway, or another network card.
    #[serde(default)]
    pub fallback: Option<Fallback>,
    /// Serial port of this machine, for example `/dev/serial/by-id/usb-FTDI_RS485-if00-port0`.
    #[serde(default)]
    pub device: Option<PathBuf>,
    /// Speed of the serial port; 9600, or that of the profile, unless given.
    #[serde(default)]
    #[schemars(range(min = 50, max = 4_000_000))]
    pub baud: Option<u32>,
    /// Parity of the serial port.
    #[serde(default)]
    pub parity: Parity,
    /// Data bits of the serial port; 8, or 7 with `ascii`, unless given.
    #[serde(default)]
    #[schemars(range(min = 7, max = 8))]
    pub data_bits: Option<u8>,
    /// Stop bits of the serial port.
    #[serde(default = "default_stop_bits")]
    #[schemars(range(min = 1, max = 2))]
    pub stop_bits: u8,
    /// How frames look: `tcp` with `host` and `rtu` with `device` unless given. `rtu` and `ascii` with `host` speak through
    /// a transparent serial server.
    #[serde(default)]
    pub framing: Option<Framing>,
    /// The unit (slave id) of the one device; 1, or that of the profile, unless given.
    #[serde(default)]
    pub unit: Option<u8>,
    /// Which registers it has: the name of a profile that comes with the driver, or the path of a file of one's own.
    #[serde(default)]
    pub profile: Option<String>,
    /// Whether it describes itself by SunSpec; its models are found by themselves.
    #[serde(default)]
    pub sunspec: bool,
    /// Registers that are not in the profile.
    #[serde(default)]
    #[schemars(length(max = 20_000))]
    pub registers: Vec<Register>,
    /// Which register of a number comes first, for `registers`.
    #[serde(default)]
    pub word_order: Option<Order>,
    /// Several units on one line, in place of `unit`, `profile`, `sunspec` and `registers`.
    #[serde(default)]
    #[schemars(length(max = 255))]
    pub units: Vec<Unit>,
    /// Time between two readings of a register that nobody asks for more often, in milliseconds.
    #[serde(default = "default_poll_ms")]
    #[schemars(range(min = 1, max = 86_400_000), extend("x-unit" = "ms"))]
    pub poll_ms: u32,
    /// How long a unit may take to answer, in milliseconds.
    #[serde(default = "default_timeout_ms")]
    #[schemars(range(min = 10, max = 60_000), extend("x-unit" = "ms"))]
    pub timeout_ms: u32,
    /// Rest between an answer and the next request, in milliseconds. Some devices need 50 or more.
    #[serde(default)]
    #[schemars(range(max = 10_000), extend("x-unit" = "ms"))]
    pub pause_ms: u32,
    /// The most registers in one request; 100, or as the profile says, unless given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 125))]
    pub max_registers: Option<u16>,
    /// How many registers that nobody needs may be read along to save a request; 8, or as the profile says, unless given.
    #[serde(default)]
    #[schemars(range(max = 124))]
    pub max_gap: Option<u16>,
}

/// A second way to the same device. What is not given is as for the first.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fallback {
    /// Name or address.
    #[schemars(length(min = 1))]
    pub host: String,
    /// TCP port.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
}

/// One unit of several on a line.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// The unit (slave id).
    pub unit: u8,
    /// The beginning of its tags: register `power` of the unit `meter` is `meter.power`.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Which registers it has: the name of a profile, or the path of a file.
    #[serde(default)]
    pub profile: Option<String>,
    /// Whether it describes itself by SunSpec.
    #[serde(default)]
    pub sunspec: bool,
    /// Registers that are not in the profile.
    #[serde(default)]
    #[schemars(length(max = 20_000))]
    pub registers: Vec<Register>,
    /// Which register of a number comes first, for `registers`.
    #[serde(default)]
    pub word_order: Option<Order>,
    /// How long it may take to answer, in milliseconds, in place of the line's.
    #[serde(default)]
    #[schemars(range(min = 10, max = 60_000), extend("x-unit" = "ms"))]
    pub timeout_ms: Option<u32>,
    /// The most registers in one request, in place of the line's.
    #[serde(default)]
    #[schemars(range(min = 1, max = 125))]
    pub max_registers: Option<u16>,
    /// How many registers may be read along, in place of the line's.
    #[serde(default)]
    #[schemars(range(max = 124))]
    pub max_gap: Option<u16>,
}

fn default_stop_bits() -> u8 {
    1
}

fn default_poll_ms() -> u32 {
    1000
}

fn default_timeout_ms() -> u32 {
    1000
}
