//! The Modbus driver.

pub mod codec;
pub mod value;
