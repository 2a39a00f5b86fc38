//! Checks the open jobs: whether workers claim them, whether leases are renewed, whether deadlines are kept.

use std::time::Duration;

use anyhow::Result;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::query::QueryError;
use longhaul_shared::aws::item::Attributes;
use longhaul_shared::clock;
use longhaul_shared::domain::job::{Job, OPEN_SHARDS, Status};

use super::failed_call;
use super::finding::{CHANGED, Findings, RESTORE};
use crate::target::AwsContext;
use crate::terminal::elapsed;

/// The sweep runs every minute, so what is overdue for longer than two was not swept.
const SWEEP_GRACE: Duration = Duration::from_secs(120);
/// A queued job without a change for longer than this is a warning.
const MAX_QUEUE_WAIT: Duration = Duration::from_secs(15 * 60);
/// Maximum number of pages of 100 jobs read from each shard of the index.
const MAX_PAGES: usize = 20;

#[derive(Default)]
struct OpenJobs {
    all: Vec<Job>,
    more: bool,
}

pub async fn check(aws: &AwsContext, findings: &mut Findings) -> Result<()> {
    let open = match read_open(aws).await {
        Ok(open) => open,
        Err(error) => {
            match error.downcast_ref::<SdkError<QueryError, HttpResponse>>() {
                Some(refused) if failed_call::is_denied(refused) => {
                    let (found, advice) = failed_call::explain(refused, "dynamodb:Query");
                    findings.warn("open jobs", found, &advice, "");
                }
                _ => {
                    let found = format!("listing failed: {error:#}");
                    findings.fail("open jobs", found, RESTORE, CHANGED);
                }
            }
            return Ok(());
        }
    };
    let now = clock::now();
    let count = |of: &dyn Fn(&Job) -> bool| open.all.iter().filter(|job| of(job)).count();
    let processing = |job: &Job| job.status == Status::Processing;
    let running = count(&processing);
    let at_least = if open.more { "at least " } else { "" };
    let found = format!("{at_least}{} ({running} running)", open.all.len());
    findings.ok("open jobs", found);

    let stuck = "Stuck jobs";
    let dead = |job: &Job| {
        job.lease_until
            .is_some_and(|until| until + SWEEP_GRACE < now)
    };
    let lapsed = count(&|job| processing(job) && dead(job));
    let late = count(&|job| !job.status.is_terminal() && job.deadline + SWEEP_GRACE < now);
    let waits = |job: &&Job| job.status == Status::Queued;
    let oldest = open
        .all
        .iter()
        .filter(waits)
        .map(|job| job.updated_at)
        .min();
    if lapsed + late > 0 {
        let found =
            format!("{lapsed} past their lease and {late} past their deadline for two minutes");
        findings.warn("leases", found, "check whether the sweep runs", stuck);
    } else {
        findings.ok("leases", "none is past its lease or its deadline");
    }
    match oldest {
        Some(since) if since + MAX_QUEUE_WAIT < now => {
            let found = format!("the oldest has waited for {}", elapsed(since, now));
            findings.warn(
                "waiting jobs",
                found,
                "check whether workers claim jobs",
                stuck,
            );
        }
        Some(since) => findings.ok(
            "waiting jobs",
            format!("the oldest has waited for {}", elapsed(since, now)),
        ),
        None => findings.ok("waiting jobs", "none"),
    }
    Ok(())
}

async fn read_open(aws: &AwsContext) -> Result<OpenJobs> {
    let jobs = aws.jobs();
    let mut open = OpenJobs::default();
    for shard in 0..OPEN_SHARDS {
        let mut start: Option<Attributes> = None;
        for page in 0.. {
            let (found, next) = jobs.open_in_shard(shard, clock::now(), start).await?;
            open.all.extend(found);
            start = next;
            if start.is_none() {
                break;
            }
            if page == MAX_PAGES {
                open.more = true;
                break;
            }
        }
    }
    Ok(open)
}
