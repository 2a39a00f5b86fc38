//! The limit of open connections of a user, kept in the user's row.
//!
//! The row has a set of connection ids instead of a count. A full set is compared with the connections' own
//! rows, so no write is needed when a connection closes, and a lost `$disconnect` can't leak a place once the row is
//! ended.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure as OnFailure};
use jiff::Timestamp;

use super::Connections;
use super::open_rows::OpenConnection;
use crate::aws::item::{Item, text, time, ttl};
use crate::domain::ids::{ConnectionId, Owner};
use crate::domain::limits;
use crate::store::user_row;

/// Maximum number of writes for one connection, including lost races.
const MAX_WRITES: usize = 4;

/// Whether a connection is one of its owner's.
#[derive(Debug)]
pub enum PlaceDecision {
    Admitted,
    /// The owner has as many open connections as are allowed.
    Full(FullSet),
}

/// A full set of an owner's connections.
#[derive(Debug)]
pub struct FullSet {
    /// Its connections, which all are open by their rows.
    pub open: Vec<OpenConnection>,
    /// When the set was last compared with the gateway.
    pub checked_at: Option<Timestamp>,
}

/// The set in a user's row.
struct CountedSet {
    connections: Vec<String>,
    checked_at: Option<Timestamp>,
}

impl Connections {
    /// Counts a connection that has a row, unless the owner has `limit` open connections already (0: no limit). A
    /// connection that is counted already is admitted.
    pub async fn admit(
        &self,
        owner: &Owner,
        connection: &ConnectionId,
        limit: u32,
        now: Timestamp,
    ) -> Result<PlaceDecision> {
        if limit == 0 {
            return Ok(PlaceDecision::Admitted);
        }
        let mut full = FullSet {
            open: vec![],
            checked_at: None,
        };
        for _ in 0..MAX_WRITES {
            let Some(counted) = self.reserve(owner, connection, limit, now).await? else {
                return Ok(PlaceDecision::Admitted);
            };
            let ids: Vec<ConnectionId> =
                counted.connections.into_iter().map(ConnectionId).collect();
            let mut open = self.open_among(&ids, now).await?;
            // One without an owner is about to be bound to this owner.
            open.retain(|one| one.owner.as_ref().is_none_or(|of| of == owner));
            let is_open = |id: &ConnectionId| open.iter().any(|one| one.connection == *id);
            let stale: Vec<String> = ids
                .into_iter()
                .filter(|id| !is_open(id))
                .map(|id| id.0)
                .collect();
            full = FullSet {
                open,
                checked_at: counted.checked_at,
            };
            if stale.is_empty() {
                break;
            }
            let remove = self
                .update_user_row(owner)
                .update_expression("DELETE connections :ids")
                .expression_attribute_values(":ids", AttributeValue::Ss(stale));
            remove
                .send()
                .await
                .context("counting a user's connections")?;
        }
        Ok(PlaceDecision::Full(full))
    }

    /// Records that the owner's set was compared with the gateway.
    pub async fn set_checked(&self, owner: &Owner, now: Timestamp) -> Result<()> {
        let update = self
            .update(&user_row::key(owner))
            .update_expression("SET connectionsCheckedAt = :now")
            .condition_expression("attribute_exists(connections)")
            .expression_attribute_values(":now", time(now));
        Self::apply(update, "recording a check of a user's connections").await?;
        Ok(())
    }

    /// Adds the connection to the set, or returns the set if it is full.
    async fn reserve(
        &self,
        owner: &Owner,
        connection: &ConnectionId,
        limit: u32,
        now: Timestamp,
    ) -> Result<Option<CountedSet>> {
        let id = &connection.0;
        let add = self
            .update_user_row(owner)
            .update_expression("SET #ttl = :ttl ADD connections :ids")
            .condition_expression(
                "attribute_not_exists(connections) OR size(connections) < :limit OR contains(connections, :id)",
            )
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":ttl", ttl(now + limits::USER_RETENTION))
            .expression_attribute_values(":ids", AttributeValue::Ss(vec![id.clone()]))
            .expression_attribute_values(":id", text(id))
            .expression_attribute_values(":limit", AttributeValue::N(limit.to_string()));
        match add.send().await.map_err(|error| error.into_service_error()) {
            Ok(_) => Ok(None),
            Err(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                let row = refused.item.unwrap_or_default();
                let row = Item(&row);
                Ok(Some(CountedSet {
                    connections: row.texts("connections")?.to_vec(),
                    checked_at: row.optional_time("connectionsCheckedAt")?,
                }))
            }
            Err(error) => Err(error).context("counting a user's connections"),
        }
    }

    /// The builder of an update of the user's row.
    fn update_user_row(&self, owner: &Owner) -> UpdateItemFluentBuilder {
        self.update(&user_row::key(owner))
            .return_values_on_condition_check_failure(OnFailure::AllOld)
    }
}
