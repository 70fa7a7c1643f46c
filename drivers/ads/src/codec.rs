//! The bytes of ADS: pure, bounded, no I/O. Each part decodes from a slice and encodes into a vector; `golden/` holds the cases.
//!
//! Read in this order: [`bytes`] a cursor, [`text`] the code pages, [`ams`] frames, [`command`] what is asked and answered,
//! [`sums`] many questions in one, [`notify`] what comes unasked, [`groups`] the index groups, [`symbols`] and [`types`] the
//! tables of a program, [`upload`] their sizes, [`udp`] discovery and routes.
//!
//! Layouts are those of Beckhoff's "ADS/AMS specification" and of real captures.

pub mod ams;
pub mod bytes;
pub mod command;
pub mod groups;
pub mod notify;
pub mod sums;
pub mod symbols;
pub mod text;
pub mod types;
pub mod udp;
pub mod upload;

/// Why bytes are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Fewer bytes than the layout needs.
    #[error("{what} needs {wanted} bytes, {had} are left")]
    Short {
        /// Which part.
        what: &'static str,
        /// Bytes that it needs.
        wanted: usize,
        /// Bytes that are there.
        had: usize,
    },
    /// A length field beyond its bound.
    #[error("{what} claims {claimed} bytes, at most {most} are taken")]
    TooLong {
        /// Which part.
        what: &'static str,
        /// What it claims.
        claimed: usize,
        /// The bound.
        most: usize,
    },
    /// Two length fields contradict each other.
    #[error("{what} claims {claimed} bytes, its frame holds {holds}")]
    Contradiction {
        /// Which part.
        what: &'static str,
        /// What it claims.
        claimed: usize,
        /// What is there.
        holds: usize,
    },
    /// An entry of a table that cannot be stepped over.
    #[error("an entry of {what} claims {claimed} bytes, the smallest has {least}")]
    Entry {
        /// Which table.
        what: &'static str,
        /// What it claims.
        claimed: usize,
        /// The smallest possible entry.
        least: usize,
    },
    /// A number that stands for nothing known.
    #[error("{what} is {found:#x}")]
    Unknown {
        /// Which field.
        what: &'static str,
        /// What was found.
        found: u32,
    },
    /// Parts within parts beyond the bound.
    #[error("{what} nests deeper than {most}")]
    Deep {
        /// Which part.
        what: &'static str,
        /// The bound.
        most: usize,
    },
}
