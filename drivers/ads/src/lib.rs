//! The ADS driver: reads and writes the variables of Beckhoff TwinCAT 2 and 3 PLCs.
//!
//! Read in this order: [`config`] what a person says, [`error`] and [`codes`] what can go wrong, [`codec`] the bytes,
//! [`layout`] and [`value`] from bytes to values, [`catalog`] and [`tpy`] the variables of a program, [`client`] one TCP
//! connection, `link` and `discovery` how it comes about, `device` and `load` what is asked, `session` what the driver
//! knows, `poll`, `notifications` and `writing` the three that run on a link, `proof` what is believed of it, `left` what it
//! may leave (`rounds`, `spans`, `writes`, `pattern`, `own` are their parts), `connection` the task that holds it, `actions`
//! with `import`, and [`sim`] a PLC that plays.
//!
//! Invariant: the loop in [`Driver::run`] only takes requests and keeps time, so the heartbeat never waits for the PLC.

mod actions;
pub mod catalog;
pub mod client;
pub mod codec;
pub mod codes;
pub mod config;
mod connection;
mod device;
mod discovery;
pub mod error;
mod import;
pub mod layout;
mod left;
mod link;
mod load;
mod notifications;
mod own;
mod pattern;
mod poll;
mod proof;
mod rounds;
mod session;
pub mod sim;
mod spans;
pub mod tpy;
pub mod value;
mod writes;
mod writing;

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use config::Config;
use fieldrail_driver::{Capabilities, Driver, Failure, Page, Permissions, Port, Request, State, TargetKind};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::session::{Reply, Session};

/// The driver `ads`.
pub struct Ads;

/// How often the figures of the instance page are sent.
const FIGURES: Duration = Duration::from_secs(10);

/// How long the last words to the PLC may take.
const FAREWELL: Duration = Duration::from_millis(1500);

impl Driver for Ads {
    const NAME: &'static str = "ads";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const DESCRIPTION: &'static str = "Reads and writes the variables of Beckhoff TwinCAT 2 and 3 PLCs (ADS).";
    type Config = Config;
    const FORM: &str = include_str!("../form.json");

    fn capabilities() -> Capabilities {
        Capabilities {
            browse: true,
            search: true,
            read: true,
            write: true,
            patterns: true,
            case_insensitive: true,
            simulation: true,
            target: TargetKind::State,
            actions: actions::actions(),
            ..Capabilities::default()
        }
    }

    fn permissions() -> Permissions {
        Permissions::networked(&["config.tpy"])
    }

    async fn run(config: Config, mut port: Port) -> Result<(), Failure> {
        config.check()?;
        let points = config.end_points()?;
        let own_port = config.own_port.unwrap_or_else(|| own_port(port.instance().as_str()));
        let imported = port.state_dir().and_then(import::kept);
        let file = match (imported, &config.tpy) {
            (Some(imported), _) => Some(imported),
            (None, Some(file)) => Some(tpy::load(file)?),
            (None, None) => None,
        };
        let file = file.map(|tpy| {
            warn_of_another(&tpy, &config);
            tpy.program
        });
        let first = points[0].clone();
        let mut session = Session::new(config, port.outbox(), port.state_dir(), first.target);
        session.remember(file);
        let session = Rc::new(RefCell::new(session));
        port.state(State::Connecting, format!("connects to {} at {}", first.target, first.host));
        let link = spawn_local(connection::hold(Rc::clone(&session), points, own_port));
        let instance = port.instance().to_string();
        let mut driver = Running { session, instance };
        driver.serve(&mut port).await;
        driver.stop(link).await;
        Ok(())
    }

    async fn simulate(config: Config) -> Result<Config, Failure> {
        config.check()?;
        let target = config.end_points()?[0].target;
        let plc = sim::SharedPlc::new(sim::Plc::house(target.net_id, target.port));
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = sim::Server::start(plc, any, any).await;
        let server = server.map_err(|error| Failure::new(format!("the simulated PLC cannot start: {error}")))?;
        let (tcp, udp) = (server.address, server.udp);
        // It plays until the process ends.
        std::mem::forget(server);
        Ok(Config { host: tcp.ip().to_string(), tcp_port: tcp.port(), udp_port: udp.port(), fallback: None, ..config })
    }
}

/// Our AMS port: the same at each start, so that a device knows us again, and another for each instance.
fn own_port(instance: &str) -> u16 {
    let hash = instance.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    32_768 + u16::try_from(hash % 16_384).unwrap_or(0)
}

/// Whether a file names another target.
fn is_of_another(tpy: &tpy::Tpy, config: &Config) -> bool {
    let is_other_port = tpy.port.is_some_and(|port| port != config.ams_port);
    let is_other_id = tpy.net_id.as_ref().is_some_and(|id| !id.is_empty() && *id != config.ams_net_id);
    is_other_port || is_other_id
}

/// A file of another target is a likely mistake, and no reason to stop.
fn warn_of_another(tpy: &tpy::Tpy, config: &Config) {
    if is_of_another(tpy, config) {
        let (net_id, port) = (tpy.net_id.as_deref().unwrap_or("?"), tpy.port.unwrap_or(0));
        tracing::warn!(net_id, port, "The .tpy file names another target than the configuration.");
    }
}

/// The driver between its start and its stop.
struct Running {
    session: Rc<RefCell<Session>>,
    instance: String,
}

impl Running {
    /// Takes requests and keeps time until it is told to stop.
    async fn serve(&mut self, port: &mut Port) {
        let bells = Rc::clone(&self.session.borrow().bells);
        let mut figures = Instant::now() + FIGURES;
        loop {
            let due = self.session.borrow().writes.deadline().map_or(figures, |deadline| deadline.min(figures));
            tokio::select! {
                biased;
                request = port.next() => match request {
                    Request::Stop => return,
                    request => self.take(request, port),
                },
                () = bells.changed.notified() => {}
                () = sleep_until(due) => {}
            }
            self.tell(port);
            let now = Instant::now();
            let waited = self.session.borrow().writes.len();
            self.session.borrow_mut().writes.tick(now);
            if self.session.borrow().writes.len() > waited {
                bells.write.notify_one();
            }
            if figures <= now {
                port.metrics(self.session.borrow().figures());
                figures = now + FIGURES;
            }
        }
    }

    fn take(&mut self, request: Request, port: &Port) {
        match request {
            Request::Write(commands) => {
                let mut session = self.session.borrow_mut();
                for command in commands {
                    session.writes.push(command);
                }
                session.bells.write.notify_one();
            }
            Request::Subscribe { request, items } => {
                let answers = self.session.borrow_mut().subscribe(items);
                port.subscribed(request, answers);
            }
            Request::Unsubscribe { tags } => self.session.borrow_mut().unsubscribe(&tags),
            Request::Read { request, tags } => {
                spawn_local(poll::answer(Rc::clone(&self.session), request, tags));
            }
            Request::Browse(page) => self.browse(&page, port),
            Request::Search(page) => self.search(&page, port),
            Request::Call { request, action, arguments } => {
                let (session, instance) = (Rc::clone(&self.session), self.instance.clone());
                spawn_local(actions::call(session, request, action, arguments, instance));
            }
            other @ (Request::Configure { .. } | Request::Stop) => port.refuse(other),
        }
    }

    fn browse(&self, page: &Page, port: &Port) {
        let session = self.session.borrow();
        if page.path == own::FOLDER {
            return port.nodes(page.request, own::nodes(), None);
        }
        let (filter, after) = (page.filter.as_deref(), page.after.as_deref());
        if session.catalog.is_empty() && page.path.is_empty() && !session.loaded {
            return port.no_nodes(
                page.request,
                Failure::from(session::no_link()).hint("the tree is there as soon as the PLC has answered once"),
            );
        }
        match session.catalog.children(&page.path, filter, after, page.limit) {
            Some((mut nodes, next)) => {
                if page.path.is_empty() && after.is_none() && filter.is_none_or(str::is_empty) {
                    nodes.insert(0, own::folder());
                }
                port.nodes(page.request, nodes, next);
            }
            None => port.no_nodes(page.request, Failure::new(format!("there is nothing at `{:.200}`", page.path))),
        }
    }

    fn search(&self, page: &Page, port: &Port) {
        let text = page.filter.as_deref().unwrap_or_default();
        let (nodes, next) = self.session.borrow().catalog.search(text, page.after.as_deref(), page.limit);
        port.nodes(page.request, nodes, next);
    }

    /// Tells the daemon what only the port can.
    fn tell(&self, port: &mut Port) {
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
    }

    /// Ends pulses, gives back what the device holds for us, and lets the link go.
    async fn stop(self, mut link: JoinHandle<()>) {
        let until = Instant::now() + FAREWELL;
        let bells = Rc::clone(&self.session.borrow().bells);
        self.session.borrow_mut().writes.end_pulses();
        bells.write.notify_one();
        while !self.is_done() && Instant::now() < until {
            let _ = timeout(Duration::from_millis(10), bells.changed.notified()).await;
        }
        bells.leave.notify_one();
        let _ = timeout_at(until, &mut link).await;
        link.abort();
    }

    fn is_done(&self) -> bool {
        let session = self.session.borrow();
        session.device.is_none() || session.writes.is_done()
    }
}
