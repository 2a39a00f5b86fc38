//! Which jobs are listed, and by which index; the whole table is read only where that is said.

use anyhow::{Context, Result, ensure};
use clap::Args;
use longhaul_shared::clock;
use longhaul_shared::domain::job::{Job, Status};
use longhaul_shared::store::jobs::{FoundJobs, Jobs};
use serde_json::json;

use crate::Ended;
use crate::cost::prices;
use crate::jobs::shown;
use crate::target::Site;

/// Which jobs.
#[derive(Args)]
pub struct Listing {
    /// This user's jobs, newest first, ended ones too.
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// In this state: queued, processing, completed, failed, cancelled. Ended jobs stand in no index
    /// but their user's.
    #[arg(long, value_name = "STATUS", value_parser = status)]
    status: Option<Status>,
    /// Of this kind.
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// So many at most.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    /// Read the whole table of jobs, in no order. It is billed by the table's size, half a read unit
    /// for each 4 KB; how much that is about, is said first.
    #[arg(long, conflicts_with = "user")]
    scan: bool,
}

pub async fn run(site: &Site, listing: &Listing, json: bool) -> Result<Ended> {
    let jobs = site.jobs()?;
    let found = if let Some(user) = &listing.user {
        of_user(&jobs, user, listing).await?
    } else if listing.scan {
        announce_scan(site).await?;
        everywhere(&jobs, listing).await?
    } else {
        let ended = listing.status.filter(|status| status.is_terminal());
        ensure!(
            ended.is_none(),
            "no index lists all ended jobs: say --user USER, or --scan to read the whole table"
        );
        let wanted = |job: &Job| listing.wants(job);
        jobs.oldest_open(wanted, listing.limit(), usize::MAX, clock::now())
            .await?
    };
    if json {
        let jobs: Vec<_> = found.jobs.iter().map(shown::json).collect();
        let listed = json!({"jobs": jobs, "more": found.more});
        println!("{}", serde_json::to_string_pretty(&listed)?);
    } else if !found.jobs.is_empty() {
        print!("{}", shown::table(&found.jobs, clock::now()));
        if found.more {
            println!("There are more; --limit {} lists these.", listing.limit);
        }
    }
    if found.jobs.is_empty() {
        eprintln!("longhaul: there is no such job");
        return Ok(Ended::Nothing);
    }
    Ok(Ended::Well)
}

async fn of_user(jobs: &Jobs, user: &str, listing: &Listing) -> Result<FoundJobs> {
    let mut found = FoundJobs::default();
    let mut start = None;
    loop {
        let page = jobs.of_user(user, start).await?;
        found.add(page.jobs, |job| listing.wants(job), listing.limit());
        start = page.next;
        if start.is_none() || found.more {
            return Ok(found);
        }
    }
}

async fn everywhere(jobs: &Jobs, listing: &Listing) -> Result<FoundJobs> {
    let mut found = FoundJobs::default();
    let (mut start, mut units) = (None, 0.0);
    loop {
        let page = jobs.scan(start).await?;
        units += page.read_units;
        found.add(page.jobs, |job| listing.wants(job), listing.limit());
        start = page.next;
        if start.is_none() || found.more {
            break;
        }
    }
    eprintln!("longhaul: {units} read units were billed");
    Ok(found)
}

async fn announce_scan(site: &Site) -> Result<()> {
    let describe = site.dynamo.describe_table().table_name(site.named("jobs"));
    let answer = describe.send().await;
    let answer = answer.map_err(|error| error.into_service_error());
    let table = answer.context("asking about the table of jobs")?.table;
    let bytes = table.and_then(|table| table.table_size_bytes).unwrap_or(0);
    let units = (bytes as f64 / 8192.0).ceil();
    let dollars = prices::READ_UNITS.of(units);
    eprintln!(
        "longhaul: reading the whole table, {bytes} bytes by DynamoDB's last count (each six hours): \
         about {units} read units, {dollars:.4} USD"
    );
    Ok(())
}

impl Listing {
    fn wants(&self, job: &Job) -> bool {
        self.status.is_none_or(|status| status == job.status)
            && self.kind.as_ref().is_none_or(|kind| *kind == job.kind)
            && job.expires_at > clock::now()
    }

    fn limit(&self) -> usize {
        self.limit as usize
    }
}

fn status(text: &str) -> Result<Status, String> {
    Status::parse(text).ok_or_else(|| {
        let all = Status::ALL.map(Status::as_str);
        format!("one of {}", all.join(", "))
    })
}
