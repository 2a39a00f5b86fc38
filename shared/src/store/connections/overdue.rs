//! Connections that the sweep closes: those that nobody authenticated on, and those whose token has expired.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use jiff::Timestamp;

use super::{Connections, DISCONNECTED, SHARDS};
use crate::aws::item::{Attributes, Item, text, time};
use crate::domain::ids::ConnectionId;

/// Entries of an index read at once.
const PAGE: i32 = 100;

impl Connections {
    /// The partitions of the indexes.
    pub fn shards() -> std::ops::Range<u8> {
        0..SHARDS
    }

    /// A page of a shard's connections that opened before `before`, oldest first, and the key of the next page.
    /// A connection that is just authenticating may be among them.
    pub async fn unauthenticated(
        &self,
        shard: u8,
        before: Timestamp,
        start: Option<Attributes>,
    ) -> Result<(Vec<ConnectionId>, Option<Attributes>)> {
        let query = self
            .dynamo
            .query()
            .index_name("unauthenticated")
            .key_condition_expression("unauthenticated = :shard AND connectedAt < :before");
        self.overdue(query, shard, before, start).await
    }

    /// Blocks authentication on the connection; `false` if a user has authenticated. The connection stays in
    /// the index until it is closed.
    pub async fn block_authentication(&self, connection: &ConnectionId) -> Result<bool> {
        let update = self
            .update(&connection.0)
            .update_expression("SET #status = :closed")
            .condition_expression("attribute_exists(unauthenticated)")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":closed", text(DISCONNECTED));
        Self::apply(update, "blocking an unauthenticated connection").await
    }

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

    /// A page of the connections that a query of an index finds by `:shard` and `:before`, and the key of the next
    /// page.
    async fn overdue(
        &self,
        query: QueryFluentBuilder,
        shard: u8,
        before: Timestamp,
        start: Option<Attributes>,
    ) -> Result<(Vec<ConnectionId>, Option<Attributes>)> {
        let query = query
            .table_name(&self.table)
            .expression_attribute_values(":shard", text(shard.to_string()))
            .expression_attribute_values(":before", time(before))
            .limit(PAGE)
            .set_exclusive_start_key(start);
        let response = query.send().await.context("listing overdue connections")?;
        let mut connections = vec![];
        for key in response.items() {
            connections.push(ConnectionId(Item(key).text("connectionId")?.to_owned()));
        }
        Ok((connections, response.last_evaluated_key))
    }
}
