//! A job as its row holds it, and what follows from the row alone.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::input::JobInput;
use super::outcome::Outcome;
use super::turn::{DialectFollower, Turn};
use crate::domain::ids::{ConnectionId, Cursor, JobId, Owner, Traceparent};
use crate::domain::log::LogEntry;

/// `progress` of a job that nothing has run yet, in percent.
pub const QUEUED_PROGRESS: u8 = 5;
/// Partitions of the index of open jobs, so that no single key takes every submit.
pub const OPEN_SHARDS: u8 = 8;

/// Where a job is in its life.
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
    /// Of the frame that submitted the job: every event carries it.
    pub request_id: Option<String>,
    /// The span that submitted the job, the parent of its attempts' spans.
    pub traceparent: Option<Traceparent>,
    pub status: Status,
    pub progress: u8,
    pub message: String,
    /// The latest event's sequence number; 1 is `job_queued`.
    pub seq: u64,
    /// The latest progress event's sequence number; 0 before the first.
    pub progress_seq: u64,
    /// When the latest progress event happened; `None` before the first.
    pub progress_at: Option<Timestamp>,
    /// The sequence number of the latest streamed entry; 0 before the first.
    pub stream_seq: u64,
    /// The latest entries of the event log, which its table may not have yet.
    pub tail: Vec<LogEntry>,
    /// The attempts of this run: its claims, except for those that continued after a hand-over.
    pub attempt: u32,
    /// Whether the job was handed over, and this attempt continues where the last invocation stopped.
    pub handed_over: bool,
    /// Whether this attempt has reported progress yet.
    pub reported: bool,
    /// Whether the latest progress event announced another try.
    pub retrying: bool,
    /// Incremented by each claim: a worker with a lower one is superseded.
    pub fence: u64,
    pub lease_until: Option<Timestamp>,
    /// The request id of the invocation that holds the lease.
    pub claimed_by: Option<String>,
    /// The id of the message that brought the job to the holder of the lease.
    pub claimed_message: Option<String>,
    pub created_at: Timestamp,
    /// The time of the latest event.
    pub updated_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    /// The job has ended by then in any case.
    pub deadline: Timestamp,
    pub outcome: Option<Outcome>,
    /// Why the last attempt failed that was followed by another.
    pub last_error: Option<AttemptError>,
    /// The connections that receive its events.
    pub followers: BTreeSet<ConnectionId>,
    /// Incremented when the followers change.
    pub follower_version: u32,
    /// How often the job was replayed. Each replay starts a new run.
    pub replays: u32,
    /// When it was last replayed.
    pub replayed_at: Option<Timestamp>,
    /// The first run whose saved steps count.
    pub steps_run: u32,
    /// When the sweep last sent it to the queue again, and how often it did.
    pub resent_at: Option<Timestamp>,
    pub resends: u32,
    /// Whether the index of open jobs lists it: from the submit until its end was pushed.
    pub open: bool,
    /// From then on the row counts as removed, whether or not the table has removed it yet.
    pub expires_at: Timestamp,
    /// Its place in a session, if it is a turn of one.
    pub turn: Option<Turn>,
    /// The follower that receives it in a dialect, if there is one.
    pub dialect_follower: Option<DialectFollower>,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptError {
    pub code: String,
    pub message: String,
    pub at: Timestamp,
    /// The number of the attempt.
    pub attempt: u32,
}

/// How long a job may take and is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubmitOptions {
    /// From the submit to its end.
    pub deadline: Duration,
    /// From its end to its removal.
    pub retention: Duration,
}

impl Job {
    /// A new job. Its first event is its `job_queued`.
    pub fn submitted(
        id: JobId,
        owner: Owner,
        kind: String,
        input: JobInput,
        now: Timestamp,
        options: SubmitOptions,
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
            progress_at: None,
            stream_seq: 0,
            tail: vec![],
            attempt: 0,
            handed_over: false,
            reported: false,
            retrying: false,
            fence: 0,
            lease_until: None,
            claimed_by: None,
            claimed_message: None,
            created_at: now,
            updated_at: now,
            started_at: None,
            finished_at: None,
            deadline: now + options.deadline,
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
            expires_at: now + options.deadline + options.retention,
            turn: None,
            dialect_follower: None,
        }
    }

    /// The cursor of a page that ends with this job.
    pub fn cursor(&self) -> Cursor {
        Cursor {
            job: self.id,
            created_at: self.created_at,
        }
    }

    /// The progress of the current attempt, in percent: each starts over, unless it continues after a hand-over.
    pub fn current_progress(&self) -> u8 {
        if self.reported || self.handed_over {
            self.progress
        } else {
            QUEUED_PROGRESS
        }
    }

    /// The attempt that made the latest progress event: a hand-over takes it back from the count, since the next claim
    /// counts it again.
    pub(crate) fn progress_attempt(&self) -> u32 {
        let is_counted_again = self.handed_over && self.status == Status::Queued;
        self.attempt + u32::from(is_counted_again)
    }

    /// How much of the job is done, in percent, as it is displayed: its row keeps the last report when it completes.
    pub fn percent_done(&self) -> u8 {
        match self.status {
            Status::Completed => 100,
            _ => self.progress,
        }
    }

    /// Whether no analysis has worked on the job before, so that nothing was saved.
    pub fn is_first_attempt(&self) -> bool {
        self.attempt == 1 && !self.handed_over && self.replays == 0
    }

    /// Whether the claim that this row shows took the job from a worker whose lease lapsed. A worker that gives a job
    /// back leaves an error or hands it over.
    pub fn is_taken_over(&self) -> bool {
        let given_back = self.last_error.as_ref().map_or(0, |error| error.attempt);
        self.attempt > 1 && !self.handed_over && given_back + 1 != self.attempt
    }

    /// Whether the holder of this fence still runs the job.
    pub fn is_held(&self, fence: u64) -> bool {
        self.status == Status::Processing && self.fence == fence
    }

    /// Whether this invocation holds the lease.
    pub fn is_claimed_by(&self, invocation: &str) -> bool {
        self.status == Status::Processing && self.claimed_by.as_deref() == Some(invocation)
    }

    /// Whether this message is another than the one that brought the job to the holder of its lease.
    pub fn is_duplicate(&self, message: &str) -> bool {
        self.status == Status::Processing
            && self
                .claimed_message
                .as_ref()
                .is_some_and(|claimed| claimed != message)
    }

    /// Whether an earlier turn must end before this job may run.
    pub fn waits_for_turn(&self) -> bool {
        self.turn
            .as_ref()
            .is_some_and(|turn| turn.waits_for.is_some())
    }

    /// From now on the connection receives the native events, if it received a dialect.
    pub(super) fn remove_dialect(&mut self, connection: &ConnectionId) {
        let receives_dialect = |follower: &DialectFollower| follower.connection == *connection;
        if self.dialect_follower.as_ref().is_some_and(receives_dialect) {
            self.dialect_follower = None;
        }
    }

    /// Removes what a run leaves: its counts, times, errors and outcome.
    pub(super) fn clear_run(&mut self) {
        (self.attempt, self.resends) = (0, 0);
        (self.handed_over, self.reported) = (false, false);
        (self.claimed_by, self.claimed_message) = (None, None);
        (self.lease_until, self.resent_at) = (None, None);
        (self.started_at, self.finished_at) = (None, None);
        (self.last_error, self.outcome) = (None, None);
    }
}
