//! Moves the protocol to private descriptors and points stdout at stderr, so that a stray `println!` of a driver or of a
//! library becomes a log line and not a broken frame.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use tokio::net::unix::pipe;

/// The protocol's two ends: what the daemon says, and what it hears.
pub(crate) struct Protocol {
    pub(crate) input: pipe::Receiver,
    pub(crate) output: pipe::Sender,
}

/// Takes stdin and stdout for the protocol. Call it once, before anything else may print.
pub(crate) fn take() -> io::Result<Protocol> {
    let input = private(io::stdin())?;
    let output = private(io::stdout())?;
    let nothing = std::fs::File::open("/dev/null")?;
    rustix::stdio::dup2_stdin(&nothing)?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    let input = pipe::Receiver::from_owned_fd(input);
    let output = pipe::Sender::from_owned_fd(output);
    Ok(Protocol { input: input?, output: output? })
}

/// A copy of the descriptor that no child inherits.
fn private(fd: impl AsFd) -> io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(fd, 3)?)
}
