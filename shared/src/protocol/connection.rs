//! The record of a connection, for admins and operators.

use serde_json::{Value, json};

use super::responses::rfc3339;
use crate::domain::connection::ConnectionRow;

/// A connection's record, without the fields that it lacks.
pub fn connection(row: &ConnectionRow) -> Value {
    let mut record = json!({
        "connectionId": row.connection.0,
        "status": if row.is_open { "CONNECTED" } else { "DISCONNECTED" },
        "connectedAt": rfc3339(row.connected_at),
        "lastActivity": rfc3339(row.last_activity),
        "ttl": row.kept_until.as_second(),
    });
    let owner = row.owner.as_ref();
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            record[name] = value.into();
        }
    };
    put("userId", owner.map(|owner| owner.user.clone()));
    put("tenantId", owner.and_then(|owner| owner.tenant.clone()));
    put("username", row.username.clone());
    put("sessionId", row.session.map(|id| id.to_string()));
    put("disconnectedAt", row.disconnected_at.map(rfc3339));
    put("ipAddress", row.ip_address.clone());
    put("userAgent", row.user_agent.clone());
    record
}
