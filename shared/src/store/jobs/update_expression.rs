//! Translates a [`Change`] of a job into a DynamoDB update expression and its condition.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;

use super::row;
use crate::aws::item::{Attributes, number, text, time, ttl};
use crate::domain::dialect::Dialect;
use crate::domain::ids::{ConnectionId, Owner};
use crate::domain::job::{
    Assignment, AttemptError, Change, Condition, Increment, JobError, JobResult, Outcome, Removal,
    Status, StoredResult,
};
use crate::domain::log::LogEntry;
use crate::store::event_log::entries;

/// The attributes of a run, which a replay removes.
const RUN_ATTRIBUTES: [&str; 15] = [
    "attempt",
    "continued",
    "reported",
    "claimedBy",
    "claimedMessage",
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

/// The parts of a DynamoDB update request.
pub(super) struct UpdateExpression {
    pub update: String,
    pub condition: String,
    pub names: HashMap<String, String>,
    pub values: Attributes,
}

/// The update request of a change.
pub(super) fn update_expression(change: &Change) -> UpdateExpression {
    let mut writer = Writer::default();
    for assignment in &change.assignments {
        writer.set(assignment);
    }
    for increment in &change.increments {
        match increment {
            Increment::Seq => writer.events += 1,
            Increment::Progress(events) => writer.add_events(*events, "progressSeq"),
            Increment::Stream => writer.add_events(1, "streamSeq"),
            Increment::Fence => writer.add("fence", number(1)),
            Increment::Attempt => writer.add("attempt", number(1)),
            Increment::Resends => writer.add("resends", number(1)),
            Increment::FollowerVersion => writer.add("follows", number(1)),
            Increment::Replays => writer.add("replays", number(1)),
        }
    }
    for removal in &change.removals {
        match removal {
            Removal::Lease => writer.remove("leaseUntil"),
            Removal::Open => writer.remove("openShard"),
            Removal::TurnWait => writer.remove("waitsFor"),
            Removal::Dialect(connection) => writer.delete("dialect", dialect_values(connection)),
            Removal::Run => RUN_ATTRIBUTES.iter().for_each(|name| writer.remove(name)),
            Removal::Follower(connection) => {
                writer.delete("followers", [connection.0.clone()]);
            }
        }
    }
    if writer.events > 0 {
        writer.add("seq", number(writer.events));
    }
    let condition = writer.condition(&change.condition);
    writer.finish(condition)
}

#[derive(Default)]
struct Writer {
    sets: Vec<String>,
    adds: Vec<String>,
    removes: Vec<String>,
    /// The texts that each set loses. An expression may name an attribute once.
    deletes: BTreeMap<&'static str, Vec<String>>,
    /// The increment of `seq`.
    events: u64,
    names: HashMap<String, String>,
    values: Attributes,
}

impl Writer {
    /// A placeholder for an attribute's name, since some names are reserved words of DynamoDB.
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

    fn set(&mut self, assignment: &Assignment) {
        let (name, value) = match assignment {
            Assignment::Status(status) => ("status", text(status.as_str())),
            Assignment::Progress(percent) => ("progress", number((*percent).into())),
            Assignment::Message(message) => ("message", text(message)),
            Assignment::HandedOver(handed_over) => {
                ("continued", AttributeValue::Bool(*handed_over))
            }
            Assignment::Attempt(attempt) => ("attempt", number((*attempt).into())),
            Assignment::Reported(reported) => ("reported", AttributeValue::Bool(*reported)),
            Assignment::Retrying(false) => return self.remove("retrying"),
            Assignment::Retrying(true) => ("retrying", AttributeValue::Bool(true)),
            Assignment::LeaseUntil(until) => ("leaseUntil", time(*until)),
            Assignment::ClaimedBy(invocation) => ("claimedBy", text(invocation)),
            Assignment::ClaimedMessage(message) => ("claimedMessage", text(message)),
            Assignment::UpdatedAt(at) => ("updatedAt", time(*at)),
            Assignment::ProgressAt(at) => ("progressAt", time(*at)),
            Assignment::StartedAt(at) => {
                let (name, value) = (self.name("startedAt"), self.value(time(*at)));
                return self
                    .sets
                    .push(format!("{name} = if_not_exists({name}, {value})"));
            }
            Assignment::FinishedAt(at) => ("finishedAt", time(*at)),
            Assignment::LastError(error) => ("lastError", last_error(error)),
            Assignment::ResentAt(at) => ("resentAt", time(*at)),
            Assignment::ExpiresAt(at) => ("ttl", ttl(*at)),
            Assignment::ReplayedAt(at) => ("replayedAt", time(*at)),
            Assignment::Deadline(at) => ("deadlineAt", time(*at)),
            Assignment::Open(shard) => ("openShard", text(shard.to_string())),
            Assignment::StepsRun(run) => ("stepsRun", number((*run).into())),
            Assignment::Tail(tail) => return self.set_tail(tail),
            Assignment::DialectSeq(seq) => ("shownSeq", number(*seq)),
            Assignment::DialectBroken => ("takenBack", AttributeValue::Bool(true)),
            Assignment::Follower(connection) => {
                return self.add("followers", AttributeValue::Ss(vec![connection.0.clone()]));
            }
            Assignment::Outcome(Outcome::Completed(JobResult::Inline(result))) => {
                ("result", text(result))
            }
            Assignment::Outcome(Outcome::Completed(JobResult::EventLog(key))) => {
                ("resultRef", text(key))
            }
            Assignment::Outcome(Outcome::Completed(JobResult::Object(stored))) => {
                ("resultRef", stored_result(stored))
            }
            Assignment::Outcome(Outcome::Failed(error)) => ("error", failure(error)),
            Assignment::Outcome(Outcome::Cancelled { by, .. }) => ("cancelledBy", text(by)),
        };
        let (name, value) = (self.name(name), self.value(value));
        self.sets.push(format!("{name} = {value}"));
    }

    fn set_tail(&mut self, tail: &[LogEntry]) {
        for (name, list) in [row::TAIL, entries::EVENTS]
            .into_iter()
            .zip(entries::encode(tail))
        {
            match list {
                None => self.remove(name),
                Some(list) => {
                    let (name, list) = (self.name(name), self.value(list));
                    self.sets.push(format!("{name} = {list}"));
                }
            }
        }
    }

    fn add(&mut self, name: &str, value: AttributeValue) {
        let (name, value) = (self.name(name), self.value(value));
        self.adds.push(format!("{name} {value}"));
    }

    /// Increments `seq` and sets this attribute to its new value. An expression reads the row before the
    /// update.
    fn add_events(&mut self, events: u64, name: &str) {
        self.events += events;
        let (name, seq) = (self.name(name), self.name("seq"));
        let increment = self.value(number(self.events));
        self.sets.push(format!("{name} = {seq} + {increment}"));
    }

    fn delete(&mut self, name: &'static str, texts: impl IntoIterator<Item = String>) {
        self.deletes.entry(name).or_default().extend(texts);
    }

    fn remove(&mut self, name: &str) {
        let name = self.name(name);
        self.removes.push(name);
    }

    fn condition(&mut self, condition: &Condition) -> String {
        match condition {
            Condition::Claimable { now, seq } => {
                let (status, until) = (self.name("status"), self.name("leaseUntil"));
                let queued = self.value(text(Status::Queued.as_str()));
                let processing = self.value(text(Status::Processing.as_str()));
                let now = self.value(time(*now));
                let waits = self.name("waitsFor");
                let seq = self.equals("seq", number(*seq));
                format!(
                    "{seq} AND attribute_not_exists({waits}) AND ({status} = {queued} OR ({status} = {processing} AND {until} <= {now}))"
                )
            }
            Condition::Fence(fence) => self.held(*fence),
            Condition::Held { fence, seq } => {
                let held = self.held(*fence);
                format!("{held} AND {}", self.equals("seq", number(*seq)))
            }
            Condition::HeldWithFollowers {
                fence,
                seq,
                follower_version,
            } => {
                let held = self.held(*fence);
                let seq = self.equals("seq", number(*seq));
                let version = self.count("follows", *follower_version);
                format!("{held} AND {seq} AND {version}")
            }
            Condition::Unchanged {
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
            Condition::Open(owner) => {
                let owned = self.owned(owner);
                let finished = self.name("finishedAt");
                format!("{owned} AND attribute_not_exists({finished})")
            }
            Condition::Owned(owner) => self.owned(owner),
            Condition::Waiting => {
                let (waits, finished) = (self.name("waitsFor"), self.name("finishedAt"));
                format!("attribute_exists({waits}) AND attribute_not_exists({finished})")
            }
            Condition::FailedRun { run, now } => {
                let failed = self.equals("status", text(Status::Failed.as_str()));
                let run = self.count("replays", *run);
                let (expiry, now) = (self.name("ttl"), self.value(ttl(*now)));
                format!("{failed} AND {run} AND {expiry} > {now}")
            }
            Condition::FollowerCapacity {
                owner,
                connection,
                max_followers,
            } => {
                let owned = self.owned(owner);
                let (name, capacity) = (
                    self.name("followers"),
                    self.value(number(*max_followers as u64)),
                );
                let connection = self.value(text(&connection.0));
                let finished = self.name("finishedAt");
                format!(
                    "{owned} AND attribute_not_exists({finished}) AND (attribute_not_exists({name}) OR size({name}) < {capacity} OR contains({name}, {connection}))"
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

    /// Compares a counter, which is missing while it is 0.
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

    fn finish(mut self, condition: String) -> UpdateExpression {
        let mut deletes = vec![];
        for (name, texts) in std::mem::take(&mut self.deletes) {
            let (name, value) = (self.name(name), self.value(AttributeValue::Ss(texts)));
            deletes.push(format!("{name} {value}"));
        }
        let clauses = [
            ("SET", self.sets),
            ("ADD", self.adds),
            ("REMOVE", self.removes),
            ("DELETE", deletes),
        ];
        let clause = |(word, parts): (&str, Vec<String>)| {
            (!parts.is_empty()).then(|| format!("{word} {}", parts.join(", ")))
        };
        let update = clauses
            .into_iter()
            .filter_map(clause)
            .collect::<Vec<_>>()
            .join(" ");
        UpdateExpression {
            update,
            condition,
            names: self.names,
            values: self.values,
        }
    }
}

/// Every value with which the connection can be in the row's set of dialects. All are removed, since a new
/// follower has not read the row.
fn dialect_values(connection: &ConnectionId) -> [String; Dialect::ALL.len()] {
    Dialect::ALL.map(|dialect| row::dialect_value(dialect, connection))
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
        ("message".to_owned(), text(&error.message)),
        (
            "retryable".to_owned(),
            AttributeValue::Bool(error.retryable),
        ),
    ]))
}

fn last_error(error: &AttemptError) -> AttributeValue {
    AttributeValue::M(HashMap::from([
        ("code".to_owned(), text(&error.code)),
        ("message".to_owned(), text(&error.message)),
        ("at".to_owned(), time(error.at)),
        ("attempt".to_owned(), number(error.attempt.into())),
    ]))
}
