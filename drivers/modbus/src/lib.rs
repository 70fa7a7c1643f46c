//! The Modbus driver: TCP, RTU, RTU over TCP and ASCII; one device or several units on one line.
//!
//! Read in this order: [`config`] what a person says, [`map`] what a device has, [`setup`] both together, [`error`] what can go
//! wrong. Then the pure parts: [`codec`] bytes, [`value`] registers as values, [`plan`] few requests for many registers,
//! [`health`] dead units, [`owed`] late answers, [`sunspec`] devices that describe themselves. Then what moves: [`line`] one
//! question and its answer, `session` what is asked next and what came of it, `connection` the task that holds the line,
//! `browse` for people who look, [`sim`] an inverter that plays.
//!
//! Invariant: the line is asked in a task of its own; the loop in [`Driver::run`] only takes requests and keeps time, so the
//! heartbeat never waits for a device.

pub mod ad_hoc;
mod browse;
pub mod codec;
pub mod config;
mod connection;
pub mod error;
pub mod health;
pub mod line;
pub mod map;
pub mod owed;
pub mod plan;
mod session;
pub mod setup;
pub mod sim;
pub mod sunspec;
pub mod value;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use config::Config;
use fieldrail_driver::{Action, Capabilities, Driver, Failure, Permissions, Port, Request, State, TargetKind};
use serde::Deserialize;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, sleep_until, timeout};

use crate::codec::pdu::{self, Table};
use crate::session::{Reply, Session};
use crate::setup::Setup;

/// The driver `modbus`.
pub struct Modbus;

/// How often the figures of the instance page are sent.
const FIGURES: Duration = Duration::from_secs(10);

/// How long the last words to the devices may take.
const FAREWELL: Duration = Duration::from_millis(1500);

impl Driver for Modbus {
    const NAME: &'static str = "modbus";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const DESCRIPTION: &'static str =
        "Reads and writes devices over Modbus: TCP, RTU, RTU over TCP, ASCII, and SunSpec.";
    type Config = Config;
    const FORM: &str = include_str!("../form.json");

    fn capabilities() -> Capabilities {
        Capabilities {
            browse: true,
            search: true,
            read: true,
            write: true,
            patterns: true,
            simulation: true,
            target: TargetKind::State,
            actions: actions(),
            ..Capabilities::default()
        }
    }

    fn permissions() -> Permissions {
        Permissions {
            write: vec!["config.device".into()],
            ..Permissions::networked(&["config.profile", "config.units[].profile"])
        }
    }

    async fn run(config: Config, mut port: Port) -> Result<(), Failure> {
        let setup = Setup::new(&config)?;
        let session = Rc::new(RefCell::new(Session::new(&setup, port.outbox())));
        port.state(State::Connecting, format!("connects to {}", setup.places[0]));
        let line = spawn_local(connection::hold(Rc::clone(&session), setup));
        let driver = Running { session };
        driver.serve(&mut port).await;
        driver.stop(&line).await;
        Ok(())
    }

    async fn simulate(config: Config) -> Result<Config, Failure> {
        sim::start(config).await
    }
}

/// What `scan` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScanArguments {
    #[serde(default = "one")]
    first: u8,
    #[serde(default = "last")]
    last: u8,
    #[serde(default = "scan_ms")]
    timeout_ms: u32,
}

/// What `read_registers` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadArguments {
    #[serde(default = "one")]
    unit: u8,
    table: Table,
    address: u16,
    #[serde(default = "one_register")]
    count: u16,
}

fn one() -> u8 {
    1
}

fn one_register() -> u16 {
    1
}

/// The last number that the specification gives to a unit.
fn last() -> u8 {
    247
}

fn scan_ms() -> u32 {
    200
}

fn actions() -> Vec<Action> {
    let unit = serde_json::json!({ "type": "integer", "minimum": 0, "maximum": 255 });
    let address = serde_json::json!({ "type": "integer", "minimum": 0, "maximum": 65535 });
    vec![
        Action {
            name: "scan".into(),
            description: "Looks for units on the line: asks each number, and tells who answers.".into(),
            arguments: Some(serde_json::json!({
                "type": "object", "additionalProperties": false,
                "properties": {
                    "first": unit, "last": unit,
                    "timeout_ms": { "type": "integer", "minimum": 10, "maximum": 5000, "x-unit": "ms" }
                }
            })),
        },
        Action {
            name: "read_registers".into(),
            description: "Reads registers or bits as they are.".into(),
            arguments: Some(serde_json::json!({
                "type": "object", "required": ["table", "address"], "additionalProperties": false,
                "properties": {
                    "unit": unit, "table": { "enum": ["coil", "discrete", "holding", "input"] }, "address": address,
                    "count": { "type": "integer", "minimum": 1, "maximum": 125 }
                }
            })),
        },
        Action {
            name: "profiles".into(),
            description: "Lists the register maps that come with the driver.".into(),
            arguments: Some(serde_json::json!({ "type": "object", "additionalProperties": false })),
        },
    ]
}

/// The driver between its start and its stop.
struct Running {
    session: Rc<RefCell<Session>>,
}

impl Running {
    /// Takes requests and keeps time until it is told to stop.
    async fn serve(&self, port: &mut Port) {
        let changed = Rc::clone(&self.session.borrow().changed);
        let mut figures = Instant::now() + FIGURES;
        loop {
            let due = self.session.borrow().alarm().map_or(figures, |deadline| deadline.min(figures));
            tokio::select! {
                biased;
                request = port.next() => match request {
                    Request::Stop => return,
                    request => self.take(request, port),
                },
                () = changed.notified() => {}
                () = sleep_until(due) => {}
            }
            let now = Instant::now();
            self.session.borrow_mut().keep_time(now);
            if figures <= now {
                port.metrics(self.session.borrow().figures());
                figures = now + FIGURES;
            }
            self.tell(port);
        }
    }

    fn take(&self, request: Request, port: &Port) {
        let mut session = self.session.borrow_mut();
        match request {
            Request::Write(commands) => session.write(commands),
            Request::Subscribe { request, items } => port.subscribed(request, session.subscribe(items)),
            Request::Unsubscribe { tags } => session.unsubscribe(&tags),
            Request::Read { request, tags } => session.read(request, tags, Instant::now()),
            Request::Browse(page) => match browse::children(&session, &page) {
                Some((nodes, next)) => port.nodes(page.request, nodes, next),
                None => port.no_nodes(page.request, Failure::new(format!("there is nothing below `{}`", page.path))),
            },
            Request::Search(page) => {
                let (nodes, next) = browse::search(&session, &page);
                port.nodes(page.request, nodes, next);
            }
            Request::Call { request, action, arguments } => {
                if let Err(failure) = call(&mut session, request, &action, arguments) {
                    port.returned(request, Err(failure));
                }
            }
            other @ (Request::Configure { .. } | Request::Stop) => port.refuse(other),
        }
    }

    /// Tells the daemon what only the port can.
    fn tell(&self, port: &mut Port) {
        let mut session = self.session.borrow_mut();
        if let Some(standing) = session.standing.take() {
            port.trouble(standing.state, standing.failure);
        }
        for reply in std::mem::take(&mut session.replies) {
            match reply {
                Reply::Returned(request, result) => port.returned(request, result),
                Reply::Values(request, items) => port.values(request, items),
                Reply::Event(kind, data) => port.event(kind, data),
            }
        }
    }

    /// Ends pulses, and lets the line go.
    async fn stop(self, line: &JoinHandle<()>) {
        let until = Instant::now() + FAREWELL;
        self.session.borrow_mut().stop();
        let ended = Rc::clone(&self.session.borrow().ended);
        while !self.session.borrow().is_done() && Instant::now() < until {
            let _ = timeout(Duration::from_millis(50), ended.notified()).await;
        }
        line.abort();
    }
}

/// Begins an action; the session answers.
fn call(session: &mut Session, request: u64, action: &str, arguments: serde_json::Value) -> Result<(), Failure> {
    let wrong = |error: serde_json::Error| Failure::new(format!("the arguments of `{action}` are wrong: {error}"));
    let arguments = if arguments.is_null() { serde_json::json!({}) } else { arguments };
    match action {
        "scan" => {
            let ScanArguments { first, last, timeout_ms } = serde_json::from_value(arguments).map_err(wrong)?;
            if first > last || !(10..=5000).contains(&timeout_ms) {
                return Err(Failure::new("`first` is above `last`, or `timeout_ms` is not 10 to 5000"));
            }
            session.scan(request, first, last, Duration::from_millis(timeout_ms.into()));
        }
        "read_registers" => {
            let ReadArguments { unit, table, address, count } = serde_json::from_value(arguments).map_err(wrong)?;
            if !(1..=125).contains(&count) {
                return Err(Failure::new("`count` is not 1 to 125"));
            }
            session.ask_raw(request, unit, pdu::Request::Read { table, start: address, count });
        }
        "profiles" => {
            let profile = |name: &'static str| {
                let title = map::builtin::find(name).and_then(Result::ok).map(|profile| profile.title);
                serde_json::json!({ "name": name, "title": title })
            };
            let profiles: Vec<_> = map::builtin::names().map(profile).collect();
            session.answer(request, serde_json::json!({ "profiles": profiles }));
        }
        other => return Err(Failure::new(format!("there is no action `{other}`"))),
    }
    Ok(())
}
