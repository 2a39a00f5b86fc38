//! `cancel`: ends a job of the caller's, or of an admin's tenant, wherever it stands; of an ended one it tells the state.
//!
//! The end is written here and not asked of the worker: a queued job never runs, and a running one's
//! worker finds itself superseded.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::job::{Job, OPERATOR, Status};
use longhaul_shared::protocol::{self, JobReference};
use longhaul_shared::store::jobs::CommitOutcome;

use super::{admin, get_job};
use crate::message::{ActionResult, AppContext, FrameContext};

pub async fn run(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    job: JobReference,
) -> ActionResult {
    let request_id = call.request_id.as_deref();
    let id = match job {
        Ok(id) => id,
        Err(unknown) => return Ok(Some(protocol::job(&unknown, None, request_id, call.now))),
    };
    let owner = admin::effective_owner(door, call, speaker, id).await?;
    let by = match owner == speaker.owner {
        true => owner.user.clone(),
        false => OPERATOR.to_owned(),
    };
    let cancel = Job::cancel_as(by, owner.clone(), call.now, door.retention);
    let mut job = match door.jobs.commit(id, &cancel).await? {
        CommitOutcome::Applied(job) => *job,
        // A cancel is sent again whose answer was lost; the second then meets the first.
        CommitOutcome::Refused(Some(job))
            if job.status == Status::Cancelled
                && job.owner == owner
                && job.finished_at == Some(call.now) =>
        {
            *job
        }
        CommitOutcome::Refused(row) => {
            return get_job::answer(door, call, speaker, id, row.map(|row| *row)).await;
        }
    };
    // Pushed and not returned, so that it comes before `job_cancelled`, which the caller hears as well.
    let taken = protocol::cancelling(&id.to_string(), request_id, call.now);
    door.push.post(&call.connection, &taken).await;
    job.followers.insert(call.connection.clone());
    if let Err(error) = door.announcer.notify(job, call.now).await {
        tracing::warn!(job = %id, error = format!("{error:#}"), "a cancel waits for the sweep to be announced");
    }
    Ok(None)
}
