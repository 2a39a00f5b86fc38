//! `longhaul dlq`: lists the dead letters of failed jobs, plans and applies their replay, and purges dead letters.
//!
//! Each command reads the whole dead-letter queue, which hides its messages from other readers meanwhile, and
//! releases what it does not delete. Only `apply` and `purge` change anything.

mod access;
mod apply;
mod filter;
mod list;
mod plan;
mod purge;
mod render;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::{Args, Subcommand};

use crate::dlq::access::Access;
use crate::dlq::apply::PlanRunner;
use crate::dlq::filter::Filter;
use crate::dlq::plan::Plan;
use crate::exit_status::ExitStatus;
use crate::target::Target;

#[derive(Args)]
pub struct Dlq {
    #[command(subcommand)]
    command: Command,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Lists the dead letters.
    List {
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        target: Target,
    },
    /// Prints the dead letters of a job, or one message.
    Show {
        /// Job id or message id.
        id: String,
        #[command(flatten)]
        target: Target,
    },
    /// Writes a plan of what `apply` will do. Changes nothing.
    Plan {
        /// File to write. Default: dlq-plan-<time>.json in the current folder.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        target: Target,
    },
    /// Replays the jobs of a plan. Each runs once, however often the plan is applied.
    Apply {
        /// File of the plan.
        plan: PathBuf,
        /// Discard the jobs' checkpoints.
        #[arg(long)]
        from_start: bool,
        /// Maximum number of jobs a second.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        rate: u32,
        #[command(flatten)]
        target: Target,
    },
    /// Deletes dead letters without replaying their jobs.
    Purge {
        /// Message id, of a readable message or not. Repeatable.
        #[arg(long = "message", value_name = "ID", conflicts_with_all = ["job", "user", "kind", "code", "older_than", "newer_than", "text"])]
        messages: Vec<String>,
        /// Confirm the deletion of every dead letter that matches the filter.
        #[arg(long, conflicts_with = "messages")]
        yes: bool,
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        target: Target,
    },
}

impl Dlq {
    pub async fn run(self) -> Result<ExitStatus> {
        let json = self.json;
        match self.command {
            Command::List { filter, target } => list::list(&target, &filter, json).await,
            Command::Show { id, target } => list::show(&target, &id, json).await,
            Command::Plan {
                out,
                filter,
                target,
            } => list::plan(&target, &filter, out, json).await,
            Command::Apply {
                plan,
                from_start,
                rate,
                target,
            } => {
                let access = &Access::open(&target).await?;
                let plan = Plan::read(&plan, &access.queue_arn)?;
                let runner = PlanRunner {
                    access,
                    from_start,
                    rate,
                };
                Ok(runner.run(&plan).await?.print(json))
            }
            Command::Purge {
                messages,
                yes,
                filter,
                target,
            } => {
                ensure!(
                    !messages.is_empty() || !filter.is_empty(),
                    "select the letters to delete with --message ID or a filter"
                );
                purge::run(&target, &messages, &filter, yes, json).await
            }
        }
    }
}
