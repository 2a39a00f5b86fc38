//! A job's row: how each field is spelled in DynamoDB, for people who read it with the `aws` CLI too.
//!
//! The one place that names the table's attributes. Decides nothing.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::ids::{ConnectionId, JobId, Owner};
use crate::item::{Attributes, Item, ItemError, number, text, time, ttl};
use crate::job::{
    Change, Clear, Expect, Input, Job, JobError, JobResult, OPEN_SHARDS, Outcome, Raise, Set,
    Status,
};

/// A change as DynamoDB takes it.
pub(super) struct Expression {
    pub update: String,
    pub condition: String,
    pub names: HashMap<String, String>,
    pub values: Attributes,
}

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
        attempt: item.number("attempt")?,
        reported: item.flag("reported")?,
        fence: item.number("fence")?,
        lease_until: item.optional_time("leaseUntil")?,
        claimed_by: item.optional_text("claimedBy")?.map(Into::into),
        created_at: item.time("createdAt")?,
        updated_at: item.time("updatedAt")?,
        started_at: item.optional_time("startedAt")?,
        finished_at: item.optional_time("finishedAt")?,
        outcome: outcome(&item, status)?,
        followers: item
            .texts("followers")?
            .iter()
            .cloned()
            .map(ConnectionId)
            .collect(),
        replays: item.number("replays")?,
        resent_at: item.optional_time("resentAt")?,
        resends: item.number("resends")?,
        open: item.optional_text("openShard")?.is_some(),
        expires_at: item.ttl("ttl")?,
    })
}

fn outcome(item: &Item<'_>, status: Status) -> Result<Option<Outcome>, ItemError> {
    Ok(match status {
        Status::Queued | Status::Processing => None,
        Status::Completed => Some(Outcome::Completed(
            match item.optional_text("resultRef")? {
                Some(key) => JobResult::Logged(key.to_owned()),
                None => JobResult::Here(item.text("result")?.to_owned()),
            },
        )),
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
        }),
    })
}

/// A change's update and condition.
pub(super) fn expression(change: &Change) -> Expression {
    let mut writer = Writer::default();
    for set in &change.set {
        writer.set(set);
    }
    for raise in &change.raise {
        let name = match raise {
            Raise::Seq => "seq",
            Raise::Fence => "fence",
            Raise::Attempt => "attempt",
            Raise::Resends => "resends",
        };
        writer.add(name, number(1));
    }
    for clear in &change.clear {
        match clear {
            Clear::Lease => writer.remove("leaseUntil"),
            Clear::Open => writer.remove("openShard"),
            Clear::Follower(connection) => {
                writer.delete("followers", AttributeValue::Ss(vec![connection.0.clone()]))
            }
        }
    }
    let condition = writer.condition(&change.expect);
    writer.finish(condition)
}

#[derive(Default)]
struct Writer {
    sets: Vec<String>,
    adds: Vec<String>,
    removes: Vec<String>,
    deletes: Vec<String>,
    names: HashMap<String, String>,
    values: Attributes,
}

impl Writer {
    /// A placeholder for an attribute's name: some of ours are DynamoDB's reserved words.
    fn name(&mut self, name: &str) -> String {
        let placeholder = format!("#{name}");
        self.names.insert(placeholder.clone(), name.to_owned());
        placeholder
    }

    fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    fn set(&mut self, set: &Set) {
        let (name, value) = match set {
            Set::Status(status) => ("status", text(status.as_str())),
            Set::Progress(percent) => ("progress", number((*percent).into())),
            Set::Message(message) => ("message", text(message)),
            Set::Reported(reported) => ("reported", AttributeValue::Bool(*reported)),
            Set::LeaseUntil(until) => ("leaseUntil", time(*until)),
            Set::ClaimedBy(invocation) => ("claimedBy", text(invocation)),
            Set::UpdatedAt(at) => ("updatedAt", time(*at)),
            Set::StartedAt(at) => {
                let (name, value) = (self.name("startedAt"), self.value(time(*at)));
                return self
                    .sets
                    .push(format!("{name} = if_not_exists({name}, {value})"));
            }
            Set::FinishedAt(at) => ("finishedAt", time(*at)),
            Set::ResentAt(at) => ("resentAt", time(*at)),
            Set::ExpiresAt(at) => ("ttl", ttl(*at)),
            Set::Follower(connection) => {
                return self.add("followers", AttributeValue::Ss(vec![connection.0.clone()]));
            }
            Set::Outcome(Outcome::Completed(JobResult::Here(result))) => ("result", text(result)),
            Set::Outcome(Outcome::Completed(JobResult::Logged(key))) => ("resultRef", text(key)),
            Set::Outcome(Outcome::Failed(error)) => ("error", failure(error)),
            Set::Outcome(Outcome::Cancelled { by }) => ("cancelledBy", text(by)),
        };
        let (name, value) = (self.name(name), self.value(value));
        self.sets.push(format!("{name} = {value}"));
    }

    fn add(&mut self, name: &str, value: AttributeValue) {
        let (name, value) = (self.name(name), self.value(value));
        self.adds.push(format!("{name} {value}"));
    }

    fn delete(&mut self, name: &str, value: AttributeValue) {
        let (name, value) = (self.name(name), self.value(value));
        self.deletes.push(format!("{name} {value}"));
    }

    fn remove(&mut self, name: &str) {
        let name = self.name(name);
        self.removes.push(name);
    }

    fn condition(&mut self, expect: &Expect) -> String {
        match expect {
            Expect::Claimable { now } => {
                let (status, until) = (self.name("status"), self.name("leaseUntil"));
                let queued = self.value(text(Status::Queued.as_str()));
                let processing = self.value(text(Status::Processing.as_str()));
                let now = self.value(time(*now));
                format!("{status} = {queued} OR ({status} = {processing} AND {until} <= {now})")
            }
            Expect::Fence(fence) => {
                let (fence_name, fence) = (self.name("fence"), self.value(number(*fence)));
                let (status, processing) = (
                    self.name("status"),
                    self.value(text(Status::Processing.as_str())),
                );
                format!("{fence_name} = {fence} AND {status} = {processing}")
            }
            Expect::AsRead { seq, resends } => {
                let (seq_name, seq) = (self.name("seq"), self.value(number(*seq)));
                let (resends_name, resends) =
                    (self.name("resends"), self.value(number((*resends).into())));
                // A row that was never resent has no count.
                format!(
                    "{seq_name} = {seq} AND (attribute_not_exists({resends_name}) OR {resends_name} = {resends})"
                )
            }
            Expect::Owned(owner) => self.owned(owner),
            Expect::Room {
                owner,
                connection,
                followers,
            } => {
                let owned = self.owned(owner);
                let (name, room) = (
                    self.name("followers"),
                    self.value(number(*followers as u64)),
                );
                let connection = self.value(text(&connection.0));
                let finished = self.name("finishedAt");
                format!(
                    "{owned} AND attribute_not_exists({finished}) AND (attribute_not_exists({name}) OR size({name}) < {room} OR contains({name}, {connection}))"
                )
            }
        }
    }

    fn owned(&mut self, owner: &Owner) -> String {
        let (user_name, user) = (self.name("userId"), self.value(text(&owner.user)));
        let tenant_name = self.name("tenantId");
        match &owner.tenant {
            Some(tenant) => {
                let tenant = self.value(text(tenant));
                format!("{user_name} = {user} AND {tenant_name} = {tenant}")
            }
            None => format!("{user_name} = {user} AND attribute_not_exists({tenant_name})"),
        }
    }

    fn finish(self, condition: String) -> Expression {
        let clauses = [
            ("SET", self.sets),
            ("ADD", self.adds),
            ("REMOVE", self.removes),
            ("DELETE", self.deletes),
        ];
        let clause = |(word, parts): (&str, Vec<String>)| {
            (!parts.is_empty()).then(|| format!("{word} {}", parts.join(", ")))
        };
        let update = clauses
            .into_iter()
            .filter_map(clause)
            .collect::<Vec<_>>()
            .join(" ");
        Expression {
            update,
            condition,
            names: self.names,
            values: self.values,
        }
    }
}

fn failure(error: &JobError) -> AttributeValue {
    AttributeValue::M(HashMap::from([
        ("code".to_owned(), text(&error.code)),
        ("message".to_owned(), text(&error.sentence)),
        (
            "retryable".to_owned(),
            AttributeValue::Bool(error.retryable),
        ),
    ]))
}
