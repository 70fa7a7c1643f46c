//! Why a unit refuses (V1.1b3, section 7).

/// The code of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Exception(pub u8);

impl Exception {
    /// The function is not for this unit.
    pub const ILLEGAL_FUNCTION: Self = Self(1);
    /// One of the addresses is not there.
    pub const ILLEGAL_ADDRESS: Self = Self(2);
    /// The value or the count is not allowed.
    pub const ILLEGAL_VALUE: Self = Self(3);
    /// The unit failed at it.
    pub const DEVICE_FAILURE: Self = Self(4);
    /// It will take long.
    pub const ACKNOWLEDGE: Self = Self(5);
    /// It works at something else.
    pub const BUSY: Self = Self(6);
    /// A gateway has no way to the unit.
    pub const NO_PATH: Self = Self(10);
    /// A gateway got no answer from the unit.
    pub const NO_ANSWER: Self = Self(11);

    /// The name in the specification.
    pub fn name(self) -> &'static str {
        match self.0 {
            1 => "illegal function",
            2 => "illegal data address",
            3 => "illegal data value",
            4 => "server device failure",
            5 => "acknowledge",
            6 => "server device busy",
            7 => "negative acknowledge",
            8 => "memory parity error",
            10 => "gateway path unavailable",
            11 => "gateway target device failed to respond",
            _ => "unknown exception",
        }
    }

    /// What to try.
    pub fn hint(self) -> &'static str {
        match self.0 {
            1 => {
                "this unit does not have this table or cannot write it this way; try `input` for `holding`, or `write`"
            }
            2 => {
                "is the address right, counted from 0, and does this model have it? manuals often count from 1 or 40001"
            }
            3 => "is the value allowed, and may so many registers be asked for at once? try a smaller `max_registers`",
            4 | 8 => "the unit reports a failure of its own; look at the device",
            5..=7 => "the unit works at something else; it is asked again",
            10 | 11 => "is the unit number right, and is the device behind the gateway on?",
            _ => "the manual of the device may explain the code",
        }
    }

    /// Whether it says that there is no such unit: nobody behind the gateway answered.
    pub fn is_silence(self) -> bool {
        self == Self::NO_PATH || self == Self::NO_ANSWER
    }

    /// Whether registers that were only read along may be what it speaks of.
    pub fn may_be_a_gap(self) -> bool {
        self == Self::DEVICE_FAILURE
    }

    /// Whether asking for less, or not at all, may help: it speaks of the addresses, not of the moment.
    pub fn is_lasting(self) -> bool {
        matches!(self.0, 1..=3)
    }
}

impl std::fmt::Display for Exception {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exception {} ({})", self.0, self.name())
    }
}
