//! `longhaul jobs`: lists, shows, cancels, retries and watches jobs of any user.
//!
//! Queries are printed only with `--with-query`. A job changes by the same conditional write as everywhere
//! else.

mod cancel;
mod list;
mod render;
mod retry;
mod retry_failed;
mod show;
mod watch;

use anyhow::Result;
use clap::{ArgGroup, Args, Subcommand};
use longhaul_shared::domain::ids::JobId;

use crate::exit_status::ExitStatus;
use crate::jobs::list::ListFilter;
use crate::jobs::retry_failed::FailedFilter;
use crate::target::Target;

/// The caller's name in the logs of AWS calls.
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
    /// Lists open jobs, oldest first, or a user's jobs, newest first.
    List {
        #[command(flatten)]
        filter: ListFilter,
        #[command(flatten)]
        target: Target,
    },
    /// Prints a job's row, its event log and its checkpoints, without the query and the result.
    Show {
        /// Id of the job.
        #[arg(value_parser = parse_job_id)]
        job: JobId,
        /// Print the query and its parameters too.
        #[arg(long)]
        with_query: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Cancels a job: a queued one never runs, a running one is stopped.
    Cancel {
        /// Id of the job.
        #[arg(value_parser = parse_job_id)]
        job: JobId,
        #[command(flatten)]
        target: Target,
    },
    /// Starts a new run of a failed job, with all its attempts, or of all that match: also of those whose dead letters
    /// are lost.
    #[command(group = ArgGroup::new("retried").required(true).args(["job", "user", "scan"]))]
    Retry {
        /// Id of the job.
        #[arg(value_parser = parse_job_id, conflicts_with_all = ["kind", "code", "newer_than", "rate", "yes"])]
        job: Option<JobId>,
        #[command(flatten)]
        filter: FailedFilter,
        /// Discard the jobs' checkpoints.
        #[arg(long)]
        from_start: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Prints a job's progress until it ends. Exits with 0 if the job completed, otherwise with 1.
    Watch {
        /// Id of the job.
        #[arg(value_parser = parse_job_id)]
        job: JobId,
        /// Seconds between two reads of the job's row.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=3600))]
        every: u64,
        #[command(flatten)]
        target: Target,
    },
}

impl Jobs {
    pub async fn run(self) -> Result<ExitStatus> {
        let json = self.json;
        match self.command {
            Command::List { filter, target } => {
                list::run(&target.open(CALLER).await?, &filter, json).await
            }
            Command::Show {
                job,
                with_query,
                target,
            } => show::run(&target.open(CALLER).await?, job, with_query, json).await,
            Command::Cancel { job, target } => {
                cancel::run(&target.open(CALLER).await?, job, json).await
            }
            Command::Retry {
                job,
                filter,
                from_start,
                target,
            } => match job {
                Some(job) => retry::run(&target, job, from_start, json).await,
                None => {
                    let aws = target.open(CALLER).await?;
                    retry_failed::run(&aws, &filter, from_start, json).await
                }
            },
            Command::Watch { job, every, target } => {
                let jobs = target.open(CALLER).await?.jobs();
                watch::run(&jobs, job, every, json).await
            }
        }
    }
}

fn parse_job_id(text: &str) -> Result<JobId, String> {
    JobId::parse(text).ok_or_else(|| "a job id is a UUID in its hyphenated form".to_owned())
}
