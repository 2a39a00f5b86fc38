//! How many subscriptions to topics a connection has, counted in its row.
//!
//! The count ends with the row, so that what a crash leaves wrong in it is soon gone.

use anyhow::Result;

use super::{CONNECTED, Connections};
use crate::aws::item::{number, text};
use crate::domain::ids::ConnectionId;

impl Connections {
    /// Counts one subscription more; `false` where the connection has so many already, or is closed.
    pub async fn count_subscription(&self, connection: &ConnectionId, most: u32) -> Result<bool> {
        let update = self
            .change(&connection.0)
            .update_expression("ADD subscriptions :one")
            .condition_expression(
                "#status = :open AND (attribute_not_exists(subscriptions) OR subscriptions < :most)",
            )
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":open", text(CONNECTED))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":most", number(most.into()));
        Self::holds(update, "counting a subscription").await
    }

    /// Counts one subscription less, where the connection is still known.
    pub async fn uncount_subscription(&self, connection: &ConnectionId) -> Result<()> {
        let update = self
            .change(&connection.0)
            .update_expression("SET subscriptions = subscriptions - :one")
            .condition_expression("subscriptions > :none")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":none", number(0));
        Self::holds(update, "counting a subscription").await?;
        Ok(())
    }
}
