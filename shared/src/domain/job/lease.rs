//! What the holder of a job may do with it, until its end or the lease's.
//!
//! Pure: each deed is a change under the lease's fence, which the store refuses to a holder that was
//! superseded.

use std::time::Duration;

use jiff::Timestamp;

use super::{Change, Clear, Expect, Job, Mishap, Outcome, QUEUED_PROGRESS, Raise, Set, Status};

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
    pub fn taken(job: Job) -> Self {
        Self { job }
    }

    pub fn job(&self) -> &Job {
        &self.job
    }

    /// Tells of progress, an event for each report, and renews the lease in the same write. The
    /// percentage never falls.
    pub fn report(&self, reports: &[Report], now: Timestamp, lease: Duration) -> Change {
        let (mut set, raise) = self.told(reports);
        set.extend([Set::LeaseUntil(now + lease), Set::UpdatedAt(now)]);
        Change {
            expect: Expect::Held {
                fence: self.job.fence,
                seq: self.job.seq,
            },
            set,
            raise,
            clear: vec![],
        }
    }

    /// Keeps the lease; tells nobody. A kept step goes with it, in one transaction.
    pub fn renew(&self, now: Timestamp, lease: Duration) -> Change {
        self.change(vec![Set::LeaseUntil(now + lease)], vec![])
    }

    /// Gives the job back to the queue for another attempt at `back`, before which the sweep leaves it
    /// alone.
    pub fn retry(self, back: Timestamp, mishap: Mishap) -> Change {
        let mut set = vec![
            Set::Status(Status::Queued),
            Set::Progress(QUEUED_PROGRESS),
            Set::Continued(false),
            Set::LastError(mishap),
            Set::ResentAt(back),
        ];
        set.extend(self.shown());
        self.change(set, vec![Clear::Lease])
    }

    /// Gives the job to the next invocation, which goes on with the same attempt.
    pub fn hand_over(self, now: Timestamp) -> Change {
        let mut set = vec![
            Set::Status(Status::Queued),
            Set::Continued(true),
            // The next claim counts itself.
            Set::Attempt(self.job.attempt.saturating_sub(1)),
            Set::ResentAt(now),
        ];
        set.extend(self.shown());
        self.change(set, vec![Clear::Lease])
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
        let (mut set, mut raise) = self.told(last);
        set.extend(outcome.set(now, retention));
        raise.push(Raise::Seq);
        Change {
            raise,
            ..self.change(set, vec![Clear::Lease])
        }
    }

    /// The row shows the last of the reports, and counts all.
    fn told(&self, reports: &[Report]) -> (Vec<Set>, Vec<Raise>) {
        let Some(last) = reports.last() else {
            return (vec![], vec![]);
        };
        let set = vec![
            Set::Progress(last.percent.clamp(self.job.reached(), 100)),
            Set::Message(last.message.clone()),
            Set::Reported(true),
            Set::Continued(false),
        ];
        (set, vec![Raise::Told(reports.len() as u64)])
    }

    /// Who gives the job back in order has said all of its stream.
    fn shown(&self) -> Option<Set> {
        let spoken = self.job.spoken.as_ref();
        spoken.map(|_| Set::Shown(self.job.streamed))
    }

    fn change(&self, set: Vec<Set>, clear: Vec<Clear>) -> Change {
        Change {
            expect: Expect::Fence(self.job.fence),
            set,
            raise: vec![],
            clear,
        }
    }
}
