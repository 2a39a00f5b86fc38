//! Connections that nobody has authenticated on, by the sparse index of them.

use anyhow::{Context, Result};
use jiff::Timestamp;

use super::{Connections, DISCONNECTED, SHARDS};
use crate::aws::item::{Attributes, Item, text, time};
use crate::domain::ids::ConnectionId;

/// Of one page of the index.
const PAGE: i32 = 100;

impl Connections {
    /// The index's partitions.
    pub fn shards() -> std::ops::Range<u8> {
        0..SHARDS
    }

    /// Connections of one shard that were made before `before` and are still unknown, oldest first, from
    /// the key `start` on; and the key to go on from. One that authenticates just now may be among them.
    pub async fn unauthenticated(
        &self,
        shard: u8,
        before: Timestamp,
        start: Option<Attributes>,
    ) -> Result<(Vec<ConnectionId>, Option<Attributes>)> {
        let query = self
            .dynamo
            .query()
            .table_name(&self.table)
            .index_name("unauthenticated")
            .key_condition_expression("unauthenticated = :shard AND connectedAt < :before")
            .expression_attribute_values(":shard", text(shard.to_string()))
            .expression_attribute_values(":before", time(before))
            .limit(PAGE)
            .set_exclusive_start_key(start);
        let answer = query.send().await.context("listing unknown connections")?;
        let mut connections = vec![];
        for key in answer.items() {
            connections.push(ConnectionId(Item(key).text("connectionId")?.to_owned()));
        }
        Ok((connections, answer.last_evaluated_key))
    }

    /// Makes sure that nobody can authenticate on the connection any more; `false` if somebody has. It
    /// stays in the index until it is closed.
    pub async fn block_authentication(&self, connection: &ConnectionId) -> Result<bool> {
        let update = self
            .change(&connection.0)
            .update_expression("SET #status = :closed")
            .condition_expression("attribute_exists(unauthenticated)")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":closed", text(DISCONNECTED));
        Self::holds(update, "barring an unknown connection").await
    }
}
