//! The API as a stranger meets it: a real server on loopback with a real house behind it, spoken to in raw HTTP.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod history;
mod house;
mod http;

mod access;
mod audit;
mod bodies;
mod camera;
mod connections;
mod contract;
mod dashboards;
mod dashboards_edits;
mod dashboards_files;
mod dashboards_rights;
mod door;
mod errors;
mod files;
mod live;
mod logs;
mod panic;
mod people;
mod rules;
mod search;
mod tap;
mod tls;
