//! Groups the dead letters of a queue by run, and looks up the job of each.

use std::collections::BTreeMap;

use anyhow::Result;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::aws::queue_reader::QueueContents;
use crate::domain::dead_letter::{DeadLetter, FailedRun};
use crate::domain::ids::JobId;
use crate::domain::queue_message::QueueMessage;
use crate::store::jobs::Jobs;

const PARALLEL_READS: usize = 16;

/// The content of a dead-letter queue.
pub struct FailedRuns {
    /// Oldest failure first.
    pub runs: Vec<FailedRun>,
    /// Messages that this version can't read.
    pub unreadable: Vec<QueueMessage>,
    /// Approximate number of messages that another reader hides.
    pub in_flight: usize,
}

impl FailedRuns {
    /// Groups the messages by job and run, and reads each job's row.
    pub async fn look_up(contents: &QueueContents, jobs: &Jobs) -> Result<Self> {
        let mut unreadable = vec![];
        let mut by_run: BTreeMap<(JobId, Option<u32>), FailedRun> = BTreeMap::new();
        for message in &contents.messages {
            let Some(letter) = DeadLetter::parse(&message.body) else {
                unreadable.push(message.clone());
                continue;
            };
            let job = letter.job();
            let payload = match letter {
                DeadLetter::Payload(payload) => Some(*payload),
                DeadLetter::Redriven(_) => None,
            };
            let run = payload.as_ref().map(|payload| payload.run);
            let failed_run = by_run.entry((job, run)).or_insert(FailedRun {
                job,
                run,
                payload,
                messages: vec![],
                row: None,
            });
            failed_run.messages.push(message.clone());
        }
        let with_rows = stream::iter(by_run.into_values()).map(async |run| {
            let row = jobs.get(run.job).await?;
            anyhow::Ok(FailedRun { row, ..run })
        });
        let with_rows = with_rows.buffer_unordered(PARALLEL_READS);
        let mut runs: Vec<FailedRun> = with_rows.try_collect().await?;
        runs.sort_by_key(|run| (run.failed_at(), run.job, run.run));
        Ok(Self {
            runs,
            unreadable,
            in_flight: contents.in_flight,
        })
    }
}
