//! `listJobs`: the caller's own jobs, or by an admin those of another user of the tenant, newest first, a page
//! at a time.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::ids::Owner;
use longhaul_shared::domain::job::Job;
use longhaul_shared::protocol::{self, JobListRequest};

use super::admin;
use crate::message::{ActionResult, AppContext, FrameContext};

/// Pages that one frame may read in search of a rare status; the cursor leads on from there.
const PAGES: usize = 5;

pub async fn run(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    listing: JobListRequest,
) -> ActionResult {
    let owner = Owner {
        user: listing.user.unwrap_or_else(|| speaker.owner.user.clone()),
        tenant: speaker.owner.tenant.clone(),
    };
    if owner != speaker.owner {
        admin::check(call, speaker)?;
    }
    let (mut jobs, mut cursor) = (vec![], listing.cursor);
    for _ in 0..PAGES {
        let wanted = listing.limit - jobs.len() as u32;
        let page = door
            .jobs
            .page(&owner, wanted, cursor.as_ref(), call.now)
            .await?;
        jobs.extend(
            page.jobs
                .into_iter()
                .filter(|job| listing.status.is_none_or(|status| job.status == status)),
        );
        cursor = page.cursor;
        if cursor.is_none() || jobs.len() as u32 == listing.limit {
            break;
        }
    }
    let fitting = protocol::jobs_that_fit(&jobs);
    if fitting < jobs.len() {
        jobs.truncate(fitting);
        cursor = jobs.last().map(Job::cursor);
    }
    Ok(Some(protocol::jobs(
        &jobs,
        cursor.map(|cursor| cursor.to_string()).as_deref(),
        call.request_id.as_deref(),
        call.now,
    )))
}
