//! How an attempt ends: the job's end, another attempt, or the next invocation.
//!
//! Each is one conditional write under the lease, which it takes, so nothing is said after it.

use std::mem::take;
use std::time::Duration;

use anyhow::Result;
use longhaul_shared::clock;
use longhaul_shared::domain::event::Event;
use longhaul_shared::domain::job::{AttemptError, Job, JobError, JobResult, Outcome};
use longhaul_shared::domain::limits;
use longhaul_shared::protocol::dialect;
use longhaul_shared::store::jobs::CommitOutcome;
use serde_json::Value;
use uuid::Uuid;

use crate::analysis::Failure;
use crate::attempt::AttemptRunner;
use crate::backoff::backoff;
use crate::handler::RecordOutcome;
use crate::leased_job::LeasedJob;

/// What the last pushes may take.
const FINAL_PUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// What follows from an analysis's result.
enum NextStep {
    /// The job's end as its row holds it, and as it is told.
    End(Outcome, Outcome),
    Again(JobError),
}

impl LeasedJob<'_> {
    /// Ends the job with what its analysis came to, or gives it back for another attempt.
    pub async fn end(mut self, result: Result<Value, Failure>) -> Result<RecordOutcome> {
        let (id, attempt) = (self.job().id, self.job().attempt);
        let result = match result {
            Ok(result) => self.runner.store_result(self.job(), result).await,
            Err(failure) => Err(failure),
        };
        if let Err(failure) = &result {
            tracing::info!(job = %id, code = failure.code(), "the analysis failed");
        }
        match self.runner.next_step(result, attempt) {
            NextStep::End(in_row, told) => self.conclude(in_row, told).await,
            NextStep::Again(error) => {
                let untold = take(&mut self.unreported);
                match self.report(untold).await {
                    Ok(()) => self.retry(error).await,
                    Err(lost) => Ok(lost.fate()),
                }
            }
        }
    }

    /// Ends the job with an outcome that its row holds whole.
    pub async fn finish(self, outcome: Outcome) -> Result<RecordOutcome> {
        self.conclude(outcome.clone(), outcome).await
    }

    /// One conditional write, then one push to each follower, and evidence where it failed for good;
    /// then the job leaves the index of open ones.
    async fn conclude(self, in_row: Outcome, told: Outcome) -> Result<RecordOutcome> {
        let Self {
            runner: with,
            lease,
            pushes: mut voice,
            unreported: untold,
            ..
        } = self;
        let (id, fence, now) = (lease.job().id, lease.job().fence, clock::now());
        let finish = lease.finish(&untold, in_row.clone(), now, with.retention);
        let mut job = match with.jobs.commit(id, &finish).await? {
            CommitOutcome::Applied(job) => job,
            // An end is sent again whose answer was lost; the second then meets the first.
            CommitOutcome::Refused(Some(job))
                if (job.fence, job.finished_at, &job.outcome)
                    == (fence, Some(now), &Some(in_row)) =>
            {
                job
            }
            CommitOutcome::Refused(Some(job)) if !job.status.is_terminal() => {
                tracing::info!(job = %id, "superseded at the end");
                return Ok(RecordOutcome::Left);
            }
            CommitOutcome::Refused(_) => {
                tracing::info!(job = %id, "ended from outside");
                return Ok(RecordOutcome::Done);
            }
        };
        tracing::info!(job = %id, status = job.status.as_str(), "ended");
        for report in Event::reports(&job, &untold) {
            voice.say(dialect::outbound_frames(&job, &report));
        }
        job.outcome = Some(told);
        if let Some(end) = Event::ended(&job) {
            voice.say(dialect::outbound_frames(&job, &end));
        }
        // First the last frame, then the next turn of its session, so that a client hears them apart.
        let heard = voice.finish(FINAL_PUSH_TIMEOUT).await;
        if with.announcer.finish_duties(&job).await && heard {
            with.jobs.commit(id, &job.close_in_index()).await?;
        }
        Ok(RecordOutcome::Done)
    }

    /// Gives the job back to the queue until its next attempt.
    async fn retry(self, error: JobError) -> Result<RecordOutcome> {
        let (job, now) = (self.lease.job(), clock::now());
        let wait = backoff(job.attempt, Uuid::new_v4().as_u64_pair().0);
        let mishap = AttemptError {
            code: error.code,
            message: error.message,
            at: now,
            attempt: job.attempt,
        };
        let (id, retry) = (job.id, self.lease.retry(now + wait, mishap));
        self.runner.jobs.commit(id, &retry).await?;
        self.pushes.finish(FINAL_PUSH_TIMEOUT).await;
        Ok(RecordOutcome::Later(wait))
    }

    /// Gives the job to the next invocation: through a queue of its own, so that it does not stand in
    /// line again behind a long backlog.
    pub async fn hand_over(self) -> Result<RecordOutcome> {
        let id = self.job().id;
        let hand_over = self.lease.hand_over(clock::now());
        let CommitOutcome::Applied(job) = self.runner.jobs.commit(id, &hand_over).await? else {
            return Ok(RecordOutcome::Left);
        };
        tracing::info!(job = %id, "handed over");
        self.pushes.finish(FINAL_PUSH_TIMEOUT).await;
        match self.runner.continuations.send(&job).await {
            Ok(()) => Ok(RecordOutcome::Done),
            Err(error) => {
                tracing::warn!(job = %id, error = format!("{error:#}"), "a job goes on from the queue that it came from");
                Ok(RecordOutcome::Later(Duration::ZERO))
            }
        }
    }
}

impl AttemptRunner {
    /// Keeps a result: as the row holds it, and as it is told.
    async fn store_result(
        &self,
        job: &Job,
        result: Value,
    ) -> Result<(JobResult, JobResult), Failure> {
        let result = result.to_string();
        let (bytes, most) = (result.len(), limits::MAX_RESULT_BYTES);
        if bytes > most {
            let message = format!("The result is {bytes} bytes long; {most} are allowed.");
            return Err(Failure::Reject {
                code: "RESULT_TOO_LARGE",
                message,
            });
        }
        let expires_at = clock::now() + self.retention;
        let kept = self.events.put_result(job, result, expires_at).await;
        kept.map_err(|error| {
            tracing::warn!(job = %job.id, error = format!("{error:#}"), "a result was not kept");
            Failure::Retry {
                code: "UNWRITTEN",
                message: "The result could not be written.".to_owned(),
            }
        })
    }

    fn next_step(&self, result: Result<(JobResult, JobResult), Failure>, attempt: u32) -> NextStep {
        let (code, sentence, retryable) = match result {
            Ok((in_row, told)) => {
                return NextStep::End(Outcome::Completed(in_row), Outcome::Completed(told));
            }
            Err(Failure::Reject { code, message }) => (code, message, false),
            Err(Failure::Retry { code, message }) => (code, message, true),
        };
        let error = JobError {
            code: code.to_owned(),
            message: limits::prefix(&sentence, limits::MESSAGE_BYTES).to_owned(),
            retryable,
        };
        if retryable && attempt < self.most_attempts {
            return NextStep::Again(error);
        }
        let failed = Outcome::Failed(error);
        NextStep::End(failed.clone(), failed)
    }
}
