//! How many subscriptions to topics a connection has, counted in its row.
//!
//! The count ends with the row, so that what a crash leaves wrong in it is soon gone.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;

use super::{CONNECTED, Connections};
use crate::ids::ConnectionId;
use crate::item::{number, text};

impl Connections {
    /// Counts one subscription more; `false` where the connection has so many already, or is closed.
    pub async fn count_subscription(&self, connection: &ConnectionId, most: u32) -> Result<bool> {
        let update = self
            .dynamo
            .update_item()
            .table_name(&self.table)
            .key("connectionId", text(&connection.0))
            .update_expression("ADD subscriptions :one")
            .condition_expression(
                "#status = :open AND (attribute_not_exists(subscriptions) OR subscriptions < :most)",
            )
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":open", text(CONNECTED))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":most", number(most.into()));
        match update
            .send()
            .await
            .map_err(|error| error.into_service_error())
        {
            Ok(_) => Ok(true),
            Err(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
            Err(error) => Err(error).context("counting a subscription"),
        }
    }

    /// Counts one subscription less, where the connection is still known.
    pub async fn uncount_subscription(&self, connection: &ConnectionId) -> Result<()> {
        let update = self
            .dynamo
            .update_item()
            .table_name(&self.table)
            .key("connectionId", text(&connection.0))
            .update_expression("SET subscriptions = subscriptions - :one")
            .condition_expression("subscriptions > :none")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":none", number(0));
        match update
            .send()
            .await
            .map_err(|error| error.into_service_error())
        {
            Ok(_) | Err(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
            Err(error) => Err(error).context("counting a subscription"),
        }
    }
}
