//! What a person configures. The doc comments become the schema, the form in the web admin, and the table in the README.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

/// One Bluetooth adapter with what is around it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The adapter, as `bluetoothctl list` and the system name it: `hci0`. The first one that is on unless given.
    #[serde(default)]
    #[schemars(length(min = 1, max = 32))]
    pub adapter: Option<String>,
    /// Whether it always searches, so that loudness and sensors are up to date. Else only while somebody asks for `scan`.
    #[serde(default = "yes")]
    pub search: bool,
    /// Devices that have a name of their own here, or a profile by which their values are read.
    #[serde(default)]
    #[schemars(length(max = 200))]
    pub devices: Vec<DeviceConfig>,
    /// After so many seconds a device that is not heard any more, and is not named here, is forgotten.
    #[serde(default = "forget_s")]
    #[schemars(range(min = 30, max = 86_400), extend("x-unit" = "s"))]
    pub forget_s: u32,
    /// How many links the adapter bears at once, for all instances together. 1 works with each; good ones bear 3 to 5.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 16))]
    pub links: u8,
    /// D-Bus address where Bluetooth's service is, if it is not the system's: `unix:path=/run/host/dbus/system_bus_socket`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    pub bus: Option<String>,
}

/// One device that is named or read.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceConfig {
    /// Its address.
    #[schemars(pattern(r"^([0-9A-Fa-f]{2}[:_-]?){5}[0-9A-Fa-f]{2}$"))]
    pub address: String,
    /// The beginning of its tags: the temperature of `cellar` is `cellar.temperature`. `devices.ADDRESS` unless given.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64), pattern(r"^[A-Za-z0-9_-]+$"))]
    pub name: Option<String>,
    /// What it has to say, and how that is read: the name of a profile that comes with the driver, or the path of a file.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub profile: Option<PathBuf>,
    /// Time between two readings over a link, in seconds.
    #[serde(default = "poll_s")]
    #[schemars(range(min = 5, max = 86_400), extend("x-unit" = "s"))]
    pub poll_s: u32,
    /// Whether the link is kept, so that the device can tell values by itself. It is handed over while others wait for it.
    #[serde(default)]
    pub keep: bool,
    /// After so many seconds without a word its values count as uncertain.
    #[serde(default = "silent_s")]
    #[schemars(range(min = 10, max = 86_400), extend("x-unit" = "s"))]
    pub silent_s: u32,
}

fn yes() -> bool {
    true
}

fn one() -> u8 {
    1
}

fn forget_s() -> u32 {
    600
}

fn poll_s() -> u32 {
    60
}

/// A sensor that sleeps tells itself each ten minutes.
pub(crate) fn silent_s() -> u32 {
    900
}
