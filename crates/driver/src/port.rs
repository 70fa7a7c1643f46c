//! What a driver holds: requests come in by [`Port::next`], everything else goes out through the [`Outbox`].
//!
//! Invariant: the heartbeat is sent from inside [`Port::next`] and from nowhere else, so it proves that the driver's own
//! loop turns. A driver that blocks, or that waits for its device without listening, misses its pulse.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use fieldrail_model::{InstanceId, Value};
use fieldrail_wire::daemon::Subscription;
use fieldrail_wire::plugin::{Configured, Event, Metrics, Nodes, Progress, Returned, Status, Subscribed, Values};
use fieldrail_wire::sample::WireOrigin;
use fieldrail_wire::{FromPlugin, TagRef, ToPlugin};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::{Failure, Node, Outbox, Reading, SubscribedItem};

/// How the link to the device stands.
pub use fieldrail_wire::plugin::Status as State;

/// What the daemon asks for. Each with a `request` number wants the answer of the same name from [`Port`].
#[derive(Debug)]
pub enum Request {
    /// Send these from now on; answer with [`Port::subscribed`].
    Subscribe {
        /// The number of the question.
        request: u64,
        /// Tags and patterns.
        items: Vec<Subscription>,
    },
    /// Nobody needs these any more; no answer.
    Unsubscribe {
        /// As they were subscribed.
        tags: Vec<String>,
    },
    /// Write to the device; answer each with [`Outbox::confirmed`], [`Outbox::rejected`] or [`Outbox::expired`].
    Write(Vec<Command>),
    /// Read once; answer with [`Port::values`].
    Read {
        /// The number of the question.
        request: u64,
        /// Which tags.
        tags: Vec<String>,
    },
    /// The children of a path; answer with [`Port::nodes`].
    Browse(Page),
    /// The nodes that match a text; answer with [`Port::nodes`].
    Search(Page),
    /// Do a named action; answer with [`Port::returned`].
    Call {
        /// The number of the question.
        request: u64,
        /// One of the actions in the capabilities.
        action: String,
        /// What it takes.
        arguments: serde_json::Value,
    },
    /// Take a new configuration; answer with [`Port::configured`].
    Configure {
        /// The number of the question.
        request: u64,
        /// The whole new configuration.
        config: serde_json::Value,
    },
    /// Leave the device in order and return from `run`. Also said when the daemon is gone.
    Stop,
}

/// One write to the device.
#[derive(Debug, Clone)]
pub struct Command {
    /// Its number.
    pub id: u64,
    /// Which datapoint; empty means the instance's default target.
    pub tag: Arc<str>,
    /// What to write.
    pub value: Value,
    /// It must not reach the device after this.
    pub expires: Instant,
    /// Write the value, and after this long its opposite; say with [`Outbox::pulsed`] when that has arrived.
    pub pulse: Option<Duration>,
    /// Where the value first came from; an echo of this write carries it.
    pub origin: Option<WireOrigin>,
}

/// One page of nodes that is asked for.
#[derive(Debug, Clone)]
pub struct Page {
    /// The number of the question.
    pub request: u64,
    /// The path whose children are asked for; for a search the empty root.
    pub path: String,
    /// Part of the name, in any case.
    pub filter: Option<String>,
    /// The `next` of the page before.
    pub after: Option<String>,
    /// The most nodes on the page.
    pub limit: usize,
}

/// A driver's connection to the daemon.
pub struct Port {
    instance: InstanceId,
    state_dir: Option<PathBuf>,
    outbox: Outbox,
    inbox: mpsc::Receiver<ToPlugin>,
    names: Vec<Option<Arc<str>>>,
    heartbeat: Duration,
    next_beat: Instant,
    turns: u64,
    last_state: Option<(Status, String)>,
}

/// A port sends like its outbox.
impl Deref for Port {
    type Target = Outbox;

    fn deref(&self) -> &Outbox {
        &self.outbox
    }
}

/// Writes live so long unless they say otherwise.
const DEFAULT_TTL: Duration = Duration::from_secs(5);

/// The most tag numbers that the daemon may declare.
const MAX_TAGS: usize = 4_000_000;

impl Port {
    pub(crate) fn new(
        welcome: &fieldrail_wire::daemon::Welcome,
        outbox: Outbox,
        inbox: mpsc::Receiver<ToPlugin>,
    ) -> Self {
        Self {
            instance: welcome.instance.clone(),
            state_dir: welcome.state_dir.clone().map(PathBuf::from),
            outbox,
            inbox,
            names: Vec::new(),
            heartbeat: Duration::from_millis(welcome.progress_ms.max(100).into()),
            next_beat: Instant::now(),
            turns: 0,
            last_state: None,
        }
    }

    /// Who this is in the house.
    pub fn instance(&self) -> &InstanceId {
        &self.instance
    }

    /// A folder of the instance's own, for what it wants to find again after a restart.
    pub fn state_dir(&self) -> Option<&std::path::Path> {
        self.state_dir.as_deref()
    }

    /// The way out, for a part of the driver that lives beside its main loop.
    pub fn outbox(&self) -> Outbox {
        self.outbox.clone()
    }

    /// The next request; sends the heartbeat while it waits. Safe to drop and call again (`select!`).
    pub async fn next(&mut self) -> Request {
        loop {
            self.turns += 1;
            if Instant::now() >= self.next_beat {
                self.outbox.say(FromPlugin::Progress(Progress { turns: self.turns }));
                self.next_beat = Instant::now() + self.heartbeat;
            }
            tokio::select! {
                biased;
                message = self.inbox.recv() => {
                    if let Some(request) = self.take(message) {
                        return request;
                    }
                }
                () = sleep_until(self.next_beat) => {}
            }
        }
    }

    fn take(&mut self, message: Option<ToPlugin>) -> Option<Request> {
        Some(match message {
            None | Some(ToPlugin::Stop(_)) => Request::Stop,
            Some(ToPlugin::Subscribe(m)) => Request::Subscribe { request: m.request, items: m.items },
            Some(ToPlugin::Unsubscribe(m)) => Request::Unsubscribe { tags: m.tags },
            Some(ToPlugin::Write(m)) => Request::Write(self.commands(m)),
            Some(ToPlugin::Read(m)) => Request::Read { request: m.request, tags: m.tags },
            Some(ToPlugin::Browse(m)) => Request::Browse(Page {
                request: m.request,
                path: m.path,
                filter: m.filter,
                after: m.after,
                limit: m.limit as usize,
            }),
            Some(ToPlugin::Search(m)) => Request::Search(Page {
                request: m.request,
                path: String::new(),
                filter: Some(m.text),
                after: m.after,
                limit: m.limit as usize,
            }),
            Some(ToPlugin::Call(m)) => Request::Call { request: m.request, action: m.action, arguments: m.arguments },
            Some(ToPlugin::Configure(m)) => Request::Configure { request: m.request, config: m.config },
            Some(other) => {
                tracing::warn!(?other, "The daemon said something that does not belong here.");
                return None;
            }
        })
    }

    fn commands(&mut self, write: fieldrail_wire::daemon::Write) -> Vec<Command> {
        let received = Instant::now();
        for (number, name) in write.tags {
            let number = number as usize;
            if number >= MAX_TAGS {
                continue;
            }
            if number >= self.names.len() {
                self.names.resize(number + 1, None);
            }
            self.names[number] = Some(name);
        }
        let named = write.items.into_iter().filter_map(|item| {
            let tag = match item.tag {
                TagRef::Name(name) => Some(name),
                TagRef::Number(number) => self.names.get(number as usize).cloned().flatten(),
            };
            let Some(tag) = tag else {
                self.outbox.rejected(item.id, Failure::new("the write uses a tag number that was never declared"));
                return None;
            };
            let ttl = item.ttl_ms.map_or(DEFAULT_TTL, |ms| Duration::from_millis(ms.into()));
            Some(Command {
                id: item.id,
                tag,
                value: item.value,
                expires: received + ttl,
                pulse: item.pulse_ms.map(|ms| Duration::from_millis(ms.into())),
                origin: item.origin,
            })
        });
        named.collect()
    }

    /// Says how the link stands. Saying the same again costs nothing.
    pub fn state(&mut self, status: State, text: impl Into<String>) {
        self.say_state(status, text.into(), None, false);
    }

    /// Says that it works in another way than it should, and that the device answers all the same: what must arrive leaves.
    pub fn makes_do(&mut self, how: impl Into<Failure>) {
        let how = how.into();
        self.say_state(Status::Degraded, how.message, how.hint, true);
    }

    /// Says that the link does not stand, and why.
    pub fn trouble(&mut self, status: State, failure: impl Into<Failure>) {
        let failure = failure.into();
        self.say_state(status, failure.message, failure.hint, false);
    }

    fn say_state(&mut self, status: Status, text: String, hint: Option<String>, answers: bool) {
        if self.last_state.as_ref().is_some_and(|last| last.0 == status && last.1 == text) {
            return;
        }
        self.last_state = Some((status, text.clone()));
        self.outbox.say(FromPlugin::State(fieldrail_wire::plugin::State { status, text, hint, answers }));
    }

    /// Answers [`Request::Subscribe`]: one item for each asked for, in the same order.
    pub fn subscribed(&self, request: u64, items: Vec<SubscribedItem>) {
        self.outbox.say(FromPlugin::Subscribed(Subscribed { request, items }));
    }

    /// Answers [`Request::Read`].
    pub fn values(&self, request: u64, items: Vec<Reading>) {
        self.outbox.say(FromPlugin::Values(Values { request, items }));
    }

    /// Answers [`Request::Browse`] and [`Request::Search`].
    pub fn nodes(&self, request: u64, nodes: Vec<Node>, next: Option<String>) {
        self.outbox.say(FromPlugin::Nodes(Nodes { request, nodes, next, failure: None }));
    }

    /// Answers [`Request::Browse`] and [`Request::Search`] where nothing can be shown.
    pub fn no_nodes(&self, request: u64, failure: impl Into<Failure>) {
        let failure = Some(failure.into().into());
        self.outbox.say(FromPlugin::Nodes(Nodes { request, failure, ..Nodes::default() }));
    }

    /// Answers [`Request::Call`].
    pub fn returned(&self, request: u64, result: Result<serde_json::Value, Failure>) {
        let (result, failure) = match result {
            Ok(value) => (value, None),
            Err(failure) => (serde_json::Value::Null, Some(failure.into())),
        };
        self.outbox.say(FromPlugin::Returned(Returned { request, result, failure }));
    }

    /// Answers [`Request::Configure`]; after a failure the daemon restarts the driver.
    pub fn configured(&self, request: u64, result: Result<(), Failure>) {
        self.outbox.say(FromPlugin::Configured(Configured { request, failure: result.err().map(Into::into) }));
    }

    /// Says that something happened which is no value.
    pub fn event(&self, kind: &str, data: serde_json::Value) {
        self.outbox.say(FromPlugin::Event(Event { kind: kind.into(), data }));
    }

    /// Figures that only the driver knows; units in the names.
    pub fn metrics<'a>(&self, figures: impl IntoIterator<Item = (&'a str, f64)>) {
        let figures = figures.into_iter().map(|(name, figure)| (name.to_owned(), figure)).collect();
        self.outbox.say(FromPlugin::Metrics(Metrics { figures }));
    }

    /// Answers a request that this driver's capabilities do not announce.
    pub fn refuse(&self, request: Request) {
        let failure = || Failure::new("this driver cannot do that");
        match request {
            Request::Subscribe { request, items } => {
                let refused = |item: Subscription| SubscribedItem { tag: item.tag, failure: Some(failure().into()) };
                self.subscribed(request, items.into_iter().map(refused).collect());
            }
            Request::Write(commands) => {
                for command in commands {
                    self.outbox.rejected(command.id, failure());
                }
            }
            Request::Read { request, .. } => self.values(request, Vec::new()),
            Request::Browse(page) | Request::Search(page) => self.no_nodes(page.request, failure()),
            Request::Call { request, action, .. } => {
                self.returned(request, Err(Failure::new(format!("there is no action `{action}`"))));
            }
            Request::Configure { request, .. } => self.configured(request, Err(failure())),
            Request::Unsubscribe { .. } | Request::Stop => {}
        }
    }
}
