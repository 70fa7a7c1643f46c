//! What the command line prints.

use std::fmt::Display;
use std::io::{self, Write as _};

use anyhow::Result;

/// Prints a line. A reader that has gone away (`fieldrail tap … | head`) ends the command, and [`is_hang_up`] tells so.
pub(crate) fn line(text: impl Display) -> Result<()> {
    Ok(writeln!(io::stdout().lock(), "{text}")?)
}

/// Whether a command ended only because nobody reads its output any more.
pub(crate) fn is_hang_up(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
