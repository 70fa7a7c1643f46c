//! The Bluetooth driver: finds, pairs and reads devices of Low Energy.
//!
//! Read in this order: [`config`] what a person says, [`setup`] the same checked, [`error`] what can go wrong. Then the pure
//! parts: [`advert`] what sensors tell in advertisements, [`profile`] how any device is read, `measured` one value, `points`
//! the datapoints, `air` what is around, `pairing` a pairing with its questions. Then what moves: `links` devices that are
//! read over a link, `actions` what can be asked for by name, `session` the state of the loop, `sim` devices that play.
//!
//! Invariant: Bluetooth is asked by tasks beside the loop; the loop in `run` only takes requests and reports and keeps time,
//! so the heartbeat never waits for a device.

mod actions;
pub mod advert;
mod air;
pub mod config;
pub mod error;
mod links;
pub mod measured;
mod pairing;
mod points;
pub mod profile;
mod session;
pub mod setup;
mod sim;

use std::time::Duration;

use config::Config;
use fieldrail_driver::{Capabilities, Failure, Permissions, Port, Request, State, TargetKind};
use tokio::time::{Instant, sleep_until};

use crate::session::Session;
use crate::setup::Setup;

/// The driver `bluetooth`.
pub struct Driver;

/// How often ages change.
const SECOND: Duration = Duration::from_secs(1);

/// Advertisements gather so long before they are looked at.
const GATHER: Duration = Duration::from_millis(200);

/// How often the figures of the instance page are sent.
const FIGURES: Duration = Duration::from_secs(10);

impl fieldrail_driver::Driver for Driver {
    const NAME: &'static str = "bluetooth";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const DESCRIPTION: &'static str = "Finds, pairs and reads Bluetooth Low Energy devices.";
    type Config = Config;
    const FORM: &str = include_str!("../form.json");

    fn capabilities() -> Capabilities {
        Capabilities {
            browse: true,
            search: true,
            read: true,
            patterns: true,
            simulation: true,
            target: TargetKind::State,
            actions: actions::all(),
            ..Capabilities::default()
        }
    }

    fn permissions() -> Permissions {
        Permissions::networked(&["config.devices[].profile"])
    }

    async fn run(config: Config, mut port: Port) -> Result<(), Failure> {
        let setup = Setup::new(&config)?;
        port.state(State::Connecting, "looks for Bluetooth");
        let (mut session, mut reports) = Session::new(setup, &port, sim::given());
        let (mut second, mut figures) = (Instant::now() + SECOND, Instant::now());
        let mut changes = None;
        let mut next_look = Instant::now();
        loop {
            if changes.is_none() {
                changes = session.changes();
            }
            let changed = async {
                match &mut changes {
                    Some(changes) => {
                        sleep_until(next_look).await;
                        changes.changed().await.is_ok()
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                request = port.next() => match request {
                    Request::Stop => return Ok(()),
                    request => session.take(request, &port),
                },
                Some(report) = reports.recv() => session.hear(report, &mut port),
                goes_on = changed => {
                    next_look = Instant::now() + GATHER;
                    if !goes_on {
                        changes = None;
                    }
                }
                () = sleep_until(second) => {
                    second = Instant::now() + SECOND;
                    session.pass();
                }
            }
            session.look(&mut port);
            if figures <= Instant::now() {
                figures = Instant::now() + FIGURES;
                port.metrics(session.figures());
            }
        }
    }

    async fn simulate(config: Config) -> Result<Config, Failure> {
        sim::start().await?;
        Ok(config)
    }
}
