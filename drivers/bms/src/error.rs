//! Why something did not work, and what to try.

use std::path::PathBuf;

use fieldrail_driver::{Failure, Hint};

use crate::fault::Fault;

/// What can go wrong with a configuration, a line, a tag or a write.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A key of the configuration has a value that cannot work.
    #[error("`{key}`: {reason}")]
    Config {
        /// The key, with its index in a list.
        key: String,
        /// What is wrong with it.
        reason: String,
        /// What to try.
        hint: Option<&'static str>,
    },
    /// The line does not open.
    #[error(transparent)]
    Open(#[from] fieldrail_link_serial::Error),
    /// Bluetooth says why.
    #[error(transparent)]
    Bluetooth(#[from] fieldrail_link_ble::Error),
    /// What is at a Bluetooth address does not look like a battery that is known.
    #[error("{place} does not say which battery it is{name}")]
    Unrecognised {
        /// Where.
        place: String,
        /// What it calls itself.
        name: String,
    },
    /// The capture cannot be read.
    #[error("cannot read {file}: {why}")]
    Capture {
        /// Which file.
        file: PathBuf,
        /// What is wrong, in a few words.
        why: String,
    },
    /// The battery did not answer.
    #[error("{who} does not answer: {why}")]
    Silent {
        /// Which battery.
        who: String,
        /// What happened instead.
        why: String,
    },
    /// What came was wrong.
    #[error("{who} is not understood: {fault}")]
    Garbled {
        /// Which battery.
        who: String,
        /// What is wrong.
        fault: Fault,
    },
    /// No battery that is known answers.
    #[error("no battery that is known answers on {place}; asked were {asked}")]
    Unknown {
        /// Where.
        place: String,
        /// In whose manner.
        asked: String,
    },
    /// There is no such datapoint.
    #[error("there is no `{tag}`{near}")]
    NoTag {
        /// The tag, cut to 64 characters.
        tag: String,
        /// Perhaps this one was meant.
        near: String,
    },
    /// The datapoint can only be read.
    #[error("`{0}` can only be read")]
    ReadOnly(String),
    /// Writes are off.
    #[error("`{0}` is not written: `writes` is off in this connection")]
    WritesOff(String),
    /// The value does not fit.
    #[error("`{tag}` is a switch, and {kind} is neither on nor off")]
    NoSwitch {
        /// The datapoint.
        tag: String,
        /// What came.
        kind: &'static str,
    },
    /// The battery refuses a write, or cannot be told.
    #[error("`{tag}`: {fault}")]
    Refused {
        /// The datapoint.
        tag: String,
        /// Why.
        fault: Fault,
    },
    /// The battery was told, and shows something else.
    #[error("`{tag}` was written, but the battery still says {kept}")]
    Kept {
        /// The datapoint.
        tag: String,
        /// What it says.
        kept: String,
    },
    /// Too much waits already.
    #[error("{0} writes wait already")]
    Full(usize),
}

impl Hint for Error {
    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Config { hint, .. } => return *hint,
            Self::Open(error) => return error.hint(),
            Self::Bluetooth(error) => return error.hint(),
            Self::Unrecognised { .. } => "name `battery`, and perhaps `variant`; the manual lists them",
            Self::Capture { .. } => "a line a frame: `>` and hex for what was asked, `<` and hex for what came",
            Self::Silent { .. } => {
                "is the battery awake, are the two data wires swapped, and do battery, speed and address fit?"
            }
            Self::Garbled { fault, .. } | Self::Refused { fault, .. } => return fault.hint(),
            Self::Unknown { .. } => {
                "is the battery awake, are the two data wires swapped? some boards sleep until they are charged; else name `battery` and `baud`"
            }
            Self::NoTag { .. } => "browse shows what this battery says",
            Self::ReadOnly(_) => "of a battery only its switches can be written, and not of every one",
            Self::WritesOff(_) => "set `\"writes\": true` if the switches of this battery may be written",
            Self::NoSwitch { .. } => "write true or false, or 1 or 0",
            Self::Kept { .. } => {
                "a protection may hold the switch: see the alarms, or some boards switch a moment later"
            }
            Self::Full(_) => "does the battery answer at all?",
        })
    }
}

impl Error {
    /// As a failure that the very same write may overcome later.
    pub fn again(self) -> Failure {
        Failure::from(self).again()
    }
}
