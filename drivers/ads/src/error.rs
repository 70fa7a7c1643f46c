//! Why something did not work, and what to try.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use fieldrail_driver::Hint;

use crate::codec::Malformed;
use crate::codec::ams::{AmsAddress, NetId};
use crate::codes::AdsCode;

/// What can go wrong with a configuration, a link, a symbol or a value.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A key of the configuration has a value that cannot work.
    #[error("`{key}`: {reason}")]
    Config {
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The `.tpy` file cannot be used.
    #[error("{file} cannot be used: {reason}")]
    Tpy {
        /// The file as configured.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The device cannot be reached.
    #[error("{host} cannot be reached: {reason}")]
    Unreachable {
        /// Where it should be.
        host: String,
        /// In the words of an operator.
        reason: Unreachable,
    },
    /// The device takes the connection and closes it, or says nothing, as one without a route to us does.
    #[error("{host} takes the connection and {what}: it has no route to this machine ({own})")]
    NoRoute {
        /// The device.
        host: String,
        /// `closes it` or `does not answer`.
        what: &'static str,
        /// Our Net ID.
        own: NetId,
    },
    /// The device is there, under another Net ID.
    #[error("{host} is not {wanted}{}", found.map(|id| format!(", it calls itself {id}")).unwrap_or_default())]
    WrongNetId {
        /// The device.
        host: String,
        /// As configured.
        wanted: NetId,
        /// As the device says, if it was asked and answered.
        found: Option<NetId>,
    },
    /// There is no runtime at this port, but one of the other generation of TwinCAT.
    #[error("there is no runtime at port {port}, but one at {found}, of TwinCAT {generation}")]
    OtherGeneration {
        /// As configured.
        port: u16,
        /// Where one answers.
        found: u16,
        /// 2 or 3.
        generation: u8,
    },
    /// There is no runtime at this port, since the device is in CONFIG.
    #[error("the device is in {state} mode: no PLC runs, port {port} is not there")]
    ConfigMode {
        /// CONFIG or RECONFIG.
        state: &'static str,
        /// As configured.
        port: u16,
    },
    /// There is nothing at this port.
    #[error("there is no runtime at port {port}")]
    NoRuntime {
        /// As configured.
        port: u16,
    },
    /// A route was refused.
    #[error("{host} refuses the route: user or password are wrong")]
    RoutePassword {
        /// The device.
        host: String,
    },
    /// Nobody answers on UDP 48899.
    #[error("{host} does not answer on UDP {port}")]
    NoDiscovery {
        /// The device.
        host: String,
        /// 48899, unless configured.
        port: u16,
    },
    /// The link was there and broke.
    #[error("the link broke: {0}")]
    Broken(String),
    /// What came is no ADS.
    #[error("what came cannot be read: {0}")]
    Malformed(#[from] Malformed),
    /// A request was not answered in time.
    #[error("{target} did not answer within {} ms", waited.as_millis())]
    Silent {
        /// Who was asked.
        target: AmsAddress,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The device or its router said no.
    #[error("{0}")]
    Refused(AdsCode),
    /// The answer is of another kind than the question.
    #[error("the answer does not fit the question")]
    Unexpected,
    /// A tag that the program does not have.
    #[error("the PLC has no variable `{tag}`{}", near(names))]
    UnknownSymbol {
        /// As asked for, cut to 200 characters.
        tag: String,
        /// Names that look like it.
        names: Vec<String>,
    },
    /// A variable of a type that cannot be read.
    #[error("`{tag}` has the type `{kind}`, which cannot be read: {reason}")]
    UnknownType {
        /// The tag.
        tag: String,
        /// The name of the type.
        kind: String,
        /// Why not.
        reason: &'static str,
    },
    /// A value that the variable cannot hold.
    #[error("`{tag}` ({kind}) does not take this: {reason}")]
    Value {
        /// The tag.
        tag: String,
        /// The name of its type.
        kind: String,
        /// Why not.
        reason: String,
    },
    /// A variable that must not be written.
    #[error("`{tag}` cannot be written: {reason}")]
    ReadOnly {
        /// The tag.
        tag: String,
        /// Why not.
        reason: &'static str,
    },
    /// What was written is not what is read back.
    #[error("`{tag}` was written and reads {found}: the PLC program has overwritten it")]
    Overwritten {
        /// The tag.
        tag: String,
        /// What stands there, cut to 64 characters.
        found: String,
    },
    /// The program changed while something was on its way.
    #[error("the PLC program has just changed; its symbols are being read again")]
    Changed,
}

fn near(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!("; like it: {}", names.join(", ")) }
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

impl Error {
    /// The code with which the device said no, if it did.
    pub fn code(&self) -> Option<AdsCode> {
        if let Self::Refused(code) = self { Some(*code) } else { None }
    }

    /// Whether the link cannot be used any more.
    pub fn ends_link(&self) -> bool {
        matches!(self, Self::Broken(_) | Self::Malformed(_) | Self::Unreachable { .. })
    }

    /// Whether the very same may work later.
    pub fn may_pass(&self) -> bool {
        self.ends_link() || matches!(self, Self::Silent { .. } | Self::Changed | Self::NoRoute { .. })
    }
}

impl Hint for Error {
    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Unreachable { reason: Unreachable::NobodyListens, .. } => {
                "does TwinCAT run on the device? is `host` right? ADS listens on TCP 48898"
            }
            Self::Unreachable { reason: Unreachable::Silent | Unreachable::NoRoute, .. } => {
                "is the device on, in the same network, and is TCP 48898 open in its firewall?"
            }
            Self::Unreachable { reason: Unreachable::Unknown, .. } => {
                "is `host` spelled right? an address works without a name server"
            }
            Self::Unreachable { reason: Unreachable::Closed, .. } => "restart TwinCAT on the device if this stays",
            Self::NoRoute { .. } => {
                "add a route on the device: call the action `add_route` with its user and password, or add it in TwinCAT with this Net ID and this machine's address"
            }
            Self::WrongNetId { .. } => {
                "set `ams_net_id` to the Net ID of the device: TwinCAT shows it, and the action `discover` too"
            }
            Self::OtherGeneration { generation: 2, .. } => "set `ams_port` to 801 (811, 821, 831 for further runtimes)",
            Self::OtherGeneration { .. } => "set `ams_port` to 851 (852, 853, … for further runtimes)",
            Self::ConfigMode { .. } => "start TwinCAT in RUN mode; the link comes back by itself",
            Self::NoRuntime { .. } => {
                "is the PLC program loaded and its boot project active? 801 is the first runtime of TwinCAT 2, 851 of TwinCAT 3"
            }
            Self::RoutePassword { .. } => {
                "use a user of the device's operating system; TwinCAT 3 often has `Administrator` with `1`, CE devices an empty password"
            }
            Self::NoDiscovery { .. } => "is the device on, and is UDP 48899 open in its firewall?",
            Self::Silent { .. } => {
                "is the PLC overloaded or stopped at a breakpoint? raise `timeout_ms` on a slow line"
            }
            Self::Refused(code) => return code.hint(),
            Self::Broken(_) => "the link comes back by itself; is the network stable?",
            Self::UnknownSymbol { .. } => "look it up in the tree; a global variable of TwinCAT 2 begins with a dot",
            Self::UnknownType { .. } => "read its parts, or let the PLC program copy it into an elementary type",
            Self::ReadOnly { .. } => "write a part of it, or another variable",
            Self::Overwritten { .. } => "write the variable that the program reads, not one that it computes",
            Self::Changed => "try again in a moment",
            Self::Config { .. } | Self::Tpy { .. } | Self::Malformed(_) | Self::Unexpected | Self::Value { .. } => {
                return None;
            }
        })
    }
}

impl From<AdsCode> for Error {
    fn from(code: AdsCode) -> Self {
        Self::Refused(code)
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
