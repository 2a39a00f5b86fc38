//! One step of a job's life, as data: what must hold, and what is then set.
//!
//! Pure. To the store it is one conditional write; [`Change::apply`] is what that write does, for
//! those who know the row already. Which steps there are is decided where they are taken.

use jiff::Timestamp;

use super::{AttemptError, Job, Outcome, Status};
use crate::domain::ids::{ConnectionId, Owner};
use crate::domain::stream::StreamEntry;

/// What must hold for a change to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Nobody runs the job, or whoever did let the lease lapse.
    Claimable { now: Timestamp },
    /// The writer still holds the lease that it took with this fence.
    Fence(u64),
    /// The same, and the job is as the holder knows it: `seq` tells a write whose answer was lost from
    /// one that was not made.
    Held { fence: u64, seq: u64 },
    /// The same, and nobody came to follow or ceased to: a transaction answers no row, so its writer
    /// must know already who is to be told.
    HeldWithFollowers { fence: u64, seq: u64, follows: u32 },
    /// No event and no resend has come since the writer read the row, of an ended job or of an open one.
    Unchanged { seq: u64, resends: u32, ended: bool },
    /// The job belongs to this owner and has not ended, and the connection follows it or finds room
    /// among so many.
    FollowerCapacity {
        owner: Owner,
        connection: ConnectionId,
        followers: usize,
    },
    /// The job belongs to this owner.
    Owned(Owner),
    /// The job belongs to this owner and has not ended.
    Open(Owner),
    /// The job has failed in this run, and its row still counts.
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
    Continued(bool),
    Attempt(u32),
    LeaseUntil(Timestamp),
    ClaimedBy(String),
    UpdatedAt(Timestamp),
    /// Kept as it is where a former attempt has set it.
    StartedAt(Timestamp),
    FinishedAt(Timestamp),
    Outcome(Outcome),
    LastError(AttemptError),
    ResentAt(Timestamp),
    ExpiresAt(Timestamp),
    Follower(ConnectionId),
    ReplayedAt(Timestamp),
    Deadline(Timestamp),
    /// Lists the job in this shard of the index of open ones.
    Open(u8),
    StepsRun(u32),
    /// The stream's latest entries, in place of those that the row held.
    Tail(Vec<StreamEntry>),
    /// How far the stream was pushed to the follower who hears a dialect.
    DialectSeq(u64),
    /// That the dialect had shown what no longer holds.
    DialectBroken,
}

/// A number that rises, by one where no other is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Increment {
    /// `seq`: the change is an event.
    Seq,
    /// `seq` by so many, and each of the events tells of progress.
    Progress(u64),
    /// `seq`, and the event is an entry of the stream.
    Stream,
    Fence,
    Attempt,
    Resends,
    /// That the followers changed.
    FollowerVersion,
    Replays,
}

/// A field that is taken out of the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    Lease,
    Open,
    Follower(ConnectionId),
    /// What a run leaves: its counts, times, errors and outcome.
    Run,
    /// From now on the connection hears PROTOCOL 3, where it heard a dialect.
    Dialect(ConnectionId),
    /// That an earlier turn must end first.
    TurnWait,
}

/// One step of a job's life, as one conditional write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub condition: Condition,
    pub assignments: Vec<Assignment>,
    pub increments: Vec<Increment>,
    pub removals: Vec<Removal>,
}

impl Condition {
    pub fn holds(&self, job: &Job) -> bool {
        match self {
            Self::Claimable { now } => match job.status {
                Status::Queued => !job.waits_for_turn(),
                Status::Processing => job.lease_until.is_some_and(|until| until <= *now),
                _ => false,
            },
            Self::Fence(fence) => job.is_held(*fence),
            Self::Held { fence, seq } => job.is_held(*fence) && job.seq == *seq,
            Self::HeldWithFollowers {
                fence,
                seq,
                follows,
            } => job.is_held(*fence) && job.seq == *seq && job.follower_version == *follows,
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
                followers,
            } => {
                job.owner == *owner
                    && !job.status.is_terminal()
                    && (job.followers.len() < *followers || job.followers.contains(connection))
            }
        }
    }
}

impl Change {
    /// Makes the change if its condition holds; whether it did.
    pub fn apply(&self, job: &mut Job) -> bool {
        if !self.condition.holds(job) {
            return false;
        }
        for set in self.assignments.iter().cloned() {
            match set {
                Assignment::Status(status) => job.status = status,
                Assignment::Progress(percent) => job.progress = percent,
                Assignment::Message(message) => job.message = message,
                Assignment::Reported(reported) => job.reported = reported,
                Assignment::Continued(continued) => job.handed_over = continued,
                Assignment::Attempt(attempt) => job.attempt = attempt,
                Assignment::LeaseUntil(until) => job.lease_until = Some(until),
                Assignment::ClaimedBy(invocation) => job.claimed_by = Some(invocation),
                Assignment::UpdatedAt(at) => job.updated_at = at,
                Assignment::StartedAt(at) => job.started_at = job.started_at.or(Some(at)),
                Assignment::FinishedAt(at) => job.finished_at = Some(at),
                Assignment::Outcome(outcome) => job.outcome = Some(outcome),
                Assignment::LastError(mishap) => job.last_error = Some(mishap),
                Assignment::ResentAt(at) => job.resent_at = Some(at),
                Assignment::ExpiresAt(at) => job.expires_at = at,
                Assignment::Follower(connection) => drop(job.followers.insert(connection)),
                Assignment::ReplayedAt(at) => job.replayed_at = Some(at),
                Assignment::Deadline(at) => job.deadline = at,
                Assignment::Open(_) => job.open = true,
                Assignment::StepsRun(run) => job.steps_run = run,
                Assignment::Tail(tail) => job.tail = tail,
                Assignment::DialectSeq(seq) => {
                    job.dialect_follower
                        .iter_mut()
                        .for_each(|spoken| spoken.pushed_seq = seq);
                }
                Assignment::DialectBroken => {
                    job.dialect_follower
                        .iter_mut()
                        .for_each(|spoken| spoken.is_broken = true);
                }
            }
        }
        for raise in &self.increments {
            match raise {
                Increment::Seq => job.seq += 1,
                Increment::Progress(events) => {
                    job.seq += events;
                    job.progress_seq = job.seq;
                }
                Increment::Stream => {
                    job.seq += 1;
                    job.stream_seq = job.seq;
                }
                Increment::Fence => job.fence += 1,
                Increment::Attempt => job.attempt += 1,
                Increment::Resends => job.resends += 1,
                Increment::FollowerVersion => job.follower_version += 1,
                Increment::Replays => job.replays += 1,
            }
        }
        for clear in &self.removals {
            match clear {
                Removal::Lease => job.lease_until = None,
                Removal::Open => job.open = false,
                Removal::Follower(connection) => drop(job.followers.remove(connection)),
                Removal::Run => job.clear_run(),
                Removal::Dialect(connection) => job.remove_dialect(connection),
                Removal::TurnWait => {
                    job.turn.iter_mut().for_each(|turn| turn.waits_for = None);
                }
            }
        }
        true
    }
}
