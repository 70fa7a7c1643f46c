//! The MQTT client driver: reads and publishes the topics of a broker that somebody else runs, versions 3.1.1 and 5.
//!
//! Read in this order: [`config`] what a person says, [`error`] what can go wrong, `topic` and `codec` the pure text of
//! it, `link` one connection, `session` what the driver knows (`demand` and `plan`: what is subscribed; `incoming`: a
//! message becomes samples; `outgoing`: a write becomes a message; `echo`), `connection` the task that holds the link,
//! `browse` and `tree` for people who look, `sim` a house that plays.
//!
//! Invariant: the link is polled in a task of its own, never in a `select!`; the loop in [`Driver::run`] only takes
//! requests and keeps time, so the heartbeat never waits for the broker.

mod browse;
mod codec;
pub mod config;
mod connection;
mod demand;
mod echo;
pub mod error;
mod incoming;
mod json;
mod link;
mod outgoing;
mod plan;
mod rules;
mod session;
mod sim;
mod tls;
mod topic;
mod tree;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use config::Config;
use fieldrail_driver::{Action, Capabilities, Driver, Failure, Page, Permissions, Port, Request, State, TargetKind};
use serde::Deserialize;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::link::Options;
use crate::outgoing::{Publication, Ticket};
use crate::session::{Reply, Session};

/// The driver `mqtt`.
pub struct Mqtt;

/// How often the figures of the instance page are sent.
const FIGURES: Duration = Duration::from_secs(10);

/// How long the last words to the broker may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// How long an action may wait for the link.
const CALL: Duration = Duration::from_secs(5);

impl Driver for Mqtt {
    const NAME: &'static str = "mqtt";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const DESCRIPTION: &'static str = "Reads and publishes the topics of an MQTT broker (3.1.1 and 5).";
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
        Permissions::networked(&["config.tls.ca_file", "config.tls.client_cert", "config.tls.client_key"])
    }

    async fn run(config: Config, mut port: Port) -> Result<(), Failure> {
        config.check()?;
        let points = config.end_points();
        let options = points.iter().map(|point| Options::new(point, port.instance().as_str()));
        let options = options.collect::<Result<Vec<_>, _>>()?;
        let session = Rc::new(RefCell::new(Session::new(&config, port.outbox())));
        port.state(State::Connecting, format!("connects to {}", config.broker()));
        let link = spawn_local(connection::hold(Rc::clone(&session), options.clone(), port.outbox()));
        let mut driver = Running { session, options, config };
        driver.serve(&mut port).await;
        driver.stop(link).await;
        Ok(())
    }

    async fn simulate(config: Config) -> Result<Config, Failure> {
        config.check()?;
        let options = Options::new(&config, "sim")?;
        spawn_local(sim::play(options.beside("house")));
        Ok(config)
    }
}

/// What `publish` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PublishArguments {
    topic: String,
    #[serde(default)]
    payload: serde_json::Value,
    #[serde(default)]
    qos: u8,
    #[serde(default)]
    retain: bool,
}

/// What `clear_retained` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClearArguments {
    topic: String,
}

fn actions() -> Vec<Action> {
    let topic = serde_json::json!({ "type": "string", "minLength": 1 });
    vec![
        Action {
            name: "publish".into(),
            description: "Publishes a payload as it is: text, or JSON.".into(),
            arguments: Some(serde_json::json!({
                "type": "object", "required": ["topic"], "additionalProperties": false,
                "properties": {
                    "topic": topic, "payload": {}, "qos": { "type": "integer", "minimum": 0, "maximum": 2 },
                    "retain": { "type": "boolean" }
                }
            })),
        },
        Action {
            name: "clear_retained".into(),
            description: "Makes the broker forget the message that it keeps for a topic.".into(),
            arguments: Some(serde_json::json!({
                "type": "object", "required": ["topic"], "additionalProperties": false,
                "properties": { "topic": topic }
            })),
        },
    ]
}

/// The driver between its start and its stop.
struct Running {
    session: Rc<RefCell<Session>>,
    /// One for each broker.
    options: Vec<Options>,
    config: Config,
}

impl Running {
    /// Takes requests and keeps time until it is told to stop.
    async fn serve(&mut self, port: &mut Port) {
        let changed = Rc::clone(&self.session.borrow().changed);
        let accepting = port.outbox();
        let mut figures = Instant::now() + FIGURES;
        loop {
            let due = self.session.borrow_mut().set_alarm().map_or(figures, |deadline| deadline.min(figures));
            let owes = self.session.borrow().owes();
            tokio::select! {
                biased;
                request = port.next() => match request {
                    Request::Stop => return,
                    request => self.take(request, port),
                },
                () = changed.notified() => {}
                () = accepting.acceptance(), if owes => {}
                () = sleep_until(due) => {}
            }
            let now = Instant::now();
            self.session.borrow_mut().acknowledge();
            self.session.borrow_mut().tick(now);
            if figures <= now {
                port.metrics(self.session.borrow().figures());
                figures = now + FIGURES;
            }
            self.tell(port, now);
        }
    }

    fn take(&mut self, request: Request, port: &Port) {
        let mut session = self.session.borrow_mut();
        match request {
            Request::Write(commands) => session.write(commands),
            Request::Subscribe { request, items } => port.subscribed(request, session.subscribe(items)),
            Request::Unsubscribe { tags } => session.unsubscribe(&tags),
            Request::Read { request, tags } => session.read(request, tags),
            Request::Browse(page) => {
                drop(session);
                self.browse(page, false);
            }
            Request::Search(page) => {
                drop(session);
                self.browse(page, true);
            }
            Request::Call { request, action, arguments } => match publication(request, &action, arguments) {
                Ok(publication) => session.publish(publication),
                Err(failure) => port.returned(request, Err(failure)),
            },
            other @ (Request::Configure { .. } | Request::Stop) => port.refuse(other),
        }
    }

    fn browse(&self, page: Page, search: bool) {
        let begin = self.session.borrow_mut().browsing.ask(page, search);
        if begin {
            let Some(options) = self.options.get(self.session.borrow().point()) else { return };
            let options = options.beside("browse");
            spawn_local(browse::watch(Rc::clone(&self.session), options, self.config.browse_filter.clone()));
        }
    }

    /// Tells the daemon what only the port can.
    fn tell(&self, port: &mut Port, now: Instant) {
        let mut session = self.session.borrow_mut();
        if let Some(standing) = session.standing.take() {
            if standing.answers {
                port.makes_do(standing.failure);
            } else {
                port.trouble(standing.state, standing.failure);
            }
        }
        for reply in session.replies.drain(..) {
            match reply {
                Reply::Returned(request, result) => port.returned(request, result),
                Reply::Values(request, items) => port.values(request, items),
            }
        }
        session.browsing.answer(port, now);
    }

    /// Ends pulses, says goodbye, and lets the link go.
    async fn stop(self, mut link: JoinHandle<()>) {
        let until = Instant::now() + FAREWELL;
        self.session.borrow_mut().stop();
        let changed = Rc::clone(&self.session.borrow().changed);
        while !self.session.borrow().is_done() && Instant::now() < until {
            // An acknowledgement rings no bell of its own.
            let _ = timeout(Duration::from_millis(10), changed.notified()).await;
        }
        self.session.borrow_mut().leave();
        let _ = timeout_at(until, &mut link).await;
        link.abort();
    }
}

/// The publication that an action asks for.
fn publication(request: u64, action: &str, arguments: serde_json::Value) -> Result<Publication, Failure> {
    let wrong = |error: serde_json::Error| Failure::new(format!("the arguments of `{action}` are wrong: {error}"));
    let arguments = match action {
        "publish" => serde_json::from_value::<PublishArguments>(arguments).map_err(wrong)?,
        "clear_retained" => {
            let ClearArguments { topic } = serde_json::from_value(arguments).map_err(wrong)?;
            PublishArguments { topic, payload: "".into(), qos: 1, retain: true }
        }
        other => return Err(Failure::new(format!("there is no action `{other}`"))),
    };
    if arguments.qos > 2 {
        return Err(Failure::new("the quality of service is 0, 1 or 2"));
    }
    let payload = match arguments.payload {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text,
        json => json.to_string(),
    };
    Ok(Publication {
        ticket: Ticket::Call(request),
        topic: Arc::from(session::writable(&arguments.topic)?),
        payload: Bytes::from(payload.into_bytes()),
        qos: arguments.qos,
        retain: arguments.retain,
        expires: Some(Instant::now() + CALL),
        origin: None,
        pulse: None,
    })
}
