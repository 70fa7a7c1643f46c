//! What an event is: one failure with all that helps to find its cause, as it is kept and shown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Frames of a stack, at the most.
pub(super) const MAX_FRAMES: usize = 50;
/// The stack as it came, in bytes, at the most.
pub(super) const MAX_STACK: usize = 12 << 10;
/// The message, in bytes, at the most.
pub(super) const MAX_MESSAGE: usize = 4 << 10;
/// The configuration as JSON, in bytes, at the most; a larger one is left out.
pub(super) const MAX_CONFIG: usize = 8 << 10;

/// What kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The daemon itself panicked.
    DaemonPanic,
    /// A program in Rust panicked.
    Panic,
    /// A program in Python ended a call with an exception that nobody caught.
    Exception,
    /// A process ended by itself, with a code or by a signal.
    Crash,
    /// A process gave no sign of life.
    Hang,
    /// A process broke the plugin protocol.
    Protocol,
    /// A process took more than its limit and was ended.
    Limit,
    /// An instance was ended for its limits until a person reactivates it.
    Suspended,
    /// An instance does not run until a person acts.
    Failed,
}

impl ErrorKind {
    /// The word in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DaemonPanic => "daemon_panic",
            Self::Panic => "panic",
            Self::Exception => "exception",
            Self::Crash => "crash",
            Self::Hang => "hang",
            Self::Protocol => "protocol",
            Self::Limit => "limit",
            Self::Suspended => "suspended",
            Self::Failed => "failed",
        }
    }
}

/// One failure with all that helps to find its cause. Secrets are taken out before it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorEvent {
    /// 32 hexadecimal digits that no other event has.
    pub id: String,
    /// When, in milliseconds since 1970 UTC.
    pub time_ms: i64,
    /// What kind of failure.
    pub kind: ErrorKind,
    /// What it is called: `panic`, the class of the exception, the kind.
    pub class: String,
    /// What failed, with its values.
    pub message: String,
    /// What to try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The instance; none for the daemon itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Its driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// The driver's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver_version: Option<String>,
    /// The daemon's version.
    pub version: String,
    /// The thread that panicked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// Where it happened: file, line and column.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// The calls on the stack, the innermost first; empty where none was told.
    #[serde(default)]
    pub frames: Vec<Frame>,
    /// The stack as the program told it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stack: String,
    /// The last messages to and from the plugin, the newest last.
    #[serde(default)]
    pub inputs: Vec<Input>,
    /// The last lines that it logged, the newest last.
    #[serde(default)]
    pub log: Vec<String>,
    /// Its configuration; secrets are references or masks.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub config: Value,
}

/// One call on a stack.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Frame {
    /// The function.
    pub function: String,
    /// File and line, where they are known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub at: String,
}

/// A message to or from a plugin, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Input {
    /// When, in milliseconds since 1970 UTC.
    pub time_ms: i64,
    /// True if the plugin said it, false if it was told.
    pub from_plugin: bool,
    /// What it said: the kind, how many values, the first of them.
    pub text: String,
}

/// What is known of a failure where it is noticed. The rest of its event is filled in later, by a thread of its own.
#[derive(Debug, Clone)]
pub(crate) struct Raw {
    pub(crate) time_ms: i64,
    pub(crate) kind: ErrorKind,
    pub(crate) class: String,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    pub(crate) instance: Option<String>,
    pub(crate) thread: Option<String>,
    pub(crate) place: String,
    pub(crate) frames: Vec<Frame>,
    pub(crate) stack: String,
    pub(crate) inputs: Vec<Input>,
    pub(crate) log: Vec<String>,
    /// Where another version than this one failed.
    pub(crate) version: Option<String>,
}

impl Raw {
    pub(crate) fn new(kind: ErrorKind, class: impl Into<String>, message: &str) -> Self {
        Self {
            time_ms: crate::clock::wall().millis(),
            kind,
            class: class.into(),
            message: clip(message, MAX_MESSAGE),
            hint: None,
            instance: None,
            thread: None,
            place: String::new(),
            frames: Vec::new(),
            stack: String::new(),
            inputs: Vec::new(),
            log: Vec::new(),
            version: None,
        }
    }
}

/// The beginning of a text, with a mark if something was cut off.
pub(super) fn clip(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(most.saturating_sub('…'.len_utf8()))])
}
