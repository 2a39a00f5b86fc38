//! The sessions table: a row for each session, and a row for each of its turns.
//!
//! The session's row counts the accepted turns, which are numbered in order. Each access checks the owner.

mod accept;
mod recording;
mod session_row;
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
use crate::domain::session::Session;

pub use accept::AcceptOutcome;
pub use recording::{PieceOutcome, Recording};

/// The sort key of a session's own row.
const SESSION_ROW: &str = "head";

#[derive(Clone)]
pub struct Sessions {
    dynamo: Client,
    table: String,
}

impl Sessions {
    pub fn new(dynamo: &Client, table: String) -> Self {
        Self {
            dynamo: dynamo.clone(),
            table,
        }
    }

    /// The owner's session, ended or not; `None` if it does not exist or belongs to another owner.
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
            .set_key(Some(key(id, SESSION_ROW)))
            .consistent_read(true);
        let response = get.send().await.context("reading a session")?;
        let session = response.item.as_ref().map(session_row::parse).transpose()?;
        Ok(session.filter(|session| session.owner == *owner && session.expires_at > now))
    }

    /// Writes a new session. One that exists already is not changed.
    pub async fn start(&self, session: &Session) -> Result<()> {
        let put = self
            .dynamo
            .put_item()
            .table_name(&self.table)
            .set_item(Some(session_row::item(session)))
            .condition_expression("attribute_not_exists(sessionId)");
        match put.send().await.map_err(SdkError::into_service_error) {
            Ok(_) | Err(PutItemError::ConditionalCheckFailedException(_)) => Ok(()),
            Err(error) => Err(error).context("starting a session"),
        }
    }

    /// Makes the owner's session outlast its connection; `false` if there is no such open session.
    pub async fn make_lasting(&self, id: SessionId, owner: &Owner) -> Result<bool> {
        let update = self
            .update(id, SESSION_ROW)
            .update_expression("SET keep = :keep")
            .expression_attribute_values(
                ":keep",
                aws_sdk_dynamodb::types::AttributeValue::Bool(true),
            );
        done(owned(update, owner).send().await)
    }

    /// Ends the owner's session; `false` if there is no such open session.
    pub async fn end(&self, id: SessionId, owner: &Owner, now: Timestamp) -> Result<bool> {
        let update = self
            .update(id, SESSION_ROW)
            .update_expression("SET endedAt = :now")
            .expression_attribute_values(":now", time(now));
        done(owned(update, owner).send().await)
    }

    /// Ends the session that a closed connection started, unless it outlasts its connection.
    pub async fn end_for_connection(
        &self,
        connection: &ConnectionId,
        id: SessionId,
        now: Timestamp,
    ) -> Result<bool> {
        let update = self
            .update(id, SESSION_ROW)
            .update_expression("SET endedAt = :now")
            .condition_expression(
                "connectionId = :connection AND attribute_not_exists(keep) AND attribute_not_exists(endedAt)",
            )
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":connection", text(&connection.0));
        done(update.send().await)
    }

    /// A page of the owner's sessions after `cursor`, newest first, and the cursor of the next page. At most
    /// `limit` index entries are read; expired sessions are left out.
    pub async fn page(
        &self,
        owner: &Owner,
        limit: u32,
        cursor: Option<SessionId>,
        now: Timestamp,
    ) -> Result<(Vec<Session>, Option<SessionId>)> {
        let start = cursor.map(|id| {
            let mut start = key(id, SESSION_ROW);
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
        let response = query.send().await.context("listing a user's sessions")?;
        let last = response
            .last_evaluated_key
            .as_ref()
            .map(id_of)
            .transpose()?;
        let mut sessions = vec![];
        let mut wanted = vec![];
        for entry in response.items.unwrap_or_default() {
            wanted.push(key(id_of(&entry)?, SESSION_ROW));
        }
        while !wanted.is_empty() {
            let keys = KeysAndAttributes::builder()
                .set_keys(Some(wanted))
                .build()?;
            let get = self.dynamo.batch_get_item();
            let response = get.request_items(&self.table, keys).send().await;
            let response = response.context("reading sessions")?;
            let mut found = response.responses.unwrap_or_default();
            for item in found.remove(&self.table).unwrap_or_default() {
                sessions.push(session_row::parse(&item)?);
            }
            let left = response.unprocessed_keys.unwrap_or_default();
            wanted = left.into_values().flat_map(|left| left.keys).collect();
        }
        // The index has the sessions of this user's namesakes in other tenants. A cursor names none of them: the page
        // after this one reads those after the last own session again.
        sessions.retain(|session| session.owner == *owner);
        sessions.sort_by_key(|session| std::cmp::Reverse(session.id));
        let own = sessions.last().map(|session| session.id);
        let last = last.map(|last| own.unwrap_or(last.first_of_millisecond()));
        sessions.retain(|session| session.expires_at > now);
        Ok((sessions, last))
    }

    fn update(&self, id: SessionId, entry: &str) -> UpdateItemFluentBuilder {
        self.dynamo
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(id, entry)))
    }
}

/// Adds the condition that the session is open and belongs to the owner.
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

/// Whether the condition of an update held.
fn done<R>(response: Result<UpdateItemOutput, SdkError<UpdateItemError, R>>) -> Result<bool>
where
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match response.map_err(SdkError::into_service_error) {
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
    SessionId::parse(Item(item).text("sessionId")?)
        .context("an index entry has a malformed session id")
}
