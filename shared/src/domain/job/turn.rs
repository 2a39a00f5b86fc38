//! A job that is a turn of a conversation: its place in the session, and the dialect of who started it.
//!
//! Pure. Turns are answered one after the other: a job that waits for the one before can't be claimed until
//! it is let go. Who may go when is [`crate::store::sessions`]' business.

use super::{Change, Condition, Job, Removal};
use crate::domain::dialect::Dialect;
use crate::domain::ids::{ConnectionId, JobId, SessionId};

/// A job's place in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    pub session: SessionId,
    /// 1 for the session's first.
    pub number: u32,
    /// The turn before, while this one has not been let go.
    pub waits_for: Option<JobId>,
}

/// Which of the job's followers hears it in a dialect, and how far that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialectFollower {
    pub dialect: Dialect,
    pub connection: ConnectionId,
    /// The stream's entries up to this number were pushed, as far as its workers know.
    pub pushed_seq: u64,
    /// A retry took back what the dialect had shown, so that it ends with an error.
    pub is_broken: bool,
}

impl DialectFollower {
    /// Of a job that has said nothing yet.
    pub fn new(dialect: Dialect, connection: ConnectionId) -> Self {
        Self {
            dialect,
            connection,
            pushed_seq: 0,
            is_broken: false,
        }
    }
}

impl Job {
    /// Whether an earlier turn must end before this job may run.
    pub fn waits_for_turn(&self) -> bool {
        self.turn
            .as_ref()
            .is_some_and(|turn| turn.waits_for.is_some())
    }

    /// Lets a waiting job go.
    pub fn release_turn() -> Change {
        Change {
            condition: Condition::Waiting,
            assignments: vec![],
            increments: vec![],
            removals: vec![Removal::TurnWait],
        }
    }

    /// Whether the connection started the job in a dialect, and has not asked for PROTOCOL 3 since.
    pub(super) fn remove_dialect(&mut self, connection: &ConnectionId) {
        if self
            .dialect_follower
            .as_ref()
            .is_some_and(|spoken| spoken.connection == *connection)
        {
            self.dialect_follower = None;
        }
    }
}
