//! ANT: boards since about 2021 with frames that begin with `7E A1`, and older ones whose only answer is 140 bytes long.
//!
//! Both count a discharge as positive; what comes out is positive while charging. Of the two bytes with the states of the MOSFETs
//! the newer boards send that of discharging first, the older ones that of charging.

mod new;
mod old;
mod states;

use super::{Ble, Family};

/// The registry's line.
pub const FAMILY: Family = Family { device: "ant", title: "ANT", variants: &[new::VARIANT, old::VARIANT] };

const SERVICE: &str = "0000ffe0-0000-1000-8000-00805f9b34fb";
const CHARACTERISTIC: &str = "0000ffe1-0000-1000-8000-00805f9b34fb";

/// What newer boards show over Bluetooth.
const NEW_BLE: Ble = Ble {
    service: SERVICE,
    notify: CHARACTERISTIC,
    write: CHARACTERISTIC,
    names: &["ANT-BLE24*", "ANT@BLE24*", "ANT-BLE3*"],
    companies: &[0x2313],
};

/// What older boards show over Bluetooth.
const OLD_BLE: Ble = Ble {
    service: SERVICE,
    notify: CHARACTERISTIC,
    write: CHARACTERISTIC,
    names: &["ANT-BLE0*", "ANT-BLE1*", "ANT-BLE22*"],
    companies: &[0x0657],
};
