//! A job that is a turn of a session, and the follower that receives it in a dialect.

use crate::domain::dialect::Dialect;
use crate::domain::ids::{ConnectionId, JobId, SessionId};

/// A job's place in a session. A session's turns run one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    pub session: SessionId,
    /// 1 for the session's first.
    pub number: u32,
    /// The turn before, until it has ended. A job that waits can't be claimed.
    pub waits_for: Option<JobId>,
}

/// The follower that receives the job's events in a dialect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialectFollower {
    pub dialect: Dialect,
    pub connection: ConnectionId,
    /// The stream's entries up to this sequence number were pushed to it, as far as the workers know.
    pub pushed_seq: u64,
    /// A retry reset text that the dialect had shown and can't remove, so that it ends with an error.
    pub is_broken: bool,
}

impl DialectFollower {
    /// A follower to which nothing was pushed yet.
    pub fn new(dialect: Dialect, connection: ConnectionId) -> Self {
        Self {
            dialect,
            connection,
            pushed_seq: 0,
            is_broken: false,
        }
    }
}
