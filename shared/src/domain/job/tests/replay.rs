//! Dead letters and replays.

use super::*;
use crate::domain::event::{Event, EventKind};

fn failed(code: &str, retryable: bool) -> Job {
    let mut job = submitted(at(0));
    job.followers.insert(ConnectionId("c=".into()));
    assert!(apply(&claim_by("i", &job, at(1)), &mut job));
    let error = JobError {
        code: code.into(),
        message: "No.".into(),
        retryable,
    };
    let finish = Lease::from_row(job.clone()).finish(&[], Outcome::Failed(error), at(2), RETENTION);
    assert!(apply(&finish, &mut job));
    assert!(apply(&job.close_in_index(), &mut job));
    job
}

#[test]
fn a_job_that_might_have_succeeded_is_a_dead_letter() {
    for (code, retryable, expected) in [
        ("POISON", false, true),
        ("TIMEOUT", true, true),
        ("BAD_PARAMS", false, false),
        ("DEADLINE", true, false),
    ] {
        assert_eq!(failed(code, retryable).is_dead_letter(), expected, "{code}");
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
fn a_run_is_replayed_once_and_leaves_nothing() {
    let mut job = failed("TIMEOUT", true);
    let replay = job.replay(0, false, at(500));
    let seq = job.seq;
    assert!(apply(&replay, &mut job));
    let again = job.clone();
    assert!(!apply(&replay, &mut job), "it was already replayed");
    assert_eq!(job, again);

    let mut fresh = submitted(at(0));
    fresh.tail.clone_from(&job.tail);
    (fresh.retrying, fresh.progress_at) = (true, Some(at(500)));
    (fresh.replayed_at, fresh.deadline) = (Some(at(500)), at(500) + DEADLINE);
    fresh.followers = job.followers.clone();
    (fresh.seq, fresh.progress_seq, fresh.fence, fresh.replays) = (seq + 1, seq + 1, 1, 1);
    (fresh.message, fresh.updated_at) = ("Queued again".into(), at(500));
    fresh.expires_at = at(500) + DEADLINE + RETENTION;
    assert_eq!(job, fresh);

    let EventKind::Progress { retrying, .. } = Event::progress(&job).kind else {
        panic!("the replay is not a progress event");
    };
    assert!(retrying);
    assert!(apply(&claim_by("i", &job, at(501)), &mut job));
    assert_eq!((job.attempt, job.fence), (1, 2));
}

#[test]
fn only_the_named_run_of_a_failed_job_is_replayed_before_it_expires() {
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
