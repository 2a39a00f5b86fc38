//! What follows the end of a job: its end is pushed to all followers, its turn finished, its dead letter
//! recorded, and the job removed from the index of open jobs.
//!
//! Workers push the ends of their own jobs themselves, in order with the other frames. This module serves
//! cancels, the sweep, and jobs whose worker died. Everything may be repeated.

use anyhow::Result;
use jiff::Timestamp;

use crate::domain::event::Event;
use crate::domain::job::Job;
use crate::messaging::dead_letter_queue::DeadLetterQueue;
use crate::messaging::push::ConnectionPusher;
use crate::orchestration::turn_scheduler::TurnScheduler;
use crate::protocol::dialect;
use crate::store::event_log::EventLog;
use crate::store::jobs::Jobs;

#[derive(Clone)]
pub struct JobEndNotifier {
    pub jobs: Jobs,
    pub event_log: EventLog,
    pub pusher: ConnectionPusher,
    /// `None` in a function that only cancels jobs: a cancelled job leaves no dead letter.
    pub dead_letters: Option<DeadLetterQueue>,
    pub turns: TurnScheduler,
}

/// A job whose end was pushed.
pub struct PushedEnd {
    job: Job,
    /// Whether every follower received the end or is gone.
    reached_all: bool,
}

impl JobEndNotifier {
    /// Pushes the end of an ended job and does what follows from it. Nothing happens for an open job.
    pub async fn notify(&self, job: Job, now: Timestamp) -> Result<()> {
        match self.push_end(job, now).await? {
            Some(pushed) => self.close(pushed, now).await,
            None => Ok(()),
        }
    }

    /// Pushes the end, if the job has ended.
    pub async fn push_end(&self, job: Job, now: Timestamp) -> Result<Option<PushedEnd>> {
        let job = self.event_log.with_result(job).await?;
        let Some(end) = Event::ended(&job) else {
            return Ok(None);
        };
        let frames = dialect::outbound_frames(&job, &end);
        let pushed = self.pusher.send_all_valid(frames, job.created_at, now);
        let reached_all = pushed.await;
        Ok(Some(PushedEnd { job, reached_all }))
    }

    /// Does what follows from a pushed end. The job leaves the index of open jobs once every follower was
    /// reached, or the time to reach them is over.
    pub async fn close(&self, pushed: PushedEnd, now: Timestamp) -> Result<()> {
        let PushedEnd { job, reached_all } = pushed;
        let finished = self.finish_duties(&job).await;
        if finished && (reached_all || job.announce_timed_out(now)) {
            self.jobs.commit(job.id, &job.close_in_index()).await?;
        }
        Ok(())
    }

    /// Finishes the job's turn and records its dead letter. After `false` the job must stay in the index of
    /// open jobs, so that the sweep tries again.
    pub async fn finish_duties(&self, job: &Job) -> bool {
        let finished = self.turns.finish_turn(job).await;
        if let Err(error) = &finished {
            tracing::warn!(job = %job.id, error = format!("{error:#}"), "next turn not released; the sweep retries");
        }
        self.record_dead_letter(job).await && finished.is_ok()
    }

    async fn record_dead_letter(&self, job: &Job) -> bool {
        match &self.dead_letters {
            Some(dead_letters) => dead_letters.record(job).await,
            None => !job.is_dead_letter(),
        }
    }
}
