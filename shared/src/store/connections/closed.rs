//! The end of a connection, in its row.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnValue;
use jiff::Timestamp;

use super::identity::identity;
use super::{Connections, DISCONNECTED, session};
use crate::auth::Identity;
use crate::aws::item::{Item, text, time};
use crate::domain::ids::{ConnectionId, SessionId};

/// What the row of a closed connection says.
#[derive(Debug, Default)]
pub struct ClosedConnection {
    /// `None` if nobody authenticated on it.
    pub identity: Option<Identity>,
    pub connected_at: Option<Timestamp>,
    /// Its session, if that was used.
    pub session: Option<SessionId>,
}

impl Connections {
    /// Records that a push found the connection closed, so that no other one is made. All else is left to
    /// `$disconnect`, or to the sweep if that is lost.
    pub async fn set_gone(&self, connection: &ConnectionId) -> Result<()> {
        let update = self
            .update(&connection.0)
            .update_expression("SET #status = :status")
            .condition_expression("attribute_exists(connectionId)")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", text(DISCONNECTED));
        Self::apply(update, "recording that a push found a connection closed").await?;
        Ok(())
    }

    /// Records that the connection closed; `None` if it has no row. The row stays until its time to live ends.
    pub async fn close(
        &self,
        connection: &ConnectionId,
        now: Timestamp,
    ) -> Result<Option<ClosedConnection>> {
        let update = self
            .update(&connection.0)
            .update_expression(
                "SET #status = :status, disconnectedAt = :now REMOVE unauthenticated, openShard",
            )
            .condition_expression("attribute_exists(connectionId)")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", text(DISCONNECTED))
            .expression_attribute_values(":now", time(now))
            .return_values(ReturnValue::AllOld);
        match update
            .send()
            .await
            .map_err(|error| error.into_service_error())
        {
            Ok(response) => {
                let row = response.attributes.unwrap_or_default();
                let used = session::session(&row)?.filter(|(_, used)| *used);
                Ok(Some(ClosedConnection {
                    identity: identity(&row)?,
                    connected_at: Item(&row).optional_time("connectedAt")?,
                    session: used.map(|(id, _)| id),
                }))
            }
            Err(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(None),
            Err(error) => Err(error).context("recording that a connection closed"),
        }
    }
}
