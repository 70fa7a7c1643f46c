//! Why the broker cannot run.

use std::io;
use std::net::SocketAddr;

use fieldrail_driver::Hint;

/// Why the broker cannot run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A listener's address does not parse.
    #[error("`{key}` is `{text}`, which is no address with a port")]
    Address {
        /// Which key.
        key: &'static str,
        /// What it says.
        text: String,
    },
    /// Everybody is let in, and not only from this machine.
    #[error("`anonymous` is true, and a listener is not on loopback")]
    AnonymousOutside,
    /// Everybody is let in, and any page that is open in a browser can use a WebSocket.
    #[error("`anonymous` is true, and there is a WebSocket listener")]
    AnonymousWebSocket,
    /// A number outside of its range.
    #[error("`{key}` is {value}, outside of {low} to {high}")]
    Range {
        /// Which key.
        key: &'static str,
        /// What it says.
        value: u32,
        /// The least.
        low: u32,
        /// The most.
        high: u32,
    },
    /// A rule for topics with a wrong filter.
    #[error("`{0}` in `topics` is no MQTT filter")]
    Filter(String),
    /// The port is taken.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The state folder cannot be used.
    #[error("the folder for retained messages cannot be used")]
    Folder(#[source] io::Error),
    /// The library cannot start.
    #[error("the broker cannot start: {0}")]
    Start(#[source] mqtt5::MqttError),
    /// The library has ended by itself.
    #[error("the broker has ended: {0}")]
    Ended(String),
}

impl Hint for Error {
    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Address { .. } => "it looks like 127.0.0.1:1883, or 0.0.0.0:1883 for all networks of this machine",
            Self::AnonymousOutside => "listen on 127.0.0.1, or create tokens for the clients and leave `anonymous` out",
            Self::AnonymousWebSocket => "any web page could use it: leave out `websocket`, or `anonymous`",
            Self::Range { .. } => "see the driver's README",
            Self::Filter(_) => "`+` fills one level and `#` the last one: house/+/power, alarms/#",
            Self::Listen { source, .. } => match source.kind() {
                io::ErrorKind::AddrInUse => {
                    "another program listens there, perhaps another broker such as mosquitto: stop it, or choose \
                     another port"
                }
                io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege: choose a higher one",
                io::ErrorKind::AddrNotAvailable => "this machine does not have that address",
                _ => return None,
            },
            Self::Folder(_) => "may this user write to the state folder, and is there room on the disk?",
            Self::Start(_) => {
                "are the files of certificate and key right, and is the state folder in use by no other broker?"
            }
            Self::Ended(_) => return None,
        })
    }
}
