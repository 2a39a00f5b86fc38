//! The sessions table: conversations, each a head row and a row for each turn.
//!
//! A session's head numbers its turns in the order in which they are accepted; whose it is, each access
//! checks. When a turn may run is [`turn_scheduler`]'s business, what a turn says its job's.

mod accept;
mod head;
mod recording;
pub mod turn_scheduler;
mod turns;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::KeysAndAttributes;
use jiff::Timestamp;

use crate::aws::item::{Attributes, Item, text, time};
use crate::domain::ids::{ConnectionId, Owner, SessionId};
use crate::settings::{Environment, SettingsError};

pub use accept::Accepted;
pub use head::Session;
pub use recording::Recording;
pub use turns::{History, HistoryTurn, TurnRow};

/// The sort key of a session's head.
const HEAD: &str = "head";

#[derive(Clone)]
pub struct Sessions {
    dynamo: Client,
    table: String,
}

impl Sessions {
    /// The table that `SESSIONS_TABLE` names.
    pub fn open(config: &Environment, dynamo: &Client) -> Result<Self, SettingsError> {
        Ok(Self {
            dynamo: dynamo.clone(),
            table: config.required("SESSIONS_TABLE")?.to_owned(),
        })
    }

    /// The owner's session of this id, ended or not; another's is as unknown as none.
    pub async fn get(
        &self,
        id: SessionId,
        owner: &Owner,
        now: Timestamp,
    ) -> Result<Option<Session>> {
        let get = self
            .dynamo
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(id, HEAD)))
            .consistent_read(true);
        let answer = get.send().await.context("reading a session")?;
        let head = answer.item.as_ref().map(head::head).transpose()?;
        Ok(head.filter(|head| head.owner == *owner && head.expires_at > now))
    }

    /// Writes a new session; of one that is there already nothing changes.
    pub async fn start(&self, head: &Session) -> Result<()> {
        let put = self
            .dynamo
            .put_item()
            .table_name(&self.table)
            .set_item(Some(head::item(head)))
            .condition_expression("attribute_not_exists(sessionId)");
        match put.send().await.map_err(SdkError::into_service_error) {
            Ok(_) | Err(PutItemError::ConditionalCheckFailedException(_)) => Ok(()),
            Err(error) => Err(error).context("starting a session"),
        }
    }

    /// Has the owner's session last beyond its connection; `false` if there is none that is open.
    pub async fn make_lasting(&self, id: SessionId, owner: &Owner) -> Result<bool> {
        let update = self
            .update(id, HEAD)
            .update_expression("SET keep = :keep")
            .expression_attribute_values(
                ":keep",
                aws_sdk_dynamodb::types::AttributeValue::Bool(true),
            );
        done(owned(update, owner).send().await)
    }

    /// Ends the owner's session; `false` if there is none that is open.
    pub async fn end(&self, id: SessionId, owner: &Owner, now: Timestamp) -> Result<bool> {
        let update = self
            .update(id, HEAD)
            .update_expression("SET endedAt = :now")
            .expression_attribute_values(":now", time(now));
        done(owned(update, owner).send().await)
    }

    /// Ends the session that a connection made, now that it has closed, unless it is to last.
    pub async fn end_with(
        &self,
        connection: &ConnectionId,
        id: SessionId,
        now: Timestamp,
    ) -> Result<bool> {
        let update = self
            .update(id, HEAD)
            .update_expression("SET endedAt = :now")
            .condition_expression(
                "connectionId = :connection AND attribute_not_exists(keep) AND attribute_not_exists(endedAt)",
            )
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":connection", text(&connection.0));
        done(update.send().await)
    }

    /// The owner's sessions, newest first, from after `cursor` on: at most `limit` are looked at. And where
    /// the page ends; none on the last.
    pub async fn page(
        &self,
        owner: &Owner,
        limit: u32,
        cursor: Option<SessionId>,
        now: Timestamp,
    ) -> Result<(Vec<Session>, Option<SessionId>)> {
        let start = cursor.map(|id| {
            let mut start = key(id, HEAD);
            start.insert("userId".to_owned(), text(&owner.user));
            start
        });
        let query = self
            .dynamo
            .query()
            .table_name(&self.table)
            .index_name("by-user")
            .key_condition_expression("userId = :user")
            .expression_attribute_values(":user", text(&owner.user))
            .scan_index_forward(false)
            .limit(limit as i32)
            .set_exclusive_start_key(start);
        let answer = query.send().await.context("listing a user's sessions")?;
        let last = answer.last_evaluated_key.as_ref().map(id_of).transpose()?;
        let mut heads = vec![];
        let mut wanted = vec![];
        for entry in answer.items.unwrap_or_default() {
            wanted.push(key(id_of(&entry)?, HEAD));
        }
        while !wanted.is_empty() {
            let keys = KeysAndAttributes::builder()
                .set_keys(Some(wanted))
                .build()?;
            let get = self.dynamo.batch_get_item();
            let answer = get.request_items(&self.table, keys).send().await;
            let answer = answer.context("reading sessions")?;
            let mut found = answer.responses.unwrap_or_default();
            for item in found.remove(&self.table).unwrap_or_default() {
                heads.push(head::head(&item)?);
            }
            let left = answer.unprocessed_keys.unwrap_or_default();
            wanted = left.into_values().flat_map(|left| left.keys).collect();
        }
        heads.retain(|head| head.owner == *owner && head.expires_at > now);
        heads.sort_by_key(|head| std::cmp::Reverse(head.id));
        Ok((heads, last))
    }

    fn update(&self, id: SessionId, entry: &str) -> UpdateItemFluentBuilder {
        self.dynamo
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(id, entry)))
    }
}

/// An update of an open session of the owner's.
fn owned(update: UpdateItemFluentBuilder, owner: &Owner) -> UpdateItemFluentBuilder {
    let update = update.expression_attribute_values(":user", text(&owner.user));
    let open = "userId = :user AND attribute_not_exists(endedAt)";
    match &owner.tenant {
        None => update.condition_expression(format!("{open} AND attribute_not_exists(tenantId)")),
        Some(tenant) => update
            .condition_expression(format!("{open} AND tenantId = :tenant"))
            .expression_attribute_values(":tenant", text(tenant)),
    }
}

/// Whether a conditional update was made.
fn done<R>(answer: Result<UpdateItemOutput, SdkError<UpdateItemError, R>>) -> Result<bool>
where
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match answer.map_err(SdkError::into_service_error) {
        Ok(_) => Ok(true),
        Err(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
        Err(error) => Err(error).context("changing a session"),
    }
}

fn key(id: SessionId, entry: &str) -> Attributes {
    Attributes::from([
        ("sessionId".to_owned(), text(id.to_string())),
        ("entry".to_owned(), text(entry)),
    ])
}

fn id_of(item: &Attributes) -> Result<SessionId> {
    SessionId::parse(Item(item).text("sessionId")?).context("a session's id is none")
}
