//! The broker's own client inside of the process: hears every message and publishes what is written.
//!
//! Its own messages come back in the order in which they were published, so the origin of each write finds its echo.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use fieldrail_driver::{Command, Failure, Outbox, WireOrigin};
use mqtt5::QoS;
use mqtt5::broker::router::{
    DeliveryLanes, LaneReceivers, MessageRouter, RoutableMessage, SubscriptionRequest, TakeoverNotice,
};
use mqtt5::packet::publish::PublishPacket;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::keep::CLIENT_PROPERTY;
use crate::topics::Outgoing;

/// The link's name among the clients. No client of the network can have it: the broker refuses a `/`.
pub(crate) const NAME: &str = "fieldrail/link";

/// Messages that may wait for the link; see [`crate::hooks`] for what happens before it is full.
const LANE: usize = 16_384;

/// Writes that may wait to be published.
const MAX_WRITES: usize = 4096;

/// Origins that wait for their echo.
const MAX_ECHOES: usize = 8192;

type Echoes = Arc<Mutex<VecDeque<(Arc<str>, Option<WireOrigin>)>>>;

/// Both ends of the link before the broker runs.
pub(crate) struct Lanes(DeliveryLanes, LaneReceivers);

impl Lanes {
    pub(crate) fn new() -> Self {
        let (send, receive) = DeliveryLanes::channel(LANE);
        Self(send, receive)
    }

    /// The end into which the broker puts messages.
    pub(crate) fn lane(&self) -> mpsc::Sender<RoutableMessage> {
        self.0.qos0_tx.clone()
    }
}

/// The link to a running broker.
pub(crate) struct Link {
    lanes: LaneReceivers,
    echoes: Echoes,
    /// None once it is closed.
    writes: Option<mpsc::Sender<Publication>>,
    writer: tokio::task::JoinHandle<()>,
    _displaced: oneshot::Receiver<TakeoverNotice>,
}

/// A write on its way out.
struct Publication {
    command: Command,
    outgoing: Outgoing,
}

/// One message that came over the link.
pub(crate) struct Heard {
    pub(crate) packet: PublishPacket,
    /// Set if it is the echo of a write that carried one.
    pub(crate) origin: Option<WireOrigin>,
}

impl Link {
    /// Registers with the broker and subscribes everything.
    pub(crate) async fn open(
        router: Arc<MessageRouter>,
        lanes: Lanes,
        outbox: Outbox,
    ) -> Result<Self, mqtt5::MqttError> {
        let Lanes(send, receive) = lanes;
        let (displace, displaced) = oneshot::channel();
        router.register_client(NAME.into(), send, router.queue_handle(NAME), displace).await;
        // Quality of service 0 keeps all messages in one lane, and so in order.
        router.subscribe(SubscriptionRequest::new(NAME, "#", QoS::AtMostOnce).with_retain_as_published(true)).await?;
        let echoes = Echoes::default();
        let (writes, waiting) = mpsc::channel(MAX_WRITES);
        let writer = tokio::task::spawn_local(publish_all(router, waiting, Arc::clone(&echoes), outbox));
        Ok(Self { lanes: receive, echoes, writes: Some(writes), writer, _displaced: displaced })
    }

    /// Waits for messages and takes at most `limit` of them.
    pub(crate) async fn hear(&mut self, limit: usize) -> Vec<Heard> {
        let mut messages = Vec::new();
        self.lanes.qos0.recv_many(&mut messages, limit).await;
        messages.into_iter().map(|message| self.heard(message)).collect()
    }

    /// Takes what has come, without waiting.
    pub(crate) fn hear_now(&mut self) -> Vec<Heard> {
        let messages: Vec<_> = std::iter::from_fn(|| self.lanes.qos0.try_recv().ok()).take(LANE).collect();
        messages.into_iter().map(|message| self.heard(message)).collect()
    }

    fn heard(&self, message: RoutableMessage) -> Heard {
        let packet = message.publish;
        let is_own = packet.properties.get_user_property_value(CLIENT_PROPERTY).is_none();
        let origin = if is_own { self.echo_of(&packet.topic_name) } else { None };
        Heard { packet, origin }
    }

    fn echo_of(&self, topic: &str) -> Option<WireOrigin> {
        let mut echoes = self.echoes.lock().unwrap_or_else(PoisonError::into_inner);
        let at = echoes.iter().position(|(name, _)| **name == *topic)?;
        echoes.drain(..=at).next_back().and_then(|(_, origin)| origin)
    }

    /// Publishes a write as soon as those before it are done.
    pub(crate) fn publish(&self, command: Command, outgoing: Outgoing) -> Result<(), (u64, Failure)> {
        let id = command.id;
        let sent =
            self.writes.as_ref().is_some_and(|writes| writes.try_send(Publication { command, outgoing }).is_ok());
        let failure = || Failure::new(format!("{MAX_WRITES} writes wait already")).hint("write less often");
        if sent { Ok(()) } else { Err((id, failure())) }
    }

    /// Publishes what waits, and ends.
    pub(crate) async fn close(&mut self) {
        self.writes = None;
        let _ = (&mut self.writer).await;
    }
}

/// Publishes writes one after the other; each is confirmed when it is routed.
async fn publish_all(
    router: Arc<MessageRouter>,
    mut waiting: mpsc::Receiver<Publication>,
    echoes: Echoes,
    outbox: Outbox,
) {
    while let Some(Publication { command, outgoing }) = waiting.recv().await {
        if Instant::now() >= command.expires {
            outbox.expired(command.id);
            continue;
        }
        let qos = match outgoing.qos {
            0 => QoS::AtMostOnce,
            1 => QoS::AtLeastOnce,
            _ => QoS::ExactlyOnce,
        };
        let mut packet = PublishPacket::new(&*command.tag, Bytes::from(outgoing.payload), qos);
        packet.retain = outgoing.retain;
        {
            let mut echoes = echoes.lock().unwrap_or_else(PoisonError::into_inner);
            if echoes.len() >= MAX_ECHOES {
                echoes.pop_front();
            }
            echoes.push_back((command.tag, command.origin));
        }
        router.route_message(&packet, Some(NAME)).await;
        outbox.confirmed(command.id);
    }
}
