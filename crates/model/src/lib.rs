//! The nouns of Fieldrail: what a value is, where it lives, how good it is and when it was true.
//!
//! Nothing in here does I/O or reads a clock; time comes in as an argument. Read in this order:
//! [`value`] what is said, [`quality`] how far to believe it, [`time`] when, [`address`] where,
//! [`sample`] all four together, [`level`] how grave a log line is, [`iec`] the types of a PLC, [`text`] near names for hints,
//! [`fold`] letters as people search them.

pub mod address;
pub mod fold;
pub mod iec;
pub mod level;
pub mod quality;
pub mod sample;
pub mod text;
pub mod time;
pub mod value;

pub use address::{Address, InstanceId, InvalidInstanceId};
pub use iec::IecType;
pub use level::{Level, UnknownLevel};
pub use quality::{Class, Quality};
pub use sample::{Origin, Sample};
pub use time::Timestamp;
pub use value::Value;
