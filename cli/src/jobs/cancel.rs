//! Cancels a job as the operator.

use std::time::Duration;

use anyhow::Result;
use jiff::SignedDuration;
use longhaul_shared::clock;
use longhaul_shared::domain::ids::JobId;
use longhaul_shared::domain::job::{Job, OPERATOR, Status};
use longhaul_shared::store::jobs::CommitOutcome;
use serde_json::json;

use super::render;
use crate::exit_status::ExitStatus;
use crate::target::AwsContext;

pub async fn run(aws: &AwsContext, id: JobId, json: bool) -> Result<ExitStatus> {
    let jobs = aws.jobs();
    let Some(job) = jobs.get(id).await? else {
        return Ok(render::not_found(id));
    };
    // The row of an open job expires one retention after its deadline, rounded down to the second.
    let retention = job.expires_at.duration_since(job.deadline);
    let retention = retention.max(SignedDuration::ZERO).unsigned_abs();
    let retention = Duration::from_secs((retention.as_millis() as u64).div_ceil(1000));
    let now = clock::now();
    let cancel = Job::cancel_as(OPERATOR.to_owned(), job.owner, now, retention);
    let cancelled = match jobs.commit(id, &cancel).await? {
        CommitOutcome::Applied(job) => *job,
        // A write whose response was lost is sent again and meets its own first try.
        CommitOutcome::Refused(Some(job))
            if job.status == Status::Cancelled && job.finished_at == Some(now) =>
        {
            *job
        }
        CommitOutcome::Refused(Some(job)) => {
            return Ok(render::unchanged(&job, "was not cancelled", json));
        }
        CommitOutcome::Refused(None) => return Ok(render::not_found(id)),
    };
    let announced = match aws.job_end_notifier().await? {
        Some(notifier) => notifier.notify(cancelled, now).await.is_ok(),
        None => false,
    };
    if json {
        println!(
            "{}",
            json!({"jobId": id.to_string(), "changed": true, "status": "cancelled", "announced": announced})
        );
    } else if announced {
        println!("{id} is cancelled. Its followers were notified.");
    } else {
        println!("{id} is cancelled. The sweep notifies its followers within two minutes.");
    }
    Ok(ExitStatus::Success)
}
