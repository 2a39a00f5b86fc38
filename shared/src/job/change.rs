//! One step of a job's life, as data: what must hold, and what is then set.
//!
//! Pure, and the same to the store, which makes one conditional write of it, and to the tests, which
//! apply it in memory. Which steps there are is decided where they are taken.

use jiff::Timestamp;

use super::{Outcome, Status};
use crate::ids::{ConnectionId, Owner};

/// What must hold for a change to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// Nobody runs the job, or whoever did let the lease lapse.
    Claimable { now: Timestamp },
    /// The writer still holds the lease that it took with this fence.
    Fence(u64),
    /// No event and no resend has come since the writer read the row.
    AsRead { seq: u64, resends: u32 },
    /// The job belongs to this owner and has not ended, and the connection follows it or finds room
    /// among so many.
    Room {
        owner: Owner,
        connection: ConnectionId,
        followers: usize,
    },
    /// The job belongs to this owner.
    Owned(Owner),
}

/// A field's new value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Set {
    Status(Status),
    Progress(u8),
    Message(String),
    Reported(bool),
    LeaseUntil(Timestamp),
    ClaimedBy(String),
    UpdatedAt(Timestamp),
    /// Kept as it is where a former attempt has set it.
    StartedAt(Timestamp),
    FinishedAt(Timestamp),
    Outcome(Outcome),
    ResentAt(Timestamp),
    ExpiresAt(Timestamp),
    Follower(ConnectionId),
}

/// A number that rises by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Raise {
    Seq,
    Fence,
    Attempt,
    Resends,
}

/// A field that is taken out of the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clear {
    Lease,
    Open,
    Follower(ConnectionId),
}

/// One step of a job's life, as one conditional write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub expect: Expect,
    pub set: Vec<Set>,
    pub raise: Vec<Raise>,
    pub clear: Vec<Clear>,
}
