//! Times as milliseconds since the epoch, and as the protocol's timestamps.

use std::time::{Duration, SystemTime};

use jiff::Timestamp as Instant;
use s3s::dto::Timestamp;

/// Milliseconds since the epoch.
pub(super) fn now_ms() -> i64 {
    Instant::now().as_millisecond()
}

/// The time this many milliseconds after the epoch.
pub(super) fn to_timestamp(milliseconds: i64) -> Timestamp {
    let since = Duration::from_millis(milliseconds.unsigned_abs());
    Timestamp::from(SystemTime::UNIX_EPOCH + since)
}
