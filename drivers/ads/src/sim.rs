//! A simulated PLC that speaks real ADS: for `--sim`, for demonstrations and for tests.
//!
//! Read in this order: [`program`] what a program declares, [`plc`] its memory and what it answers, [`faults`] what can be
//! made to go wrong, `serve` the connections, [`house`] the house that plays.

pub mod faults;
pub mod house;
pub mod plc;
pub mod program;
mod requests;
mod serve;
mod udp;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::interval;

pub use faults::{Faults, Wrong};
pub use plc::Plc;
pub use program::Program;

/// How often the house plays.
const STEP: Duration = Duration::from_millis(20);

/// A PLC that others and the server share.
#[derive(Clone)]
pub struct SharedPlc(Arc<Mutex<Plc>>);

impl SharedPlc {
    /// Shares a PLC.
    pub fn new(plc: Plc) -> Self {
        Self(Arc::new(Mutex::new(plc)))
    }

    /// The PLC, for as long as the guard lives; nobody may wait while holding it.
    pub fn lock(&self) -> MutexGuard<'_, Plc> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A server for one PLC. It stops when it is dropped; then all connections are gone.
pub struct Server {
    /// Where ADS is spoken.
    pub address: SocketAddr,
    /// Where discovery is answered.
    pub udp: SocketAddr,
    plc: SharedPlc,
    cut: watch::Sender<u64>,
    tasks: Vec<JoinHandle<()>>,
}

impl Server {
    /// Listens at `address` (port 0 takes a free one) and on UDP at `udp`.
    ///
    /// # Errors
    /// An address is in use.
    pub async fn start(plc: SharedPlc, address: SocketAddr, udp: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let socket = UdpSocket::bind(udp).await?;
        let (address, udp) = (listener.local_addr()?, socket.local_addr()?);
        let (cut, cutting) = watch::channel(0);
        let tasks = vec![
            tokio::spawn(serve::accept(listener, plc.clone(), cutting)),
            tokio::spawn(udp::answer(socket, plc.clone())),
            tokio::spawn(play(plc.clone())),
        ];
        Ok(Self { address, udp, plc, cut, tasks })
    }

    /// The PLC.
    pub fn plc(&self) -> MutexGuard<'_, Plc> {
        self.plc.lock()
    }

    /// Cuts all connections.
    pub fn cut(&self) {
        self.cut.send_modify(|times| *times += 1);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.cut();
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn play(plc: SharedPlc) {
    let mut step = interval(STEP);
    loop {
        step.tick().await;
        plc.lock().step(STEP);
    }
}
