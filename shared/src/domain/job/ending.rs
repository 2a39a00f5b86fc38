//! Ends of a job: by a cancel, by the sweep past its deadline, or by its worker ([`super::Lease::finish`]).
//!
//! An end needs no worker's consent: the worker's next write is refused.

use std::time::Duration;

use jiff::Timestamp;

use super::change::{Assignment, Change, Condition, Increment, Removal};
use super::outcome::Outcome;
use super::state::{Job, Status};
use crate::domain::ids::Owner;

impl Job {
    /// Ends the owner's job in any state: a queued one never runs, and the worker of a running one is superseded.
    pub fn cancel(owner: Owner, now: Timestamp, retention: Duration) -> Change {
        let by = owner.user.clone();
        Self::cancel_as(by, owner, now, retention)
    }

    /// Ends the owner's job as somebody else, whose name the owner is given.
    pub fn cancel_as(by: String, owner: Owner, now: Timestamp, retention: Duration) -> Change {
        let cancelled = Outcome::Cancelled { by, content: None };
        end(Condition::Open(owner), cancelled, now, retention)
    }

    /// Ends a job that is past its deadline.
    pub fn expire(&self, now: Timestamp, retention: Duration) -> Change {
        let condition = Condition::unchanged(self, false);
        end(condition, Outcome::past_deadline(), now, retention)
    }

    /// Removes an ended job from the index of open jobs, once its end was pushed.
    pub fn close_in_index(&self) -> Change {
        Change {
            condition: Condition::unchanged(self, true),
            assignments: vec![],
            increments: vec![],
            removals: vec![Removal::Open],
        }
    }
}

/// Ends the job. The index of open jobs lists it until its end was pushed.
fn end(condition: Condition, outcome: Outcome, now: Timestamp, retention: Duration) -> Change {
    Change {
        condition,
        assignments: end_assignments(outcome, now, retention),
        increments: vec![Increment::Seq],
        removals: vec![Removal::Lease],
    }
}

/// What the row of an ended job holds. Its progress stays, since the latest progress event is derived from the row.
pub(super) fn end_assignments(
    outcome: Outcome,
    now: Timestamp,
    retention: Duration,
) -> Vec<Assignment> {
    let status = match &outcome {
        Outcome::Completed(_) => Status::Completed,
        Outcome::Failed(_) => Status::Failed,
        Outcome::Cancelled { .. } => Status::Cancelled,
    };
    vec![
        Assignment::Status(status),
        Assignment::UpdatedAt(now),
        Assignment::FinishedAt(now),
        Assignment::Outcome(outcome),
        Assignment::ExpiresAt(now + retention),
    ]
}
