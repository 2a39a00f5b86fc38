//! Polls a job's row until the job ends. Each poll costs one read unit.

use std::time::Duration;

use anyhow::Result;
use longhaul_shared::domain::ids::JobId;
use longhaul_shared::domain::job::Status;
use longhaul_shared::store::jobs::Jobs;

use super::render;
use crate::exit_status::ExitStatus;
use crate::output;
use crate::terminal::printable;

pub async fn run(jobs: &Jobs, id: JobId, every: u64, json: bool) -> Result<ExitStatus> {
    let mut printed_seq = None;
    loop {
        let Some(job) = jobs.get(id).await? else {
            return Ok(render::not_found(id));
        };
        if printed_seq.replace(job.seq) != Some(job.seq) {
            let (at, status) = (job.updated_at, job.status.as_str());
            if json {
                println!("{}", render::job_json(&job));
            } else if job.status.is_terminal() {
                println!("{at:.3}  {status}: {}", render::outcome(&job));
            } else {
                let message = printable(&job.message);
                println!("{at:.3}  {status} {:>3}%  {message}", job.progress);
            }
        }
        match job.status {
            Status::Completed => return Ok(ExitStatus::Success),
            Status::Failed | Status::Cancelled => return Ok(ExitStatus::JobFailed),
            Status::Queued | Status::Processing if output::is_closed() => {
                return Ok(ExitStatus::Partial);
            }
            Status::Queued | Status::Processing => {}
        }
        tokio::time::sleep(Duration::from_secs(every)).await;
    }
}
