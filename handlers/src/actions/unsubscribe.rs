//! `unsubscribe`: stops following a job. Answers the same whether or not there was anything to stop.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::job::Job;
use longhaul_shared::protocol::{JobReference, unsubscribed};
use longhaul_shared::store::jobs::CommitOutcome;

use super::admin;
use crate::message::{ActionResult, AppContext, FrameContext};

pub async fn run(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    job: JobReference,
) -> ActionResult {
    let named = match job {
        Ok(id) => {
            let owner = admin::effective_owner(door, call, speaker, id).await?;
            let unfollow = Job::unfollow(owner, call.connection.clone());
            if let CommitOutcome::Refused(Some(job)) = door.jobs.commit(id, &unfollow).await? {
                call.log_if_foreign(speaker, &job.owner);
            }
            id.to_string()
        }
        Err(unknown) => unknown,
    };
    Ok(Some(unsubscribed(
        &named,
        call.request_id.as_deref(),
        call.now,
    )))
}
