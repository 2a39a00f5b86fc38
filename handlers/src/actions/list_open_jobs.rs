//! `listOpenJobs`: the open jobs of an admin's tenant, oldest first. The index of open jobs is of all tenants, so
//! this is a bounded look: so many of each of its shards, and whether there are more.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::job::{Job, Status};
use longhaul_shared::protocol::open_jobs;

use super::admin::can_administer;
use crate::message::{ActionResult, AppContext, FrameContext};

/// Pages of a hundred rows that one frame reads of each shard at most.
const PAGES: usize = 2;

pub async fn run(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    status: Option<Status>,
    limit: u32,
) -> ActionResult {
    let wanted = |job: &Job| {
        can_administer(speaker, &job.owner)
            && status.is_none_or(|status| job.status == status)
            && job.expires_at > call.now
    };
    let jobs = &door.jobs;
    let found = jobs
        .oldest_open(wanted, limit as usize, PAGES, call.now)
        .await?;
    let request_id = call.request_id.as_deref();
    Ok(Some(open_jobs(&found, request_id, call.now)))
}
