//! How an attempt ends: the job's end, another attempt, or the next invocation.
//!
//! Each is one conditional write under the lease, which it takes, so nothing is said after it.

use std::mem::take;
use std::time::Duration;

use anyhow::Result;
use longhaul_shared::domain::event::Event;
use longhaul_shared::domain::job::{Job, JobError, JobResult, Mishap, Outcome};
use longhaul_shared::store::jobs::Commit;
use longhaul_shared::protocol::dialect;
use longhaul_shared::domain::limits;
use longhaul_shared::time;
use serde_json::Value;
use uuid::Uuid;

use crate::analysis::Failure;
use crate::attempt::Attempts;
use crate::backoff::backoff;
use crate::batch::Fate;
use crate::holder::Holder;

/// What the last pushes may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// What follows from an analysis's result.
enum Verdict {
    /// The job's end as its row holds it, and as it is told.
    End(Outcome, Outcome),
    Again(JobError),
}

impl Holder<'_> {
    /// Ends the job with what its analysis came to, or gives it back for another attempt.
    pub async fn end(mut self, result: Result<Value, Failure>) -> Result<Fate> {
        let (id, attempt) = (self.job().id, self.job().attempt);
        let result = match result {
            Ok(result) => self.with.keep(self.job(), result).await,
            Err(failure) => Err(failure),
        };
        if let Err(failure) = &result {
            tracing::info!(job = %id, code = failure.code(), "the analysis failed");
        }
        match self.with.verdict(result, attempt) {
            Verdict::End(in_row, told) => self.conclude(in_row, told).await,
            Verdict::Again(error) => {
                let untold = take(&mut self.untold);
                match self.report(untold).await {
                    Ok(()) => self.retry(error).await,
                    Err(lost) => Ok(lost.fate()),
                }
            }
        }
    }

    /// Ends the job with an outcome that its row holds whole.
    pub async fn finish(self, outcome: Outcome) -> Result<Fate> {
        self.conclude(outcome.clone(), outcome).await
    }

    /// One conditional write, then one push to each follower, and evidence where it failed for good;
    /// then the job leaves the index of open ones.
    async fn conclude(self, in_row: Outcome, told: Outcome) -> Result<Fate> {
        let Self {
            with,
            lease,
            mut voice,
            untold,
            ..
        } = self;
        let (id, fence, now) = (lease.job().id, lease.job().fence, time::now());
        let finish = lease.finish(&untold, in_row.clone(), now, with.retention);
        let mut job = match with.jobs.commit(id, &finish).await? {
            Commit::Applied(job) => job,
            // An end is sent again whose answer was lost; the second then meets the first.
            Commit::Refused(Some(job))
                if (job.fence, job.finished_at, &job.outcome)
                    == (fence, Some(now), &Some(in_row)) =>
            {
                job
            }
            Commit::Refused(Some(job)) if !job.status.is_terminal() => {
                tracing::info!(job = %id, "superseded at the end");
                return Ok(Fate::Left);
            }
            Commit::Refused(_) => {
                tracing::info!(job = %id, "ended from outside");
                return Ok(Fate::Done);
            }
        };
        tracing::info!(job = %id, status = job.status.as_str(), "ended");
        for report in Event::reports(&job, &untold) {
            voice.say(dialect::told(&job, &report));
        }
        job.outcome = Some(told);
        if let Some(end) = Event::ended(&job) {
            voice.say(dialect::told(&job, &end));
        }
        // First the last frame, then the next turn of its session, so that a client hears them apart.
        let heard = voice.finish(FAREWELL).await;
        if with.announcer.settle(&job).await && heard {
            with.jobs.commit(id, &job.close()).await?;
        }
        Ok(Fate::Done)
    }

    /// Gives the job back to the queue until its next attempt.
    async fn retry(self, error: JobError) -> Result<Fate> {
        let (job, now) = (self.lease.job(), time::now());
        let wait = backoff(job.attempt, Uuid::new_v4().as_u64_pair().0);
        let mishap = Mishap {
            code: error.code,
            sentence: error.sentence,
            at: now,
            attempt: job.attempt,
        };
        let (id, retry) = (job.id, self.lease.retry(now + wait, mishap));
        self.with.jobs.commit(id, &retry).await?;
        self.voice.finish(FAREWELL).await;
        Ok(Fate::Later(wait))
    }

    /// Gives the job to the next invocation: through a queue of its own, so that it does not stand in
    /// line again behind a long backlog.
    pub async fn hand_over(self) -> Result<Fate> {
        let id = self.job().id;
        let hand_over = self.lease.hand_over(time::now());
        let Commit::Applied(job) = self.with.jobs.commit(id, &hand_over).await? else {
            return Ok(Fate::Left);
        };
        tracing::info!(job = %id, "handed over");
        self.voice.finish(FAREWELL).await;
        match self.with.continuations.send(&job).await {
            Ok(()) => Ok(Fate::Done),
            Err(error) => {
                tracing::warn!(job = %id, error = format!("{error:#}"), "a job goes on from the queue that it came from");
                Ok(Fate::Later(Duration::ZERO))
            }
        }
    }
}

impl Attempts {
    /// Keeps a result: as the row holds it, and as it is told.
    async fn keep(&self, job: &Job, result: Value) -> Result<(JobResult, JobResult), Failure> {
        let result = result.to_string();
        let (bytes, most) = (result.len(), limits::LARGEST_RESULT_BYTES);
        if bytes > most {
            let message = format!("The result is {bytes} bytes long; {most} are allowed.");
            return Err(Failure::Reject {
                code: "RESULT_TOO_LARGE",
                message,
            });
        }
        let expires_at = time::now() + self.retention;
        let kept = self.events.put_result(job, result, expires_at).await;
        kept.map_err(|error| {
            tracing::warn!(job = %job.id, error = format!("{error:#}"), "a result was not kept");
            Failure::Retry {
                code: "UNWRITTEN",
                message: "The result could not be written.".to_owned(),
            }
        })
    }

    fn verdict(&self, result: Result<(JobResult, JobResult), Failure>, attempt: u32) -> Verdict {
        let (code, sentence, retryable) = match result {
            Ok((in_row, told)) => {
                return Verdict::End(Outcome::Completed(in_row), Outcome::Completed(told));
            }
            Err(Failure::Reject { code, message }) => (code, message, false),
            Err(Failure::Retry { code, message }) => (code, message, true),
        };
        let error = JobError {
            code: code.to_owned(),
            sentence: limits::prefix(&sentence, limits::MESSAGE_BYTES).to_owned(),
            retryable,
        };
        if retryable && attempt < self.most_attempts {
            return Verdict::Again(error);
        }
        let failed = Outcome::Failed(error);
        Verdict::End(failed.clone(), failed)
    }
}
