//! The loop's state: what is open, what is searched, what is answered. It never waits; tasks do, and tell it by [`Report`].

use std::rc::Rc;
use std::time::{Duration, SystemTime};

use fieldrail_driver::{Backoff, Failure, Port, Request, State, next_try};
use fieldrail_link_ble::{Address, Bluetooth, Error as Ble, Question, Turnstile};
use fieldrail_model::Value;
use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, sleep};

use crate::actions;
use crate::air::{Air, said_by};
use crate::error::Error;
use crate::links::{self, Place};
use crate::pairing::Pairing;
use crate::points::{Points, Said};
use crate::profile::Rule;
use crate::setup::Setup;

/// What tasks tell.
pub(crate) enum Report {
    /// Bluetooth can be used.
    Opened(Bluetooth),
    /// It cannot, and is tried again after so long.
    NotOpened(Ble, Duration),
    /// A search was begun (true) or ended, or not.
    Searched(Result<bool, Ble>),
    /// A search has gone on as long as somebody asked for.
    Scanned(u64),
    /// An action has ended.
    Answer(u64, Result<serde_json::Value, Failure>),
    /// A device was removed.
    Removed(Address),
    /// A device told values over a link.
    Values(Address, Vec<(Rule, Value)>),
    /// A device could not be read over a link.
    LinkFailed(Address, Failure),
    /// Who has a turn at the adapter.
    Holders(Vec<String>),
    /// The device that is paired asks something.
    Asked(Question),
    /// The pairing has ended.
    Paired(Result<(), Ble>),
}

/// Reports that may wait.
const WAITING: usize = 256;

/// The first and the longest wait between two tries to reach Bluetooth.
const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// How often it is asked who has a turn.
const HOLDERS: Duration = Duration::from_secs(5);

/// Between two tries to search where that was refused.
const REFUSED: Duration = Duration::from_secs(5);

/// The state.
pub(crate) struct Session {
    pub(crate) setup: Rc<Setup>,
    pub(crate) points: Points,
    pub(crate) air: Air,
    pub(crate) pairing: Pairing,
    pub(crate) reports: mpsc::Sender<Report>,
    /// Until when somebody wants a search who does not always want it.
    pub(crate) search_until: Option<Instant>,
    /// Actions under way.
    pub(crate) under_way: usize,
    instance: String,
    bluetooth: Option<Bluetooth>,
    places: watch::Sender<Option<Place>>,
    /// Whether this process searches; none while it is changed.
    searching: Option<bool>,
    search_again: Instant,
    asked_holders: Option<Instant>,
    holders: Vec<String>,
    since: Option<SystemTime>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Session {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Session {
    /// Begins, with Bluetooth where it is given, else reached by the configuration.
    pub(crate) fn new(setup: Setup, port: &Port, given: Option<Bluetooth>) -> (Self, mpsc::Receiver<Report>) {
        let (reports, incoming) = mpsc::channel(WAITING);
        let setup = Rc::new(setup);
        let places = watch::Sender::new(None);
        let mut tasks = vec![spawn_local(hold(Rc::clone(&setup), given, reports.clone()))];
        for (address, named) in &setup.named {
            if let Some(profile) = named.profile.clone().filter(|profile| profile.needs_link()) {
                let follow = links::follow(*address, named.clone(), profile, places.subscribe(), reports.clone());
                tasks.push(spawn_local(follow));
            }
        }
        let session = Self {
            points: Points::new(port.outbox()),
            instance: port.instance().to_string(),
            setup,
            air: Air::default(),
            pairing: Pairing::default(),
            reports,
            search_until: None,
            under_way: 0,
            bluetooth: None,
            places,
            searching: Some(false),
            search_again: Instant::now(),
            asked_holders: None,
            holders: Vec::new(),
            since: None,
            tasks,
        };
        (session, incoming)
    }

    /// Where devices are reached.
    ///
    /// # Errors
    /// Bluetooth cannot be used, and why.
    pub(crate) fn place(&self) -> Result<Place, Error> {
        let bluetooth = self.bluetooth.clone().ok_or(Ble::NoService)?;
        let adapter = bluetooth.adapter(self.setup.adapter.as_deref())?.id;
        let turnstile = Turnstile::new(self.setup.bus.as_deref(), &adapter, &self.instance, self.setup.links);
        Ok(Place { bluetooth, adapter, turnstile })
    }

    /// Bluetooth, whether its adapter is on or not.
    pub(crate) fn bluetooth(&self) -> Option<&Bluetooth> {
        self.bluetooth.as_ref()
    }

    /// Takes what the daemon asks.
    pub(crate) fn take(&mut self, request: Request, port: &Port) {
        match request {
            Request::Subscribe { request, items } => port.subscribed(request, self.points.subscribe(items)),
            Request::Unsubscribe { tags } => self.points.unsubscribe(&tags),
            Request::Read { request, tags } => port.values(request, self.points.read(tags)),
            Request::Browse(page) => {
                let says = |path: &str| self.air.title(path, &self.setup);
                match self.points.children(&page, says) {
                    Some((nodes, next)) => port.nodes(page.request, nodes, next),
                    None => {
                        port.no_nodes(page.request, Failure::new(format!("there is nothing below `{}`", page.path)));
                    }
                }
            }
            Request::Search(page) => {
                let (nodes, next) = self.points.search(&page, |path| self.air.title(path, &self.setup));
                port.nodes(page.request, nodes, next);
            }
            Request::Call { request, action, arguments } => {
                if let Err(failure) = actions::call(self, request, &action, arguments, port) {
                    port.returned(request, Err(failure));
                }
            }
            other => port.refuse(other),
        }
    }

    /// Takes what a task tells.
    pub(crate) fn hear(&mut self, report: Report, port: &mut Port) {
        match report {
            Report::Opened(bluetooth) => self.bluetooth = Some(bluetooth),
            Report::NotOpened(error, wait) => self.not_opened(error, wait, port),
            Report::Searched(Ok(searching)) => self.searching = Some(searching),
            Report::Searched(Err(error)) => {
                self.searching = Some(false);
                self.search_again = Instant::now() + REFUSED;
                tracing::debug!(%error, "The search did not begin.");
            }
            Report::Answer(request, result) => {
                self.under_way = self.under_way.saturating_sub(1);
                port.returned(request, result);
            }
            Report::Scanned(request) => {
                self.under_way = self.under_way.saturating_sub(1);
                let devices = self.air.list(&self.setup, std::time::Instant::now());
                port.returned(request, Ok(json!({ "adapter": self.adapter_shown(), "devices": devices })));
            }
            Report::Removed(address) => self.air.forget(address, &self.setup, &mut self.points),
            Report::Values(address, values) => self.told(address, values),
            Report::LinkFailed(address, failure) => self.link_failed(address, &failure),
            Report::Holders(holders) => self.holders = holders,
            Report::Asked(question) => self.reply(port, |pairing| pairing.asked(question)),
            Report::Paired(result) => self.reply(port, |pairing| pairing.ended(result)),
        }
    }

    fn reply(&mut self, port: &Port, what: impl FnOnce(&mut Pairing) -> Option<crate::pairing::Reply>) {
        if let Some((request, result)) = what(&mut self.pairing) {
            port.returned(request, result);
        }
    }

    fn not_opened(&mut self, error: Ble, wait: Duration, port: &mut Port) {
        self.bluetooth = None;
        self.places.send_replace(None);
        self.searching = Some(false);
        self.air.lose(&self.setup, &mut self.points, &error.to_string());
        self.trouble(error, Some(wait), port);
    }

    fn trouble(&mut self, error: Ble, wait: Option<Duration>, port: &mut Port) {
        let since = *self.since.get_or_insert_with(|| {
            tracing::warn!(%error, "Bluetooth cannot be used.");
            SystemTime::now()
        });
        let mut failure = Failure::from(Error::Bluetooth(error));
        if let Some(wait) = wait {
            failure.message = format!("{} {}", failure.message, next_try(since, wait));
        }
        port.trouble(State::Degraded, failure);
    }

    fn told(&mut self, address: Address, values: Vec<(Rule, Value)>) {
        let prefix = self.setup.prefix(address);
        self.points
            .say(&format!("{prefix}.link"), Said::good("read").comment("How the last reading over a link ended"));
        for (rule, value) in values {
            self.air.told(address, &rule.name, value.clone());
            self.points.say(&format!("{prefix}.{}", rule.name), said_by(&rule, value));
        }
    }

    fn link_failed(&mut self, address: Address, failure: &Failure) {
        let prefix = self.setup.prefix(address);
        tracing::debug!(%address, error = failure.message, "It could not be read.");
        let said = Said::good(failure.message.as_str()).comment("How the last reading over a link ended");
        self.points.say(&format!("{prefix}.link"), said);
        let profile = self.setup.named.get(&address).and_then(|named| named.profile.clone());
        let read = profile.iter().flat_map(|profile| &profile.values).filter(|rule| rule.characteristic.is_some());
        for rule in read {
            let tag = format!("{prefix}.{}", rule.name);
            let value = self.points.read(vec![tag.clone()]).remove(0).value;
            let doubt = Said {
                quality: fieldrail_model::Quality::NotConnected,
                note: Some(&failure.message),
                ..said_by(rule, value)
            };
            self.points.say(&tag, doubt);
        }
    }

    /// Looks at what has changed, and begins what is due.
    pub(crate) fn look(&mut self, port: &mut Port) {
        let Some(bluetooth) = self.bluetooth.clone() else { return };
        self.say_adapter(&bluetooth);
        match self.place() {
            Err(Error::Bluetooth(error)) => {
                self.places.send_if_modified(|place| place.take().is_some());
                self.searching = Some(false);
                self.air.lose(&self.setup, &mut self.points, &error.to_string());
                self.trouble(error, None, port);
            }
            Err(_) => {}
            Ok(place) => {
                if self.since.take().is_some() {
                    tracing::info!("Bluetooth can be used again.");
                }
                port.state(State::Connected, format!("listens on {}", place.adapter));
                let now = Instant::now();
                self.air.take(bluetooth.devices(&place.adapter), &self.setup, &mut self.points, now.into_std());
                self.search(&place, now);
                self.ask_holders(&place, now);
                let is_other =
                    |known: &Option<Place>| known.as_ref().is_none_or(|known| known.adapter != place.adapter);
                if is_other(&self.places.borrow()) {
                    self.places.send_replace(Some(place));
                }
            }
        }
    }

    /// Once a second: ages.
    pub(crate) fn pass(&mut self) {
        self.air.pass(&self.setup, &mut self.points, std::time::Instant::now());
    }

    /// Figures for the instance page.
    pub(crate) fn figures(&self) -> [(&'static str, f64); 2] {
        [("devices", self.air.count() as f64), ("actions_under_way", self.under_way as f64)]
    }

    fn say_adapter(&mut self, bluetooth: &Bluetooth) {
        let adapters = bluetooth.adapters();
        let is_it = |id: &str| self.setup.adapter.as_deref().is_none_or(|wanted| wanted == id);
        let Some(adapter) = adapters.iter().filter(|adapter| is_it(&adapter.id)).max_by_key(|adapter| adapter.powered)
        else {
            return;
        };
        self.points.say("adapter.name", Said::good(adapter.id.as_str()).comment(&adapter.name));
        self.points.say("adapter.powered", Said::good(adapter.powered).comment("Whether it is switched on"));
        self.points.say("adapter.searching", Said::good(adapter.discovering).comment("Whether somebody searches"));
        let count = i64::try_from(self.air.count()).unwrap_or(i64::MAX);
        self.points.say("adapter.devices", Said::good(count).comment("How many devices are around"));
        let holders = self.holders.join(", ");
        self.points.say("adapter.held_by", Said::good(holders.as_str()).comment("Whose turn it is to hold a link"));
    }

    /// The adapter, for the page that shows it.
    pub(crate) fn adapter_shown(&self) -> Option<serde_json::Value> {
        let place = self.place().ok()?;
        let adapter = place.bluetooth.adapter(Some(&place.adapter)).ok()?;
        Some(json!({
            "id": adapter.id, "address": adapter.address.map(|address| address.to_string()), "name": adapter.name,
            "powered": adapter.powered, "searching": adapter.discovering, "held_by": self.holders
        }))
    }

    /// Begins or ends the search.
    fn search(&mut self, place: &Place, now: Instant) {
        let wanted = self.setup.search || self.search_until.is_some_and(|until| now < until);
        if self.searching.is_none_or(|searching| searching == wanted) || now < self.search_again {
            return;
        }
        self.searching = None;
        let (place, reports) = (place.clone(), self.reports.clone());
        spawn_local(async move {
            let done = if wanted {
                place.bluetooth.search(&place.adapter).await
            } else {
                place.bluetooth.rest(&place.adapter).await
            };
            let _ = reports.send(Report::Searched(done.map(|()| wanted))).await;
        });
    }

    fn ask_holders(&mut self, place: &Place, now: Instant) {
        if self.asked_holders.is_some_and(|asked| now < asked + HOLDERS) {
            return;
        }
        self.asked_holders = Some(now);
        let (turnstile, reports) = (place.turnstile.clone(), self.reports.clone());
        spawn_local(async move {
            let _ = reports.send(Report::Holders(turnstile.holders().await)).await;
        });
    }

    /// Waits until Bluetooth has something new; for ever while there is none.
    pub(crate) fn changes(&self) -> Option<watch::Receiver<u64>> {
        self.bluetooth.as_ref().map(Bluetooth::changes)
    }
}

/// Reaches Bluetooth, and again when the bus is gone.
async fn hold(setup: Rc<Setup>, given: Option<Bluetooth>, reports: mpsc::Sender<Report>) {
    let mut waits = Backoff::new(WAITS.0, WAITS.1);
    let mut given = given;
    loop {
        let opened = match given.take() {
            Some(bluetooth) => Ok(bluetooth),
            None => Bluetooth::open(setup.bus.as_deref()).await,
        };
        let error = match opened {
            Ok(bluetooth) => {
                waits.reset();
                let mut changes = bluetooth.changes();
                let _ = reports.send(Report::Opened(bluetooth.clone())).await;
                // That the service ends and comes back is seen by its signals; only the bus is reached anew.
                loop {
                    match bluetooth.alive() {
                        Err(error @ Ble::NoBus { .. }) => break error,
                        _ => drop(changes.changed().await),
                    }
                }
            }
            Err(error) => error,
        };
        let wait = waits.next(links::random());
        let _ = reports.send(Report::NotOpened(error, wait)).await;
        sleep(wait).await;
    }
}
