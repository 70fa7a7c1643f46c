//! Sends each value that is written to it as one HTTP request.
//!
//! Invariant: no request goes to an address that was not judged first, and none leaves after its command has expired.
//! Read in this order: [`config`] what a person sets, [`target`] the same checked, [`template`] the body, [`guard`] which
//! addresses may be spoken to, [`request`] one try, [`delivery`] tries until one works, [`run`] the loop, [`sim`] a
//! receiver for the demo.

mod config;
mod delivery;
mod error;
mod guard;
mod request;
mod run;
mod sim;
mod target;
mod template;

pub use config::{AllowPrivate, Config, Hmac, Method};

use fieldrail_driver::{Capabilities, Driver, Failure, Permissions, Port, TargetKind};

/// The driver.
pub struct Webhook;

impl Driver for Webhook {
    const NAME: &'static str = "webhook";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const DESCRIPTION: &'static str = "Sends each value that is written to it as an HTTP request.";
    type Config = Config;
    const FORM: &str = include_str!("../form.json");

    fn capabilities() -> Capabilities {
        Capabilities { write: true, simulation: true, target: TargetKind::Event, ..Capabilities::default() }
    }

    fn permissions() -> Permissions {
        Permissions::networked(&["config.ca_file"])
    }

    async fn run(config: Config, port: Port) -> Result<(), Failure> {
        let target = target::Target::new(&config, port.instance())?;
        run::run(target, port).await;
        Ok(())
    }

    async fn simulate(config: Config) -> Result<Config, Failure> {
        Ok(sim::point_to_receiver(config).await?)
    }
}
