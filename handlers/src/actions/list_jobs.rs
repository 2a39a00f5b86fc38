//! `listJobs`: the caller's own jobs, newest first, a page at a time.

use longhaul_shared::auth::Identity;
use longhaul_shared::job::Job;
use longhaul_shared::protocol::{self, Listing};

use crate::message::{Answer, Call, Door};

/// Pages that one frame may read in search of a rare status; the cursor leads on from there.
const PAGES: usize = 5;

pub async fn run(door: &Door, call: &Call, speaker: &Identity, listing: Listing) -> Answer {
    let (mut jobs, mut cursor) = (vec![], listing.cursor);
    for _ in 0..PAGES {
        let wanted = listing.limit - jobs.len() as u32;
        let page = door
            .jobs
            .page(&speaker.owner, wanted, cursor.as_ref(), call.now)
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
