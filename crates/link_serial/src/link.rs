//! An open line: a port of this machine, or a TCP connection to a serial server.

use std::io;
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use crate::port::Port;
use crate::{Error, Settings};

/// Where a line is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A serial port of this machine.
    Device {
        /// For example `/dev/ttyUSB0`.
        path: PathBuf,
        /// As the devices on the line are set.
        settings: Settings,
    },
    /// A device or serial server in the network; its own serial side is set there.
    Tcp {
        /// Name or address.
        host: String,
        /// TCP port.
        port: u16,
    },
}

/// As states and logs name it.
impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Device { path, settings } => write!(f, "{} ({settings})", path.display()),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
        }
    }
}

/// A line that is open.
#[derive(Debug)]
pub struct Link {
    way: Way,
    /// When the last byte came in or went out.
    last: Instant,
}

#[derive(Debug)]
enum Way {
    Device(Port, Settings),
    Tcp(TcpStream),
}

/// The most bytes that are kept of what is said before a line is quiet.
const MAX_THROWN: usize = 4096;

/// A line that does not fall silent for so long babbles, and is no line to speak on.
const BABBLE: Duration = Duration::from_secs(2);

impl Link {
    /// Opens the line; a TCP connection may take so long.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn open(place: &Place, patience: Duration) -> Result<Self, Error> {
        let way = match place {
            Place::Device { path, settings } => Way::Device(Port::open(path, *settings)?, *settings),
            Place::Tcp { host, port } => {
                let silent = || io::Error::from(io::ErrorKind::TimedOut);
                let opened = timeout(patience, TcpStream::connect((host.as_str(), *port))).await;
                let stream =
                    opened.unwrap_or_else(|_| Err(silent())).map_err(|e| Error::of_connect(host, *port, &e))?;
                // Questions are small and wait for their answers: nothing must gather.
                let _ = stream.set_nodelay(true);
                Way::Tcp(stream)
            }
        };
        Ok(Self { way, last: Instant::now() })
    }

    /// The next bytes; at least one. Safe to drop and call again.
    ///
    /// # Errors
    /// The line is gone.
    pub async fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.way {
            Way::Device(port, _) => port.read(bytes).await?,
            Way::Tcp(stream) => match stream.read(bytes).await? {
                0 => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "closed by the other side")),
                count => count,
            },
        };
        self.last = Instant::now();
        Ok(count)
    }

    /// Sends all bytes, and on a serial port waits until they should be on the wire.
    ///
    /// # Errors
    /// The line is gone.
    pub async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.way {
            Way::Tcp(stream) => stream.write_all(bytes).await?,
            Way::Device(port, _) => {
                let mut rest = bytes;
                while !rest.is_empty() {
                    let count = port.write(rest).await?;
                    rest = &rest[count..];
                }
            }
        }
        self.last = Instant::now() + self.time_of(bytes.len());
        Ok(())
    }

    /// How long so many bytes take on the wire, as far as this end knows.
    pub fn time_of(&self, bytes: usize) -> Duration {
        match &self.way {
            Way::Device(_, settings) => settings.time_of(bytes),
            Way::Tcp(_) => Duration::ZERO,
        }
    }

    /// Waits until nothing was said for `silence`. What is said until then goes into `thrown`, as far as there is room.
    ///
    /// # Errors
    /// The line is gone, or does not fall silent for two seconds.
    pub async fn quiet(&mut self, silence: Duration, thrown: &mut Vec<u8>) -> io::Result<()> {
        let begun = Instant::now();
        let mut bytes = [0; 256];
        loop {
            // What the system holds already counts as said now, also where nobody has been told of it yet.
            let count = match self.held(&mut bytes) {
                0 => match timeout_at(self.last + silence, self.read(&mut bytes)).await {
                    Ok(read) => read?,
                    Err(_elapsed) => return Ok(()),
                },
                count => {
                    self.last = Instant::now();
                    count
                }
            };
            thrown.extend_from_slice(&bytes[..count.min(MAX_THROWN.saturating_sub(thrown.len()))]);
            if begun.elapsed() > BABBLE {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the line does not fall silent"));
            }
        }
    }

    /// Takes bytes that have come in, without waiting.
    fn held(&self, bytes: &mut [u8]) -> usize {
        let file = match &self.way {
            Way::Device(port, _) => port.as_fd(),
            Way::Tcp(stream) => stream.as_fd(),
        };
        // An end or an error shows at the next proper read.
        rustix::io::read(file, bytes).unwrap_or(0)
    }
}
