//! Daly: the older 13-byte frames that begin with `A5` (over serial lines, Bluetooth and CAN), and two Modbus dialects of newer
//! boards, one asked at unit D2, one asked at 81 and answering from 51.
//!
//! The sign of the current differs: in `A5` frames a raw value above 30000 is a discharge, in the Modbus dialects a charge. What
//! comes out is positive while charging.

mod a5;
mod alarms;
mod dialect;
mod registers;
mod several;
mod unit_81;
mod unit_d2;

use super::{Ble, Family};

/// The registry's line.
pub const FAMILY: Family =
    Family { device: "daly", title: "Daly", variants: &[a5::VARIANT, unit_d2::VARIANT, unit_81::VARIANT, a5::CAN] };

/// What it shows over Bluetooth. Older modules have the characteristics `02f00000-0000-0000-0000-00000000ff01` and `…ff02`.
const BLE: Ble = Ble {
    service: "0000fff0-0000-1000-8000-00805f9b34fb",
    notify: "0000fff1-0000-1000-8000-00805f9b34fb",
    write: "0000fff2-0000-1000-8000-00805f9b34fb",
    names: &["DL-*"],
    companies: &[0x0102, 0x0104, 0x0302, 0x0303, 0x0402],
};

/// The state of a battery as its number says it.
fn state_name(number: u16) -> &'static str {
    match number {
        0 => "idle",
        1 => "charging",
        2 => "discharging",
        _ => "",
    }
}
