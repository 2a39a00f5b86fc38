//! A session's head: whose it is, how many turns it has, whether it goes on.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::HEAD;
use crate::aws::item::{Attributes, Item, ItemError, number, text, time, ttl};
use crate::domain::ids::{ConnectionId, JobId, Owner, SessionId};

/// A session as its head row holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub owner: Owner,
    /// Which connection made it; that one's end is its own, unless it is to be kept.
    pub connection: ConnectionId,
    pub keep: bool,
    pub started_at: Timestamp,
    /// When the last turn was accepted.
    pub updated_at: Timestamp,
    /// How many turns were accepted.
    pub turns: u32,
    /// The last turn's job.
    pub tail: Option<JobId>,
    pub ended_at: Option<Timestamp>,
    /// From then on it counts as gone.
    pub expires_at: Timestamp,
}

impl Session {
    /// A session without turns that ends with this connection.
    pub fn new(
        id: SessionId,
        owner: Owner,
        connection: ConnectionId,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Self {
        Self {
            id,
            owner,
            connection,
            keep: false,
            started_at: now,
            updated_at: now,
            turns: 0,
            tail: None,
            ended_at: None,
            expires_at,
        }
    }
}

pub(super) fn item(head: &Session) -> Attributes {
    let mut item = super::key(head.id, HEAD);
    let mut put = |name: &str, value: AttributeValue| drop(item.insert(name.to_owned(), value));
    put("userId", text(&head.owner.user));
    put("connectionId", text(&head.connection.0));
    put("startedAt", time(head.started_at));
    put("updatedAt", time(head.updated_at));
    put("turns", number(head.turns.into()));
    put("ttl", ttl(head.expires_at));
    if let Some(tenant) = &head.owner.tenant {
        put("tenantId", text(tenant));
    }
    if let Some(tail) = &head.tail {
        put("tail", text(tail.to_string()));
    }
    // Left out rather than false, so that a condition can ask for its absence.
    if head.keep {
        put("keep", AttributeValue::Bool(true));
    }
    item
}

pub(super) fn head(attributes: &Attributes) -> Result<Session, ItemError> {
    let item = Item(attributes);
    Ok(Session {
        id: SessionId::parse(item.text("sessionId")?).ok_or(ItemError("sessionId"))?,
        owner: Owner {
            user: item.text("userId")?.to_owned(),
            tenant: item.optional_text("tenantId")?.map(Into::into),
        },
        connection: ConnectionId(item.text("connectionId")?.to_owned()),
        keep: item.flag("keep")?,
        started_at: item.time("startedAt")?,
        updated_at: item.time("updatedAt")?,
        turns: item.number("turns")?,
        tail: item.optional_text("tail")?.and_then(JobId::parse),
        ended_at: item.optional_time("endedAt")?,
        expires_at: item.ttl("ttl")?,
    })
}
