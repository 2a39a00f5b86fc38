//! Starts a new run of a failed job, for operators and admins, by its dead letter or by its id.

use anyhow::Result;
use jiff::Timestamp;

use crate::domain::dead_letter::Resolution;
use crate::domain::event::Event;
use crate::domain::ids::JobId;
use crate::domain::job::Job;
use crate::messaging::job_queue::JobQueue;
use crate::messaging::push::ConnectionPusher;
use crate::protocol::dialect;
use crate::store::jobs::{CommitOutcome, Jobs};

pub struct JobReplayer {
    pub jobs: Jobs,
    pub job_queue: JobQueue,
    /// `None` without a management endpoint of the connections.
    pub pusher: Option<ConnectionPusher>,
}

pub enum ReplayOutcome {
    /// The row of the new run.
    Started(Box<Job>),
    /// The job is no longer in the failed run, or gone.
    Superseded(Option<Box<Job>>),
}

impl JobReplayer {
    /// Starts a new run after the failed run of this number.
    ///
    /// It is written, pushed and queued in this order: after a crash the sweep, or another try, queues it.
    pub async fn replay(
        &self,
        job: &Job,
        run: u32,
        from_start: bool,
        now: Timestamp,
    ) -> Result<ReplayOutcome> {
        let replay = job.replay(run, from_start, now);
        let replayed = match self.jobs.commit(job.id, &replay).await? {
            CommitOutcome::Applied(replayed) => replayed,
            // A write whose response was lost is sent again and meets its own first try.
            CommitOutcome::Refused(Some(replayed)) if replayed.replayed_at == Some(now) => replayed,
            CommitOutcome::Refused(other) => return Ok(ReplayOutcome::Superseded(other)),
        };
        self.push_progress(&replayed, now).await;
        self.job_queue.send(&replayed).await?;
        Ok(ReplayOutcome::Started(replayed))
    }

    /// Resolves the dead letters of a run (`None` for a message that names no run). Returns the resolution and
    /// the job's row.
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
            match self.replay(job, run, from_start, now).await? {
                ReplayOutcome::Started(job) => return Ok((Resolution::Replay, Some(*job))),
                ReplayOutcome::Superseded(other) => row = other.map(|job| *job),
            }
        }
        let resolution = Resolution::of(run, row.as_ref(), now);
        if let (Resolution::Send, Some(job)) = (resolution, &row) {
            self.job_queue.send(job).await?;
        }
        Ok((resolution, row))
    }

    /// Pushes the job's progress to its followers. Best effort: they close the gap at the next event.
    async fn push_progress(&self, job: &Job, now: Timestamp) {
        if let Some(pusher) = &self.pusher {
            let frames = dialect::outbound_frames(job, &Event::progress(job));
            pusher.send_all_valid(frames, job.created_at, now).await;
        }
    }
}
