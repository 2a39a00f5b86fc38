//! Starts a new run of all failed jobs that match, found by their rows.
//!
//! It needs no dead letters, so it is the way back where they are lost. Jobs that were rejected, cancelled or late are not
//! retried: they leave no dead letter either.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use longhaul_shared::clock;
use longhaul_shared::domain::job::{Job, Outcome, Status};
use longhaul_shared::orchestration::job_replayer::ReplayOutcome;
use serde_json::json;
use tokio::time::{Instant, sleep_until};

use super::{list, render};
use crate::exit_status::ExitStatus;
use crate::target::AwsContext;
use crate::terminal::parse_duration;

/// Jobs retried in parallel, within the rate.
const PARALLEL_RETRIES: usize = 16;

/// Selects failed jobs that match every given option.
#[derive(Args)]
pub struct FailedFilter {
    /// User id; selects that user's failed jobs.
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Select from the whole jobs table, since no index lists failed jobs. It is billed by the table's size, and the
    /// estimated cost is printed first.
    #[arg(long)]
    scan: bool,
    /// Kind of the jobs.
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Error code of the jobs, such as TIMEOUT, in upper or lower case.
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
    /// Maximum time since the job failed, such as 90s, 15m, 2h or 7d.
    #[arg(long, value_name = "AGE", value_parser = parse_duration)]
    newer_than: Option<Duration>,
    /// Maximum number of jobs a second.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// Confirm the retry of every job that matches.
    #[arg(long)]
    yes: bool,
}

impl FailedFilter {
    fn matches(&self, job: &Job, now: Timestamp) -> bool {
        let Some(Outcome::Failed(error)) = &job.outcome else {
            return false;
        };
        let is_code = |code: &String| code.eq_ignore_ascii_case(&error.code);
        let is_newer = |age: Duration| job.finished_at.is_some_and(|at| at + age >= now);
        job.status == Status::Failed
            && job.is_dead_letter()
            && job.expires_at > now
            && self.kind.as_ref().is_none_or(|kind| *kind == job.kind)
            && self.code.as_ref().is_none_or(is_code)
            && self.newer_than.is_none_or(is_newer)
    }
}

pub async fn run(
    aws: &AwsContext,
    filter: &FailedFilter,
    from_start: bool,
    json: bool,
) -> Result<ExitStatus> {
    let (jobs, now) = (aws.jobs(), clock::now());
    let matches = |job: &Job| filter.matches(job, now);
    let found = match &filter.user {
        Some(user) => list::by_user(&jobs, user, matches, usize::MAX).await?,
        None => {
            list::print_scan_cost(aws).await?;
            list::scan(&jobs, matches, usize::MAX).await?
        }
    };
    let failed = found.jobs;
    if failed.is_empty() {
        eprintln!("longhaul: no failed job matches");
        return Ok(ExitStatus::NotFound);
    }
    if !filter.yes && !json {
        print!("{}", render::table(&failed, now));
    }
    let count = failed.len();
    ensure!(
        filter.yes,
        "this starts a new run of {count} jobs; add --yes to confirm"
    );
    let (mut retried, mut superseded) = (0, 0);
    let all = retry_all(
        aws,
        &failed,
        filter.rate,
        from_start,
        |outcome| match outcome {
            ReplayOutcome::Started(_) => retried += 1,
            ReplayOutcome::Superseded(_) => superseded += 1,
        },
    );
    all.await
        .with_context(|| "stopped; the same command continues with the jobs that are left")?;
    if json {
        println!("{}", json!({"retried": retried, "superseded": superseded}));
    } else {
        println!("{retried} queued again, {superseded} changed meanwhile.");
    }
    Ok(ExitStatus::Success)
}

/// Retries the jobs, no faster than the rate. A job that is no longer in its failed run is left as it is.
async fn retry_all(
    aws: &AwsContext,
    failed: &[Job],
    rate: u32,
    from_start: bool,
    mut count: impl FnMut(ReplayOutcome),
) -> Result<()> {
    let replayer = &aws.job_replayer().await?;
    let (start, interval) = (Instant::now(), Duration::from_secs(1) / rate);
    let retries = (0u32..).zip(failed).map(async |(n, job)| {
        sleep_until(start + interval * n).await;
        let retried = replayer.replay(job, job.replays, from_start, clock::now());
        retried.await.with_context(|| format!("job {}", job.id))
    });
    let mut retries = stream::iter(retries).buffer_unordered(PARALLEL_RETRIES);
    while let Some(retried) = retries.next().await {
        count(retried?);
    }
    Ok(())
}
