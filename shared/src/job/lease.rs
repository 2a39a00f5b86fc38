//! What the holder of a job may do with it, until its end or the lease's.
//!
//! Pure: each deed is a change under the lease's fence, which the store refuses to a holder that was
//! superseded.

use std::time::Duration;

use jiff::Timestamp;

use super::{Change, Clear, Expect, Job, Outcome, Raise, Set, Status};

/// The right to run a job and to speak for it. Ending it takes it, so nothing is said after the end.
#[derive(Debug)]
pub struct Lease {
    job: Job,
}

impl Lease {
    /// From the row that a claim, or a write under an earlier state of this lease, was answered with.
    pub fn taken(job: Job) -> Self {
        Self { job }
    }

    pub fn job(&self) -> &Job {
        &self.job
    }

    /// Tells of progress and renews the lease in the same write. The percentage never falls.
    pub fn report(&self, percent: u8, message: String, now: Timestamp, lease: Duration) -> Change {
        let set = vec![
            Set::Progress(percent.clamp(self.job.progress, 100)),
            Set::Message(message),
            Set::Reported(true),
            Set::LeaseUntil(now + lease),
            Set::UpdatedAt(now),
        ];
        self.change(set, vec![Raise::Seq], vec![])
    }

    /// Keeps the lease; tells nobody.
    pub fn renew(&self, now: Timestamp, lease: Duration) -> Change {
        self.change(vec![Set::LeaseUntil(now + lease)], vec![], vec![])
    }

    /// Gives the job back to the queue for another attempt at `back`, before which the sweep leaves it
    /// alone.
    pub fn retry(self, back: Timestamp) -> Change {
        self.change(
            vec![Set::Status(Status::Queued), Set::ResentAt(back)],
            vec![],
            vec![Clear::Lease],
        )
    }

    /// Ends the job. It stays listed as open until the end was announced.
    pub fn finish(self, outcome: Outcome, now: Timestamp, retention: Duration) -> Change {
        let (status, progress, message) = match &outcome {
            Outcome::Completed(_) => (Status::Completed, 100, "Completed"),
            Outcome::Failed(_) => (Status::Failed, self.job.progress, "Failed"),
            Outcome::Cancelled { .. } => (Status::Cancelled, self.job.progress, "Cancelled"),
        };
        let set = vec![
            Set::Status(status),
            Set::Progress(progress),
            Set::Message(message.into()),
            Set::UpdatedAt(now),
            Set::FinishedAt(now),
            Set::Outcome(outcome),
            Set::ExpiresAt(now + retention),
        ];
        self.change(set, vec![Raise::Seq], vec![Clear::Lease])
    }

    fn change(&self, set: Vec<Set>, raise: Vec<Raise>, clear: Vec<Clear>) -> Change {
        Change {
            expect: Expect::Fence(self.job.fence),
            set,
            raise,
            clear,
        }
    }
}
