//! Which of some connections are open by their rows: what every bounded set of connections is compared with.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::types::KeysAndAttributes;
use jiff::Timestamp;

use super::{CONNECTED, Connections};
use crate::aws::item::{Attributes, Item, text};
use crate::domain::ids::{ConnectionId, Owner};
use crate::domain::limits;

/// The limit of keys of `BatchGetItem`.
const BATCH: usize = 100;

/// A connection whose row says that it is open.
#[derive(Debug, Clone)]
pub struct OpenConnection {
    pub connection: ConnectionId,
    /// `None` until a user authenticates, or if the row could not be read.
    pub owner: Option<Owner>,
    /// `None` if the row could not be read.
    pub connected_at: Option<Timestamp>,
}

impl Connections {
    /// Those of the connections whose rows say that they are open. A row that could not be read counts as open.
    pub async fn open_among(
        &self,
        connections: &[ConnectionId],
        now: Timestamp,
    ) -> Result<Vec<OpenConnection>> {
        let mut open = vec![];
        for batch in connections.chunks(BATCH) {
            let key = |id: &ConnectionId| {
                Attributes::from([("connectionId".to_owned(), text(id.0.clone()))])
            };
            let keys = KeysAndAttributes::builder()
                .set_keys(Some(batch.iter().map(key).collect()))
                .projection_expression("connectionId, userId, tenantId, connectedAt, #status")
                .expression_attribute_names("#status", "status")
                .consistent_read(true)
                .build()?;
            let get = self
                .dynamo
                .batch_get_item()
                .request_items(&self.table, keys);
            let response = get.send().await.context("reading connections")?;
            let unread = response.unprocessed_keys.unwrap_or_default();
            for key in unread.get(&self.table).iter().flat_map(|keys| keys.keys()) {
                open.push(OpenConnection {
                    connection: ConnectionId(Item(key).text("connectionId")?.to_owned()),
                    owner: None,
                    connected_at: None,
                });
            }
            let rows = response.responses.unwrap_or_default();
            for row in rows.get(&self.table).into_iter().flatten() {
                open.extend(if_open(&Item(row), now)?);
            }
        }
        Ok(open)
    }
}

fn if_open(row: &Item<'_>, now: Timestamp) -> Result<Option<OpenConnection>> {
    let connected_at = row.time("connectedAt")?;
    let is_open = row.optional_text("status")? == Some(CONNECTED)
        && now < connected_at + limits::CONNECTION_AGE;
    if !is_open {
        return Ok(None);
    }
    let owner = match row.optional_text("userId")? {
        Some(user) => Some(Owner {
            user: user.to_owned(),
            tenant: row.optional_text("tenantId")?.map(str::to_owned),
        }),
        None => None,
    };
    Ok(Some(OpenConnection {
        connection: ConnectionId(row.text("connectionId")?.to_owned()),
        owner,
        connected_at: Some(connected_at),
    }))
}
