//! A job's row: how each field is spelled in DynamoDB, for people who read it with the `aws` CLI too.
//!
//! With its sibling `expression` the one place that names the table's attributes. Decides nothing.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::ids::{ConnectionId, JobId, Owner};
use crate::item::{Attributes, Item, ItemError, number, text, time, ttl};
use crate::job::{
    Input, Job, JobError, JobResult, Mishap, OPEN_SHARDS, Outcome, Status, StoredResult,
};

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
    put("inputRef", job.input.logged.as_ref().map(text));
    put("requestId", job.request_id.as_ref().map(text));
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
    item
}

/// The job that a row holds.
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
        input: Input {
            query: item.text("query")?.to_owned(),
            params: item.optional_text("params")?.unwrap_or("{}").to_owned(),
            logged: item.optional_text("inputRef")?.map(Into::into),
        },
        request_id: item.optional_text("requestId")?.map(Into::into),
        status,
        progress: item.number("progress")?,
        message: item.text("message")?.to_owned(),
        seq: item.number("seq")?,
        told: item.number("progressSeq")?,
        streamed: item.number("streamSeq")?,
        attempt: item.number("attempt")?,
        continued: item.flag("continued")?,
        reported: item.flag("reported")?,
        fence: item.number("fence")?,
        lease_until: item.optional_time("leaseUntil")?,
        claimed_by: item.optional_text("claimedBy")?.map(Into::into),
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
        follows: item.number("follows")?,
        replays: item.number("replays")?,
        replayed_at: item.optional_time("replayedAt")?,
        steps_run: item.number("stepsRun")?,
        resent_at: item.optional_time("resentAt")?,
        resends: item.number("resends")?,
        open: item.optional_text("openShard")?.is_some(),
        expires_at: item.ttl("ttl")?,
    })
}

fn outcome(item: &Item<'_>, status: Status) -> Result<Option<Outcome>, ItemError> {
    Ok(match status {
        Status::Queued | Status::Processing => None,
        Status::Completed => Some(Outcome::Completed(result(item)?)),
        Status::Failed => {
            let error = item.optional_map("error")?.ok_or(ItemError("error"))?;
            Some(Outcome::Failed(JobError {
                code: error.text("code")?.to_owned(),
                sentence: error.text("message")?.to_owned(),
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
        None => JobResult::Here(item.text("result")?.to_owned()),
        Some(AttributeValue::M(stored)) => {
            let stored = Item(stored);
            JobResult::Stored(StoredResult {
                key: stored.text("key")?.to_owned(),
                bytes: stored.number("bytes")?,
                sha256: stored.text("sha256")?.to_owned(),
                content_type: stored.text("contentType")?.to_owned(),
                url: None,
            })
        }
        Some(_) => JobResult::Logged(item.text("resultRef")?.to_owned()),
    })
}

fn last_error(item: &Item<'_>) -> Result<Option<Mishap>, ItemError> {
    let Some(error) = item.optional_map("lastError")? else {
        return Ok(None);
    };
    Ok(Some(Mishap {
        code: error.text("code")?.to_owned(),
        sentence: error.text("message")?.to_owned(),
        at: error.time("at")?,
    }))
}
