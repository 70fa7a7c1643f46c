//! Pace: the PACEEX monitors over Bluetooth, and the older ones on RS485 and RS232.

mod ble;
mod letters;

use super::Family;

/// The registry's line.
pub const FAMILY: Family = Family { device: "pace", title: "Pace", variants: &[ble::VARIANT, letters::VARIANT] };
