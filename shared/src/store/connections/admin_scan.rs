//! Reads connections of all users, for operators and admins. Of all requests only an admin's can scan, a page at a time.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::KeysAndAttributes;

use super::{Connections, row};
use crate::aws::item::{Attributes, Item, ItemError, text, time};
use crate::domain::connection::{ConnectionCursor, ConnectionRow};
use crate::domain::ids::ConnectionId;

/// The limit of keys of `BatchGetItem`.
const BATCH: i32 = 100;

impl Connections {
    /// A page of the user's connections of every tenant, oldest first and closed ones too, and the key of the next page.
    pub async fn of_user(
        &self,
        user: &str,
        start: Option<Attributes>,
    ) -> Result<(Vec<ConnectionRow>, Option<Attributes>)> {
        let query = self.user_query(user, start);
        self.rows_of(query.key_condition_expression("userId = :user"))
            .await
    }

    pub(super) fn user_query(&self, user: &str, start: Option<Attributes>) -> QueryFluentBuilder {
        self.dynamo
            .query()
            .table_name(&self.table)
            .index_name("by-user")
            .expression_attribute_values(":user", text(user))
            .limit(BATCH)
            .set_exclusive_start_key(start)
    }

    /// The rows of a page of the index, oldest first, and the key of the next page.
    pub(super) async fn rows_of(
        &self,
        query: QueryFluentBuilder,
    ) -> Result<(Vec<ConnectionRow>, Option<Attributes>)> {
        let response = query.send().await.context("listing a user's connections")?;
        let mut keys = vec![];
        for entry in response.items() {
            let id = text(Item(entry).text("connectionId")?);
            keys.push(Attributes::from([("connectionId".to_owned(), id)]));
        }
        let mut rows = vec![];
        while !keys.is_empty() {
            let get = KeysAndAttributes::builder()
                .set_keys(Some(std::mem::take(&mut keys)))
                .consistent_read(true)
                .build()?;
            let get = self.dynamo.batch_get_item().request_items(&self.table, get);
            let response = get.send().await.context("reading connections")?;
            for items in response
                .responses()
                .into_iter()
                .flat_map(|found| found.values())
            {
                for item in items {
                    rows.push(row::parse(item)?);
                }
            }
            let left = response.unprocessed_keys.unwrap_or_default();
            keys.extend(left.into_values().flat_map(|left| left.keys));
        }
        rows.sort_by_key(|row| row.connected_at);
        Ok((rows, response.last_evaluated_key))
    }

    /// A page of the whole table after this connection, in no order and without users' own rows, and the connection at which
    /// the next page starts. A page is one megabyte, or `limit` rows. It is billed by its size.
    pub async fn scan(
        &self,
        after: Option<&ConnectionId>,
        limit: Option<u32>,
    ) -> Result<(Vec<ConnectionRow>, Option<ConnectionId>)> {
        let start = after.map(|id| Attributes::from([("connectionId".to_owned(), text(&id.0))]));
        let scan = self
            .dynamo
            .scan()
            .table_name(&self.table)
            .filter_expression("attribute_exists(connectedAt)")
            .set_limit(limit.map(|rows| rows as i32))
            .set_exclusive_start_key(start);
        let response = scan.send().await.context("reading connections")?;
        let rows: Result<Vec<ConnectionRow>, ItemError> =
            response.items().iter().map(row::parse).collect();
        let last = response.last_evaluated_key.as_ref();
        let last = last.map(|key| Item(key).text("connectionId")).transpose()?;
        Ok((rows?, last.map(|id| ConnectionId(id.to_owned()))))
    }
}

/// The key of the user index at which the page after this cursor starts.
pub fn start_key(cursor: &ConnectionCursor, user: &str) -> Attributes {
    Attributes::from([
        ("connectionId".to_owned(), text(&cursor.connection.0)),
        ("connectedAt".to_owned(), time(cursor.connected_at)),
        ("userId".to_owned(), text(user)),
    ])
}
