//! `fieldrail.json`: how the daemon itself behaves.

use std::net::SocketAddr;
use std::path::Path;

use fieldrail_store::{FormatVersion, Secrets, read_file};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::files::FileName;

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
            hosts: Vec::new(),
            log_level: LogLevel::default(),
            cgroups: true,
            error_tracking: ErrorTracking::default(),
        }
    }
}
