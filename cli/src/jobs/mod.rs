//! `longhaul jobs`: any user's jobs, for whoever runs the stack: found, looked at, ended, run again.
//!
//! What a user asked is printed only if it is asked for. A job changes here as it does everywhere:
//! by its one conditional write.

mod list;
mod shown;
mod watch;

use std::time::Duration;

use anyhow::Result;
use clap::{Args, Subcommand};
use jiff::SignedDuration;
use longhaul_shared::clock;
use longhaul_shared::domain::ids::JobId;
use longhaul_shared::domain::job::{Job, OPERATOR, Status};
use longhaul_shared::orchestration::job_replayer::ReplayOutcome;
use longhaul_shared::store::jobs::CommitOutcome;
use serde_json::json;

use crate::Ended;
use crate::jobs::list::Listing;
use crate::target::{Site, Target};

/// As which the calls of these commands show in logs.
const CALLER: &str = "longhaul-jobs";

#[derive(Args)]
pub struct Jobs {
    #[command(subcommand)]
    command: Command,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Lists the open jobs, oldest first; or a user's jobs, newest first.
    List {
        #[command(flatten)]
        listing: Listing,
        #[command(flatten)]
        target: Target,
    },
    /// Prints a job's row, its event log and the steps it kept; not what was asked or answered.
    Show {
        #[arg(value_parser = id)]
        job: JobId,
        /// Print what its user asked too.
        #[arg(long)]
        with_query: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Ends a job as its owner's cancel does: a queued one never runs, a running one is stopped.
    Cancel {
        #[arg(value_parser = id)]
        job: JobId,
        #[command(flatten)]
        target: Target,
    },
    /// Runs a failed job again, with all its attempts.
    Retry {
        #[arg(value_parser = id)]
        job: JobId,
        /// Forget the steps that it kept.
        #[arg(long)]
        from_start: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Prints a job's progress until it ends; the exit code is 0 if it completed and else 1.
    Watch {
        #[arg(value_parser = id)]
        job: JobId,
        /// Seconds between two looks at its row.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=3600))]
        every: u64,
        #[command(flatten)]
        target: Target,
    },
}

impl Jobs {
    pub async fn run(self) -> Result<Ended> {
        let json = self.json;
        match self.command {
            Command::List { listing, target } => {
                list::run(&target.site(CALLER).await?, &listing, json).await
            }
            Command::Show {
                job,
                with_query,
                target,
            } => show(&target.site(CALLER).await?, job, with_query, json).await,
            Command::Cancel { job, target } => cancel(&target.site(CALLER).await?, job, json).await,
            Command::Retry {
                job,
                from_start,
                target,
            } => retry(&target.site(CALLER).await?, job, from_start, json).await,
            Command::Watch { job, every, target } => {
                let jobs = target.site(CALLER).await?.jobs()?;
                watch::run(&jobs, job, every, json).await
            }
        }
    }
}

async fn show(site: &Site, id: JobId, with_query: bool, json: bool) -> Result<Ended> {
    let Some(job) = site.jobs()?.get(id).await? else {
        return Ok(nothing(id));
    };
    let events = site.events().await?;
    let log = events.listing(&job).await?;
    let input = match with_query {
        true => Some(events.input(&job).await?.unwrap_or(job.input.clone())),
        false => None,
    };
    if json {
        let mut shown = shown::json(&job);
        shown["log"] = log.iter().map(shown::entry).collect();
        if let Some(input) = input {
            shown["query"] = input.query.into();
            shown["params"] = input.params.into();
        }
        println!("{}", serde_json::to_string_pretty(&shown)?);
    } else {
        print!("{}", shown::whole(&job, &log, input.as_ref()));
    }
    Ok(Ended::Well)
}

async fn cancel(site: &Site, id: JobId, json: bool) -> Result<Ended> {
    let jobs = site.jobs()?;
    let Some(job) = jobs.get(id).await? else {
        return Ok(nothing(id));
    };
    // An open job's row expires so long after its deadline, to the second below.
    let retention = job.expires_at.duration_since(job.deadline);
    let retention = retention.max(SignedDuration::ZERO).unsigned_abs();
    let retention = Duration::from_secs((retention.as_millis() as u64).div_ceil(1000));
    let now = clock::now();
    let cancel = Job::cancel_as(OPERATOR.to_owned(), job.owner, now, retention);
    let cancelled = match jobs.commit(id, &cancel).await? {
        CommitOutcome::Applied(job) => *job,
        // The SDK sends a cancel again whose answer it lost; the second then meets the first.
        CommitOutcome::Refused(Some(job))
            if job.status == Status::Cancelled && job.finished_at == Some(now) =>
        {
            *job
        }
        CommitOutcome::Refused(Some(job)) => return Ok(unchanged(&job, "was not cancelled", json)),
        CommitOutcome::Refused(None) => return Ok(nothing(id)),
    };
    let announced = match site.announcer().await? {
        Some(announcer) => announcer.notify(cancelled, now).await.is_ok(),
        None => false,
    };
    if json {
        println!(
            "{}",
            json!({"jobId": id.to_string(), "changed": true, "status": "cancelled", "announced": announced})
        );
    } else if announced {
        println!("{id} is cancelled, and its followers know.");
    } else {
        println!("{id} is cancelled; the sweep tells its followers, within two minutes.");
    }
    Ok(Ended::Well)
}

async fn retry(site: &Site, id: JobId, from_start: bool, json: bool) -> Result<Ended> {
    let replays = site.replays().await?;
    let Some(job) = replays.jobs.get(id).await? else {
        return Ok(nothing(id));
    };
    match replays
        .run(&job, job.replays, from_start, clock::now())
        .await?
    {
        ReplayOutcome::Anew(_) => {}
        ReplayOutcome::Elsewhere(Some(job)) => {
            return Ok(unchanged(&job, "was not retried", json));
        }
        ReplayOutcome::Elsewhere(None) => return Ok(nothing(id)),
    }
    if json {
        println!(
            "{}",
            json!({"jobId": id.to_string(), "changed": true, "status": "queued", "run": job.replays + 1})
        );
    } else {
        println!("{id} is queued again, as run {}.", job.replays + 1);
        if job.is_dead_letter() {
            println!("Its dead letter is stale now; the next plan of `longhaul dlq` deletes it.");
        }
    }
    Ok(Ended::Well)
}

/// Says that the job stands where this command does nothing.
fn unchanged(job: &Job, what: &str, json: bool) -> Ended {
    let (id, status) = (job.id, job.status.as_str());
    if json {
        println!(
            "{}",
            json!({"jobId": id.to_string(), "changed": false, "status": status})
        );
    } else {
        println!("{id} {what}: it is {status}.");
    }
    Ended::Partly
}

fn nothing(id: JobId) -> Ended {
    eprintln!("longhaul: there is no job {id}");
    Ended::Nothing
}

fn id(text: &str) -> Result<JobId, String> {
    JobId::parse(text).ok_or_else(|| "a job's id is a UUID".to_owned())
}
