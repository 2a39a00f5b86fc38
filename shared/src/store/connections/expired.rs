//! Connections whose token has expired, from the index of open ones.

use anyhow::Result;
use jiff::Timestamp;

use super::{Connections, DISCONNECTED};
use crate::aws::item::{Attributes, Item, text, time};
use crate::domain::ids::ConnectionId;

impl Connections {
    /// A page of a shard's connections whose token expired before `before`, oldest first, and the key of the next
    /// page. One whose token is just being renewed may be among them.
    pub async fn expired(
        &self,
        shard: u8,
        before: Timestamp,
        start: Option<Attributes>,
    ) -> Result<(Vec<ConnectionId>, Option<Attributes>)> {
        let query = self
            .dynamo
            .query()
            .index_name("open")
            .key_condition_expression("openShard = :shard AND expiresAt < :before");
        self.overdue(query, shard, before, start).await
    }

    /// Blocks the renewal of a token that expired before `before`; `false` if it was renewed. The connection stays
    /// in the index until it is closed.
    pub async fn block_renewal(
        &self,
        connection: &ConnectionId,
        before: Timestamp,
    ) -> Result<bool> {
        let update = self
            .update(&connection.0)
            .update_expression("SET #status = :closed")
            .condition_expression("attribute_exists(openShard) AND expiresAt < :before")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":closed", text(DISCONNECTED))
            .expression_attribute_values(":before", time(before));
        Self::apply(update, "blocking a connection whose token has expired").await
    }

    /// When the token of the connection's user expires; `None` for a connection that is closed, or has no row or user.
    pub async fn token_expiry(&self, connection: &ConnectionId) -> Result<Option<Timestamp>> {
        let row = self.read_row(connection).await?.unwrap_or_default();
        let row = Item(&row);
        match row.optional_time("disconnectedAt")? {
            Some(_) => Ok(None),
            None => Ok(row.optional_time("expiresAt")?),
        }
    }
}
