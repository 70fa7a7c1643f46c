//! The loop: requests of the daemon in, messages of the clients out.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use fieldrail_driver::{
    Backoff, Command, Failure, Node, Page, Port, Reading, Request, State, SubscribedItem, Subscription,
};
use fieldrail_link_mqtt::json::topic_and_pointer;
use fieldrail_link_mqtt::topic::is_valid_name;
use fieldrail_link_mqtt::tree::Branches;
use fieldrail_model::{Quality, Value};
use mqtt5::broker::router::MessageRouter;
use tokio::time::{interval, sleep_until};

use crate::access::Access;
use crate::config::{Config, Endpoints};
use crate::error::Error;
use crate::link::Heard;
use crate::serve::{Serving, Start, ended_early, start};
use crate::topics::{Arrival, Topics};

/// Messages that are taken at once before the daemon is heard again.
const BATCH: usize = 256;

/// Time between two reports of the figures.
const FIGURES: Duration = Duration::from_secs(10);

struct Run {
    config: Config,
    endpoints: Endpoints,
    access: Arc<Access>,
    topics: Arc<Mutex<Topics>>,
    folder: Option<PathBuf>,
    port: Port,
}

/// Runs until it is told to stop. A broker that cannot start is tried again.
pub(crate) async fn run(config: Config, endpoints: Endpoints, port: Port) {
    let mut run = Run {
        access: Arc::new(Access::new(&config)),
        topics: Arc::new(Mutex::new(Topics::new(&config))),
        folder: port.state_dir().map(Into::into),
        config,
        endpoints,
        port,
    };
    let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
    let mut since = None;
    loop {
        let error = match run.start().await {
            Ok(serving) => {
                backoff.reset();
                since = None;
                match run.attend(serving).await {
                    Some(error) => error,
                    None => return,
                }
            }
            Err(error) => error,
        };
        let wait = backoff.next(0);
        let mut failure = Failure::from(error);
        tracing::warn!(error = failure.message, "The broker does not run.");
        let since = *since.get_or_insert_with(std::time::SystemTime::now);
        let _ = write!(failure.message, ", {}", fieldrail_driver::next_try(since, wait));
        run.port.trouble(State::Degraded, failure);
        if run.wait(wait).await {
            return;
        }
    }
}

impl Run {
    fn topics(&self) -> MutexGuard<'_, Topics> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn start(&mut self) -> Result<Serving, Error> {
        let serving = start(Start {
            config: &self.config,
            endpoints: &self.endpoints,
            folder: self.folder.as_deref(),
            access: &self.access,
            topics: &self.topics,
            outbox: self.port.outbox(),
        })
        .await?;
        let retained = retained(&serving.router).await;
        for topic in retained.keys() {
            self.topics().tree().insert(topic);
        }
        let listeners: Vec<String> =
            self.endpoints.all().map(|(scheme, address)| format!("{scheme}://{address}")).collect();
        let mut text = format!("listens on {}", listeners.join(", "));
        if self.access.is_closed() {
            text.push_str("; nobody can log in: there are no users");
        }
        if self.folder.is_none() {
            text.push_str("; nothing is kept over a restart: there is no state folder");
        }
        tracing::info!(retained = retained.len(), "The broker {text}.");
        if !self.endpoints.plain.ip().is_loopback() && !self.access.is_closed() {
            tracing::warn!(address = %self.endpoints.plain, "Passwords cross the network unencrypted; `tls` keeps them secret.");
        }
        self.port.state(State::Connected, text);
        Ok(serving)
    }

    /// Works until the broker breaks, which it returns, or the daemon says stop.
    async fn attend(&mut self, mut serving: Serving) -> Option<Error> {
        let mut figures = interval(FIGURES);
        loop {
            tokio::select! {
                request = self.port.next() => match request {
                    Request::Stop => {
                        serving.stop().await;
                        return None;
                    }
                    request => self.take(request, Some(&mut serving)).await,
                },
                heard = serving.link.hear(BATCH) => {
                    let mut topics = self.topics();
                    for heard in &heard {
                        self.arrive(&mut topics, heard);
                    }
                }
                ended = &mut serving.task => return Some(ended_early(ended)),
                _ = figures.tick() => self.report(&serving.router).await,
            }
        }
    }

    fn arrive(&self, topics: &mut Topics, heard: &Heard) {
        let (topic, payload) = (&heard.packet.topic_name, &heard.packet.payload);
        topics.arrive(&self.port, &Arrival { topic, payload, origin: heard.origin.clone() });
    }

    async fn report(&self, router: &MessageRouter) {
        // The link is a client of its own.
        let clients = router.client_count().await.saturating_sub(1) as f64;
        let (retained, topics) = (router.retained_count().await as f64, self.topics().tree().len() as f64);
        self.port.metrics([("clients", clients), ("retained_messages", retained), ("topics", topics)]);
    }

    /// Answers requests until the time is over. True if the daemon said stop.
    async fn wait(&mut self, time: Duration) -> bool {
        let until = tokio::time::Instant::now() + time;
        loop {
            tokio::select! {
                request = self.port.next() => match request {
                    Request::Stop => return true,
                    request => self.take(request, None).await,
                },
                () = sleep_until(until) => return false,
            }
        }
    }

    async fn take(&mut self, request: Request, serving: Option<&mut Serving>) {
        match request {
            Request::Subscribe { request, items } => self.subscribe(request, items, serving).await,
            Request::Unsubscribe { tags } => {
                let mut topics = self.topics();
                for tag in &tags {
                    topics.unsubscribe(tag);
                }
            }
            Request::Write(commands) => {
                let serving = serving.as_deref();
                for command in commands {
                    self.write(command, serving);
                }
            }
            Request::Read { request, tags } => {
                let retained = match serving {
                    Some(serving) => retained(&serving.router).await,
                    None => HashMap::new(),
                };
                let items = tags.into_iter().map(|tag| self.read(tag, &retained)).collect();
                self.port.values(request, items);
            }
            Request::Browse(page) => {
                let found = self.topics().tree().children(
                    &page.path,
                    page.filter.as_deref(),
                    page.after.as_deref(),
                    page.limit,
                );
                self.show(&page, found);
            }
            Request::Search(page) => {
                let text = page.filter.as_deref().unwrap_or_default();
                let found = self.topics().tree().search(text, page.after.as_deref(), page.limit);
                self.show(&page, found);
            }
            other => self.port.refuse(other),
        }
    }

    async fn subscribe(&self, request: u64, items: Vec<Subscription>, serving: Option<&mut Serving>) {
        let mut known = HashMap::new();
        let mut topics = self.topics();
        if let Some(serving) = serving {
            drop(topics);
            known = retained(&serving.router).await;
            topics = self.topics();
            // What came before the subscription belongs to those before it, and to what is retained now.
            for heard in serving.link.hear_now() {
                self.arrive(&mut topics, &heard);
                if heard.packet.retain {
                    known.insert(heard.packet.topic_name, heard.packet.payload);
                }
            }
            known.retain(|_, payload| !payload.is_empty());
        }
        let mut taken = Vec::new();
        let answers: Vec<SubscribedItem> = items
            .into_iter()
            .map(|item| {
                let answer = topics.subscribe(item.tag, item.pattern);
                if answer.failure.is_none() {
                    taken.push((answer.tag.clone(), item.pattern));
                }
                answer
            })
            .collect();
        self.port.subscribed(request, answers);
        for (tag, is_pattern) in taken {
            topics.recall(&self.port, &tag, is_pattern, &known);
        }
    }

    fn write(&self, command: Command, serving: Option<&Serving>) {
        let id = command.id;
        if let Err(failure) = self.try_write(command, serving) {
            self.port.rejected(id, failure);
        }
    }

    fn try_write(&self, command: Command, serving: Option<&Serving>) -> Result<(), Failure> {
        let serving =
            serving.ok_or_else(|| Failure::new("the broker does not run").hint("see the instance's state"))?;
        if command.pulse.is_some() {
            let hint = "write the value, and let a rule write its opposite";
            return Err(Failure::new("a topic has no pulse").hint(hint));
        }
        let outgoing = self.topics().outgoing(&command.tag, &command.value)?;
        let (size, config) = (outgoing.payload.len(), &self.config);
        // A packet is its payload, its topic and a few bytes.
        if size + command.tag.len() + 64 > config.max_packet_bytes as usize {
            return Err(Failure::new(format!("{size} bytes do not fit a packet of {}", config.max_packet_bytes)));
        }
        if outgoing.retain && size > config.retained_bytes as usize {
            let failure =
                Failure::new(format!("{size} bytes are over the {} that are retained", config.retained_bytes));
            return Err(failure.hint("raise `retained_bytes`, or set `retain` to false for this topic"));
        }
        serving.link.publish(command, outgoing).map_err(|(_, failure)| failure)
    }

    fn read(&self, tag: String, retained: &HashMap<String, Bytes>) -> Reading {
        let (name, _) = topic_and_pointer(&tag);
        let nothing = |quality, note: &str| (Value::Null, quality, Some(note.into()));
        let (value, quality, note) = match retained.get(name) {
            Some(payload) => {
                let decoded = self.topics().reading(&tag, payload);
                (decoded.value, decoded.quality, decoded.note)
            }
            None if is_valid_name(name) => nothing(Quality::NoData, "no message is retained for this topic"),
            None => nothing(Quality::NotFound, "this is no topic"),
        };
        Reading { tag, value, quality, note }
    }

    fn show(&self, page: &Page, found: Branches) {
        let node = |branch: fieldrail_link_mqtt::tree::Branch| Node {
            name: branch.name,
            path: branch.path,
            writable: branch.topic.as_ref().map(|_| true),
            tag: branch.topic,
            children: branch.children,
            ..Node::default()
        };
        self.port.nodes(page.request, found.branches.into_iter().map(node).collect(), found.next);
    }
}

/// Topic and payload of every retained message.
async fn retained(router: &MessageRouter) -> HashMap<String, Bytes> {
    let messages = router.get_retained_messages("#").await;
    messages.into_iter().map(|packet| (packet.topic_name, packet.payload)).collect()
}
