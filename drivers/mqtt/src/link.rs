//! One connection to a broker, the same for both versions of MQTT: [`Sender`] asks, [`Link::next`] tells what happened.
//!
//! Invariants: what arrives is acknowledged by [`Sender::acknowledge`], and never by itself. A link lives for one
//! connection: what it had not sent when it broke dies with it, so that the library can never replay a command; whoever
//! asked decides what is asked again. [`Link::next`] is not safe to cancel: it runs in a task of its own.

mod v4;
mod v5;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::config::{Config, Protocol, Will};
use crate::error::{Error, Unreachable};
use crate::tls;

/// Publications of QoS 1 and 2 that may wait for their acknowledgement. The library scans its table at each flush, and
/// would make room for 65,535 unless told otherwise.
pub(crate) const IN_FLIGHT: u16 = 256;

/// Packets that are read, or requests that are written, in one go.
const BATCH: usize = 128;

/// How long a connection attempt may take.
const CONNECT: Duration = Duration::from_secs(5);

/// Seconds for which a broker keeps the session of an absent client.
const SESSION_EXPIRY_S: u32 = 24 * 60 * 60;

/// Where a value first came from, and how many rules it has passed.
pub(crate) type Origin = (Arc<str>, u8);

/// Something that happened on the link.
#[derive(Debug)]
pub(crate) enum Event {
    /// The broker took us; it bears its limits.
    Connected(Limits),
    /// A message arrived.
    Message(Message),
    /// A publication was handed to the socket; the number is 0 at QoS 0. In the order of [`Sender::publish`].
    Sent(u16),
    /// The broker has the publication with this number, or refused it and said why.
    Acknowledged(u16, Option<String>),
    /// The last word on a message was handed to the socket.
    Answered,
    /// A subscription was handed to the socket. In the order of [`Sender::subscribe`].
    Subscribing(u16),
    /// The broker's answer for each filter of the subscription: none is yes, text is why not.
    Subscribed(u16, Vec<Option<String>>),
    /// Nothing that matters to us.
    Other,
}

/// What the broker allows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Publications in flight.
    pub(crate) in_flight: u16,
    /// The highest quality of service.
    pub(crate) qos: u8,
    /// Whether it keeps retained messages.
    pub(crate) retain: bool,
    /// The largest packet, in bytes.
    pub(crate) packet_bytes: u32,
}

/// A message as it arrived.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) topic: Bytes,
    pub(crate) payload: Bytes,
    /// Kept by the broker, and sent because we subscribed just now.
    pub(crate) retained: bool,
    pub(crate) origin: Option<Origin>,
    /// What the broker waits for, at QoS 1 and 2; it goes to [`Sender::acknowledge`] of the same link.
    pub(crate) receipt: Option<Receipt>,
}

/// The acknowledgement of a message: with it the broker forgets the message.
#[derive(Debug)]
pub(crate) enum Receipt {
    V4(rumqttc_v4::ManualAck),
    V5(rumqttc_v5::ManualAck),
}

/// A message on its way out.
#[derive(Debug)]
pub(crate) struct Publish<'a> {
    pub(crate) topic: &'a str,
    pub(crate) payload: Bytes,
    pub(crate) qos: u8,
    pub(crate) retain: bool,
    /// Sent along with MQTT 5.
    pub(crate) origin: Option<&'a Origin>,
}

/// What a link is opened with.
#[derive(Clone)]
pub(crate) struct Options {
    host: String,
    port: u16,
    protocol: Protocol,
    tls: Option<Arc<rustls::ClientConfig>>,
    login: Option<(String, Bytes)>,
    client_id: String,
    keep_alive_s: u16,
    clean_session: bool,
    will: Option<Will>,
    max_packet_bytes: u32,
}

impl Options {
    /// The options of a configuration for the instance `name`.
    ///
    /// # Errors
    /// Certificates that cannot be used.
    pub(crate) fn new(config: &Config, name: &str) -> Result<Self, Error> {
        let default_id = || {
            let ending = if config.clean_session { format!("-{:08x}", random()) } else { String::new() };
            format!("fieldrail-{name}{ending}")
        };
        Ok(Self {
            host: config.host.clone(),
            port: config.port(),
            protocol: config.protocol,
            tls: config.tls.as_ref().map(tls::client).transpose()?,
            login: config.user.clone().map(|user| {
                let password = config.password.clone().unwrap_or_default();
                (user, Bytes::from(password.into_bytes()))
            }),
            client_id: config.client_id.clone().unwrap_or_else(default_id),
            keep_alive_s: config.keep_alive_s,
            clean_session: config.clean_session,
            will: config.will.clone(),
            max_packet_bytes: config.max_packet_bytes,
        })
    }

    /// The same for a second connection beside the first: its own name, no session, no will.
    pub(crate) fn beside(&self, what: &str) -> Self {
        let client_id = format!("{}-{what}-{:04x}", self.client_id, random() & 0xffff);
        Self { client_id, clean_session: true, will: None, ..self.clone() }
    }

    /// Whether the broker keeps messages for an absent client.
    pub(crate) fn keeps_session(&self) -> bool {
        !self.clean_session
    }

    /// Half of the keep-alive: the link must be polled at least so often, or the broker takes us for gone.
    pub(crate) fn pulse(&self) -> Duration {
        Duration::from_secs(self.keep_alive_s.into()) / 2
    }
}

/// A number that differs between processes and calls.
pub(crate) fn random() -> u32 {
    use std::hash::BuildHasher as _;
    let hash = std::hash::RandomState::new().hash_one(std::process::id());
    (hash >> 32) as u32
}

/// Asks things of the broker; never waits. Cheap to clone.
#[derive(Clone)]
pub(crate) enum Sender {
    V4(rumqttc_v4::AsyncClient),
    V5(rumqttc_v5::AsyncClient),
}

/// The other half of a [`Sender`].
pub(crate) enum Link {
    V4(Box<rumqttc_v4::EventLoop>),
    V5(Box<rumqttc_v5::EventLoop>, Limits),
}

/// Prepares a connection; it is made by the first [`Link::next`].
pub(crate) fn open(options: &Options) -> Result<(Sender, Link), Error> {
    match options.protocol {
        Protocol::V4 => v4::open(options),
        Protocol::V5 => v5::open(options),
    }
}

impl Sender {
    /// Queues a publication. False if the topic is none.
    pub(crate) fn publish(&self, publish: Publish<'_>) -> bool {
        match self {
            Self::V4(client) => v4::publish(client, publish),
            Self::V5(client) => v5::publish(client, publish),
        }
    }

    /// Queues one subscription to all these filters, each with its quality of service.
    pub(crate) fn subscribe(&self, filters: &[(String, u8)]) -> bool {
        match self {
            Self::V4(client) => v4::subscribe(client, filters),
            Self::V5(client) => v5::subscribe(client, filters),
        }
    }

    /// Queues the acknowledgement of a message.
    pub(crate) fn acknowledge(&self, receipt: Receipt) {
        // It fails only on a broken link, and then the broker sends the message again.
        match (self, receipt) {
            (Self::V4(client), Receipt::V4(receipt)) => drop(client.try_manual_ack(receipt)),
            (Self::V5(client), Receipt::V5(receipt)) => drop(client.try_manual_ack(receipt)),
            _ => {}
        }
    }

    /// Queues the end of subscriptions.
    pub(crate) fn unsubscribe(&self, filters: &[String]) {
        let filters = filters.iter().cloned();
        // It fails only on a broken link, whose subscriptions are gone anyway.
        match self {
            Self::V4(client) => drop(client.try_unsubscribe_many(filters)),
            Self::V5(client) => drop(client.try_unsubscribe_many(filters)),
        }
    }

    /// Says goodbye after what was sent is acknowledged, or after `patience`.
    pub(crate) fn disconnect(&self, patience: Duration) {
        match self {
            Self::V4(client) => drop(client.try_disconnect_with_timeout(patience)),
            Self::V5(client) => drop(client.try_disconnect_with_timeout(patience)),
        }
    }
}

impl Link {
    /// What happened next. After an error the link is of no use any more.
    pub(crate) async fn next(&mut self) -> Result<Event, Error> {
        match self {
            Self::V4(link) => link.poll().await.map(v4::event).map_err(v4::error),
            Self::V5(link, limits) => link.poll().await.map(|event| v5::event(event, *limits)).map_err(v5::error),
        }
    }
}

/// What an I/O error means: TLS wraps its own into one.
fn io_error(error: &std::io::Error) -> Error {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(tls) => tls_error(tls),
        None => Error::Unreachable(Unreachable::from(error)),
    }
}

fn tls_error(error: &rustls::Error) -> Error {
    use rustls::{AlertDescription, CertificateError, Error as Tls};
    Error::Tls(match error {
        Tls::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
            "the broker's certificate is signed by an authority that is not trusted".into()
        }
        Tls::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "the broker's certificate is for another name".into(),
        Tls::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            "the broker's certificate has expired".into()
        }
        Tls::AlertReceived(AlertDescription::CertificateRequired) => "the broker wants a client certificate".into(),
        other => other.to_string(),
    })
}
