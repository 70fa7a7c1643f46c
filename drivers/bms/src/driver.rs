//! The driver `bms`: takes requests and keeps time; the lines are held by tasks of their own.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use fieldrail_driver::{Action, Capabilities, Driver, Failure, Permissions, Port, Request, State, TargetKind};
use serde_json::{Value, json};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, sleep_until};

use crate::config::Config;
use crate::session::{Reply, Session, Standing};
use crate::setup::Setup;
use crate::{browse, bus, ports, sim};

/// The driver `bms`.
pub struct Bms;

/// How often the figures of the instance page are sent.
const FIGURES: Duration = Duration::from_secs(10);

impl Driver for Bms {
    const NAME: &'static str = "bms";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const DESCRIPTION: &'static str = "Reads batteries (Daly, JBD, Victron, ANT, JK and others) over serial lines, Bluetooth, serial servers and captures.";
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
            shows: vec!["battery".into()],
            ..Capabilities::default()
        }
    }

    fn permissions() -> Permissions {
        Permissions {
            write: vec!["config.device".into(), "config.packs[].device".into()],
            ..Permissions::networked(&[ports::BY_ID, "config.file", "config.packs[].file"])
        }
    }

    async fn run(config: Config, mut port: Port) -> Result<(), Failure> {
        let setup = Setup::new(&config)?.called(port.instance().as_str());
        let session = Rc::new(RefCell::new(Session::new(&setup, port.outbox(), Instant::now())));
        let first = &setup.lines[0];
        let looks = if first.choices.len() > 1 { "looks for a battery on" } else { "asks" };
        port.state(State::Connecting, format!("{looks} {}", first.place));
        let hold = |(index, line)| spawn_local(bus::hold(Rc::clone(&session), index, line, setup.packs.clone()));
        let lines: Vec<JoinHandle<()>> = setup.lines.into_iter().enumerate().map(hold).collect();
        Running { session }.serve(&mut port).await;
        for line in lines {
            line.abort();
        }
        Ok(())
    }

    async fn simulate(config: Config) -> Result<Config, Failure> {
        sim::start(config)
    }
}

fn actions() -> Vec<Action> {
    let nothing = json!({ "type": "object", "additionalProperties": false });
    let mut alone = nothing.clone();
    // Any place will do: the ports are those of the machine.
    alone["x-without-connection"] = json!({ "device": "/dev/null" });
    vec![
        Action {
            name: "scan".into(),
            description: "Lists the serial ports of this machine.".into(),
            arguments: Some(alone),
        },
        Action {
            name: "test".into(),
            description: "Asks every battery of the connection for all that it says, and tells it.".into(),
            arguments: Some(nothing),
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
            self.session.borrow_mut().tick(now);
            if figures <= now {
                port.metrics(self.session.borrow().figures());
                figures = now + FIGURES;
            }
            self.tell(port);
        }
    }

    fn take(&self, request: Request, port: &Port) {
        let mut session = self.session.borrow_mut();
        let now = Instant::now();
        match request {
            Request::Write(commands) => session.write(commands),
            Request::Subscribe { request, items } => port.subscribed(request, session.subscribe(items, now)),
            Request::Unsubscribe { tags } => session.unsubscribe(&tags, now),
            Request::Read { request, tags } => session.read(request, tags, now),
            Request::Browse(page) => match browse::children(&session, &page) {
                Some((nodes, next)) => port.nodes(page.request, nodes, next),
                None => port.no_nodes(page.request, Failure::new(format!("there is nothing below `{}`", page.path))),
            },
            Request::Search(page) => {
                let (nodes, next) = browse::search(&session, &page);
                port.nodes(page.request, nodes, next);
            }
            Request::Call { request, action, arguments } => match call(&action, &arguments) {
                Ok(Some(result)) => port.returned(request, Ok(result)),
                Ok(None) => session.report(request, now),
                Err(failure) => port.returned(request, Err(failure)),
            },
            other @ (Request::Configure { .. } | Request::Stop) => port.refuse(other),
        }
    }

    /// Tells the daemon what only the port can.
    fn tell(&self, port: &mut Port) {
        let mut session = self.session.borrow_mut();
        match session.standing.take() {
            Some(Standing::Link(state, failure)) => port.trouble(state, failure),
            Some(Standing::MakesDo(failure)) => port.makes_do(failure),
            None => {}
        }
        for reply in std::mem::take(&mut session.replies) {
            match reply {
                Reply::Returned(request, result) => port.returned(request, result),
                Reply::Values(request, items) => port.values(request, items),
            }
        }
    }
}

/// What an action gives at once; none if the batteries have to be asked for it.
fn call(action: &str, arguments: &Value) -> Result<Option<Value>, Failure> {
    if arguments.as_object().is_some_and(|arguments| !arguments.is_empty()) {
        return Err(Failure::new(format!("`{action}` takes no arguments")));
    }
    match action {
        "scan" => Ok(Some(ports::list())),
        "test" => Ok(None),
        other => Err(Failure::new(format!("there is no action `{other}`"))),
    }
}
