//! The row of a session, to and from [`Session`].

use aws_sdk_dynamodb::types::AttributeValue;

use super::SESSION_ROW;
use crate::aws::item::{Attributes, Item, ItemError, number, text, time, ttl};
use crate::domain::ids::{ConnectionId, JobId, Owner, SessionId};
use crate::domain::session::Session;

pub(super) fn item(session: &Session) -> Attributes {
    let mut item = super::key(session.id, SESSION_ROW);
    let mut put = |name: &str, value: AttributeValue| drop(item.insert(name.to_owned(), value));
    put("userId", text(&session.owner.user));
    put("connectionId", text(&session.connection.0));
    put("startedAt", time(session.started_at));
    put("updatedAt", time(session.updated_at));
    put("turns", number(session.turns.into()));
    put("ttl", ttl(session.expires_at));
    if let Some(tenant) = &session.owner.tenant {
        put("tenantId", text(tenant));
    }
    if let Some(last_job) = &session.last_job {
        put("tail", text(last_job.to_string()));
    }
    // Left out instead of false, since a condition checks its absence.
    if session.keep {
        put("keep", AttributeValue::Bool(true));
    }
    item
}

pub(super) fn parse(attributes: &Attributes) -> Result<Session, ItemError> {
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
        last_job: item.optional_text("tail")?.and_then(JobId::parse),
        ended_at: item.optional_time("endedAt")?,
        expires_at: item.ttl("ttl")?,
    })
}
