//! A job's life in memory: [`Change::apply`] does what the store's conditional write does.

mod matrix;
mod replay;

use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::domain::event::Event;
use crate::domain::ids::{ConnectionId, JobId, Owner};
use crate::domain::log::{EntryContent, LogEntry};

pub(super) const LEASE: Duration = Duration::from_secs(120);
/// [`resend_after`] for this lease.
const RESEND_AFTER: Duration = Duration::from_secs(60);
pub(super) const RETENTION: Duration = Duration::from_secs(1000);
pub(super) const DEADLINE: Duration = Duration::from_secs(86_400);

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn owner(user: &str) -> Owner {
    Owner {
        user: user.into(),
        tenant: None,
    }
}

fn connection(n: usize) -> ConnectionId {
    ConnectionId(format!("c{n}="))
}

pub(super) fn submitted(now: Timestamp) -> Job {
    let input = JobInput::whole("q".into(), "{}".into());
    Job::submitted(
        JobId::new(now, &[7; 10]),
        owner("alice"),
        "noop".into(),
        input,
        now,
        SubmitOptions {
            deadline: DEADLINE,
            retention: RETENTION,
        },
    )
}

pub(super) fn apply(change: &Change, job: &mut Job) -> bool {
    change.apply(job)
}

/// The change by which this invocation claims the job, with a message of its own.
pub(super) fn claim_by(invocation: &str, job: &Job, now: Timestamp) -> Change {
    let claimant = Claimant {
        invocation,
        message: "m",
        now,
        lease: LEASE,
    };
    claimant.claim(job)
}

fn attempt_error(now: Timestamp) -> AttemptError {
    AttemptError {
        attempt: 1,
        code: "FLAKY".into(),
        message: "Not now.".into(),
        at: now,
    }
}

fn report(percent: u8) -> Report {
    Report {
        percent,
        message: format!("at {percent}"),
    }
}

fn chunk(at: Timestamp, content: &str) -> LogEntry {
    LogEntry {
        seq: 0,
        at,
        content: EntryContent::Chunk(content.into()),
    }
}

fn done() -> Outcome {
    Outcome::Completed(JobResult::Inline("{}".into()))
}

#[test]
fn a_job_is_claimed_reports_and_ends() {
    let mut job = submitted(at(0));
    assert!(apply(&claim_by("i", &job, at(10)), &mut job));
    let lease = Lease::from_row(job.clone());
    assert!(apply(
        &lease.report(&[report(50)], at(20), LEASE).change(),
        &mut job
    ));
    assert!(apply(
        &Lease::from_row(job.clone()).finish(&[], done(), at(30), RETENTION),
        &mut job
    ));
    assert_eq!(
        (job.status, job.progress, job.seq, job.attempt),
        (Status::Completed, 50, 4, 1)
    );
    assert_eq!(
        (job.started_at, job.finished_at),
        (Some(at(10)), Some(at(30)))
    );
    assert!(job.open, "it stays in the index until its end was pushed");
    assert!(apply(&job.close_in_index(), &mut job));
    assert!(!job.open);
}

#[test]
fn a_lapsed_lease_is_superseded() {
    let mut job = submitted(at(0));
    assert!(apply(&claim_by("i", &job, at(0)), &mut job));
    let superseded = Lease::from_row(job.clone());
    assert!(
        !apply(&claim_by("i", &job, at(119)), &mut job),
        "the lease still holds"
    );
    assert!(apply(&claim_by("i", &job, at(120)), &mut job));
    let before = job.clone();
    assert!(!apply(
        &superseded.report(&[report(90)], at(121), LEASE).change(),
        &mut job
    ));
    assert!(!apply(&superseded.renew(at(121), LEASE), &mut job));
    assert!(!apply(
        &superseded.finish(&[], done(), at(121), RETENTION),
        &mut job
    ));
    assert_eq!(job, before);
}

#[test]
fn progress_never_falls_within_an_attempt() {
    let mut job = submitted(at(0));
    apply(&claim_by("i", &job, at(0)), &mut job);
    for (percent, expected) in [(40, 40), (20, 40), (255, 100)] {
        let change = Lease::from_row(job.clone()).report(&[report(percent)], at(1), LEASE);
        assert!(apply(&change.change(), &mut job));
        assert_eq!(job.progress, expected);
    }
}

proptest! {
    /// Several reports in one write, or in the end's write, give the same row and events as one write for each, except for
    /// the times.
    #[test]
    fn one_write_of_many_reports_equals_many_writes(mut percents in prop::collection::vec(5..=100u8, 1..8), at_the_end in any::<bool>()) {
        percents.sort_unstable();
        let reports: Vec<Report> = percents.into_iter().map(report).collect();
        let mut one_by_one = submitted(at(0));
        apply(&claim_by("i", &one_by_one.clone(), at(1)), &mut one_by_one);
        let mut at_once = one_by_one.clone();
        let mut events = vec![];
        for report in &reports {
            let change = Lease::from_row(one_by_one.clone()).report(std::slice::from_ref(report), at(2), LEASE);
            apply(&change.change(), &mut one_by_one);
            events.push(Event::progress(&one_by_one));
        }
        let lease = Lease::from_row(at_once.clone());
        if at_the_end {
            let finish = Lease::from_row(one_by_one.clone()).finish(&[], done(), at(2), RETENTION);
            apply(&finish, &mut one_by_one);
            apply(&lease.finish(&reports, done(), at(2), RETENTION), &mut at_once);
        } else {
            apply(&lease.report(&reports, at(2), LEASE).change(), &mut at_once);
        }
        let first = events.first().map_or(0, |event| event.seq);
        prop_assert_eq!(Event::in_tail(&at_once, first.saturating_sub(1)), events);
        // Written at once, more of the entries stay in the row.
        one_by_one.tail.clone_from(&at_once.tail);
        prop_assert_eq!(&at_once, &one_by_one);
    }
}

#[test]
fn the_sweep_resends_an_unclaimed_job_at_growing_intervals() {
    let mut job = submitted(at(0));
    assert_eq!(job.repair(RESEND_AFTER, at(59)), None);
    let mut resent = vec![];
    for second in 60..70_000 {
        if let Some(Repair::Resend(change)) = job.repair(RESEND_AFTER, at(second)) {
            assert!(apply(&change, &mut job));
            resent.push(second);
        }
    }
    let distances: Vec<i64> = resent.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(resent[0], 60);
    assert_eq!(distances[..7], [120, 240, 480, 960, 1920, 3840, 3840]);
    assert_eq!(distances.last(), Some(&3840), "it never gives up");
}

#[test]
fn the_sweep_resends_a_lapsed_lease_at_once_and_announces_a_lost_end() {
    let mut job = submitted(at(0));
    apply(&claim_by("i", &job, at(0)), &mut job);
    assert_eq!(job.repair(RESEND_AFTER, at(119)), None);
    assert!(matches!(
        job.repair(RESEND_AFTER, at(120)),
        Some(Repair::Resend(_))
    ));
    apply(
        &Lease::from_row(job.clone()).finish(&[], done(), at(100), RETENTION),
        &mut job,
    );
    assert_eq!(job.repair(RESEND_AFTER, at(159)), None);
    assert_eq!(job.repair(RESEND_AFTER, at(160)), Some(Repair::Announce));
    assert_eq!(job.announcing_until(LEASE), Some(at(160)));
    apply(&job.close_in_index(), &mut job);
    assert_eq!(job.announcing_until(LEASE), None, "its end was pushed");
    assert_eq!(job.repair(RESEND_AFTER, at(1000)), None);
}

#[test]
fn only_the_owner_follows_and_only_up_to_the_limit() {
    let mut job = submitted(at(0));
    assert!(!apply(
        &Job::follow(owner("mallory"), connection(0), 2),
        &mut job
    ));
    for n in 0..3 {
        assert_eq!(
            apply(&Job::follow(owner("alice"), connection(n), 2), &mut job),
            n < 2
        );
    }
    assert!(apply(
        &Job::unfollow(owner("alice"), [&connection(0)]),
        &mut job
    ));
    assert!(apply(
        &Job::follow(owner("alice"), connection(2), 2),
        &mut job
    ));
}

#[derive(Debug, Clone)]
enum Action {
    Wait(u8),
    Claim,
    /// By the holder of the n-th lease that was ever taken, as the following ones.
    Report(usize, Vec<u8>),
    Renew(usize),
    Retry(usize),
    Finish(usize, Vec<u8>),
    Stream(usize),
    HandOver(usize),
    Cancel,
    Sweep,
    Follow(usize),
}

fn percents(least: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), least..4)
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        any::<u8>().prop_map(Action::Wait),
        Just(Action::Claim),
        (0..4usize, percents(1)).prop_map(|(n, percents)| Action::Report(n, percents)),
        (0..4usize).prop_map(Action::Renew),
        (0..4usize).prop_map(Action::Retry),
        (0..4usize, percents(0)).prop_map(|(n, percents)| Action::Finish(n, percents)),
        (0..4usize).prop_map(Action::Stream),
        (0..4usize).prop_map(Action::HandOver),
        // Most actions after a cancel are refused, so it is drawn rarely.
        prop::bool::weighted(0.05).prop_map(|cancel| if cancel {
            Action::Cancel
        } else {
            Action::Sweep
        }),
        (0..4usize).prop_map(Action::Follow),
    ]
}

proptest! {
    /// In whatever order workers claim, report and are superseded, and the sweep runs: numbers never fall, one worker
    /// holds the job at a time, and there is one terminal event and nothing after it.
    #[test]
    fn any_interleaving_keeps_the_invariants(actions in prop::collection::vec(action(), 0..60)) {
        let mut now = at(0);
        let mut job = submitted(now);
        let mut leases: Vec<Job> = vec![];
        let mut ends = 0;
        for action in actions {
            let before = job.clone();
            let events = match &action {
                Action::Claim => 3,
                Action::Report(_, percents) => percents.len() as u64,
                Action::Finish(_, percents) => percents.len() as u64 + 1,
                _ => 1,
            };
            let reports = |percents: Vec<u8>| percents.into_iter().map(report).collect::<Vec<_>>();
            let holder = |n: usize| leases.get(n).cloned().map(|held| (held.fence == before.fence, Lease::from_row(held)));
            let written = match action {
                Action::Wait(seconds) => { now += Duration::from_secs(seconds.into()); false }
                Action::Claim => {
                    let taken = apply(&claim_by("i", &job, now), &mut job);
                    prop_assert_eq!(taken, before.availability(now) == Availability::Free);
                    if taken { leases.push(job.clone()); }
                    false
                }
                Action::Report(n, percents) => holder(n).is_some_and(|(current, lease)| {
                    let written = apply(&lease.report(&reports(percents), now, LEASE).change(), &mut job);
                    written && !current
                }),
                Action::Renew(n) => holder(n).is_some_and(|(current, lease)| apply(&lease.renew(now, LEASE), &mut job) && !current),
                Action::Retry(n) => holder(n).is_some_and(|(current, lease)| apply(&lease.retry(now, attempt_error(now)), &mut job) && !current),
                Action::Finish(n, percents) => holder(n).is_some_and(|(current, lease)| {
                    let written = apply(&lease.finish(&reports(percents), done(), now, RETENTION), &mut job);
                    ends += u32::from(written);
                    written && !current
                }),
                Action::Stream(n) => holder(n).is_some_and(|(current, lease)| apply(&lease.stream(chunk(now, "a"), LEASE).change(), &mut job) && !current),
                Action::HandOver(n) => holder(n).is_some_and(|(current, lease)| apply(&lease.hand_over(now), &mut job) && !current),
                Action::Cancel => {
                    ends += u32::from(apply(&Job::cancel(owner("alice"), now, RETENTION), &mut job));
                    false
                }
                Action::Sweep => {
                    match job.repair(RESEND_AFTER, now) {
                        Some(Repair::Resend(change)) => drop(apply(&change, &mut job)),
                        Some(Repair::Expire) => ends += u32::from(apply(&job.expire(now, RETENTION), &mut job)),
                        Some(Repair::Announce | Repair::ReleaseTurn) | None => {}
                    }
                    false
                }
                Action::Follow(n) => { apply(&Job::follow(owner("alice"), connection(n), 32), &mut job); false }
            };
            prop_assert!(!written, "a superseded worker wrote");
            prop_assert!(job.progress_seq <= job.seq && job.stream_seq <= job.seq);
            prop_assert!(job.seq >= before.seq && job.seq <= before.seq + events && job.fence >= before.fence);
            if before.status.is_terminal() {
                prop_assert_eq!((job.status, job.seq, &job.outcome), (before.status, before.seq, &before.outcome));
            }
        }
        prop_assert!(ends <= 1);
        prop_assert_eq!(ends == 1, job.status.is_terminal());
    }
}
