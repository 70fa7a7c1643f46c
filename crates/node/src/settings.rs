//! `fieldrail.json`: how the daemon itself behaves.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use fieldrail_store::{FormatVersion, Secrets, read_file};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::files::FileName;
use crate::{Error, Result};

/// The daemon's own settings. A changed listen address or log level counts from the next start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Format version, `1.0`.
    pub version: FormatVersion,
    /// Address and port of the web admin and the API. Loopback unless you decide otherwise.
    #[serde(default = "loopback")]
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// The web admin and the API over HTTPS, beside the address above. Off unless you decide otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub https: Option<Https>,
    /// Names under which browsers may reach the web admin, beside `localhost` and IP addresses. It keeps foreign pages from
    /// reaching the house through a name of their own (DNS rebinding).
    #[serde(default)]
    pub hosts: Vec<String>,
    /// The least level of the daemon's own log lines on the console.
    #[serde(default)]
    pub log_level: LogLevel,
    /// Whether the kernel may hold the limits of instances by control groups, where this user may use them. If not, the daemon
    /// holds them itself: memory by looking often, processor time by stopping and continuing. Counts from the next start.
    #[serde(default = "yes")]
    pub cgroups: bool,
    /// Forwarding of errors to a Sentry-compatible server. Off unless you decide otherwise.
    #[serde(default, skip_serializing_if = "ErrorTracking::is_default")]
    pub error_tracking: ErrorTracking,
    /// What dashboards may show of other machines.
    #[serde(default, skip_serializing_if = "DashboardSettings::is_default")]
    pub dashboards: DashboardSettings,
}

/// What dashboards may show of other machines. Nothing unless you decide otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DashboardSettings {
    /// Origins of pages that may be embedded, for example `https://weather.example`. A browser that shows a dashboard then
    /// loads them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub frames: Vec<String>,
    /// Cameras on this machine itself, for example `127.0.0.1:8080`. Those of other machines need not be named: the address
    /// of a camera only an administrator writes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub local_cameras: Vec<String>,
}

impl DashboardSettings {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The origins that are spelled as origins are; others are none.
    pub fn frames(&self) -> Vec<String> {
        self.frames.iter().filter(|origin| is_origin(origin)).take(MOST_FRAMES).cloned().collect()
    }
}

/// Origins that a policy names.
const MOST_FRAMES: usize = 50;

/// `https://HOST` or `http://HOST`, with or without a port, and nothing else.
fn is_origin(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        let (host, port) = rest.rsplit_once(':').unwrap_or((rest, "1"));
        let letters = host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-');
        !host.is_empty() && host.len() <= 253 && letters && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

/// The web admin and the API over HTTPS. Where it listens counts from the next start; a certificate is in force at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Https {
    /// Address and port, for example `0.0.0.0:8443`.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// The PEM file of your own certificate with its chain, which is followed when it is renewed. A path that begins with no
    /// `/` begins in the configuration folder. Without it the house shows one that was uploaded, or its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// The PEM file of its key; left out if that stands in the same file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// Whether browsers that come over HTTP from another machine are sent to HTTPS.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub redirect: bool,
}

/// Forwarding of errors to a Sentry-compatible server. Errors are kept in the house either way; secrets never leave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ErrorTracking {
    /// Whether errors are forwarded.
    pub enabled: bool,
    /// Where to, as the server shows it: `https://KEY@HOST/PROJECT`, or `{"secret": "name"}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dsn: Option<Dsn>,
    /// What this house is called there.
    pub environment: String,
    /// Events in an hour, at the most. The same cause goes once an hour at the most anyway.
    #[schemars(range(min = 1, max = 10_000))]
    pub max_per_hour: u32,
}

impl Default for ErrorTracking {
    fn default() -> Self {
        Self { enabled: false, dsn: None, environment: "production".into(), max_per_hour: 60 }
    }
}

impl ErrorTracking {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The address itself. Without `secrets` only one that stands in the file.
    pub(crate) fn dsn_text(&self, secrets: Option<&Secrets>) -> Option<String> {
        match self.dsn.as_ref()? {
            Dsn::Text(text) => Some(text.clone()),
            Dsn::Secret { secret } => secrets?.secrets.get(secret).map(|found| found.reveal().to_owned()),
        }
    }
}

/// An address with a key in it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Dsn {
    /// The address itself.
    Text(String),
    /// The name of a secret that holds it.
    Secret {
        /// The name in `secrets.json`.
        secret: String,
    },
}

impl std::fmt::Debug for Dsn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Dsn(…)")
    }
}

/// How much the console shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Only what somebody must act on.
    Error,
    /// And what is off.
    Warn,
    /// And the normal course of things.
    #[default]
    Info,
    /// And what helps to find a fault.
    Debug,
}

impl LogLevel {
    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

fn yes() -> bool {
    true
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8420))
}

impl Settings {
    /// Fails if two listeners want the same port, or a key stands without its certificate.
    pub(crate) fn check(&self) -> Result<()> {
        if let Some(nth) = self.dashboards.frames.iter().position(|origin| !is_origin(origin)) {
            let message = format!("`{:.100}` is no origin", self.dashboards.frames[nth]);
            let hint = Some("such as `https://weather.example`, without a path".into());
            return Err(Error::invalid_at(format!("dashboards.frames[{nth}]"), message, hint));
        }
        let Some(https) = &self.https else { return Ok(()) };
        if https.listen.port() == self.listen.port() && https.listen.port() != 0 {
            let message = format!("port {} is that of HTTP already", https.listen.port());
            return Err(Error::invalid_at("https.listen", message, Some("8443 is usual".into())));
        }
        if https.key.is_some() && https.certificate.is_none() {
            let hint = Some("add `certificate`, or leave both out".into());
            return Err(Error::invalid_at("https.key", "a key without its certificate", hint));
        }
        Ok(())
    }

    /// The settings of a configuration folder, before the house is opened; the defaults where there are none to read.
    pub fn read(config: &Path) -> Self {
        let name = FileName::Settings;
        read_file(&config.join(name.as_str()), name.options()).map(|file| file.value).unwrap_or_default()
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            version: FormatVersion,
            listen: loopback(),
            https: None,
            hosts: Vec::new(),
            log_level: LogLevel::default(),
            cgroups: true,
            error_tracking: ErrorTracking::default(),
            dashboards: DashboardSettings::default(),
        }
    }
}
