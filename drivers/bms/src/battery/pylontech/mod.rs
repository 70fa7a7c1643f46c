//! Pylontech: the RT packs over Bluetooth, and the modules of the US series on RS485.

mod letters;
mod rt;

use super::Family;

/// The registry's line.
pub const FAMILY: Family =
    Family { device: "pylontech", title: "Pylontech", variants: &[letters::VARIANT, rt::VARIANT] };
