//! When a token counts as expired.

use std::time::Duration;

use jiff::Timestamp;

/// The tolerated difference to the provider's clock; RFC 7519, section 4.1.4, suggests a few minutes at most.
pub const LEEWAY: Duration = Duration::from_secs(30);

/// Whether a token that expires at `expires_at` has expired at `now`, with leeway.
pub fn has_expired(expires_at: Timestamp, now: Timestamp) -> bool {
    now >= expires_at + LEEWAY
}
