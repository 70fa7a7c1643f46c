//! The Modbus driver.

pub mod codec;
pub mod map;
pub mod plan;
pub mod value;
