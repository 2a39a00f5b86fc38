//! Where a user can be reached: the open connections, by the index of users.

use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;

use super::admin_scan::row;
use super::{CONNECTED, ConnectionRow, Connections, DISCONNECTED};
use crate::aws::item::{text, time};
use crate::domain::ids::{ConnectionId, Owner};

/// A connection lives for two hours at most (API Gateway's quota); clocks may differ. Rows of older ones
/// are kept for a day and need not be read.
const LONGEST: Duration = Duration::from_secs(2 * 3600 + 300);

impl Connections {
    /// The owner's connections that nothing has said the end of. The index may be a moment behind: of one
    /// that was just made it may not know yet.
    pub async fn open_of(&self, owner: &Owner, now: Timestamp) -> Result<Vec<ConnectionId>> {
        let (mut open, mut start) = (vec![], None);
        loop {
            let query = self
                .user_query(&owner.user, start)
                .key_condition_expression("userId = :user AND connectedAt > :since")
                .expression_attribute_values(":since", time(now - LONGEST));
            let (rows, more) = self.rows_of(query).await?;
            let theirs = rows
                .into_iter()
                .filter(|row| row.is_open && row.owner.as_ref() == Some(owner));
            open.extend(theirs.map(|row| row.connection));
            start = more;
            if start.is_none() {
                return Ok(open);
            }
        }
    }

    /// One connection's row.
    pub async fn get(&self, connection: &ConnectionId) -> Result<Option<ConnectionRow>> {
        let item = self.row(connection).await?;
        // A user's own row is none of a connection.
        let item = item.filter(|item| item.contains_key("connectedAt"));
        Ok(item.as_ref().map(row).transpose()?)
    }

    /// Sets a row's status, if it is there still; that changes who is pushed to, and no socket.
    pub async fn set_status(
        &self,
        connection: &ConnectionId,
        is_open: bool,
        now: Timestamp,
    ) -> Result<bool> {
        let update = self
            .change(&connection.0)
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
        Self::holds(update, "setting a connection's status").await
    }
}
