//! The holder of a lease: writes what is to be said of the job, under the fence, and then says it.
//!
//! A refused write means that the job is somebody else's by now, or has ended; the holder stops without
//! a word. Where the words come from, and when, is the attempt's business.

use longhaul_shared::domain::event::Event;
use longhaul_shared::store::events::Kept;
use longhaul_shared::domain::job::{Job, Lease, Report, Streaming};
use longhaul_shared::store::jobs::Commit;
use longhaul_shared::domain::stream::{Stream, StreamEntry, Streamed};
use longhaul_shared::protocol::dialect;
use longhaul_shared::time;

use crate::attempt::Attempts;
use crate::batch::Fate;
use crate::stream::Flush;
use crate::voice::Voice;

/// Refusals of one write in a row by no more than new followers; then something else is wrong.
const MOST_TRIES: u32 = 8;

pub struct Holder<'a> {
    pub with: &'a Attempts,
    pub lease: Lease,
    pub voice: Voice,
    /// Reports that the next write is to tell of, which is the last.
    pub untold: Vec<Report>,
    /// The number of a stream's entry of which nobody knows whether it was written.
    unsure: Option<u64>,
}

/// The job is not this holder's any more.
#[derive(Debug)]
pub enum Lost {
    /// It was ended from outside: cancelled, or given up by the sweep.
    Ended,
    /// Another worker has it.
    Superseded,
}

impl Lost {
    /// What becomes of the message that named the job.
    pub fn fate(&self) -> Fate {
        match self {
            Self::Ended => Fate::Done,
            Self::Superseded => Fate::Left,
        }
    }
}

/// What became of a write under the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    Yes,
    /// The row had changed in a way that the write minded; it is known now.
    Stale,
    /// It failed for a reason that may pass.
    No,
}

impl<'a> Holder<'a> {
    /// Whoever claimed this row.
    pub fn new(with: &'a Attempts, claimed: Job) -> Self {
        Self {
            voice: Voice::new(with.push.clone()),
            lease: Lease::taken(claimed),
            untold: vec![],
            unsure: None,
            with,
        }
    }

    pub fn job(&self) -> &Job {
        self.lease.job()
    }

    /// Tells of progress, in one write.
    pub async fn report(&mut self, reports: Vec<Report>) -> Result<(), Lost> {
        let Some(last) = reports.last() else {
            return Ok(());
        };
        for _ in 0..MOST_TRIES {
            let told = self.job().seq + reports.len() as u64;
            let change = self.lease.report(&reports, time::now(), self.with.lease);
            let commit = self.with.jobs.commit(self.job().id, &change).await;
            let made = |job: &Job| job.told == told && job.message == last.message;
            match self.settle(commit, made)? {
                Written::Yes => {
                    for event in Event::reports(self.job(), &reports) {
                        self.say(event).await;
                    }
                    break;
                }
                Written::Stale => {}
                // No loss of the job: the next report, or the end, says more.
                Written::No => break,
            }
        }
        Ok(())
    }

    /// Keeps the lease.
    pub async fn renew(&mut self) -> Result<(), Lost> {
        let change = self.lease.renew(time::now(), self.with.lease);
        let commit = self.with.jobs.commit(self.job().id, &change).await;
        self.settle(commit, |_| false).map(drop)
    }

    /// Looks whether the job is still this holder's: a cancel tells its worker nothing.
    pub async fn look(&mut self) -> Result<(), Lost> {
        let (id, fence) = (self.job().id, self.job().fence);
        match self.with.jobs.get(id).await {
            Ok(Some(row)) if row.is_held(fence) => {
                self.lease = Lease::taken(row);
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
    pub async fn stream(&mut self, flush: &Flush) -> Result<Written, Lost> {
        let now = time::now();
        let content = match flush {
            Flush::Chunk(content) => Streamed::Chunk(content.clone()),
            Flush::Reset { keep_through } => Streamed::Reset {
                attempt: self.job().attempt,
                keep_through: *keep_through,
            },
        };
        for _ in 0..MOST_TRIES {
            let seq = self.unsure.take().unwrap_or(self.job().seq + 1);
            let entry = StreamEntry {
                seq,
                at: now,
                content: content.clone(),
            };
            // Written before, as the row shows by now, though its answer was lost.
            let written = if self.job().streamed == seq {
                Written::Yes
            } else {
                self.write(&entry).await?
            };
            match written {
                Written::Yes => {
                    self.say(Event::streamed(self.job(), entry)).await;
                    return Ok(Written::Yes);
                }
                // Somebody came to follow, or ceased to: now the row is known again.
                Written::Stale => {}
                Written::No => {
                    self.unsure = Some(seq);
                    break;
                }
            }
        }
        Ok(Written::No)
    }

    /// Says the latest chunk once more where a follower hears a dialect, which has no way to ask for it:
    /// whoever held the job before may have died before saying it. Its number tells that it is the same.
    pub async fn say_again(&mut self, stream: Stream) {
        let Some(spoken) = &self.job().spoken else {
            return;
        };
        let shown = spoken.shown;
        let latest = stream.standing().last().filter(|entry| entry.seq > shown);
        if let Some(entry) = latest {
            self.say(Event::streamed(self.job(), entry)).await;
        }
    }

    async fn write(&mut self, entry: &StreamEntry) -> Result<Written, Lost> {
        if self.job().seq >= entry.seq {
            // Another event has taken the number, so the entry was not written under it.
            return Ok(Written::Stale);
        }
        let (job, with) = (self.job(), self.with);
        let commit = match self.lease.stream(entry.clone(), with.lease) {
            Streaming::Row { outgrown, change } => {
                if !outgrown.is_empty()
                    && let Err(error) = with.events.put_stream(job, &outgrown).await
                {
                    tracing::warn!(job = %job.id, error = format!("{error:#}"), "a stream was not moved to the log");
                    return Ok(Written::No);
                }
                with.jobs.commit(job.id, &change).await
            }
            Streaming::Log { entries, change } => {
                let logged = with.events.stream_entry(job, &entries);
                with.jobs.commit_with(job, &change, logged).await
            }
        };
        self.settle(commit, |job| job.streamed == entry.seq)
    }

    /// Keeps what a step left.
    pub async fn keep(&mut self, step: &str, kept: &Kept) -> Result<Written, Lost> {
        let change = self.lease.renew(time::now(), self.with.lease);
        let entry = self.with.events.step_entry(self.job(), step, kept);
        let commit = self.with.jobs.commit_with(self.job(), &change, entry).await;
        self.settle(commit, |_| false)
    }

    /// Says an event to all who follow, and forgets those who are gone.
    pub async fn say(&mut self, event: Event) {
        let job = self.lease.job();
        self.voice.say(dialect::told(job, &event));
        for gone in self.voice.gone() {
            let unfollow = Job::unfollow(job.owner.clone(), gone);
            // Not under the fence, so its answer is not this lease's row, and it may fail.
            if let Err(error) = self.with.jobs.commit(job.id, &unfollow).await {
                tracing::warn!(job = %job.id, error = format!("{error:#}"), "a follower that is gone stays listed");
            }
        }
    }

    /// Takes over the row that a write was answered with. A write whose answer was lost is not made
    /// again: the row that refuses the second try shows the first, as `made` finds.
    fn settle(
        &mut self,
        commit: anyhow::Result<Commit>,
        made: impl Fn(&Job) -> bool,
    ) -> Result<Written, Lost> {
        match commit {
            Ok(Commit::Applied(job)) => {
                self.lease = Lease::taken(*job);
                Ok(Written::Yes)
            }
            Ok(Commit::Refused(Some(job))) if job.is_held(self.job().fence) => {
                self.lease = Lease::taken(*job);
                Ok(if made(self.job()) {
                    Written::Yes
                } else {
                    Written::Stale
                })
            }
            Ok(Commit::Refused(row)) => Err(self.lost(row.as_deref())),
            Err(error) => {
                tracing::warn!(job = %self.job().id, error = format!("{error:#}"), "a write was not made");
                Ok(Written::No)
            }
        }
    }

    fn lost(&self, row: Option<&Job>) -> Lost {
        let id = self.job().id;
        if row.is_none_or(|row| row.status.is_terminal()) {
            tracing::info!(job = %id, "ended from outside");
            return Lost::Ended;
        }
        tracing::info!(job = %id, "superseded");
        Lost::Superseded
    }
}
