//! The log line of a session's end, the same for each way to end.

use jiff::Timestamp;
use longhaul_shared::domain::ids::{ConnectionId, SessionId};

/// Logs that a session ended. `user` is a name for logs.
pub fn ended(
    session: SessionId,
    connection: &ConnectionId,
    user: Option<&str>,
    reason: &str,
    now: Timestamp,
) {
    let created_at = session.created_at();
    let seconds = created_at.map(|created_at| now.duration_since(created_at).as_secs());
    tracing::info!(%session, %connection, user, reason, seconds, "a session ended");
}
