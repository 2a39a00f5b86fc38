//! What an open job needs that no other function will do for it: asked by the sweep, and by a worker that could not
//! claim the job. From the row alone.

use std::time::Duration;

use jiff::Timestamp;

use super::change::{Assignment, Change, Condition, Increment, Removal};
use super::state::{Job, Status};
use crate::domain::backoff::JOB_RESENDS;

/// The longest [`resend_after`].
const MAX_RESEND_AFTER: Duration = Duration::from_secs(60);
/// An end that could not be pushed to all followers for this long is left for them to ask for.
const ANNOUNCE_TIMEOUT: Duration = Duration::from_secs(3600);
/// How long past its deadline a job is left to its worker, which ends it in order.
const DEADLINE_GRACE: Duration = Duration::from_secs(30);

/// Whether a worker may claim the job, by a row that refused a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    Free,
    /// A worker holds it, until then at least.
    Leased(Timestamp),
    /// An earlier turn of its session has not ended.
    Waiting,
    Finished,
}

/// What the sweep has to do for a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repair {
    /// Send its id to the queue again, or no worker will claim it; the change records that it was sent.
    Resend(Change),
    /// End it: its deadline has passed, and its worker, if it has one, did not end it.
    Expire,
    /// Push its end: nothing confirms that it was pushed.
    Announce,
    /// Release it if the turn that it waits for has ended: that turn's end may have missed it.
    ReleaseTurn,
}

/// How long a stored job may stay unclaimed before it is sent to the queue again, and an end unconfirmed before it is
/// pushed again: as long as a worker may be silent, and a minute at most.
pub fn resend_after(lease: Duration) -> Duration {
    lease.min(MAX_RESEND_AFTER)
}

impl Job {
    /// Whether pushing its end was tried for long enough, successful or not.
    pub fn announce_timed_out(&self, now: Timestamp) -> bool {
        self.finished_at
            .is_some_and(|at| at + ANNOUNCE_TIMEOUT <= now)
    }

    /// Until when the worker that ended it may still be pushing the end. A message that becomes visible sooner is a
    /// duplicate: the worker set its visibility timeout to two thirds of a lease or more.
    pub fn announcing_until(&self, lease: Duration) -> Option<Timestamp> {
        let finished_at = self.finished_at.filter(|_| self.open)?;
        Some(finished_at + lease / 2)
    }

    /// Whether a worker may claim the job.
    pub fn availability(&self, now: Timestamp) -> Availability {
        match (self.status, self.lease_until) {
            (status, _) if status.is_terminal() => Availability::Finished,
            (Status::Processing, Some(until)) if until > now => Availability::Leased(until),
            _ if self.waits_for_turn() => Availability::Waiting,
            _ => Availability::Free,
        }
    }

    /// What an open job needs that no other function will do for it, with the given [`resend_after`].
    pub fn repair(&self, resend_after: Duration, now: Timestamp) -> Option<Repair> {
        if self.status.is_terminal() {
            let confirmed_by = self.finished_at? + resend_after;
            return (self.open && confirmed_by <= now).then_some(Repair::Announce);
        }
        if self.deadline + DEADLINE_GRACE <= now {
            return Some(Repair::Expire);
        }
        if self.waits_for_turn() {
            return Some(Repair::ReleaseTurn);
        }
        // After a lapsed lease the job is sent again at once; later, like an unclaimed one, at growing intervals.
        let waiting_since = self.lease_until.unwrap_or(self.updated_at);
        let due = match self.resent_at.filter(|resent| *resent >= waiting_since) {
            Some(resent) => resent + JOB_RESENDS.wait(self.resends.saturating_add(1), 0),
            None if self.lease_until.is_some() => waiting_since,
            None => waiting_since + resend_after,
        };
        (due <= now).then(|| {
            Repair::Resend(Change {
                condition: Condition::unchanged(self, false),
                assignments: vec![Assignment::ResentAt(now)],
                increments: vec![Increment::Resends],
                removals: vec![],
            })
        })
    }

    /// Ends the lease of a worker that is known to be dead, and records that the job is queued again. As after a lapsed
    /// lease, the next claim counts an attempt.
    pub fn end_dead_lease(&self, now: Timestamp) -> Change {
        Change {
            condition: Condition::Fence(self.fence),
            assignments: vec![Assignment::LeaseUntil(now), Assignment::ResentAt(now)],
            increments: vec![Increment::Resends],
            removals: vec![],
        }
    }

    /// Releases a job that waits for an earlier turn of its session, once that has ended.
    pub fn release_turn() -> Change {
        Change {
            condition: Condition::Waiting,
            assignments: vec![],
            increments: vec![],
            removals: vec![Removal::TurnWait],
        }
    }
}
