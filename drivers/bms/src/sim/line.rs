//! The line under a [`Bus`]: a pseudo-terminal, or a TCP serial server on loopback. A thread plays it.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

use super::bus::{Bus, Change, Pieces};

/// How often the batteries change.
const STEP: Duration = Duration::from_millis(100);

/// Between two pieces of what is said.
const PAUSE: Duration = Duration::from_millis(4);

/// How long a look at the line takes at most.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };

/// A line that plays until this value is dropped.
pub struct Line {
    bus: Arc<Mutex<Bus>>,
    ended: Arc<AtomicBool>,
    player: Option<JoinHandle<()>>,
    place: Place,
}

/// Where the other side finds the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The port of a pseudo-terminal.
    Port(PathBuf),
    /// A TCP serial server.
    Tcp(SocketAddr),
}

/// This side of the line.
enum End {
    Port(OwnedFd),
    Tcp(TcpListener, Option<TcpStream>),
}

impl Line {
    /// Plays on a new pseudo-terminal.
    ///
    /// # Errors
    /// The system has none left, or does not give one.
    pub fn on_port(bus: Bus) -> io::Result<Self> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let name = ptsname(&master, Vec::new())?;
        // Raw from the beginning: what is said before anybody has opened it is not echoed.
        let mut termios = tcgetattr(&master)?;
        termios.make_raw();
        tcsetattr(&master, OptionalActions::Now, &termios)?;
        let name = name.into_string().map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        Ok(Self::start(bus, End::Port(master), Place::Port(name.into())))
    }

    /// Plays as a TCP serial server; one connection at a time.
    ///
    /// # Errors
    /// The address is taken.
    pub fn on_tcp(bus: Bus, address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let place = Place::Tcp(listener.local_addr()?);
        Ok(Self::start(bus, End::Tcp(listener, None), place))
    }

    fn start(bus: Bus, mut end: End, place: Place) -> Self {
        let (bus, ended) = (Arc::new(Mutex::new(bus)), Arc::new(AtomicBool::new(false)));
        let (played, is_over) = (Arc::clone(&bus), Arc::clone(&ended));
        let player = thread::spawn(move || play(&played, &mut end, &is_over));
        Self { bus, ended, player: Some(player), place }
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The port, for a configuration; none on TCP.
    pub fn port(&self) -> Option<&Path> {
        match &self.place {
            Place::Port(path) => Some(path),
            Place::Tcp(_) => None,
        }
    }

    /// The address, for a configuration; none on a port.
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.place {
            Place::Port(_) => None,
            Place::Tcp(address) => Some(*address),
        }
    }

    /// What plays, to look at it or to change it.
    pub fn bus(&self) -> MutexGuard<'_, Bus> {
        lock(&self.bus)
    }

    /// Changes what plays.
    pub fn change(&self, change: &Change) {
        self.bus().change(change);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(player) = self.player.take() {
            let _ = player.join();
        }
    }
}

fn lock(bus: &Mutex<Bus>) -> MutexGuard<'_, Bus> {
    bus.lock().unwrap_or_else(PoisonError::into_inner)
}

fn play(bus: &Mutex<Bus>, end: &mut End, ended: &AtomicBool) {
    let mut bytes = [0; 1024];
    let mut last = Instant::now();
    while !ended.load(Ordering::Relaxed) {
        if let Some(count) = end.read(&mut bytes) {
            let pieces = lock(bus).hear(&bytes[..count]);
            end.say(&pieces);
        }
        let passed = last.elapsed();
        if passed >= STEP {
            last += passed;
            let pieces = lock(bus).pass(passed);
            end.say(&pieces);
        }
    }
}

impl End {
    /// What was said to it; waits a moment for it.
    fn read(&mut self, bytes: &mut [u8]) -> Option<usize> {
        if let Self::Tcp(listener, stream) = self {
            // Whoever comes last is served: the one before has gone, or does not know yet that it has.
            if let Ok((new, _)) = listener.accept() {
                let _ = new.set_nonblocking(true);
                *stream = Some(new);
            }
        }
        let Some(file) = self.file() else {
            if let Self::Tcp(listener, _) = self {
                let _ = poll(&mut [PollFd::new(listener, PollFlags::IN)], Some(&LOOK));
            }
            return None;
        };
        if !matches!(poll(&mut [PollFd::from_borrowed_fd(file, PollFlags::IN)], Some(&LOOK)), Ok(1..)) {
            return None;
        }
        match rustix::io::read(file, &mut *bytes) {
            Ok(count @ 1..) => Some(count),
            Err(rustix::io::Errno::AGAIN) => None,
            Ok(0) | Err(_) => {
                match self {
                    // Nobody has opened the other side, or not any more: the system says so at once, each time.
                    Self::Port(_) => thread::sleep(PAUSE),
                    Self::Tcp(_, stream) => *stream = None,
                }
                None
            }
        }
    }

    fn file(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Port(master) => Some(master.as_fd()),
            Self::Tcp(_, stream) => stream.as_ref().map(AsFd::as_fd),
        }
    }

    fn say(&mut self, pieces: &Pieces) {
        for (index, piece) in pieces.iter().enumerate() {
            if index > 0 {
                thread::sleep(PAUSE);
            }
            // What nobody takes is lost, as on a wire.
            if let Some(file) = self.file() {
                let _ = rustix::io::write(file, piece);
            }
        }
    }
}
