//! The first step of an attempt: take the lease of a job that is free.

use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use longhaul_shared::domain::ids::JobId;
use longhaul_shared::domain::job::{Availability, Claimant, Job};
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

/// Claims tried of one job: another one may be faster, or an event may come in between.
const MAX_CLAIMS: u32 = 4;

/// Claims the job for this invocation, and pushes what its claim records: with one conditional write if nothing has
/// happened to the job since its submit, else with a second one, which knows the row.
pub async fn claim<'e>(
    engine: &'e Engine,
    id: JobId,
    message: &str,
    request_id: &str,
) -> Result<Claim<'e>> {
    let now = engine.now();
    let claimant = Claimant {
        invocation: request_id,
        message,
        now,
        lease: engine.limits.lease,
    };
    let (mut claim, mut before) = (claimant.claim_submitted(), 1);
    for _ in 0..MAX_CLAIMS {
        match engine.jobs.commit(id, &claim).await? {
            CommitOutcome::Applied(job) => return leased(engine, *job, before).await,
            // A claim whose response was lost is sent again, and the second meets the first.
            CommitOutcome::Refused(Some(job)) if job.is_claimed_by(request_id) => {
                return leased(engine, *job, before).await;
            }
            CommitOutcome::Refused(Some(job)) if job.availability(now) == Availability::Free => {
                (claim, before) = (claimant.claim(&job), job.seq);
            }
            CommitOutcome::Refused(Some(job)) => {
                let outcome = unavailable(engine, *job, message, now).await?;
                return Ok(Claim::Unavailable(outcome));
            }
            CommitOutcome::Refused(None) => return Ok(Claim::Unavailable(RecordOutcome::Delete)),
        }
    }
    Ok(Claim::Unavailable(RecordOutcome::RetryAfter(
        Duration::ZERO,
    )))
}

/// The claimed job, after its events since the sequence number `before` are pushed.
async fn leased<'e>(engine: &'e Engine, claimed: Job, before: u64) -> Result<Claim<'e>> {
    tracing::Span::current()
        .record("attempt", claimed.attempt)
        .record("fence", claimed.fence);
    tracing::info!(job = %claimed.id, kind = claimed.kind, "claimed");
    let mut job = Box::new(LeasedJob::new(engine, claimed));
    job.push_new(before).await;
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
