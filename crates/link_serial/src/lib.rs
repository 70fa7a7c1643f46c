//! What drivers on serial lines share: a serial port of one's own, or the same line behind a TCP serial server.
//!
//! Read in this order: [`settings`] how a line is set and how long a character takes on it, [`link`] the open line,
//! [`error`] why it does not open, `port` the device of this machine.
//!
//! Invariant: bytes only. What they mean, when to speak and how long to wait is the driver's; the one rule of the line that
//! many protocols share, silence before a question, is [`Link::quiet`].

pub mod error;
pub mod link;
mod port;
pub mod settings;

pub use error::Error;
pub use link::{Link, Place};
pub use settings::{Parity, Settings};
