//! The limit of open connections of a user, kept in the user's row.
//!
//! The row has a set of connection ids instead of a count. A full set is compared with the connections' own
//! rows, so no write is needed when a connection closes, and a lost `$disconnect` can't leak a place.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, ReturnValuesOnConditionCheckFailure as OnFailure,
};
use jiff::Timestamp;

use super::{CONNECTED, Connections};
use crate::aws::item::{Attributes, Item, text, ttl};
use crate::domain::ids::{ConnectionId, Owner};
use crate::domain::limits;
use crate::store::user_row;

/// Maximum number of writes for one connection, including lost races.
const MAX_WRITES: usize = 4;

impl Connections {
    /// Counts a connection that has a row; `false` if the owner has `limit` open connections already (0: no
    /// limit). A connection that is counted already is admitted.
    pub async fn admit(
        &self,
        owner: &Owner,
        connection: &ConnectionId,
        limit: u32,
        now: Timestamp,
    ) -> Result<bool> {
        if limit == 0 {
            return Ok(true);
        }
        for _ in 0..MAX_WRITES {
            let Some(counted) = self.reserve(owner, connection, limit, now).await? else {
                return Ok(true);
            };
            let stale = self.stale(owner, counted, now).await?;
            if stale.is_empty() {
                return Ok(false);
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
        Ok(false)
    }

    /// Adds the connection to the set, or returns the set if it is full.
    async fn reserve(
        &self,
        owner: &Owner,
        connection: &ConnectionId,
        limit: u32,
        now: Timestamp,
    ) -> Result<Option<Vec<String>>> {
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
                Ok(Some(Item(&row).texts("connections")?.to_vec()))
            }
            Err(error) => Err(error).context("counting a user's connections"),
        }
    }

    /// The connections that are closed or belong to another owner. An open one without an owner is about to be
    /// bound to this owner.
    async fn stale(
        &self,
        owner: &Owner,
        counted: Vec<String>,
        now: Timestamp,
    ) -> Result<Vec<String>> {
        let key = |id: &String| Attributes::from([("connectionId".to_owned(), text(id))]);
        let keys = KeysAndAttributes::builder()
            .set_keys(Some(counted.iter().map(key).collect()))
            .projection_expression("connectionId, userId, tenantId, connectedAt, #status")
            .expression_attribute_names("#status", "status")
            .consistent_read(true)
            .build()?;
        let get = self
            .dynamo
            .batch_get_item()
            .request_items(&self.table, keys);
        let response = get.send().await.context("reading a user's connections")?;
        // Unread rows count as open.
        let unread = response.unprocessed_keys.unwrap_or_default();
        let mut open: Vec<String> = unread
            .get(&self.table)
            .into_iter()
            .flat_map(|keys| keys.keys())
            .filter_map(|key| Item(key).text("connectionId").ok().map(str::to_owned))
            .collect();
        let rows = response.responses.unwrap_or_default();
        for row in rows.get(&self.table).into_iter().flatten() {
            let row = Item(row);
            let user = row.optional_text("userId")?;
            let tenant = row.optional_text("tenantId")?;
            let is_own =
                user.is_none() || (user, tenant) == (Some(&owner.user), owner.tenant.as_deref());
            let is_open = row.optional_text("status")? == Some(CONNECTED)
                && now < row.time("connectedAt")? + limits::CONNECTION_AGE;
            if is_own && is_open {
                open.push(row.text("connectionId")?.to_owned());
            }
        }
        Ok(counted
            .into_iter()
            .filter(|id| !open.contains(id))
            .collect())
    }

    /// The builder of an update of the user's row.
    fn update_user_row(&self, owner: &Owner) -> UpdateItemFluentBuilder {
        self.update(&user_row::key(owner))
            .return_values_on_condition_check_failure(OnFailure::AllOld)
    }
}
