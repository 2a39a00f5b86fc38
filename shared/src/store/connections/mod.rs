//! The connections table: a row for each WebSocket connection, with the verified identity of its user.

mod activity;
mod admin_scan;
mod by_user;
mod closed;
mod limit;
mod open_count;
mod row;
mod session;
mod subscription_count;
mod unauthenticated;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure as OnFailure,
};
use jiff::Timestamp;

use crate::auth::Identity;
use crate::aws::item::{Attributes, Item, ItemError, text, time, ttl};
use crate::domain::ids::{ConnectionId, Owner, SessionId};
use crate::domain::limits;

/// Number of partitions of the indexes of open and of unauthenticated connections.
const SHARDS: u8 = 8;
/// The values of a row's `status`.
const CONNECTED: &str = "CONNECTED";
const DISCONNECTED: &str = "DISCONNECTED";

pub use activity::Activity;
pub use admin_scan::start_key;
pub use closed::ClosedConnection;

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

/// The outcome of binding an identity to a connection.
#[derive(Debug, PartialEq, Eq)]
pub enum BindOutcome {
    Bound,
    /// It was bound to the same owner already.
    Renewed,
    /// It is bound to another owner.
    OtherOwner,
    /// The connection does not exist or is closed.
    Gone,
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
        // Sharded, so that a flood of unauthenticated connections does not load one key.
        let shard = connection.connection.0.bytes().fold(0u8, u8::wrapping_add) % SHARDS;
        let shard = shard.to_string();
        let mut put = self
            .dynamo
            .put_item()
            .table_name(&self.table)
            .item("connectionId", text(connection.connection.0))
            .item("sessionId", text(connection.session.to_string()))
            .item("status", text(CONNECTED))
            // Only while it is open: who scans this index sees no closed connection and no user's row.
            .item("openShard", text(shard.clone()))
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
                for (name, value) in claims(identity) {
                    put = put.item(name, value);
                }
            }
        }
        put.send().await.context("writing a connection")?;
        Ok(())
    }

    /// Binds an identity to the connection, unless another owner is bound to it.
    pub async fn bind(
        &self,
        connection: &ConnectionId,
        identity: &Identity,
        now: Timestamp,
    ) -> Result<BindOutcome> {
        let mut update = self
            .update(&connection.0)
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":ttl", ttl(now + limits::CONNECTION_RETENTION))
            .expression_attribute_values(":open", text(CONNECTED))
            .return_values(ReturnValue::UpdatedOld)
            .return_values_on_condition_check_failure(OnFailure::AllOld);
        let mut sets = String::from("SET lastActivity = :now, #ttl = :ttl");
        for (name, value) in claims(identity) {
            sets.push_str(&format!(", {name} = :{name}"));
            update = update.expression_attribute_values(format!(":{name}"), value);
        }
        let tenant = match identity.owner.tenant {
            Some(_) => "tenantId = :tenantId",
            None => "attribute_not_exists(tenantId)",
        };
        let update = update
            .update_expression(format!("{sets} REMOVE unauthenticated"))
            .condition_expression(format!(
                "#status = :open AND (attribute_not_exists(userId) OR (userId = :userId AND {tenant}))"
            ));
        match update
            .send()
            .await
            .map_err(|error| error.into_service_error())
        {
            Ok(response) => Ok(
                match response.attributes.unwrap_or_default().get("userId") {
                    Some(_) => BindOutcome::Renewed,
                    None => BindOutcome::Bound,
                },
            ),
            Err(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                let row = failed.item.unwrap_or_default();
                Ok(match Item(&row).optional_text("status")? {
                    Some(CONNECTED) => BindOutcome::OtherOwner,
                    _ => BindOutcome::Gone,
                })
            }
            Err(error) => Err(error).context("binding an identity to a connection"),
        }
    }

    /// The identity that is bound to the connection; `None` if it is unauthenticated.
    pub async fn identity(&self, connection: &ConnectionId) -> Result<Option<Identity>> {
        let row = self.read_row(connection).await?;
        Ok(row.as_ref().map(identity).transpose()?.flatten())
    }

    /// Removes the row of a connection that a push found closed.
    pub async fn remove(&self, connection: &ConnectionId) -> Result<()> {
        let delete = self
            .dynamo
            .delete_item()
            .table_name(&self.table)
            .key("connectionId", text(&connection.0));
        delete.send().await.context("removing a connection")?;
        Ok(())
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

fn claims(identity: &Identity) -> Vec<(&'static str, AttributeValue)> {
    let mut claims = vec![
        ("userId", text(&identity.owner.user)),
        ("username", text(&identity.username)),
        ("expiresAt", time(identity.expires_at)),
        // Also written as false: a newer token may no longer be an admin's.
        ("admin", AttributeValue::Bool(identity.is_admin)),
    ];
    if let Some(tenant) = &identity.owner.tenant {
        claims.push(("tenantId", text(tenant)));
    }
    claims
}

fn identity(row: &Attributes) -> Result<Option<Identity>, ItemError> {
    let item = Item(row);
    let Some(user) = item.optional_text("userId")? else {
        return Ok(None);
    };
    let owner = Owner {
        user: user.to_owned(),
        tenant: item.optional_text("tenantId")?.map(Into::into),
    };
    Ok(Some(Identity {
        owner,
        username: item.text("username")?.to_owned(),
        expires_at: item.time("expiresAt")?,
        is_admin: item.flag("admin")?,
    }))
}
