//! The one path on which jobs are submitted, alone or as a turn of a session.
//!
//! The job's row is written first, then `job_queued` is pushed, then the job is queued, so that the worker's
//! first event can't overtake `job_queued`. Once the row is written, the sweep repeats whatever fails.

mod new_job;
mod turn;

use anyhow::Result;
use longhaul_shared::domain::event::Event;
use longhaul_shared::domain::ids::{JobId, Traceparent};
use longhaul_shared::domain::job::{Job, JobInput};
use longhaul_shared::orchestration::job_end_notifier::PushedEnd;
use longhaul_shared::protocol::{ErrorCode, ErrorResponse, dialect, event_frame_with};
use longhaul_shared::store::jobs::Created;
pub use new_job::{NewJob, Submission};
pub use turn::TurnRequest;

use crate::app_context::AppContext;
use crate::frame::{ActionError, FrameContext};
use crate::{quota, session_lookup};

/// What became of a submit.
pub enum Submitted {
    New,
    /// An earlier submit of the same work, under the same idempotency key, created this job.
    Existing(JobId),
}

/// Creates the job, as a turn of a session where one is requested, and queues it.
pub async fn submit(
    app: &AppContext,
    frame: &FrameContext,
    new_job: NewJob,
    turn: Option<TurnRequest>,
) -> Result<Submitted, ActionError> {
    let NewJob {
        mut job,
        input,
        is_keyed,
    } = new_job;
    if let Some(turn) = turn.as_ref().filter(|_| is_keyed) {
        if let Some(earlier) = existing_job(app, frame, job.id).await? {
            return Ok(Submitted::Existing(check_same_work(&earlier, &job)?));
        }
        // Its place can't be given back later: another submit under the same key may hold it.
        turn::check_session(app, frame, &job, turn).await?;
    }
    quota::admit_job(app, frame, &job, is_keyed && turn.is_none()).await?;
    app.stores.event_log.put_input(&job, &input).await?;
    let created = create(app, frame, &mut job, &input, turn.as_ref(), is_keyed).await;
    if let Err(ActionError::Rejected(_)) = &created
        && !is_keyed
    {
        app.stores.quota.release(&job.owner, job.id).await?;
    }
    if let Some(earlier) = created? {
        return Ok(Submitted::Existing(check_same_work(&earlier, &job)?));
    }
    let trace = job.traceparent.as_ref().map(Traceparent::trace);
    tracing::info!(job = %job.id, kind = job.kind, trace, "submitted");
    job.input = input;
    // Before `job_queued`, so that the client does not mix up the turns' events.
    let cancelled = match turn.is_some_and(|turn| turn.supersede) {
        true => turn::cancel_earlier(app, frame, &job).await,
        false => Ok(vec![]),
    };
    let mut queued = dialect::outbound_frames(&job, &Event::queued(&job));
    if !frame.warnings.is_empty() {
        let warned = event_frame_with(&Event::queued(&job), &frame.warnings);
        for frames in queued
            .iter_mut()
            .filter(|frames| frames.to == frame.connection)
        {
            frames.frames = vec![warned.as_str().into()];
        }
    }
    app.pusher.send_all(queued).await;
    if let Err(error) = enqueue(app, frame, &job, cancelled).await {
        tracing::warn!(job = %job.id, error = format!("{error:#}"), "queueing a job failed; the sweep will repeat it");
    }
    Ok(Submitted::New)
}

/// Writes the job's row. Returns the job that an earlier submit under the same key wrote, if there is one.
async fn create(
    app: &AppContext,
    frame: &FrameContext,
    job: &mut Job,
    input: &JobInput,
    turn: Option<&TurnRequest>,
    is_keyed: bool,
) -> Result<Option<Job>, ActionError> {
    let Some(turn) = turn else {
        return match app.stores.jobs.create(job).await? {
            Created::New => Ok(None),
            Created::Exists(earlier) => Ok(Some(*earlier)),
        };
    };
    let is_new = turn::accept(app, frame, job, turn, &input.query).await?;
    // Without a key, an existing job can only come from this very frame, whose write was repeated because its
    // response was lost.
    if is_new || !is_keyed {
        return Ok(None);
    }
    let earlier = existing_job(app, frame, job.id).await?;
    earlier
        .map(Some)
        .ok_or_else(|| session_lookup::unknown_session().into())
}

/// The job of this id, unless it has expired.
async fn existing_job(app: &AppContext, frame: &FrameContext, id: JobId) -> Result<Option<Job>> {
    let row = app.stores.jobs.get(id).await?;
    Ok(row.filter(|row| row.expires_at > frame.now))
}

/// The id of the earlier job under the same key, if it does the same work for the same owner.
fn check_same_work(earlier: &Job, job: &Job) -> Result<JobId, ErrorResponse> {
    if (&earlier.owner, &earlier.kind, &earlier.input) == (&job.owner, &job.kind, &job.input) {
        return Ok(job.id);
    }
    let message = "The 'idempotencyKey' was used for different work.";
    Err(ErrorResponse::new(ErrorCode::Conflict, message).with("field", "idempotencyKey"))
}

/// Does what the ends of superseded turns require, then sends the job to the queue, or lets it wait for
/// earlier turns.
async fn enqueue(
    app: &AppContext,
    frame: &FrameContext,
    job: &Job,
    cancelled: Result<Vec<PushedEnd>>,
) -> Result<()> {
    for ended in cancelled? {
        app.job_end_notifier.close(ended, frame.now).await?;
    }
    match job.waits_for_turn() {
        true => app.job_end_notifier.turns.release_turn(job).await,
        false => app.queues.jobs.send(job).await,
    }
}
