//! The ways to a battery. Decoders know nothing of them, and they nothing of what bytes mean.
//!
//! A [`Wire`] is a way that is open; [`open`] opens one. Adding a way touches a file here, a line of [`open`], and the
//! configuration.

mod ble;
mod capture;
mod serial;

use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use fieldrail_link_ble::Address;

use crate::battery::{Question, Reading, Transport};
use crate::error::Error;
use crate::setup::Choice;

pub(crate) use ble::{is_handed_over, narrow};

/// What an open way promises later.
pub type Promise<'a, T> = Pin<Box<dyn Future<Output = io::Result<T>> + 'a>>;

/// A way to one battery or a bus of them that is open. An error of any of its methods means that it is gone.
pub trait Wire {
    /// The next bytes: a piece of a stream, one notification, one advertisement. At least one. Safe to drop and call again.
    fn read(&mut self) -> Promise<'_, Vec<u8>>;

    /// Says something to the battery, and returns when it should be on its way.
    fn write<'a>(&'a mut self, question: &'a Question) -> Promise<'a, ()>;

    /// Forgets what came before a question and waits until nothing more does, where the way is a stream. How many bytes
    /// were thrown away.
    fn settle(&mut self) -> Promise<'_, usize> {
        Box::pin(async { Ok(0) })
    }

    /// Whether nothing can be asked here, and what comes by itself is all.
    fn only_listens(&self) -> bool {
        false
    }

    /// How loud the battery was when it was heard last over the air; none where the way is another one.
    fn loudness(&self) -> Option<Loudness> {
        None
    }
}

/// How loud a battery was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loudness {
    /// In dBm; about -40 is near, -95 the end.
    pub dbm: i16,
    /// How long ago that was. What is connected is not heard.
    pub age: Duration,
}

impl Loudness {
    /// As datapoints.
    pub fn tell(self, reading: &mut Reading) {
        reading.count("rssi", "dBm", self.dbm);
        reading.count("rssi_age", "s", i64::try_from(self.age.as_secs()).unwrap_or(i64::MAX));
    }
}

/// Where a battery is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A serial port of this machine.
    Device(PathBuf),
    /// A TCP serial server.
    Tcp {
        /// Name or address.
        host: String,
        /// TCP port.
        port: u16,
    },
    /// A device of Bluetooth.
    Bluetooth(Bluetooth),
    /// A capture.
    File(PathBuf),
}

/// A device of Bluetooth, and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bluetooth {
    /// Which device.
    pub address: Address,
    /// The adapter; the first one if none.
    pub adapter: Option<String>,
    /// The bus; the system's if none.
    pub bus: Option<String>,
    /// How many links the adapter bears.
    pub links: u8,
    /// Who others are told has a link.
    pub who: String,
}

/// As states and logs name it.
impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Device(path) | Self::File(path) => write!(f, "{}", path.display()),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Bluetooth(place) => write!(f, "{}", place.address),
        }
    }
}

impl Place {
    /// What decoders call this way; `is_bus` is whether the battery has an address on it.
    pub fn transport(&self, is_bus: bool) -> Transport {
        match self {
            Self::Bluetooth(_) => Transport::Ble,
            _ if is_bus => Transport::Rs485,
            _ => Transport::Uart,
        }
    }

    /// Whether frames of the transport `known` come over this way, which is of the kind `own`.
    pub fn carries(&self, known: Transport, own: Transport) -> bool {
        let is_stream = |transport| matches!(transport, Transport::Uart | Transport::Rs485);
        // A capture may be of anything.
        let is_any = matches!(self, Self::File(_));
        let is_air = matches!(self, Self::Bluetooth(_)) && known == Transport::Advert;
        is_any || is_air || known == own || is_stream(known) && is_stream(own)
    }

    /// Whether the way has a speed.
    pub fn has_speed(&self) -> bool {
        matches!(self, Self::Device(_))
    }
}

/// Opens a way for a battery of this kind, at this speed if it has one.
///
/// # Errors
/// It does not open, and why.
pub async fn open(place: &Place, choice: Choice, baud: u32, patience: Duration) -> Result<Box<dyn Wire>, Error> {
    Ok(match place {
        Place::Bluetooth(place) => ble::open(place, choice).await?,
        Place::Device(path) => Box::new(serial::Serial::on_device(path, baud, patience).await?),
        Place::Tcp { host, port } => Box::new(serial::Serial::on_tcp(host, *port, patience).await?),
        Place::File(path) => Box::new(capture::Capture::open(path)?),
    })
}
