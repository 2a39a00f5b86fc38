//! The connections table: a row for each WebSocket connection, with the verified identity of its user.

mod activity;
mod admin_scan;
mod by_user;
mod closed;
mod identity;
mod limit;
mod open_count;
mod open_rows;
mod overdue;
mod row;
mod session;
mod subscription_places;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::ReturnValue;
use jiff::Timestamp;

use crate::auth::Identity;
use crate::aws::item::{Attributes, text, time, ttl};
use crate::domain::ids::{ConnectionId, SessionId};
use crate::domain::limits;

/// Number of partitions of the indexes of open and of unauthenticated connections.
const SHARDS: u8 = 8;
/// The values of a row's `status`.
const CONNECTED: &str = "CONNECTED";
const DISCONNECTED: &str = "DISCONNECTED";

pub use activity::Activity;
pub use admin_scan::start_key;
pub use closed::ClosedConnection;
pub use identity::BindOutcome;
pub use limit::{FullSet, PlaceDecision};
pub use open_rows::OpenConnection;
pub use subscription_places::PlaceOutcome;

#[derive(Clone)]
pub struct Connections {
    dynamo: Client,
    table: String,
}

/// A connection that was just opened.
pub struct NewConnection {
    pub connection: ConnectionId,
    /// The session of messages that name none.
    pub session: SessionId,
    pub connected_at: Timestamp,
    pub ip_address: Option<String>,
    pub user_agent: Option<String>,
}

impl Connections {
    pub fn new(dynamo: &Client, table: String) -> Self {
        Self {
            dynamo: dynamo.clone(),
            table,
        }
    }

    /// Writes the row of a new connection, with the identity if the authorizer verified one.
    pub async fn record(
        &self,
        connection: NewConnection,
        identity: Option<&Identity>,
    ) -> Result<()> {
        let now = connection.connected_at;
        let shard = shard(&connection.connection);
        let mut put = self
            .dynamo
            .put_item()
            .table_name(&self.table)
            .item("connectionId", text(connection.connection.0))
            .item("sessionId", text(connection.session.to_string()))
            .item("status", text(CONNECTED))
            .item("connectedAt", time(now))
            .item("lastActivity", time(now))
            .item("ttl", ttl(now + limits::CONNECTION_RETENTION));
        if let Some(address) = connection.ip_address {
            put = put.item("ipAddress", text(address));
        }
        if let Some(agent) = connection.user_agent {
            put = put.item(
                "userAgent",
                text(crate::domain::limits::prefix(&agent, 256)),
            );
        }
        match identity {
            None => put = put.item("unauthenticated", text(shard)),
            Some(identity) => {
                // Only while it is open: who scans this index sees no closed connection and no user's row.
                put = put.item("openShard", text(shard));
                for (name, value) in identity::attributes(identity) {
                    put = put.item(name, value);
                }
            }
        }
        put.send().await.context("writing a connection")?;
        Ok(())
    }

    /// Removes the row of a connection that the gateway does not have. Returns whether there was one.
    pub async fn remove(&self, connection: &ConnectionId) -> Result<bool> {
        let delete = self
            .dynamo
            .delete_item()
            .table_name(&self.table)
            .key("connectionId", text(&connection.0))
            .return_values(ReturnValue::AllOld);
        let removed = delete.send().await.context("removing a connection")?;
        Ok(removed.attributes.is_some())
    }

    /// A consistent read of a connection's row.
    async fn read_row(&self, connection: &ConnectionId) -> Result<Option<Attributes>> {
        let get = self
            .dynamo
            .get_item()
            .table_name(&self.table)
            .key("connectionId", text(&connection.0))
            .consistent_read(true);
        let response = get.send().await.context("reading a connection")?;
        Ok(response.item)
    }

    /// The builder of an update of the row with this key.
    fn update(&self, id: &str) -> UpdateItemFluentBuilder {
        self.dynamo
            .update_item()
            .table_name(&self.table)
            .key("connectionId", text(id))
    }

    /// Sends an update; `false` if its condition does not hold.
    async fn apply(update: UpdateItemFluentBuilder, context: &'static str) -> Result<bool> {
        let result = update.send().await;
        match result.map_err(|error| error.into_service_error()) {
            Ok(_) => Ok(true),
            Err(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
            Err(error) => Err(error).context(context),
        }
    }
}

/// The partition of the indexes that a connection belongs to. They are sharded, so that a flood of connections does
/// not load one key.
fn shard(connection: &ConnectionId) -> String {
    let sum = connection.0.bytes().fold(0u8, u8::wrapping_add);
    (sum % SHARDS).to_string()
}
