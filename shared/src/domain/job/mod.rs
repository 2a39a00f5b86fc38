//! A job's life: the states it can be in and the changes that lead from one to the next.
//!
//! Pure. Each transition is a function from what is known to a [`Change`]: a condition and the
//! fields it sets, as data. The store turns a change into one conditional write; the tests apply it
//! in memory; so both mean the same. Nothing here knows of tables, queues, clocks or frames.

mod change;
mod input;
mod lease;
mod outcome;
mod recovery;
mod replay;
mod streaming;
#[cfg(test)]
mod tests;
mod turn;

use std::collections::BTreeSet;
use std::time::Duration;

pub use change::{Assignment, Change, Condition, Increment, Removal};
pub use input::JobInput;
use jiff::Timestamp;
pub use lease::{Lease, Report};
pub use outcome::{DEADLINE, JobError, JobResult, OPERATOR, Outcome, POISON, StoredResult};
pub use recovery::{Availability, Repair, resend_after};
pub use streaming::{StreamStorage, TAIL_BYTES};
pub use turn::{DialectFollower, Turn};

use crate::domain::ids::{ConnectionId, Cursor, JobId, Owner, Traceparent};
use crate::domain::stream::StreamEntry;

/// `progress` while nothing has run yet (PROTOCOL 3).
pub const QUEUED_PROGRESS: u8 = 5;
/// Partitions of the index of open jobs, so that no one key takes every submit.
pub const OPEN_SHARDS: u8 = 8;
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

/// A job as its row holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub id: JobId,
    pub owner: Owner,
    pub kind: String,
    pub input: JobInput,
    /// Of the frame that started the job: it comes back on every event.
    pub request_id: Option<String>,
    /// The span that submitted it, of which its attempts are children.
    pub traceparent: Option<Traceparent>,
    pub status: Status,
    pub progress: u8,
    pub message: String,
    /// The number of the latest event; 1 is `job_queued`.
    pub seq: u64,
    /// The number of the latest event that told of progress; 0 before there was one.
    pub progress_seq: u64,
    /// The number of the latest entry of the stream; 0 if nothing was streamed.
    pub stream_seq: u64,
    /// The stream's latest entries, which the log need not have yet.
    pub tail: Vec<StreamEntry>,
    /// How often the job was tried in this run: its claims, but for those that went on after a
    /// hand-over.
    pub attempt: u32,
    /// Whether the job was handed over, and this attempt is to go on where the last invocation stopped.
    pub handed_over: bool,
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
    /// By then it has ended, one way or the other.
    pub deadline: Timestamp,
    pub outcome: Option<Outcome>,
    /// Why the last attempt failed that was followed by another.
    pub last_error: Option<AttemptError>,
    /// Who is told.
    pub followers: BTreeSet<ConnectionId>,
    /// How often the followers changed.
    pub follower_version: u32,
    /// How often the job was started anew from the dead-letter queue.
    pub replays: u32,
    /// When it last was.
    pub replayed_at: Option<Timestamp>,
    /// The run from which on kept steps count.
    pub steps_run: u32,
    /// When the sweep last sent it to the queue again, and how often it did.
    pub resent_at: Option<Timestamp>,
    pub resends: u32,
    /// Whether the index of open jobs lists it: from the submit until its end was announced.
    pub open: bool,
    /// From then on the row counts as gone, whether or not the table has removed it yet.
    pub expires_at: Timestamp,
    /// Its place in a conversation, if it is a part of one.
    pub turn: Option<Turn>,
    /// Which follower hears it in a dialect, if one does.
    pub dialect_follower: Option<DialectFollower>,
}

/// What went wrong in an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptError {
    pub code: String,
    pub message: String,
    pub at: Timestamp,
    /// In which attempt.
    pub attempt: u32,
}

/// How long a job may take and is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubmitOptions {
    /// From the submit to its end.
    pub deadline: Duration,
    /// From its end on.
    pub retention: Duration,
}

impl Job {
    /// A job nobody has worked on yet; its first event is its `job_queued`.
    pub fn submitted(
        id: JobId,
        owner: Owner,
        kind: String,
        input: JobInput,
        now: Timestamp,
        terms: SubmitOptions,
    ) -> Self {
        Self {
            id,
            owner,
            kind,
            input,
            request_id: None,
            traceparent: None,
            status: Status::Queued,
            progress: QUEUED_PROGRESS,
            message: String::from("Queued"),
            seq: 1,
            progress_seq: 0,
            stream_seq: 0,
            tail: vec![],
            attempt: 0,
            handed_over: false,
            reported: false,
            fence: 0,
            lease_until: None,
            claimed_by: None,
            created_at: now,
            updated_at: now,
            started_at: None,
            finished_at: None,
            deadline: now + terms.deadline,
            outcome: None,
            last_error: None,
            followers: BTreeSet::new(),
            follower_version: 0,
            replays: 0,
            replayed_at: None,
            steps_run: 0,
            resent_at: None,
            resends: 0,
            open: true,
            expires_at: now + terms.deadline + terms.retention,
            turn: None,
            dialect_follower: None,
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
    /// condition decides and the write's answer is the row. It leaves the progress alone, which a
    /// continued attempt goes on from.
    pub fn claim(invocation: &str, now: Timestamp, lease: Duration) -> Change {
        Change {
            condition: Condition::Claimable { now },
            assignments: vec![
                Assignment::Status(Status::Processing),
                Assignment::Message(String::from("Started")),
                Assignment::Reported(false),
                Assignment::LeaseUntil(now + lease),
                Assignment::ClaimedBy(invocation.to_owned()),
                Assignment::UpdatedAt(now),
                Assignment::StartedAt(now),
            ],
            increments: vec![Increment::Progress(1), Increment::Fence, Increment::Attempt],
            removals: vec![],
        }
    }

    /// Adds a follower; it hears every event with a higher `seq` than the answered row's, as PROTOCOL 3
    /// spells them, whatever it heard before.
    pub fn follow(owner: Owner, connection: ConnectionId, followers: usize) -> Change {
        let expect = Condition::FollowerCapacity {
            owner,
            connection: connection.clone(),
            followers,
        };
        Change {
            condition: expect,
            assignments: vec![Assignment::Follower(connection.clone())],
            increments: vec![Increment::FollowerVersion],
            removals: vec![Removal::Dialect(connection)],
        }
    }

    /// Takes a follower out.
    pub fn unfollow(owner: Owner, connection: ConnectionId) -> Change {
        Change {
            condition: Condition::Owned(owner),
            assignments: vec![],
            increments: vec![Increment::FollowerVersion],
            removals: vec![
                Removal::Follower(connection.clone()),
                Removal::Dialect(connection),
            ],
        }
    }

    /// The job as this row shows it: no event and no resend came after.
    fn unchanged(&self, ended: bool) -> Condition {
        Condition::Unchanged {
            seq: self.seq,
            resends: self.resends,
            ended,
        }
    }

    /// How far the present attempt is: it begins anew, unless it goes on after a hand-over.
    pub fn current_progress(&self) -> u8 {
        if self.reported || self.handed_over {
            self.progress
        } else {
            QUEUED_PROGRESS
        }
    }

    /// Whether this is the first that an analysis sees of the job, so that nothing was kept of it.
    pub fn is_first_attempt(&self) -> bool {
        self.attempt == 1 && !self.handed_over && self.replays == 0
    }

    /// Whether the claim that this row shows took the job from a worker that had let its lease lapse: one
    /// that gives a job back says why, or that the next goes on.
    pub fn is_taken_over(&self) -> bool {
        let given_back = self.last_error.as_ref().map_or(0, |mishap| mishap.attempt);
        self.attempt > 1 && !self.handed_over && given_back + 1 != self.attempt
    }

    /// Whether the holder of this fence still runs the job.
    pub fn is_held(&self, fence: u64) -> bool {
        self.status == Status::Processing && self.fence == fence
    }

    /// Whether this very invocation holds the lease.
    pub fn is_claimed_by(&self, invocation: &str) -> bool {
        self.status == Status::Processing && self.claimed_by.as_deref() == Some(invocation)
    }
}
