//! `unsubscribe`: stops following a job. Answers the same whether or not there was anything to stop.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::job::Job;
use longhaul_shared::store::jobs::Commit;
use longhaul_shared::protocol::{JobReference, unsubscribed};

use super::admin;
use crate::message::{Answer, Call, Door};

pub async fn run(door: &Door, call: &Call, speaker: &Identity, job: JobReference) -> Answer {
    let named = match job {
        Ok(id) => {
            let owner = admin::acting_for(door, call, speaker, id).await?;
            let unfollow = Job::unfollow(owner, call.connection.clone());
            if let Commit::Refused(Some(job)) = door.jobs.commit(id, &unfollow).await? {
                call.note_if_foreign(speaker, &job.owner);
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
