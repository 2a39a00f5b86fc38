//! What an open job needs that nobody is doing for it: asked by the sweep, and by a worker that could
//! not claim it.
//!
//! Pure, from the row alone.

use std::time::Duration;

use jiff::Timestamp;

use super::{Assignment, Change, Increment, Job, Status};

/// The longest [`patience`], and the distance from the first resend to the second.
const PATIENCE: Duration = Duration::from_secs(60);
/// The distance between resends stops doubling here, at about an hour.
const MOST_DOUBLINGS: u32 = 6;
/// An end that nobody could be told of for so long is left for its followers to ask for.
const ANNOUNCED_FOR: Duration = Duration::from_secs(3600);

/// Past its deadline a job is left to its worker for so long, which ends it in order.
const DEADLINE_GRACE: Duration = Duration::from_secs(30);

/// Whether a worker may take the job, asked of a row that refused a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    Free,
    /// Somebody runs it until then, at least.
    Leased(Timestamp),
    /// An earlier turn of its session has not ended.
    Waiting,
    Finished,
}

/// What the sweep has to mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repair {
    /// Nobody will run it unless its id is sent to the queue again; the change records that it was.
    Resend(Change),
    /// Its deadline has passed and its worker, if it has one, did not end it.
    Expire,
    /// It has ended, but the end was not confirmed to have been pushed.
    Announce,
    /// It waits for an earlier turn, whose end may have missed it.
    ReleaseTurn,
}

/// How long a written job may stay unclaimed before it is sent to the queue again, and an end unconfirmed
/// before it is announced again: as long as a worker may be silent, and no longer than a minute.
pub fn resend_after(lease: Duration) -> Duration {
    lease.min(PATIENCE)
}

impl Job {
    /// Whether its end has been announced for long enough, heard or not.
    pub fn announce_timed_out(&self, now: Timestamp) -> bool {
        self.finished_at.is_some_and(|at| at + ANNOUNCED_FOR <= now)
    }

    /// Until when whoever ended it may still be telling of it. A message that comes back sooner has not come
    /// back from the dead: its worker hid it for two thirds of a lease at the least.
    pub fn announcing_until(&self, lease: Duration) -> Option<Timestamp> {
        let finished_at = self.finished_at.filter(|_| self.open)?;
        Some(finished_at + lease / 2)
    }

    pub fn availability(&self, now: Timestamp) -> Availability {
        match (self.status, self.lease_until) {
            (status, _) if status.is_terminal() => Availability::Finished,
            (Status::Processing, Some(until)) if until > now => Availability::Leased(until),
            _ if self.waits_for_turn() => Availability::Waiting,
            _ => Availability::Free,
        }
    }

    /// What an open job needs that nothing else will do for it, given this [`patience`].
    pub fn repair(&self, patience: Duration, now: Timestamp) -> Option<Repair> {
        if self.status.is_terminal() {
            let confirmed_by = self.finished_at? + patience;
            return (self.open && confirmed_by <= now).then_some(Repair::Announce);
        }
        if self.deadline + DEADLINE_GRACE <= now {
            return Some(Repair::Expire);
        }
        if self.waits_for_turn() {
            return Some(Repair::ReleaseTurn);
        }
        // A lapsed lease is resent at once; after that, like an unclaimed job, at a distance that doubles
        // with each resend, so that a long but healthy backlog is not flooded.
        let waiting_since = self.lease_until.unwrap_or(self.updated_at);
        let backoff = PATIENCE * 2u32.pow(self.resends.min(MOST_DOUBLINGS));
        let due = match self.resent_at.filter(|resent| *resent >= waiting_since) {
            Some(resent) => resent + backoff,
            None if self.lease_until.is_some() => waiting_since,
            None => waiting_since + patience,
        };
        (due <= now).then(|| {
            Repair::Resend(Change {
                condition: self.unchanged(false),
                assignments: vec![Assignment::ResentAt(now)],
                increments: vec![Increment::Resends],
                removals: vec![],
            })
        })
    }
}
