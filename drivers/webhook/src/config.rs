//! What a person sets.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

/// One HTTP end point that gets a request for each value written to this instance.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where to, `http://` or `https://`. User and password do not belong here; use a header.
    pub url: String,

    /// How.
    #[serde(default)]
    pub method: Method,

    /// Headers of each request, for example `Authorization`. At most 64.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,

    /// The body. `{value}`, `{tag}`, `{time_ms}` and `{instance}` are filled in, as JSON where the content type is JSON;
    /// `{tag}` is the address the value came from. Left out, the body is
    /// `{"address":…,"value":…,"time_ms":…,"instance":…}`.
    #[serde(default)]
    pub template: Option<String>,

    /// Signs each body, so that the receiver knows who sent it.
    #[serde(default)]
    pub hmac: Option<Hmac>,

    /// How long one try may take, in milliseconds.
    #[serde(default = "default_timeout_ms")]
    #[schemars(range(min = 100, max = 120_000), extend("x-unit" = "ms"))]
    pub timeout_ms: u32,

    /// Tries after the first one that failed without a final answer: no connection, 429, 5xx.
    #[serde(default = "default_retries")]
    #[schemars(range(min = 0, max = 20))]
    pub retries: u32,

    /// Private, loopback and link-local addresses that may be spoken to: `false` for none, or a list of host names,
    /// addresses and networks such as `["nas.home", "192.168.2.0/24"]`.
    #[serde(default)]
    pub allow_private: AllowPrivate,

    /// Certificates to trust in place of the system's, as a PEM file.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

fn default_timeout_ms() -> u32 {
    10_000
}

fn default_retries() -> u32 {
    5
}

/// The HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// A new message each time.
    #[default]
    Post,
    /// The newest value in place of the one before.
    Put,
}

/// A signature over the body: `sha256=` and the HMAC-SHA-256 in hexadecimal.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hmac {
    /// What sender and receiver share.
    #[schemars(extend("x-secret" = true))]
    pub secret: String,

    /// The header that carries the signature.
    #[serde(default = "default_signature_header")]
    pub header: String,
}

fn default_signature_header() -> String {
    "X-Fieldrail-Signature".into()
}

/// Which addresses inside of the house may be spoken to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum AllowPrivate {
    /// `false`: none. `true` is refused: say which.
    All(bool),
    /// These host names, addresses and networks.
    Listed(Vec<String>),
}

impl Default for AllowPrivate {
    fn default() -> Self {
        Self::All(false)
    }
}
