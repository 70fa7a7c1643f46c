//! The one place of this crate that asks what time it is.

use std::time::SystemTime;

use fieldrail_model::Timestamp;

/// Now; the epoch when the clock stands before it.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(0).after(since)
}
