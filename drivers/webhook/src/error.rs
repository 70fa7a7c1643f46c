//! Why a configuration cannot be used. None of the messages repeats a secret: not the path of the URL, not a header's value.

use std::io;
use std::path::PathBuf;

use fieldrail_driver::Hint;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The URL does not parse, or has no host.
    #[error("`url` is no URL")]
    Url,
    /// Neither `http` nor `https`.
    #[error("`url` begins with neither http:// nor https://")]
    Scheme,
    /// `user:password@` in the URL.
    #[error("`url` holds a user or a password")]
    UserInfo,
    /// A header that cannot be sent.
    #[error("the header `{0}` cannot be sent")]
    Header(String),
    /// A header that belongs to HTTP itself.
    #[error("the header `{0}` is set by Fieldrail itself")]
    OwnHeader(String),
    /// More headers than anybody needs.
    #[error("{0} headers are more than 64")]
    TooManyHeaders(usize),
    /// The template gives no JSON although the content type says so.
    #[error("the template gives no JSON: {0}")]
    Template(serde_json::Error),
    /// `allow_private: true`.
    #[error("`allow_private` is true")]
    AllowAll,
    /// An entry of `allow_private`.
    #[error("`{0}` in `allow_private` is no host name, address or network")]
    AllowEntry(String),
    /// A number outside of its range.
    #[error("`{key}` is {value}, outside of {low} to {high}")]
    Range {
        /// Which key.
        key: &'static str,
        /// What it says.
        value: u32,
        /// The least.
        low: u32,
        /// The most.
        high: u32,
    },
    /// The secret is empty.
    #[error("`hmac.secret` is empty")]
    NoSecret,
    /// The trusted certificates cannot be read.
    #[error("the certificates in {file} cannot be read: {reason}")]
    Certificates {
        /// Which file.
        file: PathBuf,
        /// The reader's reason.
        reason: String,
    },
    /// The system trusts nobody.
    #[error("the system has no trusted certificates")]
    NoRoots,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    /// The simulated receiver cannot listen.
    #[error("the simulated receiver cannot listen on loopback")]
    Simulation(#[from] io::Error),
}

impl Hint for Error {
    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Url | Self::Scheme => "it looks like https://example.org/hook",
            Self::UserInfo => "put it in a header: \"Authorization\": \"Basic …\"",
            Self::Header(_) => "a name is letters, digits and dashes; a value is visible text without line breaks",
            Self::OwnHeader(_) => "leave it out",
            Self::TooManyHeaders(_) => "leave out what the receiver does not read",
            Self::Template(_) => {
                "write {value} bare where a JSON value belongs and inside of quotes where text does, \
                 or set the header Content-Type to text/plain"
            }
            Self::AllowAll => "say which: [\"192.168.2.10\"] or [\"nas.home\", \"10.0.0.0/8\"]",
            Self::AllowEntry(_) => "it looks like nas.home, 192.168.2.10, 192.168.2.0/24 or fd00::/8",
            Self::Range { .. } => "see the driver's README",
            Self::NoSecret => "leave out `hmac`, or set a secret",
            Self::Certificates { .. } => "it must be a PEM file with at least one certificate that this user may read",
            Self::NoRoots => "install the package ca-certificates, or set `ca_file`",
            Self::Tls(_) | Self::Simulation(_) => return None,
        })
    }
}
