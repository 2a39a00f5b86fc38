//! What the holder of a job may do with it, until its end or the lease's.
//!
//! Pure: each deed is a change under the lease's fence, which the store refuses to a holder that was
//! superseded.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Assignment, AttemptError, Change, Condition, Increment, Job, Outcome, QUEUED_PROGRESS, Removal,
    Status,
};

/// What an analysis says of how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// From 0 to 100.
    pub percent: u8,
    pub message: String,
}

/// The right to run a job and to speak for it. Ending it takes it, so nothing is said after the end.
#[derive(Debug)]
pub struct Lease {
    job: Job,
}

impl Lease {
    /// From the row that a claim, or a write under an earlier state of this lease, was answered with.
    pub fn from_row(job: Job) -> Self {
        Self { job }
    }

    pub fn job(&self) -> &Job {
        &self.job
    }

    /// Tells of progress, an event for each report, and renews the lease in the same write. The
    /// percentage never falls.
    pub fn report(&self, reports: &[Report], now: Timestamp, lease: Duration) -> Change {
        let (mut set, raise) = self.progress_change(reports);
        set.extend([
            Assignment::LeaseUntil(now + lease),
            Assignment::UpdatedAt(now),
        ]);
        Change {
            condition: Condition::Held {
                fence: self.job.fence,
                seq: self.job.seq,
            },
            assignments: set,
            increments: raise,
            removals: vec![],
        }
    }

    /// Keeps the lease; tells nobody. A kept step goes with it, in one transaction.
    pub fn renew(&self, now: Timestamp, lease: Duration) -> Change {
        self.change(vec![Assignment::LeaseUntil(now + lease)], vec![])
    }

    /// Gives the job back to the queue for another attempt at `back`, before which the sweep leaves it
    /// alone.
    pub fn retry(self, back: Timestamp, mishap: AttemptError) -> Change {
        let mut set = vec![
            Assignment::Status(Status::Queued),
            Assignment::Progress(QUEUED_PROGRESS),
            Assignment::Continued(false),
            Assignment::LastError(mishap),
            Assignment::ResentAt(back),
        ];
        set.extend(self.dialect_seq());
        self.change(set, vec![Removal::Lease])
    }

    /// Gives the job to the next invocation, which goes on with the same attempt.
    pub fn hand_over(self, now: Timestamp) -> Change {
        let mut set = vec![
            Assignment::Status(Status::Queued),
            Assignment::Continued(true),
            // The next claim counts itself.
            Assignment::Attempt(self.job.attempt.saturating_sub(1)),
            Assignment::ResentAt(now),
        ];
        set.extend(self.dialect_seq());
        self.change(set, vec![Removal::Lease])
    }

    /// Ends the job, and tells before of what was reported last. It stays listed as open until the end
    /// was announced.
    pub fn finish(
        self,
        last: &[Report],
        outcome: Outcome,
        now: Timestamp,
        retention: Duration,
    ) -> Change {
        let (mut set, mut raise) = self.progress_change(last);
        set.extend(outcome.assignments(now, retention));
        raise.push(Increment::Seq);
        Change {
            increments: raise,
            ..self.change(set, vec![Removal::Lease])
        }
    }

    /// The row shows the last of the reports, and counts all.
    fn progress_change(&self, reports: &[Report]) -> (Vec<Assignment>, Vec<Increment>) {
        let Some(last) = reports.last() else {
            return (vec![], vec![]);
        };
        let set = vec![
            Assignment::Progress(last.percent.clamp(self.job.current_progress(), 100)),
            Assignment::Message(last.message.clone()),
            Assignment::Reported(true),
            Assignment::Continued(false),
        ];
        (set, vec![Increment::Progress(reports.len() as u64)])
    }

    /// Who gives the job back in order has said all of its stream.
    fn dialect_seq(&self) -> Option<Assignment> {
        let spoken = self.job.dialect_follower.as_ref();
        spoken.map(|_| Assignment::DialectSeq(self.job.stream_seq))
    }

    fn change(&self, set: Vec<Assignment>, clear: Vec<Removal>) -> Change {
        Change {
            condition: Condition::Fence(self.job.fence),
            assignments: set,
            increments: vec![],
            removals: clear,
        }
    }
}
