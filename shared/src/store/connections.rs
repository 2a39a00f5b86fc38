//! The connections table: who is behind each WebSocket, as far as that is known.
//!
//! Writes identities that others have verified; verifies none itself.

mod activity;
mod admin_scan;
mod by_user;
mod limit;
mod session;
mod subscription_count;
mod unauthenticated;

use std::time::Duration;

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
use crate::settings::{Environment, SettingsError};

/// A row lives so long past the connection's last activity (PROTOCOL 8).
const RETENTION: Duration = Duration::from_secs(24 * 3600);
/// Partitions of the index of connections that nobody has authenticated on.
const SHARDS: u8 = 8;
/// A row's `status` (PROTOCOL 8).
const CONNECTED: &str = "CONNECTED";
const DISCONNECTED: &str = "DISCONNECTED";

pub use activity::Activity;
pub use admin_scan::{ConnectionCursor, ConnectionRow};

#[derive(Clone)]
pub struct Connections {
    dynamo: Client,
    table: String,
}

/// What API Gateway tells of a connection at its start.
pub struct NewConnection {
    pub connection: ConnectionId,
    /// What is said on it belongs to this one, unless it says otherwise.
    pub session: SessionId,
    pub connected_at: Timestamp,
    pub ip_address: Option<String>,
    pub user_agent: Option<String>,
}

/// What became of binding an identity to a connection.
#[derive(Debug, PartialEq, Eq)]
pub enum BindOutcome {
    Bound,
    /// It was the owner's already.
    Renewed,
    /// The connection is somebody else's already.
    Taken,
    /// There is no such connection (any more).
    Gone,
}

impl Connections {
    /// The table that `CONNECTIONS_TABLE` names.
    pub fn open(config: &Environment, dynamo: &Client) -> Result<Self, SettingsError> {
        let table = config.required("CONNECTIONS_TABLE")?.to_owned();
        Ok(Self {
            dynamo: dynamo.clone(),
            table,
        })
    }

    /// Records a new connection, with its speaker if the authorizer knew one.
    pub async fn record(&self, opening: NewConnection, identity: Option<&Identity>) -> Result<()> {
        let now = opening.connected_at;
        // Spread, so that a flood of strangers is no one key's.
        let shard = opening.connection.0.bytes().fold(0u8, u8::wrapping_add) % SHARDS;
        let shard = shard.to_string();
        let mut put = self
            .dynamo
            .put_item()
            .table_name(&self.table)
            .item("connectionId", text(opening.connection.0))
            .item("sessionId", text(opening.session.to_string()))
            .item("status", text(CONNECTED))
            .item("connectedAt", time(now))
            .item("lastActivity", time(now))
            .item("ttl", ttl(now + RETENTION));
        if let Some(address) = opening.ip_address {
            put = put.item("ipAddress", text(address));
        }
        if let Some(agent) = opening.user_agent {
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
        put.send().await.context("recording a connection")?;
        Ok(())
    }

    /// Binds an identity to the connection: once, or again for the same owner with a newer token.
    pub async fn bind(
        &self,
        connection: &ConnectionId,
        identity: &Identity,
        now: Timestamp,
    ) -> Result<BindOutcome> {
        let mut update = self
            .change(&connection.0)
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":ttl", ttl(now + RETENTION))
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
            Ok(answer) => Ok(match answer.attributes.unwrap_or_default().get("userId") {
                Some(_) => BindOutcome::Renewed,
                None => BindOutcome::Bound,
            }),
            Err(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                let row = refused.item.unwrap_or_default();
                Ok(match Item(&row).optional_text("status")? {
                    Some(CONNECTED) => BindOutcome::Taken,
                    _ => BindOutcome::Gone,
                })
            }
            Err(error) => Err(error).context("binding an identity to a connection"),
        }
    }

    /// Whose connection it is; `None` where nobody has authenticated on it.
    pub async fn identity(&self, connection: &ConnectionId) -> Result<Option<Identity>> {
        let row = self.row(connection).await?;
        Ok(row.as_ref().map(identity).transpose()?.flatten())
    }

    /// Keeps the row of a connection that has closed until its time to live is over; its session, if that
    /// was used.
    pub async fn close(
        &self,
        connection: &ConnectionId,
        now: Timestamp,
    ) -> Result<Option<SessionId>> {
        let update = self
            .change(&connection.0)
            .update_expression(
                "SET #status = :status, disconnectedAt = :now REMOVE unauthenticated",
            )
            .condition_expression("attribute_exists(connectionId)")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", text(DISCONNECTED))
            .expression_attribute_values(":now", time(now))
            .return_values(ReturnValue::AllOld);
        match update
            .send()
            .await
            .map_err(|error| error.into_service_error())
        {
            Ok(answer) => {
                let used = answer.attributes.as_ref().map(session::session);
                let used = used.transpose()?.flatten();
                Ok(used.filter(|(_, used)| *used).map(|(id, _)| id))
            }
            Err(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(None),
            Err(error) => Err(error).context("recording the end of a connection"),
        }
    }

    /// Forgets a connection that a push found gone.
    pub async fn remove(&self, connection: &ConnectionId) -> Result<()> {
        let delete = self
            .dynamo
            .delete_item()
            .table_name(&self.table)
            .key("connectionId", text(&connection.0));
        delete.send().await.context("removing a connection")?;
        Ok(())
    }

    /// A connection's row as it stands.
    async fn row(&self, connection: &ConnectionId) -> Result<Option<Attributes>> {
        let get = self
            .dynamo
            .get_item()
            .table_name(&self.table)
            .key("connectionId", text(&connection.0))
            .consistent_read(true);
        let answer = get.send().await.context("reading a connection")?;
        Ok(answer.item)
    }

    /// A change of the row of this id; which, is still to be said.
    fn change(&self, id: &str) -> UpdateItemFluentBuilder {
        self.dynamo
            .update_item()
            .table_name(&self.table)
            .key("connectionId", text(id))
    }

    /// Makes a change; `false` where its condition does not hold.
    async fn holds(change: UpdateItemFluentBuilder, doing: &'static str) -> Result<bool> {
        let made = change.send().await;
        match made.map_err(|error| error.into_service_error()) {
            Ok(_) => Ok(true),
            Err(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
            Err(error) => Err(error).context(doing),
        }
    }
}

fn claims(identity: &Identity) -> Vec<(&'static str, AttributeValue)> {
    let mut claims = vec![
        ("userId", text(&identity.owner.user)),
        ("username", text(&identity.username)),
        ("expiresAt", time(identity.expires_at)),
        // Written also where it is not so, as a newer token may be of no admin any more.
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
