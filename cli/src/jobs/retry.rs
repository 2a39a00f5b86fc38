//! Starts a new run of a failed job.

use anyhow::Result;
use longhaul_shared::clock;
use longhaul_shared::domain::ids::JobId;
use longhaul_shared::orchestration::job_replayer::ReplayOutcome;
use serde_json::json;

use super::{CALLER, render};
use crate::exit_status::ExitStatus;
use crate::target::Target;

pub async fn run(target: &Target, id: JobId, from_start: bool, json: bool) -> Result<ExitStatus> {
    let (aws, options) = (target.open(CALLER).await?, target.as_options());
    let replayer = aws.job_replayer().await?;
    let Some(job) = replayer.jobs.get(id).await? else {
        return Ok(render::not_found(id));
    };
    match replayer
        .replay(&job, job.replays, from_start, clock::now())
        .await?
    {
        ReplayOutcome::Started(_) => {}
        ReplayOutcome::Superseded(Some(job)) => {
            return Ok(render::unchanged(&job, "was not retried", json));
        }
        ReplayOutcome::Superseded(None) => return Ok(render::not_found(id)),
    }
    if json {
        println!(
            "{}",
            json!({"jobId": id.to_string(), "changed": true, "status": "queued", "run": job.replays + 1})
        );
    } else {
        println!("{id} is queued again, as run {}.", job.replays + 1);
        if job.is_dead_letter() {
            let file = format!("dlq-{id}.json");
            println!(
                "Its dead letter is stale now. To delete it: longhaul dlq plan --job {id} --out {file}{options} && \
                 longhaul dlq apply {file}{options}"
            );
        }
    }
    Ok(ExitStatus::Success)
}
