//! What can be wrong with bytes that came, and what to try.

use fieldrail_driver::Hint;

/// Why bytes are no values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing that came is a frame.
    #[error("nothing that came is a frame of this battery ({0} bytes)")]
    Nothing(usize),
    /// A frame ends before its end.
    #[error("the frame is cut off: {have} bytes came{}", want.map(|want| format!(" of {want}")).unwrap_or_default())]
    Truncated {
        /// Bytes that came.
        have: usize,
        /// Bytes of the whole frame, if that is known yet.
        want: Option<usize>,
    },
    /// The sum does not fit the bytes.
    #[error("the checksum is wrong: the bytes add up to {expected:04X}, the frame says {found:04X}")]
    Checksum {
        /// What the bytes add up to.
        expected: u32,
        /// What the frame says.
        found: u32,
    },
    /// Framed well, but by another protocol, by another unit, or the answer to no question.
    #[error("a foreign frame: {0}")]
    Foreign(String),
    /// Framed well, but too short for what it has to hold.
    #[error("{what} has {have} bytes where {want} are needed")]
    Short {
        /// Which part.
        what: &'static str,
        /// Its bytes.
        have: usize,
        /// The bytes it needs.
        want: usize,
    },
    /// More cells than there can be.
    #[error("the battery says that it has {0} cells; there are 32 at most")]
    Cells(usize),
    /// A value that cannot be.
    #[error("the battery says {what} {value}, which cannot be")]
    Impossible {
        /// Of what.
        what: &'static str,
        /// The value.
        value: i64,
    },
    /// The battery says no.
    #[error("the battery refuses: {0}")]
    Refused(String),
    /// The key of the advertisement is another one.
    #[error("the key is wrong: the device's key begins with {expected:02X}, this one with {found:02X}")]
    WrongKey {
        /// The first byte of the device's key, as it says itself.
        expected: u8,
        /// The first byte of the key at hand.
        found: u8,
    },
    /// There is no key of 16 bytes.
    #[error("the key has {0} bytes; it takes 16")]
    Key(usize),
    /// It cannot be written like that.
    #[error("{0}")]
    Unwritable(String),
}

impl Fault {
    /// Whether it only says that the bytes belong to somebody else.
    pub fn is_foreign(&self) -> bool {
        matches!(self, Self::Foreign(_) | Self::Nothing(_))
    }
}

impl Hint for Fault {
    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Nothing(_) => "is it this battery, this variant, and the right speed of the line?",
            Self::Truncated { .. } => "wait longer for the rest, or check the wires; a capture needs every chunk",
            Self::Checksum { .. } => "noise on the line, or a chunk is missing: check wires, earth and termination",
            Self::Foreign(_) => "another device on the line, or another variant of this battery",
            Self::Short { .. } => "an older or a newer firmware may send less; send in a capture",
            Self::Cells(_) | Self::Impossible { .. } => "is it this battery and this variant?",
            Self::Refused(_) => "it may want its password first, or the switch is locked by a protection",
            Self::WrongKey { .. } | Self::Key(_) => {
                "copy the key anew: VictronConnect, the device's settings, product info, instant readout details"
            }
            Self::Unwritable(_) => return None,
        })
    }
}
