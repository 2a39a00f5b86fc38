//! The number of topic subscriptions of a connection, counted in its row.
//!
//! A crash can leave a wrong count, which ends with the row.

use anyhow::Result;

use super::{CONNECTED, Connections};
use crate::aws::item::{number, text};
use crate::domain::ids::ConnectionId;

impl Connections {
    /// Counts one more subscription; `false` if the connection has `limit` already, or is closed.
    pub async fn add_subscription(&self, connection: &ConnectionId, limit: u32) -> Result<bool> {
        let update = self
            .update(&connection.0)
            .update_expression("ADD subscriptions :one")
            .condition_expression(
                "#status = :open AND (attribute_not_exists(subscriptions) OR subscriptions < :limit)",
            )
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":open", text(CONNECTED))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":limit", number(limit.into()));
        Self::apply(update, "counting a subscription").await
    }

    /// Counts one subscription less, if the connection has a row.
    pub async fn remove_subscription(&self, connection: &ConnectionId) -> Result<()> {
        let update = self
            .update(&connection.0)
            .update_expression("SET subscriptions = subscriptions - :one")
            .condition_expression("subscriptions > :none")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":none", number(0));
        Self::apply(update, "counting a subscription").await?;
        Ok(())
    }
}
