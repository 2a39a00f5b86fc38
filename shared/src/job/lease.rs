//! What the holder of a job may do with it, until its end or the lease's.
//!
//! Pure: each deed is a change under the lease's fence, which the store refuses to a holder that was
//! superseded.

use std::time::Duration;

use jiff::Timestamp;

use super::{Change, Clear, Expect, Job, Mishap, Outcome, QUEUED_PROGRESS, Raise, Set, Status};

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
        Change {
            expect: Expect::Held {
                fence: self.job.fence,
                seq: self.job.seq,
            },
            set: vec![
                Set::Progress(percent.clamp(self.job.reached(), 100)),
                Set::Message(message),
                Set::Reported(true),
                Set::Continued(false),
                Set::LeaseUntil(now + lease),
                Set::UpdatedAt(now),
            ],
            raise: vec![Raise::Told],
            clear: vec![],
        }
    }

    /// Numbers the stream's next entry, which is written in the same transaction, and renews the lease.
    pub fn stream(&self, now: Timestamp, lease: Duration) -> Change {
        Change {
            expect: Expect::Heard {
                fence: self.job.fence,
                seq: self.job.seq,
                follows: self.job.follows,
            },
            set: vec![Set::LeaseUntil(now + lease), Set::UpdatedAt(now)],
            raise: vec![Raise::Streamed],
            clear: vec![],
        }
    }

    /// The same for an entry that takes text back, which a follower's dialect can't.
    pub fn take_back(&self, now: Timestamp, lease: Duration) -> Change {
        let mut change = self.stream(now, lease);
        if self.job.spoken.is_some() {
            change.set.push(Set::TakenBack);
        }
        change
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

    /// Ends the job. It stays listed as open until the end was announced.
    pub fn finish(self, outcome: Outcome, now: Timestamp, retention: Duration) -> Change {
        Change {
            raise: vec![Raise::Seq],
            ..self.change(outcome.set(now, retention), vec![Clear::Lease])
        }
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
