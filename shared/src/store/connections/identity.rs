//! The identity of a connection, in the connection's row: bound once to one owner, and renewed by newer tokens.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure as OnFailure,
};
use jiff::Timestamp;

use super::{CONNECTED, Connections, shard};
use crate::auth::Identity;
use crate::aws::item::{Attributes, Item, ItemError, text, time, ttl};
use crate::domain::ids::{ConnectionId, Owner};
use crate::domain::limits;
use crate::domain::token_expiry::has_expired;

/// The outcome of binding an identity to a connection.
#[derive(Debug, PartialEq, Eq)]
pub enum BindOutcome {
    Bound,
    /// It was bound to the same owner already.
    Renewed {
        /// Whether the token before had expired, so that messages to the user were not pushed to it.
        had_expired: bool,
    },
    /// It is bound to another owner.
    OtherOwner,
    /// The connection does not exist or is closed.
    Gone,
}

impl Connections {
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
        let shard = ("openShard", text(shard(connection)));
        for (name, value) in [shard].into_iter().chain(attributes(identity)) {
            sets.push_str(&format!(", {name} = :{name}"));
            update = update.expression_attribute_values(format!(":{name}"), value);
        }
        let tenant = match identity.owner.tenant {
            Some(_) => "tenantId = :tenantId",
            None => "attribute_not_exists(tenantId)",
        };
        let removed = match identity.issued_at {
            Some(_) => "unauthenticated",
            None => "unauthenticated, issuedAt",
        };
        let update = update
            .update_expression(format!("{sets} REMOVE {removed}"))
            .condition_expression(format!(
                "#status = :open AND (attribute_not_exists(userId) OR (userId = :userId AND {tenant}))"
            ));
        match update
            .send()
            .await
            .map_err(|error| error.into_service_error())
        {
            Ok(response) => {
                let before = response.attributes.unwrap_or_default();
                let before = Item(&before);
                Ok(match before.optional_text("userId")? {
                    Some(_) => BindOutcome::Renewed {
                        had_expired: before
                            .optional_time("expiresAt")?
                            .is_some_and(|at| has_expired(at, now)),
                    },
                    None => BindOutcome::Bound,
                })
            }
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

    /// When the token of the connection's user expires; `None` for a connection that is closed, or has no row or user.
    pub async fn token_expiry(&self, connection: &ConnectionId) -> Result<Option<Timestamp>> {
        let row = self.read_row(connection).await?.unwrap_or_default();
        let row = Item(&row);
        match row.optional_time("disconnectedAt")? {
            Some(_) => Ok(None),
            None => Ok(row.optional_time("expiresAt")?),
        }
    }
}

/// The attributes of a row that hold an identity.
pub(super) fn attributes(identity: &Identity) -> Vec<(&'static str, AttributeValue)> {
    let mut attributes = vec![
        ("userId", text(&identity.owner.user)),
        ("username", text(&identity.username)),
        ("expiresAt", time(identity.expires_at)),
        // Also written as false: a newer token may no longer be an admin's.
        ("admin", AttributeValue::Bool(identity.is_admin)),
    ];
    if let Some(tenant) = &identity.owner.tenant {
        attributes.push(("tenantId", text(tenant)));
    }
    if let Some(issued_at) = identity.issued_at {
        attributes.push(("issuedAt", time(issued_at)));
    }
    attributes
}

/// The identity in a row; `None` if nobody authenticated on the connection.
pub(super) fn identity(row: &Attributes) -> Result<Option<Identity>, ItemError> {
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
        issued_at: item.optional_time("issuedAt")?,
        expires_at: item.time("expiresAt")?,
        is_admin: item.flag("admin")?,
    }))
}
