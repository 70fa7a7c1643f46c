//! The MQTT client driver.
mod codec; pub mod config; pub mod error; mod link; mod tls; mod topic;
/// d
pub struct Mqtt;
