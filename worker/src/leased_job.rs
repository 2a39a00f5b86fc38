//! A job under this worker's lease: writes progress, stream and steps under the fence, then pushes them.
//!
//! A refused write means that another worker has claimed the job or that it has ended; then nothing more is pushed.

use anyhow::Result;
use longhaul_shared::domain::event::Event;
use longhaul_shared::domain::job::{Change, Job, Lease, LogWrite, Report};
use longhaul_shared::domain::log::{EntryContent, Log, LogEntry};
use longhaul_shared::protocol::dialect;
use longhaul_shared::store::event_log::StepResult;
use longhaul_shared::store::jobs::CommitOutcome;

use crate::analysis_channel::SavedStep;
use crate::engine::Engine;
use crate::outcome::{LeaseLost, WriteOutcome};
use crate::push_queues::PushQueues;

/// Attempts of one write while followers come and go; after that something else is wrong.
const MAX_STALE_WRITES: u32 = 8;

/// A claimed job, its lease and its followers' queues.
pub struct LeasedJob<'e> {
    pub engine: &'e Engine,
    pub lease: Lease,
    pub pushes: PushQueues,
    /// The last reports, which the write of the job's end carries along.
    pub unreported: Vec<Report>,
    /// The sequence number of a stream entry whose write may or may not have been made.
    uncertain_seq: Option<u64>,
}

impl<'e> LeasedJob<'e> {
    /// From the row that the claim returned.
    pub fn new(engine: &'e Engine, claimed: Job) -> Self {
        let (clock, tasks) = (
            engine.sources.clock.clone(),
            engine.sources.push_tasks.clone(),
        );
        Self {
            pushes: PushQueues::new(engine.pusher.clone(), clock, claimed.created_at, tasks),
            lease: Lease::from_row(claimed),
            unreported: vec![],
            uncertain_seq: None,
            engine,
        }
    }

    /// The row as the last write or read returned it.
    pub fn job(&self) -> &Job {
        self.lease.job()
    }

    /// Writes the reports in one write, then pushes an event for each.
    pub async fn report(&mut self, reports: Vec<Report>) -> Result<(), LeaseLost> {
        let Some(last) = reports.last() else {
            return Ok(());
        };
        for _ in 0..MAX_STALE_WRITES {
            let before = self.job().seq;
            let progress_seq = before + reports.len() as u64;
            let lease = self.engine.limits.lease;
            let write = self.lease.report(&reports, self.engine.now(), lease);
            let is_written =
                |job: &Job| job.progress_seq == progress_seq && job.message == last.message;
            match self.write(write, is_written).await? {
                WriteOutcome::Written => {
                    self.push_new(before).await;
                    break;
                }
                WriteOutcome::Stale => {}
                // The job goes on: the next report, or the end, says more.
                WriteOutcome::Failed => break,
            }
        }
        Ok(())
    }

    /// Pushes the events after the sequence number `before`, which the last write put into the row's tail.
    pub async fn push_new(&mut self, before: u64) {
        for event in Event::in_tail(self.job(), before) {
            self.push(event).await;
        }
    }

    /// Renews the lease, unless a report has renewed it lately.
    pub async fn renew(&mut self) -> Result<(), LeaseLost> {
        let lease = self.engine.limits.lease;
        if !self.lease.is_due_for_renewal(self.engine.now(), lease) {
            return Ok(());
        }
        let change = self.lease.renew(self.engine.now(), lease);
        let commit = self.engine.jobs.commit(self.job().id, &change).await;
        self.applied(commit, |_| false).map(drop)
    }

    /// Reads the row to learn whether the lease still holds: a cancel does not notify the worker.
    pub async fn check_lease(&mut self) -> Result<(), LeaseLost> {
        let (id, fence) = (self.job().id, self.job().fence);
        match self.engine.jobs.get(id).await {
            Ok(Some(row)) if row.is_held(fence) => {
                self.lease = Lease::from_row(row);
                Ok(())
            }
            Ok(row) => Err(self.lost(row.as_ref())),
            Err(error) => {
                tracing::warn!(job = %id, error = format!("{error:#}"), "the lease could not be checked");
                Ok(())
            }
        }
    }

    /// Writes the stream's next entry, then pushes it. After [`WriteOutcome::Failed`] the next call must be given the
    /// same content.
    pub async fn stream(&mut self, content: &EntryContent) -> Result<WriteOutcome, LeaseLost> {
        let at = self.engine.now();
        for _ in 0..MAX_STALE_WRITES {
            let seq = self.uncertain_seq.take().unwrap_or(self.job().seq + 1);
            let content = content.clone();
            let entry = LogEntry { seq, at, content };
            // The row shows that an earlier attempt of this write was made, though its response was lost.
            let written = if self.job().stream_seq == seq {
                WriteOutcome::Written
            } else {
                self.write_entry(&entry).await?
            };
            match written {
                WriteOutcome::Written => {
                    self.push(Event::logged(self.job(), entry)).await;
                    return Ok(WriteOutcome::Written);
                }
                // The followers changed; the lease now has the row as it is.
                WriteOutcome::Stale => {}
                WriteOutcome::Failed => {
                    self.uncertain_seq = Some(seq);
                    break;
                }
            }
        }
        Ok(WriteOutcome::Failed)
    }

    async fn write_entry(&mut self, entry: &LogEntry) -> Result<WriteOutcome, LeaseLost> {
        if self.job().seq >= entry.seq {
            // Another event has this number, so the entry was not written under it.
            return Ok(WriteOutcome::Stale);
        }
        let write = self.lease.stream(entry.clone(), self.engine.limits.lease);
        self.write(write, |job| job.stream_seq == entry.seq).await
    }

    /// Writes entries into the row or into the log. `is_written` recognises by the row that an earlier try was made.
    async fn write(
        &mut self,
        write: LogWrite,
        is_written: impl Fn(&Job) -> bool,
    ) -> Result<WriteOutcome, LeaseLost> {
        let (job, engine) = (self.job(), self.engine);
        let commit = match write {
            LogWrite::Row { outgrown, change } => {
                if !outgrown.is_empty()
                    && let Err(error) = engine.event_log.put_entries(job, &outgrown).await
                {
                    tracing::warn!(job = %job.id, error = format!("{error:#}"), "entries could not be moved to the event log");
                    return Ok(WriteOutcome::Failed);
                }
                engine.jobs.commit(job.id, &change).await
            }
            LogWrite::Log { entries, change } => {
                let put = engine.event_log.entries_put(job, &entries);
                engine.jobs.commit_with_entry(job, &change, put).await
            }
        };
        self.applied(commit, is_written)
    }

    /// Pushes the latest chunk again where a follower receives a dialect, which can't ask for it: the worker that
    /// held the job before may have died before it pushed the chunk. Its sequence number identifies a duplicate.
    pub async fn push_latest_chunk(&mut self, stream: Log) {
        let Some(follower) = &self.job().dialect_follower else {
            return;
        };
        let pushed_seq = follower.pushed_seq;
        let latest = stream.effective_stream().last();
        if let Some(entry) = latest.filter(|entry| entry.seq > pushed_seq) {
            self.push(Event::logged(self.job(), entry)).await;
        }
    }

    /// A step's saved result. One that can't be read counts as not saved: the step runs again.
    pub async fn load_step(&self, key: &str) -> Option<StepResult> {
        let loaded = self.engine.event_log.load_step(self.job(), key).await;
        loaded.unwrap_or_else(|error| {
            tracing::warn!(job = %self.job().id, error = format!("{error:#}"), "a saved step could not be read");
            None
        })
    }

    /// Saves a step's result and its event, and renews the lease, in one transaction. After `Failed` the step may not be
    /// saved: then it runs again in a later attempt.
    pub async fn save_step(&mut self, step: &SavedStep) -> Result<WriteOutcome, LeaseLost> {
        let ms = u64::try_from(step.took.as_millis()).unwrap_or(u64::MAX);
        for _ in 0..MAX_STALE_WRITES {
            let (job, engine) = (self.job(), self.engine);
            let before = job.seq;
            let lease = engine.limits.lease;
            let save = self.lease.save_step(&step.name, ms, engine.now(), lease);
            let put = engine.event_log.step_put(job, &step.key, &step.result);
            let commit = engine.jobs.commit_with_entry(job, &save, put).await;
            let is_written = |job: &Job| holds_step(job, before + 1, &step.name);
            match self.applied(commit, is_written)? {
                WriteOutcome::Stale => {}
                WriteOutcome::Written => {
                    self.push_new(before).await;
                    return Ok(WriteOutcome::Written);
                }
                WriteOutcome::Failed => break,
            }
        }
        Ok(WriteOutcome::Failed)
    }

    /// Gives the lease up by the change that `give_up` makes of it, and pushes the events of that change's entries;
    /// returns the row. `is_written` recognises by the row that an earlier try was made.
    ///
    /// # Errors
    /// The store failed.
    pub async fn give_up(
        &mut self,
        give_up: impl Fn(Lease) -> Change,
        is_written: impl Fn(&Job) -> bool,
    ) -> Result<Result<Job, LeaseLost>> {
        for _ in 0..MAX_STALE_WRITES {
            let held = self.job().clone();
            let change = give_up(Lease::from_row(held.clone()));
            match self.engine.jobs.commit(held.id, &change).await? {
                CommitOutcome::Applied(row) => self.lease = Lease::from_row(*row),
                // A write whose response was lost is sent again, and the second meets the first.
                CommitOutcome::Refused(Some(row))
                    if row.fence == held.fence && is_written(&row) =>
                {
                    self.lease = Lease::from_row(*row);
                }
                CommitOutcome::Refused(Some(row)) if row.is_held(held.fence) => {
                    self.lease = Lease::from_row(*row);
                    continue;
                }
                CommitOutcome::Refused(row) => return Ok(Err(self.lost(row.as_deref()))),
            }
            self.push_new(held.seq).await;
            return Ok(Ok(self.job().clone()));
        }
        Ok(Err(LeaseLost::Superseded))
    }

    /// Pushes an event to all followers, and removes those whose connection is closed.
    pub async fn push(&mut self, event: Event) {
        let job = self.lease.job();
        self.pushes.push(dialect::outbound_frames(job, &event));
        for gone in self.pushes.remove_gone() {
            let unfollow = Job::unfollow(job.owner.clone(), [&gone]);
            // Not under the fence: its row is not this lease's, and it may fail.
            if let Err(error) = self.engine.jobs.commit(job.id, &unfollow).await {
                tracing::warn!(job = %job.id, error = format!("{error:#}"), "a follower whose connection is closed could not be removed");
            }
        }
    }

    /// Takes over the row that a write returned. A refused write whose first attempt was made, though its response
    /// was lost, counts as written; `is_written` recognises it by the row.
    fn applied(
        &mut self,
        commit: Result<CommitOutcome>,
        is_written: impl Fn(&Job) -> bool,
    ) -> Result<WriteOutcome, LeaseLost> {
        match commit {
            Ok(CommitOutcome::Applied(job)) => {
                self.lease = Lease::from_row(*job);
                Ok(WriteOutcome::Written)
            }
            Ok(CommitOutcome::Refused(Some(job))) if job.is_held(self.job().fence) => {
                self.lease = Lease::from_row(*job);
                Ok(if is_written(self.job()) {
                    WriteOutcome::Written
                } else {
                    WriteOutcome::Stale
                })
            }
            Ok(CommitOutcome::Refused(row)) => Err(self.lost(row.as_deref())),
            Err(error) => {
                tracing::warn!(job = %self.job().id, error = format!("{error:#}"), "a write under the lease failed");
                Ok(WriteOutcome::Failed)
            }
        }
    }

    fn lost(&self, row: Option<&Job>) -> LeaseLost {
        let id = self.job().id;
        if row.is_none_or(|row| row.status.is_terminal()) {
            tracing::info!(job = %id, "ended from outside");
            return LeaseLost::Ended;
        }
        tracing::info!(job = %id, "superseded");
        LeaseLost::Superseded
    }
}

/// Whether the row's tail has the event of a saved step under this number.
fn holds_step(job: &Job, seq: u64, name: &str) -> bool {
    job.tail.iter().any(|entry| {
        let is_step =
            matches!(&entry.content, EntryContent::StepSaved { name: saved, .. } if saved == name);
        entry.seq == seq && is_step
    })
}
