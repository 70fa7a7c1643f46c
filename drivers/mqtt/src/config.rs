//! What a person configures. The doc comments become the schema, the form in the web admin, and the table in the README.

use std::path::PathBuf;

use fieldrail_model::IecType;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::error::Error;
use crate::topic::{check_filter, check_topic};

/// One MQTT broker that somebody else runs.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Name or address of the broker, for example `192.168.2.50`.
    #[schemars(length(min = 1))]
    pub host: String,
    /// TCP port; 1883, or 8883 with TLS, unless given.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// A second broker, taken when the first does not answer; as soon as the first answers again it is taken back.
    #[serde(default)]
    pub fallback: Option<Fallback>,
    /// Version of MQTT. Every broker speaks 3.1.1, also old and built-in ones, so it is the default; 5 adds reasons for
    /// refusals, and the origin of a value travels with its message.
    #[serde(default)]
    pub protocol: Protocol,
    /// Encryption, with the broker's certificate verified. `{}` trusts what this machine trusts; left out means none.
    #[serde(default)]
    pub tls: Option<Tls>,
    /// User name.
    #[serde(default)]
    pub user: Option<String>,
    /// Password; better as a reference: `{"secret": "name"}`.
    #[serde(default)]
    #[schemars(extend("x-secret" = true))]
    pub password: Option<String>,
    /// Name of this client at the broker. Two clients with the same one throw each other out. Unless given:
    /// `fieldrail-INSTANCE`, and a random ending where no session is kept.
    #[serde(default)]
    pub client_id: Option<String>,
    /// Seconds of silence after which broker and client test the link.
    #[serde(default = "default_keep_alive_s")]
    #[schemars(range(min = 5, max = 3600), extend("x-unit" = "s"))]
    pub keep_alive_s: u16,
    /// Begin anew at each connect. When false the broker keeps subscriptions and messages (QoS 1 and 2) of an absent
    /// client for a day.
    #[serde(default = "default_true")]
    pub clean_session: bool,
    /// What the broker publishes when this client vanishes.
    #[serde(default)]
    pub will: Option<Will>,
    /// Quality of service of subscriptions: 0 at most once, 1 at least once, 2 exactly once.
    #[serde(default)]
    #[schemars(range(max = 2))]
    pub subscribe_qos: u8,
    /// Quality of service of what is published. A write is confirmed when it is handed to the socket (0), or when the
    /// broker has acknowledged it (1, 2).
    #[serde(default)]
    #[schemars(range(max = 2))]
    pub publish_qos: u8,
    /// Whether the broker is to keep what is published for later subscribers.
    #[serde(default)]
    pub retain: bool,
    /// Rules for topics; the first whose filter matches holds.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    pub topics: Vec<TopicRule>,
    /// What is subscribed while somebody browses, as an MQTT filter. Narrow it where a broker carries very much.
    #[serde(default = "default_browse_filter")]
    pub browse_filter: String,
    /// The largest message that is taken or sent, in bytes.
    #[serde(default = "default_max_packet_bytes")]
    #[schemars(range(min = 1024, max = 8_000_000), extend("x-unit" = "B"))]
    pub max_packet_bytes: u32,
    /// With MQTT 5: send with each message where its value first came from, so that rules of other nodes make no circle.
    #[serde(default = "default_true")]
    pub send_origin: bool,
}

/// A second broker. All that is not said here is as for the first.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fallback {
    /// Name or address.
    #[schemars(length(min = 1))]
    pub host: String,
    /// TCP port; that of the first unless given.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
}

/// The two versions of MQTT in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
pub enum Protocol {
    /// Of 2014; every broker speaks it.
    #[default]
    #[serde(rename = "3.1.1")]
    V4,
    /// Of 2019.
    #[serde(rename = "5")]
    V5,
}

/// Encryption. Verification cannot be switched off.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// PEM file of the authority that signed the broker's certificate; this machine's authorities unless given.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// PEM file of a certificate for this client; with `client_key`.
    #[serde(default)]
    pub client_cert: Option<PathBuf>,
    /// PEM file of that certificate's key.
    #[serde(default)]
    pub client_key: Option<PathBuf>,
}

/// What the broker publishes when this client vanishes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Will {
    /// Where it is published.
    pub topic: String,
    /// What is published, as text.
    #[serde(default)]
    pub payload: String,
    /// Quality of service, 0 to 2.
    #[serde(default)]
    #[schemars(range(max = 2))]
    pub qos: u8,
    /// Whether the broker keeps it.
    #[serde(default)]
    pub retain: bool,
}

/// What holds for the topics that match a filter.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TopicRule {
    /// An MQTT filter: `+` is one level, `#` at the end is all below.
    pub filter: String,
    /// Quality of service in both directions, in place of the defaults.
    #[serde(default)]
    #[schemars(range(max = 2))]
    pub qos: Option<u8>,
    /// Whether the broker is to keep what is published here.
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

fn default_keep_alive_s() -> u16 {
    30
}

fn default_true() -> bool {
    true
}

fn default_browse_filter() -> String {
    "#".into()
}

fn default_max_packet_bytes() -> u32 {
    1024 * 1024
}

impl Config {
    /// The port in force.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(if self.tls.is_some() { 8883 } else { 1883 })
    }

    /// The same for each broker, the first one first.
    pub(crate) fn end_points(&self) -> Vec<Self> {
        let second = self.fallback.as_ref().map(|second| Self {
            host: second.host.clone(),
            port: second.port.or(self.port),
            fallback: None,
            ..self.clone()
        });
        std::iter::once(self.clone()).chain(second).collect()
    }

    /// `host:port`, as states and logs name the broker.
    pub fn broker(&self) -> String {
        format!("{}:{}", self.host, self.port())
    }

    /// What the schema cannot say: topics and filters are spelled right, pairs are whole.
    ///
    /// # Errors
    /// The first key that cannot work.
    pub fn check(&self) -> Result<(), Error> {
        let wrong = |key: &str, reason: &str| Error::Config { key: key.into(), reason: reason.into() };
        if self.host.trim().is_empty() {
            return Err(wrong("host", "the name or address of the broker is missing"));
        }
        if self.fallback.as_ref().is_some_and(|second| second.host.trim().is_empty()) {
            return Err(wrong("fallback.host", "the name or address of the second broker is missing"));
        }
        if self.subscribe_qos > 2 || self.publish_qos > 2 || self.will.as_ref().is_some_and(|will| will.qos > 2) {
            return Err(wrong("qos", "the quality of service is 0, 1 or 2"));
        }
        if self.password.is_some() && self.user.is_none() {
            return Err(wrong("password", "a password needs a `user`"));
        }
        if self.client_id.as_ref().is_some_and(|id| id.is_empty() || id.len() > 255) {
            return Err(wrong("client_id", "it has 1 to 255 characters"));
        }
        if self.tls.as_ref().is_some_and(|tls| tls.client_cert.is_some() != tls.client_key.is_some()) {
            return Err(wrong("tls.client_cert", "a certificate needs its `client_key`, and a key its `client_cert`"));
        }
        if let Some(will) = &self.will {
            check_topic(&will.topic).map_err(|error| wrong("will.topic", &error.to_string()))?;
        }
        check_filter(&self.browse_filter).map_err(|error| wrong("browse_filter", &error.to_string()))?;
        for (index, rule) in self.topics.iter().enumerate() {
            rule.check().map_err(|reason| wrong(&format!("topics[{index}].filter"), &reason))?;
        }
        Ok(())
    }
}

impl TopicRule {
    fn check(&self) -> Result<(), String> {
        check_filter(&self.filter).map_err(|error| error.to_string())?;
        if self.qos.is_some_and(|qos| qos > 2) {
            return Err("the quality of service is 0, 1 or 2".into());
        }
        if self.payload_true.is_some() && self.payload_true == self.payload_false {
            return Err("`payload_true` and `payload_false` are the same".into());
        }
        Ok(())
    }
}
