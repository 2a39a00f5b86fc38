//! Claims: a worker takes the lease of a job that is free.

use std::time::Duration;

use jiff::Timestamp;

use super::change::{Assignment, Change, Condition, Increment};
use super::log_write::numbered;
use super::state::{Job, QUEUED_PROGRESS, Status};
use crate::domain::log::EntryContent;

/// The sequence number of a job that nothing has happened to but its submit.
const SUBMITTED_SEQ: u64 = 1;

/// Who claims a job, for how long.
#[derive(Debug, Clone, Copy)]
pub struct Claimant<'a> {
    /// The invocation's request id.
    pub invocation: &'a str,
    /// The id of the message that brought the job.
    pub message: &'a str,
    pub now: Timestamp,
    pub lease: Duration,
}

impl Claimant<'_> {
    /// Claims a job that nothing has happened to since its submit. It needs no row: the queue brings an id only, so the
    /// condition decides, and the write returns the row. The refusal returns the row of any other job, for
    /// [`Claimant::claim`].
    pub fn claim_submitted(&self) -> Change {
        let started = EntryContent::Progress {
            percent: QUEUED_PROGRESS,
            message: "Started".to_owned(),
            attempt: 1,
            retrying: false,
        };
        let mut claim = self.lease_from(SUBMITTED_SEQ);
        let tail = numbered(SUBMITTED_SEQ, self.now, [started]);
        claim.assignments.extend([
            Assignment::Message("Started".to_owned()),
            Assignment::Tail(tail),
        ]);
        claim.increments.push(Increment::Progress(1));
        claim
    }

    /// The same for any job that is free: given back by a worker, taken from a dead one, or replayed. The progress stays
    /// where the attempt continues after a hand-over.
    pub fn claim(&self, job: &Job) -> Change {
        if job.seq == SUBMITTED_SEQ {
            return self.claim_submitted();
        }
        let (attempt, resumed) = (job.attempt + 1, job.handed_over);
        let (percent, message) = match resumed {
            true => (job.progress, "Continuing"),
            false => (QUEUED_PROGRESS, "Started"),
        };
        let retrying = attempt != 1 && !resumed;
        let lost = EntryContent::WorkerLost {
            attempt: job.attempt,
        };
        let mut contents = vec![];
        if job.status == Status::Processing {
            contents.push(lost);
        }
        contents.push(EntryContent::AttemptStarted {
            attempt,
            invocation: self.invocation.to_owned(),
            resumed,
        });
        let mut claim = self.lease_from(job.seq);
        claim
            .increments
            .extend(contents.iter().map(|_| Increment::Seq));
        claim.increments.push(Increment::Progress(1));
        contents.push(EntryContent::Progress {
            percent,
            message: message.to_owned(),
            attempt,
            retrying,
        });
        let mut tail = job.tail.clone();
        tail.extend(numbered(job.seq, self.now, contents));
        claim.assignments.extend([
            Assignment::Progress(percent),
            Assignment::Message(message.to_owned()),
            Assignment::Retrying(retrying),
            Assignment::Tail(tail),
        ]);
        claim
    }

    fn lease_from(&self, seq: u64) -> Change {
        let Self { now, lease, .. } = *self;
        Change {
            condition: Condition::Claimable { now, seq },
            assignments: vec![
                Assignment::Status(Status::Processing),
                Assignment::Reported(false),
                Assignment::LeaseUntil(now + lease),
                Assignment::ClaimedBy(self.invocation.to_owned()),
                Assignment::ClaimedMessage(self.message.to_owned()),
                Assignment::UpdatedAt(now),
                Assignment::ProgressAt(now),
                Assignment::StartedAt(now),
            ],
            increments: vec![Increment::Fence, Increment::Attempt],
            removals: vec![],
        }
    }
}
