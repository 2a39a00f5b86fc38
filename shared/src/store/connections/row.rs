//! Parses a connection's row.

use super::CONNECTED;
use crate::aws::item::{Attributes, Item, ItemError};
use crate::domain::connection::ConnectionRow;
use crate::domain::ids::{ConnectionId, Owner, SessionId};

pub(super) fn parse(attributes: &Attributes) -> Result<ConnectionRow, ItemError> {
    let item = Item(attributes);
    let connected_at = item.time("connectedAt")?;
    let optional = |name| item.optional_text(name).map(|text| text.map(str::to_owned));
    let owner = match optional("userId")? {
        Some(user) => Some(Owner {
            user,
            tenant: optional("tenantId")?,
        }),
        None => None,
    };
    Ok(ConnectionRow {
        connection: ConnectionId(item.text("connectionId")?.to_owned()),
        session: item.optional_text("sessionId")?.and_then(SessionId::parse),
        owner,
        username: optional("username")?,
        is_open: item.optional_text("status")? == Some(CONNECTED),
        connected_at,
        last_activity: item.optional_time("lastActivity")?.unwrap_or(connected_at),
        disconnected_at: item.optional_time("disconnectedAt")?,
        issued_at: item.optional_time("issuedAt")?,
        expires_at: item.optional_time("expiresAt")?,
        kept_until: item.ttl("ttl")?,
        ip_address: optional("ipAddress")?,
        user_agent: optional("userAgent")?,
    })
}
