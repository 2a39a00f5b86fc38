//! Room for connections: a user has so many at once, counted in the user's own row.
//!
//! The row holds the ids of connections and no count, and only a user whose set is full has it compared
//! with the connections' own rows: so nothing has to be written when a connection ends, and no lost
//! `$disconnect` can leave it counted for ever.

use std::time::Duration;

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

/// No connection is open for longer (API Gateway's quota), so that an older row is of a lost `$disconnect`.
const LONGEST: Duration = Duration::from_secs(2 * 3600);
/// Writes for one connection at most, all lost races included.
const TRIES: usize = 4;

impl Connections {
    /// Takes room for a connection that has its row; `false` where the owner has `most` already, of which
    /// 0 is any number. One that is counted needs no more.
    pub async fn admit(
        &self,
        owner: &Owner,
        connection: &ConnectionId,
        most: u32,
        now: Timestamp,
    ) -> Result<bool> {
        if most == 0 {
            return Ok(true);
        }
        for _ in 0..TRIES {
            let Some(taken) = self.reserve(owner, connection, most, now).await? else {
                return Ok(true);
            };
            let over = self.over(owner, taken, now).await?;
            if over.is_empty() {
                return Ok(false);
            }
            let forget = self
                .change_of(owner)
                .update_expression("DELETE connections :ids")
                .expression_attribute_values(":ids", AttributeValue::Ss(over));
            forget
                .send()
                .await
                .context("counting a user's connections")?;
        }
        Ok(false)
    }

    /// Adds the connection to the set; the set as it is where it was full.
    async fn reserve(
        &self,
        owner: &Owner,
        connection: &ConnectionId,
        most: u32,
        now: Timestamp,
    ) -> Result<Option<Vec<String>>> {
        let id = &connection.0;
        let add = self
            .change_of(owner)
            .update_expression("SET #ttl = :ttl ADD connections :ids")
            .condition_expression(
                "attribute_not_exists(connections) OR size(connections) < :most OR contains(connections, :id)",
            )
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":ttl", ttl(now + crate::store::quota::RETENTION))
            .expression_attribute_values(":ids", AttributeValue::Ss(vec![id.clone()]))
            .expression_attribute_values(":id", text(id))
            .expression_attribute_values(":most", AttributeValue::N(most.to_string()));
        match add.send().await.map_err(|error| error.into_service_error()) {
            Ok(_) => Ok(None),
            Err(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                let row = refused.item.unwrap_or_default();
                Ok(Some(Item(&row).texts("connections")?.to_vec()))
            }
            Err(error) => Err(error).context("counting a user's connections"),
        }
    }

    /// Those of these connections that are open no more, or are somebody else's. One that is open and nobody's
    /// is about to be bound to this owner.
    async fn over(&self, owner: &Owner, taken: Vec<String>, now: Timestamp) -> Result<Vec<String>> {
        let key = |id: &String| Attributes::from([("connectionId".to_owned(), text(id))]);
        let keys = KeysAndAttributes::builder()
            .set_keys(Some(taken.iter().map(key).collect()))
            .projection_expression("connectionId, userId, tenantId, connectedAt, #status")
            .expression_attribute_names("#status", "status")
            .consistent_read(true)
            .build()?;
        let get = self
            .dynamo
            .batch_get_item()
            .request_items(&self.table, keys);
        let answer = get.send().await.context("reading a user's connections")?;
        // What was not read is taken to be open.
        let unread = answer.unprocessed_keys.unwrap_or_default();
        let mut open: Vec<String> = unread
            .get(&self.table)
            .into_iter()
            .flat_map(|keys| keys.keys())
            .filter_map(|key| Item(key).text("connectionId").ok().map(str::to_owned))
            .collect();
        let rows = answer.responses.unwrap_or_default();
        for row in rows.get(&self.table).into_iter().flatten() {
            let row = Item(row);
            let user = row.optional_text("userId")?;
            let tenant = row.optional_text("tenantId")?;
            let is_theirs =
                user.is_none() || (user, tenant) == (Some(&owner.user), owner.tenant.as_deref());
            let is_open = row.optional_text("status")? == Some(CONNECTED)
                && now < row.time("connectedAt")? + LONGEST;
            if is_theirs && is_open {
                open.push(row.text("connectionId")?.to_owned());
            }
        }
        Ok(taken.into_iter().filter(|id| !open.contains(id)).collect())
    }

    /// A change of the user's own row.
    fn change_of(&self, owner: &Owner) -> UpdateItemFluentBuilder {
        self.change(&crate::store::quota::row_of(owner))
            .return_values_on_condition_check_failure(OnFailure::AllOld)
    }
}
