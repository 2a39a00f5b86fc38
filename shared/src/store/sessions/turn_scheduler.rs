//! The order of a session's turns: each runs once those before it are settled, and a crash anywhere between
//! the end of one and the start of the next is mended by whoever looks next.
//!
//! Two look at the same gap, each after a write of its own: whoever ends a turn settles it and then looks for
//! one that waits; whoever accepts a turn writes it and then looks whether those before it are settled. At
//! least one sees the other. What is missed by a crash, the sweep finds: an ended turn stays on the index of
//! open jobs until it was settled, a waiting one until it has ended.

use anyhow::Result;

use super::Sessions;
use crate::domain::job::{Job, Outcome};
use crate::messaging::job_queue::JobQueue;
use crate::protocol::dialect;
use crate::store::event_log::EventLog;
use crate::store::jobs::{CommitOutcome, Jobs};

#[derive(Clone)]
pub struct TurnScheduler {
    pub sessions: Sessions,
    pub jobs: Jobs,
    pub events: EventLog,
    /// To the queue of jobs.
    pub dispatch: JobQueue,
}

impl TurnScheduler {
    /// After the end of a job that is a turn: notes it, and lets the next turn go. May be done again.
    /// `job` has its outcome whole.
    pub async fn finish_turn(&self, job: &Job) -> Result<()> {
        let Some(turn) = &job.turn else {
            return Ok(());
        };
        let answer = self.answer(job).await?;
        self.sessions.record_answer(job, turn, &answer).await?;
        let mut number = turn.number + 1;
        while let Some(next) = self.sessions.turn(turn.session, number).await? {
            if next.status.is_none() {
                return match self.jobs.get(next.job).await? {
                    Some(job) => self.release_turn(&job).await,
                    None => Ok(()),
                };
            }
            // One that ended while it waited let nobody go; one that ran has let its next go itself.
            if !next.has_ended_waiting() {
                break;
            }
            number += 1;
        }
        Ok(())
    }

    /// Sends a waiting job to the queue, if all turns before it are settled.
    pub async fn release_turn(&self, job: &Job) -> Result<()> {
        let Some(turn) = job.turn.as_ref().filter(|_| job.waits_for_turn()) else {
            return Ok(());
        };
        let before = self.sessions.unfinished_before(turn.session, turn.number);
        if !before.await?.is_empty() {
            return Ok(());
        }
        match self.jobs.commit(job.id, &Job::release_turn()).await? {
            CommitOutcome::Applied(job) => self.dispatch.send(&job).await,
            // It has ended, or somebody else has let it go.
            CommitOutcome::Refused(_) => Ok(()),
        }
    }

    /// What the turn answered: its result's text, or what it streamed.
    async fn answer(&self, job: &Job) -> Result<String> {
        if let Some(Outcome::Completed(result)) = &job.outcome {
            let response = dialect::response(result);
            if !response.is_empty() {
                return Ok(response);
            }
        }
        if job.stream_seq == 0 {
            return Ok(String::new());
        }
        let stream = self.events.whole_stream(job).await?;
        Ok(stream.chunks().map(|(_, piece)| piece).collect())
    }
}
