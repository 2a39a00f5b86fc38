//! `query`: submits a job. The row first, then `job_queued`, then the queue: in this order, so that
//! the worker's first event can't overtake it.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::event::Event;
use longhaul_shared::domain::ids::{JobId, Traceparent};
use longhaul_shared::domain::job::{Job, JobInput, SubmitOptions};
use longhaul_shared::domain::limits;
use longhaul_shared::protocol::dialect;
use longhaul_shared::protocol::{ErrorCode, ErrorResponse, Submission};
use longhaul_shared::store::jobs::Created;
use longhaul_shared::telemetry;
use uuid::Uuid;

use super::authenticate::check_claims;
use super::subscribe;
use crate::message::{ActionResult, AppContext, FrameContext};
use crate::quota;

/// A job that nobody knows of yet.
pub struct NewJob {
    /// With its input as the row holds it.
    pub job: Job,
    pub input: JobInput,
    /// Whether an earlier submit may have made it, under the same key.
    pub is_keyed: bool,
}

/// The job that a submission asks for, followed by its connection.
pub fn new_job(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    submission: Submission,
) -> Result<NewJob, ErrorResponse> {
    check_claims(speaker, &submission.claimed)?;
    if !door.kinds.contains(&submission.kind) {
        let sentence = format!(
            "There is no analysis of kind '{}'.",
            limits::prefix(&submission.kind, 64)
        );
        return Err(ErrorResponse::field("kind", sentence).with("kinds", door.kinds.clone()));
    }
    let input = JobInput::whole(submission.query, submission.params);
    let is_keyed = submission.idempotency_key.is_some();
    let id = match &submission.idempotency_key {
        Some(key) => JobId::idempotent(&speaker.owner, key),
        None => JobId::new(
            call.now,
            Uuid::new_v4()
                .as_bytes()
                .first_chunk()
                .expect("16 bytes have ten"),
        ),
    };
    let owner = speaker.owner.clone();
    let mut job = Job::submitted(
        id,
        owner,
        submission.kind,
        input.in_row(),
        call.now,
        SubmitOptions {
            deadline: submission.deadline,
            retention: door.retention,
        },
    );
    job.request_id.clone_from(&call.request_id);
    job.traceparent = telemetry::current().or(submission.traceparent);
    job.followers.insert(call.connection.clone());
    Ok(NewJob {
        job,
        input,
        is_keyed,
    })
}

pub async fn run(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    submission: Submission,
) -> ActionResult {
    let NewJob {
        mut job,
        input,
        is_keyed,
    } = new_job(door, call, speaker, submission)?;
    quota::admit_job(door, call, &job, is_keyed).await?;
    door.events.put_input(&job, &input).await?;
    if let Created::Exists(earlier) = door.jobs.create(&job).await? {
        return existing_job(door, call, speaker, &earlier, &job).await;
    }
    // From here on the job is durable: whatever fails now, the sweep does again.
    let trace = job.traceparent.as_ref().map(Traceparent::trace);
    tracing::info!(job = %job.id, kind = job.kind, trace, "submitted");
    job.input = input;
    door.push
        .send_all(dialect::outbound_frames(&job, &Event::queued(&job)))
        .await;
    if let Err(error) = door.dispatch.send(&job).await {
        tracing::warn!(job = %job.id, error = format!("{error:#}"), "a job waits for the sweep to queue it");
    }
    Ok(None)
}

/// The job of an earlier submit under the same key, followed; another's work under it is a conflict.
pub async fn existing_job(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    earlier: &Job,
    job: &Job,
) -> ActionResult {
    if (&earlier.owner, &earlier.kind, &earlier.input) != (&job.owner, &job.kind, &job.input) {
        let sentence = "The 'idempotencyKey' was used for different work.";
        return Err(ErrorResponse::new(ErrorCode::Conflict, sentence)
            .with("field", "idempotencyKey")
            .into());
    }
    subscribe::run(door, call, speaker, Ok(job.id), 0).await
}
