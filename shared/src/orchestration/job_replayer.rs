//! A failed job, started anew: the one way in which operators and admins do it, by its letter or by its id.
//!
//! The write is [`Job::replay`]; which job is to be replayed, the caller decides.

use anyhow::Result;
use jiff::Timestamp;

use crate::domain::event::Event;
use crate::domain::ids::JobId;
use crate::domain::job::Job;
use crate::messaging::dead_letters::Resolution;
use crate::messaging::job_queue::JobQueue;
use crate::messaging::push::ConnectionPusher;
use crate::protocol::dialect;
use crate::store::jobs::{CommitOutcome, Jobs};

/// What a replay needs of a stack.
pub struct JobReplayer {
    pub jobs: Jobs,
    pub dispatch: JobQueue,
    /// `None` where nobody said where connections are.
    pub push: Option<ConnectionPusher>,
}

/// What became of one replay.
pub enum ReplayOutcome {
    /// This is the row of the new run.
    Anew(Box<Job>),
    /// Somebody was faster: the job stands elsewhere now, or is gone.
    Elsewhere(Option<Box<Job>>),
}

impl JobReplayer {
    /// Writes, tells and queues a new run after the run of this number: in this order, so that a crash
    /// leaves a job that the sweep, or the next try, sends to the queue.
    pub async fn run(
        &self,
        job: &Job,
        run: u32,
        from_start: bool,
        now: Timestamp,
    ) -> Result<ReplayOutcome> {
        let replay = job.replay(run, from_start, now);
        let anew = match self.jobs.commit(job.id, &replay).await? {
            CommitOutcome::Applied(anew) => anew,
            // A replay is sent again whose answer was lost; the second then meets the first.
            CommitOutcome::Refused(Some(anew)) if anew.replayed_at == Some(now) => anew,
            CommitOutcome::Refused(other) => return Ok(ReplayOutcome::Elsewhere(other)),
        };
        self.tell(&anew).await;
        self.dispatch.send(&anew).await?;
        Ok(ReplayOutcome::Anew(anew))
    }

    /// What a letter about this run of the job calls for, done; `None` of one that knows no run. And the
    /// job's row, as far as that is known.
    pub async fn resolve(
        &self,
        id: JobId,
        run: Option<u32>,
        from_start: bool,
        now: Timestamp,
    ) -> Result<(Resolution, Option<Job>)> {
        let mut row = self.jobs.get(id).await?;
        if let (Resolution::Replay, Some(job), Some(run)) =
            (Resolution::of(run, row.as_ref(), now), &row, run)
        {
            match self.run(job, run, from_start, now).await? {
                ReplayOutcome::Anew(job) => return Ok((Resolution::Replay, Some(*job))),
                ReplayOutcome::Elsewhere(other) => row = other.map(|job| *job),
            }
        }
        let disposal = Resolution::of(run, row.as_ref(), now);
        if let (Resolution::Send, Some(job)) = (disposal, &row) {
            self.dispatch.send(job).await?;
        }
        Ok((disposal, row))
    }

    /// Tells those who follow the job. Best effort: its next event leaves a gap that they close.
    async fn tell(&self, job: &Job) {
        if let Some(push) = &self.push {
            push.send_all(dialect::outbound_frames(job, &Event::progress(job)))
                .await;
        }
    }
}
