//! One module for each target.

pub mod expression;
pub mod recording;
pub mod routing;
pub mod transform;
