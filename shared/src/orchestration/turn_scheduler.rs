//! Runs the turns of a session one after the other: each starts once all turns before it are finished.
//!
//! Finishing a turn writes its answer and then looks for a waiting turn; accepting a turn writes it and then looks at those
//! before it. At least one of the two sees the other. After a crash the sweep continues: a finished turn stays in the
//! index of open jobs until its answer is recorded, a waiting one until it ends.

use anyhow::Result;

use crate::domain::job::{Job, Outcome};
use crate::messaging::job_queue::JobQueue;
use crate::protocol::dialect;
use crate::store::event_log::EventLog;
use crate::store::jobs::{CommitOutcome, Jobs};
use crate::store::sessions::Sessions;

#[derive(Clone)]
pub struct TurnScheduler {
    pub sessions: Sessions,
    pub jobs: Jobs,
    pub event_log: EventLog,
    pub job_queue: JobQueue,
}

impl TurnScheduler {
    /// Records the answer of an ended turn and releases the next turn. Idempotent.
    ///
    /// `job` must have its whole outcome ([`EventLog::with_result`]). A job that is no turn is left alone.
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
            // A turn that ended while it waited released no other; one that ran has released its next turn itself.
            if !next.ended_waiting {
                break;
            }
            number += 1;
        }
        Ok(())
    }

    /// Sends a waiting job to the queue, if all turns before it are finished.
    pub async fn release_turn(&self, job: &Job) -> Result<()> {
        let Some(turn) = job.turn.as_ref().filter(|_| job.waits_for_turn()) else {
            return Ok(());
        };
        let before = self.sessions.unfinished_before(turn.session, turn.number);
        if !before.await?.is_empty() {
            return Ok(());
        }
        match self.jobs.commit(job.id, &Job::release_turn()).await? {
            CommitOutcome::Applied(job) => self.job_queue.send(&job).await,
            // It has ended, or was released already.
            CommitOutcome::Refused(_) => Ok(()),
        }
    }

    /// The turn's answer: the text of its result, or what it streamed.
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
        let stream = self.event_log.whole_stream(job).await?;
        Ok(stream.chunks().map(|(_, piece)| piece).collect())
    }
}
