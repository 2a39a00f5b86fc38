//! Connections of everybody, for whoever runs the stack: no path that a user can trigger comes to a scan, but
//! for an admin's, a page at a time.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::KeysAndAttributes;
use jiff::Timestamp;

use super::{CONNECTED, Connections};
use crate::aws::item::{Attributes, Item, ItemError, text, time};
use crate::domain::ids::{ConnectionId, Owner, SessionId};

/// `BatchGetItem` takes so many keys.
const BATCH: i32 = 100;

/// A connection as its row holds it.
#[derive(Debug, Clone)]
pub struct ConnectionRow {
    pub connection: ConnectionId,
    /// What is said on it belongs to this session, unless it says otherwise.
    pub session: Option<SessionId>,
    /// `None` where nobody has authenticated on it.
    pub owner: Option<Owner>,
    pub username: Option<String>,
    /// Whether nothing has said yet that it closed.
    pub is_open: bool,
    pub connected_at: Timestamp,
    /// To a minute.
    pub last_activity: Timestamp,
    pub disconnected_at: Option<Timestamp>,
    /// Of the token.
    pub expires_at: Option<Timestamp>,
    /// From then on the row may vanish.
    pub kept_until: Timestamp,
    pub ip_address: Option<String>,
    pub user_agent: Option<String>,
}

impl Connections {
    /// The rows of a user's connections of every tenant, oldest first, those that have closed too; and
    /// the key to go on from.
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

    /// The rows that a page of the index names, oldest first.
    pub(super) async fn rows_of(
        &self,
        query: QueryFluentBuilder,
    ) -> Result<(Vec<ConnectionRow>, Option<Attributes>)> {
        let answer = query.send().await.context("listing a user's connections")?;
        let mut keys = vec![];
        for entry in answer.items() {
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
            let answer = get.send().await.context("reading connections")?;
            for items in answer
                .responses()
                .into_iter()
                .flat_map(|found| found.values())
            {
                for item in items {
                    rows.push(row(item)?);
                }
            }
            let left = answer.unprocessed_keys.unwrap_or_default();
            keys.extend(left.into_values().flat_map(|left| left.keys));
        }
        rows.sort_by_key(|row| row.connected_at);
        Ok((rows, answer.last_evaluated_key))
    }

    /// The whole table after this connection, a megabyte at a time or so many rows of it, in no order,
    /// without users' own rows; and the connection to go on after. Billed by the table's size.
    pub async fn scan(
        &self,
        after: Option<&ConnectionId>,
        looked_at: Option<u32>,
    ) -> Result<(Vec<ConnectionRow>, Option<ConnectionId>)> {
        let start = after.map(|id| Attributes::from([("connectionId".to_owned(), text(&id.0))]));
        let scan = self
            .dynamo
            .scan()
            .table_name(&self.table)
            .filter_expression("attribute_exists(connectedAt)")
            .set_limit(looked_at.map(|rows| rows as i32))
            .set_exclusive_start_key(start);
        let answer = scan.send().await.context("reading connections")?;
        let rows: Result<Vec<ConnectionRow>, ItemError> = answer.items().iter().map(row).collect();
        let last = answer.last_evaluated_key.as_ref();
        let last = last.map(|key| Item(key).text("connectionId")).transpose()?;
        Ok((rows?, last.map(|id| ConnectionId(id.to_owned()))))
    }
}

/// Where a page of a user's connections ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionCursor {
    pub connection: ConnectionId,
    pub connected_at: Timestamp,
}

impl ConnectionCursor {
    /// The index's key.
    pub fn key(&self, user: &str) -> Attributes {
        Attributes::from([
            ("connectionId".to_owned(), text(&self.connection.0)),
            ("connectedAt".to_owned(), time(self.connected_at)),
            ("userId".to_owned(), text(user)),
        ])
    }
}

pub(super) fn row(attributes: &Attributes) -> Result<ConnectionRow, ItemError> {
    let item = Item(attributes);
    let connected_at = item.time("connectedAt")?;
    let optional = |name| item.optional_text(name).map(|text| text.map(str::to_owned));
    let owner = match optional("userId")? {
        Some(user) => Some(Owner {
            user,
            tenant: optional("tenantId")?,
        }),
        None => None,
    };
    Ok(ConnectionRow {
        connection: ConnectionId(item.text("connectionId")?.to_owned()),
        session: item.optional_text("sessionId")?.and_then(SessionId::parse),
        owner,
        username: optional("username")?,
        is_open: item.optional_text("status")? == Some(CONNECTED),
        connected_at,
        last_activity: item.optional_time("lastActivity")?.unwrap_or(connected_at),
        disconnected_at: item.optional_time("disconnectedAt")?,
        expires_at: item.optional_time("expiresAt")?,
        kept_until: item.ttl("ttl")?,
        ip_address: optional("ipAddress")?,
        user_agent: optional("userAgent")?,
    })
}
