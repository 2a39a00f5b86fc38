//! The topic subscriptions of a connection, as a set of places in its row: a bound on all of them, and on those of one
//! room.
//!
//! A crash can leave a place of a subscription that was never written, or has ended. So a set without a free place is
//! compared with the subscriptions.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure as OnFailure};

use super::{CONNECTED, Connections};
use crate::aws::item::{Item, number, text};
use crate::domain::ids::ConnectionId;

/// What came of taking a place.
#[derive(Debug, PartialEq, Eq)]
pub enum PlaceOutcome {
    Taken,
    /// The connection has as many subscriptions as are allowed, or one with this place. These are the places taken.
    Refused(Vec<String>),
    /// The connection is closed.
    Closed,
}

impl Connections {
    /// Takes a place for one more subscription, if the connection has less than `limit`.
    pub async fn take_place(
        &self,
        connection: &ConnectionId,
        place: &str,
        limit: u32,
    ) -> Result<PlaceOutcome> {
        let update = self
            .update(&connection.0)
            .update_expression("ADD places :places")
            .condition_expression(
                "#status = :open AND (attribute_not_exists(places) OR size(places) < :limit) AND NOT contains(places, :place)",
            )
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":open", text(CONNECTED))
            .expression_attribute_values(":places", AttributeValue::Ss(vec![place.to_owned()]))
            .expression_attribute_values(":place", text(place))
            .expression_attribute_values(":limit", number(limit.into()))
            .return_values_on_condition_check_failure(OnFailure::AllOld);
        match update
            .send()
            .await
            .map_err(|error| error.into_service_error())
        {
            Ok(_) => Ok(PlaceOutcome::Taken),
            Err(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                let row = refused.item.unwrap_or_default();
                let row = Item(&row);
                match row.optional_text("status")? {
                    Some(CONNECTED) => Ok(PlaceOutcome::Refused(row.texts("places")?.to_vec())),
                    _ => Ok(PlaceOutcome::Closed),
                }
            }
            Err(error) => Err(error).context("taking a place for a subscription"),
        }
    }

    /// Gives places back, if the connection has a row.
    pub async fn free_places(&self, connection: &ConnectionId, places: Vec<String>) -> Result<()> {
        let update = self
            .update(&connection.0)
            .update_expression("DELETE places :places")
            .condition_expression("attribute_exists(connectionId)")
            .expression_attribute_values(":places", AttributeValue::Ss(places));
        Self::apply(update, "giving a subscription's place back").await?;
        Ok(())
    }
}
