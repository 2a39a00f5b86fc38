//! `getJob`: one job of the caller's, or of an admin's tenant, with its result. Another's is as unknown as none.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::ids::JobId;
use longhaul_shared::domain::job::Job;
use longhaul_shared::protocol::{self, JobReference};

use super::admin::can_administer;
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
    let row = door.jobs.get(id).await?;
    answer(door, call, speaker, id, row).await
}

/// Tells of the job if it is the caller's to see.
pub async fn answer(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    id: JobId,
    row: Option<Job>,
) -> ActionResult {
    let own = row
        .inspect(|job| call.log_if_foreign(speaker, &job.owner))
        .filter(|job| job.owner == speaker.owner || can_administer(speaker, &job.owner))
        .filter(|job| job.expires_at > call.now);
    let job = match own {
        Some(job) => Some(door.events.with_result(job).await?),
        None => None,
    };
    Ok(Some(protocol::job(
        &id.to_string(),
        job.as_ref(),
        call.request_id.as_deref(),
        call.now,
    )))
}
