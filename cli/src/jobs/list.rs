//! Which jobs are listed, and by which index; the whole table is read only where that is said.

use anyhow::{Context, Result, ensure};
use clap::Args;
use longhaul_shared::job::{Job, OPEN_SHARDS, Status};
use longhaul_shared::jobs::Jobs;
use longhaul_shared::time;
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

/// The jobs that were found, and whether there may be more of them.
struct Found {
    jobs: Vec<Job>,
    more: bool,
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
        open(&jobs, listing).await?
    };
    if json {
        let jobs: Vec<_> = found.jobs.iter().map(shown::json).collect();
        let listed = json!({"jobs": jobs, "more": found.more});
        println!("{}", serde_json::to_string_pretty(&listed)?);
    } else if !found.jobs.is_empty() {
        print!("{}", shown::table(&found.jobs, time::now()));
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

async fn of_user(jobs: &Jobs, user: &str, listing: &Listing) -> Result<Found> {
    let mut found = Found::none();
    let mut start = None;
    loop {
        let page = jobs.of_user(user, start).await?;
        found.take(page.jobs, listing);
        start = page.next;
        if start.is_none() || found.more {
            return Ok(found);
        }
    }
}

/// The oldest of every shard, and of these the oldest.
async fn open(jobs: &Jobs, listing: &Listing) -> Result<Found> {
    // A function's clock may be ahead of this one.
    let before = time::now() + std::time::Duration::from_secs(3600);
    let mut all = Found::none();
    for shard in 0..OPEN_SHARDS {
        let mut found = Found::none();
        let mut start = None;
        loop {
            let (mut page, next) = jobs.still_open(shard, before, start).await?;
            page.sort_by_key(|job| (job.created_at, job.id));
            found.take(page, listing);
            start = next;
            if start.is_none() || found.more {
                break;
            }
        }
        all.more |= found.more;
        all.jobs.extend(found.jobs);
    }
    all.jobs.sort_by_key(|job| (job.created_at, job.id));
    all.more |= all.jobs.len() > listing.limit as usize;
    all.jobs.truncate(listing.limit as usize);
    Ok(all)
}

async fn everywhere(jobs: &Jobs, listing: &Listing) -> Result<Found> {
    let mut found = Found::none();
    let (mut start, mut units) = (None, 0.0);
    loop {
        let page = jobs.scan(start).await?;
        units += page.read_units;
        found.take(page.jobs, listing);
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

impl Found {
    fn none() -> Self {
        Self {
            jobs: vec![],
            more: false,
        }
    }

    /// Takes of these what was asked for, up to the limit.
    fn take(&mut self, jobs: Vec<Job>, listing: &Listing) {
        let now = time::now();
        let asked = |job: &Job| {
            listing.status.is_none_or(|status| status == job.status)
                && listing.kind.as_ref().is_none_or(|kind| *kind == job.kind)
                && job.expires_at > now
        };
        for job in jobs.into_iter().filter(asked) {
            if self.jobs.len() == listing.limit as usize {
                self.more = true;
                return;
            }
            self.jobs.push(job);
        }
    }
}

fn status(text: &str) -> Result<Status, String> {
    Status::parse(text).ok_or_else(|| {
        let all = Status::ALL.map(Status::as_str);
        format!("one of {}", all.join(", "))
    })
}
