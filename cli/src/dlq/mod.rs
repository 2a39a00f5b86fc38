//! `longhaul dlq`: for whoever is on call, what failed for good, why, and how it runs again.
//!
//! Each command reads the whole dead-letter queue, which hides its messages from other readers for
//! as long, and gives back what it does not delete. Only `apply` and `purge` change anything.

mod access;
mod apply;
mod filter;
mod plan;
mod shown;

use std::collections::HashSet;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::{Args, Subcommand};
use longhaul_shared::clock;
use longhaul_shared::messaging::dead_letters::{FailedRuns, Message, Resolution};
use serde_json::json;

use crate::Ended;
use crate::dlq::access::Access;
use crate::dlq::apply::{Applied, Applying};
use crate::dlq::filter::Filter;
use crate::dlq::plan::Plan;
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
    /// Lists what is on the dead-letter queue.
    List {
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        target: Target,
    },
    /// Prints all that is known of one job, or of one message.
    Show {
        /// The job's id, or the message's.
        id: String,
        #[command(flatten)]
        target: Target,
    },
    /// Writes down what applying it would do, and changes nothing.
    Plan {
        /// The file to write; a new one in this folder if left out.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        target: Target,
    },
    /// Runs the jobs of a plan again, each once however often it is applied.
    Apply {
        plan: PathBuf,
        /// Forget the steps that the jobs kept.
        #[arg(long)]
        from_start: bool,
        /// So many jobs a second at most.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        rate: u32,
        #[command(flatten)]
        target: Target,
    },
    /// Deletes letters and replays nothing.
    Purge {
        /// The message of this id, readable or not; may be repeated.
        #[arg(long = "message", value_name = "ID", conflicts_with_all = ["job", "user", "kind", "code", "older_than", "newer_than", "text"])]
        messages: Vec<String>,
        /// Delete every letter that the filter means.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        target: Target,
    },
}

impl Dlq {
    pub async fn run(self) -> Result<Ended> {
        let json = self.json;
        match self.command {
            Command::List { filter, target } => list(&target, &filter, json).await,
            Command::Show { id, target } => show(&target, &id, json).await,
            Command::Plan {
                out,
                filter,
                target,
            } => plan(&target, &filter, out, json).await,
            Command::Apply {
                plan,
                from_start,
                rate,
                target,
            } => {
                let access = &Access::open(&target).await?;
                let plan = Plan::read(&plan, &access.arn)?;
                let applying = Applying {
                    access,
                    from_start,
                    rate,
                };
                Ok(tell(&applying.run(&plan).await?, json))
            }
            Command::Purge {
                messages,
                yes,
                filter,
                target,
            } => {
                ensure!(
                    !messages.is_empty() || !filter.is_empty(),
                    "say which: --message ID, or a filter"
                );
                purge(&target, &messages, &filter, yes, json).await
            }
        }
    }
}

/// What is on the queue and meant by the filter; what can't be read is always shown.
async fn look(access: &Access, filter: &Filter) -> Result<Plan> {
    let reading = access.letters.read(usize::MAX).await?;
    let cases = FailedRuns::of(&reading, &access.replays.jobs).await;
    access.letters.release(&reading.messages).await?;
    let (mut cases, now) = (cases?, clock::now());
    cases.runs.retain(|case| filter.admits(case, now));
    Ok(Plan::of(&access.arn, &cases, now))
}

async fn list(target: &Target, filter: &Filter, json: bool) -> Result<Ended> {
    let found = look(&Access::open(target).await?, filter).await?;
    if json {
        println!("{}", serde_json::to_string_pretty(&found)?);
    } else {
        print!("{}", shown::table(&found, clock::now()));
        let (letters, jobs) = (found.letters, found.entries.len());
        let unreadable = found.unreadable.len();
        println!("{letters} letters about {jobs} runs; {unreadable} messages can't be read.");
    }
    Ok(if found.entries.is_empty() && found.unreadable.is_empty() {
        Ended::Nothing
    } else {
        Ended::Well
    })
}

async fn show(target: &Target, id: &str, json: bool) -> Result<Ended> {
    let mut found = look(&Access::open(target).await?, &Filter::default()).await?;
    found
        .entries
        .retain(|entry| entry.job == id || entry.messages.iter().any(|message| message == id));
    found.unreadable.retain(|letter| letter.message == id);
    if found.entries.is_empty() && found.unreadable.is_empty() {
        eprintln!("longhaul: the dead-letter queue has nothing of {id}");
        return Ok(Ended::Nothing);
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&found)?);
        return Ok(Ended::Well);
    }
    let entries = found.entries.iter().map(shown::entry);
    let bodies = found.unreadable.iter().map(shown::body);
    let all: Vec<String> = entries.chain(bodies).collect();
    print!("{}", all.join("\n"));
    Ok(Ended::Well)
}

async fn plan(target: &Target, filter: &Filter, out: Option<PathBuf>, json: bool) -> Result<Ended> {
    let plan = look(&Access::open(target).await?, filter).await?;
    let file = out.unwrap_or_else(|| {
        let now = clock::now().strftime("%Y%m%dT%H%M%SZ");
        PathBuf::from(format!("dlq-plan-{now}.json"))
    });
    plan.write(&file)?;
    let count = |disposal| plan.count(disposal);
    if json {
        println!("{}", serde_json::to_string_pretty(&plan)?);
    } else {
        let (replay, send) = (count(Resolution::Replay), count(Resolution::Send));
        let (stale, left) = (count(Resolution::Delete), count(Resolution::Leave));
        print!("{}", shown::table(&plan, clock::now()));
        println!(
            "{} letters: {replay} jobs to replay, {send} to queue again, {stale} runs over, {left} left for you.",
            plan.letters
        );
        println!("The plan is {}; nothing was changed.", file.display());
    }
    Ok(if plan.entries.is_empty() {
        Ended::Nothing
    } else {
        Ended::Well
    })
}

fn tell(applied: &Applied, json: bool) -> Ended {
    let Applied {
        replayed,
        sent,
        stale,
        left,
        deleted,
        hidden,
    } = applied;
    if json {
        println!("{}", applied.json());
    } else {
        println!("{replayed} replayed, {sent} queued again, {stale} over already.");
        println!("{deleted} letters deleted.");
        for job in left {
            println!("left: {job} is gone, or its row is older than its letter");
        }
        if *hidden > 0 {
            println!("{hidden} letters are hidden by another reader; apply the plan again.");
        }
    }
    if applied.is_whole() {
        Ended::Well
    } else {
        Ended::Partly
    }
}

async fn purge(
    target: &Target,
    named: &[String],
    filter: &Filter,
    yes: bool,
    json: bool,
) -> Result<Ended> {
    let access = Access::open(target).await?;
    let reading = access.letters.read(usize::MAX).await?;
    let meant: Result<Vec<Message>> = async {
        if !named.is_empty() {
            let messages = reading.messages.iter().cloned();
            return Ok(messages
                .filter(|message| named.contains(&message.id))
                .collect());
        }
        let cases = FailedRuns::of(&reading, &access.replays.jobs)
            .await?
            .runs
            .into_iter();
        let meant: Vec<Message> = cases
            .filter(|case| filter.admits(case, clock::now()))
            .flat_map(|case| case.messages)
            .collect();
        let count = meant.len();
        ensure!(
            yes || count == 0,
            "this would delete {count} letters, and nothing would run their jobs again; say --yes"
        );
        Ok(meant)
    }
    .await;
    let deleted = match &meant {
        Ok(meant) => access.letters.delete(meant, |_| {}).await,
        Err(_) => Ok(()),
    };
    let gone = meant.as_deref().unwrap_or_default().iter();
    let gone: HashSet<&str> = gone.map(|message| message.id.as_str()).collect();
    let others = reading.messages.iter();
    let others = others.filter(|message| !gone.contains(message.id.as_str()));
    let others: Vec<Message> = others.cloned().collect();
    access.letters.release(&others).await?;
    deleted?;
    let count = meant?.len();
    let missing = named.len().saturating_sub(count);
    if json {
        println!("{}", json!({"deleted": count, "missing": missing}));
    } else {
        println!("{count} letters deleted.");
        if missing > 0 {
            println!("{missing} were not there.");
        }
    }
    Ok(match (count, missing) {
        (0, _) => Ended::Nothing,
        (_, 0) => Ended::Well,
        _ => Ended::Partly,
    })
}
