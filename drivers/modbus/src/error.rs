//! Why something did not work, and what to try.

use fieldrail_driver::{Failure, Hint};

use crate::codec::pdu::Exception;
use crate::map::MapError;
use crate::value::Unwritable;

/// What can go wrong with a configuration, a tag, a write or a question.
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
    /// A register map is wrong.
    #[error(transparent)]
    Map(#[from] MapError),
    /// The line does not open.
    #[error(transparent)]
    Open(#[from] fieldrail_link_serial::Error),
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
    /// The value does not fit.
    #[error("`{tag}`: {why}")]
    Unwritable {
        /// The datapoint.
        tag: String,
        /// Why it does not fit.
        why: Unwritable,
    },
    /// The unit refuses.
    #[error("unit {unit} refuses: {exception}")]
    Refused {
        /// Which unit.
        unit: u8,
        /// Why.
        exception: Exception,
    },
    /// The unit did not answer.
    #[error("unit {unit} does not answer: {why}")]
    Silent {
        /// Which unit.
        unit: u8,
        /// What happened instead.
        why: String,
    },
    /// The device kept another value than the one that was written.
    #[error("`{tag}` was written, but the device keeps {kept}")]
    Kept {
        /// The datapoint.
        tag: String,
        /// What it keeps.
        kept: String,
    },
    /// Too much waits already.
    #[error("{0} writes wait already")]
    Full(usize),
    /// A value without an opposite cannot be pulsed.
    #[error("{0} has no opposite to end a pulse with")]
    NoOpposite(&'static str),
}

impl Hint for Error {
    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Config { hint, .. } => return *hint,
            Self::Map(error) => error.hint,
            Self::Open(error) => return error.hint(),
            Self::NoTag { .. } => {
                "browse shows the registers of this connection; any other one is `UNIT/TABLE/ADDRESS:TYPE`, as in `1/holding/100:int32`"
            }
            Self::ReadOnly(_) => {
                "may it be written at the device? then add it to `registers` with `\"writable\": true`"
            }
            Self::Unwritable { .. } => "see type, scale, `min` and `max` of the register",
            Self::Refused { exception, .. } => exception.hint(),
            Self::Silent { .. } => {
                "is the unit number right, is the device on, and do speed, parity and wires agree with it?"
            }
            Self::Kept { .. } => "the device may limit the value, or take it only in another mode",
            Self::Full(_) => "does the device answer at all?",
            Self::NoOpposite(_) => "pulse a bool or a number",
        })
    }
}

impl Error {
    /// As a failure that the very same write may overcome later.
    pub fn again(self) -> Failure {
        Failure::from(self).again()
    }
}
