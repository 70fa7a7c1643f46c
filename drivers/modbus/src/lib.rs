//! The Modbus driver.

pub mod codec;
