//! The plugin protocol, version 1: what daemon and plugin say to each other, and how it is framed.
//!
//! The specification in MUST words is `docs/specs/plugin-protocol.md`; golden files of every message lie in `golden/`.
//! No sockets, no files, no clock: bytes in, messages out. Read in this order: [`plugin`] what a plugin says,
//! [`daemon`] what the daemon says, [`sample`] the two hot items, [`manifest`] what `--describe` prints,
//! [`frame`] the bytes on the pipe, [`json`] how a free JSON document is read.

pub mod daemon;
pub mod frame;
pub mod json;
pub mod manifest;
pub mod permissions;
pub mod plugin;
pub mod sample;

pub use daemon::ToPlugin;
pub use frame::{Decoder, Encoding, FrameError, encode};
pub use manifest::{Action, Capabilities, Manifest, TargetKind};
pub use permissions::{Network, Permissions};
pub use plugin::FromPlugin;
pub use sample::{SampleItem, TagName, TagRef, WriteItem};

/// The versions of the protocol that this crate speaks: oldest and newest.
pub const PROTOCOL: (u16, u16) = (1, 1);

/// The most samples in one batch, so that no batch holds the router for long.
pub const MAX_BATCH: usize = 4096;

/// Samples that may be outstanding unless `credit` says otherwise: sent, and not yet `accepted`.
pub const DEFAULT_CREDIT: u32 = 16_384;

/// The version both sides speak, given the range of each: the newest they share.
///
/// ```
/// assert_eq!(fieldrail_wire::negotiate((1, 3), (2, 5)), Some(3));
/// assert_eq!(fieldrail_wire::negotiate((1, 1), (2, 2)), None);
/// ```
pub fn negotiate(ours: (u16, u16), theirs: (u16, u16)) -> Option<u16> {
    let newest = ours.1.min(theirs.1);
    (newest >= ours.0.max(theirs.0)).then_some(newest)
}
