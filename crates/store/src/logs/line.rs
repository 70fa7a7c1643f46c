//! One line of the log.

use std::str::FromStr;

use fieldrail_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::visible::visible;

/// How grave a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Each step.
    Trace,
    /// What helps in finding a fault.
    Debug,
    /// Something worth knowing happened.
    Info,
    /// Something is off and nothing was lost.
    Warn,
    /// Somebody must act.
    Error,
}

impl Level {
    /// All of them, from the least grave on.
    pub const ALL: [Self; 5] = [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error];

    /// The level as text, for example `warn`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    /// The number it is stored as: its position in [`Level::ALL`].
    pub(super) fn stored(self) -> i64 {
        self as i64
    }

    pub(super) fn from_stored(number: i64) -> Self {
        usize::try_from(number).ok().and_then(|n| Self::ALL.get(n).copied()).unwrap_or(Self::Error)
    }
}

/// The text names no level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no level of the log is called that: use trace, debug, info, warn or error")]
pub struct UnknownLevel;

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        Self::ALL.into_iter().find(|level| level.as_str().eq_ignore_ascii_case(text)).ok_or(UnknownLevel)
    }
}

/// What was said, by whom and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When it was said.
    pub time: Timestamp,
    /// How grave it is.
    pub level: Level,
    /// The instance it is about; nothing for the daemon itself.
    pub instance: Option<String>,
    /// One sentence. Control characters are stored as escapes, and what is longer than 8 KiB is cut with a mark.
    pub message: String,
    /// The values of the sentence, as a JSON text. What is no JSON is stored as a JSON string; what is longer than
    /// 8 KiB is cut.
    pub fields: Option<String>,
}

/// A line as it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// Rises with each line.
    pub id: i64,
    /// What was said.
    pub line: LogLine,
}

/// Longest message and longest fields that are stored, in bytes.
const MAX_MESSAGE_BYTES: usize = 8 << 10;
/// Longest instance id that is stored, in bytes.
const MAX_INSTANCE_BYTES: usize = 128;

impl LogLine {
    /// This line as it may be stored and shown.
    pub(super) fn harmless(&self) -> Self {
        Self {
            time: self.time,
            level: self.level,
            instance: self.instance.as_deref().map(|instance| visible(instance, MAX_INSTANCE_BYTES)),
            message: visible(&self.message, MAX_MESSAGE_BYTES),
            fields: self.fields.as_deref().map(harmless_fields),
        }
    }
}

fn harmless_fields(fields: &str) -> String {
    let shown = visible(fields, MAX_MESSAGE_BYTES);
    // JSON that needs no escape is as it was; everything else becomes one JSON string.
    let is_json = shown == fields && serde_json::from_str::<serde::de::IgnoredAny>(fields).is_ok();
    if is_json { shown } else { serde_json::Value::from(shown).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_ordered_and_read_back() {
        for (number, level) in (0..).zip(Level::ALL) {
            assert_eq!((level.stored(), Level::from_stored(number)), (number, level));
            assert_eq!(level.as_str().to_uppercase().parse(), Ok(level));
        }
        assert!(Level::Warn < Level::Error && "loud".parse::<Level>().is_err());
    }
}
