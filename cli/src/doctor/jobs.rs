//! The open jobs: whether they are taken, whether their workers live, whether they end in time.

use std::time::Duration;

use anyhow::Result;
use longhaul_shared::aws::item::Attributes;
use longhaul_shared::clock;
use longhaul_shared::domain::job::{Job, OPEN_SHARDS, Status};

use super::finding::{CHANGED, Findings, MEND};
use crate::target::Site;
use crate::terminal::ago;

/// The sweep runs each minute; what it has not seen to after two, it can't.
const SWEPT: Duration = Duration::from_secs(120);
/// A queued job that nothing was said of for so long.
const LATE: Duration = Duration::from_secs(15 * 60);
/// Pages of 100 of each shard: who has more open jobs than this knows it already.
const PAGES: usize = 20;

#[derive(Default)]
struct Open {
    all: Vec<Job>,
    more: bool,
}

pub async fn check(site: &Site, findings: &mut Findings) -> Result<()> {
    let open = match read(site).await {
        Ok(open) => open,
        Err(error) => {
            let found = format!("they can't be listed: {error:#}");
            findings.fail("open jobs", found, MEND, CHANGED);
            return Ok(());
        }
    };
    let now = clock::now();
    let count = |of: &dyn Fn(&Job) -> bool| open.all.iter().filter(|job| of(job)).count();
    let processing = |job: &Job| job.status == Status::Processing;
    let running = count(&processing);
    let at_least = if open.more { "at least " } else { "" };
    let found = format!("{at_least}{}, of which {running} run", open.all.len());
    findings.ok("open jobs", found);

    let stuck = "Stuck jobs";
    let dead = |job: &Job| job.lease_until.is_some_and(|until| until + SWEPT < now);
    let lapsed = count(&|job| processing(job) && dead(job));
    let late = count(&|job| !job.status.is_terminal() && job.deadline + SWEPT < now);
    let waits = |job: &&Job| job.status == Status::Queued;
    let oldest = open
        .all
        .iter()
        .filter(waits)
        .map(|job| job.updated_at)
        .min();
    if lapsed + late > 0 {
        let found = format!("{lapsed} past their lease, {late} past their deadline, for minutes");
        findings.warn("leases", found, "see whether the sweep runs", stuck);
    } else {
        findings.ok("leases", "none is past its lease or its deadline");
    }
    match oldest {
        Some(since) if since + LATE < now => {
            let found = format!("the oldest waits for {}", ago(since, now));
            findings.warn(
                "waiting jobs",
                found,
                "see whether workers take jobs",
                stuck,
            );
        }
        Some(since) => findings.ok(
            "waiting jobs",
            format!("the oldest for {}", ago(since, now)),
        ),
        None => findings.ok("waiting jobs", "none"),
    }
    Ok(())
}

async fn read(site: &Site) -> Result<Open> {
    let jobs = site.jobs()?;
    let mut open = Open::default();
    for shard in 0..OPEN_SHARDS {
        let mut start: Option<Attributes> = None;
        for page in 0.. {
            let (found, next) = jobs.still_open(shard, clock::now(), start).await?;
            open.all.extend(found);
            start = next;
            if start.is_none() {
                break;
            }
            if page == PAGES {
                open.more = true;
                break;
            }
        }
    }
    Ok(open)
}
