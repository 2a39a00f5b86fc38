//! Applying a plan: each job runs again, once, however often and from wherever this is broken off.
//!
//! For each entry the new run is written, told and queued; then the letters go. The write holds only
//! while the job stands where the letter left it, so what an earlier try has done is met and not
//! done again; a letter that it left behind is stale by then, and goes too.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::{StreamExt, stream};
use indicatif::{ProgressBar, ProgressStyle};
use longhaul_shared::clock;
use longhaul_shared::messaging::dead_letters::{Message, Resolution};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use crate::dlq::access::{Access, HIDDEN};
use crate::dlq::plan::Plan;

/// Jobs replayed at a time, within the rate.
const AT_ONCE: usize = 16;
/// How often letters are looked for that another reader hides.
const LOOK_EACH: Duration = Duration::from_secs(2);

pub struct Applying<'a> {
    pub access: &'a Access,
    /// Whether steps that a job kept count no more.
    pub from_start: bool,
    /// Jobs a second.
    pub rate: u32,
}

/// What has been done about each entry, and how many letters are gone.
#[derive(Default)]
pub struct Applied {
    pub replayed: usize,
    /// Redrive had taken their message while they waited: queued again, without a new run.
    pub sent: usize,
    /// Their run was over: nothing to do but to delete the letter.
    pub stale: usize,
    /// Jobs that are gone or whose row is older than the letter; their letters stay.
    pub left: Vec<String>,
    pub deleted: usize,
    /// Letters that another reader, which perhaps died, still hides.
    pub hidden: usize,
}

impl Applied {
    /// Whether nothing is left for a person or for another try.
    pub fn is_whole(&self) -> bool {
        self.left.is_empty() && self.hidden == 0
    }

    pub fn json(&self) -> Value {
        json!({"replayed": self.replayed, "sent": self.sent, "stale": self.stale,
            "left": self.left, "lettersDeleted": self.deleted, "lettersHidden": self.hidden})
    }
}

impl Applying<'_> {
    pub async fn run(&self, plan: &Plan) -> Result<Applied> {
        let mut applied = Applied::default();
        let settled = self.settle_all(plan, &mut applied).await;
        settled.with_context(|| {
            let done = applied.replayed + applied.sent + applied.stale;
            format!("broken off after {done} entries; apply the same plan again to go on")
        })?;
        let left: HashSet<&String> = applied.left.iter().collect();
        let over = plan
            .entries
            .iter()
            .filter(|entry| !left.contains(&entry.job));
        let over: HashSet<&str> = over
            .flat_map(|entry| entry.messages.iter().map(String::as_str))
            .collect();
        (applied.deleted, applied.hidden) = self.clear(over).await?;
        Ok(applied)
    }

    /// Sees to the job of every entry, no faster than the rate.
    async fn settle_all(&self, plan: &Plan, applied: &mut Applied) -> Result<()> {
        let bar = bar("replaying", plan.entries.len());
        let (start, apart) = (Instant::now(), Duration::from_secs(1) / self.rate);
        let paced = (0u32..).zip(&plan.entries).map(async |(n, entry)| {
            sleep_until(start + apart * n).await;
            let replays = &self.access.replays;
            let (id, now) = (entry.job()?, clock::now());
            let settled = replays.resolve(id, entry.run, self.from_start, now).await;
            settled
                .with_context(|| format!("job {}", entry.job))
                .map(|(disposal, _)| (entry, disposal))
        });
        let mut paced = stream::iter(paced).buffer_unordered(AT_ONCE);
        while let Some(settled) = paced.next().await {
            let (entry, disposal) = settled?;
            match disposal {
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

    /// Deletes these letters: how many it did, and how many it did not see because they are hidden.
    async fn clear(&self, over: HashSet<&str>) -> Result<(usize, usize)> {
        let (queue, bar) = (&self.access.letters, bar("clearing", over.len()));
        let mut held: BTreeMap<String, Message> = BTreeMap::new();
        let mut deleted = 0;
        let patience = Instant::now() + HIDDEN;
        let hidden = loop {
            let reading = queue.read(usize::MAX).await?;
            let (ours, others): (Vec<Message>, Vec<Message>) = reading
                .messages
                .into_iter()
                .partition(|message| over.contains(message.id.as_str()));
            queue.delete(&ours, |count| bar.inc(count as u64)).await?;
            deleted += ours.len();
            // What an earlier round holds is hidden too, by this very reader.
            let elsewhere = reading.in_flight.saturating_sub(held.len());
            held.extend(others.into_iter().map(|other| (other.id.clone(), other)));
            let hidden = elsewhere.min(over.len() - deleted);
            if hidden == 0 || Instant::now() > patience {
                break hidden;
            }
            bar.set_message(format!("{hidden} are hidden by another reader"));
            sleep(LOOK_EACH).await;
        };
        bar.finish_and_clear();
        let held: Vec<Message> = held.into_values().collect();
        queue.release(&held).await?;
        Ok((deleted, hidden))
    }
}

fn bar(what: &'static str, length: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix:>9} {bar:30} {pos}/{len}  {elapsed}  {msg}")
        .expect("the template is well formed");
    ProgressBar::new(length as u64)
        .with_style(style)
        .with_prefix(what)
}
