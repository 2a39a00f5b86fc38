//! What the worker that holds a job may do with it: each transition is a change under the lease's fence, which the
//! store refuses to a worker that was superseded.

use std::time::Duration;

use jiff::Timestamp;

use super::change::{Assignment, Change, Condition, Increment, Removal};
use super::ending::end_assignments;
use super::outcome::Outcome;
use super::state::{AttemptError, Job, QUEUED_PROGRESS, Status};

/// A worker renews its lease this many times before it would run out: two renewals may fail.
pub const RENEWALS_PER_LEASE: u32 = 3;

/// A progress report of an analysis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// From 0 to 100.
    pub percent: u8,
    /// What the analysis is doing.
    pub message: String,
}

/// The right to run a job and to write its events. The transitions that give it up consume it.
#[derive(Debug)]
pub struct Lease {
    job: Job,
}

impl Job {
    /// Claims the job for an invocation that received this message, until `now + lease`. It needs no row: the queue
    /// brings an id only, so the condition decides, and the write returns the row. The progress stays, which an attempt
    /// after a hand-over continues from.
    pub fn claim(invocation: &str, message: &str, now: Timestamp, lease: Duration) -> Change {
        Change {
            condition: Condition::Claimable { now },
            assignments: vec![
                Assignment::Status(Status::Processing),
                Assignment::Message(String::from("Started")),
                Assignment::Reported(false),
                Assignment::LeaseUntil(now + lease),
                Assignment::ClaimedBy(invocation.to_owned()),
                Assignment::ClaimedMessage(message.to_owned()),
                Assignment::UpdatedAt(now),
                Assignment::StartedAt(now),
            ],
            increments: vec![Increment::Progress(1), Increment::Fence, Increment::Attempt],
            removals: vec![],
        }
    }
}

impl Lease {
    /// From the row that the claim, or a write under this lease, returned.
    pub fn from_row(job: Job) -> Self {
        Self { job }
    }

    /// The row as it was last returned.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// Reports progress, with an event for each report, and renews the lease. The percentage never falls.
    pub fn report(&self, reports: &[Report], now: Timestamp, lease: Duration) -> Change {
        let (mut assignments, increments) = self.progress_change(reports);
        assignments.extend([
            Assignment::LeaseUntil(now + lease),
            Assignment::UpdatedAt(now),
        ]);
        Change {
            condition: Condition::Held {
                fence: self.job.fence,
                seq: self.job.seq,
            },
            assignments,
            increments,
            removals: vec![],
        }
    }

    /// Whether no write has renewed the lease within the last of [`RENEWALS_PER_LEASE`] parts of it.
    pub fn is_due_for_renewal(&self, now: Timestamp, lease: Duration) -> bool {
        let renewed_lately = now + (lease - lease / RENEWALS_PER_LEASE);
        self.job
            .lease_until
            .is_none_or(|until| until <= renewed_lately)
    }

    /// Renews the lease without an event. A saved step goes with it, in one transaction.
    pub fn renew(&self, now: Timestamp, lease: Duration) -> Change {
        self.change(vec![Assignment::LeaseUntil(now + lease)], vec![])
    }

    /// Gives the job back to the queue for another attempt at `retry_at`; until then the sweep does not send it again.
    pub fn retry(self, retry_at: Timestamp, error: AttemptError) -> Change {
        let mut assignments = vec![
            Assignment::Status(Status::Queued),
            Assignment::Progress(QUEUED_PROGRESS),
            Assignment::HandedOver(false),
            Assignment::LastError(error),
            Assignment::ResentAt(retry_at),
        ];
        assignments.extend(self.dialect_seq());
        self.change(assignments, vec![Removal::Lease])
    }

    /// Hands the job over to the next invocation, which continues the same attempt.
    pub fn hand_over(self, now: Timestamp) -> Change {
        let mut assignments = vec![
            Assignment::Status(Status::Queued),
            Assignment::HandedOver(true),
            // The next claim counts an attempt again.
            Assignment::Attempt(self.job.attempt.saturating_sub(1)),
            Assignment::ResentAt(now),
        ];
        assignments.extend(self.dialect_seq());
        self.change(assignments, vec![Removal::Lease])
    }

    /// Ends the job, with an event for each of the last reports before the end's. The index of open jobs lists it
    /// until its end was pushed.
    pub fn finish(
        self,
        last_reports: &[Report],
        outcome: Outcome,
        now: Timestamp,
        retention: Duration,
    ) -> Change {
        let (mut assignments, mut increments) = self.progress_change(last_reports);
        assignments.extend(end_assignments(outcome, now, retention));
        increments.push(Increment::Seq);
        Change {
            increments,
            ..self.change(assignments, vec![Removal::Lease])
        }
    }

    /// Ends a job whose attempts were used up before: this claim ran nothing, so it is not counted as one.
    pub fn finish_unattempted(
        self,
        outcome: Outcome,
        now: Timestamp,
        retention: Duration,
    ) -> Change {
        let attempts = self.job.attempt.saturating_sub(1);
        let mut finish = self.finish(&[], outcome, now, retention);
        finish.assignments.push(Assignment::Attempt(attempts));
        finish
    }

    /// The row holds the last of the reports, and counts all.
    fn progress_change(&self, reports: &[Report]) -> (Vec<Assignment>, Vec<Increment>) {
        let Some(last) = reports.last() else {
            return (vec![], vec![]);
        };
        let assignments = vec![
            Assignment::Progress(last.percent.clamp(self.job.current_progress(), 100)),
            Assignment::Message(last.message.clone()),
            Assignment::Reported(true),
            Assignment::HandedOver(false),
        ];
        let count = reports.len() as u64;
        (assignments, vec![Increment::Progress(count)])
    }

    /// A worker that gives the job back in order has pushed all of its stream.
    fn dialect_seq(&self) -> Option<Assignment> {
        let follower = self.job.dialect_follower.as_ref();
        follower.map(|_| Assignment::DialectSeq(self.job.stream_seq))
    }

    fn change(&self, assignments: Vec<Assignment>, removals: Vec<Removal>) -> Change {
        Change {
            condition: Condition::Fence(self.job.fence),
            assignments,
            increments: vec![],
            removals,
        }
    }
}
