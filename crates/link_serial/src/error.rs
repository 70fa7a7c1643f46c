//! Why a line does not open, and what to try.

use std::io;
use std::path::{Path, PathBuf};

use crate::Settings;

/// What can go wrong before the first byte.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such device.
    #[error("there is no device {0}")]
    Missing(PathBuf),
    /// This user may not open the device.
    #[error("no permission to open {0}")]
    Forbidden(PathBuf),
    /// Another program has it.
    #[error("{0} is in use by another program")]
    Busy(PathBuf),
    /// The path is no serial port.
    #[error("{0} is no serial port")]
    NoPort(PathBuf),
    /// The port does not take these settings.
    #[error("{device} cannot do {settings}")]
    Settings {
        /// The device.
        device: PathBuf,
        /// What was asked of it.
        settings: Settings,
    },
    /// Anything else that the operating system says of the device.
    #[error("cannot open {device}")]
    Open {
        /// The device.
        device: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The serial server or gateway refuses or is not there.
    #[error("cannot connect to {host}:{port}: {why}")]
    Connect {
        /// Name or address.
        host: String,
        /// TCP port.
        port: u16,
        /// The reason, in the words of an operator.
        why: String,
    },
}

impl Error {
    /// The error behind a failed `open` of a device.
    pub(crate) fn of_open(device: &Path, source: io::Error) -> Self {
        let device = device.to_path_buf();
        match source.kind() {
            io::ErrorKind::NotFound => Self::Missing(device),
            io::ErrorKind::PermissionDenied => Self::Forbidden(device),
            io::ErrorKind::ResourceBusy => Self::Busy(device),
            _ => Self::Open { device, source },
        }
    }

    /// The error behind a failed connection.
    pub(crate) fn of_connect(host: &str, port: u16, source: &io::Error) -> Self {
        let why = match source.kind() {
            io::ErrorKind::ConnectionRefused => "connection refused".into(),
            io::ErrorKind::TimedOut => "no answer".into(),
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "no route to the host".into(),
            // A resolver's failure has no kind of its own.
            io::ErrorKind::Other | io::ErrorKind::NotFound => "the host name is not known".into(),
            _ => source.to_string(),
        };
        Self::Connect { host: host.to_owned(), port, why }
    }

    /// What to try.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Missing(_) => "is the adapter plugged in? `ls /dev/serial/by-id` lists names that stay",
            Self::Forbidden(_) => "add the user that runs this to the group that owns the device, often `dialout`",
            Self::Busy(_) => "two programs cannot share a serial line; `fuser` names the other one",
            Self::NoPort(_) => "a serial port looks like /dev/ttyUSB0, /dev/ttyS0 or /dev/serial/by-id/…",
            Self::Settings { .. } => "does the adapter support this speed and parity?",
            Self::Open { .. } => return None,
            Self::Connect { why, .. } if why == "connection refused" => {
                "is host and port right? some devices must be told first to listen, and many take one connection only"
            }
            Self::Connect { .. } => "is the device on, in the same network, and not behind a firewall?",
        })
    }
}
