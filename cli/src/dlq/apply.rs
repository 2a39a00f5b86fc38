//! Applies a plan: replays its jobs at a limited rate, then deletes their dead letters.
//!
//! A replay is written only while the job is still in the failed run of its dead letter, so applying a plan again,
//! also after an interruption, replays no job twice. Dead letters of runs that are over are stale and deleted too.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::{StreamExt, stream};
use indicatif::{ProgressBar, ProgressStyle};
use longhaul_shared::clock;
use longhaul_shared::domain::dead_letter::Resolution;
use longhaul_shared::domain::queue_message::QueueMessage;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use crate::dlq::access::{Access, VISIBILITY_TIMEOUT};
use crate::dlq::plan::Plan;
use crate::exit_status::ExitStatus;

/// Jobs replayed in parallel, within the rate.
const PARALLEL_REPLAYS: usize = 16;
/// How often the queue is read again for dead letters that another reader hides.
const REREAD_INTERVAL: Duration = Duration::from_secs(2);

pub struct PlanRunner<'a> {
    pub access: &'a Access,
    /// Whether the jobs' checkpoints are discarded.
    pub from_start: bool,
    /// Maximum number of jobs a second.
    pub rate: u32,
}

/// How many entries were resolved in which way, and how many dead letters were deleted.
#[derive(Default)]
pub struct Applied {
    pub replayed: usize,
    /// Jobs whose message redrive took while they waited: queued again, without a new run.
    pub sent: usize,
    /// Runs that were over already; only their dead letters are deleted.
    pub stale: usize,
    /// Jobs that are gone, or whose row is older than the dead letter. Their dead letters stay.
    pub left: Vec<String>,
    pub deleted: usize,
    /// Dead letters that another reader still hides.
    pub hidden: usize,
}

impl Applied {
    /// Whether nothing is left for a person or for another try.
    pub fn is_complete(&self) -> bool {
        self.left.is_empty() && self.hidden == 0
    }

    pub fn json(&self) -> Value {
        json!({"replayed": self.replayed, "sent": self.sent, "stale": self.stale,
            "left": self.left, "lettersDeleted": self.deleted, "lettersHidden": self.hidden})
    }

    /// Prints the summary.
    pub fn print(&self, json: bool) -> ExitStatus {
        if json {
            println!("{}", self.json());
        } else {
            println!(
                "{} replayed, {} queued again, {} already over.",
                self.replayed, self.sent, self.stale
            );
            println!("{} letters deleted.", self.deleted);
            for job in &self.left {
                println!("left: job {job} is gone, or its row is older than its letter");
            }
            if self.hidden > 0 {
                let hidden = self.hidden;
                println!(
                    "{hidden} letters are hidden by another reader; apply the plan again in a minute."
                );
            }
        }
        if self.is_complete() {
            ExitStatus::Success
        } else {
            ExitStatus::Partial
        }
    }
}

impl PlanRunner<'_> {
    pub async fn run(&self, plan: &Plan) -> Result<Applied> {
        let mut applied = Applied::default();
        let resolved = self.resolve_entries(plan, &mut applied).await;
        resolved.with_context(|| {
            let done = applied.replayed + applied.sent + applied.stale;
            format!("stopped after {done} entries; apply the same plan again to continue")
        })?;
        let left: HashSet<&String> = applied.left.iter().collect();
        let resolved = plan
            .entries
            .iter()
            .filter(|entry| !left.contains(&entry.job));
        let letters: HashSet<&str> = resolved
            .flat_map(|entry| entry.messages.iter().map(String::as_str))
            .collect();
        (applied.deleted, applied.hidden) = self.delete_letters(letters).await?;
        Ok(applied)
    }

    /// Resolves every entry's job, no faster than the rate.
    async fn resolve_entries(&self, plan: &Plan, applied: &mut Applied) -> Result<()> {
        let bar = progress_bar("replaying", plan.entries.len());
        let (start, interval) = (Instant::now(), Duration::from_secs(1) / self.rate);
        let resolutions = (0u32..).zip(&plan.entries).map(async |(n, entry)| {
            sleep_until(start + interval * n).await;
            let replayer = &self.access.replayer;
            let (id, now) = (entry.job_id()?, clock::now());
            let resolved = replayer.resolve(id, entry.run, self.from_start, now).await;
            resolved
                .with_context(|| format!("job {}", entry.job))
                .map(|(resolution, _)| (entry, resolution))
        });
        let mut resolutions = stream::iter(resolutions).buffer_unordered(PARALLEL_REPLAYS);
        while let Some(resolved) = resolutions.next().await {
            let (entry, resolution) = resolved?;
            match resolution {
                Resolution::Replay => applied.replayed += 1,
                Resolution::Send => applied.sent += 1,
                Resolution::Delete => applied.stale += 1,
                Resolution::Leave => applied.left.push(entry.job.clone()),
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// Deletes these dead letters. Returns how many were deleted, and how many another reader hides.
    async fn delete_letters(&self, letters: HashSet<&str>) -> Result<(usize, usize)> {
        let (queue, bar) = (&self.access.queue, progress_bar("deleting", letters.len()));
        let mut others: BTreeMap<String, QueueMessage> = BTreeMap::new();
        let mut deleted = 0;
        let give_up = Instant::now() + VISIBILITY_TIMEOUT;
        let hidden = loop {
            let contents = queue.read(usize::MAX).await?;
            let (found, other): (Vec<QueueMessage>, Vec<QueueMessage>) = contents
                .messages
                .into_iter()
                .partition(|message| letters.contains(message.id.as_str()));
            queue.delete(&found, |count| bar.inc(count as u64)).await?;
            deleted += found.len();
            // The messages of earlier rounds are in flight too, with this reader.
            let in_flight = contents.in_flight.saturating_sub(others.len());
            others.extend(
                other
                    .into_iter()
                    .map(|message| (message.id.clone(), message)),
            );
            let hidden = in_flight.min(letters.len() - deleted);
            if hidden == 0 || Instant::now() > give_up {
                break hidden;
            }
            bar.set_message(format!("{hidden} are hidden by another reader"));
            sleep(REREAD_INTERVAL).await;
        };
        bar.finish_and_clear();
        let others: Vec<QueueMessage> = others.into_values().collect();
        queue.release(&others).await?;
        Ok((deleted, hidden))
    }
}

fn progress_bar(what: &'static str, length: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix:>9} {bar:30} {pos}/{len}  {elapsed}  {msg}")
        .expect("the template is well formed");
    ProgressBar::new(length as u64)
        .with_style(style)
        .with_prefix(what)
}
