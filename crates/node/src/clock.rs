//! The one place of the façade that reads the clock.

use std::time::{SystemTime, UNIX_EPOCH};

use fieldrail_model::Timestamp;

/// Now, by the wall clock. For stamps that people see; deadlines use [`std::time::Instant`].
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
