//! One module for each target, and `places`, in which two of them end.

pub mod ads;
pub mod batteries;
pub mod expression;
pub mod modbus;
pub mod modbus_map;
mod places;
pub mod recording;
pub mod routing;
pub mod tpy;
pub mod transform;
