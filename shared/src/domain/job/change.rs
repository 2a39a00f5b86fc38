//! A transition of a job as data: a condition, and what is then written.
//!
//! The store makes it one conditional write. [`Change::apply`] does the same in memory, to a row that is already known.

use jiff::Timestamp;

use super::outcome::Outcome;
use super::state::{AttemptError, Job, Status};
use crate::domain::ids::{ConnectionId, Owner};
use crate::domain::log::LogEntry;

/// What must hold for a change to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// The job is queued, or its lease has lapsed, and no event came after `seq`.
    Claimable { now: Timestamp, seq: u64 },
    /// The writer still holds the lease that it took with this fence.
    Fence(u64),
    /// The writer still holds the lease, and no event came after `seq`: that tells a write whose response was lost
    /// from one that was not made.
    Held { fence: u64, seq: u64 },
    /// As [`Condition::Held`], and the followers did not change: a transaction returns no row, so its writer must know
    /// the followers already.
    HeldWithFollowers {
        fence: u64,
        seq: u64,
        follower_version: u32,
    },
    /// No event and no resend came after the writer read the row, of an ended or an open job.
    Unchanged { seq: u64, resends: u32, ended: bool },
    /// The job belongs to this owner and has not ended, and the connection follows it or there are less than
    /// `max_followers`.
    FollowerCapacity {
        owner: Owner,
        connection: ConnectionId,
        max_followers: usize,
    },
    /// The job belongs to this owner.
    Owned(Owner),
    /// The job belongs to this owner and has not ended.
    Open(Owner),
    /// The job has failed in this run, and its row has not expired.
    FailedRun { run: u32, now: Timestamp },
    /// The job has not ended and waits for an earlier turn.
    Waiting,
}

/// A field's new value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assignment {
    Status(Status),
    Progress(u8),
    Message(String),
    Reported(bool),
    Retrying(bool),
    HandedOver(bool),
    Attempt(u32),
    LeaseUntil(Timestamp),
    ClaimedBy(String),
    ClaimedMessage(String),
    UpdatedAt(Timestamp),
    ProgressAt(Timestamp),
    /// Only if it is not set yet.
    StartedAt(Timestamp),
    FinishedAt(Timestamp),
    Outcome(Outcome),
    LastError(AttemptError),
    ResentAt(Timestamp),
    ExpiresAt(Timestamp),
    /// Adds a follower.
    Follower(ConnectionId),
    ReplayedAt(Timestamp),
    Deadline(Timestamp),
    /// Lists the job in this shard of the index of open jobs.
    Open(u8),
    StepsRun(u32),
    /// Replaces the latest entries of the event log in the row.
    Tail(Vec<LogEntry>),
    /// How far the stream was pushed to the dialect's follower.
    DialectSeq(u64),
    /// The dialect has shown text that was reset.
    DialectBroken,
}

/// A number that is incremented, by one where no other is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Increment {
    /// `seq`: the change is an event.
    Seq,
    /// `seq` by this number of events, which are progress events.
    Progress(u64),
    /// `seq`, and the event is a streamed entry.
    Stream,
    Fence,
    Attempt,
    Resends,
    FollowerVersion,
    Replays,
}

/// A field that is removed from the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    Lease,
    Open,
    Follower(ConnectionId),
    /// What a run leaves: its counts, times, errors and outcome.
    Run,
    /// The connection's dialect, if it has one: from now on it receives the native events.
    Dialect(ConnectionId),
    /// The earlier turn that the job waits for.
    TurnWait,
}

/// A transition as one conditional write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub condition: Condition,
    pub assignments: Vec<Assignment>,
    pub increments: Vec<Increment>,
    pub removals: Vec<Removal>,
}

impl Condition {
    /// No event and no resend came after this row was read.
    pub(super) fn unchanged(job: &Job, ended: bool) -> Self {
        Self::Unchanged {
            seq: job.seq,
            resends: job.resends,
            ended,
        }
    }

    /// Whether it holds for this row.
    pub fn holds(&self, job: &Job) -> bool {
        match self {
            Self::Claimable { now, seq } => {
                let is_free = match job.status {
                    Status::Queued => !job.waits_for_turn(),
                    Status::Processing => job.lease_until.is_some_and(|until| until <= *now),
                    _ => false,
                };
                is_free && job.seq == *seq
            }
            Self::Fence(fence) => job.is_held(*fence),
            Self::Held { fence, seq } => job.is_held(*fence) && job.seq == *seq,
            Self::HeldWithFollowers {
                fence,
                seq,
                follower_version,
            } => {
                job.is_held(*fence) && job.seq == *seq && job.follower_version == *follower_version
            }
            Self::Unchanged {
                seq,
                resends,
                ended,
            } => job.seq == *seq && job.resends == *resends && job.status.is_terminal() == *ended,
            Self::Owned(owner) => job.owner == *owner,
            Self::Waiting => job.waits_for_turn() && !job.status.is_terminal(),
            Self::Open(owner) => job.owner == *owner && !job.status.is_terminal(),
            Self::FailedRun { run, now } => {
                job.status == Status::Failed && job.replays == *run && job.expires_at > *now
            }
            Self::FollowerCapacity {
                owner,
                connection,
                max_followers,
            } => {
                job.owner == *owner
                    && !job.status.is_terminal()
                    && (job.followers.len() < *max_followers || job.followers.contains(connection))
            }
        }
    }
}

impl Change {
    /// Makes the change if its condition holds, and returns whether it does.
    pub fn apply(&self, job: &mut Job) -> bool {
        if !self.condition.holds(job) {
            return false;
        }
        for assignment in self.assignments.iter().cloned() {
            assignment.apply(job);
        }
        for increment in &self.increments {
            increment.apply(job);
        }
        for removal in &self.removals {
            removal.apply(job);
        }
        true
    }
}

impl Assignment {
    fn apply(self, job: &mut Job) {
        match self {
            Self::Status(status) => job.status = status,
            Self::Progress(percent) => job.progress = percent,
            Self::Message(message) => job.message = message,
            Self::Reported(reported) => job.reported = reported,
            Self::Retrying(retrying) => job.retrying = retrying,
            Self::HandedOver(handed_over) => job.handed_over = handed_over,
            Self::Attempt(attempt) => job.attempt = attempt,
            Self::LeaseUntil(until) => job.lease_until = Some(until),
            Self::ClaimedBy(invocation) => job.claimed_by = Some(invocation),
            Self::ClaimedMessage(message) => job.claimed_message = Some(message),
            Self::UpdatedAt(at) => job.updated_at = at,
            Self::ProgressAt(at) => job.progress_at = Some(at),
            Self::StartedAt(at) => job.started_at = job.started_at.or(Some(at)),
            Self::FinishedAt(at) => job.finished_at = Some(at),
            Self::Outcome(outcome) => job.outcome = Some(outcome),
            Self::LastError(error) => job.last_error = Some(error),
            Self::ResentAt(at) => job.resent_at = Some(at),
            Self::ExpiresAt(at) => job.expires_at = at,
            Self::Follower(connection) => drop(job.followers.insert(connection)),
            Self::ReplayedAt(at) => job.replayed_at = Some(at),
            Self::Deadline(at) => job.deadline = at,
            Self::Open(_) => job.open = true,
            Self::StepsRun(run) => job.steps_run = run,
            Self::Tail(tail) => job.tail = tail,
            Self::DialectSeq(seq) => {
                if let Some(follower) = &mut job.dialect_follower {
                    follower.pushed_seq = seq;
                }
            }
            Self::DialectBroken => {
                if let Some(follower) = &mut job.dialect_follower {
                    follower.is_broken = true;
                }
            }
        }
    }
}

impl Increment {
    fn apply(self, job: &mut Job) {
        match self {
            Self::Seq => job.seq += 1,
            Self::Progress(events) => {
                job.seq += events;
                job.progress_seq = job.seq;
            }
            Self::Stream => {
                job.seq += 1;
                job.stream_seq = job.seq;
            }
            Self::Fence => job.fence += 1,
            Self::Attempt => job.attempt += 1,
            Self::Resends => job.resends += 1,
            Self::FollowerVersion => job.follower_version += 1,
            Self::Replays => job.replays += 1,
        }
    }
}

impl Removal {
    fn apply(&self, job: &mut Job) {
        match self {
            Self::Lease => job.lease_until = None,
            Self::Open => job.open = false,
            Self::Follower(connection) => drop(job.followers.remove(connection)),
            Self::Run => job.clear_run(),
            Self::Dialect(connection) => job.remove_dialect(connection),
            Self::TurnWait => {
                if let Some(turn) = &mut job.turn {
                    turn.waits_for = None;
                }
            }
        }
    }
}
