//! A serial port of this machine, opened for one program alone.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{FlockOperation, Mode, OFlags, flock, fstat, major, open};
use rustix::termios::{
    ControlModes, OptionalActions, QueueSelector, Termios, ioctl_tiocexcl, isatty, tcflush, tcgetattr, tcsetattr,
};
use tokio::io::unix::AsyncFd;

use crate::{Error, Parity, Settings};

/// An open serial port. It is closed, and free for others, when this value is dropped.
#[derive(Debug)]
pub(crate) struct Port(AsyncFd<OwnedFd>);

impl Port {
    /// Opens and sets the port. A second open of it fails, by this program or another, until the first is gone.
    pub(crate) fn open(device: &Path, settings: Settings) -> Result<Self, Error> {
        // Not blocking: an open must not wait for a modem's carrier.
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = open(device, flags, Mode::empty()).map_err(|error| Error::of_open(device, error.into()))?;
        if !isatty(&file) {
            return Err(Error::NoPort(device.to_path_buf()));
        }
        // The lock holds among programs that ask for it, root's too; the ioctl keeps out those that do not ask.
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| Error::Busy(device.to_path_buf()))?;
        if !is_pseudo_terminal(&file) {
            ioctl_tiocexcl(&file).map_err(|error| Error::of_open(device, error.into()))?;
        }
        set(&file, settings)
            .map_err(|source| Error::of_open(device, source))?
            .then_some(())
            .ok_or_else(|| Error::Settings { device: device.to_path_buf(), settings })?;
        let _ = tcflush(&file, QueueSelector::IOFlush);
        // Deprecated for types that may answer with one descriptor now and another later; an `OwnedFd` cannot, and what
        // replaces it is `unsafe`.
        #[allow(deprecated)]
        AsyncFd::new(file).map(Self).map_err(|source| Error::of_open(device, source))
    }

    pub(crate) async fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.0.readable().await?;
            let read = ready.try_io(|file| rustix::io::read(file.get_ref(), &mut *bytes).map_err(io::Error::from));
            match read {
                // A port that is pulled out reads as ended.
                Ok(Ok(0)) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(result) => return result,
                Err(_would_block) => {}
            }
        }
    }

    pub(crate) async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.0.writable().await?;
            let wrote = ready.try_io(|file| rustix::io::write(file.get_ref(), bytes).map_err(io::Error::from));
            if let Ok(result) = wrote {
                return result;
            }
        }
    }
}

impl AsFd for Port {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }
}

/// The major numbers of the ports of pseudo-terminals.
const PSEUDO_TERMINALS: std::ops::RangeInclusive<u32> = 136..=143;

/// Whether the port is that of a pseudo-terminal, as `socat` makes them. It stays shut to others for as long as the program
/// at its other side runs, also when whoever had it open is gone: nobody could come back to it.
fn is_pseudo_terminal(file: &OwnedFd) -> bool {
    fstat(file).is_ok_and(|stat| PSEUDO_TERMINALS.contains(&major(stat.st_rdev)))
}

/// Sets the port raw, at this speed. False if it does not take the settings.
fn set(file: &OwnedFd, settings: Settings) -> io::Result<bool> {
    let mut termios = tcgetattr(file)?;
    termios.make_raw();
    frame_bits(&mut termios, settings);
    termios.set_speed(settings.baud)?;
    tcsetattr(file, OptionalActions::Now, &termios)?;
    Ok(tcgetattr(file)?.output_speed() == settings.baud)
}

fn frame_bits(termios: &mut Termios, settings: Settings) {
    let modes = &mut termios.control_modes;
    modes.remove(ControlModes::CSIZE | ControlModes::PARENB | ControlModes::PARODD | ControlModes::CSTOPB);
    modes.remove(ControlModes::CRTSCTS);
    modes.insert(ControlModes::CREAD | ControlModes::CLOCAL);
    modes.insert(if settings.data_bits == 7 { ControlModes::CS7 } else { ControlModes::CS8 });
    match settings.parity {
        Parity::None => {}
        Parity::Even => modes.insert(ControlModes::PARENB),
        Parity::Odd => modes.insert(ControlModes::PARENB | ControlModes::PARODD),
    }
    if settings.stop_bits == 2 {
        modes.insert(ControlModes::CSTOPB);
    }
}
