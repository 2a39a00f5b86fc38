//! The one file that reads the clock. Everything else is given the time.

use jiff::Timestamp;

/// The wall clock, to the millisecond: that is the precision of the rows, so that a time read back
/// equals the time written.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}
