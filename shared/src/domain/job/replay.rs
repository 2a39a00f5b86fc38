//! Dead letters: which failed jobs leave one, and how such a job is replayed.

use jiff::{SignedDuration, Timestamp};

use super::change::{Assignment, Change, Condition, Increment, Removal};
use super::error_code::JobErrorCode;
use super::log_write::numbered;
use super::outcome::Outcome;
use super::state::{Job, OPEN_SHARDS, QUEUED_PROGRESS, Status};
use crate::domain::log::EntryContent;

impl Job {
    /// Whether an operator can do something about its failure: it used up its attempts, or it crashed its workers. A
    /// job that was rejected, was late for its deadline, or was cancelled leaves no dead letter.
    pub fn is_dead_letter(&self) -> bool {
        let Some(Outcome::Failed(error)) = &self.outcome else {
            return false;
        };
        match JobErrorCode::parse(&error.code) {
            Some(JobErrorCode::Poison) => true,
            Some(JobErrorCode::Deadline) => false,
            _ => error.retryable,
        }
    }

    /// Starts the job again after its run with this number failed: once, however often it is requested.
    ///
    /// The failed run's end, which the row held, becomes an entry of the log.
    ///
    /// Saved steps count in the new run too, unless it goes `from_start`. Its followers stay. It has as much time as the
    /// last run had, and is kept as long after its end.
    pub fn replay(&self, run: u32, from_start: bool, now: Timestamp) -> Change {
        let ended = self.finished_at.unwrap_or(self.updated_at);
        let retention = self.expires_at.duration_since(ended);
        let deadline = now
            + self
                .deadline
                .duration_since(self.replayed_at.unwrap_or(self.created_at));
        let mut contents = vec![];
        if let Some(Outcome::Failed(error)) = self.outcome.clone() {
            contents.push(EntryContent::RunFailed {
                code: error.code,
                message: error.message,
                retryable: error.retryable,
                attempts: self.attempt,
            });
        }
        let mut tail = self.tail.clone();
        tail.extend(numbered(self.seq.saturating_sub(1), ended, contents));
        let queued = EntryContent::Progress {
            percent: QUEUED_PROGRESS,
            message: String::from("Queued again"),
            attempt: 0,
            retrying: true,
        };
        tail.extend(numbered(self.seq, now, [queued]));
        let mut assignments = vec![
            Assignment::Tail(tail),
            Assignment::Retrying(true),
            Assignment::ProgressAt(now),
            Assignment::Status(Status::Queued),
            Assignment::Progress(QUEUED_PROGRESS),
            Assignment::Message(String::from("Queued again")),
            Assignment::UpdatedAt(now),
            Assignment::ReplayedAt(now),
            Assignment::Open(self.id.shard(OPEN_SHARDS)),
            Assignment::Deadline(deadline),
            Assignment::ExpiresAt(deadline + retention.max(SignedDuration::ZERO)),
        ];
        if from_start {
            assignments.push(Assignment::StepsRun(run + 1));
        }
        let mut removals = vec![Removal::Run];
        // A dialect ended with the run's end, and can't begin again.
        if let Some(follower) = &self.dialect_follower {
            removals.push(Removal::Follower(follower.connection.clone()));
            removals.push(Removal::Dialect(follower.connection.clone()));
        }
        Change {
            condition: Condition::FailedRun { run, now },
            assignments,
            increments: vec![Increment::Progress(1), Increment::Replays],
            removals,
        }
    }
}
