//! The built driver over the plugin protocol, against the simulated PLC.
#![allow(clippy::unwrap_used)]

mod abilities;
mod house;
mod manners;
mod plc;
mod programs;
mod recovery;
mod rounds;
mod troubles;
mod writes;
