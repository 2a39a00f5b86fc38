//! The holder of a lease: writes what is to be said of the job, under the fence, and then says it.
//!
//! A refused write means that the job is somebody else's by now, or has ended; the holder stops without
//! a word. Where the words come from, and when, is the attempt's business.

use longhaul_shared::clock;
use longhaul_shared::domain::event::Event;
use longhaul_shared::domain::job::{Job, Lease, Report, StreamStorage};
use longhaul_shared::domain::stream::{Stream, StreamContent, StreamEntry};
use longhaul_shared::protocol::dialect;
use longhaul_shared::store::event_log::StepResult;
use longhaul_shared::store::jobs::CommitOutcome;

use crate::attempt::AttemptRunner;
use crate::handler::RecordOutcome;
use crate::push_queues::PushQueues;
use crate::stream::StreamWrite;

/// Refusals of one write in a row by no more than new followers; then something else is wrong.
const MOST_TRIES: u32 = 8;

pub struct LeasedJob<'a> {
    pub runner: &'a AttemptRunner,
    pub lease: Lease,
    pub pushes: PushQueues,
    /// Reports that the next write is to tell of, which is the last.
    pub unreported: Vec<Report>,
    /// The number of a stream's entry of which nobody knows whether it was written.
    uncertain_seq: Option<u64>,
}

/// The job is not this holder's any more.
#[derive(Debug)]
pub enum LeaseLost {
    /// It was ended from outside: cancelled, or given up by the sweep.
    Ended,
    /// Another worker has it.
    Superseded,
}

impl LeaseLost {
    /// What becomes of the message that named the job.
    pub fn fate(&self) -> RecordOutcome {
        match self {
            Self::Ended => RecordOutcome::Done,
            Self::Superseded => RecordOutcome::Left,
        }
    }
}

/// What became of a write under the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteOutcome {
    Yes,
    /// The row had changed in a way that the write minded; it is known now.
    Stale,
    /// It failed for a reason that may pass.
    No,
}

impl<'a> LeasedJob<'a> {
    /// Whoever claimed this row.
    pub fn new(with: &'a AttemptRunner, claimed: Job) -> Self {
        Self {
            pushes: PushQueues::new(with.push.clone()),
            lease: Lease::from_row(claimed),
            unreported: vec![],
            uncertain_seq: None,
            runner: with,
        }
    }

    pub fn job(&self) -> &Job {
        self.lease.job()
    }

    /// Tells of progress, in one write.
    pub async fn report(&mut self, reports: Vec<Report>) -> Result<(), LeaseLost> {
        let Some(last) = reports.last() else {
            return Ok(());
        };
        for _ in 0..MOST_TRIES {
            let told = self.job().seq + reports.len() as u64;
            let change = self.lease.report(&reports, clock::now(), self.runner.lease);
            let commit = self.runner.jobs.commit(self.job().id, &change).await;
            let made = |job: &Job| job.progress_seq == told && job.message == last.message;
            match self.applied(commit, made)? {
                WriteOutcome::Yes => {
                    for event in Event::reports(self.job(), &reports) {
                        self.push(event).await;
                    }
                    break;
                }
                WriteOutcome::Stale => {}
                // No loss of the job: the next report, or the end, says more.
                WriteOutcome::No => break,
            }
        }
        Ok(())
    }

    /// Keeps the lease.
    pub async fn renew(&mut self) -> Result<(), LeaseLost> {
        let change = self.lease.renew(clock::now(), self.runner.lease);
        let commit = self.runner.jobs.commit(self.job().id, &change).await;
        self.applied(commit, |_| false).map(drop)
    }

    /// Looks whether the job is still this holder's: a cancel tells its worker nothing.
    pub async fn check_lease(&mut self) -> Result<(), LeaseLost> {
        let (id, fence) = (self.job().id, self.job().fence);
        match self.runner.jobs.get(id).await {
            Ok(Some(row)) if row.is_held(fence) => {
                self.lease = Lease::from_row(row);
                Ok(())
            }
            Ok(row) => Err(self.lost(row.as_ref())),
            Err(error) => {
                tracing::warn!(job = %id, error = format!("{error:#}"), "a job was not looked at");
                Ok(())
            }
        }
    }

    /// Writes the stream's next entry and says it. What failed is to be given again as it was.
    pub async fn stream(&mut self, flush: &StreamWrite) -> Result<WriteOutcome, LeaseLost> {
        let now = clock::now();
        let content = match flush {
            StreamWrite::Chunk(content) => StreamContent::Chunk(content.clone()),
            StreamWrite::Reset { keep_through } => StreamContent::Reset {
                attempt: self.job().attempt,
                keep_through: *keep_through,
            },
        };
        for _ in 0..MOST_TRIES {
            let seq = self.uncertain_seq.take().unwrap_or(self.job().seq + 1);
            let entry = StreamEntry {
                seq,
                at: now,
                content: content.clone(),
            };
            // Written before, as the row shows by now, though its answer was lost.
            let written = if self.job().stream_seq == seq {
                WriteOutcome::Yes
            } else {
                self.write(&entry).await?
            };
            match written {
                WriteOutcome::Yes => {
                    self.push(Event::streamed(self.job(), entry)).await;
                    return Ok(WriteOutcome::Yes);
                }
                // Somebody came to follow, or ceased to: now the row is known again.
                WriteOutcome::Stale => {}
                WriteOutcome::No => {
                    self.uncertain_seq = Some(seq);
                    break;
                }
            }
        }
        Ok(WriteOutcome::No)
    }

    /// Says the latest chunk once more where a follower hears a dialect, which has no way to ask for it:
    /// whoever held the job before may have died before saying it. Its number tells that it is the same.
    pub async fn push_latest_chunk(&mut self, stream: Stream) {
        let Some(spoken) = &self.job().dialect_follower else {
            return;
        };
        let shown = spoken.pushed_seq;
        let latest = stream
            .effective_entries()
            .last()
            .filter(|entry| entry.seq > shown);
        if let Some(entry) = latest {
            self.push(Event::streamed(self.job(), entry)).await;
        }
    }

    async fn write(&mut self, entry: &StreamEntry) -> Result<WriteOutcome, LeaseLost> {
        if self.job().seq >= entry.seq {
            // Another event has taken the number, so the entry was not written under it.
            return Ok(WriteOutcome::Stale);
        }
        let (job, with) = (self.job(), self.runner);
        let commit = match self.lease.stream(entry.clone(), with.lease) {
            StreamStorage::Row { outgrown, change } => {
                if !outgrown.is_empty()
                    && let Err(error) = with.events.put_stream(job, &outgrown).await
                {
                    tracing::warn!(job = %job.id, error = format!("{error:#}"), "a stream was not moved to the log");
                    return Ok(WriteOutcome::No);
                }
                with.jobs.commit(job.id, &change).await
            }
            StreamStorage::Log { entries, change } => {
                let logged = with.events.stream_entry(job, &entries);
                with.jobs.commit_with_entry(job, &change, logged).await
            }
        };
        self.applied(commit, |job| job.stream_seq == entry.seq)
    }

    /// Keeps what a step left.
    pub async fn save_step(
        &mut self,
        step: &str,
        kept: &StepResult,
    ) -> Result<WriteOutcome, LeaseLost> {
        let change = self.lease.renew(clock::now(), self.runner.lease);
        let entry = self.runner.events.step_entry(self.job(), step, kept);
        let commit = self
            .runner
            .jobs
            .commit_with_entry(self.job(), &change, entry)
            .await;
        self.applied(commit, |_| false)
    }

    /// Says an event to all who follow, and forgets those who are gone.
    pub async fn push(&mut self, event: Event) {
        let job = self.lease.job();
        self.pushes.say(dialect::outbound_frames(job, &event));
        for gone in self.pushes.gone() {
            let unfollow = Job::unfollow(job.owner.clone(), gone);
            // Not under the fence, so its answer is not this lease's row, and it may fail.
            if let Err(error) = self.runner.jobs.commit(job.id, &unfollow).await {
                tracing::warn!(job = %job.id, error = format!("{error:#}"), "a follower that is gone stays listed");
            }
        }
    }

    /// Takes over the row that a write was answered with. A write whose answer was lost is not made
    /// again: the row that refuses the second try shows the first, as `made` finds.
    fn applied(
        &mut self,
        commit: anyhow::Result<CommitOutcome>,
        made: impl Fn(&Job) -> bool,
    ) -> Result<WriteOutcome, LeaseLost> {
        match commit {
            Ok(CommitOutcome::Applied(job)) => {
                self.lease = Lease::from_row(*job);
                Ok(WriteOutcome::Yes)
            }
            Ok(CommitOutcome::Refused(Some(job))) if job.is_held(self.job().fence) => {
                self.lease = Lease::from_row(*job);
                Ok(if made(self.job()) {
                    WriteOutcome::Yes
                } else {
                    WriteOutcome::Stale
                })
            }
            Ok(CommitOutcome::Refused(row)) => Err(self.lost(row.as_deref())),
            Err(error) => {
                tracing::warn!(job = %self.job().id, error = format!("{error:#}"), "a write was not made");
                Ok(WriteOutcome::No)
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
