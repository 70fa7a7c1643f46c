//! What a person sets. The list of users comes from the daemon: hashes and rules, never a password.

use std::net::SocketAddr;
use std::path::PathBuf;

use fieldrail_link_mqtt::topic;
use fieldrail_model::IecType;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::error::Error;

/// One broker.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address and port for MQTT 3.1.1 and 5. Other machines reach it only if it is not `127.0.0.1`.
    #[serde(default = "default_listen")]
    pub listen: String,

    /// MQTT over WebSocket, at the path `/mqtt`; left out means none.
    #[serde(default)]
    pub websocket: Option<WebSocket>,

    /// MQTT over TLS, beside the plain listener; left out means none.
    #[serde(default)]
    pub tls: Option<Tls>,

    /// Lets everybody in. Only for trying things out: refused unless all listeners are on loopback, and with WebSocket.
    #[serde(default)]
    pub anonymous: bool,

    /// Who may log in; from Fieldrail's own tokens. Nobody if empty.
    #[serde(default)]
    #[schemars(extend("x-fill" = "mqtt_logins"))]
    pub users: Vec<User>,

    /// Whether written values are kept for later subscribers.
    #[serde(default = "default_true")]
    pub retain: bool,

    /// Quality of service of written values.
    #[serde(default)]
    #[schemars(range(max = 2))]
    pub publish_qos: u8,

    /// Rules for topics; the first whose filter matches holds.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    pub topics: Vec<TopicRule>,

    /// The most clients at once.
    #[serde(default = "default_max_clients")]
    #[schemars(range(min = 1, max = 5000))]
    pub max_clients: u32,

    /// The largest packet, in bytes. A client that sends a larger one is cut off before it is read.
    #[serde(default = "default_max_packet_bytes")]
    #[schemars(range(min = 1024, max = 8_000_000), extend("x-unit" = "B"))]
    pub max_packet_bytes: u32,

    /// The most retained messages; a further one is delivered and not kept.
    #[serde(default = "default_retained_messages")]
    #[schemars(range(min = 1, max = 100_000))]
    pub retained_messages: u32,

    /// The largest payload that is retained, in bytes; a larger one is refused with retain.
    #[serde(default = "default_retained_bytes")]
    #[schemars(range(min = 1, max = 8_000_000), extend("x-unit" = "B"))]
    pub retained_bytes: u32,

    /// How long a session may outlive its connection, in seconds. A client may ask for less.
    #[serde(default = "default_session_expiry_s")]
    #[schemars(range(min = 0, max = 2_592_000), extend("x-unit" = "s"))]
    pub session_expiry_s: u32,

    /// The most messages that wait for one absent client; then the oldest goes.
    #[serde(default = "default_queued_messages")]
    #[schemars(range(min = 1, max = 100_000))]
    pub queued_messages: u32,
}

/// The WebSocket listener.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebSocket {
    /// Address and port.
    pub listen: String,
}

/// The TLS listener.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Address and port; usually port 8883.
    pub listen: String,
    /// PEM file of the certificate and those that signed it.
    pub cert_file: PathBuf,
    /// PEM file of its key.
    pub key_file: PathBuf,
}

/// One who may log in.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The user name.
    pub name: String,
    /// Argon2 hash of the password, in PHC spelling: `$argon2id$v=19$m=…`.
    #[schemars(extend("x-secret" = true))]
    pub password_hash: String,
    /// Filters of the topics that it may publish to; none if empty.
    #[serde(default)]
    pub publish: Vec<String>,
    /// Filters that it may subscribe, or narrower ones; none if empty.
    #[serde(default)]
    pub subscribe: Vec<String>,
}

/// What holds for the topics that match a filter.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TopicRule {
    /// An MQTT filter: `+` is one level, `#` at the end is all below.
    pub filter: String,
    /// Quality of service of written values, in place of `publish_qos`.
    #[serde(default)]
    #[schemars(range(max = 2))]
    pub qos: Option<u8>,
    /// Whether written values are kept, in place of `retain`.
    #[serde(default)]
    pub retain: Option<bool>,
    /// The type of the value. A payload that does not fit makes the quality bad and is kept as it is; a write that does
    /// not fit is rejected.
    #[serde(default)]
    pub r#type: Option<IecType>,
    /// Split JSON payloads: each leaf is a datapoint of its own, `topic#/pointer`.
    #[serde(default)]
    pub json: bool,
    /// The payload that means true, for example `ON`.
    #[serde(default)]
    pub payload_true: Option<String>,
    /// The payload that means false.
    #[serde(default)]
    pub payload_false: Option<String>,
}

fn default_listen() -> String {
    "127.0.0.1:1883".into()
}

fn default_true() -> bool {
    true
}

fn default_max_clients() -> u32 {
    200
}

fn default_max_packet_bytes() -> u32 {
    1024 * 1024
}

fn default_retained_messages() -> u32 {
    10_000
}

fn default_retained_bytes() -> u32 {
    256 * 1024
}

fn default_session_expiry_s() -> u32 {
    7 * 24 * 3600
}

fn default_queued_messages() -> u32 {
    1000
}

/// Where the broker listens.
#[derive(Debug, Clone)]
pub(crate) struct Endpoints {
    pub(crate) plain: SocketAddr,
    pub(crate) websocket: Option<SocketAddr>,
    pub(crate) tls: Option<(SocketAddr, Tls)>,
}

impl Endpoints {
    /// Each with the scheme that a client uses.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        let websocket = self.websocket.map(|address| ("ws", address));
        let tls = self.tls.as_ref().map(|(address, _)| ("mqtts", *address));
        [Some(("mqtt", self.plain)), websocket, tls].into_iter().flatten()
    }
}

impl Config {
    /// What the schema cannot say: addresses parse, numbers are in range, filters are spelled right, and nobody is let in
    /// from outside without a password.
    pub(crate) fn check(&self) -> Result<Endpoints, Error> {
        let endpoints = Endpoints {
            plain: address("listen", &self.listen)?,
            websocket: self.websocket.as_ref().map(|ws| address("websocket.listen", &ws.listen)).transpose()?,
            tls: match &self.tls {
                Some(tls) => Some((address("tls.listen", &tls.listen)?, tls.clone())),
                None => None,
            },
        };
        if self.anonymous && endpoints.all().any(|(_, address)| !address.ip().is_loopback()) {
            return Err(Error::AnonymousOutside);
        }
        if self.anonymous && endpoints.websocket.is_some() {
            return Err(Error::AnonymousWebSocket);
        }
        for (key, value, low, high) in [
            ("publish_qos", self.publish_qos.into(), 0, 2),
            ("max_clients", self.max_clients, 1, 5000),
            ("max_packet_bytes", self.max_packet_bytes, 1024, 8_000_000),
            ("retained_messages", self.retained_messages, 1, 100_000),
            ("retained_bytes", self.retained_bytes, 1, 8_000_000),
            ("session_expiry_s", self.session_expiry_s, 0, 2_592_000),
            ("queued_messages", self.queued_messages, 1, 100_000),
        ] {
            if !(low..=high).contains(&value) {
                return Err(Error::Range { key, value, low, high });
            }
        }
        for rule in &self.topics {
            if !topic::is_valid_filter(&rule.filter) {
                return Err(Error::Filter(rule.filter.escape_debug().take(64).collect()));
            }
            if let Some(qos @ 3..) = rule.qos {
                return Err(Error::Range { key: "topics.qos", value: qos.into(), low: 0, high: 2 });
            }
        }
        Ok(endpoints)
    }
}

fn address(key: &'static str, text: &str) -> Result<SocketAddr, Error> {
    text.parse().map_err(|_| Error::Address { key, text: text.escape_debug().take(64).collect() })
}
