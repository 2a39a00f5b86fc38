//! The session of a connection, in the connection's row: assigned at `$connect`, and marked as used with its first turn.

use anyhow::Result;
use aws_sdk_dynamodb::types::AttributeValue;

use super::Connections;
use crate::aws::item::{Attributes, Item, ItemError, text};
use crate::domain::ids::{ConnectionId, SessionId};

impl Connections {
    /// The connection's session, and whether it was used.
    pub async fn session(&self, connection: &ConnectionId) -> Result<Option<(SessionId, bool)>> {
        let row = self.read_row(connection).await?;
        Ok(row.as_ref().map(session).transpose()?.flatten())
    }

    /// Sets the connection's session and marks it as used.
    pub async fn set_session(&self, connection: &ConnectionId, id: SessionId) -> Result<()> {
        let update = self
            .update(&connection.0)
            .update_expression("SET sessionId = :session, sessionUsed = :used")
            .condition_expression("attribute_exists(connectionId)")
            .expression_attribute_values(":session", text(id.to_string()))
            .expression_attribute_values(":used", AttributeValue::Bool(true));
        // A connection without a row is gone, and so is its session.
        Self::apply(update, "setting a connection's session").await?;
        Ok(())
    }
}

/// The session in a connection's row.
pub(super) fn session(row: &Attributes) -> Result<Option<(SessionId, bool)>, ItemError> {
    let item = Item(row);
    let Some(id) = item.optional_text("sessionId")? else {
        return Ok(None);
    };
    let id = SessionId::parse(id).ok_or(ItemError("sessionId"))?;
    Ok(Some((id, item.flag("sessionUsed")?)))
}
