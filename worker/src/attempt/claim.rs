//! The first step of an attempt: take the lease of a job that is free.

use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use longhaul_shared::domain::event::Event;
use longhaul_shared::domain::ids::JobId;
use longhaul_shared::domain::job::{Availability, Job};
use longhaul_shared::store::jobs::CommitOutcome;

use crate::engine::Engine;
use crate::leased_job::LeasedJob;
use crate::outcome::RecordOutcome;

/// What came of a claim.
pub enum Claim<'e> {
    Leased(Box<LeasedJob<'e>>),
    /// The job can't be attempted now; what happens to its message.
    Unavailable(RecordOutcome),
}

/// Claims the job for this invocation with one conditional write, and pushes its progress.
pub async fn claim<'e>(
    engine: &'e Engine,
    id: JobId,
    message: &str,
    request_id: &str,
) -> Result<Claim<'e>> {
    let now = engine.now();
    let claim = Job::claim(request_id, message, now, engine.limits.lease);
    let claimed = match engine.jobs.commit(id, &claim).await? {
        CommitOutcome::Applied(job) => *job,
        // A claim whose response was lost is sent again, and the second meets the first.
        CommitOutcome::Refused(Some(job)) if job.is_claimed_by(request_id) => *job,
        CommitOutcome::Refused(None) => return Ok(Claim::Unavailable(RecordOutcome::Delete)),
        CommitOutcome::Refused(Some(job)) => {
            let outcome = unavailable(engine, *job, message, now).await?;
            return Ok(Claim::Unavailable(outcome));
        }
    };
    tracing::Span::current()
        .record("attempt", claimed.attempt)
        .record("fence", claimed.fence);
    tracing::info!(job = %id, kind = claimed.kind, "claimed");
    let mut job = Box::new(LeasedJob::new(engine, claimed));
    job.push(Event::progress(job.job())).await;
    Ok(Claim::Leased(job))
}

/// What happens to the message of a job that can't be claimed.
async fn unavailable(
    engine: &Engine,
    job: Job,
    message: &str,
    now: Timestamp,
) -> Result<RecordOutcome> {
    // The holder has a message of its own, which brings the job back if the holder dies.
    if job.is_duplicate(message) {
        return Ok(RecordOutcome::Delete);
    }
    let busy_until = match job.availability(now) {
        Availability::Leased(until) => Some(until),
        // Most likely a duplicate of the message: two workers that push an end would push it twice.
        Availability::Finished => job.announcing_until(engine.limits.lease),
        Availability::Free | Availability::Waiting => None,
    };
    if let Some(until) = busy_until.filter(|until| *until > now) {
        let left = until.as_millisecond() - now.as_millisecond();
        let left = Duration::from_millis(left.unsigned_abs());
        return Ok(RecordOutcome::RetryAfter(left));
    }
    // Its worker may have died between the end's write and its push.
    if job.open {
        engine.job_end_notifier.notify(job, now).await?;
    }
    Ok(RecordOutcome::Delete)
}
