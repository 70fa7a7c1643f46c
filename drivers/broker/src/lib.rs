//! An MQTT broker in the house. Clients log in with what the daemon hands down; every topic is a datapoint.
//!
//! Invariant: the broker knows no password, only hashes, and nobody whom the configuration does not name gets in. Read in
//! this order: [`config`] what a person sets, [`access`] who may do what, [`topics`] which message is which datapoint,
//! [`link`] the broker's own client inside of the process, [`hooks`] what the broker asks and tells, [`keep`] what outlives
//! a restart, [`serve`] the listening broker, [`run`] the loop.

mod access;
mod config;
mod error;
mod hooks;
mod keep;
mod link;
mod run;
mod serve;
mod topics;

pub use config::{Config, Tls, TopicRule, User, WebSocket};

use fieldrail_driver::{Capabilities, Driver, Failure, Permissions, Port, TargetKind};

/// The driver.
pub struct Broker;

impl Driver for Broker {
    const NAME: &'static str = "broker";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const DESCRIPTION: &'static str = "An MQTT broker in the house; its topics are datapoints.";
    type Config = Config;
    const FORM: &str = include_str!("../form.json");

    fn capabilities() -> Capabilities {
        Capabilities {
            browse: true,
            search: true,
            read: true,
            write: true,
            patterns: true,
            target: TargetKind::State,
            ..Capabilities::default()
        }
    }

    fn permissions() -> Permissions {
        Permissions {
            // A descriptor for each client.
            open_files: Some(8192),
            ..Permissions::networked(&["config.tls.cert_file", "config.tls.key_file"])
        }
    }

    async fn run(config: Config, port: Port) -> Result<(), Failure> {
        let endpoints = config.check()?;
        let _quiet = quiet();
        run::run(config, endpoints, port).await;
        Ok(())
    }
}

/// The broker's library logs each connection and each refused message, with the client's own words in the line. Only its
/// errors reach the log; this driver says the rest itself.
fn quiet() -> tracing::subscriber::DefaultGuard {
    let filter = tracing_subscriber::EnvFilter::new("info,mqtt5=error,mqtt5_protocol=error");
    let subscriber = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .without_time()
        .with_target(false)
        .with_env_filter(filter)
        .finish();
    tracing::subscriber::set_default(subscriber)
}
