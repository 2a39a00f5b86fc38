//! How answers to admins are spelled (PROTOCOL 8).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::answer::{answer, iso};
use crate::connections::Row;
use crate::ids::ConnectionId;
use crate::limits;
use crate::push::{Cleaned, Heard};

/// The answer to `listConnections`: as many of these as fit one frame, and where the next page begins: after
/// the last that did, by `after`, or else at `next`.
pub fn connections(
    rows: &[Row],
    after: impl Fn(&Row) -> String,
    next: Option<String>,
    request_id: Option<&str>,
    now: Timestamp,
) -> String {
    let (mut bytes, mut shown) = (0, vec![]);
    for row in rows {
        let row = connection(row);
        bytes += row.to_string().len();
        if bytes > limits::ANSWER_BYTES && !shown.is_empty() {
            break;
        }
        shown.push(row);
    }
    let cut = (shown.len() < rows.len()).then(|| after(&rows[shown.len() - 1]));
    let mut fields = json!({"connections": shown});
    if let Some(next) = cut.or(next) {
        fields["cursor"] = next.into();
    }
    answer("connections", fields, request_id, now)
}

/// A connection's record, without what it does not have.
pub fn connection(row: &Row) -> Value {
    let mut shown = json!({
        "connectionId": row.connection.0,
        "status": status(row.is_open),
        "connectedAt": iso(row.connected_at),
        "lastActivity": iso(row.last_activity),
        "ttl": row.kept_until.as_second(),
    });
    let owner = row.owner.as_ref();
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            shown[name] = value.into();
        }
    };
    put("userId", owner.map(|owner| owner.user.clone()));
    put("tenantId", owner.and_then(|owner| owner.tenant.clone()));
    put("username", row.username.clone());
    put("sessionId", row.session.map(|id| id.to_string()));
    put("disconnectedAt", row.disconnected_at.map(iso));
    put("ipAddress", row.ip_address.clone());
    put("userAgent", row.user_agent.clone());
    shown
}

pub fn status_set(
    connection: &ConnectionId,
    is_open: bool,
    request_id: Option<&str>,
    now: Timestamp,
) -> String {
    let data = json!({"connectionId": connection.0, "status": status(is_open)});
    answer("statusSet", json!({"data": data}), request_id, now)
}

pub fn connection_closed(
    connection: &ConnectionId,
    request_id: Option<&str>,
    now: Timestamp,
) -> String {
    let data = json!({"connectionId": connection.0, "status": status(false)});
    answer("connectionClosed", json!({"data": data}), request_id, now)
}

pub fn connections_cleaned(
    cleaned: Cleaned,
    next: Option<&ConnectionId>,
    request_id: Option<&str>,
    now: Timestamp,
) -> String {
    let Cleaned {
        removed,
        closed,
        kept,
    } = cleaned;
    let mut fields = json!({"data": {"removed": removed, "closed": closed, "kept": kept}});
    if let Some(next) = next {
        fields["cursor"] = next.0.as_str().into();
    }
    answer("connectionsCleaned", fields, request_id, now)
}

pub fn broadcast_sent(
    heard: Heard,
    next: Option<&ConnectionId>,
    request_id: Option<&str>,
    now: Timestamp,
) -> String {
    let Heard { sent, gone, lost } = heard;
    let mut fields = json!({"data": {"sent": sent, "gone": gone, "lost": lost}});
    if let Some(next) = next {
        fields["cursor"] = next.0.as_str().into();
    }
    answer("broadcastSent", fields, request_id, now)
}

fn status(is_open: bool) -> &'static str {
    if is_open { "CONNECTED" } else { "DISCONNECTED" }
}
