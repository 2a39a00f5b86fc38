//! A job's life: the states it can be in and the changes that lead from one to the next.
//!
//! Pure. Each transition is a function from what is known to a [`Change`]: a condition and the
//! fields it sets, as data. The store turns a change into one conditional write; the tests apply it
//! in memory; so both mean the same. Nothing here knows of tables, queues, clocks or frames.

mod change;
mod lease;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Duration;

pub use change::{Change, Clear, Expect, Raise, Set};
use jiff::Timestamp;
pub use lease::Lease;
use uuid::Uuid;

use crate::ids::{ConnectionId, Cursor, JobId, Owner};
use crate::limits;

/// `progress` while nothing has run yet (PROTOCOL 3).
pub const QUEUED_PROGRESS: u8 = 5;
/// Partitions of the index of open jobs, so that no one key takes every submit.
pub const OPEN_SHARDS: u8 = 8;
/// How long a written job may stay unclaimed before it is sent to the queue again. It doubles with
/// each resend, so that a long but healthy backlog is not flooded.
const RESEND_AFTER: Duration = Duration::from_secs(60);
/// The distance between resends stops doubling here, at about an hour.
const MOST_DOUBLINGS: u32 = 6;
/// An end that nobody could be told of for so long is left for its followers to ask for.
const ANNOUNCED_FOR: Duration = Duration::from_secs(3600);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Queued,
    Processing,
    Completed,
    Failed,
    Cancelled,
}

impl Status {
    pub const ALL: [Status; 5] = [
        Self::Queued,
        Self::Processing,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
    ];

    /// As rows and frames spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Processing => "processing",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The reverse of [`Status::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether the job has had its terminal event.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Completed(JobResult),
    Failed(JobError),
    Cancelled { by: String },
}

/// Where a result is. The text is JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobResult {
    Here(String),
    /// In the event log, under this key: too large for the row.
    Logged(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobError {
    pub code: String,
    /// A sentence for the person who asked.
    pub sentence: String,
    /// Whether asking again may help.
    pub retryable: bool,
}

/// A job as its row holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub id: JobId,
    pub owner: Owner,
    pub kind: String,
    pub input: Input,
    /// Of the frame that started the job: it comes back on every event.
    pub request_id: Option<String>,
    pub status: Status,
    pub progress: u8,
    pub message: String,
    /// The number of the latest event; the row is that event's one source.
    pub seq: u64,
    /// How often the job was claimed in this run.
    pub attempt: u32,
    /// Whether this attempt has said anything of itself yet.
    pub reported: bool,
    /// Raised at each claim: a worker that holds an older one is superseded.
    pub fence: u64,
    pub lease_until: Option<Timestamp>,
    /// The invocation that took the lease, as the logs name it.
    pub claimed_by: Option<String>,
    pub created_at: Timestamp,
    /// The time of the latest event.
    pub updated_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub outcome: Option<Outcome>,
    /// Who is told.
    pub followers: BTreeSet<ConnectionId>,
    /// How often the job was started anew from the dead-letter queue.
    pub replays: u32,
    /// When the sweep last sent it to the queue again, and how often it did.
    pub resent_at: Option<Timestamp>,
    pub resends: u32,
    /// Whether the index of open jobs lists it: from the submit until its end was announced.
    pub open: bool,
    /// From then on the row counts as gone, whether or not the table has removed it yet.
    pub expires_at: Timestamp,
}

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The query, or its beginning where `logged`.
    pub query: String,
    /// A JSON object; `{}` where `logged`.
    pub params: String,
    /// The entry of the event log that holds the whole, where it is too large for the row. Named
    /// after the content, so equal inputs have equal rows.
    pub logged: Option<String>,
}

impl Input {
    /// All of a small input.
    pub fn whole(query: String, params: String) -> Self {
        Self {
            query,
            params,
            logged: None,
        }
    }

    /// As the row holds it: DynamoDB bills the whole row at each update.
    pub fn in_row(&self) -> Self {
        if self.query.len() + self.params.len() <= limits::QUERY_IN_ROW_BYTES {
            return self.clone();
        }
        let content = format!("{}:{}{}", self.query.len(), self.query, self.params);
        let key = format!(
            "input#{}",
            Uuid::new_v5(&Uuid::NAMESPACE_OID, content.as_bytes())
        );
        let preview = limits::prefix(&self.query, limits::QUERY_IN_ROW_BYTES).to_owned();
        Self {
            query: preview,
            params: "{}".to_owned(),
            logged: Some(key),
        }
    }
}

/// Whether a worker may take the job, asked of a row that refused a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    Free,
    /// Somebody runs it until then, at least.
    Leased(Timestamp),
    Finished,
}

/// What the sweep has to mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repair {
    /// Nobody will run it unless its id is sent to the queue again; the change records that it was.
    Resend(Change),
    /// It has ended, but the end was not confirmed to have been pushed.
    Announce,
}

impl Job {
    /// A job nobody has worked on yet; its first event is its `job_queued`.
    pub fn submitted(
        id: JobId,
        owner: Owner,
        kind: String,
        input: Input,
        now: Timestamp,
        retention: Duration,
    ) -> Self {
        Self {
            id,
            owner,
            kind,
            input,
            request_id: None,
            status: Status::Queued,
            progress: QUEUED_PROGRESS,
            message: String::from("Queued"),
            seq: 1,
            attempt: 0,
            reported: false,
            fence: 0,
            lease_until: None,
            claimed_by: None,
            created_at: now,
            updated_at: now,
            started_at: None,
            finished_at: None,
            outcome: None,
            followers: BTreeSet::new(),
            replays: 0,
            resent_at: None,
            resends: 0,
            open: true,
            expires_at: now + retention,
        }
    }

    /// Where a page that ends with this job ends.
    pub fn cursor(&self) -> Cursor {
        Cursor {
            job: self.id,
            created_at: self.created_at,
        }
    }

    /// Takes the job for one worker, until `now + lease`. Blind: the queue brings an id only, so the
    /// condition decides and the write's answer is the row.
    pub fn claim(invocation: &str, now: Timestamp, lease: Duration) -> Change {
        Change {
            expect: Expect::Claimable { now },
            set: vec![
                Set::Status(Status::Processing),
                Set::Progress(QUEUED_PROGRESS),
                Set::Message(String::from("Started")),
                Set::Reported(false),
                Set::LeaseUntil(now + lease),
                Set::ClaimedBy(invocation.to_owned()),
                Set::UpdatedAt(now),
                Set::StartedAt(now),
            ],
            raise: vec![Raise::Seq, Raise::Fence, Raise::Attempt],
            clear: vec![],
        }
    }

    /// Adds a follower; it hears every event with a higher `seq` than the answered row's.
    pub fn follow(owner: Owner, connection: ConnectionId, followers: usize) -> Change {
        let expect = Expect::Room {
            owner,
            connection: connection.clone(),
            followers,
        };
        Change {
            expect,
            set: vec![Set::Follower(connection)],
            raise: vec![],
            clear: vec![],
        }
    }

    /// Takes a follower out.
    pub fn unfollow(owner: Owner, connection: ConnectionId) -> Change {
        Change {
            expect: Expect::Owned(owner),
            set: vec![],
            raise: vec![],
            clear: vec![Clear::Follower(connection)],
        }
    }

    /// Takes an ended job off the index of open ones, once its end was pushed.
    pub fn close(&self) -> Change {
        Change {
            expect: self.as_read(),
            set: vec![],
            raise: vec![],
            clear: vec![Clear::Open],
        }
    }

    /// Whether its end has been announced for long enough, heard or not.
    pub fn announced_in_vain(&self, now: Timestamp) -> bool {
        self.finished_at.is_some_and(|at| at + ANNOUNCED_FOR <= now)
    }

    /// The job as this row shows it: no event and no resend came after.
    fn as_read(&self) -> Expect {
        Expect::AsRead {
            seq: self.seq,
            resends: self.resends,
        }
    }

    /// Whether this very invocation holds the lease.
    pub fn is_claimed_by(&self, invocation: &str) -> bool {
        self.status == Status::Processing && self.claimed_by.as_deref() == Some(invocation)
    }

    pub fn availability(&self, now: Timestamp) -> Availability {
        match (self.status, self.lease_until) {
            (status, _) if status.is_terminal() => Availability::Finished,
            (Status::Processing, Some(until)) if until > now => Availability::Leased(until),
            _ => Availability::Free,
        }
    }

    /// What an open job needs that nothing else will do for it.
    pub fn repair(&self, now: Timestamp) -> Option<Repair> {
        if self.status.is_terminal() {
            let confirmed_by = self.finished_at? + RESEND_AFTER;
            return (self.open && confirmed_by <= now).then_some(Repair::Announce);
        }
        // A lapsed lease is resent at once; after that, like an unclaimed job, at growing distance.
        let waiting_since = self.lease_until.unwrap_or(self.updated_at);
        let backoff = RESEND_AFTER * 2u32.pow(self.resends.min(MOST_DOUBLINGS));
        let due = match self.resent_at.filter(|resent| *resent >= waiting_since) {
            Some(resent) => resent + backoff,
            None if self.lease_until.is_some() => waiting_since,
            None => waiting_since + RESEND_AFTER,
        };
        (due <= now).then(|| {
            Repair::Resend(Change {
                expect: self.as_read(),
                set: vec![Set::ResentAt(now)],
                raise: vec![Raise::Resends],
                clear: vec![],
            })
        })
    }
}
