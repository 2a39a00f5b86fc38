//! The row of a user in the connections table: it has the user's limits of submits, open jobs and connections.

use std::time::Duration;

use crate::domain::ids::Owner;

/// The time to live of a user's row after the last write; no job is open for longer.
pub(crate) const RETENTION: Duration = Duration::from_secs(30 * 24 * 3600);

/// The key of the owner's row. No connection id contains a colon: API Gateway's are base64.
pub(crate) fn key(owner: &Owner) -> String {
    let tenant = owner.tenant.as_deref().unwrap_or_default();
    format!("user:{}:{tenant}:{}", tenant.len(), owner.user)
}
