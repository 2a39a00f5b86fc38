//! The last step of an attempt: end the job, give it back for another attempt, or hand it over to the next
//! invocation. Each is one conditional write that consumes the lease, so nothing is written or pushed after it.

use std::mem::take;
use std::time::Duration;

use anyhow::Result;
use longhaul_shared::domain::backoff;
use longhaul_shared::domain::event::Event;
use longhaul_shared::domain::job::{AttemptError, JobError, JobErrorCode, JobResult, Outcome};
use longhaul_shared::domain::limits;
use longhaul_shared::protocol::dialect;
use longhaul_shared::store::jobs::CommitOutcome;
use serde_json::Value;

use crate::failure::Failure;
use crate::leased_job::LeasedJob;
use crate::outcome::{AttemptOutcome, RecordOutcome};

/// How long the last pushes may take.
const FINAL_PUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// What follows from an analysis's result.
enum NextStep {
    /// The job ends: its outcome as its row holds it, and as it is pushed.
    End {
        in_row: Outcome,
        pushed: Outcome,
    },
    Retry(JobError),
}

/// Ends the job, retries it or hands it over, and returns what happens to its message.
pub async fn finish(job: LeasedJob<'_>, outcome: AttemptOutcome) -> Result<RecordOutcome> {
    match outcome {
        AttemptOutcome::Returned(result) => returned(job, result).await,
        AttemptOutcome::PastDeadline => {
            let outcome = Outcome::past_deadline();
            end(job, outcome.clone(), outcome).await
        }
        AttemptOutcome::HandOver => hand_over(job).await,
        AttemptOutcome::LeaseLost(lost) => Ok(lost.record_outcome()),
    }
}

async fn returned(mut job: LeasedJob<'_>, result: Result<Value, Failure>) -> Result<RecordOutcome> {
    let result = match result {
        Ok(result) => store_result(&job, result).await,
        Err(failure) => Err(failure),
    };
    if let Err(failure) = &result {
        tracing::info!(job = %job.job().id, code = failure.code(), "the analysis failed");
    }
    let has_attempts_left = job.job().attempt < job.engine.limits.max_attempts;
    match next_step(result, has_attempts_left) {
        NextStep::End { in_row, pushed } => end(job, in_row, pushed).await,
        NextStep::Retry(error) => {
            let unreported = take(&mut job.unreported);
            match job.report(unreported).await {
                Ok(()) => retry(job, error).await,
                Err(lost) => Ok(lost.record_outcome()),
            }
        }
    }
}

/// Stores a result where its size puts it; returns it as the row holds it, and as it is pushed.
async fn store_result(
    job: &LeasedJob<'_>,
    result: Value,
) -> Result<(JobResult, JobResult), Failure> {
    let (engine, result) = (job.engine, result.to_string());
    let (bytes, max) = (result.len(), limits::MAX_RESULT_BYTES);
    if bytes > max {
        let message = format!("The result is {bytes} bytes long; {max} are allowed.");
        return Err(Failure::reject(JobErrorCode::ResultTooLarge, message));
    }
    let expires_at = engine.now() + engine.limits.retention;
    let stored = engine.event_log.put_result(job.job(), result, expires_at);
    stored.await.map_err(|error| {
        tracing::warn!(job = %job.job().id, error = format!("{error:#}"), "a result could not be stored");
        Failure::retry(JobErrorCode::Unwritten, "The result could not be written.")
    })
}

fn next_step(result: Result<(JobResult, JobResult), Failure>, has_attempts_left: bool) -> NextStep {
    let (code, message, retryable) = match result {
        Ok((in_row, pushed)) => {
            return NextStep::End {
                in_row: Outcome::Completed(in_row),
                pushed: Outcome::Completed(pushed),
            };
        }
        Err(Failure::Reject { code, message }) => (code, message, false),
        Err(Failure::Retry { code, message }) => (code, message, true),
    };
    let error = JobError {
        code: code.to_owned(),
        message: limits::prefix(&message, limits::MESSAGE_BYTES).to_owned(),
        retryable,
    };
    if retryable && has_attempts_left {
        return NextStep::Retry(error);
    }
    let failed = Outcome::Failed(error);
    NextStep::End {
        in_row: failed.clone(),
        pushed: failed,
    }
}

/// Ends the job: one conditional write, then one push to each follower; then what the end owes, such as a dead letter
/// and the session's next turn; then the job leaves the index of open jobs.
async fn end(job: LeasedJob<'_>, in_row: Outcome, pushed: Outcome) -> Result<RecordOutcome> {
    let LeasedJob {
        engine,
        lease,
        mut pushes,
        unreported,
        ..
    } = job;
    let (id, fence, now) = (lease.job().id, lease.job().fence, engine.now());
    let (limits, attempt) = (&engine.limits, lease.job().attempt);
    let finish = match attempt > limits.max_attempts {
        true => lease.finish_unattempted(in_row.clone(), now, limits.retention),
        false => lease.finish(&unreported, in_row.clone(), now, limits.retention),
    };
    let mut job = match engine.jobs.commit(id, &finish).await? {
        CommitOutcome::Applied(job) => job,
        // An end whose response was lost is sent again, and the second meets the first.
        CommitOutcome::Refused(Some(job))
            if (job.fence, job.finished_at, &job.outcome) == (fence, Some(now), &Some(in_row)) =>
        {
            job
        }
        CommitOutcome::Refused(Some(job)) if !job.status.is_terminal() => {
            tracing::info!(job = %id, "superseded at the end");
            return Ok(RecordOutcome::RetryAtTimeout);
        }
        CommitOutcome::Refused(_) => {
            tracing::info!(job = %id, "ended from outside");
            return Ok(RecordOutcome::Delete);
        }
    };
    tracing::info!(job = %id, status = job.status.as_str(), "ended");
    for report in Event::reports(&job, &unreported) {
        pushes.push(dialect::outbound_frames(&job, &report));
    }
    job.outcome = Some(pushed);
    if let Some(end) = Event::ended(&job) {
        pushes.push(dialect::outbound_frames(&job, &end));
    }
    // The end is pushed before the session's next turn starts, so that a client receives them in this order.
    let is_pushed = pushes.finish(FINAL_PUSH_TIMEOUT).await;
    if engine.job_end_notifier.finish_duties(&job).await && is_pushed {
        engine.jobs.commit(id, &job.close_in_index()).await?;
    }
    Ok(RecordOutcome::Delete)
}

/// Gives the job back to the queue until its next attempt.
async fn retry(job: LeasedJob<'_>, error: JobError) -> Result<RecordOutcome> {
    let LeasedJob {
        engine,
        lease,
        pushes,
        ..
    } = job;
    let (id, attempt, now) = (lease.job().id, lease.job().attempt, engine.now());
    let wait = backoff::JOB_ATTEMPTS.wait(attempt, engine.sources.random.number());
    let error = AttemptError {
        code: error.code,
        message: error.message,
        at: now,
        attempt,
    };
    let retry = lease.retry(now + wait, error);
    engine.jobs.commit(id, &retry).await?;
    pushes.finish(FINAL_PUSH_TIMEOUT).await;
    Ok(RecordOutcome::RetryAfter(wait))
}

/// Hands the job over to the next invocation, through a queue of its own: a long backlog does not delay it.
async fn hand_over(job: LeasedJob<'_>) -> Result<RecordOutcome> {
    let LeasedJob {
        engine,
        lease,
        pushes,
        ..
    } = job;
    let id = lease.job().id;
    let hand_over = lease.hand_over(engine.now());
    let CommitOutcome::Applied(job) = engine.jobs.commit(id, &hand_over).await? else {
        return Ok(RecordOutcome::RetryAtTimeout);
    };
    tracing::info!(job = %id, "handed over");
    pushes.finish(FINAL_PUSH_TIMEOUT).await;
    match engine.continuations.send(&job).await {
        Ok(()) => Ok(RecordOutcome::Delete),
        Err(error) => {
            tracing::warn!(job = %id, error = format!("{error:#}"), "a handed-over job could not be sent to the continuations; it continues from the queue of jobs");
            Ok(RecordOutcome::RetryAfter(Duration::ZERO))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_retried_while_attempts_are_left() {
        let retry = || {
            Err(Failure::retry(
                JobErrorCode::Crashed,
                "The analysis crashed.",
            ))
        };
        assert!(matches!(next_step(retry(), true), NextStep::Retry(_)));
        let NextStep::End { in_row, .. } = next_step(retry(), false) else {
            panic!("it is retried");
        };
        assert!(matches!(in_row, Outcome::Failed(error) if error.retryable));
        let reject = Err(Failure::reject(
            "MY_CODE",
            "x".repeat(2 * limits::MESSAGE_BYTES),
        ));
        let NextStep::End { in_row, .. } = next_step(reject, true) else {
            panic!("it is retried");
        };
        let Outcome::Failed(error) = in_row else {
            panic!("it has not failed");
        };
        assert_eq!((error.code.as_str(), error.retryable), ("MY_CODE", false));
        assert_eq!(error.message.len(), limits::MESSAGE_BYTES);
    }
}
