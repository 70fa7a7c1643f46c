//! Why something did not work, and what to try.

use std::io;
use std::path::PathBuf;

use fieldrail_driver::Hint;

/// What can go wrong with a configuration, a link or a topic.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A key of the configuration has a value that cannot work.
    #[error("`{key}`: {reason}")]
    Config {
        /// The key, with its index in a list.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A certificate or key file cannot be used.
    #[error("{file} holds no usable {what}: {reason}")]
    Certificate {
        /// The file as configured.
        file: PathBuf,
        /// What was looked for in it.
        what: &'static str,
        /// What the parser says.
        reason: String,
    },
    /// The broker cannot be reached.
    #[error("{0}")]
    Unreachable(Unreachable),
    /// The broker's certificate is not trusted, or it does not trust ours.
    #[error("the TLS handshake failed: {0}")]
    Tls(String),
    /// The broker answered and refused.
    #[error("the broker refuses the connection: {0}")]
    Refused(Refusal),
    /// The link was there and broke.
    #[error("the link broke: {0}")]
    Broken(String),
    /// A text that is no topic.
    #[error("`{topic}` is no topic: {reason}")]
    Topic {
        /// The text, cut to 64 characters.
        topic: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// The reasons of the operating system for not reaching a host, in the words of an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// Nobody listens there.
    #[error("connection refused")]
    NobodyListens,
    /// No answer.
    #[error("no answer")]
    Silent,
    /// The name cannot be resolved.
    #[error("the host name is not known")]
    Unknown,
    /// No way to that network.
    #[error("no route to the host")]
    NoRoute,
    /// The other side closed.
    #[error("closed by the other side")]
    Closed,
}

/// Why a broker refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The user or the password is wrong.
    #[error("wrong user or password")]
    Password,
    /// The user may not connect.
    #[error("not authorised")]
    NotAuthorised,
    /// It does not speak this version.
    #[error("it does not speak this version of MQTT")]
    Version,
    /// It does not take this client id.
    #[error("it does not take the client id")]
    ClientId,
    /// Anything else, in the broker's word.
    #[error("{0}")]
    Other(String),
}

impl Hint for Error {
    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unreachable(Unreachable::NobodyListens) => {
                Some("is the broker running, and are host and port right? (1883 without TLS, 8883 with)")
            }
            Self::Unreachable(Unreachable::Silent | Unreachable::NoRoute) => {
                Some("is the broker's machine on, in the same network, and not behind a firewall?")
            }
            Self::Unreachable(Unreachable::Unknown) => {
                Some("is `host` spelled right? an address works without a name server")
            }
            Self::Unreachable(Unreachable::Closed) => {
                Some("does this port want TLS (`tls: {}`)? does an old broker want `protocol: \"3.1.1\"`?")
            }
            Self::Tls(_) => Some(
                "is `tls.ca_file` the authority that signed the broker's certificate, and is `host` a name in that certificate?",
            ),
            Self::Refused(Refusal::Password | Refusal::NotAuthorised) => Some("check `user` and `password`"),
            Self::Refused(Refusal::Version) => Some("set `protocol` to \"3.1.1\""),
            Self::Refused(Refusal::ClientId) => Some("set another `client_id`: letters and digits, at most 23"),
            Self::Broken(_) => Some("does another client use the same `client_id`? is the network stable?"),
            Self::Topic { .. } => {
                Some("a topic is a text without `+`, `#` and NUL; in a subscription use a pattern: `a/*/c`, `a/**`")
            }
            Self::Config { .. } | Self::Certificate { .. } | Self::Refused(_) => None,
        }
    }
}

impl From<&io::Error> for Unreachable {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::NobodyListens,
            io::ErrorKind::TimedOut => Self::Silent,
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Self::NoRoute,
            // A resolver's failure has no kind of its own.
            io::ErrorKind::Other | io::ErrorKind::NotFound => Self::Unknown,
            _ => Self::Closed,
        }
    }
}
