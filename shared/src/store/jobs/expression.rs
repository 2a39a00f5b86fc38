//! A change of a job as DynamoDB takes it: an update and its condition.
//!
//! Translates [`Change`] word by word, and decides nothing.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::row;
use crate::protocol::dialect::Dialect;
use crate::store::events::entries;
use crate::domain::ids::{ConnectionId, Owner};
use crate::aws::item::{Attributes, number, text, time, ttl};
use crate::domain::job::{
    Change, Clear, Expect, JobError, JobResult, Mishap, Outcome, Raise, Set, Status, StoredResult,
};

/// What one run of a job leaves in its row, and the next starts without.
const RUN: [&str; 14] = [
    "attempt",
    "continued",
    "reported",
    "claimedBy",
    "leaseUntil",
    "resends",
    "resentAt",
    "startedAt",
    "finishedAt",
    "lastError",
    "error",
    "result",
    "resultRef",
    "cancelledBy",
];

/// A change as DynamoDB takes it.
pub(super) struct Expression {
    pub update: String,
    pub condition: String,
    pub names: HashMap<String, String>,
    pub values: Attributes,
}

/// A change's update and condition.
pub(super) fn expression(change: &Change) -> Expression {
    let mut writer = Writer::default();
    for set in &change.set {
        writer.set(set);
    }
    for raise in &change.raise {
        match raise {
            Raise::Seq => writer.events += 1,
            Raise::Told(events) => writer.told(*events, "progressSeq"),
            Raise::Streamed => writer.told(1, "streamSeq"),
            Raise::Fence => writer.add("fence", number(1)),
            Raise::Attempt => writer.add("attempt", number(1)),
            Raise::Resends => writer.add("resends", number(1)),
            Raise::Follows => writer.add("follows", number(1)),
            Raise::Replays => writer.add("replays", number(1)),
        }
    }
    for clear in &change.clear {
        match clear {
            Clear::Lease => writer.remove("leaseUntil"),
            Clear::Open => writer.remove("openShard"),
            Clear::Wait => writer.remove("waitsFor"),
            Clear::Dialect(connection) => writer.delete("dialect", spoken_by(connection)),
            Clear::Run => RUN.iter().for_each(|name| writer.remove(name)),
            Clear::Follower(connection) => {
                writer.delete("followers", AttributeValue::Ss(vec![connection.0.clone()]))
            }
        }
    }
    if writer.events > 0 {
        writer.add("seq", number(writer.events));
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
    /// By how much `seq` rises.
    events: u64,
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
            Set::Continued(continued) => ("continued", AttributeValue::Bool(*continued)),
            Set::Attempt(attempt) => ("attempt", number((*attempt).into())),
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
            Set::LastError(mishap) => ("lastError", last_error(mishap)),
            Set::ResentAt(at) => ("resentAt", time(*at)),
            Set::ExpiresAt(at) => ("ttl", ttl(*at)),
            Set::ReplayedAt(at) => ("replayedAt", time(*at)),
            Set::Deadline(at) => ("deadlineAt", time(*at)),
            Set::Open(shard) => ("openShard", text(shard.to_string())),
            Set::StepsRun(run) => ("stepsRun", number((*run).into())),
            Set::Tail(tail) if tail.is_empty() => return self.remove("tail"),
            Set::Tail(tail) => ("tail", entries(tail)),
            Set::Shown(seq) => ("shownSeq", number(*seq)),
            Set::TakenBack => ("takenBack", AttributeValue::Bool(true)),
            Set::Follower(connection) => {
                return self.add("followers", AttributeValue::Ss(vec![connection.0.clone()]));
            }
            Set::Outcome(Outcome::Completed(JobResult::Here(result))) => ("result", text(result)),
            Set::Outcome(Outcome::Completed(JobResult::Logged(key))) => ("resultRef", text(key)),
            Set::Outcome(Outcome::Completed(JobResult::Stored(stored))) => {
                ("resultRef", stored_result(stored))
            }
            Set::Outcome(Outcome::Failed(error)) => ("error", failure(error)),
            Set::Outcome(Outcome::Cancelled { by, .. }) => ("cancelledBy", text(by)),
        };
        let (name, value) = (self.name(name), self.value(value));
        self.sets.push(format!("{name} = {value}"));
    }

    fn add(&mut self, name: &str, value: AttributeValue) {
        let (name, value) = (self.name(name), self.value(value));
        self.adds.push(format!("{name} {value}"));
    }

    /// Raises `seq` and keeps its new value under this name too; an expression reads the row as it was.
    fn told(&mut self, events: u64, name: &str) {
        self.events += events;
        let (name, seq) = (self.name(name), self.name("seq"));
        let raised = self.value(number(self.events));
        self.sets.push(format!("{name} = {seq} + {raised}"));
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
                let waits = self.name("waitsFor");
                format!(
                    "attribute_not_exists({waits}) AND ({status} = {queued} OR ({status} = {processing} AND {until} <= {now}))"
                )
            }
            Expect::Fence(fence) => self.held(*fence),
            Expect::Held { fence, seq } => {
                let held = self.held(*fence);
                format!("{held} AND {}", self.equals("seq", number(*seq)))
            }
            Expect::Heard {
                fence,
                seq,
                follows,
            } => {
                let held = self.held(*fence);
                let seq = self.equals("seq", number(*seq));
                let follows = self.count("follows", *follows);
                format!("{held} AND {seq} AND {follows}")
            }
            Expect::AsRead {
                seq,
                resends,
                ended,
            } => {
                let seq = self.equals("seq", number(*seq));
                let resends = self.count("resends", *resends);
                let exists = if *ended {
                    "attribute_exists"
                } else {
                    "attribute_not_exists"
                };
                let finished = self.name("finishedAt");
                format!("{seq} AND {resends} AND {exists}({finished})")
            }
            Expect::Open(owner) => {
                let owned = self.owned(owner);
                let finished = self.name("finishedAt");
                format!("{owned} AND attribute_not_exists({finished})")
            }
            Expect::Owned(owner) => self.owned(owner),
            Expect::Waiting => {
                let (waits, finished) = (self.name("waitsFor"), self.name("finishedAt"));
                format!("attribute_exists({waits}) AND attribute_not_exists({finished})")
            }
            Expect::Failed { run, now } => {
                let failed = self.equals("status", text(Status::Failed.as_str()));
                let run = self.count("replays", *run);
                let (expiry, now) = (self.name("ttl"), self.value(ttl(*now)));
                format!("{failed} AND {run} AND {expiry} > {now}")
            }
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

    fn held(&mut self, fence: u64) -> String {
        let fence = self.equals("fence", number(fence));
        let processing = self.equals("status", text(Status::Processing.as_str()));
        format!("{fence} AND {processing}")
    }

    fn equals(&mut self, name: &str, value: AttributeValue) -> String {
        format!("{} = {}", self.name(name), self.value(value))
    }

    /// A count that a row has only from its first raise on.
    fn count(&mut self, name: &str, count: u32) -> String {
        if count == 0 {
            return format!("attribute_not_exists({})", self.name(name));
        }
        self.equals(name, number(count.into()))
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

/// Whatever dialect the connection hears the job in: taken out of the row's set blindly, since a new follower
/// has not seen the row.
fn spoken_by(connection: &ConnectionId) -> AttributeValue {
    let spoken = Dialect::ALL.map(|dialect| row::spoken(dialect, connection));
    AttributeValue::Ss(spoken.into())
}

fn stored_result(stored: &StoredResult) -> AttributeValue {
    AttributeValue::M(HashMap::from([
        ("key".to_owned(), text(&stored.key)),
        ("bytes".to_owned(), number(stored.bytes)),
        ("sha256".to_owned(), text(&stored.sha256)),
        ("contentType".to_owned(), text(&stored.content_type)),
    ]))
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

fn last_error(mishap: &Mishap) -> AttributeValue {
    AttributeValue::M(HashMap::from([
        ("code".to_owned(), text(&mishap.code)),
        ("message".to_owned(), text(&mishap.sentence)),
        ("at".to_owned(), time(mishap.at)),
        ("attempt".to_owned(), number(mishap.attempt.into())),
    ]))
}
