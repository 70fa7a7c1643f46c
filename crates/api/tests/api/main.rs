//! The API as a stranger meets it: a real server on loopback with a real house behind it, spoken to in raw HTTP.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod house;
mod http;

mod access;
mod bodies;
mod contract;
mod door;
mod live;
mod panic;
mod people;
mod tap;
