//! JK, also sold as Jikong and Heltec: frames of 300 bytes over Bluetooth, and frames of tags and values on the older boards'
//! serial line. The Modbus of newer boards is not spoken.

mod jk02;
mod tlv;

use super::Family;

/// The registry's line.
pub const FAMILY: Family = Family { device: "jk", title: "JK", variants: &[jk02::VARIANT, tlv::VARIANT] };
