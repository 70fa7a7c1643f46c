//! The Modbus driver.

pub mod codec;
pub mod health;
pub mod line;
pub mod map;
pub mod owed;
pub mod plan;
pub mod value;
