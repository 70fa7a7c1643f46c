//! Register maps: which registers a device has and what they mean, as data.
//!
//! Read in this order: [`register`] one fact, as a person writes it; [`Entry`] the same, checked; [`profile`] a file of facts
//! about one kind of device; [`builtin`] those that come with the driver.

pub mod builtin;
pub mod profile;
pub mod register;

pub use profile::{MapError, Profile};
pub use register::{Register, WriteWith};

use std::time::Duration;

use crate::codec::pdu::Table;
use crate::value::{Form, Order};

/// One datapoint of a unit, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The tag, or its end where the unit has a name.
    pub name: String,
    /// Which table it lies in.
    pub table: Table,
    /// The first register or the bit, counted from 0.
    pub address: u16,
    /// What it means.
    pub form: Form,
    /// The register that holds its scale factor, a power of ten, if the device has one (SunSpec).
    pub power_at: Option<u16>,
    /// The unit of the value, for example `W`.
    pub unit: Option<String>,
    /// What it is, for people.
    pub comment: Option<String>,
    /// How it is written; none if it cannot be.
    pub write: Option<WriteWith>,
    /// Whether a write is read back before it counts.
    pub read_back: bool,
    /// How often it is read if nobody asks for more.
    pub poll: Option<Duration>,
}

impl Entry {
    /// How many entries of its table it takes.
    pub fn count(&self) -> u16 {
        if self.table.is_bits() { 1 } else { self.form.registers }
    }

    /// The last entry of its table that it takes.
    pub fn last(&self) -> u16 {
        self.address.saturating_add(self.count() - 1)
    }

    /// Where it lies, for people: `holding 30775, 2 registers`.
    pub fn location(&self) -> String {
        let place = format!("{} {}", self.table.name(), self.address);
        match (self.form.bits, self.count()) {
            (Some((low, high)), _) if low == high => format!("{place} bit {low}"),
            (Some((low, high)), _) => format!("{place} bits {low} to {high}"),
            (None, 1) => place,
            (None, count) => format!("{place}, {count} registers"),
        }
    }
}

/// What holds for all registers of a device that do not say otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Manner {
    /// Which register of a number comes first.
    pub word_order: Order,
    /// Which byte of a register comes first.
    pub byte_order: Order,
    /// Whether the usual marks for "no value" hold.
    pub nan: bool,
    /// How registers are written.
    pub write: WriteWith,
    /// Whether writes are read back.
    pub read_back: bool,
}
