//! The ADS driver: reads and writes the variables of Beckhoff TwinCAT 2 and 3 PLCs.
pub mod codec;
pub mod codes;
pub mod error;
