//! Metrics of job changes. They are counted where changes are written, so each change counts once.

use jiff::Timestamp;
use metrics::{counter, histogram};

use crate::domain::job::{Assignment, Change, Increment, Job, Status};

/// A new job was written.
pub(super) fn count_submit(job: &Job) {
    count("JobsSubmitted", job);
}

/// A change was made, and this is the job after it.
pub(super) fn count_change(change: &Change, job: &Job) {
    for raise in &change.increments {
        match raise {
            Increment::Fence => claimed(job),
            Increment::Resends => {
                count("JobsResent", job);
                // Also without the kind: an alarm reads one metric and can't sum over all kinds.
                counter!("JobsResent").increment(1);
            }
            Increment::Replays => count("JobsReplayed", job),
            Increment::Stream => count("Chunks", job),
            _ => {}
        }
    }
    for set in &change.assignments {
        match set {
            Assignment::LastError(_) => count("JobsRetried", job),
            Assignment::HandedOver(true) => count("JobsHandedOver", job),
            Assignment::FinishedAt(at) => ended(job, *at),
            _ => {}
        }
    }
}

fn claimed(job: &Job) {
    if job.is_taken_over() {
        count("JobsStalled", job);
    }
    if let (true, Some(started)) = (job.is_first_attempt(), job.started_at) {
        measure("QueueWait", job, job.created_at, started);
    }
}

fn ended(job: &Job, at: Timestamp) {
    let name = match job.status {
        Status::Completed => "JobsCompleted",
        Status::Cancelled => "JobsCancelled",
        _ => "JobsFailed",
    };
    count(name, job);
    if let Some(started) = job.started_at {
        measure("RunTime", job, started, at);
    }
    let begun = job.replayed_at.unwrap_or(job.created_at);
    measure("EndToEnd", job, begun, at);
    // Also without the kind, since percentiles can't be summed.
    histogram!("EndToEnd").record(millis(begun, at));
}

fn count(name: &'static str, job: &Job) {
    counter!(name, "Kind" => job.kind.clone()).increment(1);
}

fn measure(name: &'static str, job: &Job, from: Timestamp, to: Timestamp) {
    histogram!(name, "Kind" => job.kind.clone()).record(millis(from, to));
}

/// The time between the two, not below zero: clocks of two machines may differ.
fn millis(from: Timestamp, to: Timestamp) -> f64 {
    (to.duration_since(from).as_secs_f64() * 1000.0).max(0.0)
}
