//! Why Bluetooth does not work, and what to try.

use std::time::Duration;

use crate::{Address, Uuid};

/// What can go wrong between this process and a device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The system's message bus cannot be reached.
    #[error("the message bus (D-Bus) at {bus} cannot be reached: {reason}")]
    NoBus {
        /// Where it was looked for.
        bus: String,
        /// The system's reason.
        reason: String,
    },
    /// The bus does not let this user speak to Bluetooth.
    #[error("the message bus does not let this user speak with Bluetooth")]
    Denied,
    /// There is no Bluetooth service on the bus.
    #[error("Bluetooth's service (BlueZ) does not run")]
    NoService,
    /// There is no adapter, or not this one.
    #[error("there is no Bluetooth adapter{}", .wanted.as_deref().map(|name| format!(" `{name}`")).unwrap_or_default())]
    NoAdapter {
        /// The one that is configured.
        wanted: Option<String>,
    },
    /// The adapter is switched off.
    #[error("the Bluetooth adapter `{0}` is switched off")]
    Off(String),
    /// The device was not heard.
    #[error("{address} was not heard for {} s", .waited.as_secs())]
    NotHeard {
        /// Which device.
        address: Address,
        /// How long it was waited for.
        waited: Duration,
    },
    /// No link comes about.
    #[error("{address} does not connect: {reason}")]
    NotConnected {
        /// Which device.
        address: Address,
        /// What Bluetooth says.
        reason: String,
    },
    /// The link broke.
    #[error("the link to {0} broke")]
    Lost(Address),
    /// The device has no such characteristic.
    #[error("{address} has no characteristic {characteristic} that can {purpose}")]
    NoCharacteristic {
        /// Which device.
        address: Address,
        /// Which characteristic.
        characteristic: Uuid,
        /// `notify`, `read` or `be written`.
        purpose: &'static str,
    },
    /// Pairing did not end well.
    #[error("{address} does not pair: {reason}")]
    NotPaired {
        /// Which device.
        address: Address,
        /// What Bluetooth says.
        reason: String,
    },
    /// Anything else that Bluetooth refused.
    #[error("Bluetooth refuses to {what}: {reason}")]
    Refused {
        /// What was asked.
        what: &'static str,
        /// What it says.
        reason: String,
    },
}

impl Error {
    /// What to try.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoBus { .. } => {
                "install and start `dbus`; in a container, share /run/dbus/system_bus_socket of the machine"
            }
            Self::Denied => "put the user of this daemon into the group `bluetooth`, and start the daemon again",
            Self::NoService => "install the package `bluez` and switch it on: systemctl enable --now bluetooth",
            Self::NoAdapter { .. } => {
                "plug in an adapter, or unlock it with `rfkill unblock bluetooth`; `bluetoothctl list` shows what is there"
            }
            Self::Off(_) => "switch it on with the action `power`, or with `bluetoothctl power on`",
            Self::NotHeard { .. } => "is it on and near? a device that a phone's app holds is silent: close the app",
            Self::NotConnected { .. } => {
                "most devices bear one link only: close the app on the phone; else bring the adapter nearer"
            }
            Self::Lost(_) => "it is tried again; see `rssi`: below -90 dBm links break",
            Self::NoCharacteristic { .. } => "is it the device that it is taken for? `connect` lists what it has",
            Self::NotPaired { .. } => {
                "does the device wait for a pairing, and is the code right? `remove` it and pair it anew"
            }
            Self::Refused { .. } => return None,
        })
    }
}
