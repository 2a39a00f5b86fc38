//! A table of what each transition does to a job in each state.

use super::*;
use crate::domain::ids::SessionId;

/// The states, each with a job that is in it. Its lease, where it had one, is the `lease` of the transitions below.
fn states() -> Vec<(&'static str, Job)> {
    let queued = submitted(at(0));
    let after = |job: &Job, change: Change| {
        let mut job = job.clone();
        assert!(apply(&change, &mut job));
        job
    };
    let running = after(&queued, claim_by("i", &queued, at(10)));
    let lease = || Lease::from_row(running.clone());
    let failed = Outcome::Failed(JobError {
        code: "X".into(),
        message: "No.".into(),
        retryable: false,
    });
    let failed = after(&running, lease().finish(&[], failed, at(20), RETENTION));
    let replayed = after(&failed, failed.replay(0, false, at(25)));
    let mut waiting = queued.clone();
    waiting.turn = Some(Turn {
        session: SessionId::new(at(0), &[1; 10]),
        number: 2,
        waits_for: Some(JobId::new(at(0), &[2; 10])),
    });
    vec![
        ("waiting", waiting),
        ("queued", queued.clone()),
        ("running", running.clone()),
        (
            "superseded",
            after(&running, claim_by("j", &running, at(200))),
        ),
        (
            "retried",
            after(&running, lease().retry(at(20), attempt_error(at(20)))),
        ),
        ("handed over", after(&running, lease().hand_over(at(20)))),
        (
            "completed",
            after(&running, lease().finish(&[], done(), at(20), RETENTION)),
        ),
        ("failed", failed),
        ("replayed", replayed),
        (
            "cancelled",
            after(&running, Job::cancel(owner("alice"), at(20), RETENTION)),
        ),
    ]
}

/// Every transition, by the worker that took the first lease, at a time when that lease still holds.
fn actions(job: &Job) -> Vec<(&'static str, Change)> {
    let now = at(30);
    let mut running = submitted(at(0));
    apply(&claim_by("i", &running.clone(), at(10)), &mut running);
    let lease = || Lease::from_row(running.clone());
    vec![
        ("claim", claim_by("k", job, now)),
        ("claim later", claim_by("k", job, at(1000))),
        ("report", lease().report(&[report(50)], now, LEASE).change()),
        ("stream", lease().stream(chunk(now, "a"), LEASE).change()),
        ("renew", lease().renew(now, LEASE)),
        ("retry", lease().retry(now, attempt_error(now))),
        ("hand over", lease().hand_over(now)),
        ("finish", lease().finish(&[], done(), now, RETENTION)),
        ("cancel", Job::cancel(owner("alice"), now, RETENTION)),
        (
            "another's cancel",
            Job::cancel(owner("mallory"), now, RETENTION),
        ),
        ("expire", job.expire(now, RETENTION)),
        ("follow", Job::follow(owner("alice"), connection(1), 32)),
        ("close", job.close_in_index()),
        ("replay", job.replay(0, false, now)),
        ("release turn", Job::release_turn()),
    ]
}

#[test]
fn each_action_in_each_state() {
    let states = states();
    let mut table = format!("{:17}", "");
    for (name, _) in &states {
        table += &format!("{name:12}");
    }
    let names: Vec<&str> = actions(&states[0].1)
        .iter()
        .map(|(name, _)| *name)
        .collect();
    for (row, name) in names.iter().enumerate() {
        table += &format!("\n{name:17}");
        for (_, job) in &states {
            let mut changed = job.clone();
            let written = apply(&actions(job)[row].1, &mut changed);
            let cell = match written {
                false => "-".to_owned(),
                true if changed.seq > job.seq => format!("{}!", changed.status.as_str()),
                true => changed.status.as_str().to_owned(),
            };
            table += &format!("{cell:12}");
        }
    }
    let table: Vec<&str> = table.lines().map(str::trim_end).collect();
    // A dash is a refused write; an exclamation mark an event.
    let expected = "                 waiting     queued      running     superseded  retried     handed over completed   failed      replayed    cancelled
claim            -           processing! -           -           processing! processing! -           -           processing! -
claim later      -           processing! processing! processing! processing! processing! -           -           processing! -
report           -           -           processing! -           -           -           -           -           -           -
stream           -           -           processing! -           -           -           -           -           -           -
renew            -           -           processing  -           -           -           -           -           -           -
retry            -           -           queued!     -           -           -           -           -           -           -
hand over        -           -           queued!     -           -           -           -           -           -           -
finish           -           -           completed!  -           -           -           -           -           -           -
cancel           cancelled!  cancelled!  cancelled!  cancelled!  cancelled!  cancelled!  -           -           cancelled!  -
another's cancel -           -           -           -           -           -           -           -           -           -
expire           failed!     failed!     failed!     failed!     failed!     failed!     -           -           failed!     -
follow           queued      queued      processing  processing  queued      queued      -           -           queued      -
close            -           -           -           -           -           -           completed   failed      -           cancelled
replay           -           -           -           -           -           -           -           queued!     -           -
release turn     queued      -           -           -           -           -           -           -           -           -";
    assert_eq!(table.join("\n"), expected, "\n{}", table.join("\n"));
}
