//! Lists jobs by an index, or by a scan of the whole table where that is requested.

use anyhow::{Context, Result, ensure};
use clap::Args;
use longhaul_shared::clock;
use longhaul_shared::domain::job::{Job, Status};
use longhaul_shared::domain::job_list::FoundJobs;
use longhaul_shared::store::jobs::Jobs;
use serde_json::json;

use crate::cost::prices;
use crate::exit_status::ExitStatus;
use crate::jobs::render;
use crate::target::AwsContext;

#[derive(Args)]
pub struct ListFilter {
    /// User id; lists that user's jobs, newest first, ended ones too.
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Status: queued, processing, completed, failed or cancelled. Ended jobs need --user or --scan, since
    /// no index lists all of them.
    #[arg(long, value_name = "STATUS", value_parser = parse_status)]
    status: Option<Status>,
    /// Kind of the jobs.
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Maximum number of jobs.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    /// Read the whole jobs table, in no order. It is billed by the table's size: half a read unit for each
    /// 4 KB. The estimated cost is printed first.
    #[arg(long, conflicts_with = "user")]
    scan: bool,
}

pub async fn run(aws: &AwsContext, filter: &ListFilter, json: bool) -> Result<ExitStatus> {
    let jobs = aws.jobs();
    let found = if let Some(user) = &filter.user {
        by_user(&jobs, user, |job| filter.matches(job), filter.limit()).await?
    } else if filter.scan {
        print_scan_cost(aws).await?;
        scan(&jobs, |job| filter.matches(job), filter.limit()).await?
    } else {
        let ended = filter.status.filter(|status| status.is_terminal());
        ensure!(
            ended.is_none(),
            "no index lists all ended jobs; add --user USER, or --scan to read the whole table"
        );
        let matches = |job: &Job| filter.matches(job);
        jobs.oldest_open(matches, filter.limit(), usize::MAX, clock::now())
            .await?
    };
    if json {
        let jobs: Vec<_> = found.jobs.iter().map(render::job_json).collect();
        let listed = json!({"jobs": jobs, "more": found.more});
        println!("{}", serde_json::to_string_pretty(&listed)?);
    } else if found.jobs.is_empty() {
        println!("{}", filter.none_found());
    } else {
        print!("{}", render::table(&found.jobs, clock::now()));
        if found.more {
            println!("There are more jobs than --limit {}.", filter.limit);
        }
    }
    Ok(ExitStatus::Success)
}

/// At most `limit` jobs of a user that match, newest first.
pub async fn by_user(
    jobs: &Jobs,
    user: &str,
    matches: impl Fn(&Job) -> bool,
    limit: usize,
) -> Result<FoundJobs> {
    let mut found = FoundJobs::default();
    let mut start = None;
    loop {
        let page = jobs.of_user(user, start).await?;
        found.add(page.jobs, &matches, limit);
        start = page.next;
        if start.is_none() || found.more {
            return Ok(found);
        }
    }
}

/// At most `limit` jobs of the whole table that match. Prints what reading it was billed.
pub async fn scan(jobs: &Jobs, matches: impl Fn(&Job) -> bool, limit: usize) -> Result<FoundJobs> {
    let mut found = FoundJobs::default();
    let (mut start, mut units) = (None, 0.0);
    loop {
        let page = jobs.scan(start).await?;
        units += page.read_units;
        found.add(page.jobs, &matches, limit);
        start = page.next;
        if start.is_none() || found.more {
            break;
        }
    }
    eprintln!("longhaul: {units} read units were billed");
    Ok(found)
}

/// Prints what reading the whole table will cost.
pub async fn print_scan_cost(aws: &AwsContext) -> Result<()> {
    let describe = aws
        .dynamo
        .describe_table()
        .table_name(aws.resource_name("jobs"));
    let response = describe.send().await;
    let response = response.map_err(|error| error.into_service_error());
    let table = response.context("describing the jobs table")?.table;
    let bytes = table.and_then(|table| table.table_size_bytes).unwrap_or(0);
    let units = (bytes as f64 / 8192.0).ceil();
    let dollars = prices::READ_UNITS.cost(units);
    eprintln!(
        "longhaul: reading the whole table of {bytes} bytes (DynamoDB counts them every six hours): \
         about {units} read units, {dollars:.4} USD"
    );
    Ok(())
}

impl ListFilter {
    fn matches(&self, job: &Job) -> bool {
        self.status.is_none_or(|status| status == job.status)
            && self.kind.as_ref().is_none_or(|kind| *kind == job.kind)
            && job.expires_at > clock::now()
    }

    /// What an empty list says.
    fn none_found(&self) -> &'static str {
        let is_filtered = self.user.is_some() || self.status.is_some() || self.kind.is_some();
        match (is_filtered, self.scan) {
            (true, _) => "No job matches.",
            (false, true) => "The table has no job.",
            (false, false) => "No job is open.",
        }
    }

    fn limit(&self) -> usize {
        self.limit as usize
    }
}

fn parse_status(text: &str) -> Result<Status, String> {
    Status::parse(&text.to_ascii_lowercase()).ok_or_else(|| {
        let all = Status::ALL.map(Status::as_str);
        format!("expected one of {}", all.join(", "))
    })
}
