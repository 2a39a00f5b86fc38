//! A job's row, looked at again and again until the job has ended.
//!
//! A read unit each look; who wants every event subscribes instead.

use std::time::Duration;

use anyhow::Result;
use longhaul_shared::domain::ids::JobId;
use longhaul_shared::domain::job::Status;
use longhaul_shared::store::jobs::Jobs;

use crate::Ended;
use crate::jobs::{nothing, shown};
use crate::terminal::printable;

pub async fn run(jobs: &Jobs, id: JobId, every: u64, json: bool) -> Result<Ended> {
    let mut told = None;
    loop {
        let Some(job) = jobs.get(id).await? else {
            return Ok(nothing(id));
        };
        if told.replace(job.seq) != Some(job.seq) {
            let (at, status) = (job.updated_at, job.status.as_str());
            if json {
                println!("{}", shown::json(&job));
            } else if job.status.is_terminal() {
                println!("{at:.3}  {status}: {}", shown::outcome(&job));
            } else {
                let message = printable(&job.message);
                println!("{at:.3}  {status} {:>3}%  {message}", job.progress);
            }
        }
        match job.status {
            Status::Completed => return Ok(Ended::Well),
            Status::Failed | Status::Cancelled => return Ok(Ended::JobFailed),
            Status::Queued | Status::Processing => {}
        }
        tokio::time::sleep(Duration::from_secs(every)).await;
    }
}
