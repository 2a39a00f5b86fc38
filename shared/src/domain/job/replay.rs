//! A job that failed for good: whether whoever is on call wants to see it, and how it starts anew.
//!
//! Pure. What is kept of such a job, and where, is [`crate::messaging::dead_letters`]' business.

use jiff::{SignedDuration, Timestamp};

use super::{
    Assignment, Change, Condition, DEADLINE, Increment, Job, OPEN_SHARDS, Outcome, POISON,
    QUEUED_PROGRESS, Removal, Status,
};

impl Job {
    /// Whether it failed although it might have succeeded: all its attempts are used up, or it
    /// killed its workers. What was rejected, came too late or was cancelled is nobody's to mend.
    pub fn is_dead_letter(&self) -> bool {
        match &self.outcome {
            Some(Outcome::Failed(error)) => {
                error.code == POISON || error.retryable && error.code != DEADLINE
            }
            _ => false,
        }
    }

    /// Starts the job anew after its run of this number failed: once, however often it is asked for.
    /// Steps that it kept count in the new run too, unless it shall go `from_start`; who followed it
    /// hears on. It may take as long as the last run might, and is kept as long after its end.
    pub fn replay(&self, run: u32, from_start: bool, now: Timestamp) -> Change {
        let ended = self.finished_at.unwrap_or(self.updated_at);
        let retention = self.expires_at.duration_since(ended);
        let deadline = now
            + self
                .deadline
                .duration_since(self.replayed_at.unwrap_or(self.created_at));
        let mut set = vec![
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
            set.push(Assignment::StepsRun(run + 1));
        }
        let mut clear = vec![Removal::Run];
        // A dialect has had its end with the run's.
        if let Some(spoken) = &self.dialect_follower {
            clear.push(Removal::Follower(spoken.connection.clone()));
            clear.push(Removal::Dialect(spoken.connection.clone()));
        }
        Change {
            condition: Condition::FailedRun { run, now },
            assignments: set,
            increments: vec![Increment::Progress(1), Increment::Replays],
            removals: clear,
        }
    }

    /// What [`Clear::Run`] does.
    pub(super) fn clear_run(&mut self) {
        (self.attempt, self.resends) = (0, 0);
        (self.handed_over, self.reported) = (false, false);
        (self.claimed_by, self.lease_until, self.resent_at) = (None, None, None);
        (self.started_at, self.finished_at) = (None, None);
        (self.last_error, self.outcome) = (None, None);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{DEADLINE as ALLOWED, LEASE, RETENTION, apply, at, submitted};
    use super::super::{JobError, JobResult, Lease, Status};
    use super::*;
    use crate::domain::event::{Event, EventKind};
    use crate::domain::ids::ConnectionId;

    fn failed(code: &str, retryable: bool) -> Job {
        let mut job = submitted(at(0));
        job.followers.insert(ConnectionId("c=".into()));
        assert!(apply(&Job::claim("i", at(1), LEASE), &mut job));
        let error = JobError {
            code: code.into(),
            message: "No.".into(),
            retryable,
        };
        let finish =
            Lease::from_row(job.clone()).finish(&[], Outcome::Failed(error), at(2), RETENTION);
        assert!(apply(&finish, &mut job));
        assert!(apply(&job.close_in_index(), &mut job));
        job
    }

    #[test]
    fn evidence_is_kept_of_what_might_have_succeeded() {
        for (code, retryable, kept) in [
            ("POISON", false, true),
            ("TIMEOUT", true, true),
            ("BAD_PARAMS", false, false),
            ("DEADLINE", true, false),
        ] {
            assert_eq!(failed(code, retryable).is_dead_letter(), kept, "{code}");
        }
        let mut cancelled = failed("TIMEOUT", true);
        cancelled.outcome = Some(Outcome::Cancelled {
            by: "alice".into(),
            content: None,
        });
        assert!(!cancelled.is_dead_letter());
        assert!(!submitted(at(0)).is_dead_letter());
    }

    #[test]
    fn a_run_is_replayed_once_and_nothing_of_it_stays() {
        let mut job = failed("TIMEOUT", true);
        let replay = job.replay(0, false, at(500));
        let seq = job.seq;
        assert!(apply(&replay, &mut job));
        let again = job.clone();
        assert!(!apply(&replay, &mut job), "it was already replayed");
        assert_eq!(job, again);

        let mut fresh = submitted(at(0));
        (fresh.replayed_at, fresh.deadline) = (Some(at(500)), at(500) + ALLOWED);
        fresh.followers = job.followers.clone();
        (fresh.seq, fresh.progress_seq, fresh.fence, fresh.replays) = (seq + 1, seq + 1, 1, 1);
        (fresh.message, fresh.updated_at) = ("Queued again".into(), at(500));
        fresh.expires_at = at(500) + ALLOWED + RETENTION;
        assert_eq!(job, fresh);

        let EventKind::Progress { retrying, .. } = Event::progress(&job).kind else {
            panic!("the replay is no progress");
        };
        assert!(retrying);
        assert!(apply(&Job::claim("i", at(501), LEASE), &mut job));
        assert_eq!((job.attempt, job.fence), (1, 2));
    }

    #[test]
    fn only_this_run_of_a_failed_job_is_replayed_and_only_while_it_counts() {
        let mut job = failed("TIMEOUT", true);
        let expired = job.expires_at;
        assert!(!apply(&job.replay(1, false, at(3)), &mut job));
        assert!(!apply(&job.replay(0, false, expired), &mut job));
        let mut done = job.clone();
        done.status = Status::Completed;
        done.outcome = Some(Outcome::Completed(JobResult::Inline("{}".into())));
        assert!(!apply(&done.replay(0, false, at(3)), &mut done));
        assert!(apply(&job.replay(0, true, at(3)), &mut job));
        assert_eq!(job.steps_run, 1);
    }
}
