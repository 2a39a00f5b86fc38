//! One step of a job's life, as data: what must hold, and what is then set.
//!
//! Pure. To the store it is one conditional write; [`Change::apply`] is what that write does, for
//! those who know the row already. Which steps there are is decided where they are taken.

use jiff::Timestamp;

use super::{Job, Mishap, Outcome, Status};
use crate::domain::ids::{ConnectionId, Owner};
use crate::domain::stream::StreamEntry;

/// What must hold for a change to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// Nobody runs the job, or whoever did let the lease lapse.
    Claimable { now: Timestamp },
    /// The writer still holds the lease that it took with this fence.
    Fence(u64),
    /// The same, and the job is as the holder knows it: `seq` tells a write whose answer was lost from
    /// one that was not made.
    Held { fence: u64, seq: u64 },
    /// The same, and nobody came to follow or ceased to: a transaction answers no row, so its writer
    /// must know already who is to be told.
    Heard { fence: u64, seq: u64, follows: u32 },
    /// No event and no resend has come since the writer read the row, of an ended job or of an open one.
    AsRead { seq: u64, resends: u32, ended: bool },
    /// The job belongs to this owner and has not ended, and the connection follows it or finds room
    /// among so many.
    Room {
        owner: Owner,
        connection: ConnectionId,
        followers: usize,
    },
    /// The job belongs to this owner.
    Owned(Owner),
    /// The job belongs to this owner and has not ended.
    Open(Owner),
    /// The job has failed in this run, and its row still counts.
    Failed { run: u32, now: Timestamp },
    /// The job has not ended and waits for an earlier turn.
    Waiting,
}

/// A field's new value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Set {
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
    LastError(Mishap),
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
    Shown(u64),
    /// That the dialect had shown what no longer holds.
    TakenBack,
}

/// A number that rises, by one where no other is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Raise {
    /// `seq`: the change is an event.
    Seq,
    /// `seq` by so many, and each of the events tells of progress.
    Told(u64),
    /// `seq`, and the event is an entry of the stream.
    Streamed,
    Fence,
    Attempt,
    Resends,
    /// That the followers changed.
    Follows,
    Replays,
}

/// A field that is taken out of the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clear {
    Lease,
    Open,
    Follower(ConnectionId),
    /// What a run leaves: its counts, times, errors and outcome.
    Run,
    /// From now on the connection hears PROTOCOL 3, where it heard a dialect.
    Dialect(ConnectionId),
    /// That an earlier turn must end first.
    Wait,
}

/// One step of a job's life, as one conditional write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub expect: Expect,
    pub set: Vec<Set>,
    pub raise: Vec<Raise>,
    pub clear: Vec<Clear>,
}

impl Expect {
    pub fn holds(&self, job: &Job) -> bool {
        match self {
            Self::Claimable { now } => match job.status {
                Status::Queued => !job.waits(),
                Status::Processing => job.lease_until.is_some_and(|until| until <= *now),
                _ => false,
            },
            Self::Fence(fence) => job.is_held(*fence),
            Self::Held { fence, seq } => job.is_held(*fence) && job.seq == *seq,
            Self::Heard {
                fence,
                seq,
                follows,
            } => job.is_held(*fence) && job.seq == *seq && job.follows == *follows,
            Self::AsRead {
                seq,
                resends,
                ended,
            } => job.seq == *seq && job.resends == *resends && job.status.is_terminal() == *ended,
            Self::Owned(owner) => job.owner == *owner,
            Self::Waiting => job.waits() && !job.status.is_terminal(),
            Self::Open(owner) => job.owner == *owner && !job.status.is_terminal(),
            Self::Failed { run, now } => {
                job.status == Status::Failed && job.replays == *run && job.expires_at > *now
            }
            Self::Room {
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
        if !self.expect.holds(job) {
            return false;
        }
        for set in self.set.iter().cloned() {
            match set {
                Set::Status(status) => job.status = status,
                Set::Progress(percent) => job.progress = percent,
                Set::Message(message) => job.message = message,
                Set::Reported(reported) => job.reported = reported,
                Set::Continued(continued) => job.continued = continued,
                Set::Attempt(attempt) => job.attempt = attempt,
                Set::LeaseUntil(until) => job.lease_until = Some(until),
                Set::ClaimedBy(invocation) => job.claimed_by = Some(invocation),
                Set::UpdatedAt(at) => job.updated_at = at,
                Set::StartedAt(at) => job.started_at = job.started_at.or(Some(at)),
                Set::FinishedAt(at) => job.finished_at = Some(at),
                Set::Outcome(outcome) => job.outcome = Some(outcome),
                Set::LastError(mishap) => job.last_error = Some(mishap),
                Set::ResentAt(at) => job.resent_at = Some(at),
                Set::ExpiresAt(at) => job.expires_at = at,
                Set::Follower(connection) => drop(job.followers.insert(connection)),
                Set::ReplayedAt(at) => job.replayed_at = Some(at),
                Set::Deadline(at) => job.deadline = at,
                Set::Open(_) => job.open = true,
                Set::StepsRun(run) => job.steps_run = run,
                Set::Tail(tail) => job.tail = tail,
                Set::Shown(seq) => {
                    job.spoken.iter_mut().for_each(|spoken| spoken.shown = seq);
                }
                Set::TakenBack => {
                    job.spoken
                        .iter_mut()
                        .for_each(|spoken| spoken.taken_back = true);
                }
            }
        }
        for raise in &self.raise {
            match raise {
                Raise::Seq => job.seq += 1,
                Raise::Told(events) => {
                    job.seq += events;
                    job.told = job.seq;
                }
                Raise::Streamed => {
                    job.seq += 1;
                    job.streamed = job.seq;
                }
                Raise::Fence => job.fence += 1,
                Raise::Attempt => job.attempt += 1,
                Raise::Resends => job.resends += 1,
                Raise::Follows => job.follows += 1,
                Raise::Replays => job.replays += 1,
            }
        }
        for clear in &self.clear {
            match clear {
                Clear::Lease => job.lease_until = None,
                Clear::Open => job.open = false,
                Clear::Follower(connection) => drop(job.followers.remove(connection)),
                Clear::Run => job.clear_run(),
                Clear::Dialect(connection) => job.stop_speaking(connection),
                Clear::Wait => {
                    job.turn.iter_mut().for_each(|turn| turn.waits_for = None);
                }
            }
        }
        true
    }
}
