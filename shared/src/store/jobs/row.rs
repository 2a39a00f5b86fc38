//! The attributes of a job's row, to and from [`Job`]. Only this module and `update_expression` name the
//! table's attributes.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::aws::item::{Attributes, Item, ItemError, number, text, time, ttl};
use crate::domain::dialect::Dialect;
use crate::domain::ids::{ConnectionId, JobId, Owner, SessionId, Traceparent};
use crate::domain::job::{
    AttemptError, DialectFollower, Job, JobError, JobInput, JobResult, OPEN_SHARDS, Outcome,
    Status, StoredResult, Turn,
};
use crate::store::event_log::entries;

/// The list of the streamed entries of the row's tail.
pub(super) const TAIL: &str = "tail";

/// The whole row of a new job.
pub(super) fn item(job: &Job) -> Attributes {
    let mut item = Attributes::new();
    let mut put = |name: &str, value: Option<AttributeValue>| {
        if let Some(value) = value {
            item.insert(name.to_owned(), value);
        }
    };
    put("jobId", Some(text(job.id.to_string())));
    put("userId", Some(text(&job.owner.user)));
    put("tenantId", job.owner.tenant.as_ref().map(text));
    put("kind", Some(text(&job.kind)));
    put("query", Some(text(&job.input.query)));
    put(
        "params",
        (job.input.params != "{}").then(|| text(&job.input.params)),
    );
    put("inputRef", job.input.log_key.as_ref().map(text));
    put("requestId", job.request_id.as_ref().map(text));
    put(
        "traceparent",
        job.traceparent.as_ref().map(|t| text(t.to_string())),
    );
    put("status", Some(text(job.status.as_str())));
    put("progress", Some(number(job.progress.into())));
    put("message", Some(text(&job.message)));
    put("seq", Some(number(job.seq)));
    put("attempt", Some(number(job.attempt.into())));
    put("fence", Some(number(job.fence)));
    put("createdAt", Some(time(job.created_at)));
    put("updatedAt", Some(time(job.updated_at)));
    put("deadlineAt", Some(time(job.deadline)));
    put(
        "followers",
        (!job.followers.is_empty())
            .then(|| AttributeValue::Ss(job.followers.iter().map(|c| c.0.clone()).collect())),
    );
    put(
        "openShard",
        Some(text(job.id.shard(OPEN_SHARDS).to_string())),
    );
    put("ttl", Some(ttl(job.expires_at)));
    if let Some(turn) = &job.turn {
        put("sessionId", Some(text(turn.session.to_string())));
        put("turn", Some(number(turn.number.into())));
        put("waitsFor", turn.waits_for.map(|job| text(job.to_string())));
    }
    if let Some(follower) = &job.dialect_follower {
        let dialects = vec![dialect_value(follower.dialect, &follower.connection)];
        put("dialect", Some(AttributeValue::Ss(dialects)));
    }
    item
}

/// The element of the row's `dialect` set for a connection. It is a set of one element because a write can
/// remove an element of a set without having read it.
pub(super) fn dialect_value(dialect: Dialect, connection: &ConnectionId) -> String {
    format!("{} {connection}", dialect.as_str())
}

/// Parses a row.
pub(super) fn job(attributes: &Attributes) -> Result<Job, ItemError> {
    let item = Item(attributes);
    let status = Status::parse(item.text("status")?).ok_or(ItemError("status"))?;
    Ok(Job {
        id: JobId::parse(item.text("jobId")?).ok_or(ItemError("jobId"))?,
        owner: Owner {
            user: item.text("userId")?.to_owned(),
            tenant: item.optional_text("tenantId")?.map(Into::into),
        },
        kind: item.text("kind")?.to_owned(),
        input: JobInput {
            query: item.text("query")?.to_owned(),
            params: item.optional_text("params")?.unwrap_or("{}").to_owned(),
            log_key: item.optional_text("inputRef")?.map(Into::into),
        },
        request_id: item.optional_text("requestId")?.map(Into::into),
        traceparent: item
            .optional_text("traceparent")?
            .and_then(Traceparent::parse),
        status,
        progress: item.number("progress")?,
        message: item.text("message")?.to_owned(),
        seq: item.number("seq")?,
        progress_seq: item.number("progressSeq")?,
        progress_at: item.optional_time("progressAt")?,
        stream_seq: item.number("streamSeq")?,
        tail: entries::parse(&item, TAIL)?,
        attempt: item.number("attempt")?,
        handed_over: item.flag("continued")?,
        reported: item.flag("reported")?,
        retrying: item.flag("retrying")?,
        fence: item.number("fence")?,
        lease_until: item.optional_time("leaseUntil")?,
        claimed_by: item.optional_text("claimedBy")?.map(Into::into),
        claimed_message: item.optional_text("claimedMessage")?.map(Into::into),
        created_at: item.time("createdAt")?,
        updated_at: item.time("updatedAt")?,
        started_at: item.optional_time("startedAt")?,
        finished_at: item.optional_time("finishedAt")?,
        deadline: item.time("deadlineAt")?,
        outcome: outcome(&item, status)?,
        last_error: last_error(&item)?,
        followers: item
            .texts("followers")?
            .iter()
            .cloned()
            .map(ConnectionId)
            .collect(),
        follower_version: item.number("follows")?,
        replays: item.number("replays")?,
        replayed_at: item.optional_time("replayedAt")?,
        steps_run: item.number("stepsRun")?,
        resent_at: item.optional_time("resentAt")?,
        resends: item.number("resends")?,
        open: item.optional_text("openShard")?.is_some(),
        expires_at: item.ttl("ttl")?,
        turn: turn(&item)?,
        dialect_follower: dialect_follower(&item)?,
    })
}

fn turn(item: &Item<'_>) -> Result<Option<Turn>, ItemError> {
    let Some(session) = item.optional_text("sessionId")? else {
        return Ok(None);
    };
    let waits_for = item.optional_text("waitsFor")?.map(JobId::parse);
    Ok(Some(Turn {
        session: SessionId::parse(session).ok_or(ItemError("sessionId"))?,
        number: item.number("turn")?,
        waits_for: match waits_for {
            None => None,
            Some(id) => Some(id.ok_or(ItemError("waitsFor"))?),
        },
    }))
}

fn dialect_follower(item: &Item<'_>) -> Result<Option<DialectFollower>, ItemError> {
    let Some(value) = item.texts("dialect")?.first() else {
        return Ok(None);
    };
    let (dialect, connection) = value.split_once(' ').ok_or(ItemError("dialect"))?;
    Ok(Some(DialectFollower {
        dialect: Dialect::parse(dialect).ok_or(ItemError("dialect"))?,
        connection: ConnectionId(connection.to_owned()),
        pushed_seq: item.number("shownSeq")?,
        is_broken: item.flag("takenBack")?,
    }))
}

fn outcome(item: &Item<'_>, status: Status) -> Result<Option<Outcome>, ItemError> {
    Ok(match status {
        Status::Queued | Status::Processing => None,
        Status::Completed => Some(Outcome::Completed(result(item)?)),
        Status::Failed => {
            let error = item.optional_map("error")?.ok_or(ItemError("error"))?;
            Some(Outcome::Failed(JobError {
                code: error.text("code")?.to_owned(),
                message: error.text("message")?.to_owned(),
                retryable: error.flag("retryable")?,
            }))
        }
        Status::Cancelled => Some(Outcome::Cancelled {
            by: item.text("cancelledBy")?.to_owned(),
            content: None,
        }),
    })
}

fn result(item: &Item<'_>) -> Result<JobResult, ItemError> {
    Ok(match item.0.get("resultRef") {
        None => JobResult::Inline(item.text("result")?.to_owned()),
        Some(AttributeValue::M(stored)) => {
            let stored = Item(stored);
            JobResult::Object(StoredResult {
                key: stored.text("key")?.to_owned(),
                bytes: stored.number("bytes")?,
                sha256: stored.text("sha256")?.to_owned(),
                content_type: stored.text("contentType")?.to_owned(),
                url: None,
            })
        }
        Some(_) => JobResult::EventLog(item.text("resultRef")?.to_owned()),
    })
}

fn last_error(item: &Item<'_>) -> Result<Option<AttemptError>, ItemError> {
    let Some(error) = item.optional_map("lastError")? else {
        return Ok(None);
    };
    Ok(Some(AttemptError {
        code: error.text("code")?.to_owned(),
        message: error.text("message")?.to_owned(),
        at: error.time("at")?,
        attempt: error.number("attempt")?,
    }))
}
