//! How jobs end: by their worker, by whoever cancels them, or because their time is over.
//!
//! Pure. An end from outside needs no worker's consent: its holder finds the next write refused.

use std::time::Duration;

use jiff::Timestamp;

use super::{Assignment, Change, Condition, Increment, Job, Removal, Status};
use crate::domain::ids::Owner;

/// The code of a job that ended its worker too often.
pub const POISON: &str = "POISON";
/// The code of a job that ran past its own deadline: late for its caller, and no fault of ours.
pub const DEADLINE: &str = "DEADLINE";

/// Who an owner is told has cancelled, where it was whoever runs the stack.
pub const OPERATOR: &str = "operator";

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Completed(JobResult),
    Failed(JobError),
    Cancelled {
        by: String,
        /// What was streamed until then, where somebody has read it.
        content: Option<String>,
    },
}

/// Where a result is. The text is JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobResult {
    Inline(String),
    /// In the event log, under this key: too large for the row.
    EventLog(String),
    /// In the results bucket: too large for a frame.
    Object(StoredResult),
}

/// A result in the results bucket. What is said of it is said of its JSON as it was before it was
/// compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResult {
    /// The object's name in the bucket.
    pub key: String,
    pub bytes: u64,
    /// In lower-case hexadecimal digits.
    pub sha256: String,
    /// A media type.
    pub content_type: String,
    /// Where it can be fetched from for some minutes: made anew for each telling, never in a row.
    pub url: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobError {
    pub code: String,
    /// A sentence for the person who asked.
    pub message: String,
    /// Whether asking again may help.
    pub retryable: bool,
}

impl Outcome {
    /// The end of a job past its deadline.
    pub fn past_deadline() -> Self {
        Self::Failed(JobError {
            code: DEADLINE.to_owned(),
            message: "The job was not done by its deadline.".to_owned(),
            retryable: true,
        })
    }

    /// What the row says of a job that ended so. Its progress stays as it was told last, since the row
    /// is that event's source.
    pub(super) fn assignments(self, now: Timestamp, retention: Duration) -> Vec<Assignment> {
        let status = match &self {
            Self::Completed(_) => Status::Completed,
            Self::Failed(_) => Status::Failed,
            Self::Cancelled { .. } => Status::Cancelled,
        };
        vec![
            Assignment::Status(status),
            Assignment::UpdatedAt(now),
            Assignment::FinishedAt(now),
            Assignment::Outcome(self),
            Assignment::ExpiresAt(now + retention),
        ]
    }
}

impl Job {
    /// Ends the owner's job wherever it stands: a queued one never runs, and the holder of a running
    /// one finds itself superseded.
    pub fn cancel(owner: Owner, now: Timestamp, retention: Duration) -> Change {
        let by = owner.user.clone();
        Self::cancel_as(by, owner, now, retention)
    }

    /// The same by somebody else, whose name the owner is told: whoever runs the stack.
    pub fn cancel_as(by: String, owner: Owner, now: Timestamp, retention: Duration) -> Change {
        let cancelled = Outcome::Cancelled { by, content: None };
        end(Condition::Open(owner), cancelled, now, retention)
    }

    /// Ends a job whose deadline has passed without anybody's doing.
    pub fn expire(&self, now: Timestamp, retention: Duration) -> Change {
        end(
            self.unchanged(false),
            Outcome::past_deadline(),
            now,
            retention,
        )
    }

    /// Takes an ended job off the index of open ones, once its end was pushed.
    pub fn close_in_index(&self) -> Change {
        Change {
            condition: self.unchanged(true),
            assignments: vec![],
            increments: vec![],
            removals: vec![Removal::Open],
        }
    }
}

/// Ends the job. It stays listed as open until the end was announced.
fn end(expect: Condition, outcome: Outcome, now: Timestamp, retention: Duration) -> Change {
    Change {
        condition: expect,
        assignments: outcome.assignments(now, retention),
        increments: vec![Increment::Seq],
        removals: vec![Removal::Lease],
    }
}
