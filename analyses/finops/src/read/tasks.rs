//! Runs the read tasks of a question, several at once: files of bills, and days of Cost Explorer.
//!
//! Each task is a step of the job, so nothing is read again after a crash, and each reports its progress.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use longhaul_worker::analysis::{Context, Failure};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::aws::cost_explorer;
use crate::aws::sources::AwsSources;
use crate::cost_data::CostData;
use crate::failures::{inexact_sum, unreadable};
use crate::plan::date_gap::DateGap;
use crate::read::bill_failures::REPLACED_CODE;
use crate::read::bill_file::BillFile;
use crate::read::bill_reader::BillReader;
use crate::read::read_progress::ReadProgress;
use crate::read::s3_download::OpenBillFile;
use crate::read::{checkpoint, open_file};
use crate::text::tokens::Tokens;

/// Tasks that run at once. A worker has about two processors, and S3 has latency.
const MAX_CONCURRENT_TASKS: usize = 4;
/// Versions of a file that are tried, where each is replaced before it is read.
const MAX_FILE_VERSIONS: usize = 3;
/// Rows between two yields of the thread.
const ROWS_PER_YIELD: u64 = 4_096;
/// Sums held at most. A worker of 512 MB has memory for those of two files at some hundred bytes each.
const MAX_SUMS: usize = if cfg!(test) { 50_000 } else { 1_000_000 };
/// The step that stores what does not fit into the first one.
const CONTINUATION_STEP: &str = "read more";
/// Time between two progress reports of a file.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(500);

/// What one step reads. Its JSON is part of the step's key.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum ReadTask {
    File(BillFile),
    CostExplorer(DateGap),
}

/// Runs the read tasks of one job.
pub(crate) struct ReadTaskRunner<'a> {
    context: &'a Context,
    turns: &'a [Tokens],
    aws_sources: &'a AwsSources,
    done: AtomicU64,
    /// The number of tasks known so far.
    pub all: u64,
}

impl<'a> ReadTaskRunner<'a> {
    pub(crate) fn new(
        context: &'a Context,
        turns: &'a [Tokens],
        aws_sources: &'a AwsSources,
    ) -> Self {
        Self {
            context,
            turns,
            aws_sources,
            done: AtomicU64::new(0),
            all: 0,
        }
    }

    /// Runs these tasks, several at once, and adds their results in order. A task that fails is left out, and its
    /// failure is added to `failures`.
    pub(crate) async fn run_all(
        &self,
        tasks: impl Iterator<Item = ReadTask>,
        cost_data: &mut CostData,
        failures: &mut Vec<Failure>,
    ) -> Result<(), Failure> {
        let tasks: Vec<_> = tasks.map(|task| self.run_task(task)).collect();
        let mut read = stream::iter(tasks).buffered(MAX_CONCURRENT_TASKS);
        while let Some(one) = read.next().await {
            match one {
                Ok(one) => {
                    cost_data
                        .merge(one)
                        .map_err(|_| inexact_sum(&cost_data.name))?;
                    check_sum_limit(cost_data)?;
                }
                Err(failure) => failures.push(failure),
            }
        }
        Ok(())
    }

    /// Runs one task. A file that was replaced since it was listed is read in its new version.
    async fn run_task(&self, mut task: ReadTask) -> Result<CostData, Failure> {
        for _ in 1..MAX_FILE_VERSIONS {
            match (self.run_version(&task).await, &task) {
                (Err(failure), ReadTask::File(bill_file)) if failure.code() == REPLACED_CODE => {
                    task = ReadTask::File(open_file::relist(bill_file).await?);
                }
                (read, _) => return read,
            }
        }
        self.run_version(&task).await
    }

    /// Reads one version, or restores it from the steps of an earlier attempt.
    async fn run_version(&self, task: &ReadTask) -> Result<CostData, Failure> {
        let questions: Vec<String> = self.turns.iter().map(Tokens::whole_text).collect();
        let input = (task, &questions);
        let mut fresh = None;
        let (first, more): (Option<String>, usize) = {
            let work = async {
                let read = self.read_uncached(task).await?;
                let mut texts = checkpoint::encode(&read).into_iter();
                fresh = Some(read);
                let (first, more) = (texts.next(), texts.len());
                for (at, text) in texts.enumerate() {
                    self.context
                        .step(CONTINUATION_STEP, &(&input, at), async { Ok(text) })
                        .await?;
                }
                Ok((first, more))
            };
            self.context.step("read", &input, work).await?
        };
        let restored = match (&fresh, first) {
            (None, Some(first)) => self.load_checkpoint(&input, first, more).await,
            _ => None,
        };
        let read = match fresh.or(restored) {
            Some(read) => read,
            // It was too large to be stored.
            None => self.read_uncached(task).await?,
        };
        self.done.fetch_add(1, Ordering::Relaxed);
        self.report_progress(task, &ReadProgress::default());
        Ok(read)
    }

    /// Restores what an earlier attempt stored in the first step and `more` further ones.
    async fn load_checkpoint(
        &self,
        input: &impl Serialize,
        first: String,
        more: usize,
    ) -> Option<CostData> {
        let mut text = first;
        for at in 0..more {
            let lost = async { Err(unreadable("A stored step is missing.".to_owned())) };
            let next: Result<String, Failure> = self
                .context
                .step(CONTINUATION_STEP, &(input, at), lost)
                .await;
            text += &next.ok()?;
        }
        checkpoint::decode(&text)
    }

    async fn read_uncached(&self, task: &ReadTask) -> Result<CostData, Failure> {
        match task {
            ReadTask::File(bill_file) => self.read_file(task, bill_file).await,
            ReadTask::CostExplorer(gap) => {
                self.report_progress(task, &ReadProgress::default());
                // On the heap, since the futures of the SDK's calls are deep.
                Box::pin(cost_explorer::read_gap(
                    gap,
                    self.aws_sources.cache.as_deref(),
                    self.turns,
                ))
                .await
            }
        }
    }

    /// Opens and reads the file in a task of its own, and reports its progress.
    async fn read_file(&self, task: &ReadTask, bill_file: &BillFile) -> Result<CostData, Failure> {
        let progress = Arc::new(ReadProgress::default());
        self.report_progress(task, &progress);
        let (own, counted) = (bill_file.clone(), Arc::clone(&progress));
        let turns = self.turns.to_vec();
        // Dropping the set ends its task.
        let mut reader = JoinSet::new();
        reader.spawn(async move {
            let OpenBillFile {
                file,
                disk_permit: _disk_permit,
            } = open_file::open(&own, &counted).await?;
            let bill = BillReader::from_file(file, own.name().to_owned());
            let mut bill = bill.map_err(|error| unreadable(error.0))?;
            let mut cost_data = CostData::new(&turns);
            cost_data.files = 1;
            bill.name().clone_into(&mut cost_data.name);
            while let Some(row) = bill.next_row().map_err(|error| unreadable(error.0))? {
                cost_data
                    .add(&row)
                    .map_err(|_| inexact_sum(&cost_data.name))?;
                if cost_data.ledger.rows.is_multiple_of(ROWS_PER_YIELD) {
                    check_sum_limit(&cost_data)?;
                    counted.set_rows_read(cost_data.ledger.rows);
                    tokio::task::yield_now().await;
                }
            }
            Ok(cost_data)
        });
        let mut tick = tokio::time::interval(PROGRESS_INTERVAL);
        loop {
            tokio::select! {
                read = reader.join_next() => return match read {
                    Some(Ok(read)) => read,
                    // A panic is passed on; the attempt handles it.
                    Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                    _ => Err(unreadable("Reading the bill was interrupted.".to_owned())),
                },
                _ = tick.tick() => self.report_progress(task, &progress),
            }
        }
    }

    fn report_progress(&self, task: &ReadTask, progress: &ReadProgress) {
        let (done, all) = (self.done.load(Ordering::Relaxed), self.all);
        let files = (all != 1).then_some((done, all));
        let message = match task {
            ReadTask::File(BillFile {
                days: Some((start, _)),
                ..
            }) => progress.message(&start.strftime("%B %Y").to_string(), files),
            ReadTask::File(_) => progress.message("the bill", files),
            ReadTask::CostExplorer(gap) => {
                format!("Asking Cost Explorer for the days from {}", gap.start)
            }
        };
        let percent = 10 + 80 * done / all.max(1);
        self.context.progress(percent as u8, message);
    }
}

/// Refuses a bill whose sums would not fit into memory.
fn check_sum_limit(cost_data: &CostData) -> Result<(), Failure> {
    match cost_data.ledger.sum_count() {
        0..=MAX_SUMS => Ok(()),
        _ => Err(unreadable(format!(
            "{} has more than {MAX_SUMS} combinations of day, service, account, region and tags: ask for fewer months.",
            cost_data.name
        ))),
    }
}
