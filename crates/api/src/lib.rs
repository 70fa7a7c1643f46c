//! The façade as REST and WebSocket, and the web admin beside it. Alone in knowing HTTP, and knows nothing else.
//!
//! Invariant: one table names every end point, who may use it, and what goes in and out by the very types that are
//! parsed and printed. The router, the guard, the OpenAPI document and the tests are made from it, so nothing is served
//! that is not in it but the files of the web admin.
//!
//! Read in this order: [`endpoint`] an entry of the table and how it is served, [`table`] the entries, [`guard`] who
//! comes in, [`call`] what goes in, [`answer`] and [`problem`] what comes out, then the areas (`people`, `data`, …),
//! [`audit`] the row that each change leaves, [`live`] the WebSocket, [`assets`] the web admin, [`openapi`], [`serve`].

// The table takes handlers of one shape: what cannot fail, and what needs no whole body, looks like the rest.
#![allow(clippy::unnecessary_wraps, clippy::needless_pass_by_value)]

mod alarms;
mod answer;
mod app;
mod assets;
mod audit;
mod backup;
mod call;
mod camera;
mod certificate;
mod connections;
mod dashboard_versions;
mod dashboards;
mod data;
mod endpoint;
mod errors;
mod files;
mod guard;
mod instances;
mod live;
mod logs;
mod metrics;
mod openapi;
mod panic;
mod people;
mod problem;
mod routes;
mod search;
mod secrets;
mod serve;
mod summary;
mod system;
mod table;
mod tls;
mod widgets;

pub use endpoint::{Access, Endpoint, Reach};
pub use openapi::openapi;
pub use serve::{router, serve, serve_with_https};
pub use table::endpoints;
