//! Seplos: version 2 as bytes over Bluetooth and as letters on RS485, version 3 as Modbus over both.
//!
//! [`layout`] is what versions 2 share: the values and the events.

mod layout;
mod letters;
mod v2;
mod v3;

use super::Family;

/// The registry's line.
pub const FAMILY: Family =
    Family { device: "seplos", title: "Seplos", variants: &[v3::VARIANT, v2::VARIANT, letters::VARIANT] };
