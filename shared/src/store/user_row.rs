//! The row of a user in the connections table: it has the user's limits of submits, open jobs and connections.

use crate::domain::ids::Owner;

/// The key of the owner's row. No connection id contains a colon: API Gateway's are base64.
pub(crate) fn key(owner: &Owner) -> String {
    let tenant = owner.tenant.as_deref().unwrap_or_default();
    format!("user:{}:{tenant}:{}", tenant.len(), owner.user)
}
