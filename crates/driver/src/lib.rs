//! The SDK: all that a driver needs to be one. With `fieldrail-model` it is the only crate a driver takes of Fieldrail.
//!
//! A driver implements [`Driver`], talks through the [`Port`] it is handed, and its `main` is one line:
//!
//! ```no_run
//! use fieldrail_driver::{Capabilities, Driver, Failure, Port, Request, State};
//!
//! /// Says how often it was asked.
//! struct Counter;
//!
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! struct Config {
//!     /// The first number.
//!     #[serde(default)]
//!     start: i64,
//! }
//!
//! impl Driver for Counter {
//!     const NAME: &'static str = "counter";
//!     const VERSION: &'static str = env!("CARGO_PKG_VERSION");
//!     const DESCRIPTION: &'static str = "Counts once a second.";
//!     type Config = Config;
//!
//!     fn capabilities() -> Capabilities {
//!         Capabilities::default()
//!     }
//!
//!     async fn run(config: Config, mut port: Port) -> Result<(), Failure> {
//!         port.state(State::Connected, "");
//!         let count = port.tag("count");
//!         let mut second = tokio::time::interval(std::time::Duration::from_secs(1));
//!         let mut n = config.start;
//!         loop {
//!             tokio::select! {
//!                 request = port.next() => match request {
//!                     Request::Stop => return Ok(()),
//!                     other => port.refuse(other),
//!                 },
//!                 _ = second.tick() => {
//!                     n += 1;
//!                     port.sample(count, n);
//!                 }
//!             }
//!         }
//!     }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     fieldrail_driver::main::<Counter>()
//! }
//! ```
//!
//! Read in this order: [`Driver`] the trait, [`port`] what a driver holds, [`outbox`] how samples leave, [`entry`] how a
//! driver starts, [`demand`] what is needed of one that polls, [`waiting`] how it says that it waits, [`panic`] what it says when it panics, [`descriptors`] why a stray
//! `println!` harms nothing.

mod backoff;
pub mod demand;
mod descriptors;
mod entry;
mod failure;
mod form;
mod outbox;
mod panic;
mod port;
mod waiting;

use std::future::Future;

pub use backoff::Backoff;
pub use entry::main;
pub use failure::{Failure, Hint};
pub use fieldrail_wire::daemon::Subscription;
pub use fieldrail_wire::manifest::{Action, Capabilities, Manifest, TargetKind};
pub use fieldrail_wire::permissions::{Network, Permissions};
pub use fieldrail_wire::plugin::{Level, Node, Reading, SubscribedItem};
pub use fieldrail_wire::sample::{SampleItem, TagRef, WireOrigin};
pub use outbox::{Outbox, Tag};
pub use port::{Command, Page, Port, Request, State};
pub use waiting::{clock, next_try, waits_for};

use serde::de::DeserializeOwned;

/// A program that speaks a device's protocol on one side and the plugin protocol on the other.
pub trait Driver: Sized + 'static {
    /// The name that `connections.json` uses as `driver`.
    const NAME: &'static str;
    /// The version, usually `env!("CARGO_PKG_VERSION")`.
    const VERSION: &'static str;
    /// One sentence: what it joins to the house.
    const DESCRIPTION: &'static str;

    /// What a person configures. Its doc comments become the form in the web admin and the table in the README.
    type Config: DeserializeOwned + schemars::JsonSchema;

    /// How the form reads: titles, German texts and what stands folded away, by key; usually `include_str!("../form.json")`.
    const FORM: &'static str = "{}";

    /// What it can do.
    fn capabilities() -> Capabilities;

    /// What it needs of the machine. Unless it says so it gets nothing but its own folders: no network, no device.
    fn permissions() -> Permissions {
        Permissions::default()
    }

    /// Speaks with the device until it is told to stop. Everything runs on one thread, in a `LocalSet`.
    ///
    /// # Errors
    /// Only for what no waiting can mend; a lost link is a state, and the driver tries again by itself.
    fn run(config: Self::Config, port: Port) -> impl Future<Output = Result<(), Failure>>;

    /// Starts a simulated device that speaks the real protocol over loopback, and returns the configuration that points
    /// to it. Only called with `--sim`, and only if [`Capabilities::simulation`] is set.
    ///
    /// # Errors
    /// The simulated device cannot start.
    fn simulate(config: Self::Config) -> impl Future<Output = Result<Self::Config, Failure>> {
        async { Ok(config) }
    }
}
