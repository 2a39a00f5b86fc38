//! Connections by user, from the index of users.

use anyhow::Result;
use jiff::Timestamp;

use super::{CONNECTED, Connections, DISCONNECTED, row};
use crate::aws::item::{text, time};
use crate::domain::connection::ConnectionRow;
use crate::domain::ids::{ConnectionId, Owner};
use crate::domain::limits;

impl Connections {
    /// The owner's connections that frames are pushed to: not recorded as closed, and with a token that has not
    /// expired. The index lags slightly: it may miss a connection that was just opened.
    pub async fn receiving_by_owner(
        &self,
        owner: &Owner,
        now: Timestamp,
    ) -> Result<Vec<ConnectionId>> {
        let (mut receiving, mut start) = (vec![], None);
        loop {
            let query = self
                .user_query(&owner.user, start)
                .key_condition_expression("userId = :user AND connectedAt > :since")
                .expression_attribute_values(
                    ":since",
                    time(now - limits::CONNECTION_AGE - limits::CLOCK_DIFFERENCE),
                );
            let (rows, more) = self.rows_of(query).await?;
            let owned = rows
                .into_iter()
                .filter(|row| row.receives(now) && row.owner.as_ref() == Some(owner));
            receiving.extend(owned.map(|row| row.connection));
            start = more;
            if start.is_none() {
                return Ok(receiving);
            }
        }
    }

    /// One connection's row.
    pub async fn get(&self, connection: &ConnectionId) -> Result<Option<ConnectionRow>> {
        let item = self.read_row(connection).await?;
        // A user's own row is not a connection.
        let item = item.filter(|item| item.contains_key("connectedAt"));
        Ok(item.as_ref().map(row::parse).transpose()?)
    }

    /// Sets the status of a row that exists. It decides who is pushed to; the socket is not affected.
    pub async fn set_status(
        &self,
        connection: &ConnectionId,
        is_open: bool,
        now: Timestamp,
    ) -> Result<bool> {
        let update = self
            .update(&connection.0)
            .condition_expression("attribute_exists(userId)")
            .expression_attribute_names("#status", "status");
        let update = match is_open {
            true => update
                .update_expression("SET #status = :status REMOVE disconnectedAt")
                .expression_attribute_values(":status", text(CONNECTED)),
            false => update
                .update_expression("SET #status = :status, disconnectedAt = :now")
                .expression_attribute_values(":now", time(now))
                .expression_attribute_values(":status", text(DISCONNECTED)),
        };
        Self::apply(update, "setting a connection's status").await
    }
}
