//! The subscriptions table: the subscribers of each topic, by shard of the topic. Filters are stored as the
//! client sent them.

use std::collections::HashMap;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, ReturnValue, WriteRequest};
use jiff::Timestamp;
use serde_json::Value;

use crate::auth::Identity;
use crate::aws::item::{Attributes, Item, ItemError, text, time, ttl};
use crate::domain::filters::Filters;
use crate::domain::ids::{ConnectionId, Owner};
use crate::domain::limits;
use crate::domain::subscription::SubscriptionId;
use crate::domain::topics::Topic;

/// DynamoDB's limit of writes in one batch.
const BATCH: usize = 25;

#[derive(Clone)]
pub struct Subscriptions {
    dynamo: Client,
    table: String,
}

/// One subscriber of a topic.
pub struct Subscription {
    /// The UUID of its [`SubscriptionId`].
    pub id: String,
    pub connection: ConnectionId,
    pub filters: Filters,
    /// When the connection's token expired, as of the subscription; it may have been renewed. `None` in a row of an
    /// earlier version.
    pub expires_at: Option<Timestamp>,
}

impl Subscriptions {
    pub fn new(dynamo: &Client, table: String) -> Self {
        Self {
            dynamo: dynamo.clone(),
            table,
        }
    }

    /// Writes a subscription of this caller's connection. `filters` were validated by [`Filters::parse`].
    pub async fn record(
        &self,
        id: &SubscriptionId,
        caller: &Identity,
        connection: &ConnectionId,
        filters: &Value,
        now: Timestamp,
    ) -> Result<()> {
        let owner = &caller.owner;
        let put = self
            .dynamo
            .put_item()
            .table_name(&self.table)
            .item("topicShard", text(id.partition(owner.tenant.as_deref())))
            .item("subscriptionId", text(id.id.to_string()))
            .item("connectionId", text(&connection.0))
            .item("userId", text(&owner.user))
            .item("filters", text(filters.to_string()))
            .item("createdAt", time(now))
            .item("expiresAt", time(caller.expires_at))
            .item("ttl", ttl(now + limits::CONNECTION_RETENTION));
        put.send().await.context("writing a subscription")?;
        Ok(())
    }

    /// Ends a subscription of this user and returns its connection; `None` if there is no such subscription.
    pub async fn end(&self, id: &SubscriptionId, owner: &Owner) -> Result<Option<ConnectionId>> {
        let delete = self
            .dynamo
            .delete_item()
            .table_name(&self.table)
            .key("topicShard", text(id.partition(owner.tenant.as_deref())))
            .key("subscriptionId", text(id.id.to_string()))
            .condition_expression("userId = :user")
            .expression_attribute_values(":user", text(&owner.user))
            .return_values(ReturnValue::AllOld);
        match delete
            .send()
            .await
            .map_err(|error| error.into_service_error())
        {
            Ok(response) => {
                let row = response.attributes.unwrap_or_default();
                let connection = Item(&row).text("connectionId")?;
                Ok(Some(ConnectionId(connection.to_owned())))
            }
            Err(DeleteItemError::ConditionalCheckFailedException(_)) => Ok(None),
            Err(error) => Err(error).context("ending a subscription"),
        }
    }

    /// At most `limit` subscriptions of a partition after `after`, and the last one's id if there may be more.
    pub async fn page(
        &self,
        partition: &str,
        after: Option<&str>,
        limit: u32,
        now: Timestamp,
    ) -> Result<(Vec<Subscription>, Option<String>)> {
        let start = after.map(|after| key(partition, after));
        let query = self
            .dynamo
            .query()
            .table_name(&self.table)
            .key_condition_expression("topicShard = :shard")
            .expression_attribute_values(":shard", text(partition))
            .set_exclusive_start_key(start)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .consistent_read(true);
        let response = query.send().await.context("reading subscriptions")?;
        let last = response.last_evaluated_key.as_ref();
        let last = last.map(|last| id(&Item(last))).transpose()?;
        let mut page = vec![];
        for row in response.items.unwrap_or_default() {
            let expired = Item(&row).ttl("ttl")? <= now;
            match subscription(&row) {
                _ if expired => {}
                Ok(subscription) => page.push(subscription),
                // Only this subscription is skipped; the others are delivered.
                Err(error) => tracing::error!(%error, "a subscription can't be read"),
            }
        }
        Ok((page, last))
    }

    /// Whether a connection subscribes to a topic. It reads an index, which lags slightly.
    pub async fn has(
        &self,
        connection: &ConnectionId,
        tenant: Option<&str>,
        topic: &Topic,
    ) -> Result<bool> {
        let query = self.by_connection(connection, None);
        let response = query.send().await.context("listing subscriptions")?;
        let shards: Vec<String> = topic.partitions(tenant).collect();
        let rows = response.items.unwrap_or_default();
        let shard = |row| Item(row).text("topicShard").unwrap_or_default();
        Ok(rows
            .iter()
            .any(|row| shards.iter().any(|one| one == shard(row))))
    }

    /// The places of a connection's subscriptions. It reads an index, which lags slightly.
    pub async fn places(&self, connection: &ConnectionId) -> Result<Vec<String>> {
        let query = self.by_connection(connection, None);
        let response = query.send().await.context("listing subscriptions")?;
        let place = |row: &Attributes| {
            let item = Item(row);
            let topic = Topic::of_partition(item.text("topicShard").ok()?)?;
            let id = item.text("subscriptionId").ok()?.parse().ok()?;
            Some(SubscriptionId { topic, id }.place())
        };
        Ok(response.items().iter().filter_map(place).collect())
    }

    /// The query of a connection's subscriptions. [`crate::domain::limits::SUBSCRIPTIONS`] keeps them within
    /// one page, unless they were counted wrongly.
    fn by_connection(
        &self,
        connection: &ConnectionId,
        start: Option<Attributes>,
    ) -> QueryFluentBuilder {
        self.dynamo
            .query()
            .table_name(&self.table)
            .index_name("by-connection")
            .key_condition_expression("connectionId = :connection")
            .expression_attribute_values(":connection", text(&connection.0))
            .set_exclusive_start_key(start)
    }

    /// Ends all subscriptions of a closed connection.
    pub async fn remove_all(&self, connection: &ConnectionId) -> Result<()> {
        let mut start = None;
        loop {
            let query = self.by_connection(connection, start);
            let response = query.send().await.context("listing subscriptions")?;
            for batch in response.items.unwrap_or_default().chunks(BATCH) {
                self.delete(batch).await?;
            }
            start = response.last_evaluated_key;
            if start.is_none() {
                return Ok(());
            }
        }
    }

    async fn delete(&self, rows: &[Attributes]) -> Result<()> {
        let mut requests = vec![];
        for row in rows {
            let item = Item(row);
            let key = key(item.text("topicShard")?, item.text("subscriptionId")?);
            let delete = DeleteRequest::builder().set_key(Some(key)).build()?;
            requests.push(WriteRequest::builder().delete_request(delete).build());
        }
        let write = self.dynamo.batch_write_item();
        let write = write.request_items(&self.table, requests);
        // The next push finds the connection of an unprocessed row closed, or the row expires.
        write.send().await.context("ending subscriptions")?;
        Ok(())
    }
}

fn key(partition: &str, id: &str) -> HashMap<String, AttributeValue> {
    HashMap::from([
        ("topicShard".to_owned(), text(partition)),
        ("subscriptionId".to_owned(), text(id)),
    ])
}

fn id(item: &Item<'_>) -> Result<String, ItemError> {
    item.text("subscriptionId").map(str::to_owned)
}

fn subscription(row: &Attributes) -> Result<Subscription, ItemError> {
    let item = Item(row);
    let filters: Option<Value> = serde_json::from_str(item.text("filters")?).ok();
    let filters = filters.and_then(|filters| Filters::parse(&filters).ok());
    Ok(Subscription {
        id: id(&item)?,
        connection: ConnectionId(item.text("connectionId")?.to_owned()),
        filters: filters.ok_or(ItemError("filters"))?,
        expires_at: item.optional_time("expiresAt")?,
    })
}
