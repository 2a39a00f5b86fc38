//! The last step of an attempt: end the job, give it back for another attempt, or hand it over to the next
//! invocation. Each is one conditional write that consumes the lease, so nothing is written or pushed after it.

use std::mem::take;
use std::time::Duration;

use anyhow::Result;
use longhaul_shared::domain::backoff;
use longhaul_shared::domain::event::Event;
use longhaul_shared::domain::job::{
    AttemptError, Job, JobError, JobErrorCode, JobResult, Lease, Outcome,
};
use longhaul_shared::domain::limits;
use longhaul_shared::protocol::dialect;
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
async fn end(mut job: LeasedJob<'_>, in_row: Outcome, pushed: Outcome) -> Result<RecordOutcome> {
    let (engine, reports) = (job.engine, take(&mut job.unreported));
    let (now, limits) = (engine.now(), &engine.limits);
    let finish = |lease: Lease| match lease.job().attempt > limits.max_attempts {
        true => lease.finish_unattempted(in_row.clone(), now, limits.retention),
        false => lease.finish(&reports, in_row.clone(), now, limits.retention),
    };
    let is_written =
        |row: &Job| (row.finished_at, row.outcome.as_ref()) == (Some(now), Some(&in_row));
    let mut ended = match job.give_up(finish, is_written).await? {
        Ok(ended) => ended,
        Err(lost) => return Ok(lost.record_outcome()),
    };
    tracing::info!(job = %ended.id, status = ended.status.as_str(), "ended");
    ended.outcome = Some(pushed);
    if let Some(end) = Event::ended(&ended) {
        job.pushes.push(dialect::outbound_frames(&ended, &end));
    }
    // The end is pushed before the session's next turn starts, so that a client receives them in this order.
    let is_pushed = job.pushes.finish(FINAL_PUSH_TIMEOUT).await;
    if engine.job_end_notifier.finish_duties(&ended).await && is_pushed {
        engine
            .jobs
            .commit(ended.id, &ended.close_in_index())
            .await?;
    }
    Ok(RecordOutcome::Delete)
}

/// Gives the job back to the queue until its next attempt.
async fn retry(mut job: LeasedJob<'_>, error: JobError) -> Result<RecordOutcome> {
    let (engine, attempt) = (job.engine, job.job().attempt);
    let wait = backoff::JOB_ATTEMPTS.wait(attempt, engine.sources.random.number());
    let error = AttemptError {
        code: error.code,
        message: error.message,
        at: engine.now(),
        attempt,
    };
    let is_written = |row: &Job| row.last_error.as_ref() == Some(&error);
    let retry = |lease: Lease| lease.retry(error.at + wait, error.clone());
    if let Err(lost) = job.give_up(retry, is_written).await? {
        return Ok(lost.record_outcome());
    }
    job.pushes.finish(FINAL_PUSH_TIMEOUT).await;
    Ok(RecordOutcome::RetryAfter(wait))
}

/// Hands the job over to the next invocation, through a queue of its own: a long backlog does not delay it.
async fn hand_over(mut job: LeasedJob<'_>) -> Result<RecordOutcome> {
    let (engine, now) = (job.engine, job.engine.now());
    let is_written = |row: &Job| row.handed_over && row.resent_at == Some(now);
    let handed_over = match job
        .give_up(|lease| lease.hand_over(now), is_written)
        .await?
    {
        Ok(row) => row,
        Err(lost) => return Ok(lost.record_outcome()),
    };
    let id = handed_over.id;
    tracing::info!(job = %id, "handed over");
    job.pushes.finish(FINAL_PUSH_TIMEOUT).await;
    match engine.continuations.send(&handed_over).await {
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
