//! A job that is a turn of a conversation: its place in the session, and the dialect of who started it.
//!
//! Pure. Turns are answered one after the other: a job that waits for the one before can't be claimed until
//! it is let go. Who may go when is [`crate::store::sessions`]' business.

use super::{Change, Clear, Expect, Job};
use crate::protocol::dialect::Dialect;
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
pub struct Spoken {
    pub dialect: Dialect,
    pub connection: ConnectionId,
    /// The stream's entries up to this number were pushed, as far as its workers know.
    pub shown: u64,
    /// A retry took back what the dialect had shown, so that it ends with an error.
    pub taken_back: bool,
}

impl Spoken {
    /// Of a job that has said nothing yet.
    pub fn new(dialect: Dialect, connection: ConnectionId) -> Self {
        Self {
            dialect,
            connection,
            shown: 0,
            taken_back: false,
        }
    }
}

impl Job {
    /// Whether an earlier turn must end before this job may run.
    pub fn waits(&self) -> bool {
        self.turn
            .as_ref()
            .is_some_and(|turn| turn.waits_for.is_some())
    }

    /// Lets a waiting job go.
    pub fn let_go() -> Change {
        Change {
            expect: Expect::Waiting,
            set: vec![],
            raise: vec![],
            clear: vec![Clear::Wait],
        }
    }

    /// Whether the connection started the job in a dialect, and has not asked for PROTOCOL 3 since.
    pub(super) fn stop_speaking(&mut self, connection: &ConnectionId) {
        if self
            .spoken
            .as_ref()
            .is_some_and(|spoken| spoken.connection == *connection)
        {
            self.spoken = None;
        }
    }
}
