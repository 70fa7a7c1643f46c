//! One line of the log.

use fieldrail_model::{Level, Timestamp};

use crate::visible::visible;

/// The number that a level is stored as: its position in [`Level::ALL`].
pub(super) fn stored(level: Level) -> i64 {
    level as i64
}

/// The level that is stored as this number.
pub(super) fn from_stored(number: i64) -> Level {
    usize::try_from(number).ok().and_then(|n| Level::ALL.get(n).copied()).unwrap_or(Level::Error)
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
            assert_eq!((stored(level), from_stored(number)), (number, level));
            assert_eq!(level.as_str().to_uppercase().parse(), Ok(level));
        }
        assert!(Level::Warn < Level::Error && "loud".parse::<Level>().is_err());
    }
}
